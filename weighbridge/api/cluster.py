"""`weighbridge.submit`: a pipeline on Kubeflow, from a cell to a verdict."""

import logging
import os
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.api.fresh import fresh_code
from weighbridge.api.given import Pipeline, Place, data_of, place_of, reference, settings_of
from weighbridge.api.notebook import LiveOutput, in_notebook
from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.kubeflow.client import submit as client
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.endpoint import from_environment
from weighbridge.kubeflow.client.outcome import KubeflowOutcome, outcome
from weighbridge.kubeflow.client.record import run_record
from weighbridge.kubeflow.client.runs import KubeflowRun, cancel, get_run, wait
from weighbridge.kubeflow.client.tasks import Task
from weighbridge.kubeflow.client.waiting import Waiting
from weighbridge.kubeflow.request import PackageRequest
from weighbridge.local.output_capture import captured_output
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.finish import finish_remote_run
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd


class ClusterRun:
    """A run on Kubeflow.

    Args:
        api: the server.
        run: as the server last told it.
        reused: it was there already: submitting started nothing.
        changed: why another run of the same things does not stand; empty for no such reason.
    """

    def __init__(self, api: Api, run: KubeflowRun, *, reused: bool = False, changed: str = "") -> None:
        self._api = api
        self._run = run
        self.reused = reused
        self.changed = changed
        self.warnings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its id."""
        return self._run.run_id

    @property
    def url(self) -> str:
        """Its page in Kubeflow's UI."""
        return self._run.url

    @property
    def pipeline(self) -> str:
        """Name of its pipeline."""
        return self._run.pipeline

    @property
    def status(self) -> str:
        """PENDING, RUNNING, SUCCEEDED, FAILED, CANCELING, CANCELED or PAUSED, as it is now: the server is asked.

        Raises:
            InfrastructureError: the server does not answer.
        """
        self._refresh()
        return self._run.state or "PENDING"

    @property
    def verdict(self) -> Verdict | None:
        """Its verdict; None while it goes on, or where it came to none: see `message`."""
        return self._outcome.verdict

    @property
    def passed(self) -> bool:
        """Whether it ended, came to a verdict, and that passed."""
        return self.exit_code == ExitCode.PASSED

    @property
    def exit_code(self) -> ExitCode:
        """What a command that shows it ends in; 3 while it goes on."""
        return self._outcome.exit_code

    @property
    def message(self) -> str:
        """Why there is no verdict, and what to do next; empty where the verdict is enough."""
        known = self._outcome
        return " ".join(filter(None, (known.message, known.hint)))

    @property
    def steps(self) -> "pd.DataFrame":
        """Its steps: name, state, seconds."""
        import pandas as pd

        self._refresh()
        return pd.DataFrame(_steps(self._run), columns=["name", "state", "seconds"])

    def wait(self, timeout: float | None = None) -> "ClusterRun":
        """Wait for the end; in a notebook the steps are shown as they go. Hooks are called as by `submit --wait`.

        Args:
            timeout: seconds to wait at most; the run goes on. None for as long as it takes.

        Returns:
            The run itself.

        Raises:
            InfrastructureError: the time is over, or the server did not answer.
            KeyboardInterrupt: the kernel was interrupted; the run goes on.
        """
        self._refresh()
        if self._run.ended:
            return self
        live = LiveOutput() if in_notebook() else None
        states = {task.name: task for task in self._run.tasks}

        def draw(note: str = "") -> None:
            if live is not None:
                live.show(self._html(list(states.values()), note))

        def on_task(task: Task) -> None:
            states[task.name] = task
            draw()

        def on_waiting(waiting: Waiting) -> None:
            draw(f"{waiting.step} waits: {waiting.reason}. {waiting.remedy}".strip())

        draw()
        self._run = wait(self._api, self.id, on_task, timeout=timeout, on_waiting=on_waiting)
        self.__dict__.pop("_ended", None)
        states.update({task.name: task for task in self._run.tasks})
        draw()
        ended = self._outcome
        with tempfile.TemporaryDirectory() as folder, captured_output(Path(folder, "log.txt"), verbose=False):
            told = finish_remote_run(
                run_record(ended), ended.verdict, ended.exit_code, url=self.url, reports="", display=SilentDisplay()
            )
        self.warnings = told.warnings
        return self

    def cancel(self) -> "ClusterRun":
        """End it; one that has ended stays as it is. Returns the run itself."""
        self._run = cancel(self._api, self.id)
        return self

    @property
    def _outcome(self) -> KubeflowOutcome:
        self._refresh()
        return self._ended if self._run.ended else outcome(self._api, self._run)

    @cached_property
    def _ended(self) -> KubeflowOutcome:
        return outcome(self._api, self._run)

    def _refresh(self) -> None:
        if not self._run.ended:
            self._run = get_run(self._api, self.id)

    def __repr__(self) -> str:
        lines = [f"{self._run.state or 'PENDING'}  {self.pipeline} on Kubeflow, run {self.id}", f"  {self.url}"]
        return "\n".join([*lines, *([f"  {self.changed}"] if self.changed else [])])

    def _repr_html_(self) -> str:
        from weighbridge.report.notebook import verdict_html

        verdict = self.verdict
        note = "" if verdict else self.message
        return self._html(list(self._run.tasks), note) + (verdict_html(verdict) if verdict else "")

    def _html(self, tasks: list[Task], note: str = "") -> str:
        from weighbridge.report.notebook import table_html

        rows = [(task.name, task.state.lower(), f"{task.seconds:.0f} s" if task.seconds else "") for task in tasks]
        states = ["refused" if task.state == "FAILED" else "" for task in tasks]
        columns = (("step", False), ("state", False), ("time", True))
        return table_html(
            [("", columns, rows, states)] if rows else [],
            title=f"{self.pipeline} on Kubeflow",
            aside=f"run {self.id}, {(self._run.state or 'PENDING').lower()}",
            notes=[*filter(None, (self.changed, note))],
            link=self.url,
        )


def submit(
    pipeline: Pipeline,
    *,
    image: str | None = None,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
    pipeline_root: str = "",
    destination: str = "",
    deliver_to: str = "",
    destinations: Place | None = None,
    store: Place | None = None,
    volumes: bool = True,
    fuse: bool = False,
    allow_tag: bool = False,
    experiment: str = client.EXPERIMENT,
    service_account: str | None = None,
    endpoint: str | None = None,
    namespace: str | None = None,
    force: bool = False,
    if_changed: bool = False,
    **parameters: Any,
) -> ClusterRun:
    """Run a pipeline on Kubeflow, as `weighbridge submit` does.

    ```python
    run = weighbridge.submit("taxi", image="registry.example.com/weighbridge@sha256:…", epochs=2)
    run.url
    run.wait().verdict
    ```

    Submitting the same data, code, parameters and thresholds again finds the run that is there. A run on Kubeflow is
    no experiment: what passes is pushed to `destination` or the stage `deliver_to`.

    Args:
        pipeline: its name, or a module of one's own by import path or file, or the module itself.
        image: that steps run in, by digest; None for `WEIGHBRIDGE_IMAGE`.
        data: input data, as steps reach it; None for the pipeline's own.
        settings: parameters to change whose names are arguments here too.
        pipeline_root: where artifacts go; empty for the server's own default.
        destination: where models are pushed to; empty for a folder in a volume.
        deliver_to: the stage to push to; empty for production.
        destinations: file that says where stages lie; None for `WEIGHBRIDGE_DESTINATIONS`.
        store: what builds on all machines share; None for `WEIGHBRIDGE_STORE`.
        volumes: keep production, checkpoints and earlier statistics in volumes of the cluster.
        fuse: let steps that want the same machine share a pod.
        allow_tag: accept an image by tag, although its content may change.
        experiment: experiment on Kubeflow; made where missing.
        service_account: of the run's pods; None for `WEIGHBRIDGE_KFP_SERVICE_ACCOUNT`, else the server's own.
        endpoint: Kubeflow's address; None for `WEIGHBRIDGE_KFP_ENDPOINT`. Secrets come from the environment alone.
        namespace: yours; None for `WEIGHBRIDGE_KFP_NAMESPACE`.
        force: start a run even if the same one is there already.
        if_changed: start a run only if something changed since the same one, production included.
        parameters: parameters of the pipeline to change.

    Raises:
        WeighbridgeError: what the command would report.
    """
    if force and if_changed:
        raise UsageError("force and if_changed exclude each other", "force starts a run whatever is there.")
    image = image if image is not None else os.environ.get("WEIGHBRIDGE_IMAGE", "")
    if not image:
        raise UsageError("No image is named for the steps to run in", "Give image=, or set WEIGHBRIDGE_IMAGE.")
    account = place_of(service_account, "WEIGHBRIDGE_KFP_SERVICE_ACCOUNT")
    api = connect(endpoint, namespace)
    api.check()  # compiling loads TFX, which takes many seconds
    named = reference(pipeline)
    with fresh_code(named):
        request = PackageRequest(
            named,
            data_of(data),
            settings_of(settings, parameters),
            image,
            pipeline_root,
            destination,
            volumes,
            allow_tag,
            fuse,
            deliver_to,
            place_of(destinations, "WEIGHBRIDGE_DESTINATIONS"),
            place_of(store, "WEIGHBRIDGE_STORE"),
        )
        with request.compiled() as package:
            made = client.submit(
                api,
                package,
                experiment=experiment,
                pipeline_root=pipeline_root,
                service_account=account,
                force=force,
                if_changed=if_changed,
            )
    return ClusterRun(api, made.run, reused=made.reused, changed=made.changed)


def cluster_run(run: str, *, endpoint: str | None = None, namespace: str | None = None) -> ClusterRun:
    """A run on Kubeflow by its id or its address, e.g. one that another kernel submitted.

    Raises:
        UsageError: there is no such run.
        InfrastructureError: the server does not answer.
    """
    api = connect(endpoint, namespace)
    return ClusterRun(api, get_run(api, run.rstrip("/").rpartition("/")[2]))


def connect(endpoint: str | None, namespace: str | None) -> Api:
    """The server that arguments and environment name."""
    # It would warn of every retry on stderr; what comes of them is said once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return Api(from_environment(endpoint, namespace))


def _steps(run: KubeflowRun) -> list[dict[str, Any]]:
    return [{"name": task.name, "state": task.state, "seconds": task.seconds} for task in run.tasks]
