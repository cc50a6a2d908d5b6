"""What the histories say of themselves: `summary.json` of their artifact."""

from pydantic import Field

from weighbridge.evidence.summary import DataSummary, InputFile


class HistoriesSummary(DataSummary):
    """The summary of all Examples, and what the step knows besides.

    Attributes:
        evaluate_from: moment at which the evaluation begins, microseconds since 1970.
        items: of the catalogue.
        longest: most purchases of a history.
        cleaning: what was counted in each split: lines, those left out by reason, purchases, customers.
        files: that the order lines came from; with `dvc`, `span` and `input_digest` as ExampleGen tells of them.
    """

    evaluate_from: int
    items: int
    longest: int
    cleaning: dict[str, dict[str, int | float]]
    files: list[InputFile]
    dvc: dict[str, str] = Field(default_factory=dict)
    span: int | None
    input_digest: str
