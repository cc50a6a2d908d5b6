"""In the place of `weighbridge`: no pipeline, no model. It says what a test wrote down, and locks what that locks.

Called as a program, by the standard library alone. In a folder a test leaves answers (`plan.json`, `pending.json`,
`runs.json`, `changes.json`) and files `hold WORDS`: a command with these words takes as long as the file is there. With
a file `refuse` runs end in 1.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

NOTHING = {
    "pipeline": "taxi",
    "base": {"kind": "run"},
    "changed": [],
    "nothing": True,
    "trains": False,
    "steps": [{"name": "ExampleGen"}, {"name": "DataValidator"}],
}
PLAN = NOTHING | {"nothing": False, "trains": True, "changed": [{"what": "data"}]}
FIXED = {"outcome": {"passed": True}, "approvals": ["production"]}
DEFAULTS = {"changes": {"code": False, "tests": None}, "plan": PLAN | FIXED, "pending": [], "runs": []}


def main(arguments: list[str], control: Path) -> int:
    """Do what a command would do to the work directory, and nothing else."""
    if arguments[0] == "plan" or arguments[:2] == ["ci", "changes"] or arguments[0] == "runs":
        return _answer(arguments, control)
    if arguments[0] == "verify":
        return 1 if (control / "refuse models").exists() else 0
    if arguments[0] == "ci":
        if arguments[1] == "comment":
            return 1 if (control / "refuse comments").exists() else 0
        sys.stdout.write("" if arguments[1] == "summary" else json.dumps(read(control, "pending")))
        return 0
    folder = Path(os.environ["WEIGHBRIDGE_WORKDIR"], arguments[-1], "rehearsal" if "--sample" in arguments else "")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 3
        _hold(arguments, control)
        return 1 if (control / "refuse").exists() else _deliver(arguments, control)


def _hold(arguments: list[str], control: Path) -> None:
    while any(hold.name.removeprefix("hold ") in " ".join(arguments) for hold in control.glob("hold *")):
        time.sleep(0.05)


def _answer(arguments: list[str], control: Path) -> int:
    _hold(arguments, control)
    base = next((word.removeprefix("--base=") for word in arguments if word.startswith("--base=")), "HEAD")
    if subprocess.run(["git", "rev-parse", "--verify", "--quiet", base], stdout=subprocess.DEVNULL).returncode:
        return 2
    sys.stdout.write(json.dumps(read(control, arguments[1] if arguments[0] == "ci" else arguments[0])))
    return 0


def _deliver(arguments: list[str], control: Path) -> int:
    if "--deliver-to" in arguments and "--to" not in arguments:
        write(control, "pending", ["canary", "production"])
    elif "promote" in arguments and arguments[arguments.index("--to") + 1] == "canary":
        write(control, "pending", ["production"])
        promoted = {"pipeline": "taxi", "delivered_to": "canary", "run_id": f"r{len(read(control, 'runs'))}"}
        write(control, "runs", [*read(control, "runs"), promoted])
    elif "promote" in arguments:
        write(control, "pending", [])
    return 0


def read(control: Path, name: str):  # type: ignore[no-untyped-def]
    """What a test, or a command before, left as the answer."""
    path = control / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else DEFAULTS[name]


def write(control: Path, name: str, content: object) -> None:
    """Leave an answer."""
    staged = control / f"{name}.part"
    staged.write_text(json.dumps(content))
    staged.rename(control / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], Path(sys.argv[1])))
