"""`weighbridge load`: a server that runs, from the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_line import Result
from tests.load_server import load_server
from weighbridge.components.evaluator.latency.under_load.remote import load
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.evidence.served import ServedReport
from weighbridge.evidence.sizing import Sizing
from weighbridge.load.scraped import scraped_usage

Command = Callable[..., Result]
ROWS = [{"trip_miles": 1.5, "payment_type": "Cash"}, {"trip_miles": 2.5}]
# As short as may be, on a machine that other tests keep busy.
QUICK = ("--rate", "60", "--seconds", "10", "--max-lag", "1", "--max-errors", "0.05")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with load_server(service_ms=1) as found:
        yield found


@pytest.mark.slow
def test_a_server_that_keeps_its_limits_passes_and_is_sized(
    weighbridge: Command, url: str, rows: Path, tmp_path: Path
) -> None:
    done = weighbridge("load", url, "--name", "taxi", "--rows", rows, *QUICK, "--json", "-o", tmp_path / "kept")
    told = json.loads(done.out)
    assert (done.code, told["passed"]) == (0, True), told["gates"]
    assert told["served"] == json.loads((tmp_path / "kept/served.json").read_text())
    found = ServedReport.require(tmp_path / "kept")
    assert found.server == url
    assert found.candidate.requests == pytest.approx(480, rel=0.25)
    assert found.candidate.memory_bytes == 15_000_000  # as the server itself tells
    assert Sizing.require(tmp_path / "kept").replicas == 2


def quick(rate: float = 200, **keys: object) -> ServedGates:
    made = ServedGates.model_validate({"rate_rps": rate, "max_lag": 1, "error_rate": {"max": 0.1}, **keys})
    return made.model_copy(update={"load_s": 1.0})


def test_two_servers_are_loaded_in_turn_and_compared(url: str) -> None:
    with load_server(service_ms=4) as slow:
        found = load(f"{slow}/v1", ROWS, quick(p50_ms={"max_ratio": 1.2}), baseline=f"{url}/v1")
    [gate] = [gate for gate in found.gates if gate.name.startswith("latency.served.p50_ms")]
    assert gate.status == "refused"
    assert found.report.production is not None
    assert found.report.ratio is not None


def test_one_row_a_request_or_several(url: str) -> None:
    found = load(url, ROWS, quick(rows=2), name="taxi")
    assert (found.report.rows, found.report.production) == (2, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["http://127.0.0.1:9", "--rate", "0"], "--rate: Input should be greater than 0"),
        (
            ["http://127.0.0.1:9", "--rate", "9", "--seconds", "1"],
            "--seconds: Input should be greater than or equal to 10",
        ),
        (["http://127.0.0.1:9", "--rate", "9", "--protocol", "grpc"], "--protocol: Input should be 'v1' or 'v2'"),
        (["http://127.0.0.1:9", "--rate", "9"], "names no path that predicts"),
        (["127.0.0.1:9/v1", "--rate", "9"], "is no address of a server"),
        (["http://127.0.0.1:9/v1", "--rate", "9", "--header", "token"], "--header must be NAME: VALUE"),
    ],
)
def test_what_cannot_be_is_a_usage_error(weighbridge: Command, rows: Path, arguments: list[str], told: str) -> None:
    done = weighbridge("load", *arguments, "--rows", rows)
    assert done.code == 2
    assert told in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("", "There are no rows"),
        ("{\n", "line 1 is no JSON"),
        ("{}\n[1]\n", "line 2 is list"),
    ],
)
def test_rows_that_are_none_are_told(weighbridge: Command, tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "given.jsonl"
    if text is not None:
        path.write_text(text)
    done = weighbridge("load", "http://127.0.0.1:9/v1", "--rate", "9", "--rows", path)
    assert (done.code, told in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max-errors", "2"), "--max-errors 2 is no share of the requests"),
        (("--cost-per-hour", "2"), "--cost-per-hour says something with --ramp alone"),
    ],
)
def test_options_that_would_say_nothing_are_refused(
    weighbridge: Command, rows: Path, options: tuple[str, ...], told: str
) -> None:
    done = weighbridge("load", "http://127.0.0.1:9/v1", "--rate", "9", "--rows", rows, *options)
    assert (done.code, told in done.err) == (2, True), done.err


def test_a_server_that_is_not_there_is_safe_to_retry(weighbridge: Command, rows: Path) -> None:
    done = weighbridge("load", "http://127.0.0.1:9/v1", "--rate", "9", "--rows", rows)
    assert done.code == 3
    assert "does not answer" in done.err


def test_a_server_that_refuses_the_rows_is_asked_no_more(weighbridge: Command, rows: Path) -> None:
    with load_server(every=1, fault="error") as refusing:
        done = weighbridge("load", f"{refusing}/v1", "--rate", "9", "--rows", rows)
    assert done.code == 2
    assert "refuses the first row: 503" in " ".join(done.err.split())


def test_what_a_server_uses_is_what_it_tells_prometheus(url: str) -> None:
    found = scraped_usage(f"{url}/v1/models/taxi:predict")
    assert found is not None
    assert found.memory_bytes == 15_000_000
    assert found.cpu_s > 0
    assert scraped_usage("http://127.0.0.1:9") is None
