"""Raw features to numbers and tokens, with statistics small enough to reckon by hand."""

import math

import numpy as np
import pytest

from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator import CategoricalSummary, NumericSummary
from weighbridge.pipelines.taxi import features
from weighbridge.pipelines.taxi.preprocessing import Preprocessor, parse, raw_types


def numeric(mean=10.0, std=5.0):
    return NumericSummary(mean, std, 0.0, 100.0, mean, tuple(float(percent) for percent in range(1, 100)), 0.0)


def categorical(*values, counts=None):
    return CategoricalSummary(values, tuple(counts or [100.0] * len(values)), 0.0, len(values))


@pytest.fixture
def summaries():
    return {
        **{name: numeric() for name in features.BUCKETISED},
        **{name: categorical("7", "3", "1") for name in features.CATEGORIES},
        "payment_type": categorical("Cash", "Credit Card"),
        "company": categorical("Blue", "Rare", counts=[50.0, 1.0]),
    }


def raw(**changes):
    import tensorflow as tf

    values = {**dict.fromkeys(features.BUCKETISED, 10), **dict.fromkeys(features.CATEGORIES, 7)}
    values |= {"payment_type": "Cash", "company": "Blue"} | changes
    return {name: tf.constant([values[name]], dtype) for name, dtype in raw_types().items()}


def tokens(preprocessor, **changes):
    places = [*features.BUCKETISED, *features.CATEGORIES, *features.TEXTS]
    return dict(zip(places, preprocessor(raw(**changes))["tokens"].numpy()[0].tolist(), strict=True))


def test_numbers_are_normalised_clipped_and_zero_where_missing(summaries):
    preprocessor = Preprocessor(summaries)

    def number(value):
        return preprocessor(raw(fare=value))["numbers"].numpy()[0, features.NUMERIC.index("fare")]

    assert number(10.0) == 0
    assert number(15.0) == 1
    assert number(1e30) == 4
    assert number(-1e30) == -4
    assert number(math.nan) == 0


def test_a_constant_feature_divides_by_nothing(summaries):
    found = Preprocessor(summaries | {"fare": numeric(std=0.0)})(raw(fare=11.0))["numbers"].numpy()
    assert np.isfinite(found).all()


def test_every_feature_has_tokens_of_its_own_and_all_fit_the_table(summaries):
    preprocessor = Preprocessor(summaries)
    seen: dict[str, set[int]] = {}
    probes = [math.nan, *range(-5, 105, 5)]
    for probe in probes:
        whole = -1 if math.isnan(probe) else int(probe)
        changes = {name: whole if name in features.WHOLE_NUMBERS else probe for name in features.BUCKETISED}
        changes |= dict.fromkeys(features.CATEGORIES, whole)
        changes |= dict.fromkeys(features.TEXTS, {5: "Cash", 10: "Credit Card", 15: "Blue"}.get(probe, ""))
        for name, token in tokens(preprocessor, **changes).items():
            seen.setdefault(name, set()).add(token)
    everything = [token for found in seen.values() for token in found]
    assert len(everything) == len(set(everything))
    assert min(everything) >= 0
    assert max(everything) < preprocessor.tokens


def test_buckets_follow_the_quantiles_and_missing_is_a_bucket_apart(summaries):
    preprocessor = Preprocessor(summaries)
    found = [tokens(preprocessor, fare=value)["fare"] for value in (math.nan, -1.0, 9.0, 15.0, 95.0, math.inf)]
    missing = found[0]
    assert [token - missing for token in found] == [0, 1, 1, 2, 10, 10]


@pytest.mark.parametrize("value", [-1, 4, 10**15])
def test_unknown_and_missing_categories_share_a_token(summaries, value):
    preprocessor = Preprocessor(summaries)
    unknown = tokens(preprocessor, trip_start_hour=99)["trip_start_hour"]
    assert tokens(preprocessor, trip_start_hour=value)["trip_start_hour"] == unknown
    known = {tokens(preprocessor, trip_start_hour=value)["trip_start_hour"] for value in (7, 3, 1)}
    assert len(known | {unknown}) == 4


def test_rare_text_counts_as_unknown(summaries):
    preprocessor = Preprocessor(summaries)
    rare, unknown, missing, known = (
        tokens(preprocessor, company=text)["company"] for text in ("Rare", "Never seen", "", "Blue")
    )
    assert rare == unknown == missing != known


@pytest.mark.parametrize(
    ("name", "summary", "told"),
    [
        ("fare", None, "no value in the train split"),
        ("fare", categorical("1"), "a CategoricalSummary"),
        ("trip_start_hour", numeric(), "a NumericSummary"),
        ("company", None, "no value"),
    ],
)
def test_statistics_that_do_not_suit_are_told(summaries, name, summary, told):
    unsuited = {key: value for key, value in summaries.items() if key != name}
    if summary:
        unsuited[name] = summary
    with pytest.raises(UsageError, match=told) as caught:
        Preprocessor(unsuited)
    assert repr(name) in caught.value.message


def test_statistics_that_were_not_given_are_told():
    with pytest.raises(UsageError, match="got no statistics"):
        Preprocessor.from_statistics("")


def test_what_an_example_lacks_is_missing_not_zero():
    import tensorflow as tf

    parsed = parse(tf.constant([tf.train.Example().SerializeToString()]))
    assert math.isnan(parsed["fare"].numpy()[0])
    assert parsed["trip_start_hour"].numpy()[0] == -1
    assert parsed["company"].numpy()[0] == b""
