"""`model.yaml`: deterministic, whatever the data say, and refused where the manifests cannot do it."""

import json
import math

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.infra.kubernetes.serving.configuration import SIZING, canary, record, settings
from weighbridge.common.errors import UsageError
from weighbridge.components.pusher import replicas
from weighbridge.components.pusher.manifests import render, weights
from weighbridge.evidence.sizing import Sizing
from weighbridge.storage.git.serving import ServingSettings

FORMS = st.sampled_from(["deployment", "kserve", "rollout"])
TEXT = st.text(min_size=1, max_size=30)
SIZINGS = st.none() | st.builds(
    Sizing,
    cpu_millicores=st.integers(1, 100_000),
    memory_bytes=st.integers(1, 2**40),
    rate_rps=st.floats(0.001, 1e6),
    max_rps_per_replica=st.floats(0.001, 1e6),
    replicas=st.integers(1, 1000),
    headroom=st.floats(0, 0.99),
)
SERVING = st.builds(
    ServingSettings,
    autoscaling=st.sampled_from(["hpa", "keda", "none"]),
    max_replicas=st.none() | st.integers(1, 10_000),
    p99_ms=st.none() | st.floats(0.001, 1e6),
    namespace=st.sampled_from(["", "weighbridge-prod"]),
)


@hypothesis.settings(max_examples=40)
@given(FORMS, TEXT, TEXT, SIZINGS, SERVING, st.none() | st.floats(0.001, 100))
def test_what_data_say_comes_back_as_it_was_and_becomes_nothing_else(form, pipeline, models, sizing, serving, percent):
    said = settings(models=models, manifests=form, serving=serving)
    state = None if percent is None or form == "rollout" else canary(percent=percent)
    text = render(record(pipeline=pipeline, signed_by=pipeline), state, said, sizing)
    assert text == render(record(pipeline=pipeline, signed_by=pipeline), state, said, sizing)
    assert text.isascii()
    objects = list(yaml.safe_load_all(text))
    workload = next(one for one in objects if one["metadata"]["name"] == "model")
    spec = workload["spec"]
    told = (spec["predictor"] if form == "kserve" else spec["template"]["metadata"])["annotations"]
    assert told["weighbridge.io/pipeline"] == told["weighbridge.io/signed-by"] == pipeline
    assert told["weighbridge.io/model"] == f"{models.rstrip('/')}/7"
    keys = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(keys) == len(set(keys))
    assert {kind for kind, _ in keys} <= {
        *("Deployment", "InferenceService", "Rollout", "HTTPRoute", "HorizontalPodAutoscaler", "ScaledObject"),
    }


@given(TEXT)
def test_a_name_stays_inside_its_quotes_in_promql(pipeline):
    said = replicas.selector(record(pipeline=pipeline), ServingSettings(namespace="n"))
    label, _, rest = said.partition("=")
    value, end = json.JSONDecoder().raw_decode(rest)
    assert (label, value, rest[end:]) == ("{model", pipeline, ',namespace="n"}')


@given(st.floats(0.001, 100))
def test_weights_are_the_share_and_never_more_than_it(percent):
    stable, other = weights(percent)
    assert stable + other <= 1_000_000
    assert other / (stable + other) <= percent / 100 * (1 + 1e-6)
    assert math.isclose(other / (stable + other), percent / 100, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(0, (100, 0)), (10, (90, 10)), (1, (99, 1)), (0.5, (995, 5)), (100, (0, 100)), (33.3, (667, 333))],
)
def test_weights_are_small_numbers(percent, expected):
    assert weights(percent) == expected


def test_a_share_that_gateways_cannot_divide_is_refused():
    with pytest.raises(UsageError, match="1e-05 % is too small"):
        weights(0.00001)


def test_all_requests_go_to_a_canary_of_100_percent():
    [route] = [
        one
        for one in yaml.safe_load_all(render(record(), canary(percent=100), settings(), None))
        if one["kind"] == "HTTPRoute"
    ]
    assert [each["name"] for each in route["spec"]["rules"][0]["backendRefs"]] == ["model-canary"]


def test_nothing_is_written_where_no_manifests_are_asked_for():
    assert render(record(), None, settings(manifests="none"), SIZING) == ""


def test_argo_rollouts_walks_alone():
    with pytest.raises(UsageError, match="manifests is rollout, and version 8") as caught:
        render(record(), canary(), settings(manifests="rollout"), SIZING)
    assert "manifests: deployment" in caught.value.hint


@pytest.mark.parametrize(("share", "expected"), [(0.01, 1), (0.1, 1), (0.5, 5), (0.51, 6), (1.0, 10)])
def test_a_canary_has_servers_for_its_share(share, expected):
    sizing = SIZING.model_copy(update={"replicas": 10})
    assert replicas.canary_replicas(share, sizing) == expected


def test_an_autoscaler_may_not_start_fewer_than_are_needed():
    [patch] = replicas.autoscaler("Deployment", "model", record(), ServingSettings(max_replicas=1), SIZING)
    assert patch["spec"]["minReplicas"] == patch["spec"]["maxReplicas"] == 2


@given(st.floats(0.001, 1e6))
def test_a_quantity_is_the_number_to_a_thousandth_or_whole(value):
    said = replicas.quantity(value)
    number = int(said[:-1]) / 1000 if said.endswith("m") else int(said)
    assert 0 < number <= max(value * (1 + 1e-6) + 1e-9, 0.001)
    assert math.isclose(number, value, rel_tol=0.1, abs_tol=0.001)
