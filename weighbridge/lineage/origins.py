"""What made a model: itself, the models that it depends on, those that these depend on, as far as there is evidence."""

from collections import deque
from typing import Literal

from pydantic import Field, computed_field

from weighbridge.evidence.base import Document
from weighbridge.lineage.models import Catalogue, Model


class Dependence(Document):
    """One model's dependence on another.

    Attributes:
        model: digest of the model.
        parent: digest of the one that it depends on.
        how: `production`, which it was weighed against, or `warm_start`.
    """

    model: str
    parent: str
    how: str


class Origins(Document):
    """Where a model comes from.

    Attributes:
        kind: tells this from what something touched.
        asked: as it was asked.
        digest: of the model.
        models: it, and those that it depends on, the nearest first.
        dependences: which of them depends on which.
        notes: what could not be read.
    """

    kind: Literal["model"] = "model"
    asked: str
    digest: str
    models: list[Model] = Field(default_factory=list)
    dependences: list[Dependence] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def model(self) -> Model:
        """The model that was asked about."""
        return self.models[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def unrecorded(self) -> list[str]:
        """Digests of the models of which it is not recorded where they come from."""
        return [model.digest for model in self.models if not model.recorded]

    def parents(self, digest: str) -> list[tuple[str, Model]]:
        """The models that one depends on directly, with how; what it started from comes first."""
        models = {model.digest: model for model in self.models}
        found = [(each.how, models[each.parent]) for each in self.dependences if each.model == digest]
        return sorted(found, key=lambda each: each[0] != "warm_start")


def origins_of(digest: str, catalogue: Catalogue, asked: str = "") -> Origins:
    """Follow a model to where it comes from.

    Args:
        digest: of the model.
        catalogue: all models that are known.
        asked: as it was asked; the digest if left out.
    """
    models: dict[str, Model] = {}
    dependences: list[Dependence] = []
    waiting = deque([digest])
    while waiting:
        current = waiting.popleft()
        if current in models:
            continue
        models[current] = catalogue.model(current)
        for how, parent in sorted(models[current].parents.items()):
            dependences.append(Dependence(model=current, parent=parent, how=how))
            waiting.append(parent)
    return Origins(
        asked=asked or digest,
        digest=digest,
        models=list(models.values()),
        dependences=dependences,
        notes=catalogue.notes,
    )
