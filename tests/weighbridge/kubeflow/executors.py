"""Executors that do one thing each, for the entry point to run."""

import errno
from typing import Any

from tfx.dsl.components.base import base_executor

from weighbridge.common.errors import UsageError
from weighbridge.verdict import Gate, passed_if, write_gates


class Weighing(base_executor.BaseExecutor):
    """Leaves one gate, which passes or not."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        [evaluation] = output_dict["evaluation"]
        passes = exec_properties["passes"] == "yes"
        message = "Fine." if passes else "AUC <b>is</b> too low."
        write_gates(
            evaluation.uri,
            [Gate(name="quality.auc.min", status=passed_if(passes), observed=0.8, threshold=0.9, message=message)],
        )
        evaluation.set_string_custom_property("run", self._context.pipeline_run_id)
        evaluation.set_string_custom_property("pipeline", self._context.pipeline_info.id)


class Misconfigured(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise UsageError("data='x' is wrong")


class Broken(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        _ = 1 / 0


class OutOfDisk(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/minio/x")
