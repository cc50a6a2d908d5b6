"""The ledger of attempts: which candidates were weighed on which evaluation data, beside the models in production.

A file per attempt, `.weighbridge/attempts/<data>/<number>.json` at a push destination, a folder or a bucket's prefix:

- **A number is taken by creating its file, which only one can** (`weighbridge.storage.place`): of two runs at once one
  gets it, and the other the next. A file appears whole or not at all, so a killed run leaves no half of one.
- **A model that comes again gets its former number**: it is looked for before a number is taken.
- **Each entry names the digest of the one before it and its own**, so that one that was changed or taken out of the
  middle shows when the ledger is read, and nothing is judged by it.

No lock, no server, no clock. Imports no tfx.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common.digests import bytes_digest, value_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.files import json_text
from weighbridge.storage.place import Place
from weighbridge.storage.registry.address import is_registry

LEDGER_FOLDER = ".weighbridge/attempts"

_ENTRY = re.compile(r"([1-9][0-9]{0,8})\.json")
_TRIES = 1000  # every one that fails means that somebody else got a number
_MOVES = {"gs://": "gcloud storage mv", "s3://": "aws s3 mv --recursive"}

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Entry(BaseModel):
    """One attempt.

    Attributes:
        number: of the attempt on these data, from 1.
        data: digest of the evaluation data.
        model: digest of the candidate's files.
        recipe: digest of all that its training followed from; empty where that does not tell what comes of it.
        pipeline: that weighed it.
        run_id: of the run that did.
        counted_at: when; UTC.
        previous: digest of the entry before, its bytes; empty for the first.
        seal: digest of all other fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    data: Digest
    model: Digest
    recipe: Digest | Annotated[str, Field(max_length=0)] = ""
    pipeline: str
    run_id: str
    counted_at: AwareDatetime
    previous: Digest | Annotated[str, Field(max_length=0)] = ""
    seal: str = ""

    def sealed(self) -> "Entry":
        """The entry with the digest of its other fields."""
        return self.model_copy(update={"seal": value_digest(self.model_dump(mode="json", exclude={"seal"}))})

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return json_text(self.model_dump(mode="json")).encode()

    def is_of(self, model: str, recipe: str) -> bool:
        """Whether a candidate is the one that was counted: it has the same bytes, or follows from the same."""
        return self.model == model or bool(recipe and self.recipe == recipe)


@dataclass(frozen=True)
class Attempt:
    """What the ledger says of a candidate.

    Attributes:
        number: of its attempt, counted from 1 behind the last one that was pushed.
        written: whether it is in the ledger; a rehearsal that is the first to weigh it leaves it out.
    """

    number: int
    written: bool


def read_ledger(place: Place, data: str) -> list[Entry]:
    """All attempts on some evaluation data, the first first; empty where there was none.

    Args:
        place: the push destination.
        data: digest of the evaluation data.

    Raises:
        UsageError: an entry is missing, or is not as it was written: who counts on would count wrong.
        InfrastructureError: the place cannot be reached.
    """
    folder = _folder(data)
    numbers = sorted(int(found[1]) for name in place.listed(folder) if (found := _ENTRY.fullmatch(name)))
    entries: list[Entry] = []
    previous = ""
    for expected in range(1, (numbers or [0])[-1] + 1):
        content = place.read(_name(data, expected))
        if content is None:
            raise _broken(place, data, expected, "it is gone, but later ones are there")
        entries.append(_verified(place, data, expected, content, previous))
        previous = bytes_digest(content)
    return entries


def count(place: Place, candidate: Entry, *, writes: bool, pushed: Collection[str] = ()) -> Attempt:
    """The number of a candidate's attempt: its former one, or the next, which is then its own.

    Args:
        place: the push destination.
        candidate: `number`, `previous` and `seal` are found here.
        writes: whether the attempt is written down; else the number is the next one, and stays free.
        pushed: digests of the models that passed and were pushed there: behind one of them attempts count from 1.

    Raises:
        UsageError: the ledger is broken, or may not be written.
        InfrastructureError: the place cannot be reached.
    """
    for _ in range(_TRIES):
        entries = read_ledger(place, candidate.data)
        known = next((each for each in entries if each.is_of(candidate.model, candidate.recipe)), None)
        if known is not None:
            return Attempt(_since_pushed(entries[: known.number - 1], pushed), written=True)
        number, counted = len(entries) + 1, _since_pushed(entries, pushed)
        if not writes:
            return Attempt(counted, written=False)
        previous = bytes_digest(entries[-1].to_bytes()) if entries else ""
        entry = candidate.model_copy(update={"number": number, "previous": previous}).sealed()
        if place.write(_name(entry.data, number), entry.to_bytes()):
            return Attempt(counted, written=True)
    raise InfrastructureError(f"{place.path(_folder(candidate.data))} changes all the time", "Run again.")


def _since_pushed(before: Sequence[Entry], pushed: Collection[str]) -> int:
    """The number of the attempt behind some others, counted from the last of them that was pushed."""
    places = (place for place, entry in enumerate(reversed(before)) if entry.model in pushed)
    return next(places, len(before)) + 1


def _verified(place: Place, data: str, number: int, content: bytes, previous: str) -> Entry:
    try:
        entry = Entry.model_validate_json(content)
    except ValidationError as error:
        problem: Any = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise _broken(place, data, number, f"{where}: {problem['msg']}") from error
    if entry.sealed() != entry or entry.to_bytes() != content:
        raise _broken(place, data, number, "it was changed since it was written")
    if (entry.number, entry.data) != (number, data):
        raise _broken(place, data, number, f"it is of attempt {entry.number} on {entry.data}")
    if entry.previous != previous:
        raise _broken(place, data, number, "the attempt before it is another than when it was written")
    return entry


def _broken(place: Place, data: str, number: int, reason: str) -> UsageError:
    folder = place.path(_folder(data))
    if is_registry(folder):
        return UsageError(
            f"The ledger of attempts is broken at {place.path(_name(data, number))}: {reason}",
            "Restore the version's tags; or, to count all attempts from 1 again, rename the registered model "
            f"{folder.removeprefix('models:/').partition('@')[0]!r} in MLflow.",
        )
    move = next((command for scheme, command in _MOVES.items() if folder.startswith(scheme)), "mv")
    return UsageError(
        f"The ledger of attempts is broken at {place.path(_name(data, number))}: {reason}",
        "Restore the file from a copy; or, to count the attempts on these evaluation data from 1 again: "
        f"{move} {shlex.quote(folder)} {shlex.quote(f'{folder}.broken')}",
    )


def _folder(data: str) -> str:
    return str(PurePosixPath(LEDGER_FOLDER, data.removeprefix("sha256:")))


def _name(data: str, number: int) -> str:
    return f"{_folder(data)}/{number}.json"
