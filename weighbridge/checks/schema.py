"""The reviewed schema against itself, and what the thresholds and the Evaluator say of its features."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.checks.finding import Finding, listed, nearest
from weighbridge.checks.subject import Subject
from weighbridge.components.data_validator.gates import Distances
from weighbridge.components.evaluator.gates import QualityGates

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

_SCHEMA = "schema"
_NAME = re.compile(r"""^\s*(?:feature\s*\{\s*)?name\s*:\s*(?:"([^"\\]*)"|'([^'\\]*)')""")
_PARSE_ERROR = re.compile(r"(\d+):\d+ : (.*)", re.DOTALL)
TYPES = {1: "BYTES", 2: "INT", 3: "FLOAT", 4: "STRUCT"}  # schema_pb2.FeatureType
_NOT_REQUIRED = {1, 2, 5, 6, 7}  # schema_pb2.LifecycleStage: PLANNED, ALPHA, DEPRECATED, DEBUG_ONLY, DISABLED
_DOMAINS = {"int_domain": "INT", "float_domain": "FLOAT", "string_domain": "BYTES"}


def read_schema(path: Path) -> "tuple[schema_pb2.Schema | None, dict[str, int], list[Finding]]":
    """A schema, the line of each feature's name, and why it cannot be read."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        return None, {}, [_error(f"The file is not UTF-8: {error.reason}", path, None, "Save it as UTF-8.")]
    except OSError as error:
        return None, {}, [_error(f"It cannot be read: {error.strerror}", path, None)]
    lines = _lines(text)
    try:
        return text_format.Parse(text, schema_pb2.Schema()), lines, []
    except text_format.ParseError as error:
        found = _PARSE_ERROR.fullmatch(str(error))
        line, message = (int(found[1]), found[2]) if found else (None, str(error))
        return None, lines, [_error(f"This is no schema: {' '.join(message.split())}", path, line)]


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _NAME.match(line)
        if match:
            found.setdefault(match[1] if match[1] is not None else match[2], number)
    return found


def itself(subject: Subject) -> Iterator[Finding]:
    """Features that are there twice, have no type, or a domain that does not fit or that nothing can be in."""
    if subject.schema is None:
        return
    path, lines = subject.context.schema, subject.schema_lines
    domains = {domain.name for domain in subject.schema.string_domain}
    seen = set[str]()
    for feature in subject.schema.feature:
        name, line = feature.name, lines.get(feature.name)
        if not name:
            yield _error("A feature has no name", path, None)
            continue
        if name in seen:
            yield _error(f"Feature {name!r} is there twice", path, line, "Keep one of them.")
        seen.add(name)
        yield from _of_feature(feature, domains, path, line)


def _of_feature(feature: Any, domains: set[str], path: Path, line: int | None) -> Iterator[Finding]:
    name, kind = feature.name, TYPES.get(feature.type, "")
    if not kind:
        yield _error(f"Feature {name!r} has no type", path, line, f"Give it one of {', '.join(TYPES.values())}.")
    domain = feature.WhichOneof("domain_info") or ""
    wanted = _DOMAINS.get(domain, "BYTES" if domain == "domain" else "")
    if kind and wanted and wanted != kind:
        yield _error(f"Feature {name!r} is {kind}, and its {domain} is for {wanted}", path, line)
    if domain == "domain" and feature.domain not in domains:
        yield _error(
            f"Feature {name!r} names the domain {feature.domain!r}, which the schema has not."
            f"{nearest(feature.domain, domains)}",
            path,
            line,
            f"Its string_domains: {listed(sorted(domains))}.",
        )
    if domain in ("int_domain", "float_domain"):
        limits = getattr(feature, domain)
        if limits.HasField("min") and limits.HasField("max") and limits.min > limits.max:
            yield _error(f"Feature {name!r}: min {limits.min:g} is above max {limits.max:g}", path, line)
    fraction = feature.presence.min_fraction
    if not 0 <= fraction <= 1:
        yield _error(f"Feature {name!r}: min_fraction {fraction:g} is no share, 0 to 1", path, line)
    count = feature.value_count
    if count.HasField("max") and count.min > count.max:
        yield _error(f"Feature {name!r}: value_count min {count.min} is above max {count.max}", path, line)


def named_features(subject: Subject) -> Iterator[Finding]:
    """Features that thresholds name and the schema does not have, or that cannot be judged so."""
    if subject.schema is None or subject.gates is None:
        return
    data = subject.gates.data
    evaluators = subject.nodes_with("quality", "metrics_fn")
    if evaluators and all(map(subject.weighs_reviewed_rows, evaluators)):
        yield from _slices(subject, subject.gates.quality)
        if subject.gates.quality.unit is not None:
            yield from _known(subject, subject.gates.quality.unit, ("quality", "unit"), "quality.unit")
    for location, distances in (
        (("data", "skew"), data.skew),
        (("data", "drift", "production"), data.drift.production),
        (("data", "drift", "previous_span"), data.drift.previous_span),
    ):
        yield from _distances(subject, location, distances)


def _slices(subject: Subject, quality: QualityGates) -> Iterator[Finding]:
    for index, names in enumerate(quality.slices):
        for name in names:
            yield from _known(subject, name, ("quality", "slices", index), "quality.slices")
    for index, cut in enumerate(quality.slice_metrics):
        where = ("quality", "slice_metrics", index, "slice")
        for name in cut.features:
            yield from _known(subject, name, where, "quality.slice_metrics")
        if isinstance(cut.slice, dict):
            for name, value in cut.slice.items():
                yield from _possible(subject, name, value, (*where, name))


def _distances(subject: Subject, where: tuple[str, ...], given: Mapping[str, Distances]) -> Iterator[Finding]:
    for name, distances in given.items():
        location = (*where, name)
        yield from _known(subject, name, location, ".".join(where))
        feature = subject.features.get(name)
        if feature is not None and distances.linf is not None and _is_numeric(feature):
            yield _of_gates(
                subject,
                location,
                f"{'.'.join(location)}: linf is for categorical features, and {name!r} is numeric by the schema",
                "Write jensen_shannon; or say int_domain { is_categorical: true } in the schema.",
            )


def is_deprecated(feature: Any) -> bool:
    """Whether a feature need not be there any more."""
    return bool(feature.deprecated) or feature.lifecycle_stage in _NOT_REQUIRED


def _is_numeric(feature: Any) -> bool:
    kind = TYPES.get(feature.type, "")
    return kind == "FLOAT" or (kind == "INT" and not feature.int_domain.is_categorical)


def _known(subject: Subject, name: str, location: tuple[str | int, ...], where: str) -> Iterator[Finding]:
    known = subject.features
    if name not in known:
        yield _of_gates(
            subject,
            location,
            f"{where}: the schema has no feature {name!r}.{nearest(name, known)}",
            f"Its features: {listed(known)}.",
        )


def _possible(subject: Subject, name: str, value: Any, location: tuple[str | int, ...]) -> Iterator[Finding]:
    """A slice by a value that the schema does not allow: no row is in it, so its gates would refuse every model."""
    feature = subject.features.get(name)
    if feature is None or subject.schema is None:
        return
    shared = {domain.name: domain for domain in subject.schema.string_domain}
    domain = feature.string_domain if feature.HasField("string_domain") else shared.get(feature.domain)
    if domain is not None and domain.value and str(value) not in domain.value:
        yield _of_gates(
            subject,
            location,
            f"quality.slice_metrics: {name} is never {value!r} by the schema.{nearest(str(value), domain.value)}",
            f"Its values: {listed(domain.value)}.",
        )
    limits = feature.int_domain
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    below = feature.HasField("int_domain") and limits.HasField("min") and is_number and value < limits.min
    above = feature.HasField("int_domain") and limits.HasField("max") and is_number and value > limits.max
    if below or above:
        yield _of_gates(
            subject,
            location,
            f"quality.slice_metrics: {name} is never {value!r} by the schema",
            f"It is between {limits.min} and {limits.max}.",
        )


def label(subject: Subject) -> Iterator[Finding]:
    """The label: known to the schema, there in every row, and the same wherever it is named."""
    judged = subject.gates.data.label.feature if subject.gates and subject.gates.data.label else ""
    if judged and subject.schema is not None:
        yield from _known(subject, judged, ("data", "label", "feature"), "data.label")
    for node in subject.nodes_with("quality", "label"):
        name = node.parameters["label"]
        if not name:
            continue
        if subject.schema is not None and name not in subject.features and subject.weighs_reviewed_rows(node):
            yield Finding(
                check="label",
                message=f"{node.id} weighs against the label {name!r}, which the schema has not."
                f"{nearest(name, subject.features)}",
                hint=f"Features of the schema: {listed(subject.features)}.",
                file=subject.context.schema,
            )
        if judged and judged != name:
            yield _of_gates(
                subject,
                ("data", "label", "feature"),
                f"data.label is {judged!r}, and {node.id} weighs against {name!r}",
                "Name the same column in both, if they are meant to be one.",
            ).model_copy(update={"level": "warning"})


def _error(message: str, path: Path, line: int | None, hint: str = "") -> Finding:
    return Finding(check=_SCHEMA, message=message, hint=hint, file=path, line=line)


def _of_gates(subject: Subject, location: tuple[str | int, ...], message: str, hint: str) -> Finding:
    return Finding(check="gates", message=message, hint=hint, file=subject.gates_path, line=subject.line(*location))
