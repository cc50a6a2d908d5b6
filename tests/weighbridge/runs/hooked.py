"""An installed distribution whose entry points are run-end hooks, made in a temporary folder on `sys.path`."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

_SOURCE = '''
import json
import sys
from pathlib import Path

from weighbridge.common import progress


def note(end):
    """Append what a hook is given to `seen.json` beside this file."""
    path = Path(__file__).with_name("seen.json")
    seen = json.loads(path.read_text()) if path.exists() else []
    files = sorted(child.name for child in end.folder.iterdir()) if end.folder else None
    seen.append(
        {
            "pipeline": end.record.pipeline,
            "run_id": end.record.run_id,
            "kind": end.record.kind,
            "state": end.record.state,
            "steps": [step.name for step in end.record.steps],
            "error": end.record.error,
            "passed": end.verdict.passed if end.verdict else None,
            "exit_code": int(end.exit_code),
            "files": files,
            "url": end.url,
        }
    )
    path.write_text(json.dumps(seen))
    print("noise of a hook")


def fail(end):
    raise ConnectionError("nobody answers\\nand this is the second line")


def leave(end):
    sys.exit(0)


def interrupt(end):
    raise KeyboardInterrupt


def cheat(end):
    """Try whatever could make a pass of a refusal."""
    verdict = end.verdict
    gates = tuple(gate.model_copy(update={"passed": True, "status": "passed"}) for gate in verdict.gates)
    object.__setattr__(verdict, "gates", gates)
    object.__setattr__(verdict, "passed", True)
    object.__setattr__(end, "exit_code", 0)
    end.record.state, end.record.exit_code = "passed", 0
    (end.folder / "verdict.json").write_text(verdict.model_dump_json())
    (end.folder / "run.json").unlink()
    (end.folder / "junit.xml").write_text("<testsuites/>")


def slow(end):
    progress.report("1 of 2 sent")
    progress.report("2 of 2 sent")
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **hooks: str) -> None:
    """Put a distribution on `sys.path` with an entry point for each hook: its name, and the function in `_SOURCE`."""
    folder.mkdir()
    (folder / "hooked_package.py").write_text(_SOURCE)
    information = folder / "hooked_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hooked-package\nVersion: 1.0\n")
    lines = [f"{name} = hooked_package:{function}" for name, function in hooks.items()]
    (information / "entry_points.txt").write_text("\n".join(["[weighbridge.run_end]", *lines, ""]))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "hooked_package", raising=False)


def seen(folder: Path) -> list[dict[str, Any]]:
    """What the hook `note` was given, one entry per call."""
    path = folder / "seen.json"
    return json.loads(path.read_text()) if path.exists() else []
