"""A request to end that Python loses is remembered, and does not come in the way of what is being saved."""

import os
import signal
import subprocess
import sys
import time

import pytest

from weighbridge.common import interruption, progress


@pytest.fixture(autouse=True)
def listening():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    interruption.listen()
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    interruption._asked_at = None


def ask(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # handlers run between two steps of Python


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_is_raised_at_once_and_remembered(number):
    with pytest.raises(KeyboardInterrupt):
        ask(number)
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_lost_in_a_destructor_is_found_by_the_next_look():
    class Lost:
        def __del__(self):
            ask()

    Lost()
    assert interruption.asked()
    for look in (interruption.check, interruption.last_look, lambda: progress.report("going on")):
        with pytest.raises(KeyboardInterrupt):
            look()


def test_the_same_signal_come_twice_is_raised_once():
    with pytest.raises(KeyboardInterrupt):
        ask()
    ask()
    ask(signal.SIGINT)


def test_what_is_being_saved_is_not_disturbed_but_by_insisting(monkeypatch):
    with interruption.deferred():
        ask()
        interruption.check()
        monkeypatch.setattr(interruption, "_SAME_S", 0.0)
        ask()
        with pytest.raises(KeyboardInterrupt):
            interruption.last_look()
        with pytest.raises(KeyboardInterrupt):
            ask(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


def test_once_heeded_it_is_raised_no_more_but_another_is():
    with pytest.raises(KeyboardInterrupt):
        ask()
    interruption.heeded()
    progress.report("a hook says how far it is")
    with pytest.raises(KeyboardInterrupt):
        ask()


def test_a_new_command_begins_unasked():
    with pytest.raises(KeyboardInterrupt):
        ask()
    interruption.listen()
    interruption.check()
    assert not interruption.asked()


def test_a_signal_that_is_ignored_stays_so_but_sigterm():
    code = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
from weighbridge.common import interruption
interruption.listen()
os.kill(os.getpid(), signal.SIGHUP), os.kill(os.getpid(), signal.SIGINT)
assert not interruption.asked()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
