"""Which models data, a span or a commit touched: the blast radius of what turned out to be bad."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field, computed_field

from weighbridge.evidence.base import Document
from weighbridge.evidence.summary import InputFile
from weighbridge.lineage.models import Catalogue, Model, Place
from weighbridge.lineage.subjects import Kind, Subject

How = Literal["trained_on", "made_by", "warm_start"]
HOW = {"trained_on": "trained on it", "made_by": "made by it", "warm_start": "warm start from"}


class TouchedModel(Document):
    """A model that was touched.

    Attributes:
        model: it.
        how: it was trained on the data, made by the commit, or started from a model that was touched.
        via: digest of that model; empty where it was touched itself.
    """

    model: Model
    how: How
    via: str = ""


class Touched(Document):
    """What data, a span or a commit touched.

    Attributes:
        kind: of what was asked about.
        asked: as it was asked.
        told: in words.
        files: the data as they were used, each set of bytes once; empty for a commit.
        touched: the models that it went into, and those that started from them, the oldest first.
        compared: models that were not touched, yet were weighed against one that was: their verdicts lean on it.
        unrecorded: models that it may have gone into: of these, or of one that they started from, it is not recorded.
        notes: what could not be read.
    """

    kind: Kind
    asked: str
    told: str
    files: list[InputFile] = Field(default_factory=list)
    touched: list[TouchedModel] = Field(default_factory=list)
    compared: list[Model] = Field(default_factory=list)
    unrecorded: list[Model] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def in_production(self) -> list[Place]:
        """Where a touched model is served now."""
        return [place for each in self.touched for place in each.model.live]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def never_pushed(self) -> list[str]:
        """Digests of the touched models that were refused, and never pushed."""
        return [each.model.digest for each in self.touched if not each.model.places and each.model.outcome == "refused"]


def touched_by(subject: Subject, catalogue: Catalogue) -> Touched:
    """Find what a subject touched.

    Args:
        subject: data, a span or a commit.
        catalogue: all models that are known.
    """
    models = {model.digest: model for model in catalogue.models()}
    direct = [model for model in models.values() if any(subject.touched(each) for each in model.weighings)]
    how: How = "made_by" if subject.kind == "commit" else "trained_on"
    found = {model.digest: TouchedModel(model=model, how=how) for model in direct}
    _add_descendants(found, models)
    touched = sorted(found.values(), key=lambda each: (each.model.began, each.model.digest))
    others = {digest: model for digest, model in models.items() if digest not in found}
    return Touched(
        kind=subject.kind,
        asked=subject.asked,
        told=subject.told,
        files=_files(subject, direct),
        touched=touched,
        compared=[model for model in others.values() if model.parents.get("production") in found],
        unrecorded=_unrecorded(subject, others, models),
        notes=catalogue.notes,
    )


def _add_descendants(found: dict[str, TouchedModel], models: dict[str, Model]) -> None:
    """Add what started from a touched model, from what started from that, and so on."""
    for child, parent in _descendants(found, models):
        if child.digest not in found:
            found[child.digest] = TouchedModel(model=child, how="warm_start", via=parent)


def _descendants(digests: Iterable[str], models: dict[str, Model]) -> Iterator[tuple[Model, str]]:
    """What started from models of these digests, with the digest of what it started from; the nearest first."""
    children: dict[str, list[Model]] = {}
    for model in models.values():
        if parent := model.parents.get("warm_start"):
            children.setdefault(parent, []).append(model)
    waiting = deque(digests)
    seen = set(waiting)
    while waiting:
        parent = waiting.popleft()
        for child in children.get(parent, ()):
            yield child, parent
            if child.digest not in seen:
                seen.add(child.digest)
                waiting.append(child.digest)


def _unrecorded(subject: Subject, others: dict[str, Model], models: dict[str, Model]) -> list[Model]:
    """Models of which nobody can say that they were not touched: themselves, or by what they started from."""
    found = {
        digest: model
        for digest, model in others.items()
        if not model.weighings or all(subject.may_have_touched(each) for each in model.weighings)
    }
    unknown = {model.parents.get("warm_start", "") for model in models.values()} - {"", *models}
    later = {child.digest: child for child, _ in _descendants([*found, *unknown], models) if child.digest in others}
    return [model for digest, model in others.items() if digest in found or digest in later]


def _files(subject: Subject, models: Iterable[Model]) -> list[InputFile]:
    found = {
        (file.path, file.sha256): file
        for model in models
        for weighing in model.weighings
        for file in subject.files(weighing)
    }
    return [found[key] for key in sorted(found)]
