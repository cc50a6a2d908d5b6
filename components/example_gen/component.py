"""The TFX face of ExampleGen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, component_spec, standard_artifacts

from weighbridge.common import invocation
from weighbridge.common.digests import code_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.import_string import module_of
from weighbridge.common.resources import Resources
from weighbridge.components import interactive
from weighbridge.components.driver import Inputs, OutsideStateDriver
from weighbridge.components.example_gen.formats import added_modules
from weighbridge.components.example_gen.gates import ExamplesGates
from weighbridge.components.example_gen.generate import generate
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.resolve import input_digest
from weighbridge.components.example_gen.sample import Sample
from weighbridge.components.example_gen.splits import Splits
from weighbridge.components.traits import ComponentTraits, DataParameters

# Digests that the driver found in this process: another one, as on Kubeflow, was given by whoever submitted the run.
_FOUND: set[str] = set()


class ExampleGenSpec(component_spec.ComponentSpec):
    """Output and parameters of ExampleGen; it has no inputs."""

    PARAMETERS: dict[str, Any] = {
        "input": component_spec.ExecutionParameter(type=str),
        "span": component_spec.ExecutionParameter(type=str),
        "window": component_spec.ExecutionParameter(type=int),
        "splits": component_spec.ExecutionParameter(type=str),
        "schema": component_spec.ExecutionParameter(type=str),
        "prepare_fn": component_spec.ExecutionParameter(type=str),
        "columns": component_spec.ExecutionParameter(type=str),
        "sample": component_spec.ExecutionParameter(type=str),
        "gates": component_spec.ExecutionParameter(type=str),
        "input_digest": component_spec.ExecutionParameter(type=str),
        "code_digest": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, Any] = {}
    OUTPUTS: dict[str, Any] = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }


class ExampleGenDriver(OutsideStateDriver):
    """Puts the digest of the input's files into the cache's key: changed data at the same path are read again."""

    PROPERTY = "input_digest"

    def state(self, exec_properties: Mapping[str, Any], inputs: Inputs | None) -> str:
        """The digest of the files that the input means now."""
        digest = input_digest(exec_properties["input"], exec_properties["span"], exec_properties["window"])
        _FOUND.add(digest)
        return digest


class ExampleGenExecutor(BaseBeamExecutor):
    """Calls `generate`, here or on Beam, and tells the summary as artifact properties."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Leave splits, summary and gates in the output artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        request = ReadRequest(
            input=exec_properties["input"],
            span=exec_properties["span"],
            window=exec_properties["window"],
            splits=Splits.model_validate_json(exec_properties["splits"]),
            schema_text=exec_properties["schema"],
            prepare_fn=exec_properties["prepare_fn"],
            columns=json.loads(exec_properties["columns"]),
            sample=Sample.model_validate_json(exec_properties["sample"]),
        )
        gates = ExamplesGates.model_validate_json(exec_properties["gates"])
        if any(argument.startswith("--runner") for argument in self._beam_pipeline_args or ()):
            from weighbridge.components.example_gen.beam import (
                generate_on_beam,  # for inputs that one machine cannot hold
            )

            summary = generate_on_beam(request, examples.uri, gates, self._make_beam_pipeline)
        else:
            summary = generate(request, examples.uri, gates)
        digest = exec_properties.get("input_digest")
        if digest and digest != summary.input_digest:
            if digest in _FOUND:
                raise InfrastructureError(
                    f"The files of {request.input} changed before they were read",
                    "Run again once nothing writes to them any more.",
                )
            raise UsageError(
                f"The files of {request.input} are not those that {digest} is the digest of",
                "On Kubeflow give the parameter data_digest of these files, or leave it empty.",
            )
        examples.split_names = artifact_utils.encode_split_names(list(summary.splits))
        if summary.span is not None:
            examples.span = summary.span
        examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")  # as stock ExampleGens say
        examples.set_string_custom_property("content_digest", summary.content_digest)
        examples.set_string_custom_property("input_digest", summary.input_digest)
        examples.set_int_custom_property("quarantined_rows", summary.quarantined_rows)
        if summary.time_splits:
            examples.set_string_custom_property("time_splits", json.dumps(summary.time_splits))
            examples.set_string_custom_property("time_end", "" if summary.time_end is None else str(summary.time_end))
        for name, split in summary.splits.items():
            examples.set_int_custom_property(f"rows_{name}", split.rows)


class ExampleGen(base_component.BaseComponent):
    """Reads data into splits of tf.Examples; see the README beside this file.

    With `--runner=…` among its Beam pipeline arguments it reads on that runner, else here.

    Attributes:
        resources: the machine this step needs, honoured on Kubeflow.
    """

    SPEC_CLASS = ExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ExampleGenExecutor)
    DRIVER_CLASS = ExampleGenDriver
    TRAITS = ComponentTraits(
        gates=("examples",),
        examples="examples",
        reads=DataParameters(input="input", digest="input_digest", span="span", window="window"),
        sample="sample",
        thresholds=("gates",),
        code_digest="code_digest",
        filled_in=("input_digest",),
        reproducible=True,
        defaults={"splits": "{}", "schema": "", "columns": "{}", "sample": "{}", "gates": "{}"},
    )

    def __init__(
        self,
        input: str,
        *,
        splits: Mapping[str, float] | None = None,
        key_columns: Sequence[str] = (),
        time_column: str | None = None,
        time_splits: Mapping[str, float | str | None] | None = None,
        time_end: float | str | None = None,
        columns: Mapping[str, str] | None = None,
        sample: float = 1.0,
        sample_columns: Sequence[str] = (),
        span: str | int = "latest",
        window: int = 1,
        schema_file: str | None = None,
        prepare_fn: str = "",
        gates: ExamplesGates | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Declare a reading of data.

        Args:
            input: path, or `gs://` or `s3://` address, of a file, folder, glob or span pattern.
            splits: weight of each split, by default `{"train": 2, "eval": 1}`.
            key_columns: columns whose hash decides on the split; all if none are named.
            time_column: column that decides on the split instead.
            time_splits: start of each split by `time_column`, inclusive; None for the first. An ISO time, a number, or
                so long before the end as `-12h`, `-28d`, `-4w`.
            time_end: from this time on rows belong to no split; empty for no end.
            columns: name in the pipeline of columns, by their names in the data.
            sample: share of the rows to keep, more than 0 and at most 1.
            sample_columns: keep all rows that are equal in these, or none; `key_columns` if none are named.
            span: `latest`, a span's number or a day.
            window: how many spans to read, the named one the last.
            schema_file: a reviewed schema; a value that is not of its feature's type is malformed.
            prepare_fn: dotted `(pa.RecordBatch) -> pa.RecordBatch`, called on every batch.
            gates: how many rows may be malformed.
            resources: the machine this step needs.

        Raises:
            UsageError: a value is not allowed, or the schema file cannot be read.
        """
        weights: dict[str, Any] = {} if splits is None else {"weights": dict(splits)}
        try:
            request = ReadRequest(
                input=input,
                span=str(span),
                window=window,
                splits=Splits(
                    **weights,
                    key_columns=tuple(key_columns),
                    time_column=time_column,
                    time_splits=dict(time_splits or {}),
                    time_end=time_end,
                ),
                schema_text=_schema_text(schema_file),
                prepare_fn=prepare_fn,
                columns=dict(columns or {}),
                sample=Sample(share=sample, columns=tuple(sample_columns)),
            )
        except ValidationError as error:
            problem = error.errors()[0]
            raise UsageError(f"ExampleGen: {problem['msg'].removeprefix('Value error, ')}") from error
        self.resources = resources or Resources()
        interactive.show_gates()
        super().__init__(
            ExampleGenSpec(
                input=request.input,
                span=request.span,
                window=request.window,
                splits=request.splits.model_dump_json(),
                schema=request.schema_text,
                prepare_fn=request.prepare_fn,
                columns=json.dumps(request.columns),
                sample=request.sample.model_dump_json(),
                gates=(gates or ExamplesGates()).model_dump_json(),
                input_digest="",  # the driver knows
                code_digest=code_digest(
                    [
                        "weighbridge.components.example_gen",
                        *added_modules(),
                        *([module_of(prepare_fn)] if prepare_fn else []),
                    ]
                ),
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )


def _schema_text(schema_file: str | None) -> str:
    if schema_file is None:
        return ""
    try:
        return Path(schema_file).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"The schema at {schema_file} is not UTF-8: {error}", "Save it as UTF-8.") from error
    except OSError as error:
        hint = f"Run `{invocation.command('schema', '--write')}` to infer one from the data, and review it."
        raise UsageError(f"There is no schema at {schema_file}: {error.strerror}", hint) from error
