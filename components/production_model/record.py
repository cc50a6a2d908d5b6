"""What is in production: one small record beside the versions it names, replaced in one step. Imports no tfx.

A destination is the base path of a TensorFlow Serving model, a folder or a prefix of a bucket:

```
1/ 2/ 3/                    whole versions, never changed once they are there
production.json             the record: which version, its digest, the verdict it was pushed on
.weighbridge/<version>/     evidence: verdict.json, record.json (production.json as it was then), statistics/;
                            attestations.intoto.jsonl and, of a signed one, model.sig, see weighbridge.attestation;
                            in a bucket also claim.json: which push makes this version, and what it consists of
.weighbridge/attempts/      the Evaluator's ledger of what was weighed on which evaluation data
```
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.common.files import json_text
from weighbridge.storage.destination import open_destination
from weighbridge.storage.layout import CLAIM_FILE as CLAIM_FILE
from weighbridge.storage.layout import EVIDENCE_FOLDER as EVIDENCE_FOLDER
from weighbridge.storage.layout import KEPT_RECORD_FILE as KEPT_RECORD_FILE
from weighbridge.storage.layout import RECORD_FILE as RECORD_FILE

STATISTICS_FOLDER = "statistics"
# TensorFlow Serving, like ML Metadata, counts with 64 bits, and takes a folder of a higher number for none of its own.
MAX_VERSION = 2**63 - 1
STAGED_EVIDENCE = "evidence"  # in a folder that is staged

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Rollback(BaseModel):
    """That a version is an earlier one again.

    Attributes:
        restores: the earlier version, whose bytes and evidence this one has.
        replaces: the version that it took out of production.
        run_id: the rollback; the record's own `run_id` is the run that weighed the model.
        reason: why, in a person's words; empty for none given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    restores: int = Field(ge=1, le=MAX_VERSION)
    replaces: int = Field(ge=1, le=MAX_VERSION)
    run_id: str = ""
    reason: str = ""


class ProductionRecord(BaseModel):
    """What `production.json` says.

    Attributes:
        version: number of the version in production, the name of its folder.
        model_digest: `tree_digest` of that folder.
        verdict_digest: digest of the canonical verdict that the version was pushed on.
        run_id: the run that came to this verdict.
        pipeline: the pipeline of that run.
        pushed_at: when the version was pushed; UTC.
        subject: the digests of the verdict: data, code, parameters, schema, gates, model, …
        promoted_from: the destination it was promoted from; empty for one that its own run pushed.
        approved_by: who approved the promotion; empty where nobody was asked.
        approved_in: address of the build that said so; empty where the name was given.
        signed_by: fingerprint of the key, or the identity, that signed what is attested with it; empty for nobody.
        rollback: which earlier version this is again; None for one that was pushed or promoted.
        withdrawn: models that rollbacks took out of production, by digest, each with its version. Every record has
            those of the record before it, so that none of them comes back by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1, le=MAX_VERSION)
    model_digest: Digest
    verdict_digest: Digest
    run_id: str
    pipeline: str
    pushed_at: AwareDatetime
    subject: dict[str, str]
    promoted_from: str = ""
    approved_by: str = ""
    approved_in: str = ""
    signed_by: str = ""
    rollback: Rollback | None = None
    withdrawn: dict[Digest, int] = Field(default_factory=dict)


def record_bytes(record: ProductionRecord) -> bytes:
    """The bytes of `production.json`; who promoted and approved it, and what was rolled back, only where that is so."""
    return json_text(record.model_dump(mode="json", exclude_defaults=True)).encode()


def version_folder(destination: str | Path, version: int) -> Path:
    """The folder that holds the model of `version`."""
    return Path(destination, str(version))


def evidence_folder(destination: str | Path, version: int) -> Path:
    """The folder that keeps what `version` was pushed on."""
    return Path(destination, EVIDENCE_FOLDER, str(version))


def numbers_in(folder: Path) -> list[int]:
    """The version numbers among the names in `folder`, ascending; empty if there is no such folder."""
    return numbers_of(path.name for path in folder.iterdir()) if folder.is_dir() else []


def numbers_of(names: Iterable[str]) -> list[int]:
    """The version numbers among `names`, ascending; a number that TensorFlow Serving cannot count is none."""
    numbers = (int(name) for name in names if name.isascii() and name.isdigit())
    return sorted(number for number in numbers if number <= MAX_VERSION)


def version_after(used: Iterable[int], where: str | Path) -> int:
    """The next version number.

    Args:
        used: all that were ever used.
        where: the destination, for the message.

    Raises:
        UsageError: the highest possible number is taken.
    """
    version = max(used, default=0) + 1
    if version > MAX_VERSION:
        raise UsageError(
            f"{where} has a version {MAX_VERSION}, the highest that there can be",
            "Nobody pushed that many: move the folder of that name away, from .weighbridge, too.",
        )
    return version


def production_history(destination: str | Path) -> list[ProductionRecord]:
    """The records of all versions that were ever put into production here, in the order of their versions.

    Raises:
        UsageError: one of them cannot be read.
    """
    place = open_destination(destination)
    records = []
    for version in sorted(set(numbers_of(place.folders(EVIDENCE_FOLDER)))):
        folder = f"{EVIDENCE_FOLDER}/{version}"
        data = place.read(f"{folder}/{KEPT_RECORD_FILE}")
        if data is not None:
            records.append(parse_record(data, place.path(f"{folder}/{KEPT_RECORD_FILE}")))
        elif place.read(f"{folder}/{CLAIM_FILE}") is None:  # else its push has not come so far yet
            raise UsageError(f"The production record {place.path(f'{folder}/{KEPT_RECORD_FILE}')} is gone")
    return records


def read_record_file(path: Path) -> ProductionRecord:
    """Read a record that must be there.

    Raises:
        UsageError: it is missing or cannot be read.
    """
    try:
        return parse_record(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"The production record {path} cannot be read: {error.strerror}") from error


def parse_record(data: bytes, path: str) -> ProductionRecord:
    """The record that the bytes at `path` are.

    Raises:
        UsageError: they are none; names the field that is wrong, and the copy to restore it from.
    """
    try:
        return ProductionRecord.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise UsageError(
            f"{path} is not a production record: {where}: {problem['msg']}",
            f"Copy the right version's record back from {EVIDENCE_FOLDER}/<version>/{KEPT_RECORD_FILE} beside it.",
        ) from error
