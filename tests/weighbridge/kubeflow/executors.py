"""Executors that do one thing each, for the entry point to run."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_executor

from weighbridge.common.errors import UsageError
from weighbridge.components.driver import OutsideStateDriver
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


class Counting(base_executor.BaseExecutor):
    """Leaves a gate and a file, and a line in the file `log` each time it runs."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        with Path(exec_properties["log"]).open("a") as file:
            file.write("ran\n")
        [evaluation] = output_dict["evaluation"]
        write_gates(evaluation.uri, [Gate(name="a.b.min", status="passed", observed=1, threshold=0, message="Fine.")])
        Path(evaluation.uri, "made.txt").write_text(exec_properties["word"])
        evaluation.set_int_custom_property("number", 3)


class Outside(OutsideStateDriver):
    """What lies outside is what a file holds."""

    PROPERTY = "state"

    def state(self, exec_properties: Any, inputs: Any) -> str:
        return Path(exec_properties["log"] + ".outside").read_text()


class Misconfigured(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise UsageError("data='x' is wrong")


class Broken(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        _ = 1 / 0


class OutOfDisk(base_executor.BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/minio/x")


class Ending(base_executor.BaseExecutor):
    """Ends its own process, behind the back of whoever called it."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        how = exec_properties["how"]
        if how == "exit":
            os._exit(0)
        elif how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        else:
            os.write(1, b"waits\n")
            signal.pause()
