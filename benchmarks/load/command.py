"""`python -m benchmarks load`: our load generator beside MLPerf's LoadGen, on the same servers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import tables
from benchmarks.load.rounds import PERCENTILES, Rounds, compare

REQUIREMENT = "mlcommons-loadgen==6.0.17"
FOLDER = Path(__file__).parent
_SERVERS = {
    "answers after known times (mean 10 ms), no queue": {"delay_ms": 10},
    "answers one by one, 4 ms each: a queue at half load": {"service_ms": 4},
}
_ABOUT = """# Load: results

Written by `python -m benchmarks load`. Our generator and MLPerf's LoadGen (`mlcommons-loadgen` 6.0.17, its Server
scenario, which draws Poisson arrivals and times from when a query was scheduled; 64 threads with `http.client` ask)
send the same number of requests at the same rate to the same server on loopback, turn about, over several rounds; medians
over the rounds, ms. Between rounds of one generator the same percentile differs by the spread (least to most).
"""


def main(
    rounds: Annotated[int, typer.Option(help="Of each generator, turn about.")] = 7,
    queries: Annotated[int, typer.Option(help="Requests of each in a round.")] = 2000,
    rate: Annotated[float, typer.Option(help="Requests in a second.")] = 125,
    url: Annotated[str, typer.Option(help="Another server to load, with the path that predicts.")] = "",
    body: Annotated[str, typer.Option(help="What it is asked.")] = "{}",
    name: Annotated[str, typer.Option(help="What it is called in the table.")] = "",
    results: Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file.")] = None,
) -> None:
    """What both say of the same server; their 99th percentiles are to be within a tenth of each other."""
    from tests.load_server import load_server
    from tests.tool_environment import tool_environment

    console = Console()
    python = tool_environment("loadgen", REQUIREMENT) / "bin/python"
    texts = [_ABOUT, tables.machine()]

    def measured(title: str, address: str) -> None:
        console.print(f"[dim]{title}[/dim]")
        found = compare(
            python,
            address,
            body.encode(),
            rate_rps=rate,
            queries=queries,
            rounds=rounds,
            told=lambda line: console.print(f"[dim]{line}[/dim]"),
        )
        texts.append(table(title, found, rate, queries, rounds))
        console.print(Markdown(texts[-1]))

    if url:
        measured(name or url, url)
    else:
        for title, options in _SERVERS.items():
            with load_server(lasting_s=3600, **options) as address:
                measured(title, address)
    if results:
        results.write_text("\n\n".join(text.strip() for text in texts) + "\n")


def table(title: str, found: Rounds, rate: float, queries: int, rounds: int) -> str:
    """One server's percentiles as Markdown."""
    lines = [f"## A server that {title}" if title in _SERVERS else f"## {title}", ""]
    lines += [f"{rounds} rounds of {queries:,} requests at {rate:g} requests/s.", ""]
    lines += ["| percentile | ours | spread | LoadGen | spread | apart |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for percentile in PERCENTILES:
        ours, theirs = found.medians(percentile)
        lines.append(
            f"| p{float(percentile):g} | {ours:.2f} | {_spread(found.ours[percentile])} | {theirs:.2f} "
            f"| {_spread(found.theirs[percentile])} | {found.apart(percentile):+.1%} |"
        )
    lag = sorted(found.lag_ms)[len(found.lag_ms) // 2]
    return "\n".join([*lines, "", f"Our generator was {lag:.2f} ms late in the 99th percentile."])


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
