"""What work says while it goes on, and what it waits for."""

import threading

import pytest

from weighbridge.common import progress


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(progress, "SAY_AFTER_S", 0.01)
    lines: list[str] = []
    with progress.listening(lines.append):
        yield lines


def test_what_takes_long_is_said_and_then_ever_more_seldom(told, monkeypatch):
    pauses = []

    class Clock:
        """Time passes in an instant; after four looks the work is done."""

        def wait(self, pause_s):
            pauses.append(pause_s)
            return len(pauses) == 5

    monkeypatch.setattr(progress, "SAY_AFTER_S", 5.0)
    progress._say("S3 at s3://models", Clock())
    assert told == [f"waiting for S3 at s3://models ({seconds} s)" for seconds in (5, 10, 20, 40)]
    assert pauses == [5, 5, 10, 20, 40]


def test_what_takes_long_is_said(told):
    said = threading.Event()
    with progress.listening(lambda message: said.set()), progress.waiting("S3"):
        assert said.wait(60)


def test_what_is_quick_is_not_said(told, monkeypatch):
    monkeypatch.setattr(progress, "SAY_AFTER_S", 60.0)
    with progress.waiting("S3"):
        pass
    assert told == []


def test_a_display_that_fails_disturbs_no_work(monkeypatch):
    said = threading.Event()
    monkeypatch.setattr(progress, "SAY_AFTER_S", 0.01)

    def fail(_):
        said.set()
        raise RuntimeError

    with progress.listening(fail), progress.waiting("S3"):
        assert said.wait(60)


def test_where_nobody_listens_what_is_waited_for_is_a_warning_once(caplog):
    with caplog.at_level("WARNING"):
        for message in ("10 rows", "waiting for a lock of mine", "waiting for a lock of mine", "11 rows"):
            progress.report(message)
    assert [record.message for record in caplog.records] == ["waiting for a lock of mine"]
