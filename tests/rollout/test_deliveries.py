"""Five models are delivered by `weighbridge canary`: one as good as production, and four that go back by themselves.

Real: repository, model servers, proxy, monitoring, requests, command line. Substituted: the controllers that follow the
repository in a cluster (`cluster.py`), and the business, which has no metric here.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rollout.world import Delivery, World, world

pytestmark = pytest.mark.slow

RATE = 180.0  # requests per second; two processors also run two servers, the proxy, users and monitoring

# Thresholds lie between what a good model and a bad one show, so that one or two thousand requests decide: at 1 % of
# this traffic that would take half an hour, so the steps are larger than those of a release.
JUDGED: dict[str, Any] = {
    "hold_minutes": 15,
    "p50_ms": {"max_ratio": 1.15},
    # The slowest requests are of two busy processors, more than of the models.
    "p95_ms": {"max_ratio": 3, "severity": "warning"},
    "p99_ms": {"max_ratio": 4, "severity": "warning"},
    "error_rate": {"max_change": 0.006},
    "prediction_distance": {"max": 0.15},
    "memory_ratio": {"max": 1.3},
}
SHADOW = {"shadow": True, "requests": 300, "minutes": 0, "settle_s": 3}
SHARE = 0.3
ON_THEIR_WAY = 5  # requests at most that one of the proxy's counters has, and the other has not yet, when they are read
USERS = [
    {"percent": 100 * SHARE, "requests": 300, "minutes": 0, "settle_s": 3},
    {"percent": 60, "requests": 300, "minutes": 0, "settle_s": 3},
]
IN_STEPS = JUDGED | {"steps": [SHADOW, *USERS]}
AT_ONCE = JUDGED | {"steps": USERS}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, rollout_models: Callable[[str], Path]) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("deliveries"), rollout_models("stable"), IN_STEPS, rate=RATE) as made:
        yield made


def delivered(place: World, rollout_models: Callable[[str], Path], kind: str, canary: dict[str, Any]) -> Delivery:
    place.shop.set_gates(canary)
    found = place.deliver(rollout_models(kind), kind)
    print(f"{kind}: exit {found.code} after {found.seconds:.0f} s, {len(found.requests)} requests, "  # noqa: T201
          f"{found.not_by_stable} not by stable; refused {found.gates()}")  # fmt: skip
    return found


def at_most(requests: int, share: float) -> float:
    """So many of the requests go to the canary at most, but for one delivery in a million: binomial, 5 deviations."""
    return requests * share + 5 * math.sqrt(requests * share * (1 - share))


def assert_back(place: World, found: Delivery, gate: str) -> None:
    """The canary went back because of a gate, and production is what it was."""
    assert found.code == 1, found.out
    assert any(name.startswith(gate) for name in found.gates()), found.out
    assert place.shop.production()["version"] == 1
    assert place.shop.state() is None


def assert_nobody_touched(found: Delivery) -> None:
    """It was found out in the shadow: it got copies, and users saw production alone."""
    assert found.copies > 0
    assert abs(found.not_by_stable) <= ON_THEIR_WAY
    assert {(each.code, each.version) for each in found.requests} == {(200, "1")}


def assert_touched_by_share(found: Delivery) -> None:
    """It answered no more of the users' requests than its share."""
    assert 0 < found.not_by_stable <= at_most(len(found.requests), SHARE)
    by_others = [each for each in found.requests if each.version != "1"]
    assert len(by_others) <= at_most(len(found.requests), SHARE)


def test_one_that_is_slower_goes_back(place: World, rollout_models: Callable[[str], Path]) -> None:
    found = delivered(place, rollout_models, "slow", IN_STEPS)
    assert_back(place, found, "canary.p50_ms")
    assert_nobody_touched(found)


def test_one_whose_predictions_collapsed_goes_back(place: World, rollout_models: Callable[[str], Path]) -> None:
    found = delivered(place, rollout_models, "collapsed", IN_STEPS)
    assert_back(place, found, "canary.prediction_distance")
    assert_nobody_touched(found)


def test_one_that_fails_goes_back(place: World, rollout_models: Callable[[str], Path]) -> None:
    found = delivered(place, rollout_models, "failing", AT_ONCE)
    assert_back(place, found, "canary.error_rate")
    assert_touched_by_share(found)
    failed = [each for each in found.requests if each.code != 200]
    assert 0 < len(failed) <= at_most(len(found.requests), SHARE * 0.02)


def test_one_that_leaks_memory_goes_back(place: World, rollout_models: Callable[[str], Path]) -> None:
    found = delivered(place, rollout_models, "leaking", AT_ONCE)
    assert_back(place, found, "canary.memory")
    assert_touched_by_share(found)
    assert {each.code for each in found.requests} == {200}


def test_a_good_one_reaches_everybody(place: World, rollout_models: Callable[[str], Path]) -> None:
    found = delivered(place, rollout_models, "good", IN_STEPS)
    assert found.code == 0, found.out
    version = place.shop.production()["version"]
    assert version > 1
    assert place.shop.state() is None
    assert {each.code for each in found.requests} == {200}
    place.cluster.wait_for(version)
    assert {each.version for each in place.users.seen[-50:]} == {str(version)}
    report: Path = found.verdict["folder"] / "report.html"
    assert "<svg" in report.read_text()
    assert [path.name for path in (report.parent / "charts").iterdir()] == ["1-rollout.svg"]
