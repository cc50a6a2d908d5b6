"""Many features are held against the schema some at a time: the same anomalies, at a price in proportion."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.data_validator.conftest import to_batch
from weighbridge.components.data_validator import parts
from weighbridge.components.data_validator.schema import infer_schema
from weighbridge.components.data_validator.statistics import compute_statistics


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 1 << 32))
def test_the_same_anomalies_as_of_all_features_at_once(seed: int) -> None:
    from tensorflow_data_validation.api import validation_api

    some = random.Random(seed)
    known, statistics = compute_statistics([_batch(some)]), compute_statistics([_batch(some)])
    schema = infer_schema(known)
    for feature in schema.feature:
        _vary(feature, some)
    if some.random() < 0.1:
        schema.default_environment.append("SERVING")
    whole = validation_api.validate_statistics(statistics, schema)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "FEATURES_AT_ONCE", 2)
        found = parts.validate_in_parts(statistics, schema)
    assert found.SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)


def test_no_call_gets_more_than_a_hundred_features(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow_data_validation.api import validation_api

    statistics = compute_statistics([to_batch({f"f{number:03}": [number, None] for number in range(250)})])
    schema = infer_schema(statistics)
    whole, sizes = validation_api.validate_statistics(statistics, schema), []
    real = validation_api.validate_statistics

    def counted(part: Any, part_of_schema: Any) -> Any:
        sizes.append((len(part.datasets[0].features), len(part_of_schema.feature)))
        return real(part, part_of_schema)

    monkeypatch.setattr(validation_api, "validate_statistics", counted)
    assert parts.validate_in_parts(statistics, schema) == whole
    assert sizes == [(100, 100), (100, 100), (50, 50)]


def test_a_schema_that_speaks_of_several_features_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow_data_validation.api import validation_api

    monkeypatch.setattr(parts, "FEATURES_AT_ONCE", 1)
    statistics = compute_statistics([to_batch({"a": [1], "b": [2]})])
    schema = infer_schema(statistics)
    schema.dataset_constraints.min_examples_count = 5
    found = parts.validate_in_parts(statistics, schema)
    assert found == validation_api.validate_statistics(statistics, schema)
    assert found.HasField("dataset_anomaly_info")


def _batch(some: random.Random) -> Any:
    make = (lambda: some.randint(0, 3), lambda: some.random() * 2, lambda: some.choice("abcdé"))
    columns = {}
    rows = some.randint(1, 6)
    for number in some.sample(range(8), some.randint(1, 8)):
        value = make[number % 3 if some.random() < 0.8 else some.randint(0, 2)]
        columns[f"f{number}"] = [None if some.random() < 0.2 else value() for _ in range(rows)]
    return to_batch(columns)


def _vary(feature: Any, some: random.Random) -> None:
    changes = (
        lambda: setattr(feature.int_domain, "min", 1),
        lambda: setattr(feature.float_domain, "max", 0.5),
        lambda: setattr(feature, "lifecycle_stage", 1),  # planned
        lambda: feature.not_in_environment.append("SERVING"),
        lambda: setattr(feature, "domain", "nowhere"),
        lambda: setattr(feature.distribution_constraints, "min_domain_mass", 0.3),
        lambda: setattr(feature.unique_constraints, "min", 3),
    )
    if some.random() < 0.5:
        some.choice(changes)()
