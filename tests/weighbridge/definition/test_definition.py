import sys

import pytest

from weighbridge.common.digests import source_files
from weighbridge.common.errors import UsageError
from weighbridge.definition import available, load


def test_pipelines_are_found_by_name():
    assert "taxi" in available()
    definition = load("taxi")
    assert definition.name == "taxi"
    assert (definition.folder / "gates.yaml").exists()


def test_data_and_settings_become_typed_parameters():
    parameters = load("taxi").parameters("trips.csv", ["epochs=3", "learning_rate=0.1", "run_fn=my.module.run_fn"])
    assert parameters.data == "trips.csv"
    assert parameters.epochs == 3
    assert parameters.learning_rate == 0.1
    assert parameters.run_fn == "my.module.run_fn"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs=0", r"epochs=0: .*greater than or equal to 1"),
        ("epochs=three", "epochs='three'"),
        ("epoch=3", "Did you mean 'epochs'"),
        ("epochs", "has no value"),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(UsageError, match=message):
        load("taxi").parameters(settings=[setting])


def test_a_module_that_fails_to_import_something_else_says_what(tmp_path, monkeypatch):
    (tmp_path / "broken_pipeline.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="not_installed_anywhere"):
        load("broken_pipeline")


def test_training_does_not_depend_on_the_code_that_weighs_and_pushes():
    """Else a change of the Evaluator would train again."""
    read = source_files(["weighbridge.components.trainer", "weighbridge.pipelines.taxi.model"])
    assert "weighbridge.pipelines.taxi.model" in read
    assert not [
        name
        for name in read
        if name.startswith(("weighbridge.components.evaluator", "weighbridge.components.pusher", "weighbridge.report"))
    ]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a..b", "a\x1bb", "x" * 101, "a b", None, 3])
def test_a_name_that_would_lead_out_of_the_work_directory_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / "named.py").write_text(
        f"import weighbridge\nNAME = {name!r}\nParameters = weighbridge.Parameters\ndef create_pipeline(p, c): ...\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "named", raising=False)
    if name in ("", None):  # none is given: it is the module's
        assert load(str(tmp_path / "named.py")).name == "named"
        return
    with pytest.raises(UsageError, match=r"NAME = .* cannot be a pipeline's name"):
        load(str(tmp_path / "named.py"))
    monkeypatch.delitem(sys.modules, "named", raising=False)


@pytest.mark.parametrize("reference", ["packed", "packed.pipeline", "./packed", "./packed/", "./packed/pipeline.py"])
def test_a_package_is_the_pipeline_in_it_however_it_is_named(tmp_path, monkeypatch, reference):
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A package."""\n')
    (folder / "pipeline.py").write_text(
        "import weighbridge\nParameters = weighbridge.Parameters\ndef create_pipeline(p, c): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("packed", "packed.pipeline"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    definition = load(reference)
    assert (definition.name, definition.module, definition.folder) == ("packed", "packed.pipeline", folder)
    for name in ("packed", "packed.pipeline"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_mistyped_name_of_ones_own_pipeline_is_guessed(tmp_path, monkeypatch):
    (tmp_path / "telco").mkdir()
    (tmp_path / "telco/pipeline.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"There is no pipeline 'telko'\. Did you mean 'telco'"):
        load("telko")
