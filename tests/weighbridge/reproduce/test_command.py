"""`weighbridge reproduce` as people call it, on versions that were never trained: nothing of it may start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.command_line import ROOT, Result
from tests.weighbridge.reproduce import tumours
from tests.weighbridge.reproduce.pushed import inputs, push, training
from weighbridge.evidence.provenance import Origin

PARAMETERS = {"data": "data/span-{SPAN}/rows.csv", "span": "latest", "seed": 20}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's repository with one pushed version in its work directory."""
    repository = tmp_path / "repository"
    tumours.write(repository)
    tumours.write_span(repository, 1)
    push(production(repository), data_of(repository), origin_of(repository))
    return repository


def production(repository: Path) -> Path:
    return repository / "work/tumours/production"


def data_of(repository: Path):
    [data] = inputs(repository / "data/span-1/rows.csv")
    [file] = data.files
    return [data.model_copy(update={"files": [file.model_copy(update={"path": "data/span-1/rows.csv"})]})]


def origin_of(repository: Path, **changed: str) -> Origin:
    commit = tumours.git(repository, "rev-parse", "HEAD")
    found = {"module": "tumours.pipeline", "parameters": PARAMETERS, "commit": commit, "folder": "tumours"}
    return Origin(**found | changed)


def call(repository: Path, *arguments: str) -> Result:
    command = [sys.executable, "-m", "weighbridge", "reproduce", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    environment.pop("WEIGHBRIDGE_WORKDIR", None)
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def test_a_flipped_byte_of_the_data_is_named_before_anything_starts(repository):
    path = repository / "data/span-1/rows.csv"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    done = call(repository, "tumours")
    assert done.code == 2
    assert "data/span-1/rows.csv was changed: its SHA-256 is" in done.err
    assert "ExampleGen" not in done.err + done.out
    assert sorted(path.name for path in (repository / "work/tumours").iterdir()) == ["production"]


def test_data_that_are_gone_are_looked_for_where_they_are_said_to_be(repository, tmp_path):
    (repository / "data").rename(tmp_path / "archive")
    assert "data/span-1/rows.csv is not there" in call(repository, "tumours").err
    done = call(repository, "tumours", "--data", str(tmp_path / "nowhere"))
    assert (done.code, f"{tmp_path}/nowhere/span-1/rows.csv is not there" in done.err) == (2, True)


def test_a_commit_that_is_gone_is_said_before_anything_starts(repository, tmp_path):
    other = tmp_path / "other"
    push(other, data_of(repository), origin_of(repository, commit="0" * 40))
    done = call(repository, str(other))
    assert (done.code, f"The model's code is commit {'0' * 40}, which is not in" in done.err) == (2, True)


def test_changes_that_were_never_committed_are_said(repository, tmp_path):
    other = tmp_path / "other"
    push(other, data_of(repository), origin_of(repository, changes="sha256:0123456789abcdef"))
    done = call(repository, str(other))
    assert (done.code, "never committed" in done.err) == (2, True)


def test_a_start_that_is_not_kept_any_more_is_said(repository, tmp_path):
    other = tmp_path / "other"
    push(other, data_of(repository), origin_of(repository), training=training(warm_start=f"sha256:{'1' * 64}"))
    done = call(repository, str(other))
    assert done.code == 2
    assert f"The training started from the model sha256:{'1' * 64}, which is not kept in {other} any more" in done.err


@pytest.mark.parametrize(
    ("origin", "trained", "said"),
    [(False, True, "does not say which pipeline and code made it"), (True, False, "does not say how it was trained")],
)
def test_a_version_that_does_not_say_how_it_was_made(origin, trained, said, repository, tmp_path):
    other = tmp_path / "other"
    push(
        other,
        data_of(repository),
        origin_of(repository) if origin else None,
        **({} if trained else {"training": None}),
    )
    done = call(repository, str(other))
    assert (done.code, said in done.err) == (2, True)
    (other / ".weighbridge/1/attestations.intoto.jsonl").unlink()
    assert "it was pushed without its provenance" in call(repository, str(other)).err


def test_a_pushed_model_that_was_changed_is_no_model_to_compare_with(repository):
    (production(repository) / "1/saved_model.pb").write_bytes(b"another graph")
    done = call(repository, "tumours")
    assert (done.code, "was changed: its digest is" in done.err) == (2, True)


def test_a_statement_of_another_verdict_is_not_followed(repository, tmp_path):
    other = tmp_path / "other"
    push(other, data_of(repository), origin_of(repository), pipeline="wines")
    name = ".weighbridge/1/attestations.intoto.jsonl"
    (production(repository) / name).write_bytes((other / name).read_bytes())
    done = call(repository, "tumours")
    assert (done.code, "speaks of another verdict" in done.err) == (2, True)


def test_where_keys_are_trusted_a_statement_must_be_signed(repository, monkeypatch, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", str(tmp_path / "key.pem"))
    done = call(repository, "tumours")
    assert (done.code, "is not to be believed: nobody signed it" in done.err) == (2, True)


def test_where_to_keep_it_must_be_free(repository):
    done = call(repository, "tumours", "--keep", "data")
    assert (done.code, "--keep data is there already" in done.err) == (2, True)


def test_what_was_never_pushed_is_said(repository):
    done = call(repository, "wines")
    assert (done.code, "There is no pushed model 'wines'" in done.err) == (2, True)


def test_the_outcome_is_shown(monkeypatch, capsys):
    from weighbridge.cli.reproduce import _document, _print
    from weighbridge.reproduce.result import FileComparison, MetricComparison, Reproduction, VariableComparison

    found = Reproduction(
        model="work/tumours/production/1",
        pipeline="tumours",
        run_id="r1",
        code="commit 0123",
        data="1 file",
        libraries="as installed",
        seed=20,
        pushed="sha256:" + "a" * 64,
        made_again="sha256:" + "b" * 64,
        files=(FileComparison(path="saved_model.pb", pushed="sha256:" + "1" * 64, made_again=""),),
        variables=tuple(
            VariableComparison(name=f"w{number}", shape=(2, 3), values=4, largest=0.25, relative=0.5)
            for number in range(25)
        ),
        metrics=(
            MetricComparison(gate="quality.auc.min", pushed=0.9, low=0.8, high=None, made_again=0.7, inside=False),
        ),
        notes=("another processor",),
        folder="/kept",
    )
    _print(found)
    shown = capsys.readouterr().out
    for part in (
        "note: another processor",
        "✗ NOT IDENTICAL work/tumours/production/1 · a metric leaves its interval",
        "111111111111  not there",
        "w0        2×3    4                   0.25        0.5",
        "5 more variables differ: --json lists all.",
        "✗  quality.auc.min  0.9     0.8 to –  0.7",
        "kept: /kept",
    ):
        assert part in shown, shown
    document = json.loads(json.dumps(_document(found)))
    assert (document["exit_code"], document["state"], document["within_intervals"]) == (1, "beyond_intervals", False)
    assert len(document["variables"]) == 25
