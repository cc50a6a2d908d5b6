"""Keys that sign, and those that cannot: each says which, why, and what to do; none is shown."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.keys import make_certificate, make_key
from weighbridge.attestation.keys import Trust, read_public_key, same_signer
from weighbridge.attestation.signer import signer_here
from weighbridge.common.environment import (
    SIGNING_KEY_VARIABLE,
    SIGNING_PASSWORD_VARIABLE,
    SIGNING_PUBLIC_VARIABLE,
)
from weighbridge.common.errors import InfrastructureError, UsageError

PASSWORD = "geheim-4711"
PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


def named(key: object, **more: str) -> dict[str, str]:
    return {SIGNING_KEY_VARIABLE: str(key), **more}


def other_kind(folder: Path, private: Any) -> Path:
    path = folder / "other.key"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


def test_nobody_signs_where_no_key_is_named() -> None:
    assert signer_here({}) is None


def test_an_encrypted_key_signs_with_its_password(tmp_path: Path) -> None:
    private, public = make_key(tmp_path, password=PASSWORD)
    signer = signer_here(named(private, **{SIGNING_PASSWORD_VARIABLE: PASSWORD}))
    assert signer is not None
    assert signer.name == read_public_key(public).fingerprint
    assert signer.sign(PAYLOAD)["verificationMaterial"]["publicKey"]["hint"] == signer.name


@pytest.mark.parametrize(("password", "why"), [("", "no password is given"), ("geheim-4712", "cannot be decrypted")])
def test_an_encrypted_key_without_its_password_says_so_and_shows_none(tmp_path: Path, password: str, why: str) -> None:
    private, _ = make_key(tmp_path, password=PASSWORD)
    with pytest.raises(UsageError, match=why) as raised:
        signer_here(named(private, **{SIGNING_PASSWORD_VARIABLE: password}))
    assert SIGNING_PASSWORD_VARIABLE in str(raised.value)
    assert not password or password not in str(raised.value)


@pytest.mark.parametrize(("begins", "ends", "signs"), [(-1, 1, True), (-3, -1, False), (1, 3, False)])
def test_a_certificate_beside_the_key_limits_it(tmp_path: Path, begins: int, ends: int, signs: bool) -> None:
    private, _ = make_key(tmp_path)
    certificate = make_certificate(private, begins=timedelta(days=begins), ends=timedelta(days=ends))
    both = tmp_path / "both.pem"
    both.write_bytes(private.read_bytes() + certificate.read_bytes())
    if signs:
        assert signer_here(named(both)) is not None
        return
    with pytest.raises(UsageError, match="its certificate is valid from"):
        signer_here(named(both))


def test_a_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    private, _ = make_key(tmp_path / "one")
    other = make_certificate(make_key(tmp_path / "two")[0], begins=timedelta(days=-1), ends=timedelta(days=1))
    both = tmp_path / "both.pem"
    both.write_bytes(private.read_bytes() + other.read_bytes())
    with pytest.raises(UsageError, match="certificate of another key"):
        signer_here(named(both))


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_says_how_to_make_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(UsageError, match="private key") as raised:
        signer_here(named(path))
    assert "openssl" in raised.value.hint


@pytest.mark.parametrize(
    "private", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()], ids=["RSA", "Ed25519"]
)
def test_other_kinds_of_keys_are_named(tmp_path: Path, private: Any) -> None:
    with pytest.raises(UsageError, match=r"RSA|Ed25519"):
        signer_here(named(other_kind(tmp_path, private)))


def test_a_public_key_signs_nothing_and_a_private_one_is_not_trusted(tmp_path: Path) -> None:
    private, public = make_key(tmp_path)
    with pytest.raises(UsageError, match="It holds a public key"):
        signer_here(named(public))
    with pytest.raises(UsageError, match="It holds a private key"):
        Trust.of([private])


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.key cannot be read: No such file"):
        signer_here(named(tmp_path / "gone.key"))


def test_addresses_want_a_public_key_and_a_known_scheme(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs its public key"):
        signer_here(named("gcpkms:projects/p"))
    with pytest.raises(UsageError, match="neither a file nor an address") as raised:
        signer_here(named("ftp:key"))
    assert "hsm:" in raised.value.hint
    _, public = make_key(tmp_path)
    with pytest.raises(InfrastructureError, match="cannot be used"):
        signer_here(named("hsm:nonsense", **{SIGNING_PUBLIC_VARIABLE: str(public)}))


def test_an_identity_is_called_by_its_name_only_by_whom_it_is_trusted() -> None:
    one, other = "a" * 64, "b" * 64
    assert same_signer(one, one)
    assert same_signer("", "")
    assert same_signer("an identity of Sigstore", "me@example.org")
    for pair in ((one, other), (one, ""), ("", one), ("", "me@example.org")):
        assert not same_signer(*pair)
