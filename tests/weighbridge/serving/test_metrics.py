"""What Prometheus is told, as the canary's judge reads it."""

import numpy as np
from prometheus_client import generate_latest

from tests.weighbridge.serving.helpers import metrics
from weighbridge.rollout.watch import QUERIES
from weighbridge.serving.metrics import PREDICTIONS, SECONDS, resident_bytes


def test_buckets_of_time_are_each_a_tenth_wider_from_half_a_millisecond_to_ten_seconds():
    assert SECONDS[0] == 0.0005
    assert SECONDS[-1] >= 10
    assert np.allclose(np.divide(SECONDS[1:], SECONDS[:-1]), 1.1)


def test_buckets_of_predictions_are_the_same_for_every_model():
    edges = np.array(PREDICTIONS)
    assert (np.diff(edges) > 0).all()
    assert set(np.round(np.arange(0, 1.01, 0.05), 2)) <= set(PREDICTIONS)
    assert (edges[0], edges[-1]) == (-1e6, 1e6)


def test_a_histogram_counts_arrays_as_prometheus_does():
    found, registry = metrics()
    found.predicted("7", {"p": np.array([[0.02], [0.05], [0.5], [np.nan], [1e9]]), "text": np.array([b"x"], object)})
    sample = registry.get_sample_value

    def bucket(le: str) -> float | None:
        labels = {"model": "taxi", "version": "7", "output": "p", "le": le}
        return sample("weighbridge_prediction_bucket", labels)

    assert bucket("0.0") == 0
    assert bucket("0.05") == 2  # an edge belongs to its own bucket
    assert bucket("0.5") == 3
    assert bucket("1000000.0") == 3
    assert bucket("+Inf") == 5
    assert "text" not in generate_latest(registry).decode()


def test_a_version_that_is_served_no_more_is_told_of_no_more_and_its_counts_stay():
    found, registry = metrics()
    found.serve("1", "sha256:a", "")
    found.answered("1", 200, 0.01)
    found.retire("1", "sha256:a", "")
    found.serve("2", "sha256:b", "me")
    text = generate_latest(registry).decode()
    assert 'weighbridge_model_info{digest="sha256:a"' not in text
    assert 'weighbridge_model_info{digest="sha256:b",model="taxi",signed_by="me",version="2"} 1.0' in text
    assert 'weighbridge_model_ready{model="taxi",version="2"} 1.0' in text
    assert 'weighbridge_requests_total{code="200",model="taxi",version="1"} 1.0' in text
    assert 'weighbridge_requests_total{code="500",model="taxi",version="2"} 0.0' in text  # a rate from the first on
    assert registry.get_sample_value("weighbridge_memory_bytes", {"model": "taxi", "version": "2"}) > 1e6


def test_a_server_says_under_every_name_and_label_what_a_canary_asks_for():
    found, registry = metrics()
    found.serve("7", "sha256:a", "")
    found.answered("7", 200, 0.01)
    found.predicted("7", {"p": np.array([0.5])})
    told = {
        sample.name for family in registry.collect() for sample in family.samples
        if sample.labels.get("model") == "taxi" and sample.labels.get("version") == "7"
    }  # fmt: skip
    assert {query.partition("{")[0] for query in QUERIES.values()} <= told
    labels = {"model": "taxi", "version": "7"}
    assert registry.get_sample_value("weighbridge_started_seconds", labels) > 1e9
    found.retire("7", "sha256:a", "")
    assert registry.get_sample_value("weighbridge_started_seconds", labels) is None


def test_a_change_of_version_is_no_start_of_the_server():
    found, registry = metrics()
    found.serve("7", "sha256:a", "")
    before = registry.get_sample_value("weighbridge_started_seconds", {"model": "taxi", "version": "7"})
    found.retire("7", "sha256:a", "")
    found.serve("8", "sha256:b", "")
    assert registry.get_sample_value("weighbridge_started_seconds", {"model": "taxi", "version": "8"}) == before


def test_how_fast_requests_are_refused_is_no_time_of_the_model():
    found, registry = metrics()
    for code in (200, 400, 429, 500):
        found.answered("7", code, 0.01)
    labels = {"model": "taxi", "version": "7"}
    assert registry.get_sample_value("weighbridge_request_seconds_count", labels) == 1
    for code in ("200", "400", "429", "500"):
        assert registry.get_sample_value("weighbridge_requests_total", labels | {"code": code}) == 1


def test_memory_is_that_of_this_process():
    before = resident_bytes()
    held = np.ones(20_000_000)
    assert resident_bytes() - before > 0.5 * held.nbytes
