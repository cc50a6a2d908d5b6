"""The taxi pipeline: real Chicago taxi trips, a big-tipper classifier, weighed and pushed."""

from typing import Any

from pydantic import Field

from weighbridge.definition import Context
from weighbridge.standard import StandardParameters, standard_pipeline

LABEL = "big_tipper"
# 15,002 real trips that come inside the tfx package.
TRIPS = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"


class Parameters(StandardParameters):
    """What `--set` can change: these, and those of every standard pipeline."""

    data: str = Field(TRIPS, description="CSV, Parquet or TFRecord of taxi trips")
    epochs: int = Field(5, ge=1, description="passes over the training examples")
    run_fn: str = Field(
        "weighbridge.pipelines.taxi.model.run_fn", description="dotted function that trains and exports"
    )


def create_pipeline(parameters: Parameters, context: Context) -> Any:
    """ExampleGen → ProductionModel → DataValidator → Trainer → Evaluator → Pusher."""
    return standard_pipeline(
        parameters,
        context,
        label=LABEL,
        prepare_fn="weighbridge.pipelines.taxi.features.prepare",
        splits={"train": 2, "eval": 1},
    )
