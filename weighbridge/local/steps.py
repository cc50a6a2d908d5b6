"""Launches a TFX pipeline's nodes one after another and yields what each did."""

import difflib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files, secrets
from weighbridge.common.digests import code_digest
from weighbridge.common.errors import NothingRunError, UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.definition import Context
from weighbridge.local.metadata_lock import check_belongs, wait_until_writable
from weighbridge.runs.component_traits import traits_of
from weighbridge.runs.fingerprint import step_modules
from weighbridge.runs.preflight import check_components, check_secrets
from weighbridge.runs.pushes import check_delivers

if TYPE_CHECKING:
    from weighbridge.local.kept_steps import KeptStep, KeptSteps
    from weighbridge.local.launcher import CutoffLauncher


@dataclass
class NodeResult:
    """What launching one node gave.

    Attributes:
        name: the node's id.
        cached: an earlier execution's outputs were used, of this machine or, from the store, of another.
        ran: the node was executed now; neither cached nor ran means that TFX skipped it (a condition).
        seconds: wall time.
        outputs: its output artifacts by key (TFX artifacts).
        inputs: its input artifacts by key.
        exec_properties: as resolved for this execution.
        traits: what its component declares.
        restored: the outputs are another machine's, from the store.
    """

    name: str
    cached: bool
    ran: bool
    seconds: float
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    inputs: dict[str, list[Any]] = field(default_factory=dict)
    exec_properties: dict[str, Any] = field(default_factory=dict)
    traits: ComponentTraits = field(default_factory=ComponentTraits)
    restored: bool = False


class PipelineSteps:
    """A TFX pipeline, compiled and ready to be launched node by node on this machine.

    Args:
        pipeline: a `tfx.orchestration.pipeline.Pipeline`.
        run_id: id of this run in ML Metadata.
        code_file: JSON file that remembers, per node, the code of the user functions it last ran with.

    Attributes:
        modules: names of the own code behind each node, by its id.
        traits: what the component of each node declares, by its id.
        thorough: whether the bytes of what is used again are read, and not only names, sizes and times of the files.
        changed_code: the nodes launched so far whose user functions are not as they were, where only that is known.
    """

    def __init__(self, pipeline: Any, run_id: str, code_file: str) -> None:
        from tfx.dsl.compiler import compiler, constants
        from tfx.orchestration.local import runner_utils
        from tfx.orchestration.portable import runtime_parameter_utils

        if pipeline.metadata_connection_config is None:
            raise UsageError(
                f"Pipeline {pipeline.pipeline_info.pipeline_name} has no metadata_connection_config",
                "Build it with context.pipeline([...]), or pass a sqlite connection of your own.",
            )
        self.modules = {node.id: step_modules(node) for node in pipeline.components}
        self.traits = {node.id: traits_of(node) for node in pipeline.components}
        self._components = list(pipeline.components)
        self._properties = {node.id: dict(getattr(node, "exec_properties", {})) for node in pipeline.components}
        self._ir = compiler.Compiler().compile(pipeline)
        runtime_parameter_utils.substitute_runtime_parameter(
            self._ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self._deployment = runner_utils.extract_local_deployment_config(self._ir)
        connection = self._deployment.metadata_connection_config
        self._connection = getattr(connection, connection.WhichOneof("connection_config"))
        self._code_file = code_file
        self.thorough = False
        self._kept: dict[str, KeptStep | None] = {}
        self._executors = {node.id: _executor_of(node) for node in pipeline.components}
        self.changed_code: set[str] = set()

    @property
    def names(self) -> list[str]:
        """Ids of the nodes, in the order they run."""
        return [node.pipeline_node.node_info.id for node in self._ir.nodes]

    @property
    def _database(self) -> str:
        """ML Metadata's sqlite file; empty for a database of another kind."""
        return str(getattr(getattr(self._connection, "sqlite", None), "filename_uri", ""))

    def extent(self, to: str, pushes: bool, kind: str = "run") -> tuple[list[str], dict[str, str]]:
        """Which steps to launch.

        Args:
            to: the last step that is wanted; empty for all.
            pushes: whether steps that push are wanted.
            kind: of the run, for the reason why they are not.

        Returns:
            The names of the steps to launch, and of those to be recorded as left out with the reason.

        Raises:
            NothingRunError: there is no step of that name, or none at all.
        """
        names = self.names
        if not names:
            raise NothingRunError("The pipeline has no steps", "create_pipeline gives none: see context.pipeline.")
        if to and to not in names:
            close = difflib.get_close_matches(to, names, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise NothingRunError(f"There is no step {to!r}.{guess}", f"Steps: {', '.join(names)}.")
        wanted = names[: names.index(to) + 1] if to else names
        end = next((index for index, name in enumerate(wanted) if self.traits[name].pushes), len(wanted))
        end = len(wanted) if pushes else end
        why = "a part of a run" if kind == "run" else f"an {kind}" if kind == "experiment" else f"a {kind}"
        return wanted[:end], dict.fromkeys(wanted[end:], f"{why} pushes nothing")

    def share(self, kept: "KeptSteps") -> None:
        """Let reproducible steps take what was made elsewhere from the same content, and keep what they make."""
        for name, traits in self.traits.items():
            code = "" if traits.code_digest or not self.modules[name] else code_digest(self.modules[name])
            self._kept[name] = kept.of(name, self._executors[name], traits, code)

    def check(self, context: Context) -> None:
        """Make sure that the pipeline does what its context asks for.

        Raises:
            UsageError: it would push elsewhere, use all the data where a share was asked for, its data or parameters
                cannot work, or a step is given a secret in plain.
        """
        check_secrets(self._components)
        check_belongs(self._database, context.root)
        check_components(self._components)
        check_delivers(context, ((traits, self._properties[name]) for name, traits in self.traits.items()))
        samples = [
            share_of(self._properties[name].get(traits.sample)) for name, traits in self.traits.items() if traits.sample
        ]
        if context.sample != 1.0 and context.sample not in samples:
            raise UsageError(
                f"Pipeline {context.name} would use all its data, not {context.sample:g} of them",
                "Give its ExampleGen sample=context.sample.",
            )

    def check_secrets_are_set(self) -> None:
        """Make sure that the environment variables are there that parameters refer to, before any step starts.

        Raises:
            UsageError: one is not.
        """
        for name, properties in self._properties.items():
            secrets.check_set(secrets.names(properties), name)

    def launch(self) -> Iterator[NodeResult]:
        """Launch node after node; a node's error is raised from here."""
        for node in self._ir.nodes:
            yield self._launch(node.pipeline_node)

    def _launch(self, node: Any) -> NodeResult:
        from tfx.orchestration import metadata
        from tfx.orchestration.local import runner_utils

        name = node.node_info.id
        started = time.monotonic()
        wait_until_writable(self._database)
        modules = set() if self.traits[name].code_digest else self.modules.get(name, set())
        code = _NodeCode(self._code_file, name, modules)
        if code.changed:
            self.changed_code.add(name)
            node.execution_options.caching_options.enable_cache = False
        kept = self._kept.get(name)
        launcher = self._new_launcher(
            kept=kept,
            thorough=self.thorough,
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(self._connection),
            pipeline_info=self._ir.pipeline_info,
            pipeline_runtime_spec=self._ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(self._deployment, name),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, name),
        )
        info = launcher.launch()
        code.remember()
        state, outputs = self._execution(getattr(info, "execution_id", None))
        if (
            kept is not None and info is not None and outputs and not launcher.restored
        ):  # of a cached one others may know nothing yet
            kept.keep(info.exec_properties, info.input_dict, outputs)
        return NodeResult(
            name=name,
            cached=state == "CACHED" or launcher.restored,
            ran=state == "COMPLETE" and not launcher.restored,
            seconds=time.monotonic() - started,
            outputs=outputs,
            inputs={key: list(artifacts) for key, artifacts in (getattr(info, "input_dict", None) or {}).items()},
            exec_properties=dict(getattr(info, "exec_properties", None) or {}),
            traits=self.traits[name],
            restored=launcher.restored,
        )

    def _new_launcher(self, **options: Any) -> "CutoffLauncher":
        from weighbridge.local.launcher import CutoffLauncher

        return CutoffLauncher(**options)

    def _execution(self, execution_id: int | None) -> tuple[str, dict[str, list[Any]]]:
        """State and outputs of an execution, as ML Metadata has them."""
        from ml_metadata.proto import metadata_store_pb2
        from tfx.orchestration import metadata
        from tfx.orchestration.portable.mlmd import execution_lib

        if not execution_id:
            return "SKIPPED", {}
        with metadata.Metadata(self._connection) as handle:
            [execution] = handle.store.get_executions_by_id([execution_id])
            outputs = execution_lib.get_output_artifacts(handle, execution_id)
        state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)  # type: ignore[attr-defined]
        return state, {key: list(artifacts) for key, artifacts in outputs.items()}


class _NodeCode:
    """Whether the own code behind a node changed since the node last ran.

    Our components carry the digest of their code as a parameter, which is part of TFX's cache key. Stock Transform or
    Tuner with a dotted function, and function components, carry none: TFX would not notice an edited function.
    """

    def __init__(self, file: str, name: str, modules: set[str]) -> None:
        self._file, self._name = file, name
        self._digest = code_digest(modules) if modules else ""
        self.changed = bool(self._digest) and _read_json(file).get(name) != self._digest

    def remember(self) -> None:
        if self.changed:
            files.write_json(self._file, _read_json(self._file) | {self._name: self._digest})


def _executor_of(node: Any) -> str:
    executor = getattr(getattr(node, "executor_spec", None), "executor_class", None)
    return "" if executor is None else f"{executor.__module__}.{executor.__qualname__}"


def _read_json(path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(Path(path).read_text()))
    except (OSError, ValueError):
        return {}


def share_of(sample: Any) -> float | None:
    """The share of the data in a component's parameter `sample`: a number, or JSON as ExampleGen has it."""
    from weighbridge.components.example_gen.sample import Sample

    try:
        return float(sample) if isinstance(sample, float) else Sample.model_validate_json(sample).share
    except ValueError:
        return None
