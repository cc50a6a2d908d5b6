"""A first schema for a person to review, or what of later data departs from the reviewed one."""

import dataclasses
import difflib
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common import invocation, progress
from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator import schema as schemas
from weighbridge.components.data_validator.schema_changes import Departures, departing, departures
from weighbridge.components.data_validator.schema_file import edited
from weighbridge.local.collected import rows_note
from weighbridge.local.request import RunRequest
from weighbridge.runs.display import Display
from weighbridge.runs.record import Run, StepRecord, StepState

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

# Text with more values than this is not a closed list: companies come and go.
_MAX_DOMAIN = 20


@dataclass(frozen=True)
class FirstSchema:
    """What the data suggest where no schema is reviewed yet, in protobuf text format."""

    text: str


@dataclass(frozen=True)
class Comparison:
    """Data held against the reviewed schema.

    Attributes:
        reviewed: the schema's text as people wrote it.
        departures: what a run would refuse, and the schema that accepts it.
    """

    reviewed: str
    departures: Departures

    def text(self, names: Collection[str] | None = None) -> str:
        """The reviewed text with what the data say of these features taken over; of all of them for None."""
        wanted = self.departures.features if names is None else names
        return edited(self.reviewed, self.departures.taken_over(wanted))

    def differences(self, names: Collection[str] | None = None) -> list[str]:
        """One sentence per change that accepting these features makes; all of them for None."""
        wanted = self.departures.features if names is None else names
        return schemas.schema_diff(self.departures.reviewed, self.departures.taken_over(wanted))

    def diff(self, path: Path) -> str:
        """What accepting all would change in the file, as a unified diff."""
        before, after = self.reviewed.splitlines(keepends=True), self.text().splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, str(path), f"{path} as the data are"))

    def check(self, names: Collection[str]) -> None:
        """Make sure that there are such features.

        Raises:
            UsageError: neither the schema nor the data have one.
        """
        known = {feature.name for feature in self.departures.reviewed.feature} | set(self.departures.features)
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, sorted(known), n=1)
                guess = f" Did you mean {close[0]!r}?" if close else ""
                changed = ", ".join(self.departures.features) or "none"
                raise UsageError(
                    f"--accept {name}: neither the schema nor the data have such a feature.{guess}",
                    f"Features that depart from the schema: {changed}.",
                )


def look(request: RunRequest, run: Run, display: Display, accept: Collection[str] = ()) -> FirstSchema | Comparison:
    """Run the pipeline up to its examples, and hold them against the reviewed schema, or infer a first one.

    Args:
        request: the pipeline and its data.
        run: keeps the log.
        display: shows the steps.
        accept: features whose values are read as the data have them, whatever type the reviewed schema gives.

    Raises:
        UsageError: the pipeline makes no examples, or the reviewed schema cannot be read.
    """
    with invocation.of(*request.words), progress.listening(display.step_progress):
        path = request.context.schema
        if not path.exists():
            return FirstSchema(schemas.schema_text(_inferred(_examples(request, run, display, ""))))
        text = schemas.read_schema_text(path)
        reviewed = schemas.parse_schema(text, path)
        return Comparison(text, _compare(reviewed, _examples(request, run, display, _without(reviewed, text, accept))))


def _without(reviewed: "schema_pb2.Schema", text: str, names: Collection[str]) -> str:
    """The text of the schema that examples are read with: the reviewed one, without features of these names."""
    kept = [feature for feature in reviewed.feature if feature.name not in names]
    if len(kept) == len(reviewed.feature):
        return text
    return schemas.schema_text(type(reviewed)(feature=kept, string_domain=reviewed.string_domain))


def _compare(reviewed: "schema_pb2.Schema", folder: str) -> Departures:
    from weighbridge.components.artifacts.examples import read_batches, split_names
    from weighbridge.components.data_validator.statistics import compute_statistics

    # Split by split and with the schema's own categories, as the validator does.
    splits = {
        split: compute_statistics(read_batches(folder, split), schema=reviewed, title=f"{split}:")
        for split in split_names(folder)
    }
    if not departing(reviewed, splits):
        return Departures(reviewed, reviewed, ())
    return departures(reviewed, splits, _inferred(folder), max_domain_size=_MAX_DOMAIN)


def _inferred(folder: str) -> "schema_pb2.Schema":
    """What all splits suggest. Statistics know no schema here: its categories would be taken for text."""
    from weighbridge.components.artifacts.examples import read_batches, split_names
    from weighbridge.components.data_validator.statistics import compute_statistics

    having: dict[str, set[str]] = {}

    def batches() -> "Iterator[pa.RecordBatch]":
        for split in split_names(folder):
            for batch in read_batches(folder, split):
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if column.null_count < len(column):
                        having.setdefault(split, set()).add(name)
                yield batch

    statistics = compute_statistics(batches())
    everything = {name for names in having.values() for name in names}
    lacking = {name for name in everything if any(name not in names for names in having.values())}
    return schemas.infer_schema(statistics, max_domain_size=_MAX_DOMAIN, lacking=lacking)


def _examples(request: RunRequest, run: Run, display: Display, schema: str) -> str:
    """Folder of the examples as they are read with this schema; they are in the cache when the pipeline runs later."""
    from weighbridge.local.steps import PipelineSteps

    display.step_started("loading TFX")
    with tempfile.TemporaryDirectory() as folder:
        # The validator refuses to be built without a schema; it is not launched here, so an empty one does.
        stand_in = Path(folder, "schema.pbtxt")
        stand_in.write_text(schema)
        context = dataclasses.replace(request.context, schema=stand_in)
        pipeline = request.definition.create_pipeline(request.parameters, context)
    steps = PipelineSteps(pipeline, f"schema-{run.record.run_id}", str(request.workspace.code_file))
    for result in steps.launch():
        state: StepState = "cached" if result.cached else "done"
        seconds = round(result.seconds, 3)
        display.step_ended(StepRecord(name=result.name, state=state, seconds=seconds, note=rows_note(result)))
        for artifact in result.outputs.get(result.traits.examples, []):
            return str(artifact.uri)
    raise UsageError(f"Pipeline {request.definition.name} makes no examples to infer a schema from")
