"""How often the gates of a pipeline are wrong, by trial: the whole simulation."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.attempts import at_first_attempt
from weighbridge.components.evaluator.latency.judge import GROUP as LATENCY
from weighbridge.components.evaluator.quality.metrics_api import MetricsResponse
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.definition import Definition
from weighbridge.simulate.data import weigh_dealt
from weighbridge.simulate.evaluated import Evaluated
from weighbridge.simulate.executed import Executed, last_executed
from weighbridge.simulate.latency import Trace, record, record_variant, weigh_replayed
from weighbridge.simulate.loads import record_loads, weigh_loads
from weighbridge.simulate.provider import weigh_as_it_is
from weighbridge.simulate.quality import weigh_resampled
from weighbridge.simulate.rates import Rate, any_of
from weighbridge.simulate.retrain import Retrained, draws_rows, retrain_all
from weighbridge.simulate.spread import Spread
from weighbridge.simulate.tally import Tally
from weighbridge.thresholds import Gates
from weighbridge.thresholds.gates_file import THRESHOLDS_FILE, load_gates
from weighbridge.verdict import Estimate, Gate

FEWEST = 2
_EACH = 10  # replays of latency and deals of rows for each training: who asks for little gets little soon
_MOST = 200


@dataclass(frozen=True)
class Simulation:
    """What a simulation found.

    Attributes:
        pipeline: its name.
        run: id of the run whose training was repeated.
        file: the thresholds.
        trainings: how many models were trained.
        seed: of the simulation.
        rows: that they were weighed on; 0 where the pipeline's own provider weighs.
        parts: quality, latency and data; those that could be simulated.
        spreads: of the metrics that have thresholds.
        notes: what was not simulated, and why.
    """

    pipeline: str
    run: str
    file: Path
    trainings: int
    seed: int
    rows: int
    parts: tuple[Tally, ...]
    spreads: tuple[Spread, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Rate:
        """How often a verdict refuses a model that is just as good: any of its gates does."""
        return any_of([part.verdict for part in self.parts])

    @property
    def worst_pass(self) -> tuple[str, Rate] | None:
        """The gate that lets through most of the models at its threshold; no verdict passes them more often.

        Distances of data are not among them: they are held to a threshold as they are measured, and state no risk.
        """
        gates = [each for part in self.parts if part.part != "data" for each in part.gates.values()]
        tried = [each for each in gates if each.at_threshold.trials and each.gate.severity == "blocking"]
        if not tried:
            return None
        worst = max(tried, key=lambda each: each.at_threshold.rate.share)
        return worst.gate.name, worst.at_threshold.rate

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "pipeline": self.pipeline,
            "run": self.run,
            "file": str(self.file),
            "trainings": self.trainings,
            "seed": self.seed,
            "rows": self.rows,
            "verdict": {
                "refuses_equal": self.verdict.document(),
                "parts": {part.part: part.verdict.document() for part in self.parts},
            },
            "gates": [each.document() for part in self.parts for each in part.gates.values()],
            "retraining": [
                {"key": each.key, "retraining_sd": each.sd, "upper_95": each.upper, "rows_sd": each.error}
                | {"line": each.line}
                for each in self.spreads
            ],
            "notes": list(self.notes),
        }


def simulate_gates(
    definition: Definition,
    workdir: str | Path,
    trainings: int,
    seed: int = 0,
    began: Callable[[str], None] = lambda _: None,
) -> Simulation:
    """Train the model of a pipeline's last run again and again, and weigh what is equally good by the gates in force.

    Nothing of the pipeline or of its work directory is changed.

    Args:
        definition: the pipeline.
        workdir: folder that keeps its runs.
        trainings: how many models to train, at least two.
        seed: of seeds, samples and replays.
        began: told of each piece of work.

    Raises:
        UsageError: there is no run to repeat, its steps cannot be repeated, or its code raised.
        InfrastructureError: memory or disk ran out.
    """
    if trainings < FEWEST:
        raise UsageError(
            f"--simulate {trainings} trains too few models to weigh against each other",
            f"Give {FEWEST} or more; 30 tell a rate of 5 % from one of 2 %.",
        )
    file = definition.folder / THRESHOLDS_FILE
    gates = as_judged_first(load_gates(file))
    began("reading the last run")
    executed = last_executed(definition, workdir)
    evaluated = Evaluated(executed, gates.quality, gates.latency)
    draw = [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(4)]
    with tempfile.TemporaryDirectory(prefix="weighbridge-simulate-") as folder:
        models = retrain_all(executed, trainings, seed, Path(folder), began)
        try:
            quality, spreads, rows = _quality(gates, evaluated, models, draw[0], began)
        except Unmeasurable as error:
            raise UsageError(
                f"The retrained models of {definition.name} cannot be weighed: {error.message}",
                f"Run it again: weighbridge run {definition.name}",
            ) from error
    notes = [*quality.notes]
    if any(bounds.anchor for bounds in gates.quality.metrics.values()):
        notes.append("Rules against an anchor were not simulated.")
    if not draws_rows(executed):
        notes.append("The rows to train on could not be drawn anew: trainings differ by their seeds alone.")
    if gates.quality.reserve is not None and evaluated.built_in:
        notes.append(
            f"The look at the reserve {gates.quality.reserve!r} was not simulated: what the first leaves open counts "
            "as not passed."
        )
    if spreads and not any(each.sd or each.error for each in spreads):
        notes.append("All models are the same: the training does not depend on its seed, or does not use it.")
    times = min(_EACH * trainings, _MOST)
    parts = [quality, *_latency(gates, evaluated, draw[1:3], times, notes, began)]
    parts += _data(gates, executed, draw[3], times, notes, began)
    return Simulation(
        pipeline=definition.name,
        run=executed.run.record.run_id,
        file=file,
        trainings=trainings,
        seed=seed,
        rows=rows,
        parts=tuple(parts),
        spreads=tuple(spreads),
        notes=tuple(dict.fromkeys(notes)),
    )


def as_judged_first(gates: Gates) -> Gates:
    """The thresholds as the first attempt on fresh evaluation data is judged by: with its share of the risk."""
    return gates.model_copy(update={"quality": at_first_attempt(gates.quality)})


def _quality(
    gates: Gates,
    evaluated: Evaluated,
    models: list[Retrained],
    rng: np.random.Generator,
    began: Callable[[str], None],
) -> tuple[Tally, list[Spread], int]:
    sizes = [evaluated.stored(each.model).size() for each in models]

    def others(candidate: int, production: int) -> list[Gate]:
        judged = list(models[candidate].gates)
        if gates.latency.model_bytes:
            ours, theirs = (Estimate(float(sizes[each])) for each in (candidate, production))
            judged += gates.latency.model_bytes.judge(f"{LATENCY}.model_bytes", ours, baseline=theirs, unit="bytes")
        return judged

    if not evaluated.built_in:
        began(f"weighing {len(models)} models by {evaluated.metrics_fn}")

        def ask(candidate: int, production: int) -> MetricsResponse:
            return evaluated.ask(models[candidate].model, models[production].model)

        return *weigh_as_it_is(gates.quality, len(models), ask, others), 0
    began(f"predicting with {len(models)} models")
    predicted = evaluated.models([evaluated.predictions(each.model) for each in models])
    began(f"weighing {len(models) * (len(models) - 1):,} pairs of models")
    return *weigh_resampled(gates.quality, predicted, rng, others), len(predicted.rows.labels)


def _latency(
    gates: Gates,
    evaluated: Evaluated,
    draw: list[np.random.Generator],
    replays: int,
    notes: list[str],
    began: Callable[[str], None],
) -> list[Tally]:
    latency = gates.latency
    began("timing the model against itself")
    parts: list[Tally] = []
    traces: list[Trace] = []
    try:
        contenders = evaluated.contenders()
        traces += record(latency, contenders)
        if latency.load_ms is not None:
            parts.append(weigh_loads(latency, record_loads(contenders), draw[1], replays))
        for name in latency.variants:
            traces += record_variant(latency, name, evaluated.variant(name))
    except Unmeasurable as error:
        notes.append(f"Latency was not simulated as a whole: {error.message}")
    if latency.peak_memory_bytes is not None:
        notes.append("latency.peak_memory_bytes was not simulated: each measurement takes a load of the model.")
    if latency.served is not None:
        notes.append("latency.served was not simulated: it takes servers. Its intervals state the same risk.")
    began(f"replaying {sum(len(next(iter(each.times.values()))) for each in traces):,} recorded calls")
    return [weigh_replayed(latency, traces, draw[0], replays), *parts]


def _data(
    gates: Gates,
    executed: Executed,
    rng: np.random.Generator,
    deals: int,
    notes: list[str],
    began: Callable[[str], None],
) -> list[Tally]:
    compared = [gates.data.skew, gates.data.drift.production, gates.data.drift.previous_span]
    if not any(compared):
        return []
    if executed.statistics is None:
        notes.append("Skew and drift were not simulated: the run left no statistics of its data.")
        return []
    began("dealing rows anew for skew and drift")
    tally = weigh_dealt(gates.data, executed.statistics, rng, deals)
    notes += tally.notes
    return [tally]
