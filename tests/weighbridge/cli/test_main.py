"""What every command shares: help, version, shell completion."""

import os
import subprocess
import sys

import pytest
import typer

import weighbridge as product
from tests.command_line import ROOT
from tests.test_imports import HEAVY, loaded_after
from weighbridge.cli.main import app


def commands() -> list[str]:
    """Every command, with those of groups."""
    root = typer.main.get_command(app)

    def below(command, names):
        yield " ".join(names)
        for name, part in getattr(command, "commands", {}).items():
            yield from below(part, [*names, name])

    return list(below(root, []))


@pytest.mark.parametrize("command", commands())
def test_every_command_helps_by_either_name(weighbridge, command):
    short, long = (weighbridge(*command.split(), option) for option in ("-h", "--help"))
    assert short == long
    assert short.code == 0
    assert f"Usage: {' '.join(['weighbridge', *command.split()])}" in short.out


def test_the_version(weighbridge):
    assert weighbridge("--version").out == f"weighbridge {product.__version__}\n"


@pytest.mark.parametrize("option", ["--version", "--show-completion"])
def test_what_answers_at_once_loads_nothing_heavy(option):
    code = f"""
import os, sys
os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
sys.argv = ["weighbridge", "{option}"] + ["bash"] * ("{option}" == "--show-completion")
from weighbridge.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert stopped.code == 0
"""
    assert not loaded_after(code) & (HEAVY | {"importlib.metadata"} if option == "--version" else HEAVY)


@pytest.mark.parametrize(
    ("words", "offered"),
    [("weighbridge pl", "plan"), ("weighbridge schedule cr", "create"), ("weighbridge run --forc", "--force")],
)
def test_a_shell_is_told_how_a_word_goes_on(words, offered):
    asked = {"_WEIGHBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "weighbridge"],
        env=os.environ | asked | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [offered]


def test_the_completion_script_calls_the_program(weighbridge, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    shown = weighbridge("--show-completion", "bash")
    assert "_WEIGHBRIDGE_COMPLETE=complete_bash" in shown.out
