"""Where what libraries print goes, run after run in one process."""

import logging
import sys

from weighbridge.local.output_capture import captured_output, discarded_output


def test_a_logger_made_in_the_first_run_logs_to_the_run_that_goes_on(tmp_path):
    log = logging.Logger("a library's")
    with captured_output(tmp_path / "first", verbose=False):
        log.addHandler(logging.StreamHandler(sys.stderr))
        log.warning("one")
    with captured_output(tmp_path / "second", verbose=False):
        log.warning("two")
        with discarded_output():
            log.warning("unheard")
        log.warning("three")
    assert (tmp_path / "first").read_text() == "one\n"
    assert (tmp_path / "second").read_text() == "two\nthree\n"


def test_a_verbose_run_ends_although_a_logger_keeps_its_stream(tmp_path, capfd):
    log = logging.Logger("a library's")
    with captured_output(tmp_path / "log", verbose=True):
        log.addHandler(logging.StreamHandler(sys.stderr))
        log.warning("seen")
    log.warning("later")
    assert (tmp_path / "log").read_text() == "seen\nlater\n"
    assert capfd.readouterr().err == "seen\n"
