"""Checks a pipeline while nothing runs: everything that is wrong at once, and not the first thing alone.

A check is a function of a `Subject` that yields findings; `CHECKS` is the one place that lists them. It finds the
pipeline built (`subject.nodes`), the thresholds and the schema read, or None of what could not be.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from weighbridge.checks import canary, components, data, functions, risks, schema, thresholds
from weighbridge.checks.finding import Finding
from weighbridge.checks.functions import place_of_error
from weighbridge.checks.subject import CheckedContext, Node, Subject, sound_part
from weighbridge.common import invocation
from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.common.machine import first_line, is_machine_failure
from weighbridge.common.yaml_file import read_yaml
from weighbridge.components.traits import leaving_to_preflight
from weighbridge.definition import load
from weighbridge.runs.component_traits import traits_of
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.gates_file import Gates, problems_of

Check = Callable[[Subject], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    thresholds.metric_names,
    thresholds.bounds,
    thresholds.blocking,
    thresholds.percentiles,
    thresholds.splits,
    thresholds.steps,
    schema.named_features,
    schema.label,
    functions.functions,
    data.columns,
    risks.latency,
    risks.rows,
    canary.steps,
    components.preflight,
    components.destinations,
    components.pushes,
    components.on_kubeflow,
)


def check_pipeline(
    pipeline: str,
    data: str | None = None,
    settings: Sequence[str] = (),
    workdir: str | Path = "work",
    *,
    kubeflow: bool = False,
) -> list[Finding]:
    """All that shows to be wrong with a pipeline while nothing runs.

    The module is imported and the pipeline built, functions are imported, and prepare_fn is tried on the first rows of
    the data. No step runs, and nothing is written.

    Args:
        pipeline: name, import path or file.
        data: input data; None for the pipeline's own.
        settings: changed parameters, `key=value`.
        workdir: where it would run.
        kubeflow: whether it is to be compiled for Kubeflow, too.

    Returns:
        The findings, each once: errors first, file by file.

    Raises:
        InfrastructureError: the machine failed, e.g. for want of memory.
    """
    words = [pipeline, *([] if data is None else ["--data", data])]
    with invocation.of(*words):
        found = list(_each_once(_look(pipeline, data, settings, workdir, kubeflow)))
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[bool, bool, str, int]:
    """Errors first; file by file from the top, then what stands in none."""
    return finding.level != "error", finding.file is None, str(finding.file or ""), finding.line or 0


def _look(
    pipeline: str, data_: str | None, settings: Sequence[str], workdir: str | Path, kubeflow: bool
) -> Iterator[Finding]:
    try:
        definition = load(pipeline)
    except UsageError as error:
        yield Finding.of("definition", error, *place_of_error(error))
        return
    context = Workspace(workdir, definition.name).context(definition)
    subject = Subject(definition, context, kubeflow=kubeflow)
    try:
        subject.parameters = definition.parameters(data_, settings)
    except UsageError as error:
        yield Finding.of("definition", error)
        with contextlib.suppress(UsageError):  # the rest is checked as it is without the options
            subject.parameters = definition.parameters()
    yield from _read_gates(subject)
    broken = False
    if context.schema.exists():
        subject.schema, subject.schema_lines, problems = schema.read_schema(context.schema)
        problems += schema.itself(subject)
        yield from problems
        broken = bool(problems)
    for finding in _build(subject):
        if not (broken and str(context.schema) in finding.message):  # told already, with its lines
            yield finding
    for check in CHECKS:
        yield from check(subject)


def _read_gates(subject: Subject) -> Iterator[Finding]:
    path = subject.gates_path
    if not path.exists():
        return  # a pipeline that needs it says so when it is built
    try:
        file = read_yaml(path)
    except UsageError as error:
        yield Finding.of("gates", error, path, _line_in(error.message))
        return
    except OSError as error:
        yield Finding(check="gates", message=f"{path} cannot be read: {error.strerror}", file=path)
        return
    if not isinstance(file.content, dict):
        sections = ", ".join(Gates.model_fields)
        yield Finding(check="gates", message="The file holds no sections", hint=f"Expected: {sections}.", file=path)
        return
    subject.gates_file = file
    subject.gates, problems = problems_of(file.content, file)
    for problem in problems:
        yield Finding(check="gates", message=problem.message, file=path, line=problem.line)
    if problems:
        subject.gates = sound_part(file)


def _line_in(message: str) -> int | None:
    """The line that an error of `read_yaml` names."""
    _, found, rest = message.partition(", line ")
    number = rest.partition(":")[0]
    return int(number) if found and number.isdigit() else None


def _build(subject: Subject) -> Iterator[Finding]:
    """Build the pipeline, and say what kept it from being built."""
    if subject.parameters is None:
        return
    broken = subject.gates_file is not None and subject.gates is None
    try:
        # A connection to metadata makes the folder that they lie in.
        with leaving_to_preflight(), tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
            context = replace(subject.context, metadata=str(Path(folder, "metadata.sqlite")))
            context = CheckedContext.of(context, subject.gates)
            pipeline = subject.definition.create_pipeline(subject.parameters, context)
        nodes = list(pipeline.components)
    except Exception as error:
        if broken:
            return  # told already, with its lines
        yield _not_built(subject, error)
        return
    if pipeline.metadata_connection_config is None:
        yield Finding(
            check="definition",
            message="The pipeline has no metadata_connection_config, so it cannot run here",
            hint="Build it with context.pipeline([...]), or pass a sqlite connection of your own.",
        )
    subject.nodes = tuple(_nodes(nodes))


def _not_built(subject: Subject, error: BaseException) -> Finding:
    file, line = place_of_error(error, subject.definition.folder)
    if isinstance(error, WeighbridgeError):
        if not isinstance(error, UsageError):
            raise error
        return Finding.of("definition", error, file, line)
    if is_machine_failure(error):
        raise error
    message = f"The pipeline cannot be built: {type(error).__name__}: {first_line(error)}"
    hint = "create_pipeline(parameters, context) must return context.pipeline([...])."
    return Finding(check="definition", message=message, hint=hint, file=file, line=line)


def _nodes(components_: Sequence[Any]) -> Iterator[Node]:
    for component in components_:
        try:
            traits = traits_of(component)
        except UsageError:
            continue  # `components.preflight` tells
        parameters = dict(getattr(component, "exec_properties", None) or {})
        yield Node(component.id, parameters, traits, component)


def _each_once(found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without those that an earlier one told already, maybe with a guess behind it."""
    told: list[str] = []
    for finding in found:
        if not any(message.startswith(finding.message) for message in told):
            told.append(finding.message)
            yield finding
