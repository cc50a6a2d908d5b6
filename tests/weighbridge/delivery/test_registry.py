"""The way to production by aliases of one registered model of MLflow, on a double of MLflow's client."""

import json

from tests.components.pusher.mlflow_double import mlflow_double
from tests.weighbridge.delivery.test_promote import SHOP, TO_CANARY, TO_PRODUCTION
from weighbridge.components.production_model.standing import read_record


def test_a_challenger_becomes_champion(weighbridge, shop, tmp_path, monkeypatch):
    mlflow = mlflow_double(monkeypatch)
    places = tmp_path / "places.yaml"
    places.write_text("canary: models:/shop@challenger\nproduction: models:/shop\n")
    for command in (TO_CANARY, TO_PRODUCTION):
        done = weighbridge(*command, "--destinations", places)
        assert done.code == 0, done.out + done.err
        assert "has this model already" in weighbridge(*command, "--destinations", places).out
    record = read_record("models:/shop")
    assert (record.approved_by, record.promoted_from) == ("Ada", "models:/shop@challenger")
    registered = mlflow.models["shop"]
    assert registered.aliases == {"challenger": "1", "champion": "2"}
    assert registered.versions[1].source == registered.versions[2].source
    tags = registered.versions[2].tags
    assert tags["weighbridge.approved_by"] == "Ada"
    assert tags["weighbridge.digest.model"] == record.model_digest

    told = weighbridge("production", SHOP, "--destinations", places)
    assert "version 2, whole" in told.out
    assert "models:/shop/2" in told.out
    assert json.loads(weighbridge("production", SHOP, "--destinations", places, "--json").out)["live"]["version"] == 2

    mlflow.create_model_version("shop", "s3://somewhere/else")
    mlflow.set_registered_model_alias("shop", "champion", "3")
    refused = weighbridge(*TO_PRODUCTION, "--destinations", places)
    assert refused.code == 2
    assert "models:/shop@champion points at version 3, which no Pusher made" in refused.err
