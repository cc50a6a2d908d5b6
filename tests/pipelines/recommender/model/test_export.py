"""What is exported: raw inputs in, the same answers as before, wherever TensorFlow is; and twins that are larger."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.recommender.model.planted import LONGEST, options
from weighbridge.pipelines.recommender.model.export import export, item_vectors, retriever

HISTORY = [[b"10007", b"10001", b"10007"], [b"10200", b"", b""], [b"?", b"", b""]]
AGES = [[1.0, 3.0, 50.0], [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
COUNTRY = [b"Here", b"Elsewhere", b"Here"]


@pytest.fixture(scope="module")
def exported(untrained, tmp_path_factory):
    """Folder of a SavedModel with an approximate index, and what it is made from."""
    model, vocabulary, known = untrained
    folder = tmp_path_factory.mktemp("exported")
    export(model, vocabulary, known, options(index="approximate"), str(folder), longest=LONGEST)
    return folder, retriever(model, vocabulary, known, options(index="approximate"), longest=LONGEST)


def test_signatures_take_what_a_shop_knows(exported):
    signatures = tf.saved_model.load(str(exported[0])).signatures
    assert set(signatures) == {"serving_default", "recommend", "recommend_exact", "score", "vectors"}
    customer = {"history": tf.string, "ages": tf.float32, "country": tf.string}
    pair = {"item": tf.string, "description": tf.string, "price": tf.float32}
    wanted = {"recommend": customer | {"k": tf.int32}, "score": customer | pair, "vectors": {}}
    for name, inputs in wanted.items():
        given = signatures[name].structured_input_signature[1]
        assert {key: spec.dtype for key, spec in given.items()} == inputs


# Nothing of this project, only TensorFlow: as a server loads it.
SERVER = """
import json, sys
import tensorflow as tf
folder, given = sys.argv[1], json.loads(sys.argv[2])
signature = tf.saved_model.load(folder).signatures["recommend"]
found = signature(
    history=tf.constant(given["history"]), ages=tf.constant(given["ages"]), country=tf.constant(given["country"]), k=5
)
assert not {"pipelines", "components", "faiss"} & set(sys.modules)
print(json.dumps({"items": [[c.decode() for c in row] for row in found["items"].numpy()],
                  "scores": found["scores"].numpy().tolist()}))
"""


def test_a_server_without_this_project_gives_the_same_answers(exported, tmp_path):
    folder, before = exported
    found = before.recommend(tf.constant(HISTORY), tf.constant(AGES), tf.constant(COUNTRY), tf.constant(5))
    text = {"history": [[code.decode() for code in row] for row in HISTORY], "ages": AGES}
    text["country"] = [name.decode() for name in COUNTRY]
    done = subprocess.run(
        [sys.executable, "-c", SERVER, folder, json.dumps(text)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["items"] == [[code.decode() for code in row] for row in found["items"].numpy()]
    np.testing.assert_allclose(told["scores"], found["scores"].numpy(), rtol=1e-4, atol=1e-5)


def test_vectors_are_those_of_the_model(exported, untrained):
    model, _, known = untrained
    found = tf.saved_model.load(str(exported[0])).signatures["vectors"]()
    assert found["codes"].numpy().tolist() == known.items.tolist()
    np.testing.assert_array_equal(found["numbers"], model.item_tower.numbers.embeddings)
    np.testing.assert_array_equal(found["history"], model.customer_tower.history.embeddings)


def test_a_twin_has_as_many_items_more_and_the_first_ones_unchanged(untrained):
    model, vocabulary, known = untrained
    plain = item_vectors(model, vocabulary, known)
    twin = retriever(model, vocabulary, known, options(index="exact"), longest=LONGEST, scale=10)
    codes, vectors = twin.codes.numpy(), twin.vectors.numpy()
    assert len(codes) == len(set(codes)) == len(vectors) == 10 * len(known.items)
    assert codes[: len(plain)].tolist() == known.items.tolist()
    np.testing.assert_array_equal(vectors[: len(plain)], plain)
    lengths = [np.linalg.norm(part, axis=1).mean() for part in (plain, vectors[len(plain) :])]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.5)
    again = retriever(model, vocabulary, known, options(index="exact"), longest=LONGEST, scale=10)
    np.testing.assert_array_equal(again.vectors.numpy(), vectors)


def test_a_twin_recommends_from_all_of_its_items(trained):
    signature = trained.served(trained.artifact / "variants/items_x10")["recommend"]
    found = signature(
        history=tf.constant([[b"10000"]]), ages=tf.constant([[1.0]]), country=tf.constant([b"Here"]), k=tf.constant(30)
    )
    items = found["items"].numpy()[0]
    assert len(set(items)) == 30
    assert any(b"#" in code for code in items)
    assert b"10000" in items
