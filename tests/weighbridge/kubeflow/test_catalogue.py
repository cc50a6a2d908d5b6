"""Our components in the form of `kubeflow/pipelines-components`, for whoever has kfp alone.

The rules are that repository's at commit fab64a9; each test names the file that holds its rule.
"""

import ast
import datetime
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import docstring_parser
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.weighbridge.kubeflow import catalogue
from tests.weighbridge.kubeflow.catalogue import IMAGE, TODAY
from tests.weighbridge.kubeflow.newest import newest_kfp
from weighbridge.common.errors import UsageError
from weighbridge.kubeflow.catalogue.entries import ENTRIES
from weighbridge.kubeflow.catalogue.json_keys import key_tables
from weighbridge.kubeflow.catalogue.literals import literal
from weighbridge.kubeflow.catalogue.write import write_catalogue
from weighbridge.kubeflow.compile import descriptions
from weighbridge.kubeflow.compile.component import export_component
from weighbridge.kubeflow.compile.interface import component_interface, component_names

NAMES = [entry.name for entry in ENTRIES]
FOLDERS = {entry.name: entry.folder for entry in ENTRIES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue, with everything in it compiled by the kfp that is installed."""
    folder = catalogue.write(tmp_path_factory.mktemp("catalogue"))
    assert sorted(catalogue.compile_all(sys.executable, folder)["names"]) == sorted(NAMES)
    return folder


@pytest.fixture(params=NAMES)
def component(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The folder of one component."""
    return folder / "kfp_components" / FOLDERS[request.param]


def function_of(component: Path) -> ast.FunctionDef:
    [function] = [
        node for node in ast.parse((component / "component.py").read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    return function


def test_all_components_are_in_it() -> None:
    assert sorted(NAMES) == component_names()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_component_that_is_exported_as_yaml(folder: Path, tmp_path: Path, name: str) -> None:
    export_component(name, tmp_path / "ours.yaml", image=IMAGE)
    ours, compiled = (
        next(yaml.safe_load_all(path.read_text())) for path in (tmp_path / "ours.yaml", folder / f"{name}.yaml")
    )
    [of_ours], [of_compiled] = (spec["components"].values() for spec in (ours, compiled))
    artifacts, parameters = (of_ours["inputDefinitions"].pop(side, {}) for side in ("artifacts", "parameters"))
    assert of_compiled["inputDefinitions"].get("artifacts", {}) == artifacts
    assert of_compiled["inputDefinitions"].get("parameters", {}) == parameters
    assert of_compiled["outputDefinitions"] == of_ours["outputDefinitions"]
    [our_executor], [executor] = (spec["deploymentSpec"]["executors"].values() for spec in (ours, compiled))
    assert executor == our_executor
    assert executor["container"]["image"] == IMAGE
    assert "{{$}}" in executor["container"]["args"]


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_described_in_one_line_and_nothing_else(name: str) -> None:
    interface = component_interface(name)
    known = {*interface.inputs["artifacts"], *interface.inputs["parameters"], *interface.outputs}
    assert interface.descriptions.keys() == known
    assert set(descriptions._BY_COMPONENT[name]) <= known
    assert set(descriptions.json_models(name)) <= set(interface.inputs["parameters"])


def test_files_are_those_that_are_asked_for(component: Path) -> None:  # docs/CONTRIBUTING.md
    assert sorted(str(path.relative_to(component)) for path in component.rglob("*") if path.is_file()) == [
        "OWNERS",
        "README.md",
        "__init__.py",
        "component.py",
        "example_pipelines.py",
        "metadata.yaml",
        "tests/__init__.py",
        "tests/test_component_unit.py",
    ]
    assert component.parents[0].name in {"data_processing", "deployment", "evaluation", "training"}
    assert re.fullmatch(r"[a-z][a-z_]+", component.name)


def test_metadata(component: Path) -> None:  # scripts/validate_metadata/validate_metadata.py
    metadata = yaml.safe_load((component / "metadata.yaml").read_text())
    optional = {"tags", "ci", "links"}
    assert [key for key in metadata if key not in optional] == ["name", "stability", "dependencies", "lastVerified"]
    assert metadata["name"] == component.name
    assert metadata["stability"] in {"experimental", "alpha", "beta", "stable"}
    [pipelines] = metadata["dependencies"]["kubeflow"]
    assert pipelines["name"] == "Pipelines"
    assert re.fullmatch(r"(>=|<=|==)?\d+\.\d+\.\d+", pipelines["version"])
    assert all(isinstance(tag, str) for tag in metadata["tags"])
    age = datetime.datetime.now(datetime.UTC) - metadata["lastVerified"]
    assert abs(age.days) < 365
    assert yaml.safe_load((component / "OWNERS").read_text()) == {"approvers": ["somebody", "somebody-else"]}


def test_modules_import_the_standard_library_and_kfp_alone(component: Path) -> None:  # .github/scripts/check_imports
    for path in component.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "kfp", "pytest"}, path


def test_the_readme_generator_finds_the_component(
    component: Path,
) -> None:  # scripts/generate_readme/metadata_parser.py
    function = function_of(component)
    [decorator] = function.decorator_list
    assert ast.unparse(decorator) in {"component", "dsl.component", "kfp.dsl.component"}
    told = docstring_parser.parse(ast.get_docstring(function) or "")
    assert [each.arg_name for each in told.params] == [argument.arg for argument in function.args.args]
    assert not any("\n" in (each.description or "") for each in told.params), "would break the README's table"


def test_the_readme_is_what_the_generator_writes(
    component: Path,
) -> None:  # scripts/generate_readme/templates/README.md.j2
    readme = (component / "README.md").read_text()
    function = function_of(component)
    told = docstring_parser.parse(ast.get_docstring(function) or "")
    arguments = function.args.args
    defaults = [None] * (len(arguments) - len(function.args.defaults)) + [
        ast.literal_eval(each) for each in function.args.defaults
    ]
    for argument, default, described in zip(arguments, defaults, told.params, strict=True):
        shown = '""' if default == "" else default
        kind = ast.unparse(argument.annotation)
        assert f"\n| `{argument.arg}` | `{kind}` | `{shown}` | {described.description} |\n" in readme
    assert " ".join((told.long_description or "").split()) in " ".join(readme.split())
    assert f"```python\n{(component / 'example_pipelines.py').read_text()}\n```" in readme
    heads = re.findall(r"^## (.*)$", readme.partition("<!-- custom-content -->")[0], flags=re.MULTILINE)
    assert heads == ["Overview 🧾", "Inputs 📥", "Usage Examples 🧪", "Metadata 🗂️"]
    assert f"- **Last Verified**: {TODAY.isoformat()} 00:00:00+00:00\n" in readme


def test_readmes_say_what_may_stand_in_json(folder: Path) -> None:
    readme = (folder / "kfp_components" / FOLDERS["evaluator"] / "README.md").read_text()
    assert "| `min_slice_rows` | integer | `50` | Fewest rows that a slice is judged on. |" in readme
    assert "| `metrics` | MetricBounds by name | `required` | Thresholds on all rows, by name of the metric" in readme
    assert "`quality.<metric>.<rule>`" in readme
    for name in NAMES:
        for model in descriptions.json_models(name).values():
            assert [key.name for key in key_tables(model)[0].keys] == list(model.model_fields)


def test_sources_are_formatted(folder: Path) -> None:  # pyproject.toml, tool.ruff
    shared = ["--isolated", "--line-length", "120", "--target-version", "py311"]
    rules = ["--select", "E,W,F,I,D", "--ignore", "D100,D104,D415", "--config", "lint.pydocstyle.convention='google'"]
    sources = [str(path) for path in (folder / "kfp_components").rglob("*.py")]
    for command in (["format", "--check", "--diff"], ["check", *rules]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *shared, *sources],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def check_tests_of_its_own(python: str, folder: Path) -> None:
    done = catalogue.python_without_us(
        python, folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "kfp_components"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 6 * len(NAMES)


def test_its_own_tests_pass_without_us(folder: Path) -> None:
    check_tests_of_its_own(sys.executable, folder)


def test_its_own_tests_can_fail(folder: Path, tmp_path: Path) -> None:
    broken = catalogue.write(tmp_path)
    path = broken / "kfp_components" / FOLDERS["pusher"] / "component.py"
    path.write_text(path.read_text().replace("destination: str,", 'destination: str = "/models",'))
    with pytest.raises(AssertionError, match="1 failed"):
        check_tests_of_its_own(sys.executable, broken)


@pytest.mark.slow
def test_the_newest_kfp_alone(tmp_path: Path) -> None:
    written = catalogue.write(tmp_path)
    python = newest_kfp(tmp_path, "pytest")
    made = catalogue.compile_all(python, written)
    assert tuple(map(int, made["kfp"].split(".")[:2])) >= (2, 14)
    assert len(made["names"]) == len(NAMES)
    check_tests_of_its_own(python, written)


def test_examples_connect_the_components(folder: Path) -> None:
    spec = next(yaml.safe_load_all((folder / "pusher_pipeline.yaml").read_text()))
    tasks = spec["root"]["dag"]["tasks"]
    assert {name.replace("-", "_") for name in tasks} == set(NAMES)
    assert tasks["pusher"]["dependentTasks"] == ["data-validator", "evaluator", "trainer"]
    uncached = {name for name, task in tasks.items() if not task["cachingOptions"].get("enableCache")}
    assert uncached == {"example-gen", "production-model", "pusher"}
    required = {
        name for name, each in spec["root"]["inputDefinitions"]["parameters"].items() if not each.get("isOptional")
    }
    assert required == {"schema", "destination"}


def test_the_same_gives_the_same_bytes_and_nothing_else_is_touched(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "kfp_components"
    (again / "components/evaluation").mkdir(parents=True)
    (again / "components/evaluation/README.md").write_text("others' components")
    catalogue.write(tmp_path)
    catalogue.write(tmp_path)
    assert (again / "components/evaluation/README.md").read_text() == "others' components"
    for name in NAMES:
        for path in (folder / "kfp_components" / FOLDERS[name]).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.read_bytes() == (again / path.relative_to(folder / "kfp_components")).read_bytes()


@pytest.mark.parametrize("owners", [[], ["no body"], ["-dash"], ["a" * 40]])
def test_somebody_must_own_them(tmp_path: Path, owners: list[str]) -> None:
    with pytest.raises(UsageError, match=r"owner|own"):
        write_catalogue(tmp_path / "none", image=IMAGE, owners=owners, verified=TODAY)
    assert not (tmp_path / "none").exists()


def test_an_image_by_tag_is_possible(tmp_path: Path) -> None:
    """Images that the repository builds itself are named `…:main` there: scripts/check_base_image_tags."""
    image = "ghcr.io/kubeflow/pipelines-components-weighbridge:main"
    write_catalogue(tmp_path, image=image, owners=["somebody"], verified=TODAY, allow_tag=True)
    written = (tmp_path / FOLDERS["pusher"] / "component.py").read_text()
    assert f'image="{image}",' in written
    assert "sha256:[0-9a-f]" not in (tmp_path / FOLDERS["pusher"] / "tests/test_component_unit.py").read_text()


def test_the_command(weighbridge: Any, tmp_path: Path) -> None:
    arguments = ["components", "-o", tmp_path / "a", "--image", IMAGE, "--owner", "somebody"]
    done = weighbridge(*arguments, "--verified", "2026-07-24")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(tmp_path / "a" / each) for each in FOLDERS.values()]
    assert "lastVerified: 2026-07-24T00:00:00Z" in (tmp_path / "a" / FOLDERS["trainer"] / "metadata.yaml").read_text()
    assert weighbridge(*arguments[:5]).code == 2
    assert weighbridge(*arguments[:-1], "no body").code == 2
    assert weighbridge(*arguments, "--verified", "yesterday").code == 2
    arguments[4] = "weighbridge:latest"
    assert weighbridge(*arguments).code == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(JSON, st.integers(0, 110))
def test_a_literal_is_the_value(value: Any, before: int) -> None:
    assert ast.literal_eval(literal(value, before=before)) == value
