"""Where a provider of the pipeline's own measures quality: each model against the next, on the rows as they are."""

from collections.abc import Callable

from weighbridge.common.progress import report
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.components.evaluator.quality.judge import GROUP, judge
from weighbridge.components.evaluator.quality.metrics_api import MetricsResponse
from weighbridge.simulate.quality import OtherGates
from weighbridge.simulate.spread import Spread, spreads, with_spreads
from weighbridge.simulate.tally import PairTally, Tally
from weighbridge.verdict.risk import quantile


def weigh_as_it_is(
    gates: QualityGates,
    models: int,
    ask: Callable[[int, int], MetricsResponse],
    others: OtherGates = lambda _i, _j: [],
) -> tuple[Tally, list[Spread]]:
    """Weigh each of some equally good models against the next, by the pipeline's own provider of metrics.

    Nobody but the provider knows what its rows are, so none can be drawn anew: how often the gates pass a worse model
    is left to what each states by its standard error.

    Args:
        gates: thresholds.
        models: how many there are, at least two.
        ask: what the provider measures of a candidate and production, by their numbers.
        others: further gates of a candidate and production that belong to the verdict.
    """
    observed = []
    for model in range(models):
        observed.append(ask(model, (model + 1) % models))
        report(f"weighed {model + 1} of {models} models against another")
    found, _ = spreads(gates, observed, quantile(gates.risk.false_pass / gates.looks))
    pairs = PairTally(Tally(GROUP), models)
    gates = with_spreads(gates, found)
    for model, response in enumerate(observed):
        production = (model + 1) % models
        weighed = [*judge(gates, response, in_production=True), *others(model, production)]
        pairs.add(weighed, model, production)
    tally = pairs.few_pairs(models)
    tally.notes.append(
        "The metrics are those of a provider of the pipeline's own, whose rows cannot be drawn anew: each model was "
        "weighed once against the next, and passes of worse models are stated by each gate's standard error."
    )
    return tally, found
