"""What somebody may do to a model or its evidence who can write to where they lie, but has no trusted key."""

import itertools
import os
import random
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.weighbridge.attestation.attacks_on_statements import signatures, statements, unreadable
from tests.weighbridge.attestation.pushed import (
    Keys,
    edit_json,
    evidence_of,
)
from weighbridge.attestation.attest import ATTESTATIONS_FILE
from weighbridge.common.digests import bytes_digest, tree_digest

Attack = Callable[[Path, Keys], None]
MODEL = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")
_COUNT = itertools.count()
EVIDENCE = (ATTESTATIONS_FILE, "model.sig", "verdict.json", "record.json", "statistics/Split-train/FeatureStats.pb")


def attacks(seed: int = 20) -> Iterator[tuple[str, Attack]]:
    """Each attack and what it does, on the folder of a version in production."""
    chance = random.Random(seed)
    yield from _bytes(chance)
    yield from _names(chance)
    yield from _links()
    yield from statements()
    yield from signatures()
    yield from _records()
    yield from _replays()
    yield from unreadable({name: at for name, at in _files() if name not in MODEL and "statistics" not in name})


def _files() -> Iterator[tuple[str, Callable[[Path], Path]]]:
    for name in MODEL:
        yield name, lambda model, name=name: model / name
    for name in EVIDENCE:
        yield name, lambda model, name=name: evidence_of(model) / name
    yield "production.json", lambda model: model.parent / "production.json"


def _bytes(chance: random.Random) -> Iterator[tuple[str, Attack]]:
    for name, at in _files():
        for _ in range(12):
            place, bit = chance.random(), 1 << chance.randrange(8)

            def flip(model: Path, keys: Keys, at: Any = at, place: float = place, bit: int = bit) -> None:
                data = bytearray(at(model).read_bytes())
                data[int(place * len(data))] ^= bit
                at(model).write_bytes(data)

            yield f"flip bit {bit} of {name} at {place:.3f}", flip
        for share in (0.0, 0.1, 0.5, 0.9, 0.999):

            def cut(model: Path, keys: Keys, at: Any = at, share: float = share) -> None:
                data = at(model).read_bytes()
                at(model).write_bytes(data[: min(int(share * len(data)), len(data) - 2)])

            yield f"cut {name} at {share}", cut
        if name != "production.json":  # a push that is killed at its very end leaves none: the version is whole
            yield f"remove {name}", lambda model, keys, at=at: at(model).unlink()
        yield (
            f"fill {name} with zeros",
            lambda model, keys, at=at: at(model).write_bytes(bytes(at(model).stat().st_size)),
        )
        yield f"append to {name}", lambda model, keys, at=at: at(model).write_bytes(at(model).read_bytes() + b"{}")


def _names(chance: random.Random) -> Iterator[tuple[str, Attack]]:
    added = ["x", ".hidden", "assets/x", "assets/.x", "variables/x", "a/b/c/d", "saved_model.pb.bak", " ", "é", "-rf"]
    added += [
        "model.sig",
        "attestations.intoto.jsonl",
        "verdict.json",
        "..data",
        "saved_model.pbtxt",
        "\n",
        "assets/\u202e",
    ]
    for name in added:
        for data in (b"", b"x", b"\0" * 100):

            def add(model: Path, keys: Keys, name: str = name, data: bytes = data) -> None:
                (model / name).parent.mkdir(parents=True, exist_ok=True)
                (model / name).write_bytes(data)

            yield f"add {name!a} of {len(data)} bytes", add
    for name in MODEL:
        other = [name.upper(), name + " ", name + ".", "x/" + name, name.replace("a", "а"), "é" + name]
        other += [unicodedata.normalize("NFD", "é") + name, name.replace(".", "\u2024")]
        for to in other:

            def rename(model: Path, keys: Keys, name: str = name, to: str = to) -> None:
                (model / to).parent.mkdir(parents=True, exist_ok=True)
                (model / name).rename(model / to)

            yield f"rename {name} to {to!a}", rename
        for to in MODEL:
            if to > name:

                def swap(model: Path, keys: Keys, name: str = name, to: str = to) -> None:
                    one, two = (model / name).read_bytes(), (model / to).read_bytes()
                    (model / name).write_bytes(two)
                    (model / to).write_bytes(one)

                yield f"swap {name} and {to}", swap
    for name in ("verdict.json", "model.sig", ATTESTATIONS_FILE, "record.json"):
        for earlier in (1, 2):

            def bring(model: Path, keys: Keys, name: str = name, earlier: int = earlier) -> None:
                shutil.copy(evidence_of(model.parent / str(earlier)) / name, evidence_of(model) / name)

            yield f"{name} of version {earlier}", bring
    yield "a name that is no UTF-8", lambda model, keys: os.mknod(os.fsencode(model) + b"/\xff")
    yield "a very deep folder", _deep


def _deep(model: Path, keys: Keys) -> None:
    folder = os.open(model, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)


def _links() -> Iterator[tuple[str, Attack]]:
    def aside_of(path: Path) -> Path:
        other = path.parents[-4] / "aside" / f"{next(_COUNT)}"
        other.parent.mkdir(exist_ok=True)
        return other

    def aside(path: Path) -> Path:
        other = aside_of(path)
        path.rename(other)
        return other

    for name, at in _files():
        if "statistics" in name:
            continue
        yield f"a link for {name}", lambda model, keys, at=at: at(model).symlink_to(aside(at(model)))

        def pipe(model: Path, keys: Keys, at: Any = at) -> None:
            at(model).unlink()
            os.mkfifo(at(model))

        def folder(model: Path, keys: Keys, at: Any = at) -> None:
            at(model).unlink()
            at(model).mkdir()

        def hard(model: Path, keys: Keys, at: Any = at) -> None:
            at(model).unlink()
            other = aside_of(at(model))
            other.write_bytes(b"other bytes, shared with somebody")
            os.link(other, at(model))

        yield f"a pipe for {name}", pipe
        yield f"a folder for {name}", folder
        yield f"a hard link for {name}", hard
    yield "a link for variables", lambda model, keys: (model / "variables").symlink_to(aside(model / "variables"))
    yield (
        "a link for assets",
        lambda model, keys: (
            (model / "assets").rmdir(),
            (model / "assets").symlink_to("/etc", target_is_directory=True),
        ),
    )
    yield "a link for the version", lambda model, keys: model.symlink_to(aside(model))
    yield "a link for its evidence", lambda model, keys: evidence_of(model).symlink_to(aside(evidence_of(model)))
    yield "a link that leads nowhere", lambda model, keys: (model / "gone").symlink_to("nowhere")


def _records() -> Iterator[tuple[str, Attack]]:
    changes: dict[str, Any] = {
        "version": 2,
        "model_digest": "sha256:" + "3" * 64,
        "verdict_digest": "sha256:" + "3" * 64,
        "run_id": "other",
        "pipeline": "other",
        "signed_by": "",
        "subject": {},
        "more": 1,
    }
    for key, value in changes.items():
        for where in ("kept", "live", "both"):
            if (key, where) == ("version", "live"):
                continue  # as a push that is killed at its very end leaves it

            def edit(model: Path, keys: Keys, key: str = key, value: Any = value, where: str = where) -> None:
                kept, live = evidence_of(model) / "record.json", model.parent / "production.json"
                for path in {"kept": [kept], "live": [live], "both": [kept, live]}[where]:
                    edit_json(path, lambda record: record.update({key: value}))

            yield f"{key} of the {where} record", edit
    for key in ("pushed_at", "approved_by", "promoted_from"):
        for where in ("record.json", "production.json"):
            value = "2020-01-01T00:00:00Z" if key == "pushed_at" else "mallory"
            yield (
                f"{key} of {where}",
                lambda model, keys, key=key, value=value, where=where: edit_json(
                    (evidence_of(model) if where == "record.json" else model.parent) / where,
                    lambda record: record.update({key: value}),
                ),
            )
    yield "verdict edited, and the digests that name it", _follow_verdict


def _follow_verdict(model: Path, keys: Keys) -> None:
    verdict = evidence_of(model) / "verdict.json"
    edit_json(verdict, lambda document: document["gates"][1].update({"threshold": 0.1}))
    digest = bytes_digest(verdict.read_bytes())
    for path in (evidence_of(model) / "record.json", model.parent / "production.json"):
        edit_json(path, lambda record: record.update({"verdict_digest": digest}))


def _replays() -> Iterator[tuple[str, Attack]]:
    for earlier in (1, 2):

        def old_model(model: Path, keys: Keys, earlier: int = earlier) -> None:
            shutil.rmtree(model)
            shutil.copytree(model.parent / str(earlier), model)

        def old_evidence(model: Path, keys: Keys, earlier: int = earlier) -> None:
            shutil.rmtree(evidence_of(model))
            shutil.copytree(evidence_of(model.parent / str(earlier)), evidence_of(model))

        def both(model: Path, keys: Keys, earlier: int = earlier, follow: bool = False) -> None:
            old_model(model, keys, earlier)
            old_evidence(model, keys, earlier)
            if follow:
                edit_json(
                    evidence_of(model) / "record.json", lambda record: record.update({"version": int(model.name)})
                )
                shutil.copy(evidence_of(model) / "record.json", model.parent / "production.json")

        yield f"the model of version {earlier}", old_model
        yield f"the evidence of version {earlier}", old_evidence
        yield f"model and evidence of version {earlier}", both
        yield (
            f"model, evidence and records of version {earlier}",
            lambda model, keys, both=both: both(model, keys, follow=True),
        )

    def foreign(model: Path, keys: Keys) -> None:
        other = model.parents[2] / "shop/production/1"
        for source, target in ((other, model), (evidence_of(other), evidence_of(model))):
            shutil.rmtree(target)
            shutil.copytree(source, target)
        edit_json(evidence_of(model) / "record.json", lambda record: record.update({"version": 3}))
        shutil.copy(evidence_of(model) / "record.json", model.parent / "production.json")

    yield "the model of another pipeline, with its evidence", foreign

    def before(model: Path, keys: Keys) -> None:
        """The production that it was weighed against is another one now."""
        two = model.parent / "2"
        (two / "saved_model.pb").write_bytes(b"other")
        edit_json(evidence_of(two) / "record.json", lambda record: record.update({"model_digest": tree_digest(two)}))

    yield "another version before it", before
    yield "the version before it is forgotten", lambda model, keys: shutil.rmtree(evidence_of(model.parent / "2"))
    yield "the record before it is gone", lambda model, keys: (evidence_of(model.parent / "2") / "record.json").unlink()
