"""Commands on a configuration repository, as their user sees them: production is what it says."""

import json
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository, isolate
from tests.weighbridge.cli.test_rollback import live_bytes, push_model, push_models
from weighbridge.components.production_model.standing import read_record


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigRepository:
    isolate(monkeypatch, tmp_path)
    repository = ConfigRepository(tmp_path / "config.git")
    repository.settings(tmp_path / "models")
    return repository


def test_a_rollback_is_one_commit_and_what_is_rolled_back_from_stays_away(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "ab")
    done = weighbridge("rollback", "taxi", "--destination", config.address, "--reason", "p99 doubled")
    assert done.code == 0, done.out + done.err
    assert live_bytes(config.address) == b"a"
    assert config.messages()[0].startswith("Roll taxi back to version 1, as version 3\n\np99 doubled\n")
    assert len(config.messages()) == 4
    told = json.loads(weighbridge("production", "taxi", "--destination", config.address, "--json").out)
    assert (told["live"]["version"], told["whole"], told["problems"]) == (3, True, [])
    assert [each["record"]["version"] for each in told["history"]] == [3, 2, 1]
    refused = push_model(tmp_path, "b", config.address, run_id="again")
    assert [gate.name for gate in refused.gates if gate.refuses] == ["push.production.rolled_back"]


def test_a_revert_in_git_is_production_at_once(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "ab")
    config.commit({"taxi/production.json": config.run("show", "main^:taxi/production.json").encode()}, "Revert")
    told = weighbridge("production", "taxi", "--destination", config.address)
    assert told.code == 0, told.out + told.err
    assert "taxi: version 1, whole" in told.out


def test_a_version_that_was_never_named_is_none_of_production_s(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "a")
    push_models(tmp_path, str(tmp_path / "models"), "b")  # proposed, or a canary that was turned down
    told = json.loads(weighbridge("production", "taxi", "--destination", config.address, "--json").out)
    assert [each["record"]["version"] for each in told["history"]] == [1]
    assert (told["live"]["version"], told["problems"]) == (1, [])
    commit, other = told["notes"]
    assert commit == f"So says commit {config.head()[:12]} of {config.address}."
    assert other.startswith(f"{tmp_path / 'models' / '2'} is not in production: proposed")


def test_a_model_is_verified_and_its_past_is_told_by_the_repository_s_address(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "ab")
    for name in (config.address, f"{config.address}@1"):
        done = weighbridge("verify", name, "--allow-unsigned")
        assert done.code == 0, done.out + done.err
    done = weighbridge("lineage", config.address)
    assert done.code == 0, done.out + done.err
    assert config.address in done.out.replace("\n", "")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("git+file:///none.git//taxi", "There is no repository file:///none.git"),
        ("git+https://jane:hunter2@host/c.git//taxi", "holds credentials"),
        ("git+https://host/c.git/taxi", "two slashes must stand before it"),
    ],
)
def test_a_wrong_address_is_a_usage_error_that_says_what_to_do(weighbridge, config, address, says):
    done = weighbridge("production", "taxi", "--destination", address)
    assert done.code == 2
    assert says in " ".join(done.err.split())
    assert "hunter2" not in done.out + done.err


def test_bytes_that_were_changed_where_models_lie_show_in_production(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "a")
    (tmp_path / "models/1/saved_model.pb").write_text("changed")
    done = weighbridge("production", "taxi", "--destination", config.address)
    assert done.code == 2, done.out + done.err
    assert "The model in production was changed" in done.out + done.err
    assert read_record(config.address).version == 1


def test_a_repository_is_neither_a_store_nor_a_file_of_destinations(weighbridge, config):
    done = weighbridge("production", "taxi", "--store", config.address)
    assert done.code == 2
    assert "is a Git repository, which says what is in production" in done.err
    done = weighbridge("production", "taxi", "--destinations", config.address)
    assert done.code == 2
    assert "no file that maps stages to destinations" in done.err


def test_a_rollback_may_be_a_commit_where_pushes_are_proposed(weighbridge, config, tmp_path):
    push_models(tmp_path, config.address, "ab")
    config.settings(tmp_path / "models", changes="pull_request")
    proposed = weighbridge("rollback", "taxi", "--destination", config.address)
    assert proposed.code == 0, proposed.out + proposed.err
    assert "version 3 is proposed, and in production when this is merged:" in proposed.out
    assert live_bytes(config.address) == b"b"
    config.settings(tmp_path / "models", changes="pull_request", more="rollbacks: commit\n")
    done = weighbridge("rollback", "taxi", "--destination", config.address)
    assert done.code == 0, done.out + done.err
    assert live_bytes(config.address) == b"a"
    # Version 3 is the other rollback's, which says who asked for it and waits for its merge.
    assert config.messages()[0].startswith("Roll taxi back to version 1, as version 4")
