"""`weighbridge data`: data to try a pipeline on."""

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import typer

from weighbridge.cli.options import JsonOption
from weighbridge.cli.output import EXIT_CODES, print_json, print_line
from weighbridge.datasets.shop.drift_kinds import KINDS
from weighbridge.datasets.shop.options import BASKET, MONTHS, START

app = typer.Typer(no_args_is_help=True, help="Data to try a pipeline on.")

_DRIFTS = ", ".join(f"{kind} ({what})" for kind, what in KINDS.items())
_DAY = ["%Y-%m-%d"]


@app.command("ecommerce", epilog=EXIT_CODES)
def ecommerce(
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="PATH", help="File to write, .parquet or .csv; with --by a folder or a pattern of spans."
        ),
    ],
    rows: Annotated[int, typer.Option("--rows", help="Exact number of order lines.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed and options, the same lines.")] = 7,
    start: Annotated[
        datetime | None, typer.Option("--start", formats=_DAY, help=f"First day; by default {START}.")
    ] = None,
    months: Annotated[int, typer.Option("--months", help="How long the orders go on.")] = MONTHS,
    customers: Annotated[int, typer.Option("--customers", help="How many; 0 for one per 100 lines.")] = 0,
    items: Annotated[int, typer.Option("--items", help="How many; 0 for 6 × the root of the lines.")] = 0,
    basket: Annotated[float, typer.Option("--basket", help="Median of the lines of an order.")] = BASKET,
    drift: Annotated[
        list[str] | None, typer.Option("--drift", metavar="KIND", help=f"What goes wrong; repeatable. {_DRIFTS}.")
    ] = None,
    drift_from: Annotated[
        datetime | None,
        typer.Option("--drift-from", formats=_DAY, help="Its first day; by default the last quarter's."),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="week|month", help="Write a file per span, named by its first day.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace what is at PATH.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make up the order lines of a shop, in the columns of UCI's Online Retail II.

    Items have popularities, words and seasons; customers have tastes and buy again what they bought; both keep coming,
    and prices change. There are cancellations, returns, lines without a customer, codes that are no products, and
    lines exported twice, about as many as in a real export.
    """
    from weighbridge.datasets.shop.options import ShopOptions
    from weighbridge.datasets.shop.output import OutputFiles

    place = OutputFiles.of(out, by, force)
    options = ShopOptions(
        rows=rows,
        seed=seed,
        start=_day(start) or START,
        months=months,
        customers=customers,
        items=items,
        basket=basket,
        drift=tuple(drift or ()),
        drift_from=_day(drift_from),
    )
    place.check(options)
    from weighbridge.datasets.shop.write import write

    with _progress():
        written = write(options, place)
    if as_json:
        print_json(written.document())
        return
    print_line(f"{written.path}  {written.digest}")
    files = f" in {len(written.files)} files" if by else ""
    print_line(f"{written.rows:,} lines{files}, {written.customers:,} customers, {written.items:,} StockCodes")
    print_line(f"{written.first} to {written.last}")


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Say on stderr how far it is, once it has taken two seconds: on a terminal all the time, else now and then."""
    from weighbridge.common import progress

    terminal = sys.stderr.isatty()
    next_ = time.monotonic() + 2

    def show(message: str) -> None:
        nonlocal next_
        if time.monotonic() < next_:
            return
        next_ = time.monotonic() + (0.2 if terminal else 10)
        typer.echo(f"\r{message}" if terminal else message, nl=not terminal, err=True)

    with progress.listening(show):
        yield
    if terminal:
        typer.echo("\r\x1b[K", nl=False, err=True)
