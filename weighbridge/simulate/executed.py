"""What the last run executed: the training and the evaluation, as ML Metadata has them, read and never written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.definition import Definition
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace

_TRAINER = "weighbridge.components.trainer.component.Trainer"
_EVALUATOR = "weighbridge.components.evaluator.component.Evaluator"
_EVALUATION = "ModelEvaluation"


@dataclass(frozen=True)
class Execution:
    """One execution of a step.

    Attributes:
        type: dotted name of its component.
        properties: what it was told.
        inputs: its input artifacts by key (TFX artifacts).
    """

    type: str
    properties: dict[str, Any]
    inputs: dict[str, list[Any]]

    def uri(self, key: str) -> str | None:
        """Where an input lies; None where there is none."""
        return self.inputs[key][0].uri if self.inputs.get(key) else None


@dataclass(frozen=True)
class Executed:
    """The last run that weighed a model.

    Attributes:
        run: its folder and record.
        training: that made the model.
        evaluation: that weighed it.
        statistics: folder of the statistics of its data; None where it left none.
    """

    run: Run
    training: Execution
    evaluation: Execution
    statistics: Path | None


def last_executed(definition: Definition, workdir: str | Path) -> Executed:
    """The last run of a pipeline that came as far as weighing a model; of an experiment, too.

    Raises:
        UsageError: there is none, it ran elsewhere, or its steps are not of the components that can be repeated.
    """
    run, context, uri = _last_weighed(definition, workdir)
    with _metadata(Path(context.metadata), definition) as store:
        evaluation = _producer(store, uri)
        if evaluation is None or evaluation.type != _EVALUATOR:
            raise _not_ours(definition, "weighed", "Evaluator", evaluation)
        model = evaluation.uri("model")
        training = _producer(store, model) if model else None
        if training is None or training.type != _TRAINER:
            raise _not_ours(definition, "trained", "Trainer", training)
    for artifact in (each for found in (training, evaluation) for listed in found.inputs.values() for each in listed):
        if not Path(artifact.uri).exists():
            raise UsageError(
                f"Run {run.record.run_id} read {artifact.uri}, which is not there any more",
                f"Run it again: weighbridge run {definition.name} --force",
            )
    return Executed(run, training, evaluation, _statistics(run))


def _last_weighed(definition: Definition, workdir: str | Path) -> tuple[Run, Any, str]:
    found = [each for rehearsal in (False, True) for each in _weighed(definition, workdir, rehearsal)]
    if not found:
        raise UsageError(
            f"No run of {definition.name} in {Path(workdir).absolute()} weighed a model, so there is nothing to repeat",
            f"Run it first: weighbridge run {definition.name}",
        )
    return max(found, key=lambda each: each[0].record.started)


def _weighed(definition: Definition, workdir: str | Path, rehearsal: bool) -> Iterator[tuple[Run, Any, str]]:
    """The newest run of a workspace that weighed a model on this machine, all of the data."""
    workspace = Workspace(workdir, definition.name, rehearsal)
    for run in workspace.newest_first():
        if run.brought or run.record.kind not in ("run", "experiment"):
            continue
        for artifact in run.record.artifacts:
            if artifact.type == _EVALUATION and Path(artifact.uri).exists():
                yield run, workspace.context(definition), artifact.uri
                return


def _statistics(run: Run) -> Path | None:
    found = [each for each in run.record.artifacts if each.type == "ExampleStatistics" and each.digest]
    return Path(found[-1].uri) if found and Path(found[-1].uri).exists() else None


def _not_ours(definition: Definition, what: str, component: str, found: Execution | None) -> UsageError:
    whose = f"by {found.type}" if found else "by a step that its metadata do not tell"
    return UsageError(
        f"{definition.name}'s model was {what} {whose}, which cannot be repeated with other seeds",
        f"--simulate repeats what weighbridge.components.{component.lower()}.{component} does.",
    )


def _metadata(path: Path, definition: Definition) -> Any:
    """A store that is only read."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration import metadata

    if not path.exists():
        raise UsageError(
            f"{definition.name} keeps its metadata elsewhere than in {path}, so its run cannot be repeated",
            "Build the pipeline with context.pipeline([...]).",
        )
    config = metadata_store_pb2.ConnectionConfig()  # type: ignore[attr-defined]
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY  # type: ignore[attr-defined]
    return metadata.Metadata(config)


def _producer(handle: Any, uri: str) -> Execution | None:
    """The execution that left an artifact; None where the metadata do not say."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.orchestration.portable.mlmd import execution_lib

    artifacts = [each.id for each in handle.store.get_artifacts_by_uri(uri)]
    events = handle.store.get_events_by_artifact_ids(artifacts) if artifacts else []
    states, kinds = metadata_store_pb2.Execution, metadata_store_pb2.Event  # type: ignore[attr-defined]
    made = [event.execution_id for event in events if event.type == kinds.OUTPUT]
    executions = handle.store.get_executions_by_id(made) if made else []
    complete = [each for each in executions if each.last_known_state == states.COMPLETE]
    if not complete:
        return None
    [kind] = handle.store.get_execution_types_by_id([complete[0].type_id])
    inputs = execution_lib.get_input_artifacts(handle, complete[0].id)
    properties = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in complete[0].custom_properties.items()
        if value.WhichOneof("value")
    }
    return Execution(kind.name, properties, {key: list(listed) for key, listed in inputs.items()})
