"""A run's model in hand: what it is called with, and that nothing of changed bytes is loaded."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.api.models import Model
from weighbridge.api.rows import as_batch, as_table
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.flavours import Flavour, StoredModel
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

COLUMNS = {"age": "int64", "fare": "float", "town": "bytes"}


class Adder:
    """A substitute of a loaded model: a column more than the age, and a vector."""

    def request(self, batch, label=None):
        if "age" not in batch.schema.names:
            raise Unmeasurable("signature", "callable", "The signature asks for 'age'.")
        return {name: batch.column(name).to_pylist() for name in batch.schema.names if name != label}

    def call(self, request):
        ages = [values[0] if values else -1 for values in request["age"]]
        return {"older": np.array(ages)[:, None] + 1, "pair": np.array([[age, -age] for age in ages])}


@pytest.fixture
def stored(tmp_path):
    (tmp_path / "model.bin").write_text("weights")
    loads = []

    def load(folder, signature, inputs):
        loads.append(folder)
        return Adder()

    return StoredModel(tmp_path, Flavour("model.bin", lambda folder: folder, load), "serving_default"), loads


def test_it_is_called_with_tables_of_any_kind(stored):
    model = Model(stored[0], tree_digest(stored[0].folder), COLUMNS, "fare")
    frame = pd.DataFrame({"age": [30.0, 40.0], "town": ["Ulm", None]}, index=["a", "b"])
    answer = model(frame)
    assert answer.older.to_dict() == {"a": 31, "b": 41}
    assert [list(each) for each in answer.pair] == [[30, -30], [40, -40]]
    for rows in (
        {"age": [30, 40]},
        [{"age": 30}, {"age": 40, "town": "Ulm"}],
        pa.table({"age": [30, 40]}),
        pa.RecordBatch.from_pydict({"age": [30, 40]}),
    ):
        assert model(rows).older.tolist() == [31, 41]
    assert len(stored[1]) == 1
    assert model.path == stored[0].folder


def test_what_cannot_be_a_row_is_said(stored):
    model = Model(stored[0], "", COLUMNS, "")
    with pytest.raises(UsageError, match="not called with a value of type int"):
        model(3)
    with pytest.raises(UsageError, match="are no table"):
        model({"age": [1, 2], "fare": [1.0]})
    with pytest.raises(
        UsageError, match=r"The signature asks for 'age'\.\nFeatures of the examples: age, fare, town\."
    ):
        model({"fare": [1.0]})
    with pytest.raises(UsageError, match="Column 'age' of the rows cannot be int64"):
        model({"age": [1.5]})


def test_of_a_model_whose_bytes_were_changed_nothing_is_loaded(stored):
    model = Model(stored[0], tree_digest(stored[0].folder), COLUMNS, "")
    (stored[0].folder / "model.bin").write_text("other weights")
    for use in (lambda: model({"age": [1]}), lambda: model.path, lambda: model.load(), lambda: open(model)):  # noqa: SIM115, PTH123
        with pytest.raises(UsageError, match="is not the one that was weighed"):
            use()
    assert stored[1] == []


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "age": st.none() | st.integers(-(2**53), 2**53),
                "fare": st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
                "town": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
def test_rows_come_back_from_examples_as_they_went_in(rows):
    back = as_table([as_batch(rows, COLUMNS)]).to_pylist()
    assert [{name: row.get(name) for name in COLUMNS} for row in back] == rows
