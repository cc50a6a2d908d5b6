"""Agents that share a store and no disk: each stage begins with an empty work directory. The pipeline is real."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.foreign.installed import build_wheel, copy_of_the_sources, install
from tests.jenkins.foreign import ForeignJob
from tests.jenkins.scene import ANN, DELIVERY, PLAN, REHEARSAL, SETTING_UP, TRAINING

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> ForeignJob:
    folder = tmp_path_factory.mktemp("pods")
    wheel = build_wheel(copy_of_the_sources(folder / "sources"), folder / "dist")
    made = ForeignJob(folder / "job", installed=install(wheel, folder / "venv"), pods=True)
    made.create()
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_commit_goes_to_production_over_agents_that_share_a_store_alone(job: ForeignJob) -> None:
    job.commit(
        "Train elsewhere", Jenkinsfile=lambda text: text.replace("pipeline:", "accelerator: 'gpu',\n    pipeline:")
    )
    main = job.named("main", BRANCH_NAME="main")
    first = main.build(approval=ANN)
    assert first.result == "SUCCESS", first.log
    assert first.built() == [*SETTING_UP, *PLAN, *REHEARSAL, *TRAINING, *DELIVERY]
    assert [event["name"] for event in first.events("agent")] == ["cpu-1", "gpu-1", "cpu-1", "cpu-1"]
    assert len(list((job.folder / "pods").iterdir())) == 4
    production = json.loads((job.store / "fraud/production/production.json").read_text())
    assert (production["version"], production["approved_by"]) == (1, "Ann")
    # What one build knows, the next knows.
    again = main.build()
    assert again.result == "SUCCESS", again.log
    assert again.built() == [*SETTING_UP, *PLAN]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_branch_rehearses_against_a_store_that_it_can_only_read(job: ForeignJob) -> None:
    job.commit("More steps", branch="more", **{"pipelines/fraud/pipeline.py": lambda text: text.replace("200", "201")})
    reading = dataclasses.replace(job, writes=False)
    before = contents(job.store)
    subprocess.run(["chmod", "-R", "a-w", job.store], check=True)
    try:
        proposed = reading.named("PR-1", BRANCH_NAME="PR-1", CHANGE_ID="1", CHANGE_TARGET="main").build()
        refused = reading.named("main", BRANCH_NAME="main").build(FORCE=True)
    finally:
        subprocess.run(["chmod", "-R", "u+w", job.store], check=True)
    assert proposed.result == "SUCCESS", proposed.log
    assert proposed.built() == ["Supersede", *SETTING_UP, *PLAN, *REHEARSAL]
    plan = json.loads((proposed.folder / "archive/plan.json").read_text())
    assert plan["base"]["revision"] == "origin/main"
    assert refused.result == "FAILURE"  # the same rights, where something would be delivered
    assert contents(job.store) == before
