"""`weighbridge verify` as its user sees it: a card that names what refuses, four exit codes, nothing heavy loaded."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, KINDS, Kind, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.components.pusher.mlflow_double import mlflow_double
from tests.hostile.conftest import assert_clear
from tests.keys import make_key
from tests.test_imports import HEAVY, loaded_after
from tests.weighbridge.attestation.pushed import POLICY, Keys, deliver, environment, evaluation, evidence_of
from weighbridge.common.digests import tree_digest
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_IDENTITY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.components.pusher import push
from weighbridge.runs import verification


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.made(tmp_path / "keys")


@pytest.fixture
def model(tmp_path: Path, workdir: Path, keys: Keys) -> Path:
    """Version 2 of pipeline `taxi`, signed, in the work directory."""
    assert workdir == tmp_path / "work"
    deliver(tmp_path, "one", keys)
    return deliver(tmp_path, "two", keys)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "gates.yaml"
    path.write_text(POLICY.model_dump_json(include={"quality", "latency"}, exclude_none=True))
    return path


def in_bucket(tmp_path: Path, kind: Kind, keys: Keys) -> str:
    made = make_model(tmp_path / "made", "one", 300)
    address = f"{kind.scheme}{BUCKET}/taxi"
    folder = evaluation(tmp_path / "weighed", made, "run-1", at=address)
    with environment(**{SIGNING_KEY_VARIABLE: str(keys.private)}):
        pushed = push(made, folder, address, statistics=make_statistics(tmp_path / "statistics"))
    assert pushed.record is not None, pushed.gates
    return address


@pytest.mark.parametrize("called", ["taxi", "taxi@2", "{0}", "{0}/", "{1}", "{1}@2", "{2}", "{3}"])
def test_a_model_is_verified_by_whatever_it_is_called(weighbridge, model: Path, keys: Keys, called: str) -> None:
    digest = json.loads((evidence_of(model) / "record.json").read_bytes())["model_digest"]
    text = called.format(model, model.parent, digest, digest[7:20])
    done = weighbridge("verify", text, "--key", str(keys.public), "--max-age", "30d", "--production", str(model.parent))
    assert done.code == 0, done.out + done.err
    first, second, *rest = done.out.splitlines()
    assert first == f"✓ VERIFIED  {model}"
    assert second.startswith("  taxi, run two, weighed ")
    assert second.endswith(f", signed by {keys.trust.keys[0].fingerprint[:12]}")
    assert all(line.startswith("✓ ") for line in rest)
    assert {line.split()[1] for line in rest} >= {
        "bytes",
        "statement",
        "signature",
        "verdict",
        "age",
        "replay",
        "record",
    }


def test_an_earlier_version_and_a_copy_anywhere_are_verified(
    weighbridge, model: Path, keys: Keys, tmp_path: Path
) -> None:
    key = ("--key", str(keys.public))
    assert weighbridge("verify", str(model.parent / "1"), *key).code == 0
    assert weighbridge("verify", "taxi@1", *key).code == 0
    copy = tmp_path / "elsewhere"
    shutil.copytree(model, copy / "model")
    shutil.copytree(evidence_of(model), copy / "evidence")
    assert weighbridge("verify", str(copy / "model"), *key, "--evidence", str(copy / "evidence")).code == 0
    alone = weighbridge("verify", str(copy / "model"), *key)
    assert alone.code == 1
    assert "no evidence lies beside it" in alone.out
    for name in ("attestations.intoto.jsonl", "model.sig"):
        shutil.copy(copy / "evidence" / name, copy / name)
    assert weighbridge("verify", str(copy / "model"), *key).code == 0
    shutil.rmtree(copy / "evidence")
    shutil.copytree(evidence_of(model), copy / ".weighbridge/model")
    assert weighbridge("verify", str(copy / "model"), *key).code == 0


def test_a_pipeline_s_name_is_no_folder_of_that_name(
    weighbridge, model: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(tmp_path / "here/taxi", "another")
    monkeypatch.chdir(tmp_path / "here")
    done = weighbridge("verify", "taxi", "--key", str(keys.public))
    assert done.code == 0, done.out + done.err
    assert done.out.startswith(f"✓ VERIFIED  {model}\n")


def test_the_card_names_what_refuses_and_what_to_do(weighbridge, model: Path, keys: Keys) -> None:
    (model / "saved_model.pb").write_bytes(b"other")
    (model / "more").write_bytes(b"more")
    done = weighbridge("verify", "taxi", "--key", str(keys.public), "--pipeline", "shop", "--production", "none")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == f"✗ REFUSED  {model}"
    assert any(line.startswith("✗ bytes") and "Changed: saved_model.pb. Added: more." in line for line in lines)
    assert any(line.startswith("✗ replay") and "is taxi, and not shop" in line for line in lines)
    assert any(line.startswith("✗ replay") and "nothing yet" in line for line in lines)
    assert lines[-1].startswith("✗ REFUSED by verify.bytes.equal, verify.pipeline.equal, verify.production.equal")


def test_json_is_one_document(weighbridge, model: Path, keys: Keys) -> None:
    told = json.loads(weighbridge("verify", "taxi", "--key", str(keys.public), "--json").out)
    assert (told["verified"], told["exit_code"], told["version"], told["run_id"]) == (True, 0, 2, "two")
    assert told["signed_by"] == keys.trust.keys[0].fingerprint
    assert {gate["status"] for gate in told["gates"]} == {"passed"}
    signature_of = evidence_of(model) / "attestations.intoto.jsonl"
    signature_of.write_bytes(signature_of.read_bytes()[:-40])
    done = weighbridge("verify", "taxi", "--key", str(keys.public), "--json")
    told = json.loads(done.out)
    assert (done.code, told["exit_code"], told["verified"], told["pipeline"]) == (1, 1, False, None)
    assert [gate["name"] for gate in told["gates"]] == ["verify.statement.readable"]


def test_thresholds_are_held_against_a_policy(weighbridge, model: Path, keys: Keys, policy: Path) -> None:
    asked = ("verify", "taxi", "--key", str(keys.public), "--policy", str(policy))
    done = weighbridge(*asked)
    assert done.code == 0, done.out
    assert "✓ policy" in done.out
    content = json.loads(policy.read_text())
    content["quality"]["metrics"]["auc"]["min"] = 0.85
    content["latency"]["batch_sizes"]["1"]["p50_ms"] = {"max": 5}
    policy.write_text(json.dumps(content))
    done = weighbridge(*asked)
    assert done.code == 1
    assert "quality.metrics.auc.min was 0.8 when the model was weighed, and the policy asks for 0.85" in done.out
    assert "latency.batch_sizes.1.p50_ms.max was nothing when" in done.out
    assert_clear(weighbridge("verify", "taxi", "--policy", str(policy.with_name("gone.yaml"))), "gone.yaml")


def test_unsigned_models_are_refused_unless_they_are_allowed(
    weighbridge, workdir: Path, tmp_path: Path, keys: Keys
) -> None:
    made = make_model(tmp_path / "made", "one")
    assert push(made, weigh(tmp_path / "weighed", made), workdir / "taxi/production").record
    done = weighbridge("verify", "taxi")
    assert done.code == 1
    assert "WEIGHBRIDGE_SIGNING_KEY" in done.out
    assert weighbridge("verify", "taxi", "--key", str(keys.public)).code == 1
    allowed = weighbridge("verify", "taxi", "--allow-unsigned")
    assert allowed.code == 0
    assert "! signature" in allowed.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nothing-there",), "nothing-there"),
        (("taxi@7",), "7"),
        (("gone/production/3",), "gone/production"),
        (("sha256:" + "0" * 64,), "0000"),
        (("taxi", "--key", "gone.pub"), "gone.pub"),
        (("taxi", "--max-age", "soon"), "soon"),
        (("taxi", "--max-age", "-3d"), "-3d"),
        (("taxi", "--policy", "gone.yaml"), "gone.yaml"),
        (("taxi", "--evidence", "gone"), "gone"),
        (("taxi", "--identity", "me@example.org"), "--issuer"),
        (("taxi", "--production", "gone"), "gone"),
        (("abfs://models/taxi",), "abfs"),
    ],
)
def test_what_is_not_there_is_a_usage_error(weighbridge, model: Path, keys: Keys, arguments, named: str) -> None:
    key = () if "--key" in arguments or "--identity" in arguments else ("--key", str(keys.public))
    assert_clear(weighbridge("verify", *arguments, *key), named)


def test_keys_come_from_the_environment(weighbridge, model: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, f"{keys.strange_public}:{keys.public}")
    assert weighbridge("verify", "taxi").code == 0
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(keys.strange_public))
    assert weighbridge("verify", "taxi").code == 1
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(keys.private))
    assert_clear(weighbridge("verify", "taxi"), "It holds a private key.")
    monkeypatch.delenv(VERIFY_KEY_VARIABLE)
    monkeypatch.setenv(VERIFY_IDENTITY_VARIABLE, "me@example.org")
    assert_clear(weighbridge("verify", "taxi"), "issuer")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
def test_a_bucket_is_downloaded_verified_and_left(
    weighbridge, tmp_path: Path, keys: Keys, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = double_of(kind, monkeypatch)
    address = in_bucket(tmp_path, kind, keys)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    asked = ("--key", str(keys.public), "--pipeline", "taxi")
    before = dict(store.contents)
    for text in (address, f"{address}/1", f"{address}@1"):
        done = weighbridge("verify", text, *asked)
        assert done.code == 0, done.out + done.err
        assert f"✓ VERIFIED  {address}/1" in done.out
    assert (store.contents, list(scratch.iterdir())) == (before, [])
    for name, content in before.items():
        if name.startswith(("taxi/1/", "taxi/.weighbridge/1/")) and not name.endswith(("claim.json", "/")):
            store.contents[name] = replace(content, data=content.data[:-1] + b"\0")
            changed = weighbridge("verify", f"{address}/1", *asked)
            assert changed.code == 1, name
            store.contents[name] = content
    assert weighbridge("verify", address, *asked).code == 0
    assert_clear(weighbridge("verify", f"{address}@9", *asked), "9")
    assert_clear(weighbridge("verify", f"{kind.scheme}{BUCKET}/shop", *asked), "shop")


def test_a_model_in_mlflow_s_registry_is_verified(
    weighbridge, tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = mlflow_double(monkeypatch)
    digest = ""
    for name in ("one", "two"):
        made = make_model(tmp_path / f"made-{name}", name, 300)
        folder = evaluation(tmp_path / f"weighed-{name}", made, name, production=digest, at="models:/taxi@champion")
        with environment(**{SIGNING_KEY_VARIABLE: str(keys.private)}):
            pushed = push(made, folder, "models:/taxi", statistics=make_statistics(tmp_path / f"statistics-{name}"))
        assert pushed.record is not None, pushed.gates
        digest = tree_digest(made)
    key = ("--key", str(keys.public), "--pipeline", "taxi")
    for text in ("models:/taxi", "models:/taxi@champion", "models:/taxi/2", "models:/taxi/1"):
        done = weighbridge("verify", text, *key)
        assert done.code == 0, (text, done.out, done.err)
    assert double.models["taxi"].aliases == {"champion": "2"}
    assert weighbridge("verify", "models:/taxi", *key, "--production", "models:/taxi").code == 0
    assert weighbridge("verify", "models:/taxi", *key, "--production", "none").code == 1
    assert weighbridge("verify", "models:/shop", *key).code == 2


def test_a_store_that_fails_at_any_request_is_said_to_be_out_of_reach(
    weighbridge, tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = double_of(GCS, monkeypatch)
    address = in_bucket(tmp_path, GCS, keys)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    store.requests.clear()
    assert weighbridge("verify", address, "--key", str(keys.public)).code == 0
    count = len(store.requests)
    assert count > 10
    for last in range(count):
        store.requests.clear()

        def stop(request: str, last: int = last) -> None:
            if len(store.requests) > last:
                raise store.unavailable("gone")

        store.before = stop
        done = weighbridge("verify", address, "--key", str(keys.public), "--json")
        assert done.code == 3, (last, done.out)
        assert "Traceback" not in done.err
        assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
def test_what_is_verified_is_put_where_a_server_starts(
    weighbridge, model: Path, keys: Keys, tmp_path: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "models/taxi/1"
    if there:
        output.mkdir(parents=True)
    asked = ("verify", "taxi", "--key", str(keys.public), "--output", str(output))
    monkeypatch.setattr(verification, "copy_tree", lambda source, target: make_model(Path(target), "another"))
    changed = weighbridge(*asked)
    assert changed.code == 1
    assert "verify.bytes.copied" in changed.out
    assert not output.exists() or not any(output.iterdir())
    monkeypatch.undo()
    done = weighbridge(*asked)
    assert done.code == 0, done.out + done.err
    assert tree_digest(output) == tree_digest(model)
    assert [path.name for path in output.parent.iterdir()] == ["1"]
    assert_clear(weighbridge(*asked), "is there already")
    (model / "saved_model.pb").write_bytes(b"other")
    refused = weighbridge(*asked[:-1], str(tmp_path / "other"))
    assert (refused.code, (tmp_path / "other").exists()) == (1, False)


def test_a_stage_s_model_is_verified_by_its_pipeline(weighbridge, workdir: Path, tmp_path: Path, keys: Keys) -> None:
    deliver(tmp_path, "one", keys, destination=workdir / "taxi/staging")
    asked = ("verify", "taxi", "--key", str(keys.public), "--stage")
    done = weighbridge(*asked, "staging")
    assert done.code == 0, done.out + done.err
    assert_clear(weighbridge(*asked, "production"), "Nothing was ever pushed")
    assert_clear(weighbridge(*asked, "stagin"), "staging")
    shop = weighbridge(*asked, "staging", "--pipeline", "shop")
    assert "verify.pipeline.equal" in shop.out


def test_what_is_said_reaches_no_terminal_raw(weighbridge, tmp_path: Path, workdir: Path) -> None:
    made = make_model(tmp_path / "made", "one")
    folder = weigh(tmp_path / "weighed", made, run_id="\x1b]0;owned\x07\u202e")
    assert push(made, folder, workdir / "taxi/production").record
    for more in ((), ("--json",)):
        told = weighbridge("verify", "taxi", "--allow-unsigned", *more)
        assert "\x1b]0" not in told.out + told.err
        assert "\u202e" not in told.out + told.err


def test_verify_loads_nothing_heavy(model: Path, keys: Keys) -> None:
    code = f"""
sys.argv = ["weighbridge", "verify", {str(model)!r}, "--key", {str(keys.public)!r}, "--production", "none"]
from weighbridge.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert stopped.code == 1, stopped.code
"""
    assert not loaded_after(code) & (HEAVY | {"rich.console", "sigstore", "google.cloud.storage", "mlflow"})


def test_a_key_made_by_openssl_as_the_hints_say(weighbridge, workdir: Path, tmp_path: Path) -> None:
    from weighbridge.attestation.keys import MAKE_KEY

    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    subprocess.run(MAKE_KEY, shell=True, check=True, cwd=tmp_path, capture_output=True)
    made = make_model(tmp_path / "made", "one")
    with environment(**{SIGNING_KEY_VARIABLE: str(tmp_path / "signing.key")}):
        assert push(made, weigh(tmp_path / "weighed", made), workdir / "taxi/production").record
    assert weighbridge("verify", "taxi", "--key", str(tmp_path / "signing.pub")).code == 0
    _, other = make_key(tmp_path / "other")
    assert weighbridge("verify", "taxi", "--key", str(other)).code == 1
