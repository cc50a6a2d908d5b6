"""Stock TFX components plug in beside ours."""

import pytest

from weighbridge.runs.workspace import find_run

pytestmark = pytest.mark.slow


def test_a_pipeline_with_stock_transform_runs_to_a_pushed_model_and_is_cached(weighbridge, workdir):
    done = weighbridge("run", "tests.pipelines.taxi.transform_pipeline")
    assert done.code == 0, done.out + done.err
    assert {step.name: step.state for step in find_run(workdir).record.steps}["Transform"] == "done"
    assert (workdir / "transformed/production/1/saved_model.pb").exists()
    forced = weighbridge("run", "tests.pipelines.taxi.transform_pipeline", "--force")
    assert forced.code == 0, forced.out + forced.err
    states = {step.name: step.state for step in find_run(workdir).record.steps}
    assert (states["Transform"], states["Trainer"]) == ("cached", "cached")
