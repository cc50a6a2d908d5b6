"""Foresees a run with TFX's own launcher on a copy of its metadata: everything is done but the executing.

Drivers, cache keys and look-ups are the real ones. A step that would execute leaves stand-ins for its outputs, which
no cache knows, so what depends on them would execute too. Unless its component declares that nothing which changed
reaches an output (`output_depends_on` of its traits): then it is the earlier artifact, as the run's early cutoff will
find.
"""

import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfx import types
from tfx.orchestration.portable import execution_publish_utils

from weighbridge.common.errors import UsageError
from weighbridge.definition import Context
from weighbridge.local.collected import digest_of, gates_of
from weighbridge.local.kept_steps import KeptSteps
from weighbridge.local.launcher import CutoffLauncher, in_order_of_ids
from weighbridge.local.steps import NodeResult, PipelineSteps
from weighbridge.plan.changes import step_differences
from weighbridge.plan.earlier_runs import UNKNOWN, EarlierRuns
from weighbridge.plan.model import PlannedStep
from weighbridge.runs import fingerprint
from weighbridge.runs.content import CONTENT_DIGEST

_METADATA = "metadata.sqlite"

Artifacts = Mapping[str, Sequence[types.Artifact]]


@dataclass
class _Knowledge:
    """What is known while node after node is foreseen.

    Attributes:
        past: the earlier runs.
        depends_on: declared by the component of each node: by output, what can change it.
        declared: parameters of each node as it is built; what differs from them a driver resolved.
        shares: whether results come from other machines, so that content may be known of what is not here.
        unknown: `step.key` of each output that is not there yet, by the id of its stand-in.
    """

    past: EarlierRuns
    depends_on: dict[str, Mapping[str, tuple[str, ...]]]
    declared: Mapping[str, Mapping[str, Any]]
    shares: bool = False
    unknown: dict[int, str] = field(default_factory=dict)

    def fingerprint(
        self, node: str, exec_properties: Mapping[str, Any], inputs: Artifacts
    ) -> dict[str, dict[str, Any]]:
        """The fingerprint of an execution to come, with `UNKNOWN` for what is not there yet.

        Nor is what a driver resolved from inputs that are not there yet.
        """
        digests = {
            key: [UNKNOWN if artifact.id in self.unknown else digest_of(artifact) for artifact in artifacts]
            for key, artifacts in inputs.items()
        }
        declared = self.declared[node]
        unsure = bool(self.stand_ins(inputs))
        properties = {
            name: UNKNOWN if unsure and value != declared.get(name) else value
            for name, value in exec_properties.items()
        }
        return fingerprint.of_step(properties, digests)

    def stand_ins(self, inputs: Artifacts) -> dict[str, str]:
        """`step.key` of what is not there yet, by the key of the input that it will be."""
        return {
            key: self.unknown[artifact.id]
            for key, artifacts in sorted(inputs.items())
            for artifact in artifacts
            if artifact.id in self.unknown
        }


class _DryRunLauncher(CutoffLauncher):
    """Prepares a node as for a run, and publishes what it would leave instead of executing it."""

    def __init__(self, knowledge: _Knowledge, **options: Any) -> None:
        super().__init__(**options)
        self._knowledge = knowledge

    def launch(self) -> Any:
        if self._system_node_handler:  # a resolver: looks things up, executes nothing
            return super().launch()
        prepared = self._prepare_execution()
        if prepared.is_execution_needed:
            info = prepared.execution_info
            if self._kept is not None and not self._knowledge.stand_ins(info.input_dict):
                self.restored = self._kept.foresee(info.exec_properties, info.input_dict, info.output_dict)
            if self.restored:
                self._publish(info, prepared.contexts, dict(info.output_dict))
            else:
                self._publish_foreseen(info, prepared.contexts)
        return prepared.execution_info

    def _publish_foreseen(self, info: Any, contexts: Any) -> None:
        node = self._pipeline_node.node_info.id
        rules = self._knowledge.depends_on.get(node, {})
        expected = self._knowledge.fingerprint(node, info.exec_properties, info.input_dict)
        with self._mlmd_connection as metadata:
            outputs: dict[str, list[types.Artifact]] = {}
            for key, stand_ins in info.output_dict.items():
                digest = self._knowledge.past.digest(node, key, rules[key], expected) if key in rules else ""
                earlier = self._earlier(metadata, key, stand_ins[0].type_name, digest) if digest else None
                if digest and self._knowledge.shares:  # it comes out as it did on another machine
                    stand_ins[0].set_string_custom_property(CONTENT_DIGEST, digest)
                outputs[key] = [earlier] if earlier else list(stand_ins)
        self._publish(info, contexts, outputs)

    def _publish(self, info: Any, contexts: Any, outputs: dict[str, list[types.Artifact]]) -> None:
        node = self._pipeline_node.node_info.id
        new = {id(artifact): f"{node}.{key}" for key, found in info.output_dict.items() for artifact in found}
        with self._mlmd_connection as metadata:
            outputs = in_order_of_ids(metadata, outputs)
            self._knowledge.unknown |= {
                artifact.id: new[id(artifact)]
                for artifacts in outputs.values()
                for artifact in artifacts
                if id(artifact) in new and not digest_of(artifact)
            }
            execution_publish_utils.publish_succeeded_execution(
                metadata_handle=metadata, execution_id=info.execution_id, contexts=contexts, output_artifacts=outputs
            )


class DryRunSteps(PipelineSteps):
    """A pipeline whose launching executes nothing and leaves no trace.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`, built for `foreseeing(context, folder)`.
        folder: holds the copies.
        code_file: as the run's own.
        past: the earlier runs.

    Raises:
        UsageError: its metadata are elsewhere.
    """

    def __init__(self, pipeline: Any, folder: Path, code_file: Path, past: EarlierRuns) -> None:
        copied = folder / code_file.name
        if code_file.exists():
            shutil.copyfile(code_file, copied)
        super().__init__(pipeline, "plan", str(copied))
        connected = getattr(getattr(self._connection, "sqlite", None), "filename_uri", "")
        if connected != str(folder / _METADATA):
            raise UsageError(
                f"Pipeline {pipeline.pipeline_info.id} cannot be planned: it keeps its metadata in a place of its own",
                "Build it with context.pipeline([...]).",
            )
        self._ir.runtime_spec.pipeline_root.field_value.string_value = str(folder / "artifacts")
        self._knowledge = _Knowledge(
            past,
            {name: traits.output_depends_on for name, traits in self.traits.items()},
            self._properties,
        )
        self._outputs = {
            node.id: {channel.type_name for channel in node.outputs.values()} for node in pipeline.components
        }
        self._fed = {node.id for node in pipeline.components if node.inputs}
        self._running: set[str] = set()

    def share(self, kept: KeptSteps) -> None:
        """Foresee also what is taken from the store."""
        super().share(kept)
        self._knowledge.shares = True

    def trains(self, step: str) -> bool:
        """Whether a step makes a model, rather than look one up."""
        return "Model" in self._outputs[step] and step in self._fed

    def pushes(self, step: str) -> bool:
        """Whether a step pushes a model."""
        return bool(self.traits[step].pushes)

    def foresee(self, names: list[str], left_out: Mapping[str, str]) -> Iterator[PlannedStep]:
        """What would become of each step.

        Args:
            names: of the steps to launch, see `extent`.
            left_out: reason for each step that is left out.
        """
        for position, (name, result) in enumerate(zip(names, self.launch(), strict=False)):
            if result.ran:
                self._running.add(name)
                yield self._to_run(name, result)
            elif result.restored:
                why = "made before from the same content; taken from the store"
                yield PlannedStep(name=name, action="cached", why=why, seconds=0.0)
            elif not result.cached:
                yield PlannedStep(name=name, action="skipped", why="its condition does not hold", seconds=0.0)
            else:
                gates = gates_of(result)
                refusing = next((gate for gate in gates if gate.refuses), None)
                why = f"unchanged, and refuses: {refusing.message}" if refusing else "nothing it depends on changed"
                yield PlannedStep(name=name, action="cached", why=why, seconds=0.0)
                if refusing:
                    left_out = dict.fromkeys(names[position + 1 :], f"{name} refuses") | dict(left_out)
                    break
        for name, why in left_out.items():
            yield PlannedStep(name=name, action="skipped", why=why, seconds=0.0)

    def _new_launcher(self, **options: Any) -> CutoffLauncher:
        return _DryRunLauncher(self._knowledge, **options)

    def _launch(self, node: Any) -> NodeResult:
        # Whether a condition on an output to come holds is uncertain: the step is planned as if it held.
        if self._running & set(node.upstream_nodes):
            node.inputs.ClearField("conditionals")
        return super()._launch(node)

    def _to_run(self, name: str, result: NodeResult) -> PlannedStep:
        past = self._knowledge.past
        why, unless = self._reason(name, result)
        return PlannedStep(name=name, action="run", why=why, unless=tuple(unless), seconds=past.seconds(name))

    def _reason(self, name: str, result: NodeResult) -> tuple[str, list[str]]:
        """Why a step would run, and the outputs that, should they come out as they were, let the cache stand."""
        past = self._knowledge.past
        now = self._knowledge.fingerprint(name, result.exec_properties, result.inputs)
        anew = self._knowledge.stand_ins(result.inputs)
        outputs = sorted(set(anew.values()))
        if anew and name not in self.changed_code and past.could_stand(name, now, anew):
            return f"made anew: {', '.join(outputs)}", outputs
        last = past.last(name)
        if last is None:
            return "it has not run here yet", []
        here = past.last_was_here(name)
        before, after = last.fingerprint["parameters"], now["parameters"]
        places = set() if here else {key for key in after if is_path(after[key]) and is_path(before.get(key))}
        reasons = step_differences(*({k: v for k, v in each.items() if k not in places} for each in (before, after)))
        reasons += ["its code changed"] if here and name in self.changed_code else []
        reasons += [
            f"{key} changed"
            for key, digests in now["inputs"].items()
            if key not in anew and digests != last.fingerprint["inputs"].get(key)
        ]
        reasons = reasons or [f"made anew: {output}" for output in outputs]
        gone = "what it read or left is gone from the cache" if here else "it ran on another machine"
        return "; ".join(reasons) or gone, []


def is_path(value: Any) -> bool:
    """Whether a parameter names a place on a machine, which is another one on each."""
    return isinstance(value, str) and Path(value).is_absolute()


def dry_run_context(context: Context, folder: Path) -> Context:
    """The context of a run, with a copy of its metadata below `folder`."""
    copy = folder / _METADATA
    if context.metadata:
        _copy_database(Path(context.metadata), copy)
    return dataclasses.replace(context, metadata=str(copy))


def _copy_database(source: Path, target: Path) -> None:
    """A copy of a database as of one moment, even while a run writes to it; none where there is none yet."""
    if source.exists():
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
