"""The server's command line."""

from dataclasses import fields

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.serving.settings import Settings, parse

OTHERS = {
    "name": "churn",
    "model": "gs://models/churn",
    "inputs": {"k": 100},
    "host": "0.0.0.0",
    "sample_log": 0.5,
    "ignore_unknown": True,
}


def test_what_one_process_writes_another_reads():
    least = Settings("taxi", "/models/taxi")
    assert parse(least.arguments()) == least
    given = {}
    for each in fields(Settings):
        kind = type(getattr(least, each.name))
        given[each.name] = OTHERS.get(each.name, {int: 2 << 20, float: 2.5, str: "x"}.get(kind))
    given |= {"port": 1, "grpc_port": 2, "threads": 3, "version": 4}
    changed = Settings(**given)
    assert all(getattr(changed, each.name) != getattr(least, each.name) for each in fields(Settings))
    assert parse(changed.arguments()) == changed


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": 70000}, "--port 70000 is not allowed"),
        ({"concurrency": 0}, "--concurrency 0"),
        ({"sample_log": 1.5}, "--sample-log 1.5"),
        ({"log_bytes": 5}, "--log-bytes 5"),
        ({"watch": float("nan")}, "--watch nan"),
        ({"name": "a/b"}, "--name 'a/b'"),
    ],
)
def test_what_cannot_be_is_told(given, told):
    with pytest.raises(UsageError) as raised:
        Settings(**{"name": "taxi", "model": "/m", **given})
    assert raised.value.message.startswith(told)


@pytest.mark.parametrize("inputs", ["{", "[1]", '{"k": [1]}'])
def test_inputs_that_are_no_values_are_refused(inputs, capsys):
    with pytest.raises(SystemExit):
        parse(["--name", "a", "--model", "b", "--inputs", inputs])
    assert "--inputs" in capsys.readouterr().err


def test_it_listens_on_loopback_unless_told_otherwise():
    assert Settings("taxi", "/m").host == "127.0.0.1"
