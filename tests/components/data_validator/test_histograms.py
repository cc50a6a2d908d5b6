"""Histograms are TFDV's own, byte by byte, and made without Python's touching each of their buckets."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.data_validator.conftest import to_batch
from weighbridge.components.data_validator import histograms
from weighbridge.components.data_validator.statistics import compute_statistics

_NUMBERS = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1, 1),
    st.floats(allow_nan=False),
    st.sampled_from([1 + step * np.finfo(float).eps for step in range(4)]),
)


@settings(deadline=None, max_examples=80)
@given(
    values=st.lists(_NUMBERS, min_size=1, max_size=40).map(sorted),
    steps=st.lists(st.one_of(st.integers(0, 5).map(float), st.just(0.5)), min_size=40, max_size=40),
    buckets=st.integers(1, 12),
)
def test_the_same_bytes_as_tfdv(values: list[float], steps: list[float], buckets: int) -> None:
    from tensorflow_data_validation.utils import quantiles_util as theirs

    quantiles, counts = np.array(values), np.cumsum(steps[: len(values)])
    finite = quantiles[np.isfinite(quantiles)]
    ends = (finite[0], finite[-1]) if len(finite) else (-np.inf, np.inf)
    infinite = float(np.isposinf(quantiles).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TFDV's own
        for name, arguments in (
            ("generate_quantiles_histogram", (quantiles, counts)),
            ("generate_equi_width_histogram", (quantiles, counts, *ends, buckets, infinite)),
        ):
            ours = getattr(histograms, name)(*arguments)
            if ours is not None:
                assert _bytes(ours) == _bytes(getattr(theirs, name)(*arguments)), name


def test_what_is_not_ours_to_make_is_made_by_tfdv(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [to_batch({"a": [1.0, 2.0, float("inf")], "b": [1, 2, 2], "c": ["x", None, "y"]})]
    found = compute_statistics(batches)
    for name in ("generate_quantiles_histogram", "generate_equi_width_histogram"):
        monkeypatch.setattr(histograms, name, _no_answer(name))
    assert _bytes(compute_statistics(batches)) == _bytes(found)


def test_tfdv_is_itself_again() -> None:
    from tensorflow_data_validation.utils import quantiles_util as theirs

    known = theirs.generate_quantiles_histogram
    with pytest.raises(KeyError), histograms.fast_histograms():
        assert theirs.generate_quantiles_histogram is not known
        raise KeyError
    assert theirs.generate_quantiles_histogram is known


def test_numbers_of_many_columns_leave_nothing_to_tfdv(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow_data_validation.utils import quantiles_util as theirs

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("made by TFDV, a bucket at a time")

    for name in ("generate_quantiles_histogram", "generate_equi_width_histogram", "_overlap", "_get_bin_weights"):
        monkeypatch.setattr(theirs, name, fail)
    random = np.random.default_rng(0)
    columns = {f"f{number}": random.normal(size=50).tolist() for number in range(20)}
    statistics = compute_statistics([to_batch(columns | {"i": random.integers(0, 5, 50).tolist()})])
    assert all(len(feature.num_stats.histograms) == 2 for feature in statistics.datasets[0].features)


def _no_answer(name: str) -> Any:
    def nothing(*_: Any, **__: Any) -> None:
        return None

    nothing.__name__ = name
    return nothing


def _bytes(message: Any) -> Any:
    return message.SerializeToString(deterministic=True)
