"""Raw taxi features to what the model computes on, as one TensorFlow graph that is exported with the model.

All it needs to know comes from the DataValidator's statistics of the train split: means and deviations, bucket
boundaries, vocabularies. Every feature but the plain numbers becomes one token; the tokens of all features share one
range, and so one embedding table. Missing and unknown values have tokens of their own.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator.summary import CategoricalSummary, NumericSummary, feature_summary
from weighbridge.pipelines.taxi.features import BUCKETISED, BUCKETS, CATEGORIES, LABEL, NUMERIC, TEXTS, WHOLE_NUMBERS

# A value seen less often says more about a passenger than about passengers: it is treated as unknown.
_MIN_COUNT = 5
_CLIP = 4.0  # standard deviations: one trip of 1,710 miles must not drown all others

_MISSING = {tf.float32: float("nan"), tf.int64: -1, tf.string: ""}

Summaries = dict[str, NumericSummary | CategoricalSummary]


def raw_types() -> dict[str, tf.DType]:
    """The raw features that the model reads and their types, by name."""
    numbers = {name: tf.int64 if name in WHOLE_NUMBERS else tf.float32 for name in (*BUCKETISED, *CATEGORIES)}
    return numbers | dict.fromkeys(TEXTS, tf.string)


def parse(serialized: tf.Tensor, *, label: bool = False) -> dict[str, tf.Tensor]:
    """Parse serialized tf.Examples.

    Args:
        serialized: string tensor of shape [batch].
        label: whether to parse the label too; then no example may lack it.

    Returns:
        By name one tensor of shape [batch], missing values as NaN, -1 or empty text.
    """
    spec: dict[str, Any] = {
        name: tf.io.FixedLenFeature([], dtype, _MISSING[dtype]) for name, dtype in raw_types().items()
    }
    if label:
        spec[LABEL] = tf.io.FixedLenFeature([], tf.int64)
    return tf.io.parse_example(serialized, spec)


class Preprocessor(tf.Module):
    """Raw features to normalised numbers and tokens.

    Attributes:
        tokens: number of different tokens of all features together.
    """

    def __init__(self, summaries: Summaries) -> None:
        """Take means, boundaries and vocabularies from the statistics of the train split."""
        super().__init__(name="preprocessor")
        numbers = [_numeric(summaries, name) for name in NUMERIC]
        self._mean = np.array([summary.mean for summary in numbers], np.float32)
        self._deviation = np.array([summary.std or 1.0 for summary in numbers], np.float32)

        boundaries = [_numeric(summaries, name).boundaries(BUCKETS) for name in BUCKETISED]
        width = max(1, *map(len, boundaries))
        # Buckets that a feature lacks begin at infinity, so that all features are compared at once.
        self._boundaries = np.array([(*row, *[np.inf] * (width - len(row))) for row in boundaries], np.float32)
        bucket_tokens = width + 2  # one bucket more than boundaries, and one token for missing
        self._bucket_offsets = np.arange(len(BUCKETISED), dtype=np.int64) * bucket_tokens
        self.tokens = bucket_tokens * len(BUCKETISED)

        category_tokens: dict[int, int] = {}
        self._category_offsets = np.zeros(len(CATEGORIES), np.int64)
        for place, name in enumerate(CATEGORIES):
            self._category_offsets[place] = self.tokens
            for token, value in enumerate(_vocabulary(summaries, name), start=self.tokens + 1):
                category_tokens[int(value) * len(CATEGORIES) + place] = token
            self.tokens += 1 + len(_vocabulary(summaries, name))
        # One table for all columns of numbers: a key is a value and the place of its column.
        self._categories = _table(category_tokens, tf.int64, unknown=-1)

        self._texts = []
        for name in TEXTS:
            vocabulary = _vocabulary(summaries, name)
            known = {value: token for token, value in enumerate(vocabulary, start=self.tokens + 1)}
            self._texts.append(_table(known, tf.string, unknown=self.tokens))
            self.tokens += 1 + len(vocabulary)

    @classmethod
    def from_statistics(cls, path: str) -> "Preprocessor":
        """Read the statistics of the train split.

        Args:
            path: `fn_args.custom_config["statistics_path"]`.

        Raises:
            UsageError: there are none, or a feature that the model reads is not in them as it should be.
        """
        if not path:
            raise UsageError(
                "The taxi model got no statistics", "Give the Trainer statistics=<DataValidator's output>."
            )
        return cls(feature_summary(path))

    def __call__(self, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Preprocess a batch.

        Args:
            raw: the features of `raw_types`, each of shape [batch].

        Returns:
            `numbers`, float32 of shape [batch, numeric features], 0 where missing; `tokens`, int32 of shape
            [batch, all other features].
        """
        columns = {name: _as_float(raw[name]) for name in BUCKETISED}
        numbers = tf.stack([columns[name] for name in NUMERIC], axis=1)
        normalised = tf.clip_by_value((numbers - self._mean) / self._deviation, -_CLIP, _CLIP)

        located = tf.stack([columns[name] for name in BUCKETISED], axis=1)
        buckets = tf.reduce_sum(tf.cast(located[:, :, tf.newaxis] >= self._boundaries, tf.int64), axis=2)
        buckets = tf.where(tf.math.is_nan(located), tf.zeros_like(buckets), buckets + 1) + self._bucket_offsets

        places = tf.range(len(CATEGORIES), dtype=tf.int64)
        keys = tf.stack([raw[name] for name in CATEGORIES], axis=1) * len(CATEGORIES) + places
        found = self._categories.lookup(keys)
        categories = tf.where(found < 0, self._category_offsets, found)
        texts = [table.lookup(raw[name])[:, tf.newaxis] for name, table in zip(TEXTS, self._texts, strict=True)]
        return {
            "numbers": tf.where(tf.math.is_nan(normalised), tf.zeros_like(normalised), normalised),
            "tokens": tf.cast(tf.concat([buckets, categories, *texts], axis=1), tf.int32),
        }


def _as_float(column: tf.Tensor) -> tf.Tensor:
    """Float32 with NaN for missing: -1 is how a column of whole numbers says it."""
    if column.dtype != tf.int64:
        return column
    return tf.where(column < 0, tf.constant(float("nan")), tf.cast(column, tf.float32))


def _table(tokens: dict[Any, int], key_type: tf.DType, unknown: int) -> tf.lookup.StaticHashTable:
    keys = tf.constant(list(tokens), key_type)
    values = tf.constant(list(tokens.values()), tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), unknown)


def _numeric(summaries: Summaries, name: str) -> NumericSummary:
    summary = summaries.get(name)
    if not isinstance(summary, NumericSummary):
        raise _unsuited(name, summary, "numbers")
    return summary


def _vocabulary(summaries: Summaries, name: str) -> list[str]:
    """The values of a feature that are frequent enough, most frequent first."""
    summary = summaries.get(name)
    if not isinstance(summary, CategoricalSummary):
        raise _unsuited(name, summary, "categories (in schema.pbtxt: int_domain { is_categorical: true })")
    return [value for value, count in zip(summary.vocabulary, summary.counts, strict=True) if count >= _MIN_COUNT]


def _unsuited(name: str, summary: object, expected: str) -> UsageError:
    found = "no value in the train split" if summary is None else f"a {type(summary).__name__}"
    return UsageError(
        f"The taxi model needs feature {name!r}, and the statistics hold {found}", f"Expected {expected}."
    )
