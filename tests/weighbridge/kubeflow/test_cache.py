"""What a step made before from the same content is taken again, and nothing else."""

import errno
import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.common.errors import ExitCode
from weighbridge.definition import load
from weighbridge.kubeflow.compile.package import compile_package
from weighbridge.kubeflow.step import entrypoint
from weighbridge.runs.kept import KEPT, KeptResults
from weighbridge.storage import destination
from weighbridge.storage.place import open_place


def results(folder: Path, step: str) -> KeptResults:
    """The results of a step in a volume."""
    return KeptResults(open_place(folder), step)


KEY = f"sha256:{'ab' * 32}"
EXECUTORS = "tests.weighbridge.kubeflow.executors"
IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


def made(folder: Path, text: str = "weights") -> dict[str, Path]:
    """Outputs of a step: a model, and one that holds nothing."""
    model = folder / "model"
    (model / "variables").mkdir(parents=True)
    (model / "variables/data").write_text(text)
    (model / "empty").touch()
    (folder / "nothing").mkdir()
    return {"model": model, "nothing": folder / "nothing"}


def places(folder: Path) -> dict[str, Path]:
    return {"model": folder / "model", "nothing": folder / "nothing"}


ARTIFACTS = {"model": {"artifacts": [{"metadata": {"n": 3.0}}]}, "nothing": {"artifacts": [{"metadata": {}}]}}


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    cache = results(tmp_path / "cache", "Trainer")
    assert cache.restore(KEY, places(tmp_path / "b")) is None
    cache.keep(KEY, made(tmp_path / "a"), ARTIFACTS)
    shutil.rmtree(tmp_path / "a")
    assert cache.restore(KEY, places(tmp_path / "b")) == ARTIFACTS
    assert (tmp_path / "b/model/variables/data").read_text() == "weights"
    assert (tmp_path / "b/model/empty").exists()
    assert results(tmp_path / "cache", "Other").restore(KEY, places(tmp_path / "c")) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: next(entry.glob("*/model/variables/data")).write_text("other"),
        lambda entry: next(entry.glob("*/model/variables/data")).unlink(),
        lambda entry: shutil.rmtree(next(entry.glob("*/model"))),
        lambda entry: (entry / "entry.json").write_text("{]"),
        lambda entry: (entry / "entry.json").write_text((entry / "entry.json").read_text().replace("3.0", "4.0")),
    ],
)
def test_what_is_not_as_it_was_kept_is_made_again(damage: Any, tmp_path: Path) -> None:
    cache = results(tmp_path / "cache", "Trainer")
    cache.keep(KEY, made(tmp_path / "a"), ARTIFACTS)
    [entry] = (tmp_path / "cache/Trainer").iterdir()
    damage(entry)
    assert cache.restore(KEY, places(tmp_path / "b")) is None
    assert list((tmp_path / "b/model").iterdir()) == []  # nothing of it stays
    assert not entry.exists()


def test_a_copy_that_fails_loses_nothing_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = results(tmp_path / "cache", "Trainer")
    cache.keep(KEY, made(tmp_path / "a"), ARTIFACTS)

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    with monkeypatch.context() as patched:
        patched.setattr(destination, "copy_tree", full)
        assert cache.restore(KEY, places(tmp_path / "b")) is None
    assert cache.restore(KEY, places(tmp_path / "b")) == ARTIFACTS


def test_only_the_last_results_are_kept(tmp_path: Path) -> None:
    cache = results(tmp_path / "cache", "Trainer")
    keys = [f"sha256:{number:064x}"[:39] for number in (1 << 200, 2 << 200, 3 << 200)]
    for number, key in enumerate(keys):
        cache.keep(key, made(tmp_path / str(number)), ARTIFACTS)
    there = [cache.restore(key, places(tmp_path / "b")) is not None for key in keys]
    assert there == [False, True, True]
    assert KEPT == 2


def test_a_volume_that_is_full_fails_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 99, 1))
    cache = results(tmp_path / "cache", "Trainer")
    cache.keep(KEY, made(tmp_path / "a"), ARTIFACTS)
    assert "No room" in caplog.text
    assert cache.restore(KEY, places(tmp_path / "b")) is None


def test_a_volume_that_cannot_be_written_fails_no_step(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file")
    results(tmp_path / "cache", "Trainer").keep(KEY, made(tmp_path / "a"), ARTIFACTS)
    assert "not kept" in caplog.text


def run(folder: Path, number: int, *arguments: str, word: str = "a", examples: str = "x") -> dict[str, Any]:
    """Run the counting step once more, with an input that holds `examples`; returns its output's entry."""
    data = folder / f"examples-{number}"
    data.mkdir()
    if examples:
        (data / "rows").write_text(examples)
    source = {"uri": str(data), "type": {"schemaTitle": "tfx.Examples"}, "metadata": {"span": 1.0}, "name": str(number)}
    target = {"uri": f"{folder}/p/run-{number}/Step/u/e", "type": {"schemaTitle": "tfx.ModelEvaluation"}}
    executor_input = {
        "inputs": {
            "parameterValues": {"word": word, "log": str(folder / "log")},
            "artifacts": {"examples": {"artifacts": [source]}},
        },
        "outputs": {
            "artifacts": {"evaluation": {"artifacts": [target]}},
            "outputFile": str(folder / f"output-{number}.json"),
        },
    }
    code = entrypoint.main(
        [
            *("--executor_class_path", f"{EXECUTORS}.Counting", "--cache", str(folder / "cache"), *arguments),
            *("--json_serialized_invocation_args", json.dumps(executor_input)),
        ]
    )
    assert code == ExitCode.PASSED
    written = json.loads((folder / f"output-{number}.json").read_text())["artifacts"]["evaluation"]["artifacts"][0]
    assert written["uri"] == target["uri"]
    assert Path(target["uri"], "made.txt").read_text() == word
    return dict(written["metadata"])


def ran(folder: Path) -> int:
    return (folder / "log").read_text().count("ran")


def test_a_step_runs_again_where_content_changed_and_only_there(tmp_path: Path) -> None:
    first = run(tmp_path, 1)
    assert run(tmp_path, 2) == first  # other ids and addresses, the same content
    assert ran(tmp_path) == 1
    run(tmp_path, 3, word="b")
    assert ran(tmp_path) == 2
    run(tmp_path, 4, examples="y")
    assert ran(tmp_path) == 3
    assert first["number"] == 3.0
    assert first["weighbridge_gates"].startswith("sha256:")


def test_what_lies_outside_is_part_of_the_key(tmp_path: Path) -> None:
    driver = ("--driver_class_path", f"{EXECUTORS}.Outside")
    outside = tmp_path / "log.outside"
    outside.write_text("version 1")
    run(tmp_path, 1, *driver)
    run(tmp_path, 2, *driver)
    assert ran(tmp_path) == 1
    outside.write_text("version 2")
    run(tmp_path, 3, *driver)
    assert ran(tmp_path) == 2


def test_another_image_makes_it_again(tmp_path: Path) -> None:
    run(tmp_path, 1, "--image", "a@sha256:1")
    run(tmp_path, 2, "--image", "a@sha256:1")
    assert ran(tmp_path) == 1
    run(tmp_path, 3, "--image", "a@sha256:2")
    assert ran(tmp_path) == 2


def test_where_it_is_not_known_what_an_input_holds_nothing_is_taken_from_before(tmp_path: Path) -> None:
    for number in (1, 2):
        run(tmp_path, number, examples="")
    assert ran(tmp_path) == 2


def kept(folder: Path, **options: Any) -> set[str]:
    """Steps of the taxi package that keep their results."""
    definition = load("taxi")
    package = compile_package(definition, definition.parameters(), folder / "taxi.yaml", image=IMAGE, **options)
    spec, _ = yaml.safe_load_all(package.path.read_text())
    found = set()
    for label, executor in spec["deploymentSpec"]["executors"].items():
        arguments = executor["container"]["args"]
        if "--steps" in arguments:
            steps = json.loads(arguments[arguments.index("--steps") + 1])
            found |= {step["name"] for step in steps if "--cache" in step["arguments"]}
        elif "--cache" in arguments:
            found.add(label.removesuffix("_executor"))
    return found


def test_steps_whose_pods_mount_the_volume_keep_their_results(tmp_path: Path) -> None:
    """No verdict, no push, no look at production and no comparison with earlier spans is taken from before."""
    assert kept(tmp_path) == {"Trainer"}
    assert kept(tmp_path, fuse=True) == {"ExampleGen", "Trainer"}
    assert kept(tmp_path, volumes=False) == set()
