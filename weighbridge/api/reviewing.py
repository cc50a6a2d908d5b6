"""`weighbridge.schema`: a first schema to review, or how data depart from the reviewed one."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from weighbridge.api.fresh import fresh_code
from weighbridge.api.given import Pipeline, Place, data_of, reference, settings_of, workdir_of
from weighbridge.common import files, interruption
from weighbridge.common.errors import UsageError
from weighbridge.local.output_capture import captured_output
from weighbridge.local.request import make_request
from weighbridge.local.schema import Comparison, FirstSchema, look
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.explain import explain


class SchemaReview:
    """A schema beside the data: what a person looks at before it is written and committed.

    Args:
        seen: a first schema, or the comparison with the reviewed one.
        path: the schema's file.
    """

    def __init__(self, seen: FirstSchema | Comparison, path: Path) -> None:
        self._seen = seen
        self.path = path

    @property
    def first(self) -> bool:
        """Whether there is no reviewed schema yet, so that all of this one is inferred."""
        return isinstance(self._seen, FirstSchema)

    @property
    def text(self) -> str:
        """The inferred schema, or the reviewed one with all that the data say taken over; protobuf text format."""
        return self._seen.text if isinstance(self._seen, FirstSchema) else self._seen.text()

    @property
    def features(self) -> list[str]:
        """The features that depart from the reviewed schema; of a first one none."""
        return [] if isinstance(self._seen, FirstSchema) else list(self._seen.departures.features)

    @property
    def differences(self) -> list[str]:
        """One sentence per change that taking all of them over makes."""
        return [] if isinstance(self._seen, FirstSchema) else self._seen.differences()

    @property
    def diff(self) -> str:
        """What taking all of them over changes in the file, as a unified diff."""
        return "" if isinstance(self._seen, FirstSchema) else self._seen.diff(self.path)

    def write(self, accept: Collection[str] = ()) -> Path:
        """Write a first schema; or take over into the reviewed one how these features changed, and nothing else.

        Args:
            accept: names of features, for a reviewed schema. Comments and order of all others stay.

        Returns:
            The file, to be reviewed and committed.

        Raises:
            UsageError: there is no such feature, or the schema is reviewed and none is named.
        """
        if isinstance(self._seen, FirstSchema):
            return files.write_text(self.path, self._seen.text)
        if not accept:
            raise UsageError(
                f"{self.path} is reviewed: name the features whose changes are to be taken over",
                f"E.g. write(accept={self.features[:1]}). They depart: {', '.join(self.features) or 'none'}.",
            )
        self._seen.check(accept)
        return files.write_text(self.path, self._seen.text([name for name in self.features if name in accept]))

    def __repr__(self) -> str:
        if self.first:
            return f"A first schema for {self.path}, not written yet:\n\n{self.text}"
        if not self.differences:
            return f"The data are as {self.path} says."
        return "\n".join([f"The data depart from {self.path}:", *(f"  {each}" for each in self.differences)])

    def _repr_html_(self) -> str:
        from weighbridge.report.notebook import table_html, text_html

        if self.first:
            return text_html(self.text, title="A first schema, not written yet", aside=str(self.path))
        rows = [(each,) for each in self.differences]
        title = f"The data depart from {self.path.name}" if rows else f"The data are as {self.path.name} says"
        blocks = [("", [("what would change", False)], rows, ())] if rows else []
        return table_html(blocks, title=title, aside=str(self.path))


def schema(
    pipeline: Pipeline,
    *,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
    workdir: Place | None = None,
    accept: Collection[str] = (),
    **parameters: Any,
) -> SchemaReview:
    """Infer a schema from a pipeline's data, or hold them against the reviewed one. Nothing is written before `write`.

    Args:
        pipeline: as for `weighbridge.run`, like data, settings, workdir and parameters.
        data: input data.
        settings: parameters to change whose names are arguments here too.
        workdir: folder that keeps runs and artifacts.
        accept: features whose values are read as the data have them, whatever type the reviewed schema gives.
        parameters: parameters of the pipeline to change.

    Raises:
        WeighbridgeError: what `weighbridge schema` would report.
    """
    named = reference(pipeline)
    with fresh_code(named):
        settled = settings_of(settings, parameters)
        request = make_request(named, data_of(data), settled, workdir_of(workdir))
        with request.workspace.lock(), interruption.listening():
            scratch = request.workspace.scratch(request.definition)
            with captured_output(scratch.log, verbose=False):
                try:
                    return SchemaReview(look(request, scratch, SilentDisplay(), accept), request.context.schema)
                except Exception as error:
                    raise explain(error, scratch) from error
