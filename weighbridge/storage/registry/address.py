"""Addresses of models in MLflow's registry, as MLflow writes them: `models:/taxi@champion`. Imports no mlflow."""

import re
from dataclasses import dataclass

from weighbridge.common.errors import UsageError

SCHEME = "models:"
CHAMPION = "champion"  # the alias that MLflow's users give to what is in production

# MLflow forbids / and : in names; quotes would end the name in a search, @ begins the alias.
_ADDRESS = re.compile(r"models:/(?P<name>[^/:@'\"`\s]+)(@(?P<alias>[A-Za-z_][\w-]*))?")


@dataclass(frozen=True)
class RegistryAddress:
    """A registered model and one of its aliases.

    Attributes:
        name: of the registered model.
        alias: points at the version that is in production there.
    """

    name: str
    alias: str = CHAMPION

    def __str__(self) -> str:
        return f"{SCHEME}/{self.name}@{self.alias}"

    def version(self, number: int | str) -> str:
        """MLflow's address of a version."""
        return f"{SCHEME}/{self.name}/{number}"


def is_registry(text: str) -> bool:
    """Whether `text` is meant for MLflow's registry."""
    return text.startswith(SCHEME)


def parse_address(text: str) -> RegistryAddress:
    """What an address names; without an alias, `champion`.

    Raises:
        UsageError: it is none of a registered model.
    """
    found = _ADDRESS.fullmatch(text)
    alias = (found["alias"] or CHAMPION) if found else ""
    if not found or alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise UsageError(
            f"{text!r} names no model and alias in MLflow's registry",
            f"Give models:/NAME, which means models:/NAME@{CHAMPION}, or another alias: models:/NAME@challenger. "
            "A version, and what MLflow reserves (latest, v1), is no destination.",
        )
    return RegistryAddress(found["name"], alias)
