"""A rollback under load: a real server follows production, and no request fails while the model goes back."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import Result, start
from tests.patience import wait_until
from tests.serving_server import serving_server
from tests.weighbridge.delivery.conftest import Shop
from weighbridge.components.production_model.standing import read_record
from weighbridge.load.answers import Answers
from weighbridge.load.generator import Generator
from weighbridge.load.plan import poisson
from weighbridge.load.target import Target
from weighbridge.runs.workspace import find_run

SHOP = "shop.pipeline"
RATE_RPS, SECONDS = 40.0, 12.0  # bounded in number and time; on loopback
MILES = 10.0


@pytest.mark.slow
def test_a_served_model_is_taken_back_without_a_failed_request(
    weighbridge: Callable[..., Result], shop: Shop, models: dict[str, Path], workdir: Path, tmp_path: Path
) -> None:
    production = shop.home / "production"
    shop.deliver(models["two"], "production", run_id="good")
    shop.deliver(models["three"], "production", run_id="bad")
    with serving_server(tmp_path / "server", "shop", production, "--watch", "0.3", "--grpc-port", "-1") as server:

        def answer() -> tuple[int, float, str]:
            status, document, headers = server.predict([{"miles": MILES}])
            return status, document["predictions"][0], headers["x-weighbridge-version"]

        assert answer() == (200, 3 * MILES, "2")
        target = Target(f"{server.uri}/v1/models/shop:predict")
        body = json.dumps({"instances": [{"miles": MILES}]}).encode()
        plan = poisson(RATE_RPS, SECONDS, 1, np.random.default_rng(7))
        load = list[Answers]()
        with Generator(target, [body], connections=32) as generator:
            sending = threading.Thread(target=lambda: load.append(generator.run(plan, timeout_s=30.0)))
            sending.start()
            wait_until(lambda: server.metric("weighbridge_requests_total", version="2") > RATE_RPS, "requests")
            command = start("rollback", SHOP, "--reason", "fares half as high again", workdir=workdir, cwd=shop.folder)
            told, _ = command.communicate()
            assert command.returncode == 0, told
            wait_until(lambda: answer()[2] == "3", "the earlier version to answer")
            sending.join()
        [answers] = load
        assert len(answers) == len(plan) > RATE_RPS * SECONDS / 2
        assert not answers.failed.any(), (np.unique(answers.status), answers.said)
        assert {answer() for _ in range(20)} == {(200, 2 * MILES, "3")}
        by_version = {number: server.metric("weighbridge_requests_total", version=number) for number in "23"}
        assert all(count > 20 for count in by_version.values()), by_version
        assert server.metric("weighbridge_requests_total", code="200") == sum(by_version.values())
        done = weighbridge("production", SHOP, "--served", server.uri)
        assert done.code == 0, done.out + done.err
        assert f"in step  {server.uri}: it serves version 3" in done.out
    assert read_record(production).rollback.restores == 1
    assert find_run(workdir).record.seconds < 60  # what it takes to verify and put back; the server does the rest
