"""`weighbridge doctor`: each thing that can be wrong is told with its mend, and nothing takes long."""

import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.keys import make_key
from tests.weighbridge.runs.histories import add_run
from weighbridge.common import locks, pinned, serving_python
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.doctor import libraries, machine, programs, services, settings, workdir
from weighbridge.doctor.examine import examine, exit_code, probes
from weighbridge.doctor.finding import Finding
from weighbridge.runs.workspace import Workspace
from weighbridge.serving.command import SET_UP

SECRET = "tok-4711-secret"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    """A machine on which nothing is set up."""
    for name in os.environ:
        if re.match(r"WEIGHBRIDGE_|AWS_|GOOGLE_|JENKINS_|BUILD_|STORAGE_|KUBERNETES_|CUDA_", name):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def states(findings):
    return [finding.state for finding in findings]


def test_a_sound_machine_has_nothing_wrong(weighbridge):
    shown = weighbridge("doctor", "taxi", "--json")
    document = json.loads(shown.out)
    assert shown.code == document["exit_code"]
    about = {finding["about"] for finding in document["findings"]}
    assert about == set(probes("work", "taxi"))
    # The machine that tests run on may be short of memory or room.
    assert [each for each in document["findings"] if each["state"] == "wrong" and not each["retryable"]] == []
    assert all(finding["mend"] for finding in document["findings"] if finding["state"] != "ok")
    lines = weighbridge("doctor").out.splitlines()
    assert any(re.match(r"✓ lock +tfx-1\.16-py311\.lock, \d+ libraries as pinned", line) for line in lines)


def test_what_is_wrong_is_told_with_its_mend_and_the_exit_code(weighbridge, monkeypatch, tmp_path):
    monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", "kubeflow.example.com")
    monkeypatch.setenv("WEIGHBRIDGE_STOER", "gs://models")
    shown = weighbridge("doctor", "no.such.pipeline")
    assert shown.code == 2
    assert "✗ kubeflow    'kubeflow.example.com' is not a Kubeflow endpoint" in shown.out
    assert "→ Did you mean WEIGHBRIDGE_STORE?" in shown.out
    assert "✗ pipeline    There is no pipeline 'no.such.pipeline'" in shown.out


def test_the_exit_code_says_whether_trying_again_may_help():
    ok, setting = Finding("a", "ok", ""), Finding("b", "wrong", "")
    down = Finding("c", "wrong", "", retryable=True)
    assert exit_code([ok, Finding("d", "warning", "")]) == ExitCode.PASSED
    assert exit_code([ok, down]) == ExitCode.INFRASTRUCTURE
    assert exit_code([down, setting]) == ExitCode.USAGE


def test_a_look_that_hangs_or_fails_is_a_finding_and_holds_nothing_up():
    waits = threading.Event()

    def hang():
        waits.wait(60)
        yield Finding("hangs", "ok", "")

    def fail(error):
        yield Finding("fails", "ok", "so far")
        raise error

    looks = {
        "hangs": hang,
        "fails": lambda: fail(RuntimeError("oh")),
        "usage": lambda: fail(UsageError("bad value", "give a good one")),
        "down": lambda: fail(InfrastructureError("gone")),
    }
    found = examine(looks, longest_s=0.2)
    waits.set()
    assert [(each.about, each.state, each.retryable) for each in found if each.found != "so far"] == [
        ("hangs", "wrong", True),
        ("fails", "warning", False),
        ("usage", "wrong", False),
        ("down", "wrong", True),
    ]
    assert found[0].found == "no answer within 0.2 s"


def test_every_variable_that_anything_reads_is_known():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "weighbridge", "components", "pipelines", "infra", "requirements"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    texts = (Path(ROOT, name).read_bytes() for name in listed if Path(ROOT, name).is_file())
    used = {found.decode() for text in texts for found in re.findall(rb"\bWEIGHBRIDGE_[A-Z_]*[A-Z]\b", text)}
    assert used - settings.KNOWN == set()


class TestKeys:
    def test_none(self):
        [found] = settings.keys()
        assert (found.state, found.found) == ("ok", "signs nothing; trusts nobody")

    def test_a_pair_and_a_stranger_s(self, tmp_path, monkeypatch):
        private, public = make_key(tmp_path / "ours")
        monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY", str(private))
        monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", str(public))
        [found] = settings.keys()
        assert re.fullmatch(r"signs as (\w{12}); trusts \1", found.found)
        monkeypatch.setenv("WEIGHBRIDGE_VERIFY_KEY", str(make_key(tmp_path / "theirs")[1]))
        assert states(settings.keys()) == ["ok", "warning"]

    @pytest.mark.parametrize("password", ["", "another-4712"])
    def test_one_that_cannot_be_used(self, tmp_path, monkeypatch, password):
        private, _ = make_key(tmp_path, password=SECRET)
        monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY", str(private))
        monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY_PASSWORD", password)
        [found] = settings.keys()
        assert found.state == "wrong"
        assert "WEIGHBRIDGE_SIGNING_KEY_PASSWORD" in found.found + found.mend
        monkeypatch.setenv("WEIGHBRIDGE_SIGNING_KEY", "gcpkms:projects/p/key")
        [found] = settings.keys()
        assert found.found.startswith("signs by gcpkms;")


class TestLibraries:
    def test_a_python_without_a_lock(self, monkeypatch):
        monkeypatch.setattr(sys, "version_info", (3, 13, 1))
        [found] = libraries.python()
        assert found.state == "wrong"
        assert found.mend.startswith("uv venv --python 3.11 && ")

    def test_glibc(self, monkeypatch):
        monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.12")
        assert states(libraries.glibc()) == ["wrong"]
        monkeypatch.setattr(os, "confstr", lambda name: None)
        [found] = libraries.glibc()
        assert "musl" in found.mend
        monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36")
        monkeypatch.setattr(pinned, "installed", lambda: {"tfx": "1.21.0"})
        [found] = libraries.glibc()
        assert (found.state, found.found) == ("wrong", "2.36, and TFX 1.21.0 needs 2.39")

    def test_an_environment_that_departs_from_the_lock(self, monkeypatch):
        pins = pinned.pins(pinned.lock_of().read_text())
        monkeypatch.setattr(pinned, "installed", lambda: pins | {"numpy": "2.0.0"})
        [found] = libraries.lock()
        assert (found.state, "1 of another version: numpy 2.0.0 (pinned " in found.found) == ("warning", True)
        assert "uv pip install --require-hashes -r weighbridge.lock" in found.mend or "make -C" in found.mend
        monkeypatch.setattr(pinned, "installed", lambda: {"typer": pins["typer"]})
        [found] = libraries.lock()
        assert found.state == "wrong"
        assert re.search(r"2\d\d missing: absl-py", found.found)

    def test_a_folder_of_ones_own_that_hides_a_library(self, monkeypatch, tmp_path):
        (tmp_path / "kfp").mkdir()
        (tmp_path / "kfp/__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "kfp", raising=False)
        found = list(libraries.tfx())
        assert f"for Python 'kfp' is {tmp_path}/kfp/__init__.py, not the library" in [each.found for each in found]

    def test_libraries_that_tfx_does_not_take(self, monkeypatch):
        found = pinned.installed() | {"protobuf": "6.30.0"}
        monkeypatch.setattr(pinned, "installed", lambda: found)
        unmet, ok = libraries.tfx()
        assert (unmet.state, ok.state) == ("warning", "ok")
        assert unmet.found.startswith("not what TFX asks for: protobuf 6.30.0 (")


class TestMachine:
    @pytest.mark.parametrize(("free", "state"), [(100, "ok"), (3, "warning"), (0.5, "wrong")])
    def test_disk(self, monkeypatch, tmp_path, free, state):
        usage = type("Usage", (), {"free": int(free * 1024**3), "total": 200 * 1024**3})
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: usage)
        assert set(states(machine.disk(str(tmp_path / "work")))) == {state}

    def test_umask(self):
        code = "import os; os.umask({}); from weighbridge.doctor.machine import umask; print(next(umask()))"
        for mask, state in ((0o022, "ok"), (0o077, "warning"), (0o277, "wrong")):
            command = [sys.executable, "-c", code.format(mask)]
            said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
            assert f"state='{state}'" in said

    def test_the_containers_limits_count(self, monkeypatch):
        limits = {"memory.max": 2 * 1024**3, "memory.current": int(1.5 * 1024**3)}
        monkeypatch.setattr(machine, "_cgroup", lambda second, first: limits[second])
        monkeypatch.setattr(machine, "_cgroup_cores", lambda: 0.5)
        [memory], [cores] = machine.memory(), machine.cores()
        assert (memory.state, memory.found) == ("wrong", "0.5 GiB of 2.0 free")
        assert (cores.state, "by the container's limit" in cores.found) == ("warning", True)

    def test_a_gpu_that_is_hidden_or_without_libraries(self, monkeypatch):
        monkeypatch.setattr(machine.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(machine, "said", lambda *command: "NVIDIA H100, 560.1")
        monkeypatch.setattr(machine, "_has_cuda", lambda: False)
        [found] = machine.gpu()
        assert (found.state, "no CUDA libraries" in found.found) == ("warning", True)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        [found] = machine.gpu()
        assert found.mend == "unset CUDA_VISIBLE_DEVICES"
        monkeypatch.setattr(machine, "said", lambda *command: None)
        [found] = machine.gpu()
        assert "the driver gives no answer" in found.found

    def test_a_program_that_hangs_is_not_waited_for(self, monkeypatch):
        monkeypatch.setattr(machine, "_PROGRAM_S", 0.1)
        assert machine.said("sleep", "60") is None
        assert machine.said("false") is None
        assert machine.said("no-such-program-here") is None
        assert machine.said("echo", "yes") == "yes"

    def test_programs_are_told(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        for look in (programs.containers, programs.uv, programs.chromium):
            [found] = look()
            assert found.state == "ok"
        monkeypatch.delenv("WEIGHBRIDGE_SERVING_PYTHON", raising=False)
        monkeypatch.setattr(serving_python, "_IN_CHECKOUT", "nowhere")
        [found] = programs.serving()
        assert (found.state, "sh requirements/bootstrap.sh serving" in found.found) == ("ok", True)
        monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", sys.executable)
        [found] = programs.serving()
        assert (found.state, "lacks kserve" in found.found, found.mend) == ("wrong", True, f"Make it: {SET_UP}")
        (tmp_path / "python").write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / "python").chmod(0o755)
        monkeypatch.setenv("WEIGHBRIDGE_SERVING_PYTHON", str(tmp_path / "python"))
        [found] = programs.serving()
        assert (found.state, str(tmp_path / "python") in found.found) == ("ok", True)
        (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "docker").chmod(0o755)
        [found] = programs.containers()
        assert (found.state, found.mend) == ("warning", "See what it says: docker --version")


class TestWorkdir:
    def test_a_folder_that_cannot_be_one(self, tmp_path):
        (tmp_path / "file").touch()
        [found] = workdir.writable(str(tmp_path / "file/work"))
        assert (found.state, "--workdir" in found.mend) == ("wrong", True)
        [found] = workdir.writable("/proc/work")
        assert (found.state, found.retryable) == ("wrong", False)

    def test_nothing_is_left_there(self, tmp_path):
        assert states(workdir.writable(str(tmp_path / "new/work"))) == ["ok"]
        assert list(tmp_path.iterdir()) == []

    def test_the_clock_of_a_shared_disk(self, monkeypatch, tmp_path):
        monkeypatch.setattr(workdir, "skew_of", lambda folder: -90.0)
        warned, ok = workdir.writable(str(tmp_path))
        assert (warned.state, "90 s behind" in warned.found, ok.state) == ("warning", True, "ok")

    def test_who_holds_it_and_what_was_killed(self, tmp_path):
        space = Workspace(tmp_path, "taxi")
        add_run(space, 1)
        assert states(workdir.runs(str(tmp_path))) == ["ok"]
        with space.lock():
            held, _ = workdir.runs(str(tmp_path))
        assert (held.state, f"process {os.getpid()}" in held.found) == ("warning", True)
        assert held.mend == f"Wait for it, or end it: kill {os.getpid()}"

    def test_asking_does_not_hold_up_a_run_that_begins(self, tmp_path):
        space = Workspace(tmp_path, "taxi")
        add_run(space, 1)
        with space.lock():
            pass
        before = (space.folder / ".lock").stat()
        list(workdir.runs(str(tmp_path)))
        assert (space.folder / ".lock").stat() == before

    def test_a_lock_of_a_killed_process_is_no_trouble(self, tmp_path):
        space = Workspace(tmp_path, "taxi")
        ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        add_run(space, 1, "running", pid=int(ended.stdout))
        (space.folder / ".lock").write_text(json.dumps({"pid": int(ended.stdout), "since": "2026-01-01 10:00:00 UTC"}))
        killed, ok = workdir.runs(str(tmp_path))
        assert (killed.state, killed.found) == ("warning", "1 of the latest runs was killed")
        assert "1 left by killed processes, which the next run takes" in ok.found
        with space.lock():  # so it does
            assert str(os.getpid()) in locks.holder(space.folder / ".lock")


@pytest.fixture
def server():
    """Answers as it is told: status, headers, body; None keeps the caller waiting."""
    answers = {"answer": (200, {}, b"{}"), "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answers["asked"].append((self.path, dict(self.headers)))
            if answers["answer"] is None:
                time.sleep(1)
                return
            status, headers, body = answers["answer"]
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    answers["url"] = f"http://127.0.0.1:{served.server_port}/pipeline"
    yield answers
    served.shutdown()
    served.server_close()


class TestKubeflow:
    @pytest.mark.parametrize(
        ("answer", "state", "retryable", "told"),
        [
            ((200, {}, b'{"tagName": "2.17.0"}'), "ok", False, "2.17.0"),
            ((200, {}, b'{"tagName": "2.17.0", "multiUser": true}'), "wrong", False, "no namespace is named"),
            ((200, {}, b"<!doctype html>"), "wrong", False, "is no Kubeflow Pipelines 2"),
            ((404, {}, b"{}"), "wrong", False, "is no Kubeflow Pipelines 2"),
            ((401, {}, b""), "wrong", False, "the credentials are not taken (HTTP 401)"),
            ((302, {"Location": "/dex/auth"}, b""), "wrong", False, "the credentials are not taken (HTTP 302)"),
            ((308, {"Location": "https://k/apis/v2beta1/healthz"}, b""), "wrong", False, "sends on to https"),
            ((503, {}, b""), "wrong", True, "HTTP 503"),
            (None, "wrong", True, "no answer within 3 s"),
        ],
    )
    def test_what_the_endpoint_answers(self, monkeypatch, server, answer, state, retryable, told):
        monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", server["url"])
        monkeypatch.setenv("WEIGHBRIDGE_KFP_TOKEN", SECRET)
        monkeypatch.setattr(services, "_TIMEOUT_S", 0.3)
        server["answer"] = answer
        [found] = services.kubeflow()
        assert (found.state, found.retryable) == (state, retryable)
        assert told in found.found
        assert SECRET not in str(found)
        [(path, headers)] = server["asked"]
        assert (path, headers["Authorization"]) == ("/pipeline/apis/v2beta1/healthz", f"Bearer {SECRET}")

    def test_a_port_that_nobody_listens_on(self, monkeypatch):
        monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", "http://127.0.0.1:9")
        [found] = services.kubeflow()
        assert (found.state, found.retryable, "cannot be reached" in found.found) == ("wrong", True, True)

    def test_a_clock_that_is_not_the_servers(self, monkeypatch, server):
        monkeypatch.setenv("WEIGHBRIDGE_KFP_ENDPOINT", server["url"])
        server["answer"] = (200, {"Date": "Thu, 01 Jan 2032 00:00:00 GMT"}, b'{"tagName": "2.17.0"}')
        _, clock = services.kubeflow()
        assert (clock.state, "behind that of" in clock.found) == ("warning", True)


class TestCredentials:
    def test_they_are_named_and_never_shown(self, monkeypatch, home):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        (home / "key.json").write_text(SECRET)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "key.json"))
        (home / ".docker").mkdir()
        (home / ".docker/config.json").write_text(json.dumps({"auths": {"registry.example.com": {"auth": SECRET}}}))
        found = [*services.google(), *services.amazon(), *services.registry()]
        assert states(found) == ["ok", "ok", "ok"]
        assert found[1].found == "credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        assert found[2].found == "signed in to registry.example.com"
        assert SECRET not in str(found)

    @pytest.mark.usefixtures("home")
    def test_what_needs_them_and_what_is_half(self, monkeypatch):
        assert states([*services.google(), *services.amazon(), *services.registry()]) == ["ok", "ok", "ok"]
        monkeypatch.setenv("WEIGHBRIDGE_STORE", "gs://models")
        [found] = services.google()
        assert (found.state, found.mend) == ("warning", "gcloud auth application-default login")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
        assert states(services.google()) == ["wrong"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
        [found] = services.amazon()
        assert (found.state, "AWS_SECRET_ACCESS_KEY is not" in found.found) == ("wrong", True)

    def test_a_broken_file_of_a_registry(self, home):
        (home / ".docker").mkdir()
        (home / ".docker/config.json").write_text("{")
        broken, _ = services.registry()
        assert broken.state == "warning"


def test_a_build_of_jenkins(monkeypatch):
    assert states(settings.jenkins()) == ["ok"]
    monkeypatch.setenv("BUILD_URL", "https://jenkins.example.org/job/a/7/")
    missing, store, ok = settings.jenkins()
    assert missing.found == "not set: JENKINS_URL, WORKSPACE, JOB_NAME"
    assert "WEIGHBRIDGE_STORE is not set" in store.found
    assert ok.found == "build https://jenkins.example.org/job/a/7/"


def test_a_pipeline_lacks_what_lies_beside_it(weighbridge, tmp_path):
    folder = tmp_path / "parcel_pipeline"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "pipeline.py").write_text(
        "import weighbridge\nprint('noise')\n\nclass Parameters(weighbridge.Parameters):\n    data: str = 'gone.csv'\n"
        "\ndef create_pipeline(*given):\n    pass\n"
    )
    (folder / "gates.yaml").write_bytes((ROOT / "pipelines/taxi/gates.yaml").read_bytes())
    shown = weighbridge("doctor", folder / "pipeline.py", "--json")
    assert shown.code == 2
    found = {each["found"]: each for each in json.loads(shown.out)["findings"] if each["about"] == "pipeline"}
    assert found[f"no schema is reviewed yet at {folder / 'schema.pbtxt'}"]["mend"].startswith("weighbridge schema ")
    assert found["its data are not there: gone.csv"]["state"] == "wrong"


def test_locks_are_told_by_the_system(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert workdir._holder(path, "") == os.getpid()
    assert workdir._holder(path, "") is None


def test_a_file_system_of_layers_tells_another_device_than_the_system(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    path.touch()
    monkeypatch.setattr(workdir, "_locks", lambda: [(1, path.stat().st_ino, 4711)])
    assert workdir._holder(path, "process 4711, since 2026-01-01 10:00:00 UTC") == 4711
    assert workdir._holder(path, "process 4712, since 2026-01-01 10:00:00 UTC") is None
