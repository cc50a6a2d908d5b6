"""A first schema for a person to review, or how later data differ from the reviewed one."""

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common import progress
from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator import schema as schemas
from weighbridge.local.request import RunRequest
from weighbridge.runs.display import Display
from weighbridge.runs.record import Run, StepRecord, StepState

# Text with more values than this is not a closed list: companies come and go.
_MAX_DOMAIN = 20


@dataclass(frozen=True)
class Inferred:
    """What a look at the data gave.

    Attributes:
        text: the schema that the data suggest, in protobuf text format.
        differences: one sentence per difference between the reviewed schema and this one; None without a reviewed one.
    """

    text: str
    differences: list[str] | None


def infer(request: RunRequest, run: Run, display: Display) -> Inferred:
    """Run the pipeline up to its examples, and infer a schema from the statistics of all their splits.

    Raises:
        UsageError: the pipeline makes no examples, or the reviewed schema cannot be read.
    """
    from weighbridge.components.artifacts.examples import read_batches, split_names
    from weighbridge.components.data_validator.statistics import compute_statistics

    path = request.context.schema
    reviewed = schemas.parse_schema(path.read_text(), path) if path.exists() else None
    folder = _examples(request, run, display)
    with progress.listening(display.step_progress):
        batches = (batch for split in split_names(folder) for batch in read_batches(folder, split))
        statistics = compute_statistics(batches, schema=reviewed)
    inferred = schemas.infer_schema(statistics, max_domain_size=_MAX_DOMAIN)
    differences = None if reviewed is None else schemas.schema_diff(reviewed, inferred)
    return Inferred(schemas.schema_text(inferred), differences)


def _examples(request: RunRequest, run: Run, display: Display) -> str:
    """Folder of the examples; they are in the cache when the pipeline runs later."""
    from weighbridge.local.steps import PipelineSteps

    display.step_started("loading TFX")
    with tempfile.TemporaryDirectory() as folder:
        # The validator refuses to be built without a schema; it is not launched here, so an empty one does.
        stand_in = Path(folder, "schema.pbtxt")
        stand_in.touch()
        context = dataclasses.replace(request.context, schema=stand_in)
        pipeline = request.definition.create_pipeline(request.parameters, context)
    steps = PipelineSteps(pipeline, f"schema-{run.record.run_id}", str(request.workspace.code_file))
    with progress.listening(display.step_progress):
        for result in steps.launch():
            state: StepState = "cached" if result.cached else "done"
            display.step_ended(StepRecord(name=result.name, state=state, seconds=round(result.seconds, 3)))
            for artifact in result.outputs.get(result.traits.examples, []):
                return str(artifact.uri)
    raise UsageError(f"Pipeline {request.definition.name} makes no examples to infer a schema from")
