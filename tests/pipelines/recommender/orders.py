"""Order lines for tests: single ones by hand, and what the first steps of the pipeline make of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.splits import Splits
from weighbridge.pipelines.recommender import columns as c
from weighbridge.pipelines.recommender.histories.build import HistoriesOptions, build
from weighbridge.pipelines.recommender.histories.gates import HistoriesGates
from weighbridge.pipelines.recommender.histories.lines import Purchases
from weighbridge.pipelines.recommender.histories.windows import DAY

START = pd.Timestamp("2010-01-01")
EVALUATION = 60
"""Day, counted from `START`, from which on lines are for evaluation."""


def line(day: float, customer: str | None = "c1", item: str = "10001", **others: Any) -> dict[str, Any]:
    """One line, `day` days after `START`; an invoice per customer and day."""
    plain = {
        c.INVOICE: f"i{customer}-{int(day)}",
        c.ITEM: item,
        c.DESCRIPTION: f"thing {item}",
        c.QUANTITY: 1,
        c.DATE: (START + pd.Timedelta(days=day)).round("min"),
        c.PRICE: 2.0,
        c.CUSTOMER: customer,
        c.COUNTRY: "Here",
    }
    assert set(others) <= set(plain)
    return plain | others


def shop(customers: int = 12, days: int = 90, seed: int = 0, items: int = 9) -> pd.DataFrame:
    """Lines at random: each customer buys something on a few days, some lines without a description or a country."""
    rng = np.random.default_rng(seed)
    count = customers * days // 6
    frame = pd.DataFrame(
        [
            line(
                day=float(rng.integers(0, days * 24)) / 24,
                customer=f"c{rng.integers(customers)}",
                item=str(10_001 + rng.integers(items)),
                UnitPrice=round(float(rng.uniform(0.5, 9)), 2),
                Country=str(rng.choice(["Here", "There", "Yonder"])),
            )
            for _ in range(count)
        ]
    )
    frame.loc[rng.random(count) < 0.1, c.DESCRIPTION] = None
    frame.loc[rng.random(count) < 0.03, c.COUNTRY] = None
    return frame


def make_examples(folder: Path, frames: pd.DataFrame | list[pd.DataFrame], evaluation: float = EVALUATION) -> str:
    """What ExampleGen makes of lines, split by time; several frames are several files."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = frames if isinstance(frames, list) else [frames]
    for number, frame in enumerate(frames):
        parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{number}.parquet")
    start = (START + pd.Timedelta(days=evaluation)).isoformat()
    splits = Splits(time_column=c.TIME, time_splits={"train": None, "eval": start})
    request = ReadRequest(
        input=str(folder / "*.parquet"), splits=splits, prepare_fn="weighbridge.pipelines.recommender.columns.prepare"
    )
    generate(request, folder / "examples", ExamplesGates())
    return str(folder / "examples")


def make_histories(
    folder: Path, frames: pd.DataFrame | list[pd.DataFrame], gates: HistoriesGates | None = None, **options: Any
) -> dict[str, Any]:
    """The summary of the histories of lines; they lie in `folder/histories`."""
    given = HistoriesOptions(**{"window_days": 14, "step_days": 7} | options)
    summary = build(make_examples(folder, frames), folder / "histories", given, gates or HistoriesGates())
    return summary.model_dump(mode="json")


def table(lines: Iterable[dict[str, Any]]) -> pa.Table:
    """Lines as `read_lines` gives them."""
    frame = pd.DataFrame(list(lines), columns=list(c.RAW))
    texts = {name: pa.array([_bytes(text) for text in frame[name]], pa.binary()) for name in c.TEXTS}
    columns = {name: column.dictionary_encode() for name, column in texts.items()}
    columns[c.QUANTITY] = pa.array(frame[c.QUANTITY], pa.int64(), from_pandas=True)
    columns[c.PRICE] = pa.array(frame[c.PRICE].astype(float), pa.float32(), from_pandas=True)
    columns[c.TIME] = pa.array(pd.to_datetime(frame[c.DATE]), pa.timestamp("us")).cast(pa.int64())
    return pa.table(columns)


def purchases(lines: Iterable[dict[str, Any]]) -> Purchases:
    """Purchases of clean lines."""
    return Purchases.of(table(lines))


def moment(day: float) -> int:
    """A day as microseconds since 1970."""
    return int(START.value // 1000 + day * DAY)


def _bytes(text: Any) -> bytes | None:
    return None if text is None or text != text else str(text).encode()
