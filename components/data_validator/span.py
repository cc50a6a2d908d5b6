"""What an Examples artifact tells of the data it holds: which span, and how large a sample of it."""

from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_summary
from weighbridge.evidence.summary import SUMMARY_FILE


def span_of(uri: str, property_value: int | None) -> int | None:
    """The span of the data, None where they have none.

    Our ExampleGen tells it in its summary. Stock ExampleGens tell 0 where there are no spans, and so does an
    artifact that was never given one.

    Args:
        uri: folder of the artifact.
        property_value: the artifact's `span` property.

    Raises:
        UsageError: there is a summary that cannot be read.
    """
    summary = read_summary(uri)
    return (property_value or None) if summary is None else summary.span


def sample_of(uri: str) -> float:
    """The share of the rows that the artifact holds: below 1 where ExampleGen kept a sample, 1 where nothing tells.

    Args:
        uri: folder of the artifact.

    Raises:
        UsageError: there is a summary that cannot be read, or whose sample is not a share of the rows.
    """
    summary = read_summary(uri)
    share = 1.0 if summary is None else summary.sample
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise UsageError(
            f"sample={share!r} in {Path(uri, SUMMARY_FILE)} is not a share of the rows", "Run ExampleGen again."
        )
    return float(share)
