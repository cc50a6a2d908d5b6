"""A pipeline of somebody else's, run, planned, compiled, submitted and replayed with the installed wheel."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.installed import Installed, Result
from tests.foreign.repository import PIPELINE, write_repository
from tests.weighbridge.kubeflow.double import serve

pytestmark = pytest.mark.slow
IMAGE = f"registry.example.com/payments@sha256:{'ab' * 32}"


@dataclass(frozen=True)
class Ran:
    """A repository whose pipeline ran once, given by its file."""

    repository: Path
    cwd: Path
    file: str
    result: Result
    installed: Installed

    def call(self, *command: str) -> Result:
        return self.installed.run("python", "-m", "weighbridge", *command, *self.options, cwd=self.cwd)

    @property
    def options(self) -> list[str]:
        return ["--data", str(self.repository / "payments.csv"), "--workdir", str(self.repository / "work")]

    def plan(self) -> dict[str, Any]:
        done = self.call("plan", self.file, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)


@pytest.fixture(scope="module", params=["packages", "namespaces from elsewhere"])
def ran(request, installed, tmp_path_factory) -> Ran:
    folder = tmp_path_factory.mktemp("foreign")
    packages = request.param == "packages"
    repository = write_repository(folder / "payments", packages=packages)
    cwd, file = (repository, f"./{PIPELINE}") if packages else (folder, str(repository / PIPELINE))
    options = Ran(repository, cwd, file, Result(0, "", ""), installed).options
    return Ran(repository, cwd, file, installed.run("weighbridge", "run", file, *options, cwd=cwd), installed)


def test_a_run_ends_in_a_pushed_model(ran):
    assert ran.result.code == 0, ran.result.out + ran.result.err
    assert "PASSED  fraud" in ran.result.out
    record = json.loads((ran.repository / "work/fraud/production/production.json").read_text())
    assert record["version"] == 1
    assert (ran.repository / "work/fraud/production/1/saved_model.pb").is_file()


def test_a_second_run_finds_that_nothing_changed(ran):
    references = [ran.file] if ran.cwd != ran.repository else [ran.file, PIPELINE, "pipelines.fraud.pipeline"]
    for reference in references:
        again = ran.call("run", reference)
        assert again.code == 0, again.err
        assert "Nothing changed since run" in again.out
    planned = ran.plan()
    assert (planned["nothing"], planned["changed"]) == (True, [])


@pytest.mark.parametrize("name", ["model", "layers"])
def test_an_edited_model_is_noticed_also_where_another_module_imports_it(ran, name):
    file = ran.repository / f"pipelines/fraud/{name}.py"
    before = file.read_text()
    file.write_text(before + "\nEDITED = True\n")
    try:
        planned = ran.plan()
    finally:
        file.write_text(before)
    assert [(change["what"], change["part"]) for change in planned["changed"]] == [("code", "Trainer")]
    assert {step["name"]: step["action"] for step in planned["steps"]} == {
        "ExampleGen": "cached",
        "Trainer": "run",
        "Evaluator": "run",
        "Pusher": "run",
    }


def test_code_digests_read_what_is_ones_own_and_no_library_beside_it(ran):
    assert (ran.installed.site_packages / "tensorflow").exists()
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from weighbridge.common.digests import source_files; "
        "print(json.dumps(sorted(source_files(['weighbridge.components', 'pipelines.fraud.model']))))"
    )
    told = ran.installed.run("python", "-c", code, str(ran.repository), cwd=ran.cwd)
    read = json.loads(told.out)
    assert {name.partition(".")[0] for name in read} == {"weighbridge", "pipelines"}
    assert {"weighbridge.components.trainer.component", "pipelines.fraud.layers"} <= set(read)


def test_a_pipeline_compiles_to_the_same_package_by_file_and_by_import_path(ran, tmp_path):
    data = ["--data", str(ran.repository / "payments.csv")]
    told = []
    for reference, cwd in {ran.file: ran.cwd, "pipelines.fraud.pipeline": ran.repository}.items():
        output = tmp_path / f"{len(told)}.yaml"
        command = ("weighbridge", "compile", reference, "-o", output, "--image", IMAGE, *data, "--json")
        done = ran.installed.run(*command, cwd=cwd)
        assert done.code == 0, done.err
        told.append(json.loads(done.out) | {"path": output.read_text()})
    assert told[0] == told[1]
    assert "pipelines.fraud.model.run_fn" in told[0]["path"]


def test_a_pipeline_is_submitted_by_its_file(ran):
    """The server is a double."""
    kubeflow, stop = serve()
    command = ("weighbridge", "submit", ran.file, "--image", IMAGE, "--endpoint", kubeflow.url, "--json")
    try:
        done = ran.installed.run(*command, "--data", str(ran.repository / "payments.csv"), cwd=ran.cwd)
        assert done.code == 0, done.err
        assert list(kubeflow.runs) == [json.loads(done.out)["run"]["run_id"]]
    finally:
        stop()


def test_history_is_replayed_by_processes_that_find_the_file_as_well(ran):
    done = ran.call("backtest", ran.file, "--from", "2010-06", "--to", "2010-06", "--json")
    assert done.code == 0, done.err
    [span] = json.loads(done.out)["spans"]
    assert (span["decision"], span["version"]) == ("pushed", 1), span["message"]
