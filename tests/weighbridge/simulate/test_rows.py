"""Rows to train on, drawn with replacement: others of the same kind, beside everything else as it was."""

from collections import Counter

import numpy as np
import pytest

from tests.components.evaluator.helpers import write_examples
from weighbridge.common.digests import tree_digest
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.simulate.rows import can_draw, draw_rows

ROWS = 400


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder, {"number": list(range(ROWS))}, "train")
    write_examples(folder, {"number": [1, 2, 3]}, "eval")
    (folder / "columns").mkdir()
    (folder / "catalogue.parquet").write_text("beside")
    return folder


def numbers(folder, split):
    return [row[0] for batch in read_batches(str(folder), split) for row in batch.column("number").to_pylist()]


def test_rows_to_train_on_are_drawn_and_all_else_is_the_same(examples, tmp_path):
    before = tree_digest(examples)
    draw_rows(str(examples), tmp_path / "drawn", np.random.default_rng(1))
    drawn = Counter(numbers(tmp_path / "drawn", "train"))
    assert set(drawn) <= set(range(ROWS))
    assert len(drawn) / ROWS == pytest.approx(1 - np.exp(-1), abs=0.1)  # the others were not drawn
    assert sum(drawn.values()) == pytest.approx(ROWS, abs=4 * ROWS**0.5)
    assert numbers(tmp_path / "drawn", "eval") == [1, 2, 3]
    assert (tmp_path / "drawn" / "catalogue.parquet").read_text() == "beside"
    assert not (tmp_path / "drawn" / "columns").exists()
    assert tree_digest(examples) == before


def test_a_seed_draws_the_same_rows(examples, tmp_path):
    def drawn(name, seed):
        draw_rows(str(examples), tmp_path / name, np.random.default_rng(seed))
        return numbers(tmp_path / name, "train")

    assert drawn("a", 3) == drawn("b", 3) != drawn("c", 4)


def test_what_has_no_rows_to_train_on_is_not_drawn_from(examples, tmp_path):
    assert can_draw(str(examples))
    (tmp_path / "Split-train").mkdir()
    assert not can_draw(str(tmp_path))
    assert not can_draw(str(tmp_path / "nothing"))
