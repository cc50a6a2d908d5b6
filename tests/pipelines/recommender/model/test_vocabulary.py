"""Raw codes, countries and descriptions as numbers; what is not known is 0."""

import numpy as np
import tensorflow as tf

from tests.pipelines.recommender.model.planted import catalogue
from weighbridge.pipelines.recommender.model.vocabulary import WORDS, Vocabulary


def test_items_and_countries_count_from_one_and_what_is_not_known_is_zero():
    known = Vocabulary(catalogue())
    codes = [[b"10001", b"10004"], [b"", b"77777"]]
    assert known.items(tf.constant(codes)).numpy().tolist() == [[1, 4], [0, 0]]
    assert known.country(tf.constant([b"Here", b"Nowhere", b""])).numpy().tolist() == [1, 0, 0]
    assert (known.size, known.countries) == (4, 1)


def test_a_catalogue_of_nothing_knows_nothing():
    nothing = catalogue(0, countries=np.array([], object), by_country=np.zeros((0, 0), np.int64))
    known = Vocabulary(nothing)
    assert known.items(tf.constant([b"10001", b""])).numpy().tolist() == [0, 0]
    assert known.country(tf.constant([b"Here"])).numpy().tolist() == [0]


def test_words_are_the_same_however_they_are_written():
    text = Vocabulary(catalogue()).text(["RED MUG", " red, MUG! 12", "Red-mug"]).numpy()
    assert text.shape == (3, WORDS)
    assert (text == text[0]).all()
    assert (text[0] > 1).sum() == 2
    assert len(set(text[0][:2])) == 2


def test_rare_and_unknown_words_share_a_number_and_none_is_zero():
    found = Vocabulary(catalogue()).text(["BLUE", "WHALE", "", "£ 12 é"]).numpy()
    assert (found[0] == found[1]).all()  # blue is on one item only
    assert found[0][0] > 0
    assert not found[2:].any()


def test_a_long_description_is_cut():
    assert Vocabulary(catalogue()).text(["red " * 50]).numpy().shape == (1, WORDS)


def test_items_without_any_description_are_no_error():
    known = Vocabulary(catalogue(2, descriptions=np.array(["", ""], object)))
    assert not known.text([""]).numpy().any()
