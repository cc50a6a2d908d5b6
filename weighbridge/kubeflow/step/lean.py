"""TFX's types and file access without TensorFlow, which takes seconds to load and which most steps never use.

TFX itself runs where TensorFlow is not installed; two of its modules look whether it is. Here they are loaded as if it
were not. Whoever imports TensorFlow later gets it; addresses that TFX reads through it (gs://, s3://) load it at
their first use.
"""

import importlib
import sys
from typing import Any

_TENSORFLOW = "tensorflow"
_METHODS = (
    *("copy", "exists", "glob", "isdir", "listdir", "makedirs", "mkdir", "open", "remove", "rename", "rmtree"),
    *("stat", "walk"),
)


def load_tfx(executor_class: str) -> None:
    """Load what all steps need of TFX; does nothing for TFX's own executors.

    Those are used to its file access by TensorFlow: stock ExampleGens, for one, read a property of files that only that
    knows. Nothing is done either where TensorFlow or these modules are loaded already.

    Args:
        executor_class: path of the class that is to be run.
    """
    known = {"tfx.utils.doc_controls", "tfx.dsl.io.fileio"} & sys.modules.keys()
    if _TENSORFLOW in sys.modules or known or executor_class.startswith("tfx."):
        return
    sys.modules[_TENSORFLOW] = None  # type: ignore[assignment]  # importing it raises ModuleNotFoundError
    try:
        importlib.import_module("tfx.utils.doc_controls")
        importlib.import_module("tfx.dsl.io.fileio")
    finally:
        del sys.modules[_TENSORFLOW]
    from tfx.dsl.io import filesystem, filesystem_registry

    methods: dict[str, Any] = {name: staticmethod(_forwarded(name)) for name in _METHODS}
    lazy = type(
        "LazyTensorflowFilesystem",
        (filesystem.Filesystem,),
        {"SUPPORTED_SCHEMES": ["gs://", "s3://", "hdfs://"], **methods},
    )
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(lazy, priority=30, use_as_fallback=True)


def _forwarded(name: str) -> Any:
    """A method that registers TFX's plugin for TensorFlow, which comes before this one from then on, and calls it."""

    def method(*arguments: Any, **options: Any) -> Any:
        from tfx.dsl.io import filesystem_registry
        from tfx.dsl.io.plugins import tensorflow_gfile

        if tensorflow_gfile.TensorflowFilesystem is None:
            registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
            local = registry.get_filesystem_for_scheme("")
            importlib.reload(tensorflow_gfile)
            registry.register(local, priority=0)  # what was local stays so
        return getattr(tensorflow_gfile.TensorflowFilesystem, name)(*arguments, **options)

    return method
