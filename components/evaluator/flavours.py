"""Flavours of models: how a kind of model is found in its artifact, loaded and called.

SavedModels are built in. Another package adds a flavour as an entry point of the group `weighbridge.flavours`, whose
value is a `Flavour`; the Evaluator then weighs such models like any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from weighbridge.common import files, plugins
from weighbridge.common.digests import tree_digest
from weighbridge.components.artifacts.models import find_saved_model
from weighbridge.components.evaluator import signature
from weighbridge.components.evaluator.gates import Constant
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

GROUP = "weighbridge.flavours"


class LoadedModel(Protocol):
    """A model in memory that is called with rows, as production calls it."""

    def request(self, batch: "pa.RecordBatch", label: str | None = None) -> Any:
        """What one call is given, made before the clock runs.

        Args:
            batch: rows in TFX's Arrow form.
            label: column that does not exist at serving time, and so is not sent.

        Raises:
            Unmeasurable: the model needs what the data does not have.
        """

    def call(self, request: Any) -> "dict[str, npt.NDArray[Any]]":
        """The outputs for a request by name, each [rows] or [rows, …].

        Raises:
            Unmeasurable: the model raised.
        """


@dataclass(frozen=True)
class Flavour:
    """A kind of model.

    Attributes:
        marker: the file that an exported model of this kind has, for messages: `saved_model.pb`.
        find: the folder of the model inside a Model artifact's folder, or the folder itself; None where there is none.
        load: loads what is in that folder, given the name of the signature and the inputs that have one value in all
            requests; raises `Unmeasurable` where it cannot be loaded.
    """

    marker: str
    find: Callable[[Path], Path | None]
    load: Callable[[Path, str, Mapping[str, Constant]], LoadedModel]


@dataclass(frozen=True)
class StoredModel:
    """A model's files, and how they are loaded.

    Attributes:
        folder: of the model itself.
        flavour: of the model.
        signature: name of the signature that is called.
        inputs: its inputs that have one value in all requests, by name.
    """

    folder: Path
    flavour: Flavour
    signature: str
    inputs: Mapping[str, Constant] = field(default_factory=dict)

    def load(self) -> LoadedModel:
        """Load the model, anew at each call.

        Raises:
            Unmeasurable: it cannot be loaded.
        """
        return self.flavour.load(self.folder, self.signature, self.inputs)

    def size(self) -> int:
        """Bytes of the model's files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def digest(self) -> str:
        """Digest of the model's files."""
        return tree_digest(self.folder)


SAVED_MODEL = Flavour("saved_model.pb", find_saved_model, signature.load)


def find_model(model: str | Path, signature: str, inputs: Mapping[str, Constant] | None = None) -> StoredModel:
    """The model in a Model artifact's folder, of whichever flavour; of several flavours the first in `flavours`.

    Args:
        model: the artifact's folder, or the folder of the model itself.
        signature: name of the signature to call.
        inputs: its inputs that have one value in all requests, by name.

    Raises:
        Unmeasurable: there is none: the model was not exported. Or a part of it lies elsewhere.
        UsageError: a flavour of another package cannot be used.
    """
    known = flavours()
    for flavour in known.values():
        folder = flavour.find(Path(model))
        if folder is not None:
            _check_whole(Path(model), folder)
            return StoredModel(folder, flavour, signature, dict(inputs or {}))
    markers = " or ".join(flavour.marker for flavour in known.values())
    message = f"No model was exported: there is no {markers} in {Path(model).name}."
    raise Unmeasurable("model", "loadable", message)


def _check_whole(model: Path, folder: Path) -> None:
    """Refuse a model that is not whole in its folder: what is weighed must be what is pushed.

    Raises:
        Unmeasurable: there is a link in it.
    """
    above = [part for part in (folder, *folder.parents) if part != model and part.is_relative_to(model)]
    odd = next((f"{part.relative_to(model)} is a link to {part.readlink()}" for part in above if part.is_symlink()), "")
    if odd := odd or files.odd_one(folder):
        raise Unmeasurable("model", "whole", f"The exported model is not whole: {odd}. Export its files themselves.")


def flavours() -> dict[str, Flavour]:
    """All flavours by name: SavedModels, then those of installed packages in the order of their names.

    Raises:
        UsageError: one cannot be imported, is not a `Flavour`, or has the name of another.
    """
    return plugins.with_plugins({"saved_model": SAVED_MODEL}, GROUP, Flavour, "flavour", lambda point, _: point.name)


def flavour_modules() -> list[str]:
    """Modules of installed packages that define flavours: what they do is part of what an evaluation depends on."""
    return plugins.modules(GROUP)
