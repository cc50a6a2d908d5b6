"""The whole step: lines in; histories, a catalogue, counts and gates out. No tfx."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from weighbridge.common import progress
from weighbridge.common.digests import value_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.rows import RowsDigest
from weighbridge.components.example_gen.times import microseconds
from weighbridge.components.example_gen.write import SplitWriter
from weighbridge.evidence.summary import ExamplesSummary, Split
from weighbridge.evidence.thresholds import ThresholdsInForce
from weighbridge.pipelines.recommender import columns as c
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.clean import PRODUCT, clean
from weighbridge.pipelines.recommender.histories.gates import HistoriesGates, judge, lines_gate
from weighbridge.pipelines.recommender.histories.lines import Purchases, read_lines
from weighbridge.pipelines.recommender.histories.past import write_past
from weighbridge.pipelines.recommender.histories.summary import HistoriesSummary
from weighbridge.pipelines.recommender.histories.windows import Window, all_rows, training_windows
from weighbridge.verdict import write_gates

SPLITS = ("train", "eval")
_KINDS = {pa.binary(): "bytes", pa.int64(): "int64", pa.float32(): "float"}


class HistoriesOptions(BaseModel):
    """How histories are made.

    Attributes:
        product: regular expression of a product's StockCode.
        longest: most purchases of a history.
        window_days: days after the moment in which purchases are to be foretold, in training.
        step_days: days between the moments of training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    product: str = PRODUCT
    longest: int = Field(default=200, ge=1)
    window_days: int = Field(default=28, ge=1)
    step_days: int = Field(default=14, ge=1)


def build(examples: str, folder: str | Path, options: HistoriesOptions, gates: HistoriesGates) -> HistoriesSummary:
    """Make histories of the order lines that ExampleGen split by time.

    Args:
        examples: folder of ExampleGen's artifact, with the splits `train` and `eval`: all lines of `eval` are later.
        folder: folder of the artifact to write: splits as tf.Examples and as columns, catalogue, summary, gates.
        options: see `HistoriesOptions`.
        gates: thresholds.

    Returns:
        The summary: rows and digests of the splits, and what cleaning counted.

    Raises:
        UsageError: a split is missing or has nothing left, lines are not split by time, or there are too few days to
            learn from.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cleaned, counts = _clean_splits(examples, options.product)
    at = _boundary(examples, cleaned)
    purchases = Purchases.of(_together(cleaned))
    del cleaned
    progress.report(f"{len(purchases.time):,} purchases of {len(purchases.customers):,} customers")
    windows = _windows(purchases, at, options)
    digests = {}
    for split, chosen in (("train", windows[:-1]), ("eval", windows[-1:])):
        digests[split], kinds = _write(folder, split, purchases, chosen, options.longest)
        counts[split] |= _facts(purchases, split, at)
    catalogue = Catalogue.of(purchases, windows, options.window_days)
    catalogue.write(folder)
    write_past(folder, purchases, catalogue, at)
    source = ExamplesSummary.require(examples)
    summary = HistoriesSummary(
        splits={name: Split(rows=digest.rows, content_digest=digest.digest) for name, digest in digests.items()},
        total_rows=sum(digest.rows for digest in digests.values()),
        content_digest=value_digest(
            [{name: digest.digest for name, digest in digests.items()}, options.model_dump(), _digest(catalogue)]
        ),
        columns=kinds,
        evaluate_from=at,
        items=len(catalogue.items),
        longest=options.longest,
        cleaning=counts,
        files=source.files,
        dvc=source.dvc,
        span=source.span,
        input_digest=source.input_digest,
    )
    write_gates(folder, [lines_gate(examples), *judge(gates, counts)])
    before = ThresholdsInForce.read(examples) or ThresholdsInForce()
    own = {"steps": {"Histories": gates.model_dump(mode="json")}}
    ThresholdsInForce(sections=before.sections | own).write(folder)
    summary.write(folder)
    return summary


def _clean_splits(examples: str, product: str) -> tuple[dict[str, pa.Table], dict[str, dict[str, float]]]:
    cleaned, counts = {}, {}
    for split in SPLITS:
        lines = read_lines(examples, split)
        cleaned[split], removed = clean(lines, product)
        counts[split] = {"lines": lines.num_rows, **removed}
        if not cleaned[split].num_rows:
            description = ", ".join(f"{reason} {number:,}" for reason, number in removed.items() if number)
            raise UsageError(
                f"Split {split!r} has no purchase of a product by a known customer; of {lines.num_rows:,} lines "
                f"were left out: {description}",
                f"Is product={product!r} the pattern of your StockCodes?",
            )
    return cleaned, counts


def _boundary(examples: str, cleaned: dict[str, pa.Table]) -> int:
    """Where ExampleGen began `eval`: what training looks at must not depend on when the first line there is."""
    start = ExamplesSummary.require(examples).time_splits.get("eval")
    at = microseconds(start) if isinstance(start, str) else start
    earlier, later = (np.asarray(cleaned[split].column(c.TIME)) for split in SPLITS)
    if at is None or earlier.max() >= at or later.min() < at:
        raise UsageError(
            f"The order lines in {examples} are not split by time",
            "ExampleGen does: time_column='time', time_splits={'train': None, 'eval': '-28d'}.",
        )
    return int(at)


def _together(cleaned: dict[str, pa.Table]) -> pa.Table:
    return pa.concat_tables([cleaned[split] for split in SPLITS]).unify_dictionaries()


def _windows(purchases: Purchases, at: int, options: HistoriesOptions) -> list[Window]:
    training = training_windows(int(purchases.time.min()), at, options.window_days, options.step_days)
    if not training:
        raise UsageError(
            f"There are less than {2 * options.window_days} days of purchases before the evaluation: too few to learn",
            "Take more spans, or a shorter window: --set window_days=7.",
        )
    return [*training, Window(at, int(purchases.time.max()) + 1, len(training))]


def _write(
    folder: Path, split: str, purchases: Purchases, windows: list[Window], longest: int
) -> tuple[RowsDigest, dict[str, str]]:
    digest, kinds = RowsDigest(), {}
    with SplitWriter(folder, split) as writer:
        for batch in all_rows(purchases, windows, longest):
            writer.write(batch)
            digest += RowsDigest.of(batch)
            kinds = {field.name: _kind(field.type) for field in batch.schema}
            progress.report(f"{digest.rows:,} rows of {split}")
    return digest, kinds


def _kind(type_: pa.DataType) -> str:
    return _KINDS[type_.value_type if pa.types.is_list(type_) else type_]


def _facts(purchases: Purchases, split: str, at: int) -> dict[str, float]:
    inside = purchases.before(at) if split == "train" else ~purchases.before(at)
    by_customer = np.bincount(purchases.customer[inside])
    found: dict[str, float] = {
        "purchases": int(inside.sum()),
        "customers": int(np.count_nonzero(by_customer)),
        "top_customer_share": float(by_customer.max() / by_customer.sum()),
    }
    if split == "eval":
        known = np.isin(purchases.item[inside], np.unique(purchases.item[~inside]))
        found["known_items"] = float(known.mean())
    return found


def _digest(catalogue: Catalogue) -> str:
    return value_digest(
        [
            [item.decode(errors="replace") for item in catalogue.items],
            list(catalogue.descriptions),
            [float(price) for price in catalogue.prices],
            catalogue.recent.tolist(),
            catalogue.by_country.sum(axis=1).tolist(),
        ]
    )
