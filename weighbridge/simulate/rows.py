"""Other rows of the same kind to train on: those of a run, drawn with replacement."""

from pathlib import Path

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.artifacts.columns import COLUMNS_FOLDER
from weighbridge.components.artifacts.examples import split_files, split_folder

TRAIN_SPLIT = "train"


def can_draw(examples: str) -> bool:
    """Whether the rows of an Examples artifact can be drawn: it has a split to train on, of TFRecord files."""
    return any(path.is_file() for path in split_folder(examples, TRAIN_SPLIT).glob("[!._]*"))


def draw_rows(examples: str, folder: Path, rng: np.random.Generator) -> None:
    """Make an Examples artifact whose rows to train on are drawn from another's; all else is the other's.

    Each row is there as often as a Poisson variable of mean one says: the bootstrap, for rows that are read once (Oza
    and Russell, Artificial Intelligence and Statistics 2001).

    Args:
        examples: folder of an artifact, which is only read.
        folder: of the new one.
        rng: draws.
    """
    import tensorflow as tf

    source, target = split_folder(examples, TRAIN_SPLIT), split_folder(str(folder), TRAIN_SPLIT)
    target.mkdir(parents=True)
    for other in Path(examples).iterdir():
        if other.name not in (source.name, COLUMNS_FOLDER):  # the columns are those of the rows before
            (folder / other.name).symlink_to(other)
    for name in split_files(examples, TRAIN_SPLIT):
        compression = "GZIP" if name.endswith(".gz") else ""
        records = tf.data.TFRecordDataset(name, compression)
        with tf.io.TFRecordWriter(str(target / Path(name).name), compression) as writer:
            for number, record in enumerate(records.as_numpy_iterator(), 1):
                for _ in range(rng.poisson()):
                    writer.write(record)
                if number % 100_000 == 0:
                    report(f"drew from {number:,} rows")
