"""What the commands cost that people wait for: those that load nothing heavy, beside what they are compared with."""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import measure

_EXECUTOR = "weighbridge.components.data_validator.component"
_COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "weighbridge --help": ["-m", "weighbridge", "--help"],
    "python -c 'import tensorflow'": ["-c", "import tensorflow"],
    "weighbridge compile taxi": [
        *("-m", "weighbridge", "compile", "taxi", "--allow-tag", "--image", "repository/image:tag"),
        *("-o", "{folder}/taxi.yaml"),
    ],
    "the same by TFX's `KubeflowV2DagRunner`": ["-m", "benchmarks.stock_compile", "{folder}"],
    "a step on Kubeflow, until `DataValidatorExecutor` is there": [
        "-c",
        "from weighbridge.kubeflow.step import entrypoint, lean; lean.load_tfx('');"
        f" import weighbridge.kubeflow.step.executor, {_EXECUTOR}",
    ],
    "the same by TFX's `kubeflow_v2_run_executor`": [
        "-c",
        f"from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor; import {_EXECUTOR}",
    ],
}


def startup_table(repeats: int) -> str:
    """Median wall and CPU seconds of each command, as Markdown."""
    lines = ["## Commands", "", "| command | wall | CPU |", "| --- | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in _COMMANDS.items():
            costs = [_cost(arguments, Path(folder)) for _ in range(repeats)]
            wall, cpu = (statistics.median(getattr(cost, what) for cost in costs) for what in ("wall", "cpu"))
            lines.append(f"| {name if '`' in name else f'`{name}`'} | {wall:.2f} s | {cpu:.2f} s |")
    return "\n".join(lines)


def _cost(arguments: list[str], folder: Path) -> measure.Cost:
    filled = [argument.format(folder=folder) for argument in arguments]
    measured = measure.run([sys.executable, *filled], folder)
    assert measured is not None
    return measured.whole
