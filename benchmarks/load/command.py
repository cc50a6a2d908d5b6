"""`python -m benchmarks load`: our load generator beside MLPerf's LoadGen, on the same servers."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import tables
from benchmarks.load.rounds import PERCENTILES, Rounds, compare
from weighbridge.load.server import model_server
from weighbridge.load.target import body_of, predict_path

REQUIREMENT = "mlcommons-loadgen==6.0.17"
FOLDER = Path(__file__).parent
_SERVERS = {
    "answers after known times (mean 10 ms), no queue": {"delay_ms": 10},
    "answers one by one, 4 ms each: a queue at half load": {"service_ms": 4},
}
_ABOUT = """# Load: results

Written by `python -m benchmarks load`. Our generator and MLPerf's LoadGen (`mlcommons-loadgen` 6.0.17, its Server
scenario, which draws Poisson arrivals and times from when a query was scheduled; 64 threads with `http.client` ask)
send the same number of requests at the same rate to the same server on loopback, turn about, over several rounds;
medians over the rounds, ms. Between rounds of one generator the same percentile differs by the spread (least to most).
"""


def main(
    rounds: Annotated[int, typer.Option(help="Of each generator, turn about.")] = 9,
    queries: Annotated[int, typer.Option(help="Requests of each in a round.")] = 1000,
    rate: Annotated[float, typer.Option(help="Requests in a second.")] = 125,
    model: Annotated[Path | None, typer.Option(help="Serve this SavedModel by our model server, too.")] = None,
    row: Annotated[str, typer.Option(help="A row that it is asked about, as JSON.")] = "{}",
    results: Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file.")] = None,
) -> None:
    """What both say of the same server; their 99th percentiles are to be within a tenth of each other."""
    from tests.load_server import load_server
    from tests.tool_environment import tool_environment

    console = Console()
    python = tool_environment("loadgen", REQUIREMENT) / "bin/python"
    texts = [_ABOUT, next(line for line in tables.machine().splitlines() if line.startswith("Machine:"))]

    def measured(title: str, address: str, body: bytes = b"{}") -> None:
        console.print(f"[dim]{title}[/dim]")
        found = compare(
            python,
            address,
            body,
            rate_rps=rate,
            queries=queries,
            rounds=rounds,
            told=lambda line: console.print(f"[dim]{line}[/dim]"),
        )
        texts.append(table(title, found, rate, queries, rounds))
        console.print(Markdown(texts[-1]))

    for title, options in _SERVERS.items():
        with load_server(lasting_s=3600, **options) as address:
            measured(title, address)
    if model is not None:
        rows = [json.loads(row)]
        with (
            tempfile.TemporaryDirectory() as scratch,
            model_server("model", model, Path(scratch), samples=rows) as server,
        ):
            title = "answers for a model: ours on KServe's"
            measured(title, server.url + predict_path("model", "v1"), body_of(rows, "v1"))
    if results:
        results.write_text("\n\n".join(text.strip() for text in texts) + "\n")


def table(title: str, found: Rounds, rate: float, queries: int, rounds: int) -> str:
    """One server's percentiles as Markdown."""
    lines = [f"## A server that {title}", ""]
    lines += [f"{rounds} rounds of {queries:,} requests at {rate:g} requests/s.", ""]
    lines += ["| percentile | ours | spread | LoadGen | spread | apart |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for percentile in PERCENTILES:
        ours, theirs = found.medians(percentile)
        lines.append(
            f"| p{float(percentile):g} | {ours:.2f} | {_spread(found.ours[percentile])} | {theirs:.2f} "
            f"| {_spread(found.theirs[percentile])} | {found.apart(percentile):+.1%} |"
        )
    lag = sorted(found.lag_ms)[len(found.lag_ms) // 2]
    busy = f"The machine's load average was {os.getloadavg()[0]:.0f}."
    return "\n".join([*lines, "", f"Our generator was {lag:.2f} ms late in the 99th percentile. {busy}"])


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
