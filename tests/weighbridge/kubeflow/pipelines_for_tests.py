"""Pipelines of a user's own, with what stock TFX offers: for the compiler to take or to refuse."""

from typing import Any

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts


@component
def Count(count: OutputArtifact[standard_artifacts.Integer], start: Parameter[int] = 3):
    """Says a number."""
    count.value = start + 1
    count.set_int_custom_property("n", start)


@component
def Repeat(text: OutputArtifact[standard_artifacts.String], times: Parameter[int] = 1, word: Parameter[str] = "a"):
    """Says a word so many times."""
    text.value = word * times


def pipeline(*components: Any, name: str = "own", **options: Any) -> Any:
    """A TFX pipeline of these components."""
    from tfx.orchestration.pipeline import Pipeline

    return Pipeline(pipeline_name=name, pipeline_root="minio://bucket/root", components=list(components), **options)


def passing_a_value(word: Any = "a") -> Any:
    """One component's output value is another one's parameter."""
    count = Count()
    return pipeline(count, Repeat(times=count.outputs["count"].future()[0].value, word=word))
