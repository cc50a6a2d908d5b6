"""Who signs: a key in a file, in a hardware token or in a cloud; or, without a key, an identity known to Sigstore."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from weighbridge.attestation.keys import MAKE_KEY, PublicKey, is_pem, public_key, read_key_file, read_public_key
from weighbridge.common.environment import (
    SIGNING_KEY_VARIABLE,
    SIGNING_PASSWORD_VARIABLE,
    SIGNING_PUBLIC_VARIABLE,
)
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import hide

if TYPE_CHECKING:
    from securesystemslib.signer import Signer as LibrarySigner

PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGSTORE = "sigstore"

Bundle = dict[str, Any]


class Signer(Protocol):
    """Signs statements.

    Attributes:
        name: fingerprint of the key, or the identity.
    """

    @property
    def name(self) -> str:
        """Fingerprint of the key, or the identity."""

    def sign(self, payload: bytes) -> Bundle:
        """A Sigstore bundle with the payload, an in-toto statement in JSON, in a signed DSSE envelope.

        Raises:
            InfrastructureError: the token, the cloud or Sigstore cannot be reached.
        """


def signer_here(environment: Mapping[str, str] | None = None) -> Signer | None:
    """The signer that the environment names; None where it names none.

    Args:
        environment: by default the process's own.

    Raises:
        UsageError: the key cannot be read, is encrypted with another password, has expired, or is of a kind that
            cannot sign models.
        InfrastructureError: Sigstore cannot be reached.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(SIGNING_KEY_VARIABLE, "")
    if not named:
        return None
    if named == SIGSTORE:
        from weighbridge.attestation.keyless import KeylessSigner

        return KeylessSigner(environment)
    if ":" in named and not is_pem(named) and not os.path.exists(named):  # noqa: PTH110, an address is no path
        return _remote(named, environment)
    return _from_file(named, environment.get(SIGNING_PASSWORD_VARIABLE, ""))


class KeySigner:
    """Signs with a key.

    Args:
        signer: of the library securesystemslib.
        public: its public key.
    """

    def __init__(self, signer: "LibrarySigner", public: PublicKey) -> None:
        self._signer, self.public = signer, public

    @property
    def name(self) -> str:
        """Fingerprint of the key."""
        return self.public.fingerprint

    def sign(self, payload: bytes) -> Bundle:
        """See `Signer.sign`."""
        from securesystemslib.dsse import Envelope

        envelope = Envelope(payload, PAYLOAD_TYPE, {})
        try:
            envelope.sign(self._signer)
        except Exception as error:  # whatever a token or a cloud raises
            raise InfrastructureError(f"The signing key gave no signature: {error}", "Run again.") from error
        return bundle_of(envelope.to_dict(), self.public.fingerprint)


def bundle_of(envelope: dict[str, Any], fingerprint: str) -> Bundle:
    """A Sigstore bundle v0.3 of a DSSE envelope: https://docs.sigstore.dev/about/bundle/.

    Args:
        envelope: signed by a key, or by nobody.
        fingerprint: of the key; empty for nobody.
    """
    material: dict[str, Any] = {"tlogEntries": []}
    if fingerprint:
        material["publicKey"] = {"hint": fingerprint}
    return {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}


def unsigned(payload: bytes) -> Bundle:
    """The bundle of a payload that nobody signed."""
    from securesystemslib.dsse import Envelope

    return bundle_of(Envelope(payload, PAYLOAD_TYPE, {}).to_dict(), "")


def bundle_json(bundle: Bundle) -> bytes:
    """A bundle on one line."""
    return json.dumps(bundle, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _from_file(path: str, password: str) -> KeySigner:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    where = f"{SIGNING_KEY_VARIABLE}={'…' if is_pem(path) else path}"
    data = read_key_file(path, f"signing key {SIGNING_KEY_VARIABLE}=")
    hide(password)
    load = partial(load_pem_private_key, data)
    try:
        private = load(password.encode() if password and b"ENCRYPTED" in data else None)
    except TypeError as error:
        raise UsageError(
            f"{where} is encrypted, and no password is given", f"export {SIGNING_PASSWORD_VARIABLE}=…"
        ) from error
    except ValueError as error:
        if b"ENCRYPTED" in data:
            raise UsageError(
                f"{where} cannot be decrypted with the password of {SIGNING_PASSWORD_VARIABLE}",
                "Give the password that it was encrypted with.",
            ) from error
        told = " It holds a public key." if b"PUBLIC KEY" in data else ""
        raise UsageError(f"{where} holds no private key in PEM.{told}", f"Make one: {MAKE_KEY}") from error
    except Exception as error:  # cryptography names no common base of what an unknown algorithm raises
        raise UsageError(
            f"{where} holds a private key that cannot be used: {error}", f"Make one: {MAKE_KEY}"
        ) from error
    certificate = x509.load_pem_x509_certificate(data) if b"BEGIN CERTIFICATE" in data else None
    public = public_key(private.public_key(), where, certificate)
    if certificate is not None and certificate.public_key() != private.public_key():
        raise UsageError(f"{where} holds a certificate of another key", "Keep a key and its own certificate in a file.")
    if not public.valid_at(datetime.now(UTC)):
        raise UsageError(
            f"{where}: its certificate is valid from {public.not_before:%Y-%m-%d} to {public.not_after:%Y-%m-%d} only",
            "Sign with a key whose certificate is valid now.",
        )
    return KeySigner(CryptoSigner(private, public.key), public)


def _remote(address: str, environment: Mapping[str, str]) -> KeySigner:
    """A key that never leaves where it is: `hsm:` (PKCS#11), `gcpkms:`, `awskms:`, `azurekms:`, `hv:` (Vault)."""
    from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, Signer

    scheme = address.partition(":")[0]
    if scheme not in SIGNER_FOR_URI_SCHEME:
        raise UsageError(
            f"{SIGNING_KEY_VARIABLE}={address} is neither a file nor an address of a key",
            f"Addresses begin with {', '.join(f'{each}:' for each in sorted(SIGNER_FOR_URI_SCHEME))}.",
        )
    path = environment.get(SIGNING_PUBLIC_VARIABLE, "")
    if not path:
        raise UsageError(
            f"{SIGNING_KEY_VARIABLE}={address} needs its public key",
            f"export {SIGNING_PUBLIC_VARIABLE}=signing.pub",
        )
    public = read_public_key(path)
    try:
        return KeySigner(Signer.from_priv_key_uri(address, public.key), public)
    except Exception as error:  # whatever a token's or a cloud's library raises
        raise InfrastructureError(f"{SIGNING_KEY_VARIABLE}={address} cannot be used: {error}", "Run again.") from error
