"""Opening bundles: what a statement says is believed only where a trusted key signed just these bytes."""

from base64 import b64decode, standard_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.attestation.keys import PublicKey, Trust
from weighbridge.attestation.signer import BUNDLE_TYPE, PAYLOAD_TYPE, Bundle, bundle_of
from weighbridge.attestation.strict import parse_json
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True)
class Opened:
    """A bundle that was opened.

    Attributes:
        statement: the in-toto statement.
        payload: its bytes, as they were signed.
        signed_by: fingerprint of the key, or the identity, that signed it; empty for nobody.
        key: the trusted key whose signature was verified; None where none was, or for an identity.
        problem: why the signature does not count; empty where it does, and where nobody's was asked for.
    """

    statement: dict[str, Any]
    payload: bytes
    signed_by: str = ""
    key: PublicKey | None = None
    problem: str = ""

    @property
    def predicate_type(self) -> str:
        """What kind of statement it is."""
        return str(self.statement.get("predicateType", ""))

    @property
    def predicate(self) -> dict[str, Any]:
        """What it says."""
        return dict(self.statement["predicate"])

    @property
    def subject(self) -> list[str]:
        """SHA-256 in hex digits of what it speaks of."""
        return [str(each["digest"]["sha256"]) for each in self.statement["subject"]]


def open_bundle(data: bytes, path: str, trust: Trust | None = None) -> Opened:
    """Read a bundle, and hold its signature against whom is trusted.

    Args:
        data: a Sigstore bundle v0.3 in JSON.
        path: where it is from, for messages.
        trust: whose signature counts; None to read what it says, whoever says it.

    Returns:
        What was found. A signature that does not count is a `problem` and no error.

    Raises:
        UsageError: it is no bundle with an in-toto statement: cut off, or something else.
        InfrastructureError: Sigstore's roots of trust cannot be had.
    """
    try:
        bundle = parse_json(data)
        payload, names = _parts(bundle)
        statement = parse_json(payload)
        if statement["_type"] != STATEMENT_TYPE:
            raise ValueError(f"its statement is of type {statement['_type']!r}")
        opened = Opened(statement, payload, signed_by=names)
        _ = opened.subject, opened.predicate
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"the field {error} is missing" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise UsageError(
            f"{path} is not a Sigstore bundle with an in-toto statement: {what}",
            "It was cut off or changed: restore it from a copy, or push the model again.",
        ) from error
    if trust is None:
        return opened
    return _verified(bundle, opened, trust)


def _parts(bundle: Bundle) -> tuple[bytes, str]:
    """The payload, and by what name the bundle calls its signer."""
    if bundle["mediaType"] != BUNDLE_TYPE:
        raise ValueError(f"its media type is {bundle['mediaType']!r}")
    envelope = _envelope(bundle)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"its payload is of type {envelope.payload_type!r}")
    material = bundle["verificationMaterial"]
    hint = str((material.get("publicKey") or {}).get("hint") or "")
    if envelope.signatures and not hint:
        hint = "an identity of Sigstore" if "certificate" in material else "a key without a name"
    return envelope.payload, hint if envelope.signatures else ""


def _envelope(bundle: Bundle) -> "Envelope":
    """The envelope in a bundle, which stays as it is: the library writes into what it is given."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    given = bundle["dsseEnvelope"]
    try:
        return Envelope.from_dict({**given, "signatures": [dict(each) for each in given["signatures"]]})
    except Error as error:
        raise ValueError(str(error)) from error


def _verified(bundle: Bundle, opened: Opened, trust: Trust) -> Opened:
    def refused(problem: str) -> Opened:
        return Opened(opened.statement, opened.payload, opened.signed_by, problem=problem)

    if not opened.signed_by:
        return refused("nobody signed it")
    material = bundle["verificationMaterial"]
    if "certificate" in material or "x509CertificateChain" in material:
        if not trust.identity:
            return refused("it is signed by an identity of Sigstore, and no identity is trusted: give --identity")
        from weighbridge.attestation.keyless import verify_keyless

        try:
            kind, payload = verify_keyless(bundle, trust)
        except ValueError as error:
            return refused(f"it is not signed by {trust.identity}: {error}")
        if (kind, payload) != (PAYLOAD_TYPE, opened.payload):
            return refused("its signature is that of another statement")
        return Opened(opened.statement, opened.payload, trust.identity)
    for key in trust.keys:
        if _signed_by(bundle, key):
            if not _nothing_added(bundle, opened, key):
                return refused("something in it that is not signed was added or changed")
            return Opened(opened.statement, opened.payload, key.fingerprint, key)
    named = opened.signed_by[:12]
    known = ", ".join(key.fingerprint[:12] for key in trust.keys) or trust.identity
    if any(key.fingerprint == opened.signed_by for key in trust.keys):
        return refused(f"it was changed after the key {named} signed it")
    return refused(f"it is signed by the key {named}, and trusted is {known}")


def _nothing_added(bundle: Bundle, opened: Opened, key: PublicKey) -> bool:
    """Whether a bundle holds what was signed, that one signature, the key's own name, and nothing else."""
    signatures = bundle["dsseEnvelope"]["signatures"]
    names = {each.get("keyid", "") for each in signatures}
    material = {"tlogEntries": []} | bundle["verificationMaterial"]
    envelope = {"payload": standard_b64encode(opened.payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": []}
    given = bundle | {"verificationMaterial": material, "dsseEnvelope": bundle["dsseEnvelope"] | {"signatures": []}}
    return (
        len(signatures) == 1
        and names <= {"", key.fingerprint}  # model-signing leaves it empty
        and signatures[0].keys() <= {"keyid", "sig"}
        and standard_b64encode(b64decode(signatures[0]["sig"])).decode() == signatures[0]["sig"]
        and given == bundle_of(envelope, key.fingerprint)
    )


def _signed_by(bundle: Bundle, key: PublicKey) -> bool:
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import Signature

    envelope = _envelope(bundle)
    for found in list(envelope.signatures.values()):  # whatever a signature calls its key
        envelope.signatures = {key.fingerprint: Signature(key.fingerprint, found.signature)}
        try:
            envelope.verify([key.key], 1)
        except (VerificationError, ValueError):
            continue
        return True
    return False
