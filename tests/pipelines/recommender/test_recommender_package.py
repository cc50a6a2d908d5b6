"""The recommender as a package for Kubeflow, and what its parameters become."""

import pytest
import yaml

from weighbridge.common.errors import UsageError
from weighbridge.definition import load
from weighbridge.kubeflow.compile.package import compile_package
from weighbridge.kubeflow.compile.spec import executor
from weighbridge.pipelines.recommender.pipeline import Parameters, evaluation_start

IMAGE = f"repository/weighbridge@sha256:{'ab' * 32}"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    definition = load("recommender")
    output = tmp_path_factory.mktemp("package") / "recommender.yaml"
    return compile_package(definition, definition.parameters(), output, image=IMAGE)


def test_the_package_has_every_step_with_its_executor(package):
    spec, _ = yaml.safe_load_all(package.path.read_text())
    steps = {"ExampleGen", "ProductionModel", "DataValidator", "Histories", "Trainer", "Evaluator", "Verdict", "Pusher"}
    assert set(package.steps) == steps == set(spec["root"]["dag"]["tasks"])
    arguments = executor(spec, "Histories")["container"]["args"]
    assert "weighbridge.pipelines.recommender.histories.component.HistoriesExecutor" in arguments
    assert "DataValidator" in spec["root"]["dag"]["tasks"]["Histories"]["dependentTasks"]


def test_kfp_reads_it(package):
    from kfp import components

    loaded = components.load_component_from_file(str(package.path))
    inputs = loaded.component_spec.inputs
    assert {"data", "span", "window", "epochs", "index", "seed"} <= set(inputs)
    assert all(each.optional for each in inputs.values())


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({}, "-28d"),
        ({"evaluation_days": 7, "until": "2010-06-01"}, "-7d"),
        ({"evaluate_from": "2010-06-01"}, "2010-06-01"),
        ({"evaluate_from": "20100601", "until": "2010-07-01"}, "2010-06-01"),
    ],
)
def test_evaluation_begins_where_it_is_told_or_days_before_the_end(given, start):
    assert evaluation_start(Parameters(**given)) == start


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"evaluate_from": "June"}, "evaluate_from='June' is not a day"),
        ({"until": "2010-02-30"}, "until='2010-02-30' is not a day"),
        ({"evaluate_from": "2010-06-01", "until": "20100601"}, "nothing to weigh on"),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused(given, told):
    with pytest.raises(UsageError, match=told) as caught:
        evaluation_start(Parameters(**given))
    assert "2010" in caught.value.hint
