"""Retrained models as the run's Evaluator would have them: predictions, measurements, and models to be timed."""

from functools import cache, partial

from weighbridge.components.artifacts.models import variant_folder
from weighbridge.components.evaluator.flavours import StoredModel, find_model
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.latency.measure import Contender
from weighbridge.components.evaluator.latency.served import ServedModel
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, MetricsResponse, Predictions
from weighbridge.components.evaluator.quality.predict import Predictor, predict
from weighbridge.components.evaluator.quality.providers import ask
from weighbridge.components.evaluator.request import COMPUTE, EvaluationRequest
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.simulate.executed import Executed
from weighbridge.simulate.quality import Models


class Evaluated:
    """The evaluation of a run, repeated with other models and with the thresholds in force now.

    Args:
        executed: the run.
        quality: thresholds.
        latency: thresholds.
    """

    def __init__(self, executed: Executed, quality: QualityGates, latency: LatencyGates) -> None:
        told = executed.evaluation.properties
        self._quality, self._latency = quality, latency
        self.label = str(told.get("label") or "")
        self.metrics_fn = str(told.get("metrics_fn") or COMPUTE)
        self._request = EvaluationRequest(
            examples=str(executed.evaluation.uri("examples")),
            model=str(executed.evaluation.uri("model")),
            quality=quality,
            latency=latency,
            label=self.label,
            split=str(told.get("split") or "eval"),
            schema=executed.evaluation.uri("schema"),
            metrics_fn=self.metrics_fn,
        )

    @property
    def built_in(self) -> bool:
        """Whether the built-in metrics are all that is measured."""
        return self.metrics_fn == COMPUTE

    def stored(self, model: str) -> StoredModel:
        """A model's files.

        Raises:
            Unmeasurable: it was not exported.
        """
        return find_model(model, self._quality.signature, self._quality.inputs)

    def predictions(self, model: str) -> Predictions:
        """What a model predicts for the evaluation rows, with labels and the values of slicing features.

        Raises:
            Unmeasurable: it cannot be loaded or called.
        """
        predictor = Predictor(self.stored(model).load(), self.label, self._quality.prediction)
        gates = self._quality
        return predict(self._request.batches(), self.label, gates.columns(), predictor, None, unit=gates.unit)

    def models(self, found: list[Predictions]) -> Models:
        """Models by what they predict."""
        return Models(found[0], [each.candidate for each in found])

    def ask(self, candidate: str, production: str) -> MetricsResponse:
        """What the pipeline's own provider measures of two models.

        Raises:
            UsageError: the provider is not what it should be.
            Unmeasurable: a model cannot be measured.
        """
        gates = self._quality

        def both() -> Predictions:
            ours, theirs = self.predictions(candidate), self.predictions(production)
            return Models(ours, [ours.candidate, theirs.candidate]).pair(0, 1)

        request = MetricsRequest(
            metrics=gates.metric_names(),
            slices=gates.all_slices(),
            confidence=gates.confidence,
            label=self.label,
            examples=self._request.examples,
            split=self._request.split,
            schema=self._request.read_schema(),
            candidate=self.stored(candidate).folder,
            production=self.stored(production).folder,
            predictions=cache(both),
            signature=gates.signature,
            inputs=gates.inputs,
            unit=gates.unit,
        )
        return ask(self.metrics_fn, request)

    def contenders(self) -> dict[str, Contender]:
        """The run's own model as candidate and as production, loaded twice.

        Raises:
            Unmeasurable: it cannot be called, or there are no rows.
        """
        stored = find_model(self._request.model, self._latency.signature, self._latency.inputs)
        return {name: self._served(stored) for name in ("candidate", "production")}

    def variant(self, name: str) -> Contender:
        """A variant of the run's own model.

        Raises:
            Unmeasurable: it was not exported, or cannot be called.
        """
        folder = variant_folder(self._request.model, name)
        return self._served(find_model(folder, self._latency.signature, self._latency.inputs))

    def _served(self, stored: StoredModel) -> Contender:
        rows = next((batch for batch in self._request.batches() if batch.num_rows), None)
        if rows is None:
            raise Unmeasurable("rows", "present", "There are no rows to call the model with.")
        served = partial(ServedModel, rows=rows, label=self.label, largest=max(self._latency.batch_sizes))
        return served(stored, stored.load())
