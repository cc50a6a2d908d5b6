"""Which span an Examples artifact holds."""

from pathlib import Path

from components.common.examples import SUMMARY_FILE, read_summary


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
    if Path(uri, SUMMARY_FILE).exists():
        return read_summary(uri).get("span")
    return property_value or None
