"""What is to be weighed, and how its rows are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.gates import LatencyGates, QualityGates

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

COMPUTE = "weighbridge.components.evaluator.quality.metrics.compute"
"""The built-in metrics provider."""
SCHEMA_FILE = "schema.pbtxt"

_BATCH_ROWS = 32_768  # at once: what a model computes on the way may take kilobytes a row


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be weighed, and against what.

    Attributes:
        examples: folder of the Examples artifact.
        model: folder of the candidate's Model artifact.
        quality: thresholds.
        latency: thresholds.
        label: name of the label's column; empty where there is none.
        split: of the examples.
        schema: folder of the Schema artifact; None to take the columns that are found.
        production: folder of the Model artifact now in production; None where nothing is in production yet.
        upstream: folders whose gates belong to the verdict, by name of the step's output, in order.
        metrics_fn: dotted name of the metrics provider.
        pipeline: name of the pipeline.
        run_id: of the run.
        subject: digests known to others: data, code, parameters. Those of the model, the schema, the gates,
            production and the image are added.
        deterministic: whether training says that the same data, code and parameters give the same model.
        recipe: digest of all that the candidate follows from, where it is deterministic; found by the evaluation.
        ledger: push destination beside whose models attempts are counted; empty where they are not.
        rehearsal: whether nothing will be pushed, so that the ledger is read and left as it is.
    """

    examples: str
    model: str
    quality: QualityGates
    latency: LatencyGates
    label: str = ""
    split: str = "eval"
    schema: str | None = None
    production: str | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    metrics_fn: str = COMPUTE
    pipeline: str = ""
    run_id: str = ""
    subject: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = False
    recipe: str = ""
    ledger: str = ""
    rehearsal: bool = False

    def batches(self, batch_rows: int = _BATCH_ROWS) -> "Iterator[pa.RecordBatch]":
        """The rows of the split in TFX's Arrow form.

        Args:
            batch_rows: most rows of a batch.

        Raises:
            UsageError: there is no such split, or it cannot be read; or `read_schema` raises it.
        """
        from weighbridge.components.artifacts.examples import read_batches

        return read_batches(self.examples, self.split, schema=self.read_schema(), batch_rows=batch_rows)

    def read_schema(self) -> "schema_pb2.Schema | None":
        """The schema of the examples; None where there is none.

        Raises:
            UsageError: it cannot be read.
        """
        if self.schema is None:
            return None
        from google.protobuf import text_format
        from tensorflow_metadata.proto.v0 import schema_pb2

        path = Path(self.schema, SCHEMA_FILE)
        try:
            return text_format.Parse(path.read_text(), schema_pb2.Schema())
        except (OSError, text_format.ParseError) as error:
            raise UsageError(f"{path} is not a valid schema: {error}") from error
