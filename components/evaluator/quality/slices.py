"""Cutting rows into slices: one for each combination of values of some features."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Index, SliceKey
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

MAX_SLICES = 1000


def slices(
    columns: Mapping[str, npt.NDArray[np.object_]], slicings: Iterable[tuple[str, ...]]
) -> Iterator[tuple[SliceKey, Index]]:
    """Each slice and the index of its rows; rows without a value of a feature are in none of its slices.

    Args:
        columns: value of each feature in each row, [rows]; None where a row has none.
        slicings: names of the features whose combinations of values make the slices, for each slicing.

    Raises:
        Unmeasurable: a slicing gives more than `MAX_SLICES` slices.
    """
    for features in slicings:
        codes, keys = _combined([columns[name] for name in features])
        if len(keys) > MAX_SLICES:
            raise Unmeasurable(
                "slices",
                "few",
                f"Slicing by {', '.join(features)} gives {len(keys):,} slices, more than {MAX_SLICES:,}: "
                "slice by a feature with fewer values.",
            )
        for code in sorted(range(len(keys)), key=lambda code: tuple(map(str, keys[code]))):
            yield tuple(zip(features, keys[code], strict=True)), np.flatnonzero(codes == code)


def _combined(columns: Sequence[npt.NDArray[np.object_]]) -> tuple[Index, list[tuple[Any, ...]]]:
    """A code for each row's combination of values, -1 where one is missing, and the combinations."""
    import pandas as pd

    combined, present = np.zeros(len(columns[0]), np.intp), np.ones(len(columns[0]), bool)
    for column in columns:
        codes, values = pd.factorize(column)
        present &= codes >= 0
        combined = combined * max(len(values), 1) + codes
    _, first, inverse = np.unique(combined[present], return_index=True, return_inverse=True)
    codes = np.full(len(combined), -1, np.intp)
    codes[present] = inverse
    rows = np.flatnonzero(present)[first]
    return codes, [tuple(column[row] for column in columns) for row in rows]
