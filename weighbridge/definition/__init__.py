"""What a pipeline is to Weighbridge: a module with `Parameters` and `create_pipeline`, and files beside it.

A pipeline module, ours or a user's own, holds:

* `Parameters`, a subclass of `weighbridge.definition.Parameters`: what `--set` may change;
* `create_pipeline(parameters, context)`: returns a TFX pipeline; it imports tfx inside, so that loading a
  definition stays fast;
* beside it, `gates.yaml` and `schema.pbtxt`, read through the context.
"""

from weighbridge.definition.find import available, file_of, load, name_of
from weighbridge.definition.pipeline import Context, Definition, Parameters

__all__ = ["Context", "Definition", "Parameters", "available", "file_of", "load", "name_of"]
