"""The optional baseline: with the library, and without it."""

import sys

import numpy as np
import pytest

from tests.components.evaluator.ranking.helpers import interactions
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.ranking.als import als
from weighbridge.components.evaluator.ranking.lists import NONE

# Two tastes: items 0 to 4 and 5 to 9; nobody mixes them.
PAST = [[item for item in range(start, start + 5) if (user + item) % 4] for start in (0, 5) for user in range(30)]
POPULAR = np.arange(10, dtype=np.int32)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(UsageError, match="needs the library implicit") as refused:
        als(interactions(PAST), interactions(PAST), POPULAR, 10, 5)
    assert "uv pip install implicit" in refused.value.hint


def test_items_outside_the_catalogue_are_refused_first() -> None:
    with pytest.raises(ValueError, match="the past has item 9"):
        als(interactions(PAST), interactions(PAST), POPULAR, 5, 5)


def test_it_recommends_the_users_taste() -> None:
    pytest.importorskip("implicit", reason="the library implicit is not installed; it is optional")
    past, histories = interactions(PAST), interactions([[0, 1], [7], []])
    lists = als(past, histories, POPULAR, 10, 5, factors=2)
    assert set(lists[0].tolist()) == {0, 1, 2, 3, 4}
    assert set(lists[1].tolist()) == {5, 6, 7, 8, 9}
    assert lists[2].tolist() == [0, 1, 2, 3, 4]
    assert (als(past, histories, POPULAR, 10, 5, factors=2) == lists).all()
    longer = als(past, histories, POPULAR, 10, 12, factors=2)
    assert (longer[:, 10:] == NONE).all()
    assert all(sorted(row[:10]) == list(range(10)) for row in longer.tolist())
