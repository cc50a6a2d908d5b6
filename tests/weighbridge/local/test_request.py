"""What a request tells the pipeline of itself."""

from pathlib import Path
from typing import Any

import pytest

from weighbridge.local.request import make_request


@pytest.mark.parametrize(
    ("options", "rehearsal"),
    [({}, False), ({"to": "Evaluator"}, False), ({"sample": 0.5}, True), ({"experiment": True}, True)],
)
def test_what_pushes_nothing_is_a_rehearsal_for_what_others_depend_on(
    options: dict[str, Any], rehearsal: bool, tmp_path: Path
) -> None:
    context = make_request("taxi", None, None, tmp_path, **options).context
    assert context.rehearsal is rehearsal
    assert context.destination == str(tmp_path / "taxi/production")  # where it is the next attempt
