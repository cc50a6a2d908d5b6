"""A model as the records know it: how often it was weighed, what made it, and where it was pushed to."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, computed_field

from weighbridge.evidence.base import Document
from weighbridge.evidence.provenance import DataOrigin, Provenance

Outcome = Literal["passed", "refused", "unknown"]

PARENTS = {"warm_start": "warm start", "production": "weighed against"}
"""How a model depends on another, as `Provenance.parents` has it, and as people read it."""


class Place(Document):
    """A version that a model was pushed as.

    Attributes:
        destination: folder or address that holds the versions.
        stage: that the destination is; empty where that is not known.
        version: its number.
        live: it is the one that is served.
        pushed_at: when; UTC.
    """

    destination: str
    stage: str = ""
    version: int
    live: bool = False
    pushed_at: AwareDatetime

    @property
    def told(self) -> str:
        """In words: `production, version 3, live`."""
        return f"{self.stage or self.destination}, version {self.version}" + (", live" if self.live else "")


class Weighing(Document):
    """One weighing of a model.

    Attributes:
        pipeline: that weighed it.
        run_id: of the run.
        kind: a run, a rehearsal or an experiment; empty where that is not known.
        outcome: of the run's verdict.
        weighed_at: when; None where that is not known.
        commit: of the pipeline's code, as far as it is known; empty for none.
        subject: digests that the verdict is bound to, by name.
        provenance: where the model comes from; None where that was not recorded.
        missing: why it was not, as part of a sentence; empty where it was.
        examples: what the run's steps left to know of the data, where no files are recorded.
        attested: whether it is told by what is attested with a pushed version, and not by the run's own folder.
    """

    pipeline: str
    run_id: str
    kind: str = ""
    outcome: Outcome = "unknown"
    weighed_at: AwareDatetime | None = None
    commit: str = ""
    subject: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance | None = None
    missing: str = ""
    examples: list[DataOrigin] = Field(default_factory=list, exclude=True)
    attested: bool = False

    @property
    def data(self) -> list[DataOrigin]:
        """What the model was trained and weighed on; empty where that is not known."""
        recorded = self.provenance.data if self.provenance else []
        return recorded if any(origin.files for origin in recorded) or not self.examples else self.examples


class Model(Document):
    """A model, whatever weighed it and wherever it was pushed to.

    Attributes:
        digest: of its files.
        weighings: the oldest first; empty for one that is known by its digest alone.
        places: where it was pushed to.
    """

    digest: str
    weighings: list[Weighing] = Field(default_factory=list)
    places: list[Place] = Field(default_factory=list)

    @property
    def weighing(self) -> Weighing | None:
        """The weighing that tells most: one that recorded where the model comes from, and let it through."""
        last = sorted(self.weighings, key=lambda each: (each.provenance is not None, each.outcome == "passed"))
        return last[-1] if last else None

    @property
    def provenance(self) -> Provenance | None:
        """Where the model comes from."""
        return self.weighing.provenance if self.weighing else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def recorded(self) -> bool:
        """Whether it is recorded where it comes from."""
        return self.provenance is not None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def pipeline(self) -> str:
        """That made it; empty where that is not known."""
        return self.weighing.pipeline if self.weighing else ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def run_id(self) -> str:
        """Of the weighing that tells most; empty for none."""
        return self.weighing.run_id if self.weighing else ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def outcome(self) -> Outcome:
        """Whether any weighing let it through."""
        outcomes = {each.outcome for each in self.weighings}
        return "passed" if "passed" in outcomes else "refused" if "refused" in outcomes else "unknown"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def commit(self) -> str:
        """Of the code that made it; empty for none."""
        return next((each.commit for each in reversed(self.weighings) if each.commit), "")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def parents(self) -> dict[str, str]:
        """Digests of the models that it depends on, by how."""
        found: dict[str, str] = {}
        for weighing in self.weighings:
            if weighing.provenance is not None:
                found |= {how: digest for how, digest in weighing.provenance.parents.items() if digest != self.digest}
        return found

    @computed_field  # type: ignore[prop-decorator]
    @property
    def data(self) -> list[DataOrigin]:
        """What it was trained and weighed on; empty where that is not known."""
        return next((each.data for each in reversed([*self.weighings, self.weighing]) if each and each.data), [])

    @property
    def live(self) -> list[Place]:
        """Where it is served."""
        return [place for place in self.places if place.live]

    @property
    def missing(self) -> str:
        """Why nothing is recorded of where it comes from, as part of a sentence; empty where something is."""
        if self.recorded:
            return ""
        why = next((each.missing for each in reversed(self.weighings) if each.missing), "")
        return why or "nothing that is known of here weighed it"

    @property
    def began(self) -> datetime:
        """When it was weighed first, to sort by."""
        times = [each.weighed_at for each in self.weighings if each.weighed_at]
        return min([*times, *(place.pushed_at for place in self.places)], default=datetime.max.replace(tzinfo=UTC))


class Catalogue:
    """All models that are known, by digest.

    Attributes:
        notes: what could not be read, or contradicts, one sentence each.
        destinations: that were looked at, by address the stage; empty where that is not known.
    """

    def __init__(self) -> None:
        self.destinations: dict[str, str] = {}
        self._weighings: dict[str, dict[tuple[str, str], Weighing]] = {}
        self._places: dict[str, dict[tuple[str, int], Place]] = {}
        self.notes: list[str] = []

    def add_weighing(self, digest: str, weighing: Weighing) -> None:
        """Add a weighing; of two reports of the same one that counts which tells more, or is attested."""
        known = self._weighings.setdefault(digest, {})
        key = weighing.pipeline, weighing.run_id
        if (other := known.get(key)) is None:
            known[key] = weighing
            return
        if _contradict(weighing.provenance, other.provenance):
            self.notes.append(
                f"What run {weighing.run_id} recorded and what is attested with its model contradict each other: "
                "one of them was changed."
            )
        better, worse = (weighing, other) if _tells(weighing) > _tells(other) else (other, weighing)
        filled = {name: getattr(better, name) or getattr(worse, name) for name in ("kind", "commit", "examples")}
        known[key] = better.model_copy(update=filled)

    def add_place(self, digest: str, place: Place) -> None:
        """Add a version at a destination."""
        key = place.destination, place.version
        known = self._places.setdefault(digest, {})
        if key not in known or (place.stage and not known[key].stage):
            known[key] = place

    def model(self, digest: str) -> Model:
        """The model of a digest; one that nothing is known of has neither weighings nor places."""
        oldest = datetime.min.replace(tzinfo=UTC)
        weighings = sorted(self._weighings.get(digest, {}).values(), key=lambda each: each.weighed_at or oldest)
        places = sorted(self._places.get(digest, {}).values(), key=lambda each: each.pushed_at)
        return Model(digest=digest, weighings=weighings, places=places)

    def models(self) -> list[Model]:
        """All models, the oldest first."""
        found = [self.model(digest) for digest in {**self._weighings, **self._places}]
        return sorted(found, key=lambda each: (each.began, each.digest))


def _tells(weighing: Weighing) -> tuple[bool, bool, bool]:
    provenance = weighing.provenance
    return provenance is not None, weighing.attested, bool(provenance and provenance.origin)


def _contradict(one: Provenance | None, other: Provenance | None) -> bool:
    return one is not None and other is not None and (one.data, one.parents) != (other.data, other.parents)
