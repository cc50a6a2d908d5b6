"""What components declare of themselves, and what those are taken for that declare nothing."""

from importlib import import_module

import pytest

from tests.weighbridge.local import own_components
from weighbridge.common.errors import UsageError
from weighbridge.components.traits import ComponentTraits
from weighbridge.runs.component_traits import is_stock, traits_of

COMPONENTS = (
    "weighbridge.components.data_validator.component:DataValidator",
    "weighbridge.components.evaluator.component:Evaluator",
    "weighbridge.components.example_gen.component:ExampleGen",
    "weighbridge.components.production_model.component:ProductionModel",
    "weighbridge.components.pusher.component:Pusher",
    "weighbridge.components.trainer.component:Trainer",
    "weighbridge.pipelines.recommender.histories.component:Histories",
)


@pytest.mark.parametrize("name", COMPONENTS)
def test_ours_declare_what_they_have(name):
    module, _, component = name.partition(":")
    kind = getattr(import_module(module), component)
    traits = traits_of(kind)
    assert traits is kind.TRAITS
    assert traits.code_digest == "code_digest"
    assert bool(traits.gates) != bool(traits.looked_up)


@pytest.mark.parametrize(
    ("traits", "told", "hint"),
    [
        (ComponentTraits(gates=("reprot",)), "output 'reprot'", "report"),
        (ComponentTraits(thresholds=("gate",)), "parameter 'gate'", "minimum"),
        ({"gates": ("report",)}, "not a ComponentTraits", "TRAITS = ComponentTraits"),
    ],
)
def test_names_that_a_component_does_not_have_are_told(traits, told, hint):
    class Mistaken(own_components.Counted):
        TRAITS = traits

    with pytest.raises(UsageError, match=r"Mistaken\.TRAITS") as raised:
        traits_of(Mistaken)
    assert told in raised.value.message
    assert hint in raised.value.hint


def test_what_a_step_needs_of_traits_travels_as_json():
    import json

    traits = ComponentTraits(gates=("a", "b"), verdict="v", metrics="m", pushes="p", examples="e", looked_up=("l",))
    assert ComponentTraits.from_json(json.loads(traits.outputs_json()) | {"of_tomorrow": 1}) == traits
    assert ComponentTraits.from_json({}) == ComponentTraits()


def test_stock_components_are_taken_for_what_they_are(tmp_path):
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.pusher.component import Pusher
    from tfx.proto import pusher_pb2
    from tfx.types import channel_utils, standard_artifacts

    examples = traits_of(CsvExampleGen(input_base=str(tmp_path)))
    assert (examples.examples, examples.outside_state, examples.report) == ("examples", True, False)
    filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=str(tmp_path))
    model = channel_utils.as_channel([standard_artifacts.Model()])
    pusher = Pusher(model=model, push_destination=pusher_pb2.PushDestination(filesystem=filesystem))
    traits = traits_of(pusher)
    assert (traits.pushes, traits.destination, traits.gates) == ("pushed_model", "push_destination", ())
    assert is_stock(pusher, "Pusher")
    assert not is_stock(own_components.Counted, "Pusher")


def test_a_function_component_is_known_by_convention_until_it_declares():
    from tests.weighbridge.local.tiny_components import Count

    assert traits_of(Count(rows=1, threshold=1)).examples == "examples"
    assert traits_of(own_components.Checked(examples=Count(rows=1, threshold=1).outputs["examples"])).gates == (
        "report",
    )
