"""Arguments that mean nothing."""

import os
from pathlib import Path

import pytest

from tests.hostile.conftest import assert_clear, snapshot
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.resolve import resolve

IMAGE = f"registry.example.com/weighbridge@sha256:{'a' * 64}"
SHOP = "hostile_shop.pipeline"
OPTIONS = [
    (), ("unknown",), ("run",), ("run", SHOP, "extra"), ("run", SHOP, "--no-such"), ("ci",), ("ci", "unknown"),
    ("run", SHOP, "--sample", "0"), ("run", SHOP, "--sample", "-0.5"), ("run", SHOP, "--sample", "2"),
    ("run", SHOP, "--sample", "nan"), ("run", SHOP, "--sample", "inf"), ("run", SHOP, "--sample", "half"),
    ("run", SHOP, "--sample", "0.5", "--deliver-to", "staging"), ("run", SHOP, "--deliver-to", "stagging"),
    ("run", SHOP, "--deliver-to", "../staging"), ("run", SHOP, "--set", "rate"), ("run", SHOP, "--set", "=1"),
    ("run", SHOP, "--set", "rate="), ("run", SHOP, "--set", "rate=fast"), ("run", SHOP, "--set", "rate=[1]"),
    ("run", SHOP, "--set", "raet=1"), ("run", SHOP, "--set", "layers=1"), ("run", SHOP, "--set", "layers=[one]"),
    ("run", SHOP, "--set", "layers={"), ("run", SHOP, "--set", "rate=nan"), ("run", SHOP, "--set", "rate=1e999"),
    ("run", SHOP, "--destinations", "missing.yaml", "--deliver-to", "staging"),
    ("promote", SHOP, "--from", "staging"), ("promote", SHOP, "--from", "staging", "--to", "nowhere"),
    ("promote", SHOP, "--from", "canary", "--to", "staging"), ("promote", SHOP, "--from", "staging", "--to", "staging"),
    ("promote", SHOP, "--from", "staging", "--to", "canary"), ("ci", "pending", SHOP, "--from", "nowhere"),
    ("gc", SHOP, "--keep", "-1"), ("gc", SHOP, "--keep", "many"), ("gc",), ("runs",), ("runs", "no_such_pipeline"),
    ("show",), ("show", "no-such-run"), ("show", "../x"),
    ("report", "no-such-run"), ("report", ""), ("show", "/dev/null"),
    ("backtest", SHOP), ("backtest", SHOP, "--from", "2010", "--to", "2011"),
    ("backtest", SHOP, "--from", "2010-13", "--to", "2010-12"),
    ("backtest", SHOP, "--from", "2010-12", "--to", "2010-01"),
    ("backtest", SHOP, "--from", "2010-01", "--to", "2010-02", "--step", "hour"),
    ("compile", SHOP),
    ("compile", SHOP, "-o", "x.yaml"), ("compile", SHOP, "-o", "x.yaml", "--image", "weighbridge:latest"),
    ("compile", SHOP, "-o", "x.yaml", "--image", ""), ("compile", SHOP, "-o", "x.txt", "--image", IMAGE),
    ("submit", SHOP, "--image", IMAGE), ("submit", SHOP, "--image", IMAGE, "--endpoint", "not a url"),
    ("submit", SHOP, "--image", IMAGE, "--endpoint", "ftp://example.com"), ("status", "run-1"), ("logs", "run-1"),
    ("component", "no_such", "-o", "x.yaml", "--image", IMAGE), ("components", "-o", "x", "--image", IMAGE),
    ("data", "ecommerce", "x.parquet"), ("data", "ecommerce", "x.parquet", "--rows", "-1"),
    ("data", "ecommerce", "x.parquet", "--rows", "many"), ("data", "ecommerce", "x.txt", "--rows", "10"),
    ("data", "ecommerce", "x.parquet", "--rows", "10", "--drift", "nothing"),
    ("data", "ecommerce", "x.parquet", "--rows", "10", "--start", "yesterday"),
    ("schedule", "create", SHOP, "--image", IMAGE), ("schedule", "create", SHOP, "--image", IMAGE, "--cron", "never"),
    ("schedule", "create", SHOP, "--image", IMAGE, "--every", "0m"), ("schedule", "unknown"),
    ("reproduce",), ("reproduce", ""), ("reproduce", "no_such_model"), ("reproduce", "/dev/null"), ("reproduce", "."),
    ("reproduce", "sha256:00000000"), ("reproduce", "no_such_model@0"), ("reproduce", "gs://"),
    ("ci", "summary"), ("ci", "changes", "--base", "HEAD"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", OPTIONS, ids=lambda arguments: " ".join(arguments) or "nothing")
def test_arguments_that_mean_nothing(
    weighbridge, shop: Path, tmp_path: Path, monkeypatch, arguments: tuple[str, ...]
) -> None:
    for name in ("WEIGHBRIDGE_KFP_ENDPOINT", "WEIGHBRIDGE_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    before = snapshot(tmp_path)
    refused = weighbridge(*arguments)
    if arguments in ((), ("ci",)):  # the help, as for every command that has others below it
        assert refused.code == 2
        assert "Usage: weighbridge" in refused.out + refused.err
    else:
        assert_clear(refused)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("layers=" + "[" * 5000, "is nested too deeply"),
        ("layers=" + '{"a":' * 5000, "is nested too deeply"),
        ("rate=" + "9" * 100_000, "… (100,002 characters): Input should be a"),
        ("rate=\udcff", "is not UTF-8"),
        ("data=\udcff.csv", "is not UTF-8"),
    ],
    ids=["lists", "objects", "digits", "no text", "no name"],
)
def test_values_that_nobody_can_read(weighbridge, shop: Path, tmp_path: Path, value: str, told: str) -> None:
    before = snapshot(tmp_path)
    refused = weighbridge("run", SHOP, "--set", value)
    assert_clear(refused, told)
    assert len(refused.err) < 1000
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_data_that_is_neither_file_nor_folder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.csv"
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    with pytest.raises(UsageError, match=f"The input {path} is neither a file nor a folder"):
        resolve(str(path), "latest", 1)
