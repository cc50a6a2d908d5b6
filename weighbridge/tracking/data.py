"""The data that a run read, as MLflow's datasets: name, digest and source of each split, never the rows."""

import json

from weighbridge.common.text import mask
from weighbridge.evidence.summary import ExamplesSummary
from weighbridge.tracking.entry import Dataset

_DIGEST_LENGTH = 36  # that MLflow takes; the whole one is in the profile
_MOST_FILES = 100
_NAME_LENGTH = 500
_TYPES = {"int64": "long", "float": "double", "bytes": "string"}


def datasets(pipeline: str, examples: ExamplesSummary | None, given: str) -> list[Dataset]:
    """A dataset per split of the examples; none where no step says what it read.

    Args:
        pipeline: its name.
        examples: of the ExampleGen.
        given: what the run was given as data.
    """
    if examples is None:
        return []
    source = {"data": mask(given), "files": len(examples.files), "input_digest": examples.input_digest}
    source["first_files"] = [
        {"path": mask(file.path), "bytes": file.bytes, "sha256": file.sha256} for file in examples.files[:_MOST_FILES]
    ]
    columns = [{"name": name, "type": _TYPES.get(kind, "any")} for name, kind in sorted(examples.columns.items())]
    return [
        Dataset(
            name=f"{pipeline}/{split}"[:_NAME_LENGTH],
            digest=found.content_digest.removeprefix("sha256:")[:_DIGEST_LENGTH],
            source_type=_scheme(given),
            source=json.dumps(source),
            columns=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps(
                {
                    "num_rows": found.rows,
                    "content_digest": found.content_digest,
                    "digest_of_all_splits": examples.content_digest,
                    "span": examples.span,
                }
            ),
            context=split,
        )
        for split, found in sorted(examples.splits.items(), key=lambda pair: (pair[0] != "train", pair[0]))
    ]


def _scheme(given: str) -> str:
    scheme = given.partition("://")[0]
    return {"s3": "s3", "gs": "gs", "http": "http", "https": "http"}.get(scheme, "local")
