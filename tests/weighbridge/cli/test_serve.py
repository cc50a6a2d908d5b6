"""`weighbridge serve`: what it starts, what it says, and what it does not start."""

import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.command_line import start
from tests.components.evaluator.helpers import export
from tests.components.pusher.helpers import make_model, weigh
from tests.patience import wait_until
from tests.serving_server import serving_python
from weighbridge.cli import serve as command
from weighbridge.components.pusher import push
from weighbridge.serving import command as starting
from weighbridge.serving.settings import parse


def push_version(destination: Path, folder: Path, number: int = 1) -> None:
    model = make_model(folder / f"m{number}", f"model {number}")
    push(model, weigh(folder / f"e{number}", model, run_id=f"run-{number}"), str(destination))


@pytest.fixture
def production(workdir, tmp_path) -> Path:
    """A version of taxi in the work directory."""
    push_version(workdir / "taxi/production", tmp_path)
    return workdir / "taxi/production"


@pytest.fixture
def there(tmp_path, monkeypatch) -> str:
    """A Python that has all that a server needs, as it says."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", str(python))
    return str(python)


def settings_of(line: str):
    """The settings of a printed command line, and its program."""
    python, *arguments = shlex.split(line)
    assert arguments[:2] == ["-m", "weighbridge.serving"]
    return python, parse(arguments[2:])


def test_it_starts_the_server_of_its_own_environment_on_what_is_in_production(weighbridge, production, there):
    done = weighbridge("serve", "taxi", "--dry-run")
    assert done.code == 0, done.err
    python, settings = settings_of(done.out)
    assert python == there
    assert (settings.name, settings.pipeline, settings.model) == ("taxi", "taxi", str(production))
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8080, 8081)
    assert settings.signature == "serving_default"
    assert settings.watch > 0  # it follows production


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("https://host/org/config.git//taxi", "is neither a local folder nor"),
        ("/nowhere", "weighbridge run taxi --destination /nowhere"),
    ],
)
def test_a_destination_that_is_none_is_told_with_what_makes_it_one(weighbridge, destination, words):
    done = weighbridge("serve", "taxi", "--destination", destination, "--dry-run")
    assert done.code == 2
    assert words in " ".join(done.err.split())


def test_a_version_that_is_asked_for_stays(weighbridge, production, there, tmp_path):
    push_version(production, tmp_path, 2)
    _, settings = settings_of(weighbridge("serve", "taxi", "--version", "1", "--dry-run").out)
    assert (settings.version, settings.watch) == (1, 0)
    done = weighbridge("serve", "taxi", "--version", "5", "--dry-run")
    assert (done.code, "No version 5 was ever pushed" in done.err) == (2, True)


def test_options_reach_the_server(weighbridge, production, there, tmp_path):
    log = str(tmp_path / "log")
    options = ["--port", "0", "--grpc-port", "-1", "--host", "0.0.0.0", "--workers", "3", "--max-batch", "8"]
    options += ["--batch-delay", "2", "--concurrency", "9", "--max-request-bytes", "1000", "--ignore-unknown"]
    options += ["--log", log, "--sample-log", "0.1", "--log-fields", "fare,trip_*", "--drain", "5", "--watch", "0"]
    _, settings = settings_of(weighbridge("serve", "taxi", *options, "--dry-run").out)
    assert (settings.port, settings.grpc_port, settings.host, settings.threads) == (0, -1, "0.0.0.0", 3)
    assert (settings.max_batch, settings.batch_delay_ms, settings.concurrency) == (8, 2, 9)
    assert (settings.max_request_bytes, settings.ignore_unknown, settings.watch) == (1000, True, 0)
    assert (settings.log, settings.sample_log, settings.log_fields) == (log, 0.1, "fare,trip_*")
    assert settings.drain_seconds == 5
    _, settings = settings_of(weighbridge("serve", "taxi", "--no-batch", "--dry-run").out)
    assert settings.max_batch == 1


def test_a_stage_or_a_destination_is_served(weighbridge, production, there, workdir, tmp_path):
    push_version(workdir / "taxi/staging", tmp_path, 7)
    _, settings = settings_of(weighbridge("serve", "taxi", "--from", "staging", "--dry-run").out)
    assert settings.model == str(workdir / "taxi/staging")
    _, settings = settings_of(weighbridge("serve", "taxi", "--destination", str(production), "--dry-run").out)
    assert settings.model == str(production)
    assert weighbridge("serve", "taxi", "--from", "nowhere", "--dry-run").code == 2
    assert weighbridge("serve", "taxi", "--from", "staging", "--destination", "/x").code == 2


def test_the_recommenders_signature_and_inputs_are_those_of_its_gates(weighbridge, workdir, there, tmp_path):
    push_version(workdir / "recommender/production", tmp_path)
    _, settings = settings_of(weighbridge("serve", "recommender", "--dry-run").out)
    assert settings.signature == "recommend"
    assert settings.inputs["k"] > 0


def test_where_nothing_is_in_production_the_command_that_puts_it_there_is_told(weighbridge, there):
    done = weighbridge("serve", "taxi")
    assert done.code == 2
    assert "Nothing is in production of taxi yet" in done.err
    assert "weighbridge run taxi" in done.err
    assert "weighbridge run taxi --deliver-to staging" in weighbridge("serve", "taxi", "--from", "staging").err


def test_without_an_environment_for_servers_the_command_that_makes_it_is_told(weighbridge, production, monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", "/nowhere/python")
    done = weighbridge("serve", "taxi")
    assert (done.code, "sh requirements/bootstrap.sh serving" in done.err) == (2, True)
    monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", sys.executable)  # TFX's environment
    done = weighbridge("serve", "taxi")
    assert (done.code, "lacks kserve" in done.err, "sh requirements/bootstrap.sh serving" in done.err) == (
        2,
        True,
        True,
    )
    monkeypatch.setattr(starting.subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(OSError("broken")))
    assert weighbridge("serve", "taxi").code == 3


def test_the_servers_exit_code_is_the_commands(weighbridge, production, there, tmp_path):
    Path(there).write_text('#!/bin/sh\n[ "$1" = -m ] || exit 0\necho "$PYTHONPATH" "$@"\nexit 1\n')
    done = weighbridge("serve", "taxi")
    assert done.code == 1  # a model that may not be served
    first, second = done.out.splitlines()
    assert first.startswith("starting taxi version 1, sha256:")
    root, *arguments = second.split()
    assert root.split(":")[0] == str(Path(command.__file__).parents[2])
    assert arguments[:2] == ["-m", "weighbridge.serving"]
    Path(there).write_text('#!/bin/sh\n[ "$1" = -m ] || exit 0\nkill -9 $$\n')
    assert weighbridge("serve", "taxi").code == 3


def test_tensorflow_servings_configuration_is_written_instead(weighbridge, production, tmp_path):
    done = weighbridge("serve", "taxi", "--write-tf-serving", str(tmp_path / "tf"))
    assert done.code == 0, done.err
    assert f'base_path: "{production}"' in (tmp_path / "tf/models.config").read_text()
    assert "versions: 1" in (tmp_path / "tf/models.config").read_text()
    assert done.out.splitlines()[-1].startswith("tensorflow_model_server ")


@pytest.mark.slow
def test_a_user_serves_production_asks_it_by_the_line_printed_and_ends_it(workdir, tmp_path):
    exported = (
        export(tmp_path / "m", lambda miles: {"p": miles * 2}, {"miles": ((None,), "float32")}) / "Format-Serving"
    )
    push(exported, weigh(tmp_path / "e", exported), str(workdir / "taxi/production"))
    options = ["--port", "0", "--grpc-port", "-1", "--log", str(tmp_path / "log")]
    process = start(
        "serve",
        "taxi",
        *options,
        workdir=workdir,
        WEIGHBRIDGE_SERVING_PYTHON=serving_python(),
        TF_CPP_MIN_LOG_LEVEL="2",
    )
    try:
        lines: list[str] = []
        while not any("metrics:" in line for line in lines):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        [curl] = [line for line in lines if line.strip().startswith("curl")]
        arguments = shlex.split(curl)
        if shutil.which("curl"):
            answer = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        else:
            with urllib.request.urlopen(arguments[2], arguments[4].encode()) as answered:
                answer = answered.read().decode()
        assert answer == '{"predictions":[2.0]}'
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: list((tmp_path / "log").glob("*.parquet")), "the log")


@pytest.mark.slow
def test_ctrl_c_comes_twice_and_asks_the_server_once(workdir, production, there):
    """A terminal sends it to all processes of its job, and the one that waits passes it on."""
    # Written past Python's buffer, which a handler must not enter while it is being flushed.
    server = "import os, signal, time; signal.signal(15, lambda *_: os.write(1, b'asked\\n')); print('up', flush=True)"
    program = f"{server}\nend = time.monotonic() + 4\nwhile time.monotonic() < end: time.sleep(0.1)"
    Path(there).write_text(f'#!/bin/sh\n[ "$1" = -m ] || exit 0\nexec {sys.executable} -c "{program}"\n')
    process = start("serve", "taxi", workdir=workdir)
    try:
        assert "starting" in process.stdout.readline()
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, rest) == (0, "asked\n")
