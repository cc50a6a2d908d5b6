"""What autoscalers ask of Prometheus is answered with data: by the server's names, scraped as ServiceMonitors say."""

import json
import math
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from tests.infra.kubernetes.rendering import Object, of_kind, render, the
from tests.infra.kubernetes.serving.configuration import SERVING, applied, record, settings
from tests.patience import wait_until
from tests.prometheus_server import PrometheusServer
from weighbridge.components.pusher import replicas
from weighbridge.serving.metrics import Metrics
from weighbridge.storage.git.serving import ServingSettings

NAMESPACE = "weighbridge-prod"
RULES = yaml.safe_load((SERVING / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
POD = {"pod": "taxi-model-0", "service": "taxi-model", "track": "stable", "version": "7"}
CANARY_POD = {"pod": "taxi-model-canary-0", "service": "taxi-model-canary", "track": "canary", "version": "8"}
TENSORFLOW_SERVING = """\
# TYPE :tensorflow:serving:request_count counter
:tensorflow:serving:request_count{model_name="taxi",status="OK"} %d
:tensorflow:serving:request_count{model_name="taxi",status="Invalid argument"} %d
"""


def served(version: str, seconds: float) -> Metrics:
    """What a server that has answered a hundred requests tells."""
    registry = CollectorRegistry()
    metrics = Metrics("taxi", registry)
    metrics.serve(version, f"sha256:{version}", "")
    metrics.registry = registry  # type: ignore[attr-defined]
    for _ in range(100):
        metrics.answered(version, 200, seconds)
    return metrics


def names_told() -> set[str]:
    text = generate_latest(served("7", 0.01).registry).decode()  # type: ignore[attr-defined]
    return set(re.findall(r"^(weighbridge_\w+?)(?:\{| )", text, re.MULTILINE))


def expressions() -> dict[str, str]:
    """Every PromQL expression that serving uses, for taxi in prod."""
    serving = ServingSettings(namespace=NAMESPACE)
    found = {"rate": replicas.rate_query(record(), serving), "time": replicas.time_query(record(), serving)}
    for rule in RULES:
        name = rule["name"]["as"]
        for resource in set(rule["resources"]["overrides"]) - {"namespace"}:
            matchers = f'namespace="{NAMESPACE}",{resource}=~"{POD[resource]}|{CANARY_POD[resource]}"'
            text = rule["metricsQuery"].replace("<<.LabelMatchers>>", matchers).replace("<<.GroupBy>>", resource)
            assert "<<" not in text
            found[f"adapter {name}"] = text
    [scaled] = yaml.safe_load_all((SERVING / "components/keda/scaled-object.yaml").read_text())
    return found | {"example of KEDA": scaled["spec"]["triggers"][0]["metadata"]["query"]}


def test_every_metric_that_is_asked_for_is_one_that_the_server_tells() -> None:
    texts = [*expressions().values(), *(rule["seriesQuery"] for rule in RULES)]
    asked = {name for text in texts for name in re.findall(r"weighbridge_\w+", text)}
    assert asked == {"weighbridge_requests_total", "weighbridge_request_seconds_bucket"}
    assert asked <= names_told()


def test_the_autoscaler_asks_for_what_the_adapter_gives(tmp_path: Path) -> None:
    given = {rule["name"]["as"]: set(rule["resources"]["overrides"]) - {"namespace"} for rule in RULES}
    assert given == {replicas.RATE_METRIC: {"pod"}, replicas.TIME_METRIC: {"service"}}
    serving = ServingSettings(p99_ms=250)
    for objects in (render("serving/deployment"), applied(tmp_path, settings(serving=serving))):
        rate, seconds = the(objects, "HorizontalPodAutoscaler")["spec"]["metrics"]
        assert (rate["type"], rate["pods"]["metric"]["name"]) == ("Pods", replicas.RATE_METRIC)
        assert (seconds["type"], seconds["object"]["metric"]["name"]) == ("Object", replicas.TIME_METRIC)
        service = seconds["object"]["describedObject"]["name"]
        assert service in {one["metadata"]["name"] for one in of_kind(objects, "Service")}


def relabelled(entries: list[Object]) -> list[dict[str, Any]]:
    """A ServiceMonitor's rules as Prometheus' own configuration writes them."""
    return [{re.sub("[A-Z]", lambda at: f"_{at[0].lower()}", key): each[key] for key in each} for each in entries]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Scrapes two of our servers and a TensorFlow Serving, relabelled as the manifests say."""
    stable, canary = served("7", 0.01), served("8", 0.03)
    count = iter(range(100, 10**6, 5))
    pages = {
        "/metrics": lambda: generate_latest(stable.registry),  # type: ignore[attr-defined]
        "/canary/metrics": lambda: generate_latest(canary.registry),  # type: ignore[attr-defined]
        "/monitoring/prometheus/metrics": lambda: (TENSORFLOW_SERVING % (next(count), 3)).encode(),
    }

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            for metrics, version in ((stable, "7"), (canary, "8")):
                metrics.answered(version, 200, 0.01 if version == "7" else 0.03)
            page = pages[self.path]()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server = PrometheusServer(tmp_path_factory.mktemp("prometheus"))
    file = server.folder / "prometheus.json"
    configuration = json.loads(file.read_text())
    configuration["scrape_configs"] = [
        scraped("ours", "/metrics", "serving/deployment", web.server_port, POD),
        scraped("canary", "/canary/metrics", "serving/deployment", web.server_port, CANARY_POD),
        scraped("theirs", None, "serving/tensorflow-serving", web.server_port, POD | {"pod": "tf-0"}),
    ]
    file.write_text(json.dumps(configuration))
    server.start()
    try:
        yield server
    finally:
        server.stop()
        web.shutdown()
        web.server_close()


def scraped(job: str, path: str | None, form: str, port: int, pod: dict[str, str]) -> dict[str, Any]:
    """A scrape of one pod, with what Prometheus' operator knows of it and the ServiceMonitor's rules."""
    [endpoint] = the(render(form), "ServiceMonitor")["spec"]["endpoints"]
    known = {
        "namespace": NAMESPACE,
        "pod": pod["pod"],
        "service": pod["service"],
        "__meta_kubernetes_pod_annotation_weighbridge_io_pipeline": "taxi",
        "__meta_kubernetes_pod_label_weighbridge_io_version": pod["version"],
        "__meta_kubernetes_pod_label_weighbridge_io_track": pod["track"],
    }
    return {
        "job_name": job,
        "metrics_path": path or endpoint["path"],
        "honor_labels": endpoint["honorLabels"],
        "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": known}],
        "relabel_configs": relabelled(endpoint["relabelings"]),
        "metric_relabel_configs": relabelled(endpoint.get("metricRelabelings", [])),
    }


@pytest.mark.slow
def test_every_query_is_answered_with_numbers(prometheus: PrometheusServer) -> None:
    asked = expressions()
    for what, text in asked.items():
        wait_until(lambda text=text: positive(prometheus, text), f"data for {what}: {text}")
    for rule in RULES:
        assert prometheus.query(rule["seriesQuery"])
    # A mistyped name is no error to Prometheus: it answers without a series.
    assert prometheus.query("weighbridge_request_total") == []
    [seconds] = values(prometheus, asked["time"])
    assert 0.005 < seconds < 0.04
    rates = asked["adapter weighbridge_requests_per_second"]
    pods = {POD["pod"], CANARY_POD["pod"]}
    wait_until(lambda: {one["metric"]["pod"] for one in prometheus.query(rates)} == pods, "each pod's rate")


@pytest.mark.slow
def test_another_namespaces_servers_count_for_nothing(prometheus: PrometheusServer) -> None:
    elsewhere = ServingSettings(namespace="weighbridge-dev")
    assert prometheus.query(replicas.rate_query(record(), elsewhere)) == []


@pytest.mark.slow
def test_series_say_model_and_version_and_what_the_server_says_counts(prometheus: PrometheusServer) -> None:
    wait_until(lambda: len(prometheus.query("up")) == 3, "all are scraped")
    said = {(one["metric"]["model"], one["metric"]["version"]) for one in prometheus.query('up{job!="theirs"}')}
    assert said == {("taxi", "7"), ("taxi", "8")}
    versions = {one["metric"]["version"] for one in prometheus.query("weighbridge_model_info")}
    assert versions == {"7", "8"}
    assert prometheus.query('{__name__=~"weighbridge_.*",exported_version!=""}') == []


@pytest.mark.slow
def test_tensorflow_servings_requests_count_under_our_name(prometheus: PrometheusServer) -> None:
    wait_until(lambda: prometheus.query('weighbridge_requests_total{job="theirs"}'), "TensorFlow Serving is scraped")
    found = {one["metric"]["code"]: one for one in prometheus.query('weighbridge_requests_total{job="theirs"}')}
    assert found.keys() == {"200", "500"}
    assert {(one["metric"]["model"], one["metric"]["version"]) for one in found.values()} == {("taxi", "7")}
    rate = 'rate(weighbridge_requests_total{job="theirs",code="200"}[1m])'
    wait_until(lambda: positive(prometheus, rate), f"data for {rate}")


def values(prometheus: PrometheusServer, text: str) -> list[float]:
    return [float(one["value"][1]) for one in prometheus.query(text)]


def positive(prometheus: PrometheusServer, text: str) -> bool:
    found = values(prometheus, text)
    return bool(found) and all(math.isfinite(value) and value > 0 for value in found)
