"""What somebody without a trusted key may do to what is said of a model, and to its signatures."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.weighbridge.attestation.pushed import (
    Keys,
    edit_lines,
    evidence_of,
    restate,
    sign_as,
    signature_of,
    statement_of,
)
from weighbridge.attestation.attest import ATTESTATIONS_FILE

Attack = Callable[[Path, Keys], None]

_BETTER = {"threshold": 0.1, "observed": 0.999, "status": "not_compared", "severity": "warning"}


def _looser(said: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], Any]]]:
    """Ways to make what a weighing says look better."""
    for number in range(len(said["verdict"]["gates"])):
        for key, value in {
            "threshold": 0.1,
            "observed": 0.999,
            "status": "not_compared",
            "severity": "warning",
        }.items():
            yield f"{key} of gate {number}", lambda s, n=number, k=key, v=value: s["verdict"]["gates"][n].update({k: v})
        yield f"gate {number} gone", lambda s, n=number: s["verdict"]["gates"].pop(n)
    for key, value in {
        "pipeline": "other",
        "run_id": "other",
        "passed": True,
        "gates": said["verdict"]["gates"][:1],
    }.items():
        if said["verdict"][key] != value:
            yield f"verdict.{key}", lambda s, k=key, v=value: s["verdict"].update({k: v})
    for key in ("model", "data", "gates", "production"):
        yield f"subject.{key}", lambda s, k=key: s["verdict"]["subject"].update({k: "sha256:" + "1" * 64})
    yield "looser auc", lambda s: s["provenance"]["thresholds"]["quality"]["metrics"]["auc"].update({"min": 0.1})
    yield "no latency", lambda s: s["provenance"]["thresholds"].pop("latency")
    yield (
        "swapped thresholds",
        lambda s: s["provenance"]["thresholds"].update({"quality": s["provenance"]["thresholds"]["latency"]}),
    )
    yield "weighed tomorrow", lambda s: s["provenance"].update({"weighed_at": "2999-01-01T00:00:00Z"})
    yield "weighed today", lambda s: s.update({"attestedAt": s["provenance"]["weighed_at"]})
    yield "no provenance", lambda s: s.update({"provenance": None})
    yield "other production", lambda s: s["provenance"]["parents"].update({"production": "sha256:" + "2" * 64})
    yield "no statements", lambda s: s.update({"statements": {}})
    yield "other statistics", lambda s: s.update({"statistics": ""})
    yield "other run", lambda s: s.update({"runId": "other"})


def statements() -> Iterator[tuple[str, Attack]]:
    said = {
        "verdict": {"gates": [{}, {}, {}], "pipeline": "", "run_id": "", "passed": True},
        "provenance": {"thresholds": {"quality": {}, "latency": {}}},
    }
    names = [name for name, _ in _looser(said)]
    for name in names:

        def edit(model: Path, keys: Keys, name: str = name, key: str = "", hint: bool = False) -> None:
            def change(bundles: list[dict[str, Any]]) -> None:
                old = copy.deepcopy(bundles[0])
                statement = statement_of(bundles[0])
                dict(_looser(statement["predicate"]))[name](statement["predicate"])
                restate(bundles[0], statement)
                assert bundles[0] != old
                if key:
                    named = old["verificationMaterial"]["publicKey"]["hint"] if hint else ""
                    bundles[0] = sign_as(getattr(keys, key), bundles[0], named)

            edit_lines(model, change)

        yield f"{name}, under the old signature", edit
        yield f"{name}, signed by a stranger", lambda model, keys, edit=edit: edit(model, keys, key="strange")
        yield (
            f"{name}, signed by a stranger who takes our name",
            lambda model, keys, edit=edit: edit(model, keys, key="strange", hint=True),
        )
        yield f"{name}, unsigned", lambda model, keys, edit=edit: (edit(model, keys), _strip(model))


def _strip(model: Path) -> None:
    def change(bundles: list[dict[str, Any]]) -> None:
        for bundle in bundles:
            bundle["verificationMaterial"] = {"tlogEntries": []}
            bundle["dsseEnvelope"]["signatures"] = []

    edit_lines(model, change)
    signature_of(model).unlink(missing_ok=True)


def signatures() -> Iterator[tuple[str, Attack]]:
    def lines(change: Callable[[list[dict[str, Any]]], Any]) -> Attack:
        return lambda model, keys: edit_lines(model, change)

    def other(bundles: list[dict[str, Any]], kind: str, predicate: Any) -> dict[str, Any]:
        statement = statement_of(bundles[0]) | {"predicateType": kind, "predicate": predicate}
        made = restate(copy.deepcopy(bundles[0]), statement)
        made["dsseEnvelope"]["signatures"], made["verificationMaterial"] = [], {"tlogEntries": []}
        return made

    yield "strip all signatures", lambda model, keys: _strip(model)
    for number in range(3):
        yield f"line {number} gone", lines(lambda bundles, n=number: [b for i, b in enumerate(bundles) if i != n])
        yield f"line {number} twice", lines(lambda bundles, n=number: [*bundles, bundles[n]])
        yield (
            f"line {number} unsigned",
            lines(lambda b, n=number: b[n]["dsseEnvelope"].update(signatures=[])),
        )
        yield f"line {number} without a hint", lines(lambda b, n=number: b[n].update(verificationMaterial={}))
        yield (
            f"line {number} signed twice",
            lines(lambda b, n=number: b[n]["dsseEnvelope"]["signatures"].append({"sig": "AAAA", "keyid": "x"})),
        )
        yield (
            f"line {number} with the signature of another",
            lines(lambda b, n=number: b[n]["dsseEnvelope"].update(signatures=b[n - 1]["dsseEnvelope"]["signatures"])),
        )
        yield (
            f"line {number} with a certificate",
            lines(lambda b, n=number: b[n]["verificationMaterial"].update(certificate={"rawBytes": "AAAA"})),
        )
        yield f"line {number} with more in it", lines(lambda b, n=number: b[n].update(note="trust me"))
        yield (
            f"line {number} of another payload type",
            lines(lambda b, n=number: b[n]["dsseEnvelope"].update(payloadType="text/plain")),
        )
        yield f"line {number} of another media type", lines(lambda b, n=number: b[n].update(mediaType="x"))
        yield (
            f"line {number} by a scheme of the attacker's choice",
            lines(lambda b, n=number: b[n]["dsseEnvelope"]["signatures"][0].update(scheme="none", alg="HS256")),
        )

        def strange(model: Path, keys: Keys, n: int = number) -> None:
            edit_lines(model, lambda bundles: bundles.__setitem__(n, sign_as(keys.strange, bundles[n])))

        yield f"line {number} signed by a stranger", strange
        for earlier in (1, 2):

            def mix(model: Path, keys: Keys, n: int = number, earlier: int = earlier) -> None:
                path = evidence_of(model.parent / str(earlier)) / ATTESTATIONS_FILE
                old = path.read_bytes().splitlines(keepends=True)
                mine = evidence_of(model) / ATTESTATIONS_FILE
                now = mine.read_bytes().splitlines(keepends=True)
                mine.write_bytes(b"".join([*now[:n], old[n], *now[n + 1 :]]))

            yield f"line {number} of version {earlier}", mix
    for kind in ("urn:more", "https://cyclonedx.org/bom", "urn:weighbridge:weighing:v1", ""):
        yield f"an unsigned line of type {kind!r}", lines(lambda b, kind=kind: [*b, other(b, kind, {})])
    yield (
        "model.sig is another statement",
        lambda model, keys: signature_of(model).write_bytes(
            (evidence_of(model) / ATTESTATIONS_FILE).read_bytes().splitlines(keepends=True)[1]
        ),
    )
    yield "model.sig signed by a stranger", lambda model, keys: _resign(model, keys)


def _resign(model: Path, keys: Keys) -> None:
    import json

    from weighbridge.attestation.signer import bundle_json

    bundle = json.loads(signature_of(model).read_bytes())
    signature_of(model).write_bytes(bundle_json(sign_as(keys.strange, bundle)))


def unreadable(files: dict[str, Callable[[Path], Path]]) -> Iterator[tuple[str, Attack]]:
    texts: dict[str, bytes] = {
        "nothing": b"",
        "a blank": b"\n",
        "no JSON": b"{",
        "a list": b"[]",
        "a number": b"1",
        "null": b"null",
        "NaN": b'{"mediaType": NaN}',
        "deep": b"[" * 100_000,
        "deep and whole": b"[" * 900 + b"]" * 900,
        "a huge number": b"9" * 5000,
        "bytes": bytes(range(256)),
        "UTF-16": '{"mediaType": "x"}'.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf{}",
    }
    for what, data in texts.items():
        for name, at in files.items():
            yield f"{name} is {what}", lambda model, keys, at=at, data=data: at(model).write_bytes(data)
    odd = (None, 1, "x", [], {}, [None], {"x": 1}, True, "a" * 1000, -1.5)
    paths = [
        ("mediaType",), ("verificationMaterial",), ("verificationMaterial", "publicKey"), ("dsseEnvelope",),
        ("verificationMaterial", "publicKey", "hint"), ("dsseEnvelope", "payload"), ("dsseEnvelope", "payloadType"),
        ("dsseEnvelope", "signatures"), ("dsseEnvelope", "signatures", 0), ("dsseEnvelope", "signatures", 0, "sig"),
        ("dsseEnvelope", "signatures", 0, "keyid"),
    ]  # fmt: skip
    for path in paths:
        for value in odd:

            def put(model: Path, keys: Keys, path: tuple[Any, ...] = path, value: Any = value) -> None:
                def change(bundles: list[dict[str, Any]]) -> None:
                    inner: Any = bundles[0]
                    for step in path[:-1]:
                        inner = inner[step]
                    inner[path[-1]] = value

                edit_lines(model, change)

            yield f"{'.'.join(map(str, path))} is {str(value)[:9]!r}", put
    fields = ["_type", "subject", "predicateType", "predicate", "predicate.verdict", "predicate.provenance"]
    fields += ["predicate.attestedAt", "predicate.statements", "predicate.verdict.gates", "predicate.verdict.subject"]
    for field in fields:
        for value in (*odd, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):

            def say(model: Path, keys: Keys, field: str = field, value: Any = value) -> None:
                def change(bundles: list[dict[str, Any]]) -> None:
                    statement = statement_of(bundles[0])
                    inner, path = statement, field.split(".")
                    for step in path[:-1]:
                        inner = inner[step]
                    inner[path[-1]] = value
                    restate(bundles[0], statement)

                edit_lines(model, change)

            yield f"{field} is {str(value)[:9]!r}", say
    yield (
        "a key twice",
        lambda model, keys: (evidence_of(model) / ATTESTATIONS_FILE).write_bytes(
            (evidence_of(model) / ATTESTATIONS_FILE)
            .read_bytes()
            .replace(b'{"dsseEnvelope"', b'{"mediaType":"x","dsseEnvelope"')
        ),
    )
