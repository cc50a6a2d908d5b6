"""Public keys: which are trusted, for how long, and by which name they are called."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.environment import VERIFY_IDENTITY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
CURVES = ("secp256r1", "secp384r1", "secp521r1")
MAKE_KEY = (
    "openssl ecparam -name prime256v1 -genkey -noout -out signing.key && "
    "openssl ec -in signing.key -pubout -out signing.pub"
)


@dataclass(frozen=True)
class PublicKey:
    """A public key.

    Attributes:
        fingerprint: SHA-256 of its PEM, 64 hex digits, as a Sigstore bundle names a key.
        key: what verifies.
        path: the file that it came from, for messages.
        not_before: from when signatures by it count; None without a certificate.
        not_after: until when.
    """

    fingerprint: str
    key: "SSlibKey"
    path: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None

    def valid_at(self, moment: datetime) -> bool:
        """Whether its certificate, if it has one, was valid then."""
        return (self.not_before is None or self.not_before <= moment) and (
            self.not_after is None or moment <= self.not_after
        )


@dataclass(frozen=True)
class Trust:
    """Whose signatures count.

    Attributes:
        keys: trusted public keys.
        identity: who may sign by Sigstore without a key, such as a mail address or a workflow's URL; empty for nobody.
        issuer: who vouches for that identity, such as `https://token.actions.githubusercontent.com`.
    """

    keys: tuple[PublicKey, ...] = ()
    identity: str = ""
    issuer: str = ""

    def __bool__(self) -> bool:
        return bool(self.keys or self.identity)

    @classmethod
    def of(cls, keys: Iterable[str | Path] = (), identity: str = "", issuer: str = "") -> "Trust":
        """Trust in files of keys, or in an identity; where neither is given, in what the environment names.

        Raises:
            UsageError: a file cannot be read or holds no public key, or an identity has no issuer.
        """
        paths = [str(path) for path in keys]
        if not paths and not identity:
            named = os.environ.get(VERIFY_KEY_VARIABLE, "")
            paths = [named] if is_pem(named) else [path for path in named.split(os.pathsep) if path]
            identity, _, issuer = os.environ.get(VERIFY_IDENTITY_VARIABLE, "").partition(" ")
        if identity and not issuer.strip():
            raise UsageError(
                f"The identity {identity!r} is trusted by nobody's word: its issuer is not given",
                "Give --issuer, such as https://accounts.google.com.",
            )
        return cls(tuple(read_public_key(path) for path in paths), identity, issuer.strip())


def public_key(crypto: Any, path: str = "", certificate: Any = None) -> PublicKey:
    """A public key of the library cryptography by its fingerprint.

    Raises:
        UsageError: it is none on a curve that model-signing can verify.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from securesystemslib.signer import SSlibKey

    if not isinstance(crypto, ec.EllipticCurvePublicKey) or crypto.curve.name not in CURVES:
        kind = crypto.curve.name if isinstance(crypto, ec.EllipticCurvePublicKey) else type(crypto).__name__.strip("_")
        raise UsageError(
            f"{path or 'The key'} is of a kind that is not used to sign models: {kind}",
            f"Allowed: elliptic curves {', '.join(CURVES)}. Make one: {MAKE_KEY}",
        )
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    fingerprint = hashlib.sha256(crypto.public_bytes(serialization.Encoding.PEM, form)).hexdigest()
    return PublicKey(
        fingerprint,
        SSlibKey.from_crypto(crypto, keyid=fingerprint),
        path,
        None if certificate is None else certificate.not_valid_before_utc,
        None if certificate is None else certificate.not_valid_after_utc,
    )


def read_public_key(path: str | Path) -> PublicKey:
    """Read a PEM file with a public key, or with an X.509 certificate, whose term then limits the key's.

    Raises:
        UsageError: it cannot be read, or holds neither.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = read_key_file(path, "public key")
    path = "The trusted key" if is_pem(str(path)) else path
    try:
        if b"BEGIN CERTIFICATE" in data:
            certificate = x509.load_pem_x509_certificate(data)
            return public_key(certificate.public_key(), str(path), certificate)
        return public_key(load_pem_public_key(data), str(path))
    except ValueError as error:
        told = " It holds a private key." if b"PRIVATE KEY" in data else ""
        raise UsageError(
            f"{path} holds no public key in PEM.{told}",
            f"Expected BEGIN PUBLIC KEY or BEGIN CERTIFICATE; of a private key: openssl ec -in {path} -pubout",
        ) from error


def same_signer(one: str, other: str) -> bool:
    """Whether two names may be those of one signer: a key has its fingerprint, an identity at times no name."""
    by_keys = all(_FINGERPRINT.fullmatch(each) for each in (one, other))
    return one == other or (bool(one and other) and not by_keys)


def is_pem(text: str) -> bool:
    """Whether a text is a key itself and not the path of its file."""
    return text.lstrip().startswith("-----BEGIN ")


def read_key_file(path: str | Path, what: str) -> bytes:
    """The bytes of a key's file, or of the key itself, as a variable holds it that a secret of Kubernetes fills.

    Raises:
        UsageError: it cannot be read.
        InfrastructureError: the disk fails.
    """
    if is_pem(str(path)):
        return str(path).encode()
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        if is_machine_failure(error):
            raise InfrastructureError(f"The {what} {path} cannot be read: {error}", "Run again.") from error
        reason = getattr(error, "strerror", "") or error
        raise UsageError(f"The {what} {path} cannot be read: {reason}", f"Make one: {MAKE_KEY}") from error
