"""The orders that come with the pipeline, as a shop would export them, and what can be wrong with an export.

Each takes the lines and gives those in which the evaluation's days are spoilt.
"""

from pathlib import Path
from zlib import crc32

import pandas as pd
from pyarrow import parquet

from weighbridge.pipelines import recommender
from weighbridge.pipelines.recommender import columns as c

LAST = pd.Timestamp("2010-11-30")
EVALUATION = LAST + pd.Timedelta(days=1) - pd.Timedelta(days=28)


def orders() -> pd.DataFrame:
    return parquet.read_table(Path(recommender.__file__).with_name("orders.parquet")).to_pandas()


def save(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def evaluation(frame: pd.DataFrame) -> pd.Series:
    return frame[c.DATE] >= EVALUATION


def one_customer_buys_everything(frame):
    busy = evaluation(frame) & (frame.index % 2 == 0)
    frame.loc[busy, c.CUSTOMER] = "17850"
    return frame


def all_items_are_new(frame):
    later = evaluation(frame)
    frame.loc[later, c.ITEM] = "9" + frame.loc[later, c.ITEM].str[1:5] + "NW"
    return frame


def negative_prices(frame):
    frame.loc[evaluation(frame) & (frame.index % 20 == 0), c.PRICE] *= -1
    return frame


def mixed_currencies(frame):
    abroad = evaluation(frame) & (frame[c.COUNTRY] != "United Kingdom")
    frame[c.PRICE] = frame[c.PRICE].astype(object)
    frame.loc[abroad, c.PRICE] = "€" + frame.loc[abroad, c.PRICE].astype(str)
    return frame


def text_in_quantity(frame):
    frame[c.QUANTITY] = frame[c.QUANTITY].astype(object)
    some = evaluation(frame) & (frame.index % 30 == 0)
    frame.loc[some, c.QUANTITY] = frame.loc[some, c.QUANTITY].astype(str) + " pcs"
    return frame


def one_week_twice(frame):
    return pd.concat([frame, frame[frame[c.DATE] >= LAST - pd.Timedelta(days=6)]])


def a_new_market(frame):
    frame.loc[evaluation(frame) & (frame.index % 4 == 0), c.COUNTRY] = "Atlantis"
    return frame


def codes_in_another_format(frame):
    changed = evaluation(frame) & (frame[c.ITEM].map(lambda code: crc32(code.encode())) % 10 < 3)
    frame.loc[changed, c.ITEM] = "SKU-" + frame.loc[changed, c.ITEM]
    return frame


def codes_that_look_right_but_are_others(frame):
    changed = evaluation(frame) & (frame[c.ITEM].map(lambda code: int(code[:5]) if code[:5].isdigit() else 0) % 10 < 4)
    frame.loc[changed, c.ITEM] = "9" + frame.loc[changed, c.ITEM].str[:4]
    return frame
