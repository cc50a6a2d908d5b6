"""The blast radius: which models data, a span or a commit touched, and where these are now."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weighbridge.lineage.family import SPANS, digest, family, span_file, weighing
from weighbridge.evidence.provenance import DataOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.lineage.checked import check_files
from weighbridge.lineage.models import Catalogue, Weighing
from weighbridge.lineage.origins import origins_of
from weighbridge.lineage.subjects import Subject, commit_subject, data_subject, span_subject
from weighbridge.lineage.touched import Touched, touched_by
from weighbridge.storage import inputs


def names(found: Touched) -> dict[str, str]:
    """The touched models by name, and how each was touched."""
    return {each.model.digest.removeprefix("sha256:")[0]: each.how for each in found.touched}


def span(number: int) -> Subject:
    found = span_subject(f"span:{number}")
    assert found is not None
    return found


def test_a_bad_span_is_followed_to_what_is_in_production_now() -> None:
    found = touched_by(span(17), family())
    assert names(found) == {"c": "trained_on", "d": "trained_on", "e": "warm_start"}
    assert [each.via for each in found.touched] == ["", "", digest("c")]
    assert [(place.version, place.stage) for place in found.in_production] == [(4, "production")]
    assert found.never_pushed == [digest("d")]
    assert [model.digest for model in found.compared] == [digest("f")]  # weighed against e, which was touched
    assert [model.digest for model in found.unrecorded] == [digest("a")]
    assert found.files == [span_file(17)]


def test_a_span_counts_in_every_window_that_reaches_back_to_it() -> None:
    assert names(touched_by(span(16), family())) == {"b": "trained_on", "c": "trained_on", "e": "warm_start"}
    assert names(touched_by(span(20), family())) == {"f": "trained_on"}
    assert names(touched_by(span(99), family())) == {}


def test_a_day_is_the_span_of_that_day() -> None:
    day = span_subject("2026-11-23")
    assert day is not None
    assert (day.span, day.told) == (20780, "span 20780 (2026-11-23)")
    assert span_subject("span:2026-11-23") == Subject("span", "span:2026-11-23", day.told, span=20780)
    assert span_subject("2026-13-01") is span_subject("taxi") is span_subject("17") is span_subject("span:x") is None


@pytest.mark.parametrize("asked", ["1" * 40, "1" * 7, f"commit:{'1' * 12}"])
def test_a_commit_is_followed_by_its_id_or_the_beginning_of_it(asked: str) -> None:
    subject = commit_subject(asked)
    assert subject is not None
    assert names(touched_by(subject, family())) == {"b": "made_by", "c": "made_by", "e": "warm_start"}


@pytest.mark.parametrize(
    "asked",
    [
        "/data/day-17.csv",
        "day-17.csv",
        "day-17.*",
        "/data/*-17.csv",
        "data:day-17.csv",
        span_file(17).sha256,
        span_file(17).sha256[:20],
        f"data:{span_file(17).sha256}",
    ],
)
def test_data_are_known_by_path_name_glob_or_bytes(asked: str) -> None:
    assert names(touched_by(data_subject(asked), family())) == {
        "c": "trained_on",
        "d": "trained_on",
        "e": "warm_start",
    }


def test_data_are_known_by_folder_rows_and_inputs() -> None:
    assert set(names(touched_by(data_subject("/data"), family()))) == set("bcdef")
    assert names(touched_by(data_subject(digest("2d")), family())) == {"d": "trained_on"}
    assert names(touched_by(data_subject(digest("1f")), family())) == {"f": "trained_on"}
    assert names(touched_by(data_subject("/dat"), family())) == {}


def test_the_same_bytes_elsewhere_are_the_same_data(tmp_path: Path) -> None:
    path = tmp_path / "copy.csv"
    found = touched_by(data_subject(str(path), lambda _: span_file(20).sha256), family())
    assert names(found) == {"f": "trained_on"}


def test_other_bytes_of_the_same_file_are_told_apart() -> None:
    catalogue = family()
    other = InputFile(path="/data/day-17.csv", bytes=9, sha256=digest("bad"), span=17)
    given = weighing("f").provenance
    assert given is not None
    changed = given.model_copy(update={"data": [DataOrigin(span=17, files=[other])], "run_id": "run-g"})
    catalogue.add_weighing(digest("9"), Weighing(pipeline="taxi", run_id="run-g", outcome="passed", provenance=changed))
    assert touched_by(span(17), catalogue).files == sorted([span_file(17), other], key=lambda each: each.sha256)
    assert "9" in names(touched_by(data_subject(other.sha256), catalogue))
    assert "c" not in names(touched_by(data_subject(other.sha256), catalogue))


def test_what_a_release_recorded_in_part_may_have_been_touched() -> None:
    """Earlier releases told the newest span of a window alone."""
    catalogue = Catalogue()
    files = [InputFile(path=f"/data/day-{number}.csv", bytes=1, sha256=digest(str(number))) for number in (16, 17)]
    old = Weighing(pipeline="taxi", run_id="run-1", examples=[DataOrigin(span=17, files=files)])
    catalogue.add_weighing(digest("9"), old)
    assert names(touched_by(span(17), catalogue)) == {"9": "trained_on"}
    assert [model.digest for model in touched_by(span(16), catalogue).unrecorded] == [digest("9")]
    assert touched_by(span(18), catalogue).unrecorded == []


def test_what_was_trained_behind_a_step_that_tells_of_no_files_may_have_been_touched() -> None:
    """As behind stock Transform."""
    given = weighing("c").provenance
    assert given is not None
    catalogue = Catalogue()
    silent = weighing("c").model_copy(update={"provenance": given.model_copy(update={"data": [DataOrigin()]})})
    catalogue.add_weighing(digest("c"), silent)
    for subject in (span(17), data_subject("day-17.csv")):
        assert [model.digest for model in touched_by(subject, catalogue).unrecorded] == [digest("c")]
    told = silent.model_copy(update={"examples": given.data})  # the run's own ExampleGen told it
    catalogue.add_weighing(digest("c"), told.model_copy(update={"run_id": "run-again"}))
    assert names(touched_by(span(17), catalogue)) == {"c": "trained_on"}


def test_what_started_from_an_unknown_model_may_have_been_touched() -> None:
    catalogue = Catalogue()
    for name in "ef":
        catalogue.add_weighing(digest(name), weighing(name))
    assert [model.digest for model in touched_by(span(17), catalogue).unrecorded] == [digest("e")]
    catalogue.add_weighing(digest("c"), weighing("c").model_copy(update={"provenance": None}))
    assert [model.digest for model in touched_by(span(17), catalogue).unrecorded] == [digest("c"), digest("e")]


def test_models_that_were_weighed_again_are_one() -> None:
    """As where thresholds were loosened: refused first, passed then, and the model is the same."""
    catalogue = family()
    again = weighing("d").model_copy(update={"run_id": "run-d2", "outcome": "passed"})
    catalogue.add_weighing(digest("d"), again)
    found = touched_by(span(17), catalogue)
    assert found.never_pushed == []
    assert catalogue.model(digest("d")).run_id == "run-d2"


@given(st.sets(st.sampled_from(sorted(SPANS)[1:])), st.integers(15, 20))
def test_a_touched_model_never_goes_missing(left_out: set[str], number: int) -> None:
    """However few of the others are known: whatever has the span in its data, or started from such a one, is told."""
    catalogue = Catalogue()
    for name in set(SPANS) - left_out:
        catalogue.add_weighing(digest(name), weighing(name))
    found = touched_by(span(number), catalogue)
    expected = {name for name in set(SPANS) - left_out if number in SPANS[name]}
    expected |= {"e"} if "c" in expected and "e" not in left_out else set()
    assert set(names(found)) == expected


def test_a_model_is_followed_to_all_that_it_depends_on() -> None:
    found = origins_of(digest("e"), family(), "taxi")
    assert [model.digest for model in found.models] == [digest(name) for name in "ecba"]
    assert [(how, model.digest) for how, model in found.parents(digest("e"))] == [
        ("warm_start", digest("c")),
        ("production", digest("c")),
    ]
    assert found.unrecorded == [digest("a")]
    assert found.model_dump(mode="json")["models"][0]["data"][0]["files"][0]["path"] == "/data/day-18.csv"


def test_a_model_that_nothing_is_known_of_is_told_too() -> None:
    found = origins_of(digest("0"), family())
    assert (found.unrecorded, found.model.missing) == ([digest("0")], "nothing that is known of here weighed it")


def test_models_that_name_each_other_end() -> None:
    catalogue = Catalogue()
    for name, parent in (("b", "c"), ("c", "b")):
        given = weighing(name).provenance
        assert given is not None
        circle = given.model_copy(update={"parents": {"warm_start": digest(parent)}})
        catalogue.add_weighing(digest(name), Weighing(pipeline="taxi", run_id=name, provenance=circle))
    assert len(origins_of(digest("b"), catalogue).models) == 2
    assert len(touched_by(span(16), catalogue).touched) == 2


def test_files_are_held_against_what_was_used(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("same", "changed", "gone")}
    for name in ("same", "changed"):
        paths[name].write_text(name)
    files = [
        InputFile(path=str(path), bytes=1, sha256=inputs.digest(str(path)) if path.exists() else digest("0"))
        for path in paths.values()
    ]
    paths["changed"].write_text("other!")
    copies = {files[1].sha256: tmp_path / "copy", files[0].sha256: tmp_path / "needless"}
    found = check_files(files, copies.get)
    assert [each.state for each in found] == ["same", "changed", "gone"]
    assert found[1].now == inputs.digest(str(paths["changed"]))
    assert [each.kept for each in found] == ["", str(tmp_path / "copy"), ""]


@pytest.mark.parametrize("asked", ["trips.csv", "trips.csv.dvc", "/r/trips.csv.dvc", f"data:{'ab' * 16}", "/r"])
def test_what_was_read_from_the_cache_of_dvc_is_known_by_its_own_name(asked: str) -> None:
    md5 = "ab" * 16
    cached = InputFile(path=f"/cache/files/md5/ab/{md5[2:]}", bytes=1, sha256=digest("9"))
    catalogue = Catalogue()
    origin = DataOrigin(files=[cached], dvc={"/r/trips.csv": md5})
    catalogue.add_weighing(digest("c"), Weighing(pipeline="taxi", run_id="run-c", examples=[origin]))
    assert names(touched_by(data_subject(asked), catalogue)) == {"c": "trained_on"}
