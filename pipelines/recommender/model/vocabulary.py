"""From raw codes, countries and descriptions to the numbers that the towers take; part of the exported graph."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from weighbridge.pipelines.recommender.histories.catalogue import Catalogue

WORDS = 8  # of a description
_STRIP = r"[^a-z ]+"


class Vocabulary(tf.Module):
    """Numbers of items and countries from 1 on; 0 stands for padding and for what is not known.

    Args:
        catalogue: whose items and countries are known.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(name="vocabulary")
        self.size = len(catalogue.items)
        self.countries = len(catalogue.countries)
        self._items = _table(catalogue.items)
        self._countries = _table(catalogue.countries)
        words, counts = np.unique(
            np.array(" ".join(_standard(catalogue.descriptions)).split() or ["-"]), return_counts=True
        )
        self._text = keras.layers.TextVectorization(
            standardize=_standardise, output_sequence_length=WORDS, vocabulary=list(words[counts > 1]) or ["-"]
        )
        self.words = self._text.vocabulary_size()

    def items(self, codes: Any) -> Any:
        """Numbers of item codes, int32, of the same shape."""
        return self._items.lookup(codes)

    def country(self, names: Any) -> Any:
        """Numbers of countries, int32, of the same shape."""
        return self._countries.lookup(names)

    def text(self, descriptions: Any) -> Any:
        """Numbers of the first `WORDS` words, [items, WORDS], 0 for none."""
        return tf.cast(self._text(descriptions), tf.int32)


def _table(names: Any) -> Any:
    keys = tf.constant(list(names) or [b"\0"], tf.string)
    numbers = tf.range(1, len(keys) + 1, dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, numbers), 0)


def _standardise(text: Any) -> Any:
    return tf.strings.regex_replace(tf.strings.lower(text), _STRIP, " ")


def _standard(texts: Any) -> list[str]:
    return [text.decode() for text in _standardise(tf.constant(list(texts), tf.string)).numpy()]
