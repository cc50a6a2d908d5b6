"""A pipeline compiled for Kubeflow: one YAML file with a PipelineSpec and a PlatformSpec, always the same bytes."""

import contextlib
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.digests import bytes_digest, value_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.common.resources import Resources
from weighbridge.components.example_gen.resolve import input_digest
from weighbridge.definition import Context, Definition, Parameters
from weighbridge.kubeflow.compile import checks
from weighbridge.kubeflow.compile.parameters import TYPES, ParameterPath, RuntimeParameter, find_parameter_paths
from weighbridge.runs import fingerprint
from weighbridge.runs.component_traits import traits_of
from weighbridge.runs.origin import origin_of
from weighbridge.runs.pushes import check_delivers

# Where a pipeline keeps what outlives a run, and the volume claims that are mounted there in the steps that use them.
STATE_FOLDER = "/weighbridge"
CLAIMS = {"production": "weighbridge-production", "kept": "weighbridge-kept"}
GATES_PARAMETER = "gates_digest"
DATA_PARAMETER = "data_digest"
DESTINATION_PARAMETER = "push_destination"
PRODUCTION_PARAMETER = "production_destination"

_DESCRIPTIONS = {
    DATA_PARAMETER: "digest of the input's files, part of the cache's key; empty to take what is there",
    GATES_PARAMETER: "digest of the thresholds this package was compiled with; a run with any other is refused",
}


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        path: of the YAML file.
        digest: of its bytes.
        pipeline: the pipeline's name.
        steps: its steps, in the order they run.
        parameters: what can be set when a run starts.
        image: that its steps run in.
        key: digest of all that a run's outcome depends on: pipeline, code, parameters, thresholds, data.
        production: what is looked up as production; empty where no step looks.
        destination: where models are pushed to; empty where no step pushes.
    """

    path: Path
    digest: str
    pipeline: str
    steps: tuple[str, ...]
    image: str
    key: str
    parameters: tuple[RuntimeParameter, ...] = ()
    production: str = ""
    destination: str = ""


def compile_package(
    definition: Definition,
    parameters: Parameters,
    output: Path,
    *,
    image: str,
    pipeline_root: str = "",
    allow_tag: bool = False,
    destination: str = "",
    deliver_to: str = "",
    volumes: bool = True,
    pin_data: bool = True,
    fuse: bool = False,
    state: str = STATE_FOLDER,
) -> Package:
    """Compile a pipeline and write the package.

    Args:
        definition: the pipeline.
        parameters: the defaults of its runtime parameters.
        output: file to write; its name must end in `.yaml`, which Kubeflow's client demands.
        image: that steps run in, by digest.
        pipeline_root: where artifacts go; empty for the server's own default.
        allow_tag: accept an image that is named by a tag.
        destination: what is looked up as production, and where models are pushed to by default, e.g.
            `gs://bucket/models/taxi`; by default a folder in a volume.
        deliver_to: where models are pushed to, if not to production.
        pin_data: whether a run takes the data that are there now, and no others; not for runs that recur.
        fuse: whether steps that want the same machine share a pod; those that train or want more stay alone.
        volumes: whether what outlives a run is kept in volumes; otherwise each step begins with empty folders.
        state: folder, in the steps, for production, history and checkpoints.

    Raises:
        UsageError: the image is not named by digest, something in the pipeline cannot run on Kubeflow, or it would not
            push to `deliver_to`.
    """
    checks.check_image(image, allow_tag=allow_tag)
    if output.suffix not in (".yaml", ".yml"):
        raise UsageError(f"-o {output} must end in .yaml", "Kubeflow's client takes no other packages.")
    context = Context(
        name=definition.name,
        folder=definition.folder,
        root=pipeline_root or f"minio://mlpipeline/v2/artifacts/{definition.name}",
        production=destination or f"{state}/production/{definition.name}",
        history=f"{state}/kept/history/{definition.name}",
        checkpoints=f"{state}/kept/checkpoints/{definition.name}",
        deliver_to=deliver_to,
    )
    with gc_paused():
        import yaml

        from weighbridge.kubeflow.compile import fuse as fusing
        from weighbridge.kubeflow.compile import kept_results, platform, spec, verdict_step

        pipeline = definition.create_pipeline(parameters, context)
        checks.check_pipeline(pipeline)
        traits = {node.id: traits_of(node) for node in pipeline.components}
        check_delivers(context, ((traits[node.id], node.exec_properties) for node in pipeline.components))
        opened = _open_parameters(definition, parameters, context, pipeline, pin_data)
        modules = {node.id: fingerprint.step_modules(node) for node in pipeline.components}
        declared = fingerprint.declared(definition, parameters, context, modules)
        opened = _tell_origin(definition, parameters, pipeline, opened, declared["code"])
        description = (definition.description or definition.name).strip()
        document = spec.pipeline_spec(pipeline, image, opened, pipeline_root, description)
        resources = {
            f"{node.id}_executor": _with_state(node, state, volumes)
            for node in pipeline.components
            if "container" in spec.executor(document, node.id)
        }
        ours = {name: each for name, each in traits.items() if spec.is_ours(document, name)}
        order = [node.id for node in pipeline.components]
        steps = verdict_step.add_verdict_step(document, order, ours, image, definition.name, last=fuse)
        resources |= {f"{name}_executor": Resources() for name in steps if name == verdict_step.NAME}
        alike = fusing.alike(pipeline.components, document) if fuse else {}
        groups = fusing.group(steps, alike)
        resources = fusing.resources(groups, resources)
        cache = f"{state}/kept/cache/{definition.name}"
        kept_results.keep_results(document, pipeline.components, groups, resources, cache)
        steps = fusing.fuse(document, groups)
    text = yaml.safe_dump_all(
        [document, platform.platform_document(resources)], sort_keys=True, allow_unicode=True, width=120
    )
    text = _header(definition.name, description, opened) + text
    files.write_text(output, text)
    data = [parameter.default for parameter in opened if parameter.name.startswith(DATA_PARAMETER)]
    return Package(
        path=output,
        digest=bytes_digest(text.encode()),
        pipeline=definition.name,
        steps=tuple(steps),
        image=image,
        key=value_digest([definition.name, declared, data, image]),
        parameters=tuple(opened),
        production=context.production if any(each.looked_up for each in traits.values()) else "",
        destination=context.destination if any(each.pushes for each in traits.values()) else "",
    )


def _open_parameters(
    definition: Definition, parameters: Parameters, context: Context, pipeline: Any, pin_data: bool
) -> list[RuntimeParameter]:
    """What is left open until a run starts, each with the paths it goes to."""
    found = []
    for name, information in type(parameters).model_fields.items():
        value = getattr(parameters, name)
        # A function's code is part of what a verdict is bound to, so it is chosen when the package is compiled.
        if type(value) in TYPES and not fingerprint.function_modules({name: value}):
            paths = find_parameter_paths(partial(_built_with, definition, parameters, context, name), value)
            if paths:
                found.append(RuntimeParameter(name, value, information.description or "", paths))
    places = _places(definition, parameters, context)
    return [*found, *places, *_data_digests(pipeline, pin_data), *_gates_digest(pipeline)]


def _tell_origin(
    definition: Definition,
    parameters: Parameters,
    pipeline: Any,
    opened: list[RuntimeParameter],
    code: dict[str, str],
) -> list[RuntimeParameter]:
    """Tell the steps that push where the run comes from; what is left open goes there, too, when a run starts."""
    origin = origin_of(definition, parameters.model_dump(mode="json"), code)
    told = [(node, name) for node in pipeline.components if (name := traits_of(node).origin) in node.exec_properties]
    for node, name in told:
        node.exec_properties[name] = origin.model_dump_json()
    return [
        dataclasses.replace(
            each,
            paths=(*each.paths, *(ParameterPath(node.id, name, ("parameters", each.name)) for node, name in told)),
        )
        if each.name in origin.parameters
        else each
        for each in opened
    ]


def _places(definition: Definition, parameters: Parameters, context: Context) -> list[RuntimeParameter]:
    """Where models are pushed to, which is looked up as production too unless they go to a stage before it."""

    def opened(name: str, field: str, description: str) -> RuntimeParameter:
        def build(other: str) -> Any:
            changed: dict[str, Any] = {field: other}
            return definition.create_pipeline(parameters, dataclasses.replace(context, **changed))

        place = getattr(context, field)
        return RuntimeParameter(name, place, description, find_parameter_paths(build, place))

    both = "folder that models are pushed to, and that is looked up as production"
    if not context.deliver_to:
        found = [opened(DESTINATION_PARAMETER, "production", both)]
    else:
        found = [
            opened(PRODUCTION_PARAMETER, "production", "folder or bucket that is looked up as production"),
            opened(DESTINATION_PARAMETER, "deliver_to", "folder or bucket that models are pushed to"),
        ]
    return [parameter for parameter in found if parameter.paths]


def _gates_digest(pipeline: Any) -> list[RuntimeParameter]:
    """Ties a run to the thresholds that were reviewed: every step that holds some refuses to run under others."""
    thresholds = {
        node.id: held
        for node in pipeline.components
        if (held := _present(node.exec_properties, traits_of(node).thresholds))
    }
    paths = tuple(ParameterPath(step, GATES_PARAMETER) for step in thresholds)
    description = _DESCRIPTIONS[GATES_PARAMETER]
    digest = value_digest(thresholds)
    return [RuntimeParameter(GATES_PARAMETER, digest, description, paths, fixed=True)] if paths else []


def _present(exec_properties: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: exec_properties[name] for name in names if name in exec_properties}


def _built_with(definition: Definition, parameters: Parameters, context: Context, name: str, value: Any) -> Any:
    """The pipeline with one parameter changed; not validated, since a value may be allowed only on the cluster."""
    return definition.create_pipeline(parameters.model_copy(update={name: value}), context)


def _data_digests(pipeline: Any, pin: bool) -> list[RuntimeParameter]:
    """A digest per step that reads data: Kubeflow's cache sees that data changed only if a parameter does."""
    readers = [(node, reads) for node in pipeline.components if (reads := traits_of(node).reads)]
    found = []
    for node, reads in readers:
        digest = ""
        with contextlib.suppress(UsageError, OSError):  # data that only the cluster can see
            if pin:
                digest = input_digest(**reads.values(node.exec_properties))
        name = DATA_PARAMETER if len(readers) == 1 else f"{DATA_PARAMETER}_{node.id.lower()}"
        found.append(
            RuntimeParameter(name, digest, _DESCRIPTIONS[DATA_PARAMETER], (ParameterPath(node.id, reads.digest),))
        )
    return found


def _with_state(node: Any, state: str, volumes: bool) -> Resources:
    """What a component asks for, and the volumes that its execution properties name a folder of."""
    requested: Resources = getattr(node, "resources", None) or Resources()
    texts = " ".join(value for value in node.exec_properties.values() if isinstance(value, str))
    needed = {f"{state}/{name}": claim for name, claim in CLAIMS.items() if f"{state}/{name}/" in texts}
    if not volumes:
        return requested.model_copy(update={"empty_folders": (*requested.empty_folders, *needed)})
    return requested.model_copy(update={"volumes": needed | requested.volumes})


def _header(name: str, description: str, opened: list[RuntimeParameter]) -> str:
    lines = ["# PIPELINE DEFINITION", f"# Name: {name}", f"# Description: {' '.join(description.split())}"]
    if opened:
        lines.append("# Inputs:")
        lines += [f"#    {each.name}: {each.type} [Default: {each.default!r}]" for each in opened]
    return "\n".join(lines) + "\n"
