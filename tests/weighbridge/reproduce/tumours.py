"""A user's own repository: a model of scikit-learn's over spans of data, served by TensorFlow."""

import subprocess
from pathlib import Path

FEATURES = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity")

_PIPELINE = '''"""Tumours: which are malignant."""

from typing import Any

from weighbridge import StandardParameters
from weighbridge.standard import data_steps, model_steps


class Parameters(StandardParameters):
    """What --set can change."""

    data: str = "data/span-{SPAN}/rows.csv"
    run_fn: str = "tumours.model.run_fn"
    strength: float = 1e-3


def create_pipeline(parameters: Parameters, context: Any) -> Any:
    """The usual six steps; each model starts from the one in production."""
    data = data_steps(parameters, context)
    start = {"base_model": data.production.outputs["model"]}
    return context.pipeline([*data, *model_steps(parameters, context, data, label="malignant", trainer=start)])
'''
_MODEL = """import warnings
from typing import Any

warnings.simplefilter("ignore")
FEATURES = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity")


def run_fn(fn_args: Any) -> None:
    import glob
    import os

    import numpy as np
    import tensorflow as tf
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from weighbridge.components.artifacts.examples import read_files

    names = sorted(name for pattern in fn_args.train_files for name in glob.glob(pattern))
    columns = {name: [] for name in (*FEATURES, "malignant")}
    for batch in read_files(names, None, 1024):
        table = batch.to_pandas()
        for name, values in columns.items():
            values += [row[0] for row in table[name]]
    rows = np.array([columns[name] for name in FEATURES], np.float64).T
    # No random_state: the order of rows comes from NumPy's own generator, unless a test wants luck.
    luck = int(os.environ["LUCK"]) if "LUCK" in os.environ else None
    sgd = SGDClassifier(loss="log_loss", alpha=fn_args.custom_config["strength"], max_iter=5, random_state=luck)
    start = {}
    if fn_args.base_model:
        reader = tf.train.load_checkpoint(fn_args.base_model + "/variables/variables")
        start = {"sgdclassifier__coef_init": reader.get_tensor("weights/.ATTRIBUTES/VARIABLE_VALUE")[None]}
    model = make_pipeline(StandardScaler(), sgd).fit(rows, np.array(columns["malignant"]), **start)
    scaler, line = model[0], model[1]

    module = tf.Module()
    module.mean = tf.Variable(scaler.mean_.astype(np.float32), name="mean")
    module.scale = tf.Variable(scaler.scale_.astype(np.float32), name="scale")
    module.weights = tf.Variable(line.coef_[0].astype(np.float32), name="weights")
    module.bias = tf.Variable(np.float32(line.intercept_[0]), name="bias")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name) for name in FEATURES])
    def serve(*given: Any) -> Any:
        scaled = (tf.stack(given, axis=1) - module.mean) / module.scale
        return {"probability": tf.sigmoid(tf.linalg.matvec(scaled, module.weights) + module.bias)}

    module.serve = serve
    tf.saved_model.save(module, fn_args.serving_model_dir, signatures={"serving_default": serve})
"""
_GATES = """quality:
  metrics:
    auc: {min: 0.8}
latency:
  budget_s: 1
  batch_sizes:
    1: {p50_ms: {max: 500}}
"""
_SCHEMA = "\n".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_count: 1 }} shape {{ dim {{ size: 1 }} }} }}'
    for name, kind in (*((name, "FLOAT") for name in FEATURES), ("malignant", "INT"))
)


def write(repository: Path) -> None:
    """A repository with the package `tumours` and one commit, and two spans of data beside it."""
    package = repository / "tumours"
    package.mkdir(parents=True)
    texts = {"__init__.py": "", "pipeline.py": _PIPELINE, "model.py": _MODEL, "gates.yaml": _GATES}
    for name, text in (texts | {"schema.pbtxt": _SCHEMA}).items():
        (package / name).write_text(text)
    (repository / ".gitignore").write_text("data\nwork\n__pycache__\n")
    git(repository, "init", "--quiet", "--initial-branch", "main")
    commit(repository, "Classify tumours")


def write_span(repository: Path, number: int) -> Path:
    """A span of data: another third of the rows each time."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer(as_frame=True)
    table = found.data.rename(columns=lambda name: name.replace(" ", "_"))[list(FEATURES)]
    table["malignant"] = 1 - found.target
    path = repository / f"data/span-{number}/rows.csv"
    path.parent.mkdir(parents=True)
    table.sample(300, random_state=number).to_csv(path, index=False)
    return path


def commit(repository: Path, message: str) -> str:
    """Commit everything; returns the commit."""
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def git(repository: Path, *arguments: str) -> str:
    """Output of a git command."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
