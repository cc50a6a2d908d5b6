"""A pipeline without one component of ours: stock ExampleGen with spans, a condition, a value that is passed on."""

from typing import Any

from weighbridge import definition
from weighbridge.definition import Context

NAME = "stock"


class Parameters(definition.Parameters):
    data: str = "/data"
    word: str = "tip"


def create_pipeline(parameters: Parameters, context: Context) -> Any:
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.proto import example_gen_pb2

    from tests.weighbridge.kubeflow import pipelines_for_tests as own

    examples = CsvExampleGen(
        input_base=RuntimeParameter(name="input_base", ptype=str, default=parameters.data),
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name="single", pattern="span-{SPAN}/*.csv")]
        ),
    )
    statistics = StatisticsGen(examples.outputs["examples"])
    count = own.Count()
    repeat = own.Repeat(times=count.outputs["count"].future()[0].value, word=parameters.word)
    with Cond(count.outputs["count"].future()[0].custom_property("n") > 10):
        never = own.Repeat(word="never").with_id("Never")
    return context.pipeline([examples, statistics, count, repeat, never])
