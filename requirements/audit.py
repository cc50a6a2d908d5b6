"""Compare the lock files with the advisories of PyPI, or of OSV where only that answers.

    python requirements/audit.py            audit: needs one of the two services
    python requirements/audit.py --check    look at requirements/advisories.yaml alone, offline
    python requirements/audit.py --write    write the list into docs/pins.md

Exit codes: 0 audited, nothing new is known; 1 something is, or the list of what is accepted has to be reviewed; 2 the
list is malformed; 3 no service answered with advisories, or pip-audit could not be run: nothing was audited.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from weighbridge.common import files
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.pinned import normalized, pins
from weighbridge.common.yaml_file import read_yaml

HERE = Path(__file__).resolve().parent
ADVISORIES = HERE / "advisories.yaml"
PAGE = HERE.parent / "docs/pins.md"
BEGIN, END = "<!-- written by requirements/audit.py --write -->", "<!-- end of what it writes -->"

PIP_AUDIT = "pip-audit==2.10.1"
REVIEW_AGAIN = timedelta(days=180)

# A version with an advisory that will not be withdrawn. A service that knows nothing against it knows no advisories: a
# mirror of PyPI answers, too, and pip-audit takes its silence for good news.
CANARY = ("pyyaml", "5.3", "CVE-2020-14343")
PYPI = "https://pypi.org/pypi/{}/{}/json"
OSV = "https://api.osv.dev/v1/query"
TIMEOUT_S = 10


class Accepted(BaseModel):
    """An advisory that cannot be mended, and why it is not reached.

    Attributes:
        id: of the advisory.
        aliases: other ids of the same.
        package: normalized name.
        version: that is pinned.
        what: goes wrong, in a few words.
        held_by: what holds the version back.
        why_not_reached: from here.
        reviewed: when a person last looked.
        again: when one must have looked again, at the latest.
        link: to the advisory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    aliases: tuple[str, ...] = ()
    package: str
    version: str
    what: str
    held_by: str
    why_not_reached: str
    reviewed: date
    again: date
    link: str

    @property
    def ids(self) -> tuple[str, ...]:
        """All its ids."""
        return (self.id, *self.aliases)


def accepted(path: Path = ADVISORIES) -> list[Accepted]:
    """What the list accepts.

    Raises:
        UsageError: the list is malformed.
    """
    document = read_yaml(path)
    try:
        return TypeAdapter(list[Accepted]).validate_python(document.content or [])
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{document.place(first['loc'])}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error


def locks() -> list[Path]:
    """The lock files."""
    return sorted(HERE.glob("*.lock"))


def pinned(paths: Iterable[Path]) -> dict[str, set[str]]:
    """The versions that the locks pin, by normalized name."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for name, version in pins(path.read_text(encoding="utf-8")).items():
            found.setdefault(name, set()).add(version)
    return found


def problems(listed: Iterable[Accepted], pinned_now: Mapping[str, set[str]], today: date) -> list[str]:
    """What is wrong with the list: reviews that are too old, entries for what is not pinned, the same twice."""
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for each in listed:
        name = f"{each.id} ({each.package} {each.version})"
        versions = pinned_now.get(normalized(each.package), set())
        if not versions:
            found.append(f"{name}: no lock pins {each.package}. Remove the entry.")
        elif each.version not in versions:
            now = " and ".join(sorted(versions))
            found.append(f"{name}: {now} is pinned now. Remove the entry, or review it for that version.")
        if each.reviewed > today:
            found.append(f"{name}: reviewed on {each.reviewed}, which is yet to come.")
        elif today - each.reviewed > REVIEW_AGAIN:
            days = (today - each.reviewed).days
            found.append(
                f"{name}: reviewed {days} days ago, {REVIEW_AGAIN.days} are allowed. Look again, set `reviewed`."
            )
        elif today > each.again:
            found.append(f"{name}: was to be reviewed again by {each.again}. Look again, set `reviewed` and `again`.")
        for alias in each.ids:
            if (alias, each.package) in seen:
                found.append(f"{name}: {alias} is listed twice.")
            seen.add((alias, each.package))
    return found


def service() -> str:
    """The service to ask, by pip-audit's name for it.

    Raises:
        InfrastructureError: none answers with advisories.
    """
    told = []
    for name, ask in (("pypi", _ask_pypi), ("osv", _ask_osv)):
        try:
            known = ask()
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            told.append(f"{name}: {_short(error)}")
            continue
        if CANARY[2] in known:
            return name
        told.append(f"{name}: answers, but knows no advisory against {CANARY[0]} {CANARY[1]}, which has {CANARY[2]}")
    raise InfrastructureError("no advisories can be had from here: " + "; ".join(told))


def _ask_pypi() -> set[str]:
    answer = requests.get(PYPI.format(*CANARY[:2]), timeout=TIMEOUT_S)
    answer.raise_for_status()
    return _ids(answer.json().get("vulnerabilities") or [])


def _ask_osv() -> set[str]:
    question: Any = {"package": {"name": CANARY[0], "ecosystem": "PyPI"}, "version": CANARY[1]}
    answer = requests.post(OSV, json=question, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return _ids(answer.json().get("vulns") or [])


def _ids(found: list[dict[str, Any]]) -> set[str]:
    return {each["id"] for each in found} | {alias for each in found for alias in each.get("aliases") or []}


def _short(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} from {response.url}"
    reason: Any = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    return " ".join(str(reason).split())[:200]


def command(listed: Iterable[Accepted], name: str, output: Path) -> list[str]:
    """The call of pip-audit."""
    uv = next(iter(sorted(map(str, (HERE.parent / ".tools").glob("uv-*/bin/uv")), reverse=True)), "") or shutil.which(
        "uv"
    )
    if not uv:
        raise UsageError("There is no uv", "Run `make setup`.")
    arguments = ["--vulnerability-service", name, "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    arguments += ["--format", "json", "--output", str(output)]
    arguments += [part for lock in locks() for part in ("--requirement", str(lock))]
    arguments += [part for each in listed for alias in each.ids for part in ("--ignore-vuln", alias)]
    return [uv, "tool", "run", "--system-certs", PIP_AUDIT, *arguments]


def audit(listed: list[Accepted]) -> list[str]:
    """What is known against the locks beyond what is accepted.

    Raises:
        InfrastructureError: not everything could be audited.
    """
    name = service()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "audit.json")
        done = subprocess.run(command(listed, name, output), capture_output=True, text=True, check=False)
        if not output.exists():
            raise InfrastructureError(f"pip-audit ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
        report = json.loads(output.read_text(encoding="utf-8"))
    found, skipped = read_report(report)
    looked_at = {normalized(each["name"]) for each in report["dependencies"]}
    skipped += [f"{each}: is not in the report" for each in sorted(set(pinned(locks())) - looked_at)]
    if skipped and not found:
        raise InfrastructureError(f"{len(skipped)} packages were not audited by {name}: {'; '.join(skipped[:3])}")
    return found


def read_report(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What pip-audit found, and what it did not look at, one line each."""
    found, skipped = [], []
    for each in report["dependencies"]:
        if "skip_reason" in each:
            skipped.append(f"{each['name']}: {each['skip_reason']}")
        for vuln in each.get("vulns", []):
            mended = ", ".join(vuln.get("fix_versions") or []) or "no version yet"
            ids = ", ".join([vuln["id"], *vuln.get("aliases", [])])
            found.append(f"{each['name']} {each['version']}: {ids}, mended in {mended}")
    return found, skipped


def table(listed: Iterable[Accepted]) -> str:
    """The list as docs/pins.md shows it."""
    lines = [
        "| pin | held by | known against it | why it is not reached | reviewed |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in sorted(listed, key=lambda each: (each.package, each.id)):
        known = f"[{next((name for name in each.ids if name.startswith('CVE-')), each.id)}]({each.link}): {each.what}"
        cells = (
            f"{each.package} {each.version}",
            each.held_by,
            known,
            each.why_not_reached,
            f"{each.reviewed}, again by {each.again}",
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def with_table(page: str, listed: Iterable[Accepted]) -> str:
    """The page with the list in its place."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise UsageError(f"{PAGE} has no place for the list", f"It stands between {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{table(listed)}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Do what the arguments say, and return the exit code."""
    parser = argparse.ArgumentParser(description="Compare the lock files with known advisories.")
    parser.add_argument("--check", action="store_true", help="look at the list of what is accepted alone, offline")
    parser.add_argument("--write", action="store_true", help="write the list into docs/pins.md")
    options = parser.parse_args(arguments)
    try:
        listed = accepted()
        if options.write:
            files.write_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), listed))
            return 0
        wrong = problems(listed, pinned(locks()), date.today())
        for each in wrong:
            _say(f"audit: {ADVISORIES.name}: {each}")
        if options.check:
            return 1 if wrong else 0
        found = audit(listed)
    except InfrastructureError as error:
        _say(f"audit: NOT AUDITED, which is no pass: {error}")
        return 1 if wrong else 3
    except (WeighbridgeError, OSError) as error:
        _say(f"audit: {error}")
        return 2
    for each in found:
        _say(f"audit: {each}")
    if found:
        _say("audit: raise the pin (`make lock`). What cannot be mended is reviewed, and listed in advisories.yaml")
    if found or wrong:
        return 1
    _say(f"audit: {sum(map(len, pinned(locks()).values()))} pins audited, {len(listed)} advisories accepted, none new")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
