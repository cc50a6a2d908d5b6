"""What the help of every command says."""

import pytest
import typer

from weighbridge.cli.main import app
from weighbridge.cli.output import EXIT_CODES


def commands() -> list[str]:
    """Every command, with those of groups."""

    def below(command, names):
        parts = getattr(command, "commands", None)
        if parts is None:
            yield " ".join(names)
        else:
            for name, part in parts.items():
                yield from below(part, [*names, name])

    return list(below(typer.main.get_command(app), []))


@pytest.mark.parametrize("command", commands())
def test_the_exit_codes_are_in_the_help_of_every_command(weighbridge, command):
    shown = weighbridge(*command.split(), "--help")
    assert shown.code == 0
    assert EXIT_CODES in " ".join(shown.out.split())
