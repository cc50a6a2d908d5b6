"""`weighbridge load`: open-loop load on a model server that runs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import JsonOption
from weighbridge.cli.output import print_json

if TYPE_CHECKING:
    from weighbridge.components.evaluator.latency.under_load.remote import RemoteLoad
    from weighbridge.components.evaluator.served_gates import ServedGates


def load(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Of the server, with the path that predicts; or without, and --name.")
    ],
    rows: Annotated[str, typer.Option("--rows", metavar="FILE", help="Rows to ask about, one JSON object a line.")],
    rate: Annotated[float, typer.Option("--rate", metavar="N", help="Requests in a second, at random (Poisson).")],
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="Load on each server, at least 10.")] = 60.0,
    name: Annotated[str, typer.Option("--name", metavar="MODEL", help="The model's name at the server.")] = "",
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="V", help="v1 (TensorFlow Serving's, too) or v2.")
    ] = "v1",
    request_rows: Annotated[int, typer.Option("--request-rows", metavar="N", help="Rows in a request.")] = 1,
    connections: Annotated[int, typer.Option("--connections", metavar="N", help="At once, at most.")] = 64,
    timeout_ms: Annotated[float, typer.Option("--timeout-ms", metavar="MS", help="Then a request failed.")] = 10_000.0,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="URL", help="A server to compare with, loaded in turn.")
    ] = "",
    p99_ms: Annotated[
        float | None, typer.Option("--p99-ms", metavar="MS", help="Longest 99th percentile that passes.")
    ] = None,
    max_errors: Annotated[
        float, typer.Option("--max-errors", metavar="SHARE", help="Largest share of failures that passes.")
    ] = 0.01,
    ramp: Annotated[
        bool, typer.Option("--ramp", help="Seek the highest rate within --p99-ms and --max-errors.")
    ] = False,
    cost_per_hour: Annotated[
        float | None, typer.Option("--cost-per-hour", metavar="PRICE", help="Of the server's machine; with --ramp.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME: VALUE", help="Sent with each request; repeatable.")
    ] = None,
    max_lag: Annotated[
        float, typer.Option("--max-lag", metavar="SHARE", help="How late the generator itself may be, of the p99.")
    ] = 0.25,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FOLDER", help="Leave served.json and sizing.json there.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Load the server at URL as users do, and say what its answers take, with which certainty.

    Requests go when they were planned to, whatever became of those before, and times count from the plan: a server that
    stalls shows it (no coordinated omission). What fails counts as a request that took as long as `--timeout-ms`.
    The exit code is 1 where the 99th percentile is not proven to be within `--p99-ms`, or failures within
    `--max-errors`, or where the generator itself was too late to measure.
    """
    from weighbridge.cli.display import console
    from weighbridge.common import progress
    from weighbridge.components.evaluator.latency.under_load.remote import load as load_server

    _check_options(ramp=ramp, max_errors=max_errors, cost_per_hour=cost_per_hour)
    gates = _gates(
        rate_rps=rate,
        load_s=seconds,
        protocol=protocol,
        rows=request_rows,
        connections=connections,
        timeout_ms=timeout_ms,
        p99_ms=None if p99_ms is None else {"max": p99_ms},
        error_rate={"max": max_errors},
        ramp={} if ramp else None,
        cost_per_hour=cost_per_hour,
        max_lag=max_lag,
    )
    out = console()
    out.quiet = as_json
    with out.status("loading the server") as status, progress.listening(status.update):
        found = load_server(
            url, _rows(rows), gates, name=name, baseline=baseline, headers=dict(map(_header, header or []))
        )
    if output:
        _keep(found, output)
    passed = not any(gate.refuses for gate in found.gates)
    if as_json:
        print_json(_document(found, passed=passed))
    else:
        _print(found)
    raise typer.Exit(0 if passed else 1)


def _check_options(*, ramp: bool, max_errors: float, cost_per_hour: float | None) -> None:
    """Refuse what would say nothing, or let anything through."""
    from weighbridge.common.errors import UsageError

    if not 0 <= max_errors <= 1:
        raise UsageError(f"--max-errors {max_errors:g} is no share of the requests", "Give 0 to 1: 0.02 for 2 %.")
    if cost_per_hour is not None and not ramp:
        raise UsageError(
            "--cost-per-hour says something with --ramp alone: the highest rate tells what a million predictions cost",
            "Add --ramp, or leave it out.",
        )


def _gates(**given: Any) -> "ServedGates":
    from pydantic import ValidationError

    from weighbridge.common.errors import UsageError
    from weighbridge.components.evaluator.served_gates import ServedGates
    from weighbridge.evidence.base import problem

    options = {"rate_rps": "--rate", "load_s": "--seconds", "rows": "--request-rows", "error_rate": "--max-errors"}
    try:
        return ServedGates.model_validate(given)
    except ValidationError as error:
        told = problem(error)
        key, _, what = told.partition(":")
        first = key.partition(".")[0]
        raise UsageError(f"{options.get(first, '--' + first.replace('_', '-'))}:{what}" if what else told) from error


def _rows(path: str) -> list[dict[str, Any]]:
    import json
    from pathlib import Path

    from weighbridge.common.errors import UsageError

    hint = 'Write one JSON object a line, such as {"trip_miles": 1.5}.'
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--rows {path} cannot be read: {error}", hint) from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"--rows {path}: line {number} is no JSON: {error}", hint) from error
        if not isinstance(row, dict):
            raise UsageError(f"--rows {path}: line {number} is {type(row).__name__}, no object", hint)
        found.append(row)
    return found


def _header(text: str) -> tuple[str, str]:
    from weighbridge.common.errors import UsageError

    name, separator, value = text.partition(":")
    if not separator or not name.strip() or any(letter in text for letter in "\r\n"):
        raise UsageError("--header must be NAME: VALUE", "For example --header 'Authorization: Bearer …'.")
    return name.strip(), value.strip()


def _keep(found: "RemoteLoad", folder: str) -> None:
    from pathlib import Path

    Path(folder).mkdir(parents=True, exist_ok=True)
    found.report.write(folder)
    if found.sizing is not None:
        found.sizing.write(folder)


def _document(found: "RemoteLoad", *, passed: bool) -> dict[str, Any]:
    return {
        "passed": passed,
        "served": found.report.model_dump(mode="json"),
        "sizing": None if found.sizing is None else found.sizing.model_dump(mode="json"),
        "gates": [gate.model_dump(mode="json") for gate in found.gates],
    }


def _print(found: "RemoteLoad") -> None:
    from rich.markup import escape

    from weighbridge.cli.display import console
    from weighbridge.report import served

    heads = ("", "requests", "p50 (ms)", "p95 (ms)", "p99 (ms)", "p99.9 (ms)", "failed")
    _table(heads, served.response_rows(found.report))
    _table(("", "candidate", "production"), served.capacity_rows(found.report))
    if rates := served.rate_rows(found.report):
        _table(("", "requests/s", "requests", "p50 (ms)", "p99 (ms)", "failed", "answered/s", "limits"), rates)
    if found.sizing is not None:
        _table(("what a cluster needs", ""), served.sizing_rows(found.sizing))
    out = console()
    for gate in found.gates:
        mark = "[red]✗[/]" if gate.refuses else "[green]✓[/]"
        out.print(f"{mark} {escape(gate.message)}")


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.cli.display import console

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)
    console().print()
