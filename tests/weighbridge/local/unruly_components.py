"""A function component that misbehaves in the way it is asked to."""

import os
import signal
import sys
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from weighbridge.common import progress


class _Asks:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@component
def Do(examples: OutputArtifact[Examples], does: Parameter[str]) -> None:
    Path(examples.uri, "data.txt").write_text(does)
    if does == "exit":
        sys.exit(0)
    if does == "leave":
        os._exit(0)
    if does == "fork":
        os.fork() or os._exit(0)
    if does == "be asked":  # and lose it
        _Asks()
        progress.report("going on")
    if does == "be short of files":
        raise OSError(24, "Too many open files", "model")
    if does == "push, and run out of memory":
        progress.lasts("version 3 is in production at /models/3")
        raise MemoryError
