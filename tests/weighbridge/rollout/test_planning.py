"""How many requests a step takes: told before, by `weighbridge gates` and `check`, and held against simulation."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.weighbridge.rollout.made_windows import Traffic, Truth
from tests.weighbridge.rollout.rates import QUANTITIES, ends
from weighbridge.checks.canary import round_up
from weighbridge.rollout.sequential.planning import Usual, needed
from weighbridge.thresholds.canary import CanaryGates

ROOT = Path(__file__).parents[3]


def taken(gates: dict[str, Any], **usual: float) -> dict[str, float]:
    return {each.path: each.requests for each in needed(CanaryGates.model_validate(gates), Usual(**usual))}


def test_the_default_steps_ask_for_enough() -> None:
    assert [each for each in needed(CanaryGates()) if not each.enough] == []


def test_more_room_takes_fewer_requests_and_none_takes_them_all() -> None:
    step = {"steps": [{"percent": 10}]}
    tight, wide = (taken(step | {"p50_ms": {"max_ratio": ratio}})["p50_ms.max_ratio"] for ratio in (1.1, 1.3))
    assert tight > 3 * wide
    assert taken(step | {"p50_ms": {"max_ratio": 1.0}})["p50_ms.max_ratio"] == math.inf
    assert taken(step | {"error_rate": {"max_change": 0.0}})["error_rate.max_change"] == math.inf
    assert taken(step | {"error_rate": {"max": 0.001}})["error_rate.max"] == math.inf
    assert "p99_ms.max" not in taken(step | {"p99_ms": {"max": 50}})  # what production has is not known


def test_the_more_the_canary_gets_the_less_production_tells() -> None:
    at = {share: taken({"steps": [{"percent": share}]})["p95_ms.max_ratio"] for share in (1, 50)}
    assert at[50] > 1.5 * at[1]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_as_many_as_are_foretold_let_an_equal_canary_go_on(quantity: str) -> None:
    draws, share = 40, 0.1
    gates = {"steps": [{"percent": 10}], "p99_ms": {"max_ratio": 1.5}}
    found = {path.partition(".")[0]: requests for path, requests in taken(gates).items()}
    requests = round_up(found[quantity])
    traffic = Traffic(share=share, requests=float(requests))
    assert ends(draws, Truth(), traffic, (quantity,), (True, False), lasts=2).share_passed >= 0.925
    fewer = replace(traffic, requests=requests / 8)
    assert ends(draws, Truth(), fewer, (quantity,), (True, False), lasts=1).share_passed < 0.9


def test_round_numbers_are_no_fewer() -> None:
    assert [round_up(value) for value in (3.2, 99.5, 1234.0, 5286.2)] == [4, 100, 1300, 5300]
