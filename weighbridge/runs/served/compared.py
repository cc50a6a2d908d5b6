"""Whether what somebody serves is what the record says: in step, behind, or drifted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from weighbridge.components.production_model.record import ProductionRecord

Step = Literal["in step", "behind", "drifted"]
# Whoever tells a cluster looks now and then; it pulls an image and loads a model. After this long nobody is on the way
# any more.
PATIENCE = timedelta(minutes=30)
_WORST: tuple[Step, ...] = ("in step", "behind", "drifted")


class Serving(BaseModel):
    """What a server or a workload says that it serves.

    Attributes:
        source: which one, e.g. an address, or `Deployment taxi-model`.
        version: number of the version; 0 where it tells none.
        digest: of the model's files; empty where it tells none.
        ready: it answers, as far as it is told: all that was asked for is there.
        since: since when it is not; None where it is, or nobody says.
        note: what it says itself of why it is not ready; empty for nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    version: int = 0
    digest: str = ""
    ready: bool = True
    since: datetime | None = None
    note: str = ""


class Compared(BaseModel):
    """What was found of one of them.

    Attributes:
        serving: what it says.
        step: `in step`: it serves what the record says; `behind`: it serves what was in production before, or is on its
            way; `drifted`: it serves what the record does not say, or nothing.
        message: that in a sentence.
        canary: it serves the canary that is on its way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    serving: Serving
    step: Step
    message: str
    canary: bool = False


def compare(
    live: ProductionRecord,
    history: Iterable[ProductionRecord],
    found: Sequence[Serving],
    canary: ProductionRecord | None = None,
    now: datetime | None = None,
) -> list[Compared]:
    """Hold what is served against the record.

    Args:
        live: the record of production.
        history: the records of all versions that were ever there.
        found: what is served.
        canary: the record that production would get; None where no canary is on its way.
        now: UTC; None for the clock's.
    """
    known = {record.version: record for record in (*history, live)}
    return [_compared(live, known, each, canary, now or datetime.now(UTC)) for each in found]


def worst(compared: Iterable[Compared]) -> Step:
    """The worst of them; in step where there is none."""
    return max((each.step for each in compared), key=_WORST.index, default="in step")


def _compared(
    live: ProductionRecord,
    known: Mapping[int, ProductionRecord],
    serving: Serving,
    canary: ProductionRecord | None,
    now: datetime,
) -> Compared:
    def drifted(message: str) -> Compared:
        return Compared(serving=serving, step="drifted", message=f"{message}; the record says version {live.version}")

    if not serving.version:
        return drifted(f"it serves no version that it tells{_note(serving)}")
    for record, is_canary in ((live, False), (canary, True)):
        if record is None or record.version != serving.version:
            continue
        if serving.digest and serving.digest != record.model_digest:
            return drifted(
                f"it serves other bytes as version {serving.version}: {serving.digest}, and the record says "
                f"{record.model_digest}"
            )
        return _arrived(serving, is_canary, live, now)
    before = known.get(serving.version)
    if before is None or before.version > live.version:
        return drifted(f"it serves version {serving.version}, which was never in production")
    if serving.digest and serving.digest != before.model_digest:
        return drifted(f"it serves other bytes than version {serving.version} had: {serving.digest}")
    words = f"it serves version {serving.version}, and production is version {live.version}"
    return _waiting(serving, words, live.pushed_at, now)


def _arrived(serving: Serving, canary: bool, live: ProductionRecord, now: datetime) -> Compared:
    what = f"version {serving.version}{', the canary' if canary else ''}"
    if serving.ready:
        return Compared(serving=serving, step="in step", message=f"it serves {what}", canary=canary)
    found = _waiting(serving, f"{what} is rolling out", serving.since or live.pushed_at, now)
    return found.model_copy(update={"canary": canary})


def _waiting(serving: Serving, words: str, since: datetime, now: datetime) -> Compared:
    """Behind, and drifted where it has been so for longer than anything takes that is still going on."""
    minutes = max(int((now - since).total_seconds() // 60), 0)
    age = f"for {minutes} minute{'s' * (minutes != 1)}" if minutes else "since just now"
    step: Step = "behind" if now - since <= PATIENCE else "drifted"
    message = f"{words} {age} ({since.astimezone(UTC):%Y-%m-%d %H:%M} UTC){_note(serving)}"
    return Compared(serving=serving, step=step, message=message)


def _note(serving: Serving) -> str:
    return f": {serving.note}" if serving.note else ""
