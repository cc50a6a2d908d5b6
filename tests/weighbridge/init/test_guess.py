"""What init takes columns for: the label, its kind, ids, constants, times, leaks, and names that a model can have."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from weighbridge.common.errors import UsageError
from weighbridge.init.columns import read_rows
from weighbridge.init.names import check_package, renamed
from weighbridge.init.orders import columns_of
from weighbridge.init.plan import Plan, make_plan
from weighbridge.init.write import as_tuple, quoted

_ROWS = 60


def _plan(folder: Path, label: str | None = "y", **columns: list[Any]) -> Plan:
    table = pa.table({"x": [row % 7 + row / 100 for row in range(_ROWS)], **columns})
    pyarrow.csv.write_csv(table, folder / "rows.csv")
    return make_plan(read_rows(str(folder / "rows.csv")), label, "rows.csv", "weighbridge init p --data rows.csv")


def _each(*values: Any) -> list[Any]:
    return [values[row % len(values)] for row in range(_ROWS)]


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (_each("no", "yes"), "binary", ("no", "yes")),
        (_each("true", "false"), "binary", ("false", "true")),
        (_each("benign", "malignant"), "binary", ("benign", "malignant")),
        (_each("a", "b", "b", "b"), "binary", ("b", "a")),  # the rarer one is told
        (_each(0, 1), "binary", ()),
        (_each(1, 2), "binary", ("1", "2")),
        (_each(0, 1, 2), "classes", ()),
        (_each(3, 10, 9), "classes", ("3", "9", "10")),
        (_each("b", "c", "a"), "classes", ("a", "b", "c")),
        ([row / 3 for row in range(_ROWS)], "number", ()),
        ([row * 3 for row in range(_ROWS)], "number", ()),
    ],
)
def test_the_label_is_taken_for_what_it_is(tmp_path: Path, values: list[Any], task: str, classes: tuple[str]) -> None:
    plan = _plan(tmp_path, y=values)
    assert (plan.target.task, plan.target.classes) == (task, classes)
    assert plan.label == ("y_class" if classes else "y")


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("customer_id", [f"c{row // 2}" for row in range(_ROWS)], "key_columns"),
        ("PassengerId", [1000 + 3 * row for row in range(_ROWS)], "names the row"),
        ("position", list(range(_ROWS)), "counts the rows"),
        ("note", [f"text {row}" for row in range(_ROWS)], "free text"),
        ("shop", _each("Berlin"), "'Berlin' in every row"),
        ("nothing", _each(None), "no value"),
        ("day", [f"2026-01-{1 + row % 28:02d}" for row in range(_ROWS)], "holds times"),
        ("closed", _each("open", "shut"), "tells 'y' exactly"),
        ("outcome_code", _each(7, 9), "tells 'y' exactly"),
    ],
)
def test_what_no_model_should_read_is_left_out(tmp_path: Path, name: str, values: list[Any], reason: str) -> None:
    plan = _plan(tmp_path, y=_each("no", "yes"), **{name: values})
    assert [each.name for each in plan.left_out] == [name]
    assert reason in plan.left_out[0].reason
    assert plan.features == ("x",)


def test_a_number_that_follows_a_quantity_exactly_is_left_out(tmp_path: Path) -> None:
    plan = _plan(tmp_path, y=[row**1.5 for row in range(_ROWS)], cents=[100 * row**1.5 for row in range(_ROWS)])
    assert [each.name for each in plan.left_out] == ["cents"]


def test_what_a_model_can_read_stays(tmp_path: Path) -> None:
    plan = _plan(
        tmp_path, y=_each("no", "yes"), plan=_each("a", "b", None), age=_each(30, 41, None), old=_each(0, 0, 1)
    )
    assert plan.features == ("x", "plan", "age", "old")
    assert plan.slices == ("plan",)


def test_numbers_with_a_mark_for_missing_ones_become_numbers(tmp_path: Path) -> None:
    plan = _plan(tmp_path, y=_each("no", "yes"), hp=[("?", "NA", str(row))[min(row, 2)] for row in range(_ROWS)])
    assert plan.numbers == {"hp": "hp_number"}
    assert plan.missing == ("?", "NA")
    assert plan.features == ("x", "hp_number")


def test_a_label_is_found_by_its_name_alone_and_asked_for_otherwise(tmp_path: Path) -> None:
    assert _plan(tmp_path, None, survived=_each(0, 1)).target.column == "survived"
    with pytest.raises(UsageError, match="Which column of") as asked:
        _plan(tmp_path, None, colour=_each("red", "blue"), size=_each(1, 2, 3))
    assert "look like one: 'colour' (2 values: blue, red), 'size' (3 values: 1, 2, 3)" in asked.value.hint
    assert "weighbridge init p --data rows.csv --label size" in asked.value.hint
    with pytest.raises(UsageError, match=r"no such column\. Did you mean 'colour'") as wrong:
        _plan(tmp_path, "color", colour=_each("red", "blue"))
    assert "'x', 'colour'" in wrong.value.hint


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (_each(1), "one value only"),
        ([f"name {row}" for row in range(_ROWS)], "60 different texts"),
        ([f"2026-01-{1 + row % 28:02d}" for row in range(_ROWS)], "holds times"),
    ],
)
def test_a_label_that_nothing_can_tell_is_refused(tmp_path: Path, values: list[Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        _plan(tmp_path, y=values)


def test_columns_that_pandas_numbered_have_names(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("0,1,target\n" + "".join(f"{row % 7},{row % 9},{row % 2}\n" for row in range(_ROWS)))
    plan = make_plan(read_rows(str(file)), None, "rows.csv", "weighbridge init p")
    assert plan.features == ("column_0", "column_1")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a;b;y\n1;2;0\n", "separated by ';'", "sep=r';'"),
        ("1 2.5 0\n4 3.0 1\n", r"separated by '\\s\+'", "rows-commas.csv"),
        ("150,4,setosa\n5.1,3.5,0\n", "does not name its columns", "3 names"),
        (
            "569,30,benign\n1,2,3,4\n5,6,7,8\n",
            "All 2 rows of .* are malformed; row 2: 4 fields, expected 3",
            "first line",
        ),
        ("5.1,3.5,0.2,setosa\n4.9,3.0,0.2,setosa\n", "does not name its columns", "4 names"),
        ("a,y\n", "no row", ""),
        ("a,y\n1,0\n2,1\n", "2 rows", "at least 30 rows"),
    ],
)
def test_a_file_that_is_no_table_yet_says_what_it_lacks(tmp_path: Path, text: str, message: str, hint: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as refused:
        make_plan(read_rows(str(file)), "y", "rows.csv", "weighbridge init p")
    assert hint in refused.value.hint


def test_columns_get_names_that_a_models_input_can_have() -> None:
    names = ["age", "mean radius (mm)", "Größe", "年収", "1st", "größe ", "Age?"]
    new = renamed(names)
    assert new == {
        "mean radius (mm)": "mean_radius_mm",
        "Größe": "grosse",
        "年収": "column_4",
        "1st": "column_1st",
        "größe ": "grosse_2",
        "Age?": "age_2",
    }


@pytest.mark.parametrize("name", ["my-model", "1st", "class", "", "a b", "../up", "x" * 61, "größe"])
def test_a_name_that_python_cannot_import_is_refused_with_one_that_it_can(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a package") as refused:
        check_package(name, tmp_path)
    suggested = refused.value.hint.rpartition("e.g. ")[2].rstrip(".")
    assert check_package(suggested, tmp_path) == tmp_path / suggested


@pytest.mark.parametrize(("name", "why"), [("taxi", "comes with Weighbridge"), ("json", "has a module 'json'")])
def test_a_name_that_means_something_else_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        check_package(name, tmp_path)


def test_texts_of_the_data_stay_texts_in_the_code() -> None:
    hostile = 'a"\n"""\\ import os # {{ x }}\u2028'
    assert eval(quoted(hostile)) == hostile
    assert eval(as_tuple([hostile, "b" * 90])) == (hostile, "b" * 90)
    assert (as_tuple(["a"]), as_tuple([3.0, 4.0]), as_tuple([])) == ('("a",)', "(3, 4)", "()")


def test_order_lines_are_known_by_what_shops_call_their_columns() -> None:
    uci = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    assert columns_of(uci, {}, "o.csv", "c") == {
        "Invoice": "InvoiceNo",
        "Price": "UnitPrice",
        "Customer ID": "CustomerID",
    }
    with pytest.raises(UsageError, match=r"Which column of o\.csv is the CustomerID") as asked:
        columns_of([*uci[:6], "Country", "who"], {}, "o.csv", "weighbridge init shop")
    assert "weighbridge init shop --column 'who=CustomerID'" in asked.value.hint
    assert columns_of([*uci[:6], "Country", "who"], {"who": "CustomerID"}, "o.csv", "c")["who"] == "CustomerID"
    with pytest.raises(UsageError, match="no column of order lines"):
        columns_of(uci, {"Price": "Cost"}, "o.csv", "c")
