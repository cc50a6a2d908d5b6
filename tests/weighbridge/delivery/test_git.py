"""The way to production where that is what a configuration repository says: a promotion is a commit, or proposed."""

from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository, isolate
from tests.weighbridge.delivery.test_promote import SHOP, TO_CANARY, TO_PRODUCTION
from weighbridge.components.production_model.standing import read_record


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigRepository:
    isolate(monkeypatch, tmp_path)
    repository = ConfigRepository(tmp_path / "config.git", folder="shop")
    repository.settings(tmp_path / "production-models")
    return repository


@pytest.fixture
def places(tmp_path: Path, config: ConfigRepository) -> Path:
    path = tmp_path / "places.yaml"
    path.write_text(f"production: {config.address}\n")
    return path


def test_a_promotion_is_a_commit_with_who_approved_it(weighbridge, shop, config, places):
    for command in (TO_CANARY, TO_PRODUCTION):
        done = weighbridge(*command, "--destinations", places)
        assert done.code == 0, done.out + done.err
        assert "has this model already" in weighbridge(*command, "--destinations", places).out
    assert f"model: version 1 in {config.address}" in done.out.replace("\n", "")
    record = read_record(config.address)
    assert (record.approved_by, record.promoted_from) == ("Ada", str(shop.home / "canary"))
    assert len(config.messages()) == 2
    assert config.messages()[0].startswith("Deliver shop version 1\n\n1 gate passed.\n- quality.auc 0.9 (≥ 0.5)\n")
    assert "Approved-by: Ada\n" in f"{config.messages()[0]}\n"
    told = weighbridge("production", SHOP, "--destinations", places)
    assert "version 1, whole" in told.out


def test_a_promotion_is_proposed_where_the_repository_asks_for_that(weighbridge, shop, config, places, tmp_path):
    config.settings(tmp_path / "production-models", changes="pull_request")
    weighbridge(*TO_CANARY, "--destinations", places)
    done = weighbridge(*TO_PRODUCTION, "--destinations", places)
    assert done.code == 0, done.out + done.err
    assert "version 1 is proposed, and in production when this is merged:" in done.out
    assert read_record(config.address) is None
    again = weighbridge(*TO_PRODUCTION, "--destinations", places)
    assert "is proposed" in again.out
    config.run("update-ref", "refs/heads/main", "refs/heads/weighbridge/shop-1")
    assert "has this model already" in weighbridge(*TO_PRODUCTION, "--destinations", places).out


def test_a_protected_branch_fails_the_promotion_and_production_is_as_it_was(weighbridge, shop, config, places):
    config.hook("pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")
    weighbridge(*TO_CANARY, "--destinations", places)
    done = weighbridge(*TO_PRODUCTION, "--destinations", places)
    assert done.code == 2
    assert "takes no push to main" in done.err
    assert "changes: pull_request" in done.err
    assert "and not in production: no commit says so" in done.out + done.err
    assert read_record(config.address) is None
