"""Two trainings with the same seed, data and code export the same bytes, whatever else their processes did."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.trainer.toy import fn_args
from weighbridge.components.trainer import train
from weighbridge.components.trainer.canonical import make_canonical, rename

TOY = "tests.components.trainer.toy"
SCRIPT = """
import sys
from pathlib import Path
from tests.components.trainer.test_same_bytes import exported
print(exported(Path(sys.argv[1])))
"""


def exported(folder: Path) -> dict[str, str]:
    from weighbridge.common.digests import file_digest

    args = fn_args(folder, seed=5)
    args.tables = str(folder / "words.txt")
    folder.mkdir(parents=True, exist_ok=True)
    Path(args.tables).write_text("cash\ncard\n")
    train(f"{TOY}.with_tables", args)
    served = Path(args.serving_model_dir)
    return {path.relative_to(served).as_posix(): file_digest(path) for path in sorted(served.rglob("*.*"))}


def other_work() -> None:
    """Layers, functions and tables that move every counter of this process."""
    import keras
    import numpy as np
    import tensorflow as tf

    for _ in range(3):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
        model.predict(np.zeros((4, 3)), verbose=0)
        tf.function(lambda x: x + 1)(tf.constant(1.0))
        tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), -1)


def test_a_training_after_other_steps_exports_the_same_bytes(tmp_path):
    first = exported(tmp_path / "first")
    other_work()
    assert exported(tmp_path / "elsewhere/second") == first
    assert {"saved_model.pb", "fingerprint.pb", "variables/variables.index"} <= set(first)


def test_another_process_with_another_seed_of_hashes_exports_the_same_bytes(tmp_path):
    environment = os.environ | {"PYTHONHASHSEED": "77", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "there")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(exported(tmp_path / "here"))


def test_keras_goes_on_numbering_where_it_was(tmp_path):
    import keras

    before = keras.layers.Dense(1).name
    exported(tmp_path)
    after = keras.layers.Dense(1).name
    assert before != after
    assert not after.endswith(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with a loop, a branch, a gradient of its own, tables from values and from a file."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("saved")
    (folder / "words.txt").write_text("cash\ncard\n")

    @tf.custom_gradient
    def doubled(x):
        return 2 * x, lambda upstream: 3 * upstream

    class Loop(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable([1.0, 2.0], name="weight")
            self.bias = tf.Variable(0.5, name="bias")
            self.values = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1.0, 2.0])), -1.0
            )
            file = tf.lookup.TextFileInitializer(
                str(folder / "words.txt"),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            self.words = tf.lookup.StaticHashTable(file, -1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int32)])
        def serve(self, text, times):
            total = tf.cast(self.words.lookup(text), tf.float32) + self.values.lookup(text)
            for step in tf.range(times):
                total = total + (self.bias if step % 2 == 0 else tf.reduce_sum(self.weight))
            return {"total": doubled(total)}

    module = Loop()
    tf.saved_model.save(
        module,
        str(folder / "model"),
        signatures={"serving_default": module.serve},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=True),
    )
    return folder / "model"


def called(folder: Path) -> list[float]:
    import tensorflow as tf

    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    text = tf.constant(["card", "a", "b", "x"])
    return served(text=text, times=tf.constant(3))["total"].numpy().tolist()


def test_the_model_serves_what_it_did(model):
    import tensorflow as tf

    before = called(model)
    assert make_canonical(model)
    assert called(model) == before
    assert not make_canonical(model)  # there is nothing left to rename
    found = tf.saved_model.experimental.read_fingerprint(str(model))
    (model / "fingerprint.pb").unlink()
    from tensorflow.python.saved_model.fingerprinting_utils import write_fingerprint

    write_fingerprint(str(model))
    again = tf.saved_model.experimental.read_fingerprint(str(model))
    assert (found == again, found.saved_model_checksum) == (True, again.saved_model_checksum)


def test_what_is_no_saved_model_is_left_as_it_is(tmp_path):
    assert not make_canonical(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff not a model")
    assert not make_canonical(tmp_path)
    assert (tmp_path / "saved_model.pb").read_bytes() == b"\xff\xff not a model"


def test_what_a_function_captures_is_not_named_by_the_counter_of_the_process():
    from tensorflow.core.protobuf import saved_model_pb2

    def model(counter):
        made = saved_model_pb2.SavedModel()
        function = made.meta_graphs.add().graph_def.library.function.add()
        function.signature.name = f"__inference_recommend_{counter}"
        for place, (name, given) in enumerate(
            [("k", b"k"), (f"shape_{counter}", b"%d" % counter), ("unknown_0", b"%d" % (counter + 1))]
        ):
            function.signature.input_arg.add(name=name)
            function.arg_attr[place].attr["_user_specified_name"].s = given
        function.signature.output_arg.add(name="out")
        node = function.node_def.add(name="shape_1", op="Identity")
        node.input[:] = [f"shape_{counter}", f"^shape_{counter}", "k"]
        function.ret["out"] = f"shape_{counter}"
        rename(made)
        return made

    ours, later = model(7), model(7732)
    assert ours.SerializeToString(deterministic=True) == later.SerializeToString(deterministic=True)
    [function] = later.meta_graphs[0].graph_def.library.function
    names = [argument.name for argument in function.signature.input_arg]
    assert names == ["k", "shape_captured_1", "unknown_0"]
    assert list(function.node_def[0].input) == [names[1], f"^{names[1]}", "k"]
    assert function.ret["out"] == names[1]
