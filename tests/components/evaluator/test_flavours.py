"""Flavours of models: SavedModels are built in, another package brings its own."""

from collections.abc import Callable
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.components.evaluator.helpers import LABEL, gate, load, rank_auc, weighing
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import flavours
from weighbridge.components.evaluator.evaluate import evaluate
from weighbridge.components.evaluator.flavours import Flavour, find_model
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

# A package of somebody else: a model that is a text file with the weight of the trip's miles.
PACKAGE = """
import numpy as np

from weighbridge.components.evaluator.flavours import Flavour
from weighbridge.components.evaluator.unmeasurable import Unmeasurable


class Line:
    def __init__(self, weight):
        self.weight = weight

    def request(self, batch, label=None):
        assert label == "big_tipper"
        return np.array([(value or [0.0])[0] for value in batch.column("trip_miles").to_pylist()])

    def call(self, request):
        return {"p": self.weight * request}


def find(folder):
    return next((each for each in (folder / "line", folder) if (each / "weight.txt").is_file()), None)


def load(folder, signature, inputs):
    try:
        return Line(float((folder / "weight.txt").read_text()))
    except ValueError as error:
        raise Unmeasurable("model", "loadable", f"The weight is not a number: {error}") from error


LINE = Flavour("weight.txt", find, load)
NOT_ONE = "weight.txt"
"""


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs the package with these entry points, by name."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "their_lines.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(site))

    def register(**points: str) -> None:
        info = site / "their_lines-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-lines\nVersion: 1.0\n")
        lines = [f"{name} = {value}\n" for name, value in points.items()]
        (info / "entry_points.txt").write_text(f"[{flavours.GROUP}]\n{''.join(lines)}")

    return register


def line_model(folder: Path, weight: str = "0.5") -> Path:
    (folder / "line").mkdir(parents=True)
    (folder / "line/weight.txt").write_text(weight)
    return folder


def test_a_saved_model_needs_no_registration(models: Callable[[str], Path]) -> None:
    assert list(flavours.flavours()) == ["saved_model"]
    assert flavours.flavour_modules() == []
    stored = find_model(models("good"), "serving_default")
    assert stored.flavour is flavours.SAVED_MODEL
    assert stored.size() == sum(path.stat().st_size for path in stored.folder.rglob("*") if path.is_file())
    assert stored.digest() == tree_digest(models("good") / "Format-Serving")


def test_a_flavour_of_another_package_is_weighed_like_any_other(
    register: Callable[..., None], examples: Path, columns: dict[str, list[Any]], tmp_path: Path
) -> None:
    register(line="their_lines:LINE")
    model, production = line_model(tmp_path / "model"), line_model(tmp_path / "production", "-0.5")
    outcome = evaluate(weighing(examples, model, production=str(production)), tmp_path / "evaluation")
    miles = np.array([value or 0.0 for value in columns["trip_miles"]])
    exact = rank_auc(np.array(columns[LABEL]), miles)
    found = gate(outcome.verdict, "quality.auc.min")
    assert found.observed == pytest.approx(exact, abs=1e-6)
    assert found.baseline == pytest.approx(1 - exact, abs=1e-6)
    assert gate(outcome.verdict, "latency.batch_1.p50_ms.max").passed
    assert outcome.verdict.subject["model"] == tree_digest(model / "line")
    assert load(tmp_path / "evaluation/latency.json")["model_bytes"] == {"candidate": 3, "production": 4}
    assert flavours.flavour_modules() == ["their_lines"]


def test_a_broken_model_of_such_a_flavour_is_refused(
    register: Callable[..., None], examples: Path, tmp_path: Path
) -> None:
    register(line="their_lines:LINE")
    outcome = evaluate(weighing(examples, line_model(tmp_path / "model", "heavy")), tmp_path / "evaluation")
    assert "The weight is not a number" in gate(outcome.verdict, "quality.model.loadable").message


def test_a_folder_without_a_model_names_what_was_looked_for(register: Callable[..., None], tmp_path: Path) -> None:
    register(line="their_lines:LINE")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unmeasurable, match=r"there is no saved_model\.pb or weight\.txt in empty"):
        find_model(tmp_path / "empty", "serving_default")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("line", "their_lines:NOTHING", "'line' of the entry point 'their_lines:NOTHING' cannot be imported"),
        ("line", "nowhere:LINE", "No module named 'nowhere'"),
        ("line", "their_lines:NOT_ONE", "is a str"),
        ("saved_model", "their_lines:LINE", "has the name 'saved_model', which is taken"),
    ],
)
def test_a_registration_that_cannot_be_used_is_told(
    register: Callable[..., None], name: str, value: str, complaint: str
) -> None:
    register(**{name: value})
    with pytest.raises(UsageError, match=complaint):
        flavours.flavours()


def test_what_a_flavour_does_is_part_of_the_cache_key(
    register: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.components.evaluator.test_component import declare

    before = declare().exec_properties["code_digest"]
    register(line="their_lines:LINE")
    assert declare().exec_properties["code_digest"] != before


def test_flavours_are_in_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name, f"{__name__}:OTHER", flavours.GROUP) for name in ("b", "a")]
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: points)
    assert list(flavours.flavours()) == ["saved_model", "a", "b"]


OTHER = Flavour("other.txt", lambda folder: None, lambda folder, signature, inputs: None)  # type: ignore[arg-type, return-value]
