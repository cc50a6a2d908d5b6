"""Real data for whoever has none at hand: 569 breast tumours of the UCI, which come with scikit-learn."""

from weighbridge.common.errors import UsageError

FILE = "data.csv"
LABEL = "diagnosis"


def rows() -> dict[str, str]:
    """The data as the text of a CSV file, by its name.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        raise UsageError(
            f"The data to begin with come with scikit-learn, which cannot be imported: {error}",
            "Give your own: weighbridge init NAME --data FILE.",
        ) from error
    frame = load_breast_cancer(as_frame=True)
    table = frame.data.rename(columns=lambda name: name.replace(" ", "_"))
    table[LABEL] = frame.target.map(dict(enumerate(frame.target_names)))
    return {FILE: table.to_csv(index=False)}
