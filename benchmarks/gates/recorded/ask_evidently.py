"""What Evidently itself answers, kept in `evidently.json`: `python ask_evidently.py`, where it is installed.

    uv venv -p 3.11 /tmp/evidently && uv pip install -p /tmp/evidently evidently==0.7.23 "pandas<3"
    /tmp/evidently/bin/python benchmarks/gates/recorded/ask_evidently.py

Needs nothing else of this project, and this project does not need Evidently: the samples are drawn from seeds.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = Path(__file__).with_name("evidently.json")


def samples() -> dict[str, tuple[str, Any, Any]]:
    """Kind, reference and current of each case, by name."""
    rng = np.random.default_rng(20)
    cases: dict[str, tuple[str, Any, Any]] = {}
    for rows in (200, 1000, 1001, 3000):
        for shift in (0.0, 0.15, 0.4):
            cases[f"numbers, {rows} rows, {shift} sd"] = (
                "numeric",
                rng.normal(0, 2, rows),
                rng.normal(2 * shift, 2, 900),
            )
        for values in (2, 8, 300):
            weights = 1 / np.arange(1, values + 1)
            draw = [rng.choice(values, size, p=weights / weights.sum()).astype(str) for size in (rows, 700)]
            cases[f"{values} categories, {rows} rows"] = ("categorical", *draw)
        digits = rng.integers(0, 4, rows).astype(float), rng.integers(0, 4, 500).astype(float)
        cases[f"four numbers, {rows} rows"] = ("numeric", *digits)
    cases["one category, the same"] = ("categorical", np.full(50, "a"), np.full(60, "a"))
    return cases


def main() -> None:
    """Ask Evidently."""
    import pandas as pd
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    types = {"numeric": ColumnType.Numerical, "categorical": ColumnType.Categorical}
    answers = {}
    for name, (kind, reference, current) in samples().items():
        before, now = pd.Series(reference), pd.Series(current)
        test = get_stattest(before, now, types[kind], None)
        answer = test(before, now, feature_type=types[kind], threshold=None)
        answers[name] = [test.name, float(answer.drift_score), bool(answer.drifted)]
    ANSWERS.write_text(json.dumps({"evidently": version("evidently"), "answers": answers}, indent=1) + "\n")


if __name__ == "__main__":
    main()
