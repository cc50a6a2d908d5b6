"""However a command ends: one of four exit codes, one sentence, and 0 only where it is done."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT, start
from tests.patience import PATIENCE_S, wait_until

SENTENCE = "error: "
RAISED = {
    "sys.exit(0)": (2, "does not import: SystemExit: 0"),
    "sys.exit(1)": (2, "does not import: SystemExit: 1"),
    "raise BaseException('odd')": (2, "does not import: BaseException: odd"),
    "def f(:": (2, "does not import: SyntaxError"),
    "import nowhere": (2, "does not import: No module named 'nowhere'"),
    "unknown": (2, "does not import: NameError: name 'unknown' is not defined"),
    "raise ValueError": (2, "does not import: ValueError"),
    "raise OSError(errno.EMFILE, 'Too many open files')": (3, "was stopped by OSError"),
    "raise MemoryError": (3, "was stopped by MemoryError"),
    "raise KeyboardInterrupt": (3, "Interrupted"),
}
ENDED = {
    "os._exit(0)": (2, "ended the process, with exit code 0, before there was a verdict"),
    "os._exit(1)": (2, "ended the process, with exit code 1, before there was a verdict"),
    "os.execv('/bin/true', ['true'])": (2, "ended the process, with exit code 0"),
    "os.kill(os.getpid(), signal.SIGKILL)": (3, "was killed (SIGKILL)"),
    # A process that the module forked does not end the command in its own way.
    "os.fork() or sys.exit(0)\nos.wait()\nraise ValueError('mine')": (2, "does not import: ValueError: mine"),
}


def own(folder: Path, body: str) -> str:
    path = folder / "own.py"
    path.write_text(f"import errno, os, signal, sys, time\nfrom pathlib import Path\n{body}\n")
    return str(path)


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("body", RAISED)
def test_whatever_a_users_module_raises_is_told_in_a_sentence(
    weighbridge, tmp_path, workdir, monkeypatch, command, body
):
    monkeypatch.setattr(sys, "path", list(sys.path))
    code, message = RAISED[body]
    done = weighbridge(command, own(tmp_path, body))
    assert (done.code, done.out, done.err.count(SENTENCE)) == (code, "", 1)
    assert message in done.err
    assert "Traceback" not in done.err
    assert not workdir.exists()


@pytest.mark.parametrize("body", ENDED)
def test_no_end_of_the_process_passes_for_a_success_or_a_refusal(tmp_path, workdir, body):
    code, message = ENDED[body]
    process = start("run", own(tmp_path, body), workdir=workdir, cwd=tmp_path)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, out
    assert message in out
    assert "Traceback" not in out


@pytest.mark.parametrize("name", ["", ".", "..", "../x", ".hidden", "a b", "a\nb", "a\0b", "a..b", "/", "x" * 5000])
def test_what_is_no_name_is_no_pipeline(weighbridge, name):
    done = weighbridge("run", name)
    assert (done.code, done.err.count(SENTENCE), "Traceback" in done.err) == (2, 1, False)


def test_a_mistyped_name_is_guessed(weighbridge):
    assert "There is no pipeline 'taxy'. Did you mean 'taxi'?" in weighbridge("run", "taxy").err


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_command_reaches_the_process_that_works(tmp_path, workdir, asked):
    process = start("run", own(tmp_path, "Path('here').touch(); time.sleep(3600)"), workdir=workdir, cwd=tmp_path)
    wait_for(tmp_path / "here", process)
    process.send_signal(asked)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, SENTENCE in out) == (3, True)
    assert "Interrupted" in out


def test_a_killed_command_takes_the_process_that_works_along(tmp_path, workdir):
    body = "Path('pid').write_text(str(os.getpid())); Path('here').touch(); time.sleep(3600)"
    process = start("run", own(tmp_path, body), workdir=workdir, cwd=tmp_path)
    wait_for(tmp_path / "here", process)
    process.kill()
    process.communicate(timeout=PATIENCE_S)  # ends when nobody has the other end of the pipe any more
    worker = Path("/proc", (tmp_path / "pid").read_text(), "status")
    wait_until(lambda: not worker.exists() or "zombie" in worker.read_text())


@pytest.mark.parametrize(
    ("arguments", "redirections", "code"),
    [
        ("--version", "> /dev/full", 3),
        ("--version", ">&-", 0),
        ("--version", ">&- 2>&-", 0),
        ("runs", "2>/dev/full", 2),
        ("runs", ">&- 2>&- <&-", 2),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path, arguments, redirections, code):
    done = shell(f"{sys.executable} -m weighbridge {arguments} {redirections}", tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.count(SENTENCE) == (0 if "2>" in redirections else int(code > 0))


def test_a_folder_that_is_gone_is_said(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    done = shell(f"cd {folder}; rmdir {folder}; {sys.executable} -m weighbridge runs", tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: The working directory is gone")


def test_a_reader_that_goes_away_changes_no_exit_code(tmp_path):
    done = shell(f"set -o pipefail; {sys.executable} -m weighbridge run --help | true", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_kept_is_never_for_all_to_write(tmp_path):
    (tmp_path / "own.py").write_text("import os\nraise ValueError(oct(os.umask(0)))\n")
    for given, there in (("0", "0o22"), ("077", "0o77")):
        done = shell(f"umask {given}; {sys.executable} -m weighbridge run ./own.py", tmp_path)
        assert f"ValueError: {there}" in done.stderr


def test_nohup_is_heeded(tmp_path):
    module = own(tmp_path, "os.kill(os.getpid(), signal.SIGHUP); raise ValueError('went on')")
    done = shell(f"trap '' HUP; {sys.executable} -m weighbridge run {module}", tmp_path)
    assert "went on" in done.stderr


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "WEIGHBRIDGE_WORKDIR": "work"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def wait_for(path: Path, process: subprocess.Popen) -> None:
    wait_until(lambda: path.exists() or process.poll() is not None)


def test_a_library_that_is_missing_leads_to_the_doctor(weighbridge, monkeypatch):
    monkeypatch.setitem(sys.modules, "weighbridge.kubeflow.image", None)
    shown = weighbridge("image", "taxi")
    assert shown.code == 2
    assert "See: weighbridge doctor" in shown.err
