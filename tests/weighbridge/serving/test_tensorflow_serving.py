"""What TensorFlow Serving is told. Its program cannot be had here: the texts are held against its protos' fields."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.weighbridge.serving.helpers import settings
from weighbridge.common.errors import UsageError
from weighbridge.serving import tensorflow_serving as written

# tensorflow_serving/config and core: the fields used, with what they hold.
FIELDS = {
    "model_config_list": "message",
    "config": "message",
    "name": "text",
    "base_path": "text",
    "model_platform": "text",
    "model_version_policy": "message",
    "specific": "message",
    "versions": "number",
    "prometheus_config": "message",
    "enable": "word",
    "path": "text",
    "max_batch_size": "message",
    "batch_timeout_micros": "message",
    "num_batch_threads": "message",
    "max_enqueued_batches": "message",
    "value": "number",
}
_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+)|(?P<word>\w+)|(?P<mark>[{}:]))')


def parsed(text: str) -> list:
    """Protobuf's text format as pairs of a field and its value; asserts that fields hold what they can."""
    tokens = [(found.lastgroup, found[found.lastgroup]) for found in _TOKEN.finditer(text)]
    assert "".join(value for _, value in tokens) == re.sub(r'\s(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text)

    def message(position: int) -> tuple[list, int]:
        found = []
        while position < len(tokens) and tokens[position][1] != "}":
            name = tokens[position][1]
            if tokens[position + 1][1] == "{":
                assert FIELDS[name] == "message", name
                inner, position = message(position + 2)
                assert tokens[position][1] == "}"
                found.append((name, inner))
                position += 1
            else:
                assert tokens[position + 1][1] == ":"
                kind, value = tokens[position + 2]
                assert kind == FIELDS[name], name
                found.append((name, value))
                position += 3
        return found, position

    return message(0)[0]


def test_models_config_names_the_base_path_and_the_version_in_production():
    text = written.models_config("taxi", "gs://models/taxi", 7)
    [(_, [(_, fields)])] = parsed(text)
    assert dict(fields[:3]) == {"name": '"taxi"', "base_path": '"gs://models/taxi"', "model_platform": '"tensorflow"'}
    assert fields[3] == ("model_version_policy", [("specific", [("versions", "7")])])


def test_a_path_with_quotes_stays_one_text():
    text = written.models_config("taxi", '/models/"a"\\b', 1)
    assert 'base_path: "/models/\\"a\\"\\\\b"' in text
    parsed(text)


def test_a_registry_is_nothing_that_it_reads():
    with pytest.raises(UsageError, match="reads no models:/taxi"):
        written.models_config("taxi", "models:/taxi", 1)


def test_monitoring_is_for_prometheus():
    assert parsed(written.monitoring_config()) == [
        ("prometheus_config", [("enable", "true"), ("path", '"/monitoring/prometheus/metrics"')])
    ]


def test_batching_is_as_our_own_servers():
    text = written.batching_config(settings(max_batch=32, batch_delay_ms=1.5, threads=3, concurrency=4096))
    assert parsed(text) == [
        ("max_batch_size", [("value", "32")]),
        ("batch_timeout_micros", [("value", "1500")]),
        ("num_batch_threads", [("value", "3")]),
        ("max_enqueued_batches", [("value", "128")]),
    ]


def test_the_files_are_written_and_the_command_names_them(tmp_path):
    command = written.write(tmp_path, settings(port=8501, grpc_port=8500), "/models/taxi", 3)
    assert {path.name for path in tmp_path.iterdir()} == {"models.config", "monitoring.config", "batching.config"}
    assert f"--model_config_file={tmp_path}/models.config" in command
    assert "--rest_api_port=8501 --port=8500" in command
    assert "--enable_batching" in command
    assert "--enable_batching" not in written.command(tmp_path, settings(max_batch=1))


@pytest.mark.skipif(not shutil.which("tensorflow_model_server"), reason="TensorFlow Serving is not on PATH")
def test_the_program_takes_its_options():
    told = subprocess.run(["tensorflow_model_server", "--help"], capture_output=True, text=True, check=False)
    for option in re.findall(r"--(\w+)", written.command(Path("/config"), settings())):
        assert f"--{option}" in told.stdout + told.stderr
