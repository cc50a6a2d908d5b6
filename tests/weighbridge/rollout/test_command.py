"""`weighbridge canary` as its user sees it: real pushes and files; servers, users and Prometheus are made up."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command_line import start
from tests.patience import wait_until
from tests.weighbridge.rollout.doubles import first_state, gates
from tests.weighbridge.rollout.prometheus_double import prometheus
from tests.weighbridge.rollout.shop import Server, Shop, served
from weighbridge.components.production_model.standing import read_record
from weighbridge.evidence.rollout import read_rollout
from weighbridge.rollout.places import state_at
from weighbridge.runs.workspace import find_run
from weighbridge.verdict import Verdict

SHOP = "shop.pipeline"


def canary(weighbridge, address: str, *more: str):
    return weighbridge("canary", SHOP, "--prometheus", address, "--every", "0.3", *more)


def refusals(run: Path) -> set[str]:
    """Names of the gates that refused; the card's last line names only the first few."""
    return {gate.name for gate in Verdict.read(run / "verdict.json").refusals}


@pytest.mark.parametrize("shop", ["folder", "git"], indirect=True)
def test_a_good_model_reaches_production(weighbridge, shop: Shop, workdir) -> None:
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 0, done.out + done.err
    record = read_record(shop.destination)
    assert record is not None
    assert (record.version, record.run_id, record.promoted_from) == (2, "run-two", str(shop.home / "staging"))
    assert shop.read("canary.json") is None
    if shop.repository is not None:
        said = [message.splitlines()[0] for message in shop.repository.messages()]
        assert said[:4] == [
            "Deliver shop version 2",
            "Canary of version 2: 50 % of requests",
            "Canary of version 2: 10 % of requests",
            "Begin a canary of version 2",
        ]
    assert weighbridge("production", SHOP).code == 0
    run = find_run(workdir)
    assert (run.record.kind, run.record.state, run.record.exit_code) == ("canary", "passed", 0)
    assert [step.name for step in run.record.steps] == ["verify", "shadow", "10 %", "50 %", "promote"]
    assert {path.name for path in run.folder.iterdir()} >= {"rollout.jsonl", "report.html", "junit.xml", "verdict.json"}
    names = {gate["name"] for gate in json.loads((run.folder / "verdict.json").read_text())["gates"]}
    assert {
        "canary.steps.passed",
        "canary.bytes.equal",
        "canary.error_rate.max_change",
        "delivery.verdict.equal",
    } <= names


@pytest.mark.parametrize("shop", ["folder", "git"], indirect=True)
def test_a_failing_model_is_rolled_back(weighbridge, shop: Shop, workdir) -> None:
    shop.servers["2"] = Server(failing=0.05)
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 1, done.out + done.err
    assert refusals(find_run(workdir).folder) >= {"canary.steps.passed", "canary.error_rate.max_change"}
    record = read_record(shop.destination)
    assert record is not None
    assert record.version == 1
    assert shop.read("canary.json") is None
    assert find_run(workdir).record.state == "refused"


def wait_for(process: subprocess.Popen, so: Callable[[], bool], what: str) -> None:
    """Wait until something is so that a process does; what it said, if it ended before."""

    def look() -> bool:
        done = so()
        assert done or process.poll() is None, process.stdout.read()
        return done

    wait_until(look, what)


def at_step(shop: Shop, number: int) -> Callable[[], bool]:
    return lambda: json.loads(shop.read("canary.json") or b'{"step": -1}')["step"] == number


@contextmanager
def walking(shop: Shop, address: str, workdir: Path, *more: str) -> Iterator[subprocess.Popen]:
    """The command in a process of its own, at a canary that takes its time."""
    gates = (shop.folder / "shop/gates.yaml").read_text()
    (shop.folder / "shop/gates.yaml").write_text(gates.replace("1000, minutes: 0.01", "1000, minutes: 0.12"))
    command = ("canary", SHOP, "--prometheus", address, "--every", "0.3", *more)
    process = start(*command, workdir=workdir, cwd=shop.folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("shop", ["git"], indirect=True)
def test_killed_and_interrupted_it_goes_on_in_the_same_run(weighbridge, shop: Shop, workdir) -> None:
    with served(shop) as address:
        with walking(shop, address, workdir) as killed:
            wait_for(killed, at_step(shop, 1), "the first users")
            killed.kill()
            killed.wait()
        before = shop.read("canary.json")
        with walking(shop, address, workdir) as asked:
            wait_for(asked, lambda: b'"resumed"' in read_log(workdir), "the second process")
            asked.send_signal(signal.SIGTERM)
            out, _ = asked.communicate(timeout=60)
        assert asked.returncode == 3, out
        assert "Interrupted: the canary of version 2 stays at 10 %, and nobody watches it" in out
        assert f"Go on: weighbridge canary {SHOP}" in out
        assert shop.read("canary.json") == before
        assert find_run(workdir).record.state == "failed"
        done = canary(weighbridge, address)
    assert done.code == 0, done.out + done.err
    [run] = (workdir / "shop/runs").iterdir()
    kinds = [event.kind for event in read_rollout(run) if event.kind != "look"]
    assert kinds == ["began", "resumed", "ended", "resumed", "ended"]
    assert find_run(workdir).record.state == "passed"


@pytest.mark.slow
def test_a_second_canary_is_refused_or_waits_and_abort_ends_the_first(weighbridge, shop: Shop, workdir) -> None:
    with served(shop) as address, walking(shop, address, workdir) as first:
        wait_for(first, at_step(shop, 1), "the first users")
        second = canary(weighbridge, address)
        assert second.code == 3
        assert "A canary of shop is on its way already: version 2 at 10 %, run " in second.err
        assert "(process " in second.err
        assert "--wait" in second.err
        assert (
            "note: A canary is on its way: version 2, at 10 % of the requests, run "
            in weighbridge("production", SHOP).out
        )
        refused = weighbridge("promote", SHOP, "--from", "staging", "--to", "production")
        assert refused.code == 1
        assert "push.canary.none" in refused.out  # its own model, too, has to pass its steps
        ended = weighbridge("canary", SHOP, "--abort")
        assert ended.code == 1, ended.out + ended.err
        assert shop.read("canary.json") is None
        out, _ = first.communicate(timeout=60)
        assert first.returncode == 1, out
        assert "ended by somebody else" in out
    assert "No canary of shop is on its way" in weighbridge("canary", SHOP, "--abort").out


@pytest.mark.slow
def test_one_that_waits_begins_when_the_other_has_ended(weighbridge, shop: Shop, workdir) -> None:
    with served(shop) as address, walking(shop, address, workdir) as first:
        wait_for(first, at_step(shop, 1), "the first users")
        before = json.loads(shop.read("canary.json"))["run_id"]
        with walking(shop, address, workdir, "--wait") as second:
            assert "waiting for another canary of shop (process " in second.stdout.readline()
            assert weighbridge("canary", SHOP, "--abort").code == 1
            wait_for(second, at_step(shop, 0), "the second canary")
            assert json.loads(shop.read("canary.json"))["run_id"] != before
        assert weighbridge("canary", SHOP, "--abort").code == 1


def test_a_canary_whose_process_was_killed_at_its_very_end_is_told_of_by_the_next(
    weighbridge, shop: Shop, workdir, monkeypatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    shop.servers["2"] = Server(failing=0.1)
    with served(shop) as address:
        with monkeypatch.context() as patched:
            patched.setattr("weighbridge.rollout.deliver.run_to_end", kill)
            canary(weighbridge, address)
        [run] = (workdir / "shop/runs").iterdir()
        assert not (run / "verdict.json").exists()
        assert shop.read("canary.json") is None
        done = canary(weighbridge, address)
    assert done.code == 1, done.out + done.err
    assert "canary.error_rate.max_change" in refusals(run)
    assert [each.name for each in (workdir / "shop/runs").iterdir()] == [run.name]
    assert (run / "report.html").exists()


def test_another_canary_that_began_just_now_is_left_alone(weighbridge, shop: Shop, monkeypatch) -> None:
    def meanwhile(delivery, watch, state) -> None:
        delivery.store.write(state.model_copy(update={"run_id": "another"}), delivery.store.read()[1])

    monkeypatch.setattr("weighbridge.rollout.deliver.expect_production_seen", meanwhile)
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 3, done.out + done.err
    assert "Somebody else changed" in done.err
    assert json.loads(shop.read("canary.json"))["run_id"] == "another"


def test_a_canary_behind_an_envoy_is_not_ended_where_its_routes_cannot_be_written(weighbridge, shop: Shop) -> None:
    store = state_at(str(shop.destination))
    store.write(first_state(gates()).model_copy(update={"traffic": "envoy", "percent": 10.0}), store.read()[1])
    done = weighbridge("canary", SHOP, "--abort")
    assert done.code == 2, done.out + done.err
    assert "An Envoy divides the requests of this canary" in done.err
    assert "weighbridge canary shop.pipeline --envoy FOLDER --envoy-admin URL --abort" in done.err
    assert shop.read("canary.json") is not None


def test_where_prometheus_cannot_be_reached_nothing_begins(weighbridge, shop: Shop) -> None:
    done = canary(weighbridge, "http://127.0.0.1:1")
    assert done.code == 3
    assert "cannot be reached" in done.err
    assert shop.read("canary.json") is None


def test_without_production_in_sight_nothing_begins(weighbridge, shop: Shop) -> None:
    with prometheus(shop.samples) as address:
        done = canary(weighbridge, address)
    assert done.code == 3
    assert "No canary is begun: Prometheus has no samples of version 1, production" in done.err


def test_a_first_model_has_nothing_to_be_held_against(weighbridge, shop: Shop) -> None:
    shutil.rmtree(shop.production)
    with prometheus(shop.samples) as address:
        done = canary(weighbridge, address)
    assert done.code == 1 or "Promote the first model as it is" in done.err


def test_the_model_in_production_already_is_nothing_to_do(weighbridge, shop: Shop) -> None:
    shop.push("one", "staging", run_id="run-again")
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 0
    assert "this model is in production already, as version 1" in done.out


@pytest.mark.slow
def test_bytes_that_changed_on_the_way_are_not_promoted(weighbridge, shop: Shop, workdir) -> None:
    def spoil() -> None:
        if at_step(shop, 1)():
            (shop.production / ".canary/2/saved_model.pb").write_bytes(b"another")

    shop.before_scrape = spoil
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 1
    assert "canary.bytes.equal" in refusals(find_run(workdir).folder)
    assert read_record(shop.production).version == 1


def test_a_step_that_somebody_else_walks_is_judged(weighbridge, shop: Shop) -> None:
    judged = ("canary", SHOP, "--judge-only", "--version", "2", "--every", "0.3", "--prometheus")
    with served(shop) as address:
        open_ = weighbridge(*judged, address, "--minutes", "0.01", "--json")
        gates = str(shop.folder / "shop/gates.yaml")
        nobody = weighbridge(
            "canary", "elsewhere", *judged[2:], address, "--minutes", "0.04", "--gates", gates, "--stable", "1"
        )
    assert open_.code == 1, open_.out + open_.err
    document = json.loads(open_.out)
    assert (document["passed"], document["step"], document["exit_code"]) == (False, "shadow", 1)
    assert nobody.code == 1
    assert "no samples of version 2" in nobody.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "No Prometheus is named"),
        (("--prometheus", "http://prometheus.example.org"), "not encrypted"),
        (("--prometheus", "http://127.0.0.1:1", "--envoy", "missing"), "there is no folder missing"),
        (("--prometheus", "http://127.0.0.1:1", "--from", "nowhere"), "There is no stage 'nowhere'"),
        (("--prometheus", "http://127.0.0.1:1", "--from", "staging", "--version", "2"), "exclude each other"),
        (("--prometheus", "http://127.0.0.1:1", "--version", "9"), "No version 9 was ever pushed"),
        (("--stable", "3"), "--stable says something with --judge-only alone"),
        (("--judge-only",), "needs the canary's version"),
        (("--judge-only", "--version", "2", "--abort"), "--abort says nothing with --judge-only"),
        (("--judge-only", "--version", "2", "--stable", "2"), "--stable 2 is the canary's own version"),
        (("--judge-only", "--version", "2", "--step", "9"), "--step 9: gates.yaml has 3 steps"),
    ],
)
def test_options_that_are_wrong(weighbridge, shop: Shop, options: tuple[str, ...], words: str) -> None:
    (shop.production / ".canary/.weighbridge/2").mkdir(parents=True)
    done = weighbridge("canary", SHOP, *options)
    assert done.code == 2, done.out + done.err
    assert words in done.err


def read_log(workdir: Path) -> bytes:
    return b"".join(path.read_bytes() for path in workdir.glob("shop/runs/*/rollout.jsonl"))
