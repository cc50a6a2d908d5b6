"""The rules on quality: may the candidate's metric be so much less than production's?"""

from collections.abc import Callable
from pathlib import Path

from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE, Answer
from benchmarks.gates.predictions import Drawn, PredictionStream, measured
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.metric_gates import MetricBounds
from weighbridge.components.evaluator.quality.judge import judge
from weighbridge.components.evaluator.quality.metrics import compute
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, Predictions

OURS = "Weighbridge"

Rule = Callable[[Drawn, PredictionStream], Answer]


def weighbridge(drawn: Drawn, stream: PredictionStream) -> Answer:
    """The Evaluator's gate `min_change`, with the risk that it declares by default."""
    gates = QualityGates(metrics={stream.metric: MetricBounds(min_change=-stream.margin)})
    request = MetricsRequest(
        metrics=gates.metric_names(),
        slices=(),
        confidence=gates.confidence,
        label="label",
        examples="",
        split="eval",
        schema=None,
        candidate=Path(),
        production=Path(),
        predictions=lambda: Predictions(*drawn, columns={}),
    )
    [gate] = judge(gates, compute(request), in_production=True)
    return "passed" if gate.passed else "undecided" if gate.status == "inconclusive" else "refused"


def tfma(drawn: Drawn, stream: PredictionStream) -> Answer:
    """TFMA's validator: the measured difference against the threshold, whatever intervals were computed beside it."""
    labels, candidate, production = drawn
    change = measured(stream.metric, labels, candidate) - measured(stream.metric, labels, production)
    return "passed" if change >= -stream.margin else "refused"


RULES: dict[str, Rule] = {OURS: weighbridge, "TFMA": tfma}
TRUTHS = {EQUAL: 0.0, AT_MARGIN: 1.0, TWICE: 2.0}
"""Loss, in margins."""
