"""Where SavedModels lie in a Model artifact, and whether there is one. Imports no tfx."""

from pathlib import Path
from typing import Any

# Where production was looked up: a property of the model that ProductionModel gives, and part of a verdict's subject.
LOOKED_UP_AT = "production_at"

VARIANTS_FOLDER = "variants"
VARIANT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"

# TFX's layout, that of its first versions, and a plain SavedModel.
_SERVED = ("Format-Serving", "serving_model_dir", "")


def find_saved_model(model: str | Path) -> Path | None:
    """The SavedModel that is served, inside a Model artifact's folder; None where there is none."""
    folders = (Path(model, name) for name in _SERVED)
    return next((folder for folder in folders if (folder / "saved_model.pb").is_file()), None)


def variant_folder(model: str | Path, name: str) -> Path:
    """Where a Model artifact's folder holds a variant: beside the served model, so that it is not part of it."""
    return Path(model, VARIANTS_FOLDER, name)


def is_absent(artifact: Any) -> bool:
    """Whether an artifact of ProductionModel says that nothing is in production yet; others are taken to be there."""
    return bool(artifact.has_custom_property("exists") and not artifact.get_int_custom_property("exists"))
