"""The ledger of attempts: each candidate has one number, whoever counts at once, and whatever kills them."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count as counting
from pathlib import Path

import pytest

from tests.components.pusher.processes import _Killer, exit_code
from tests.weighbridge.shared import KINDS, Delivered, name_of
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.ledger import LEDGER_FOLDER, Attempt, Entry, count, read_ledger
from weighbridge.storage.place import FolderPlace, Place

pytestmark = pytest.mark.forks

DATA = f"sha256:{'d' * 64}"
FOLDER = f"{LEDGER_FOLDER}/{'d' * 64}"


@pytest.fixture(params=KINDS, ids=name_of)
def place(request, tmp_path, monkeypatch) -> Place:
    folder = tmp_path / "machines"
    folder.mkdir()
    return Delivered(request.param, folder, monkeypatch).machines.place("production")


def candidate(model: int, recipe: int | None = None, data: str = DATA) -> Entry:
    return Entry(
        number=1,
        data=data,
        model=f"sha256:{model:064x}",
        recipe="" if recipe is None else f"sha256:{recipe:064x}",
        pipeline="taxi",
        run_id=f"run-{model}",
        counted_at=datetime.now(UTC),
    )


def test_candidates_are_numbered_in_turn_and_keep_their_number(place: Place) -> None:
    assert read_ledger(place, DATA) == []
    assert [count(place, candidate(model), writes=True).number for model in (7, 8, 7, 9, 8)] == [1, 2, 1, 3, 2]
    assert [(each.number, each.run_id) for each in read_ledger(place, DATA)] == [
        (1, "run-7"),
        (2, "run-8"),
        (3, "run-9"),
    ]
    assert count(place, candidate(8, data=f"sha256:{'e' * 64}"), writes=True).number == 1


def test_other_bytes_of_what_must_come_out_the_same_are_the_same_attempt(place: Place) -> None:
    assert count(place, candidate(1, recipe=5), writes=True).number == 1
    assert count(place, candidate(2, recipe=5), writes=True).number == 1
    assert count(place, candidate(2), writes=True).number == 2  # trained so that nothing says it comes out the same


def test_a_rehearsal_is_told_its_number_and_leaves_everything_as_it_was(place: Place) -> None:
    assert count(place, candidate(1), writes=False) == Attempt(1, written=False)
    assert place.listed("") == {}
    count(place, candidate(1), writes=True)
    before = place.listed("")
    assert count(place, candidate(1), writes=False) == Attempt(1, written=True)
    assert count(place, candidate(2), writes=False) == Attempt(2, written=False)
    assert place.listed("") == before


def test_of_many_at_once_each_candidate_gets_a_number_of_its_own(tmp_path: Path) -> None:
    models = [number % 6 for number in range(24)]  # each comes four times

    def work(model: int) -> int:
        return count(FolderPlace(tmp_path), candidate(model), writes=True).number

    with ThreadPoolExecutor(12) as pool:
        numbers = list(pool.map(work, models))
    assert {model: {n for m, n in zip(models, numbers, strict=True) if m == model} for model in range(6)} == {
        model: {numbers[model]} for model in range(6)
    }
    assert sorted(numbers[:6]) == [1, 2, 3, 4, 5, 6]
    assert len(read_ledger(FolderPlace(tmp_path), DATA)) == 6


def test_one_that_is_killed_anywhere_leaves_a_ledger_that_counts_on(tmp_path: Path) -> None:
    for step in counting(1):
        place = FolderPlace(tmp_path / str(step))
        count(place, candidate(1), writes=True)

        def work(step: int = step, place: FolderPlace = place) -> None:
            sys.addaudithook(_Killer(step, str(place.root)))
            count(place, candidate(2), writes=True)

        code = exit_code(work)
        assert code in (0, -signal.SIGKILL)
        assert count(place, candidate(2), writes=True).number == 2
        assert count(place, candidate(3), writes=True).number == 3
        if code == 0:
            break
    assert step > 5


def changed(path: Path) -> None:
    path.write_text(path.read_text().replace("taxi", "tax1"))


def resealed(path: Path) -> None:
    """As somebody would who knows how entries are made."""
    entry = Entry.model_validate_json(path.read_bytes())
    path.write_bytes(entry.model_copy(update={"run_id": "run-5"}).sealed().to_bytes())


def no_json(path: Path) -> None:
    path.write_bytes(b"\0" * 10)


def without_a_key(path: Path) -> None:
    entry = json.loads(path.read_text())
    del entry["model"]
    path.write_text(json.dumps(entry))


def of_another(path: Path) -> None:
    path.write_bytes(path.with_name("1.json").read_bytes())


@pytest.mark.parametrize(
    ("breaks", "entry", "reason"),
    [
        (changed, 2, "2.json: it was changed since it was written"),
        (changed, 3, "3.json: it was changed since it was written"),
        (resealed, 2, "3.json: the attempt before it is another than when it was written"),
        (no_json, 2, "2.json: the file: Invalid JSON"),
        (without_a_key, 3, "3.json: model: Field required"),
        (of_another, 2, "2.json: it is of attempt 1"),
        (Path.unlink, 2, "2.json: it is gone, but later ones are there"),
        (Path.unlink, 1, "1.json: it is gone, but later ones are there"),
    ],
)
def test_a_broken_entry_stops_the_count_and_says_what_to_run(breaks, entry: int, reason: str, tmp_path: Path) -> None:
    place = FolderPlace(tmp_path / "my models")
    for model in (1, 2, 3):
        count(place, candidate(model), writes=True)
    path = place.root / FOLDER / f"{entry}.json"
    breaks(path)
    for writes in (True, False):
        with pytest.raises(UsageError) as caught:
            count(place, candidate(4), writes=writes)
        assert reason in caught.value.message
    command = caught.value.hint.partition("again: ")[2]
    assert command.startswith("mv '")
    assert os.system(command) == 0
    assert count(place, candidate(4), writes=True).number == 1


@pytest.mark.parametrize("kind", KINDS[1:], ids=name_of)
def test_the_command_is_that_of_the_store(kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "machines"
    folder.mkdir()
    place = Delivered(kind, folder, monkeypatch).machines.place("production")
    place.write(f"{FOLDER}/1.json", b"{}")
    with pytest.raises(UsageError) as caught:
        count(place, candidate(1), writes=True)
    tool = {"gs://": "gcloud storage mv gs://", "s3://": "aws s3 mv --recursive s3://"}[kind.scheme]
    assert tool in caught.value.hint
    assert caught.value.hint.endswith(f"{FOLDER}.broken")


def test_what_others_put_beside_the_entries_is_none(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path)
    count(place, candidate(1), writes=True)
    (tmp_path / FOLDER / ".staged-0123456789ab").write_text("half of one")
    (tmp_path / FOLDER / "notes.txt").write_text("of a person")
    assert count(place, candidate(2), writes=True).number == 2
