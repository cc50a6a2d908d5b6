"""All looks at once, each within a bounded time."""

import threading
import time
from collections.abc import Mapping
from functools import partial

from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.doctor import (
    libraries,
    machine,
    monitoring,
    pipelines,
    programs,
    services,
    settings,
    tracking,
    workdir,
)
from weighbridge.doctor.finding import Finding, Probe

LONGEST_S = 8.0


def probes(work: str, pipeline: str = "") -> dict[str, Probe]:
    """The looks, by what they look at, in the order in which they are shown.

    Args:
        work: the work directory.
        pipeline: one to look at, too; empty for none.
    """
    looks: dict[str, Probe] = {
        "python": libraries.python,
        "glibc": libraries.glibc,
        "lock": libraries.lock,
        "tfx": libraries.tfx,
        "disk": partial(machine.disk, work),
        "workdir": partial(workdir.writable, work),
        "runs": partial(workdir.runs, work),
        "umask": machine.umask,
        "locale": machine.locale,
        "clock": machine.clock,
        "memory": machine.memory,
        "cores": machine.cores,
        "gpu": machine.gpu,
        "variables": settings.variables,
        "keys": settings.keys,
        "kubeflow": services.kubeflow,
        "mlflow": partial(tracking.mlflow, work),
        "gs://": services.google,
        "s3://": services.amazon,
        "registry": services.registry,
        "jenkins": settings.jenkins,
        "prometheus": monitoring.prometheus,
        "containers": programs.containers,
        "uv": programs.uv,
        "serving": programs.serving,
        "chromium": programs.chromium,
    }
    return looks | ({"pipeline": partial(pipelines.pipeline, pipeline)} if pipeline else {})


def examine(looks: Mapping[str, Probe], longest_s: float = LONGEST_S) -> list[Finding]:
    """Look at everything at once.

    Args:
        looks: by what they look at.
        longest_s: seconds after which no look is waited for.

    Returns:
        What was found, in the order of the looks. One that does not end in time, or fails, is a finding, too.
    """
    found: dict[str, list[Finding]] = {}
    threads = {
        about: threading.Thread(target=_look, args=(about, look, found), daemon=True) for about, look in looks.items()
    }
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + longest_s
    for thread in threads.values():
        thread.join(max(0.0, end - time.monotonic()))
    hanging = f"no answer within {longest_s:g} s"
    mend = "Something hangs there: a disk that is not reachable, or a program."
    return [
        finding
        for about in looks
        for finding in found.get(about, [Finding(about, "wrong", hanging, mend, retryable=True)])
    ]


def exit_code(findings: list[Finding]) -> ExitCode:
    """0 where nothing is wrong; 2 where a setting or the environment is; 3 where only the machine or the network is."""
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if not wrong:
        return ExitCode.PASSED
    return ExitCode.INFRASTRUCTURE if all(finding.retryable for finding in wrong) else ExitCode.USAGE


def _look(about: str, look: Probe, found: dict[str, list[Finding]]) -> None:
    seen: list[Finding] = []
    try:
        seen.extend(look())
    except WeighbridgeError as error:
        retryable = error.exit_code == ExitCode.INFRASTRUCTURE
        seen.append(Finding(about, "wrong", error.message, error.hint, retryable))
    except Exception as error:  # a look that fails tells nothing of what it looked at
        seen.append(Finding(about, "warning", f"could not be looked at: {type(error).__name__}: {error}"))
    found[about] = seen
