"""`weighbridge production`: what is live, and whether it is what was weighed, in a folder and in buckets."""

import json
from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import make_model, weigh
from tests.weighbridge.cli.test_runs import in_window
from weighbridge.components.pusher import push
from weighbridge.components.pusher.push import Pushed

KINDS = (None, GCS, S3)


@pytest.fixture(params=KINDS, ids=["folder", "gs", "s3"])
def destination(request, tmp_path, monkeypatch) -> str:
    """Nothing yet: a folder, or a prefix of a bucket that a double stands for."""
    if request.param is None:
        return str(tmp_path / "production")
    double_of(request.param, monkeypatch)
    return f"{request.param.scheme}{BUCKET}/taxi"


@pytest.fixture
def folder(workdir) -> Path:
    """Production in the work directory."""
    return workdir / "taxi" / "production"


def push_version(folder: Path, number: int, destination: str | Path, **how: str) -> Pushed:
    """A further version, weighed by a run of its number."""
    model = make_model(folder / f"m{number}", f"model {number}")
    return push(model, weigh(folder / f"e{number}", model, run_id=f"run-{number}"), str(destination), **how)


def test_the_live_version_is_told_with_run_digests_metrics_and_history(weighbridge, destination, tmp_path):
    push_version(tmp_path, 1, destination)
    push_version(tmp_path, 2, destination, promoted_from="/staging", approved_by="Ada", approved_in="https://j/job/1/")
    done = weighbridge("production", "taxi", "--destination", destination)
    assert done.code == 0, done.out + done.err
    assert done.out.startswith("taxi: version 2, whole\n")
    told = dict(line.split(maxsplit=1) for line in done.out.splitlines() if line.startswith("  "))
    assert told["where"] == f"{destination}/2"
    assert told["run"] == "run-2"
    assert told["promoted"] == "from /staging"
    assert told["approved"] == "by Ada in https://j/job/1/"
    assert told["verified"] == "its bytes are those that were weighed"
    assert told["verdict"].endswith(" passed")
    assert told["auc"] == "0.9 (≥ 0.8)"
    assert "just now" in told["since"]
    history = [line.split() for line in done.out.splitlines() if "run-" in line and "sha" not in line][1:]
    assert [row[:2] for row in history] == [["live", "2"], ["1", history[1][1]]]
    assert history[0][-1] == "Ada"

    found = json.loads(weighbridge("production", "taxi", "--destination", destination, "--json").out)
    assert (found["live"]["version"], found["whole"], found["problems"], found["exit_code"]) == (2, True, [], 0)
    assert [(each["record"]["run_id"], each["live"]) for each in found["history"]] == [
        ("run-2", True),
        ("run-1", False),
    ]
    assert found["metrics"][0]["name"] == "quality.auc.min"
    assert found["since"] == found["live"]["pushed_at"]


def test_nothing_yet_is_an_answer(weighbridge, destination):
    done = weighbridge("production", "taxi", "--destination", destination)
    assert (done.code, done.err) == (0, "")
    assert "nothing is live yet" in done.out
    assert f"There is nothing at {destination}: is it the right place?" in done.out
    assert json.loads(weighbridge("production", "taxi", "--destination", destination, "--json").out)["live"] is None


def test_without_options_it_is_the_work_directory_s(weighbridge, folder, tmp_path, workdir):
    push_version(tmp_path, 1, folder)
    assert weighbridge("production", "taxi").out.startswith("taxi in production: version 1, whole\n")
    assert weighbridge("production", "taxi", "--deliver-to", "staging").out.startswith("taxi at staging: nothing")
    staging = tmp_path / "stages.yaml"
    staging.write_text(f"staging: {folder}\nproduction: {tmp_path / 'other'}\n")
    done = weighbridge("production", "taxi", "--stage", "staging", "--destinations", staging)
    assert done.out.startswith("taxi at staging: version 1, whole\n")
    assert max(map(len, in_window(80, "production", "taxi", workdir=workdir)[-2:])) <= 80


def changed_bytes(folder: Path) -> None:
    (folder / "2/saved_model.pb").write_bytes(b"other")


def removed_version(folder: Path) -> None:
    (folder / "2").rename(folder.parent / "moved")


def changed_verdict(folder: Path) -> None:
    path = folder / ".weighbridge/2/verdict.json"
    path.write_bytes(path.read_bytes() + b"\n")


def removed_verdict(folder: Path) -> None:
    (folder / ".weighbridge/2/verdict.json").unlink()


def changed_record(folder: Path) -> None:
    path = folder / "production.json"
    path.write_text(path.read_text().replace("run-2", "run-9"))


def broken_record(folder: Path) -> None:
    (folder / "production.json").write_text("{}")


def removed_kept_record(folder: Path) -> None:
    (folder / ".weighbridge/1/record.json").unlink()


def broken_kept_record(folder: Path) -> None:
    (folder / ".weighbridge/1/record.json").write_text("{")


def a_version_of_nobody(folder: Path) -> None:
    (folder / "7").mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (changed_bytes, "The model in production was changed"),
        (removed_version, "names version 2, but there is no"),
        (changed_verdict, "is not the verdict that version 2 was pushed on"),
        (removed_verdict, "The verdict that version 2 was pushed on is gone"),
        (changed_record, "contradict each other"),
        (broken_record, "is not a production record"),
        (removed_kept_record, "The record of version 1 is gone"),
        (broken_kept_record, "is not a production record"),
        (a_version_of_nobody, "No Pusher put version 7 into"),
    ],
)
def test_what_contradicts_is_named_with_the_mend_and_exits_2(weighbridge, folder, tmp_path, damage, said):
    push_version(tmp_path, 1, folder)
    push_version(tmp_path, 2, folder)
    damage(folder)
    done = weighbridge("production", "taxi")
    assert done.code == 2
    assert said in done.err
    assert "whole" not in done.out
    assert "run-1" in done.out or damage in (removed_kept_record, broken_kept_record)
    found = json.loads(weighbridge("production", "taxi", "--json").out)
    assert found["exit_code"] == 2
    assert all(problem["message"] and problem["hint"] for problem in found["problems"])


def test_all_that_contradicts_is_told_at_once(weighbridge, folder, tmp_path):
    push_version(tmp_path, 1, folder)
    push_version(tmp_path, 2, folder)
    for damage in (changed_bytes, removed_verdict, removed_kept_record):
        damage(folder)
    assert len(json.loads(weighbridge("production", "taxi", "--json").out)["problems"]) == 3


def test_an_interrupted_push_is_no_contradiction(weighbridge, folder, tmp_path):
    push_version(tmp_path, 1, folder)
    before = (folder / "production.json").read_bytes()
    push_version(tmp_path, 2, folder)
    (folder / "production.json").write_bytes(before)
    done = weighbridge("production", "taxi")
    assert done.code == 0
    assert "version 2, whole" in done.out
    assert "was interrupted before it was named" in done.out


def test_a_version_that_was_removed_to_save_space_is_told_so(weighbridge, folder, tmp_path):
    for number in (1, 2):
        push_version(tmp_path, number, folder)
    (folder / "1").rename(folder.parent / "moved")
    done = weighbridge("production", "taxi")
    assert done.code == 0
    assert any(line.startswith("removed  1") for line in done.out.splitlines())


def test_a_model_of_another_pipeline_is_told(weighbridge, folder, tmp_path):
    push_version(tmp_path, 1, folder)
    done = weighbridge("production", "recommender", "--destination", folder)
    assert (done.code, "It was made by pipeline taxi, not by recommender." in done.out) == (0, True)


def test_the_newest_versions_are_shown_and_all_on_request(weighbridge, folder, tmp_path):
    for number in range(1, 13):
        push_version(tmp_path, number, folder)
    few = weighbridge("production", "taxi").out
    assert "2 older versions are left out: --all shows all." in few
    assert len(weighbridge("production", "taxi", "--all").out.splitlines()) == len(few.splitlines()) + 1


def test_what_cannot_be_reached_is_exit_3(weighbridge, monkeypatch):
    double = double_of(S3, monkeypatch)

    def fail(_request: str) -> None:
        from botocore.exceptions import EndpointConnectionError

        raise EndpointConnectionError(endpoint_url="https://s3.example.org")

    double.before = fail
    done = weighbridge("production", "taxi", "--destination", f"s3://{BUCKET}/taxi")
    assert done.code == 3, done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--stage", "stagin"), "Did you mean 'staging'?"),
        (("--stage", "staging", "--destination", "/x"), "exclude each other"),
        (("--destination", "ftp://x/y"), "ftp://x/y"),
    ],
)
def test_a_wrong_option_is_a_usage_error(weighbridge, options, said):
    done = weighbridge("production", "taxi", *options)
    assert (done.code, said in done.err) == (2, True)
