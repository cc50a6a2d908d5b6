"""What is shown of a run, where it comes from data and on streams that cannot show all."""

import io

import pytest

from weighbridge.cli.display import ConsoleDisplay, console


def shown(text: str, **options) -> str:
    stream = io.StringIO()
    console(stream).print(text, **options)
    return stream.getvalue()


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\u202e", "\u2066", "\u200f", "\x7f", "\udc9b"])
def test_no_text_obeys_or_misleads(character):
    assert shown(f"before {character}after", markup=False) == "before \ufffdafter\n"


def test_letters_of_any_language_stay():
    for text in ("Größe ≥ 3 · ✓", "日本語", "नमस्ते", "עברית", "a\u200db\u200c", "🙂"):
        assert shown(text) == f"{text}\n"


def test_no_secret_is_shown():
    assert shown("at https://me:secret@host/x?token=abc&a=1") == "at https://***@host/x?token=***&a=1\n"


def test_without_a_terminal_what_is_waited_for_is_said_once():
    stream = io.StringIO()
    display = ConsoleDisplay(stream)
    for name in ("Trainer", "Pusher"):
        display.step_started(name)
        for message in ("5 rows", "waiting for another push", "waiting for another push", "6 rows"):
            display.step_progress(message)
    assert stream.getvalue() == "… Trainer  waiting for another push\n… Pusher  waiting for another push\n"
