"""Calls ahead and behind: their order, their errors, and nothing that goes on afterwards."""

import threading
from collections.abc import Iterator

import pytest

from weighbridge.components.example_gen.beside import Behind, ahead


def test_items_are_made_one_ahead_and_come_in_order() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    assert list(ahead(items())) == made == [0, 1, 2, 3, 4]
    assert list(ahead(iter([]))) == []
    assert list(ahead(iter([None, 0]))) == [None, 0]


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_who_leaves_early_leaves_no_thread() -> None:
    before = threading.active_count()
    found = ahead(iter(range(1_000)))
    assert next(found) == 0
    found.close()
    assert threading.active_count() == before


def test_calls_are_made_in_order_and_finished_at_the_end() -> None:
    made: list[int] = []
    with Behind() as behind:
        for number in range(100):
            behind.call(made.append, number)
    assert made == list(range(100))


def test_what_fails_behind_is_told_and_nothing_is_called_after_it() -> None:
    made: list[int] = []

    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), Behind() as behind:
        behind.call(fail)
        for number in range(10):
            behind.call(made.append, number)
    assert made == []


def test_an_error_of_the_caller_is_the_one_that_is_told() -> None:
    made: list[int] = []
    with pytest.raises(KeyError), Behind() as behind:
        behind.call(made.append, 1)
        raise KeyError
    behind._pool.shutdown()
    assert made in ([], [1])
