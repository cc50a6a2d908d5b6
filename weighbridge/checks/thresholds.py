"""Thresholds against each other and against what there is: what can never pass, never refuse, or names nothing."""

import itertools
import math
from collections.abc import Iterator

from weighbridge.checks.finding import Finding, listed, nearest
from weighbridge.checks.subject import Node, Subject, as_json
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.gates import QualityGates
from weighbridge.verdict import Bounds

_GATES = "gates"
Location = tuple[str | int, ...]


def metric_names(subject: Subject) -> Iterator[Finding]:
    """Metrics that nobody measures, each by its name."""
    from weighbridge.components.evaluator.quality import providers

    if subject.gates is None:
        return
    told = set[str]()
    for node in subject.nodes_with("quality", "metrics_fn", "label"):
        quality = QualityGates.model_validate_json(node.parameters["quality"])
        for name in quality.metric_names():
            if name in told:
                continue
            try:
                providers.check(node.parameters["metrics_fn"], [name], node.parameters["label"])
            except UsageError as error:
                if "metric" not in error.message:  # of the provider itself, whose function is checked apart
                    break
                told.add(name)
                yield Finding.of(_GATES, error, subject.gates_path, _line_of_metric(subject, name))


def _line_of_metric(subject: Subject, name: str) -> int | None:
    lines = subject.gates_file.lines if subject.gates_file else {}
    found = [line for location, line in lines.items() if location[:1] == ("quality",) and location[-1:] == (name,)]
    return min(found, default=subject.line("quality"))


def bounds(subject: Subject) -> Iterator[Finding]:
    """Bounds that nothing can pass, that refuse nothing, or that contradict each other."""
    if subject.gates is None:
        return
    for location, found in _all_bounds(subject):
        name = str(location[-1])
        line = subject.line(*location)
        for lower, upper in (("min_change", "max_change"), ("min_ratio", "max_ratio")):
            low, high = getattr(found, lower), getattr(found, upper)
            if low is not None and high is not None and low > high:
                yield _error(
                    subject, line, f"{_dotted(location)}: {lower} {low:g} is above {upper} {high:g}: nothing could pass"
                )
        least, most = _range(location, name)
        yield from _in_range(subject, location, found, least, most)


def _in_range(subject: Subject, location: Location, found: Bounds, least: float, most: float) -> Iterator[Finding]:
    line, where = subject.line(*location), _dotted(location)
    extent = f"between {least:g} and {most:g}" if math.isfinite(most) else f"at least {least:g}"
    if not math.isfinite(least):
        return
    if (found.min is not None and found.min > most) or (found.max is not None and found.max < least):
        value, rule = (found.min, "min") if found.min is not None and found.min > most else (found.max, "max")
        hint = "Write a share of 1, not per cent." if rule == "min" and most == 1 and value and value <= 100 else ""
        yield _error(subject, line, f"{where}: {rule} {value:g} can never pass, since {location[-1]} is {extent}", hint)
    for rule, end in (("min", least), ("max", most)):
        value = getattr(found, rule)
        beyond = value is not None and (value <= end if rule == "min" else value >= end)
        if beyond and len(found.rules()) == 1:
            yield _warning(
                subject, line, f"{where}: {rule} {value:g} refuses nothing, since {location[-1]} is {extent}"
            )


def _range(location: Location, name: str) -> tuple[float, float]:
    """Smallest and largest value that a quantity can have; infinite where that is not known."""
    if location[0] == "quality":
        from weighbridge.components.evaluator.quality.kernels import KERNELS

        kernel = KERNELS.get(name)
        return (float(kernel.least), float(kernel.most)) if kernel else (-math.inf, math.inf)
    if location[0] == "latency" or location[:2] == ("data", "rows"):
        return 0.0, math.inf
    return -math.inf, math.inf


def _all_bounds(subject: Subject) -> Iterator[tuple[Location, Bounds]]:
    """Every threshold of the file that is a `Bounds`, with where it stands."""
    gates = subject.gates
    assert gates is not None  # noqa: S101, callers look first
    for split, found in gates.data.rows.items():
        yield ("data", "rows", split), found
    for name, found in gates.quality.metrics.items():
        yield ("quality", "metrics", name), found
    for index, cut in enumerate(gates.quality.slice_metrics):
        for name, found in cut.metrics.items():
            yield ("quality", "slice_metrics", index, "metrics", name), found
    for size, batch in gates.latency.batch_sizes.items():
        for name, found in batch.every().items():
            yield ("latency", "batch_sizes", str(size), *name.split(".")), found
    for name, found in gates.latency.given().items():
        yield ("latency", name), found


def blocking(subject: Subject) -> Iterator[Finding]:
    """Quality that nothing can refuse: only warnings, or only comparisons while nothing is in production."""
    if subject.gates is None or not subject.nodes_with("quality", "metrics_fn"):
        return
    quality = subject.gates.quality
    blocking = {name: each for name, each in quality.metrics.items() if each.severity == "blocking"}
    line = subject.line("quality", "metrics")
    if not blocking:
        yield _warning(
            subject,
            line,
            "quality.metrics: every threshold is a warning, so no quality refuses a model",
            "Leave out `severity: warning` for at least one.",
        )
    elif all(each.min is None and each.max is None for each in blocking.values()):
        yield _warning(
            subject,
            line,
            f"quality.metrics: {listed(blocking)} only compare with production, so a first model passes whatever it is",
            "Give at least one of them min or max, too.",
        )


def percentiles(subject: Subject) -> Iterator[Finding]:
    """Limits of percentiles that a lower limit of a higher one makes useless."""
    if subject.gates is None:
        return
    for size, batch in subject.gates.latency.batch_sizes.items():
        given = [
            (name, each.max)
            for name in ("p50_ms", "p95_ms", "p99_ms", "p999_ms")
            if (each := getattr(batch, name)) is not None
        ]
        limits = [(name, limit) for name, limit in given if limit is not None]
        for (lower, limit), (higher, other) in itertools.pairwise(limits):
            if limit > other:
                yield _warning(
                    subject,
                    subject.line("latency", "batch_sizes", str(size), lower),
                    f"latency.batch_sizes.{size}: {lower} max {limit:g} refuses nothing, since {higher} must be "
                    f"at most {other:g} and is never less than {lower}",
                )


def splits(subject: Subject) -> Iterator[Finding]:
    """Splits that thresholds or the Evaluator name and nobody makes."""
    made = split_names(subject)
    if not made or subject.gates is None:
        return
    for name in subject.gates.data.rows:
        if name not in made:
            yield _error(
                subject,
                subject.line("data", "rows", name),
                f"data.rows.{name}: there is no split {name!r}.{nearest(name, made)}",
                f"Splits: {listed(made)}.",
            )
    for node in subject.nodes_with("quality", "split"):
        wanted = node.parameters["split"]
        if wanted not in made:
            yield Finding(
                check="components",
                message=f"{node.id} weighs on the split {wanted!r}, which there is not.{nearest(wanted, made)}",
                hint=f"Splits: {listed(made)}.",
            )


def split_names(subject: Subject) -> list[str]:
    """The splits that the pipeline's ExampleGens make; empty where that is not known."""
    found: list[str] = []
    for node in subject.nodes_with("splits", "prepare_fn"):
        given = as_json(node.parameters["splits"])
        found += list(given.get("time_splits") or given.get("weights") or ())
    return list(dict.fromkeys(found))


def steps(subject: Subject) -> Iterator[Finding]:
    """Whether anything weighs at all; of a component that declares nothing, gates count where they are found."""
    nodes = subject.nodes or ()
    if nodes and not any(node.traits.gates or node.traits.verdict or _may_weigh(node) for node in nodes):
        yield Finding(
            check="components",
            level="warning",
            message=f"No step of {subject.definition.name} weighs anything, so a run of it would be refused",
            hint="Add a DataValidator or an Evaluator, or a component of your own that leaves gates.",
        )


def _may_weigh(node: Node) -> bool:
    stock = type(node.component).__module__.startswith("tfx.")
    return not stock and getattr(node.component, "TRAITS", None) is None


def _dotted(location: Location) -> str:
    return ".".join(map(str, location))


def _error(subject: Subject, line: int | None, message: str, hint: str = "") -> Finding:
    return Finding(check=_GATES, message=message, hint=hint, file=subject.gates_path, line=line)


def _warning(subject: Subject, line: int | None, message: str, hint: str = "") -> Finding:
    return _error(subject, line, message, hint).model_copy(update={"level": "warning"})
