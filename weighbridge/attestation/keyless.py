"""Signing without a key: Sigstore's Fulcio vouches for who signs, its log for when.

https://docs.sigstore.dev/ tells how. Where it cannot be reached, keys do without it.
"""

import json
from collections.abc import Mapping
from typing import Any

from weighbridge.attestation.keys import Trust
from weighbridge.attestation.signer import Bundle
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import hide

TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN"  # noqa: S105, the name of it


class KeylessSigner:
    """Signs as whom the environment says: a token in `SIGSTORE_ID_TOKEN`, or that of the CI system or cloud.

    Args:
        environment: of the process.

    Raises:
        UsageError: there is no token, or it cannot be read.
        InfrastructureError: Sigstore cannot be reached.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityError, IdentityToken, detect_credential
        from sigstore.sign import SigningContext

        try:
            raw = environment.get(TOKEN_VARIABLE) or detect_credential()
            if not raw:
                raise UsageError(
                    "Nobody says who signs: there is no token for Sigstore here",
                    f"export {TOKEN_VARIABLE}=…, or run where the CI system gives one; or sign with a key.",
                )
            hide(raw)
            self._token = IdentityToken(raw)
        except (IdentityError, ValueError) as error:
            raise UsageError(f"The token for Sigstore cannot be used: {error}", "Ask for a new one.") from error
        try:
            self._context = SigningContext.from_trust_config(ClientTrustConfig.production())
        except (Error, OSError, ValueError) as error:
            raise _unreachable(error) from error
        except Exception as error:  # tuf has errors of its own
            raise _unreachable(error) from error

    @property
    def name(self) -> str:
        """The identity."""
        return str(self._token.identity)

    def sign(self, payload: bytes) -> Bundle:
        """See `weighbridge.attestation.signer.Signer.sign`."""
        from sigstore.dsse import Statement

        try:
            with self._context.signer(self._token) as signer:
                return dict(json.loads(signer.sign_dsse(Statement(payload)).to_json()))
        except Exception as error:
            raise _unreachable(error) from error


def verify_keyless(bundle: Bundle, trust: Trust) -> tuple[str, bytes]:
    """Payload type and payload of a bundle that the trusted identity signed.

    Raises:
        ValueError: somebody else signed it, or nobody did.
        InfrastructureError: Sigstore's roots of trust cannot be had.
    """
    from sigstore.errors import VerificationError
    from sigstore.models import Bundle as SigstoreBundle
    from sigstore.models import InvalidBundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    try:
        verifier = Verifier.production()
    except Exception as error:  # tuf has errors of its own
        raise _unreachable(error) from error
    try:
        found = SigstoreBundle.from_json(json.dumps(bundle))
        return verifier.verify_dsse(found, Identity(identity=trust.identity, issuer=trust.issuer))
    except (InvalidBundle, VerificationError) as error:
        raise ValueError(str(error)) from error


def _unreachable(error: Any) -> InfrastructureError:
    return InfrastructureError(
        f"Sigstore cannot be asked: {error}", "Run again, or sign with a key: docs/verify.md says how."
    )
