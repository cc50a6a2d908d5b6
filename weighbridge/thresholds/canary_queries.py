"""How other servers than ours are asked for in Prometheus: the `queries` of a canary."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from weighbridge.verdict import Section, told

_UNLIKE = "no series, or series of one of the two models alone: " + (
    "what is judged by it is not measured, holds the canary, and rolls it back when `hold_minutes` are over"
)
VERSION = "$version"


class CanaryQueries(Section):
    """Selectors of series, in PromQL, of one model: `$version` is its version, `$model` the served name.

    A selector of a counter may give several series, such as one of each server: what each of them grew by is added up,
    so that a server that starts anew takes nothing away. What is not given is asked of Weighbridge's own metrics.
    """

    requests: str | None = Field(
        default=None,
        description="Counter of requests answered, failures among them, such as "
        '`istio_requests_total{destination_version="v$version"}`.',
        json_schema_extra=told(missing=_UNLIKE),
    )
    errors: str | None = Field(
        default=None,
        description="Counter of requests among them that failed or were refused, such as the same with "
        '`response_code=~"[45].."`. No series is no failure, where there are requests. Required with `requests`.',
    )
    latency: str | None = Field(
        default=None,
        description="Buckets of a histogram of the time requests took, such as "
        '`istio_request_duration_milliseconds_bucket{destination_version="v$version"}`.',
        json_schema_extra=told(missing=_UNLIKE),
    )
    latency_unit: Literal["s", "ms", "us"] = Field(
        default="s",
        description="Unit of its buckets: seconds, milliseconds or, as TensorFlow Serving has, microseconds.",
    )
    predictions: str | None = Field(
        default=None,
        description="Buckets of a histogram of predicted values; of several outputs, each by a label `output`.",
        json_schema_extra=told(missing=_UNLIKE),
    )
    memory_bytes: str | None = Field(
        default=None,
        description="Gauge of the memory of its servers, such as "
        '`container_memory_working_set_bytes{pod=~"taxi-v$version-.*"}`; the most of any one counts.',
        json_schema_extra=told(unit="bytes", missing=_UNLIKE),
    )
    restarts: str | None = Field(
        default=None,
        description="Counter of restarts of its servers, such as "
        '`kube_pod_container_status_restarts_total{pod=~"taxi-v$version-.*"}`. After a restart of the canary nothing '
        "passes any more in its step, and a second one rolls it back.",
    )

    @field_validator("requests", "errors", "latency", "predictions", "memory_bytes", "restarts")
    @classmethod
    def _of_one_version(cls, query: str | None) -> str | None:
        return query if query is None else of_one_version(query)

    @model_validator(mode="after")
    def _tell_failures(self) -> "CanaryQueries":
        if self.requests is not None and self.errors is None:
            raise ValueError(
                f"requests is {self.requests!r}, but errors is missing: every failure would count as answered. Name "
                'their counter, too, such as the same with response_code=~"[45].."'
            )
        return self


def of_one_version(query: str) -> str:
    """A selector as given.

    Raises:
        ValueError: it does not say of which version, so that canary and stable would be one.
    """
    if VERSION not in query:
        raise ValueError(f"{query!r} has no {VERSION}: canary and stable would be counted together")
    return query
