"""A model replaces only what it was weighed against, and what a person approved only by a promotion."""

import threading
from pathlib import Path

import pytest

from tests.components.pusher.buckets import KINDS, double_of
from tests.components.pusher.doubles import once_before
from tests.components.pusher.helpers import make_model, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model import read_record
from weighbridge.components.pusher import Pushed, push

GATE = "push.production.unchanged"


@pytest.fixture(params=["folder", *KINDS], ids=lambda kind: kind if isinstance(kind, str) else kind.scheme)
def destination(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A destination of each kind; buckets are doubles of their stores."""
    if request.param == "folder":
        return str(tmp_path / "production")
    return double_of(request.param, monkeypatch).destination


def weigh_and_push(folder: Path, destination: str, content: str, *, against: str | None, at: str = "") -> Pushed:
    """Push a model that was weighed against the model of the content `against`; None for nothing in production."""
    model = make_model(folder / content, content) if not (folder / content).exists() else folder / content
    subject = {"production_at": at or destination}
    if against is not None:
        subject["production"] = tree_digest(folder / against)
    return push(model, weigh(folder / f"e-{content}", model, **subject), destination)


def test_what_was_weighed_against_production_replaces_it(tmp_path: Path, destination: str) -> None:
    for content, against in (("one", None), ("two", "one"), ("three", "two")):
        pushed = weigh_and_push(tmp_path, destination, content, against=against)
        assert pushed.record
        assert [(gate.name, gate.status) for gate in pushed.gates][1] == (GATE, "passed")
    assert pushed.record.version == 3


def test_a_model_weighed_against_nothing_does_not_replace_one_that_came_since(tmp_path: Path, destination: str) -> None:
    """Two runs beside each other: the weak model, weighed when nothing was there, is pushed last."""
    good = weigh_and_push(tmp_path, destination, "good", against=None)
    weak = weigh_and_push(tmp_path, destination, "weak", against=None)
    assert weak.record is None
    (gate,) = (gate for gate in weak.gates if gate.refuses)
    assert (gate.name, gate.threshold, gate.observed) == (GATE, "nothing yet", tree_digest(tmp_path / "good"))
    assert read_record(destination) == good.record


def test_a_model_weighed_against_the_one_before_does_not_replace_todays(tmp_path: Path, destination: str) -> None:
    weigh_and_push(tmp_path, destination, "one", against=None)
    weigh_and_push(tmp_path, destination, "two", against="one")
    late = weigh_and_push(tmp_path, destination, "late", against="one")
    assert [gate.name for gate in late.gates if gate.refuses] == [GATE]
    again = weigh_and_push(tmp_path, destination, "late", against="two")
    assert again.record
    assert again.record.version == 3


def test_pushing_again_what_is_in_production_is_no_change(tmp_path: Path, destination: str) -> None:
    weigh_and_push(tmp_path, destination, "one", against=None)
    assert weigh_and_push(tmp_path, destination, "one", against=None).already


def test_a_stage_is_not_production(tmp_path: Path, destination: str) -> None:
    """What is delivered to a stage was compared with production, which is elsewhere; a promotion compares again."""
    for content in ("one", "two"):
        pushed = weigh_and_push(tmp_path, destination, content, against=None, at=str(tmp_path / "real-production"))
        assert pushed.record
        assert GATE not in [gate.name for gate in pushed.gates]


def test_of_many_pushes_at_once_that_were_weighed_against_the_same_one_comes_through(tmp_path: Path) -> None:
    destination = str(tmp_path / "production")
    weigh_and_push(tmp_path, destination, "one", against=None)
    found: list[Pushed] = []

    def one(number: int) -> None:
        found.append(weigh_and_push(tmp_path, destination, f"m{number}", against="one"))

    threads = [threading.Thread(target=one, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(pushed.record is not None for pushed in found) == 1
    assert all(GATE in [gate.name for gate in pushed.gates if gate.refuses] for pushed in found if not pushed.record)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
@pytest.mark.parametrize("moment", ["get taxi/production.json", "list taxi/", "upload", "write", "copy"])
def test_a_push_between_look_and_commit_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: object, moment: str
) -> None:
    """Whenever the other push comes, never does one replace what it was not weighed against."""
    store = double_of(kind, monkeypatch)  # type: ignore[arg-type]
    weigh_and_push(tmp_path, store.destination, "one", against=None)
    others: list[Pushed] = []

    def other() -> None:
        others.append(weigh_and_push(tmp_path, store.destination, "other", against="one"))

    once_before(store, moment, other)
    try:
        mine = weigh_and_push(tmp_path, store.destination, "mine", against="one").record
    except Exception:
        mine = None
    (theirs,) = others
    assert theirs.record
    assert mine is None
    assert read_record(store.destination) == theirs.record


def test_a_run_does_not_replace_what_a_person_approved(tmp_path: Path, destination: str) -> None:
    """The policy is the destination's, whichever command pushes."""
    first = make_model(tmp_path / "one", "one")
    stage = str(tmp_path / "staging")
    approved = push(first, weigh(tmp_path / "e1", first), destination, promoted_from=stage, approved_by="Ada")
    refused = weigh_and_push(tmp_path, destination, "two", against="one")
    assert refused.record is None
    (gate,) = (gate for gate in refused.gates if gate.refuses)
    assert gate.name == "push.production.approved"
    assert "Ada approved what is in production" in gate.message
    assert "weighbridge run taxi --deliver-to STAGE" in gate.message
    assert read_record(destination) == approved.record
    assert weigh_and_push(tmp_path, destination, "one", against=None).already
    model = tmp_path / "two"
    promoted = push(model, weigh(tmp_path / "e2", model), destination, promoted_from=stage, approved_by="Grace")
    assert promoted.record
    assert promoted.record.approved_by == "Grace"
