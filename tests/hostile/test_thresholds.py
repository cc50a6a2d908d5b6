"""Thresholds and destinations that are none."""

from pathlib import Path

import pytest

from tests.hostile.conftest import GATES, assert_clear, snapshot

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
# Thresholds.
METRIC = "quality: {{metrics: {{auc: {}}}}}\nlatency: {{batch_sizes: {{1: {{p99_ms: {{max: 9}}}}}}}}\n"
THRESHOLDS = {
    "nothing": "",
    "a list": "- quality",
    "a word": "quality",
    "a number": "1",
    "open brace": "quality: {",
    "a tab": "quality:\n\tmetrics: {}\n",
    "an object": "!!python/object/apply:os.system ['true']",
    "a python tuple": "quality: !!python/tuple [1]\n",
    "an unknown tag": "quality: !secret x\n",
    "two documents": GATES + "---\n" + GATES,
    "a missing anchor": "quality: *nowhere\n",
    "a bomb": BOMB,
    "too deep": "quality: " + "{a: " * 3000 + "1" + "}" * 3000,
    "too deep a list": "quality: " + "[" * 3000 + "]" * 3000,
    "only quality": GATES.splitlines()[0],
    "only latency": GATES.splitlines()[1],
    "null sections": "quality:\nlatency:\n",
    "empty sections": "quality: {}\nlatency: {}\n",
    "a section twice": GATES + "quality: {metrics: {auc: {min: 0.1}}}\n",
    "an unknown section": GATES + "qualty: {}\n",
    "a bound of nothing": METRIC.format("{min: }"),
    "a bound of null": METRIC.format("{min: null}"),
    "no bound": METRIC.format("{}"),
    "a metric of nothing": METRIC.format(""),
    "a bound of text": METRIC.format("{min: high}"),
    "a bound of true": METRIC.format("{min: true}"),
    "a bound of a list": METRIC.format("{min: [0.5]}"),
    "a bound that is no number": METRIC.format("{min: .nan}"),
    "an infinite bound": METRIC.format("{max: .inf}"),
    "bounds that exclude all": METRIC.format("{min: 0.9, max: 0.1}"),
    "an unknown bound": METRIC.format("{minimum: 0.5}"),
    "a bound twice": METRIC.format("{min: 0.9, min: 0.1}"),
    "a negative ratio": METRIC.format("{max_ratio: -1}"),
    "no metrics": "quality: {metrics: {}}\nlatency: {batch_sizes: {1: {p99_ms: {max: 9}}}}\n",
    "batch of nothing": "quality: {metrics: {auc: {min: 0.5}}}\nlatency: {batch_sizes: {0: {p99_ms: {max: 9}}}}\n",
    "batch of text": "quality: {metrics: {auc: {min: 0.5}}}\nlatency: {batch_sizes: {one: {p99_ms: {max: 9}}}}\n",
    "no stage": GATES + "delivery: []\n",
    "stages as text": GATES + "delivery: production\n",
    "no production": GATES + "delivery: [{stage: staging}]\n",
    "production is not last": GATES + "delivery: [{stage: production}, {stage: staging}]\n",
    "a stage twice": GATES + "delivery: [{stage: a}, {stage: a}, {stage: production}]\n",
    "a stage called runs": GATES + "delivery: [{stage: runs}, {stage: production}]\n",
    "a stage called backtests": GATES + "delivery: [{stage: backtests}, {stage: production}]\n",
    "a stage that leaves": GATES + "delivery: [{stage: ../x}, {stage: production}]\n",
    "a stage without a name": GATES + "delivery: [{stage: }, {stage: production}]\n",
    "an unknown approval": GATES + "delivery: [{stage: production, approval: maybe}]\n",
    "an approval of true": GATES + "delivery: [{stage: production, approval: true}]\n",
    "calls of text": GATES + "delivery: [{stage: production, calls: many}]\n",
    "too few calls": GATES + "delivery: [{stage: production, calls: 3}]\n",
    "negative calls": GATES + "delivery: [{stage: production, calls: -20}]\n",
    "a foreign store": GATES + "delivery: [{stage: staging, destination: 'hdfs://host/x'}, {stage: production}]\n",
    "one place": GATES + "delivery: [{stage: staging, destination: /a}, {stage: production, destination: /a}]\n",
}  # fmt: skip


@pytest.mark.parametrize("text", THRESHOLDS.values(), ids=THRESHOLDS.keys())
def test_thresholds_that_are_none(weighbridge, shop: Path, tmp_path: Path, text: str) -> None:
    (shop / "gates.yaml").write_text(text)
    before = snapshot(tmp_path)
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline"))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("data", [b"\xff\xfeq", b"quality: \xe9\n", b"\x00\x01", b"\x80"], ids=ascii)
def test_thresholds_that_are_no_text(weighbridge, shop: Path, data: bytes) -> None:
    (shop / "gates.yaml").write_bytes(data)
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline"), "gates.yaml")


def test_thresholds_that_are_a_folder(weighbridge, shop: Path) -> None:
    (shop / "gates.yaml").unlink()
    (shop / "gates.yaml").mkdir()
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline"))


# Where stages lie.
DESTINATIONS = {
    "nothing": b"",
    "a list": b"- staging",
    "open brace": b"{",
    "no text": b"\xff",
    "an unknown stage": b"stagging: /x",
    "a null": b"staging:",
    "a number": b"staging: 1",
    "a list inside": b"staging: [/x]",
    "a foreign store": b"staging: hdfs://host/x",
    "no bucket": b"staging: 'gs://'",
    "one place for two": b"{staging: /same, canary: /same}",
    "given twice": b"staging: /x\nstaging: /y\n",
    "an object": b"!!python/object/apply:os.system ['true']",
    "a bomb": BOMB.encode(),
    "too deep": b"staging: " + b"[" * 3000 + b"]" * 3000,
}


@pytest.mark.parametrize("data", DESTINATIONS.values(), ids=DESTINATIONS.keys())
def test_destinations_that_are_none(weighbridge, shop: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "places.yaml").write_bytes(data)
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline", "--destinations", "places.yaml"))
