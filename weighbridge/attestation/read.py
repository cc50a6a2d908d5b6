"""Reads what is attested with a version; whether that is to be believed, `verify` tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from weighbridge.attestation.attest import ATTESTATIONS_FILE, ATTESTED_FILES, MODEL_SIGNATURE_FILE
from weighbridge.attestation.envelope import Opened, open_bundle
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.statements import WEIGHING
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
    files = {}
    for name in ATTESTED_FILES:
        try:
            files[name] = Path(folder, name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UsageError(f"{Path(folder, name)} cannot be read: {error.strerror}") from error
    return attested_in(files, str(folder), trust)


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
    try:
        return Attested(
            verdict=Verdict.model_validate(said["verdict"]),
            provenance=None if said["provenance"] is None else Provenance.model_validate(said["provenance"]),
            attested_at=datetime.fromisoformat(said["attestedAt"]).astimezone(UTC),
            weighing=weighing,
            others=found,
            model_signature=(
                None if signature is None else open_bundle(signature, f"{where}/{MODEL_SIGNATURE_FILE}", trust)
            ),
        )
    except (ValidationError, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path}: the statement of the weighing cannot be read: {error}",
            "Another version of Weighbridge wrote it, or it was changed.",
        ) from error
