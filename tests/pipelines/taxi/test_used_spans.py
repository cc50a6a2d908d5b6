"""A span that changed after a run used it, as a user of taxi meets it: with files, and with pointers of DVC."""

import json
import random
from pathlib import Path

import pytest

from tests.components.example_gen.dvc_files import cached, pointer, repository

pytestmark = pytest.mark.slow


@pytest.fixture
def days(taxi_csv: Path) -> list[bytes]:
    """The trips of two spans; the first is large enough to be let through alone."""
    header, *rows = taxi_csv.read_bytes().splitlines(keepends=True)
    random.Random(1).shuffle(rows)
    return [header + b"".join(rows[:8200]), header + b"".join(rows[7000:])]


def unchanged(done) -> dict[str, str]:
    """Status of the gates on used spans, by name."""
    gates = json.loads(done.out)["verdict"]["gates"]
    return {gate["name"]: gate["status"] for gate in gates if gate["name"].startswith("data.span")}


@pytest.mark.parametrize("with_dvc", [False, True], ids=["files", "dvc"])
def test_the_next_run_says_so(weighbridge, tmp_path: Path, days: list[bytes], with_dvc: bool) -> None:
    folder = repository(tmp_path / "data")

    def write(span: int, rows: bytes) -> None:
        if with_dvc:
            pointer(folder / f"day-{span}.csv", cached(folder / ".dvc/cache", rows))
        else:
            (folder / f"day-{span}.csv").write_bytes(rows)

    def run(span: int, window: int):
        data = f"{folder}/day-{{SPAN}}.csv{'.dvc' if with_dvc else ''}"
        options = ("--data", data, "--set", f"span={span}", "--set", f"window={window}", "--to", "DataValidator")
        return weighbridge("run", "taxi", *options, "--json")

    write(1, days[0])
    write(2, days[1])
    assert unchanged(run(1, 1)) == {"data.spans.unchanged": "not_compared"}
    assert unchanged(run(2, 2)) == {"data.spans.unchanged": "passed"}
    write(1, days[0].rpartition(b"\n")[0].rpartition(b"\n")[0] + b"\n")  # without its last trip
    done = run(2, 2)
    assert (done.code, unchanged(done)) == (0, {"data.span_1.unchanged": "refused"})
    [gate] = [each for each in json.loads(done.out)["verdict"]["gates"] if each["name"] == "data.span_1.unchanged"]
    assert gate["severity"] == "warning"
    assert f"{folder}/day-1.csv was sha256:" in gate["message"]
    assert run(2, 2).code == 0
