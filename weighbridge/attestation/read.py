"""Reads what is attested with a version; whether that is to be believed, `verify` tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from weighbridge.attestation.attest import ATTESTATIONS_FILE, ATTESTED_FILES, MODEL_SIGNATURE_FILE
from weighbridge.attestation.envelope import Opened, open_bundle
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.statements import MODEL_SIGNATURE, WEIGHING
from weighbridge.attestation.strict import read_plain
from weighbridge.common.errors import UsageError
from weighbridge.evidence.provenance import Provenance
from weighbridge.verdict import Verdict


@dataclass(frozen=True)
class Attested:
    """What is attested with a version, as its files say.

    Attributes:
        verdict: that the model was weighed to.
        provenance: where it comes from; None where that is not known.
        attested_at: when that was stated; UTC.
        weighing: the statement of the weighing.
        others: the further statements, by their predicate types.
        model_signature: the statement on the files alone; None where the model is not signed.
    """

    verdict: Verdict
    provenance: Provenance | None
    attested_at: datetime
    weighing: Opened
    others: dict[str, Opened] = field(default_factory=dict)
    model_signature: Opened | None = None

    @property
    def signed_by(self) -> str:
        """Fingerprint of the key, or the identity, that the weighing says it is signed by; empty for nobody."""
        return self.weighing.signed_by

    @property
    def weighed_at(self) -> datetime:
        """When the model was weighed, or, where that is not known, when that was attested; UTC."""
        return self.attested_at if self.provenance is None else self.provenance.weighed_at

    @property
    def opened(self) -> list[Opened]:
        """All statements."""
        signature = [self.model_signature] if self.model_signature else []
        return [self.weighing, *self.others.values(), *signature]


def attested(folder: str | Path, trust: Trust | None = None) -> Attested | None:
    """Read what is attested in a folder with evidence; None where nothing is.

    Args:
        folder: `.weighbridge/<version>` of a destination, or a copy of it.
        trust: whose signatures count, see `open_bundle`; None to read whoever says it.

    Raises:
        UsageError: a file is cut off, or is not what it should be.
    """
    return attested_in(attested_files(folder), str(folder), trust)


def attested_files(folder: str | Path) -> dict[str, bytes]:
    """The files of an attestation that are in a folder, by name.

    Raises:
        UsageError: one is no plain file, or cannot be read.
    """
    found = {name: read_plain(Path(folder, name)) for name in ATTESTED_FILES}
    return {name: data for name, data in found.items() if data is not None}


def attested_in(files: Mapping[str, bytes], where: str, trust: Trust | None = None) -> Attested | None:
    """As `attested`, of files by name.

    Args:
        files: bytes of `attestations.intoto.jsonl` and `model.sig`.
        where: they are from, for messages.
        trust: see `attested`.
    """
    signature = files.get(MODEL_SIGNATURE_FILE)
    if (data := files.get(ATTESTATIONS_FILE)) is None:
        return None
    path = f"{where}/{ATTESTATIONS_FILE}"
    opened = [open_bundle(line, path, trust) for line in data.splitlines() if line.strip()]
    found = {each.predicate_type: each for each in opened}
    if len(found) < len(opened):
        raise UsageError(f"{path} holds two statements of one kind", "Restore it from a copy, or push the model again.")
    weighing = found.pop(WEIGHING, None)
    if weighing is None:
        raise UsageError(
            f"{path} holds no statement of how the model was weighed", "Restore it from a copy, or push it again."
        )
    said = weighing.predicate
    model_signature = None
    if signature is not None:
        model_signature = open_bundle(signature, f"{where}/{MODEL_SIGNATURE_FILE}", trust)
        if model_signature.predicate_type != MODEL_SIGNATURE:
            raise UsageError(
                f"{where}/{MODEL_SIGNATURE_FILE} is no statement on a model's files, but "
                f"{model_signature.predicate_type or 'one without a type'}",
                "Restore it from a copy, or push the model again.",
            )
    try:
        return Attested(
            verdict=Verdict.model_validate(said["verdict"]),
            provenance=None if said["provenance"] is None else Provenance.model_validate(said["provenance"]),
            attested_at=datetime.fromisoformat(said["attestedAt"]).astimezone(UTC),
            weighing=weighing,
            others=found,
            model_signature=model_signature,
        )
    except (ValidationError, KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{path}: the statement of the weighing cannot be read: {_brief(error)}",
            "Another version of Weighbridge wrote it, or it was changed.",
        ) from error


def _brief(error: Exception) -> str:
    """The first thing that is wrong, on one line: a validator lists all of it over many."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'the statement'}: {problem['msg']}"
    return f"{type(error).__name__}: {error}"
