"""`weighbridge check`: what is wrong with a pipeline is told at once, with its place and its mend; nothing runs."""

import json
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.weighbridge.checks.shop import Shop
from weighbridge.checks import Finding, check_pipeline

_NUMBER = count(1)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path, f"shop{next(_NUMBER)}")


def told(shop: Shop, workdir: Path, **options) -> list[Finding]:
    return check_pipeline(shop.reference, workdir=workdir, **options)


def test_a_sound_pipeline_is_ready_and_nothing_is_left_behind(weighbridge, shop, workdir):
    done = weighbridge("check", shop.reference)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{shop.reference}: nothing found, it is ready to run\n"
    assert not workdir.exists()
    assert json.loads(weighbridge("check", shop.reference, "--json").out) == []


@pytest.mark.slow
def test_the_bundled_pipelines_are_sound(workdir):
    assert check_pipeline("taxi", workdir=workdir) == []
    assert [each for each in check_pipeline("recommender", workdir=workdir) if each.level == "error"] == []


# What is changed in which file; what is told: level, file and line of a text in it, words of message and hint.
GATES, SCHEMA, FUNCTIONS, PIPELINE = "gates.yaml", "schema.pbtxt", "functions.py", "pipeline.py"
CASES = {
    "an unknown metric": (
        GATES,
        [("auc: {min: 0.8}", "acu: {min: 0.8}")],
        "error",
        GATES,
        "acu",
        "Did you mean 'auc'?",
    ),
    "an unknown metric of a slice": (GATES, [("auc: {min: 0.7}", "acu: {min: 0.7}")], "error", GATES, "acu", "'auc'"),
    "no rule": (GATES, [("{min: 0.8}", "{}")], "error", GATES, "auc: {}", "needs at least one of min"),
    "an unknown key": (GATES, [("{min: 0.8}", "{mim: 0.8}")], "error", GATES, "mim", "did you mean 'min'"),
    "an unknown section": (GATES, [("latency:", "latencies: {}\nlatency:")], "error", GATES, "latencies", "'latency'"),
    "no YAML": (GATES, [("quality:", "quality: [")], "error", GATES, "auc: {min: 0.8}", "not valid YAML"),
    "per cent": (GATES, [("min: 0.8", "min: 80")], "error", GATES, "80", "a share of 1, not per cent"),
    "a max below all": (GATES, [("{min: 0.8}", "{max: -1}")], "error", GATES, "-1", "can never pass"),
    "a min of nothing": (GATES, [("{min: 0.8}", "{min: 0}")], "warning", GATES, "min: 0}", "refuses nothing"),
    "min above max": (GATES, [("{min: 0.8}", "{min: 0.9, max: 0.8}")], "error", GATES, "0.9", "nothing could pass"),
    "ratios crossed": (
        GATES,
        [("p50_ms: {max: 10}", "p50_ms: {min_ratio: 2, max_ratio: 1}")],
        "error",
        GATES,
        "min_ratio",
        "nothing could pass",
    ),
    "percentiles crossed": (GATES, [("{max: 10}", "{max: 30}")], "warning", GATES, "{max: 30}", "refuses nothing"),
    "nothing blocks": (
        GATES,
        [("{min: 0.8}", "{min: 0.8, severity: warning}")],
        "warning",
        GATES,
        "metrics:",
        "no quality refuses",
    ),
    "comparisons alone": (
        GATES,
        [("{min: 0.8}", "{min_change: -0.1}")],
        "warning",
        GATES,
        "metrics:",
        "a first model passes whatever it is",
    ),
    "an unknown slice": (GATES, [("[town]", "[twon]")], "error", GATES, "[twon]", "Did you mean 'town'?"),
    "an unknown unit": (GATES, [("  slices:", "  unit: tawn\n  slices:")], "error", GATES, "unit: tawn", "'town'"),
    "a value that is none": (GATES, [("town: Ulm", "town: Ulmm")], "error", GATES, "Ulmm", "Did you mean 'Ulm'?"),
    "a number that is none": (GATES, [("{town: Ulm}", "{age: 300}")], "error", GATES, "300", "between 0 and 120"),
    "an unknown feature of skew": (GATES, [("town: {linf", "tonw: {linf")], "error", GATES, "tonw", "'town'"),
    "linf of numbers": (GATES, [("town: {linf", "age: {linf")], "error", GATES, "age: {linf", "jensen_shannon"),
    "an unknown split": (GATES, [("train: {min", "trian: {min")], "error", GATES, "trian", "Did you mean 'train'?"),
    "another label": (GATES, [("feature: again", "feature: age")], "warning", GATES, "feature: age", "weighs against"),
    "an unknown label": (GATES, [("feature: again", "feature: agian")], "error", GATES, "agian", "'again'"),
    "approval first": (
        GATES,
        [("latency:", "delivery:\n  - {stage: production, approval: required}\nlatency:")],
        "warning",
        GATES,
        "delivery:",
        "no run can deliver",
    ),
    "stages in one place": (
        GATES,
        [
            (
                "latency:",
                "delivery:\n  - {stage: a, destination: /m}\n  - {stage: production, destination: /m}\nlatency:",
            )
        ],
        "error",
        GATES,
        "delivery:",
        "share one destination",
    ),
    "no schema's text": (SCHEMA, [("type: INT", "tpye: INT")], "error", SCHEMA, "tpye", "This is no schema"),
    "no type": (SCHEMA, [("  type: BYTES\n", "")], "error", SCHEMA, '"town"', "has no type"),
    "a domain of another type": (SCHEMA, [("type: BYTES", "type: FLOAT")], "error", SCHEMA, '"town"', "is for BYTES"),
    "a domain turned round": (
        SCHEMA,
        [("min: 0 max: 120", "min: 120 max: 0")],
        "error",
        SCHEMA,
        '"age"',
        "is above max",
    ),
    "a feature twice": (SCHEMA, [('name: "town"', 'name: "age"')], "error", SCHEMA, '"age"', "is there twice"),
    "no share": (SCHEMA, [("min_fraction: 1.0", "min_fraction: 1.5")], "error", SCHEMA, '"again"', "is no share"),
    "an unknown domain": (
        SCHEMA,
        [('string_domain { value: "Ulm" value: "Kiel" }', 'domain: "towns"')],
        "error",
        SCHEMA,
        '"town"',
        "which the schema has not",
    ),
    "a column that is missing": (SCHEMA, [('"age"', '"aeg"')], "error", SCHEMA, '"aeg"', "Did you mean 'age'?"),
    "a column of another type": (
        SCHEMA,
        [("type: INT", "type: FLOAT"), ("int_domain { min: 0 max: 120 }", "")],
        "",
        SCHEMA,
        "",
        "",
    ),
    "no such function": (FUNCTIONS, [("def run_fn(", "def run_fm(")], "error", PIPELINE, "run_fn", "'run_fm'"),
    "a function that takes more": (
        FUNCTIONS,
        [("def run_fn(fn_args)", "def run_fn(fn_args, epochs)")],
        "error",
        FUNCTIONS,
        "run_fn",
        "missing a required argument: 'epochs'",
    ),
    "a function that raises": (
        FUNCTIONS,
        [("    return batch", "    return batch.no_such_method()")],
        "error",
        FUNCTIONS,
        "no_such_method",
        "no_such_method",
    ),
    "a function that returns no batch": (FUNCTIONS, [("return batch", "return 7")], "error", "", "", "returned int"),
    "a module that does not import": (
        FUNCTIONS,
        [("def prepare", "import nowhere\n\ndef prepare")],
        "error",
        "",
        "",
        "nowhere",
    ),
    "a pipeline that raises": (
        PIPELINE,
        [("    gates = context.gates", "    gates = context.gaets")],
        "error",
        PIPELINE,
        "gaets",
        "AttributeError",
    ),
    "a syntax error": (PIPELINE, [("gates = context.gates", "gates = = 1")], "error", PIPELINE, "= = 1", "SyntaxError"),
    "no pipeline": (PIPELINE, [("return context.pipeline", "context.pipeline")], "error", "", "", "must return"),
    "a destination of its own": (PIPELINE, [("context.destination", '"/models"')], "warning", "", "", "--deliver-to"),
    "a secret in plain": (
        PIPELINE,
        [('schema=validator.outputs["schema"])', 'custom_config={"api_token": "s3cr3t-of-mine"})')],
        "error",
        "",
        "",
        "is given a secret in plain",
    ),
    "a label that is no column": (PIPELINE, [('label="again"', 'label="agian"')], "error", "", "", "'again'"),
    "rows without a column": (
        "rows.csv",
        [("age,town,again", "age,city,again")],
        "error",
        SCHEMA,
        '"town"',
        "no column 'town', which the schema requires",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_told_with_its_place_and_its_mend(shop, workdir, case):
    name, pairs, level, file, text, words = case
    shop.change(name, *pairs)
    found = told(shop, workdir)
    if not level:
        assert found == []
        return
    matching = [each for each in found if words in f"{each.message} {each.hint}"]
    assert matching, found
    first = matching[0]
    assert first.level == level
    if file:
        assert first.file == shop.folder / file
        assert first.line == (shop.line(file, text) if text else None)


def test_all_that_is_wrong_is_told_at_once(weighbridge, shop):
    shop.change(
        "gates.yaml",
        ("auc: {min: 0.8}", "acu: {min: 0.8}\n    recall: {}\n    precision: {min: 7}"),
        ("[town]", "[twon]"),
    )
    shop.change("schema.pbtxt", ("max: 120", "max: -1"))
    shop.change("functions.py", ("def run_fn(fn_args)", "def run_fn()"))
    done = weighbridge("check", shop.reference, "--data", "nowhere.csv")
    assert done.code == 2
    lines = [line for line in done.out.splitlines() if not line.startswith("  ")]
    for words in ("acu", "recall", "precision: min 7", "twon", "is above max -1", "run_fn", "nowhere.csv"):
        assert any(words in line for line in lines), words
    assert lines[-1] == f"{shop.reference}: {len(lines) - 1} errors"
    # As editors and terminals make a link of it.
    place = f"{shop.folder.name}/gates.yaml:{shop.line('gates.yaml', 'acu')}: error: Unknown metric 'acu'"
    assert any(line.startswith(place) for line in lines)


def test_json_is_a_list_of_findings(weighbridge, shop):
    shop.change("gates.yaml", ("[town]", "[twon]"))
    done = weighbridge("check", shop.reference, "--json")
    assert done.code == 2
    [found] = json.loads(done.out)
    assert found["file"] == str(shop.folder / "gates.yaml")
    assert found.keys() == {"check", "level", "message", "hint", "file", "line"}


def test_warnings_alone_are_exit_0(weighbridge, shop):
    shop.change("gates.yaml", ("{max: 10}", "{max: 30}"))
    done = weighbridge("check", shop.reference)
    assert (done.code, done.out.splitlines()[-1]) == (0, f"{shop.reference}: 1 warning")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("taxii",), "Did you mean 'taxi'?"),
        (("nowhere/pipeline.py",), "There is no file nowhere/pipeline.py"),
        (("SHOP", "--set", "spilt=x"), "Did you mean 'split'?"),
        (("SHOP", "--set", "split=evla"), "Did you mean 'eval'?"),
        (("SHOP", "--data", "rows.xlsx"), "rows.xlsx"),
    ],
)
def test_what_is_wrong_with_the_options(weighbridge, shop, arguments, words):
    done = weighbridge("check", *(shop.reference if each == "SHOP" else each for each in arguments))
    assert (done.code, words in done.out) == (2, True), done.out


def test_names_of_columns_are_shown_as_what_they_are(weighbridge, shop):
    shop.change("rows.csv", ("age,", "a\x1b[31mge,"))
    done = weighbridge("check", shop.reference)
    assert done.code == 2
    assert "\x1b" not in done.out
    assert "no column 'age'" in done.out


def test_a_pipeline_that_weighs_nothing_is_warned_of(shop, workdir):
    alone = """
    from weighbridge.components.production_model import ProductionModel

    return context.pipeline([ProductionModel(context.production)])
"""
    shop.change("pipeline.py", ("    return context.pipeline(", f"{alone}    return context.pipeline("))
    [found] = told(shop, workdir)
    assert (found.level, "weighs anything" in found.message) == ("warning", True)


@pytest.mark.parametrize("pipeline", ["tests.weighbridge.local.tiny", "tests.weighbridge.local.own"])
def test_components_of_users_may_weigh_whatever_they_declare(workdir, pipeline):
    assert check_pipeline(pipeline, workdir=workdir) == []


@pytest.mark.slow
def test_kubeflow_takes_what_is_sound(weighbridge, shop):
    assert weighbridge("check", shop.reference, "--data", "gs://bucket/rows.csv", "--kubeflow").code == 0


def test_kubeflow_refuses_what_it_cannot_run(weighbridge, shop):
    shop.change("pipeline.py", ('"""Who buys again."""', '"""Who buys again."""\n\nNAME = "Who_Buys"'))
    given = ("check", shop.reference, "--data", "gs://bucket/rows.csv")
    assert weighbridge(*given).code == 0
    done = weighbridge(*given, "--kubeflow")
    assert done.code == 2
    assert "Who_Buys" in done.out


def test_own_rows_and_own_metrics_are_not_held_against_the_schema(shop, workdir):
    shop.change("gates.yaml", ("[town]", "[basket]"))
    shop.change("pipeline.py", ('label="again",', f'label="again", metrics_fn="{shop.folder.name}.functions.measure",'))
    shop.change("functions.py", ("def run_fn(", "def measure(request): ...\n\n\ndef run_fn("))
    assert told(shop, workdir) == []
