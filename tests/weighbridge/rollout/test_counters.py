"""Numbers of requests from counters: restarts, series that begin, servers that differ."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.rollout.counters import Instances, cumulative, histogram, increase
from weighbridge.rollout.prometheus import Series

START = 100.0


def series(*pairs: tuple[float, float], instance: str = "a", **labels: str) -> Series:
    return Series({"instance": instance, **labels}, tuple(at for at, _ in pairs), tuple(value for _, value in pairs))


def instances(*started: Series, others: tuple[Series, ...] = ()) -> Instances:
    return Instances.of(started, others, START)


def test_what_it_grew_by_since_the_start() -> None:
    counter = series((80, 5), (95, 7), (110, 10), (125, 17))
    assert increase(counter, instances(others=(counter,))) == 10


def test_nothing_where_nothing_was_sampled_since() -> None:
    counter = series((80, 5), (95, 7))
    assert increase(counter, instances(others=(counter,))) == 0


def test_a_restart_begins_at_nothing() -> None:
    counter = series((95, 50), (110, 53), (125, 4), (140, 6))
    assert increase(counter, instances(others=(counter,))) == 3 + 4 + 2


def test_a_restart_shows_though_the_counter_is_higher_than_before() -> None:
    started = series((95, 10), (110, 105), (125, 105))
    counter = series((95, 5), (110, 8), (125, 9))
    found = instances(started, others=(counter,))
    assert found.restarts == 1
    assert increase(counter, found) == 8 + 1


def test_the_first_error_of_a_known_server_counts() -> None:
    good = series((95, 50), (110, 60), code="200")
    bad = series((110, 2), (125, 5), code="500")
    assert increase(bad, instances(others=(good, bad))) == 5


def test_a_server_started_within_the_window_counts_whole() -> None:
    counter, started = series((110, 7), (125, 9)), series((110, 104), (125, 104))
    assert increase(counter, instances(started, others=(counter,))) == 9


def test_an_old_server_that_is_met_first_counts_from_there() -> None:
    counter, started = series((110, 7000), (125, 7002)), series((110, 3), (125, 3))
    assert increase(counter, instances(started, others=(counter,))) == 2


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=5),
)
def test_windows_add_up_however_they_are_cut(steps: list[tuple[int, bool]], cuts: list[int]) -> None:
    values, value, expected = [0.0], 0.0, 0.0
    for grown, restarted in steps:
        value = float(grown) if restarted and grown < value else value + grown
        expected += grown
        values.append(value)
    counter = Series({"instance": "a"}, tuple(float(at) for at in range(len(values))), tuple(values))
    ends = sorted({0, *(cut for cut in cuts if cut < len(values)), len(values) - 1})
    found = 0.0
    for start, end in itertools.pairwise(ends):
        seen = Series(counter.labels, counter.times[: end + 1], counter.values[: end + 1])
        found += increase(seen, Instances.of((), (seen,), float(start)))
    assert found == expected


def test_buckets_of_servers_that_differ_are_added_where_they_agree() -> None:
    def bucket(instance: str, le: str, count: float) -> Series:
        return series((95, 0), (110, count), instance=instance, le=le)

    buckets = [bucket("a", "0.1", 1), bucket("a", "0.5", 3), bucket("a", "+Inf", 4)]
    buckets += [bucket("b", "0.1", 2), bucket("b", "+Inf", 9)]
    found = cumulative(buckets, instances(others=tuple(buckets)))
    assert found == {0.1: 3, math.inf: 13}
    assert histogram(found, [0.1, math.inf]).counts == (3, 10)


@pytest.mark.parametrize("buckets", [[], [series((95, 0), (110, 3), le="0.1")], [series((95, 0), (110, 3), le="x")]])
def test_half_a_histogram_is_none(buckets: list[Series]) -> None:
    assert cumulative(buckets, instances(others=tuple(buckets))) == {}
    assert histogram({}, ()).counts == (0,)


def test_buckets_that_were_not_read_at_one_moment_give_no_negative_counts() -> None:
    assert histogram({0.1: 5, 0.5: 4, math.inf: 6}, [0.1, 0.5, math.inf]).counts == (5, 0, 1)
