"""Submits a package: its pipeline and version, the experiment, and one run per key.

The key (digest of the package, of what it was made of, and of the options that a run is given besides) makes submitting
repeatable: its beginning is in the run's display name, which the server can filter by, and the whole of it in the run's
description. A run of the same key counts as *there* while it goes on, when it passed, and when a gate refused it: the
same things would be weighed again. It does not count when it was cancelled or archived, or failed for another reason
than a gate: then submitting again starts a new one. Whoever wants that only what *stands* counts asks for `if_changed`:
see `standing`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighbridge.common.digests import value_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.kubeflow.client.api import AlreadyThereError, Api
from weighbridge.kubeflow.client.outcome import outcome
from weighbridge.kubeflow.client.runs import KubeflowRun, cancel, describe, get_run, read_run
from weighbridge.kubeflow.client.standing import changed_since

if TYPE_CHECKING:
    from weighbridge.kubeflow.compile.package import Package

EXPERIMENT = "weighbridge"
_EQUALS = "EQUALS"
_PAGE = 50


@dataclass(frozen=True)
class Submission:
    """What submitting gave.

    Attributes:
        run: the run.
        reused: it was there already: nothing was started.
        pipeline_id: id of its pipeline on the server.
        version_id: id of the pipeline's version that holds the package.
        changed: why what the same one came to before does not stand; empty where that was not asked, or it does.
    """

    run: KubeflowRun
    reused: bool
    pipeline_id: str
    version_id: str
    changed: str = ""


def submit(
    api: Api,
    package: "Package",
    *,
    experiment: str = "",
    parameters: Mapping[str, Any] | None = None,
    pipeline_root: str = "",
    service_account: str = "",
    force: bool = False,
    if_changed: bool = False,
) -> Submission:
    """Run a package, unless the same one runs or ran to a verdict already.

    Args:
        api: the server.
        package: what `compile_package` made.
        experiment: name of the experiment, made where it is missing; by default `weighbridge`.
        parameters: values of the package's runtime parameters.
        pipeline_root: where artifacts go; by default what the package or the server sets.
        service_account: that all pods of the run have; by default the server's own.
        force: start a run even so.
        if_changed: an earlier run counts only if production and the place it pushed to are as it left them, too.

    Raises:
        UsageError: the server refuses the package, a value, or the account that asks; or production cannot be read.
        InfrastructureError: the server does not answer. Where it may have started the run all the same, the hint says
            how to find out before submitting again.
    """
    pipeline_id, version_id = upload(api, package)
    key = _key(package, parameters, pipeline_root, service_account)
    name = _display_name(package, key)
    before = list(_runs_named(api, name))
    changed: dict[str, str] = {}  # by the ids of the runs that do not stand
    for there in () if force else _counting(api, before, key):
        if not (if_changed and (why := changed_since(api, there, package))):
            return Submission(get_run(api, there.run_id), True, pipeline_id, version_id)
        changed[there.run_id] = why
    models = api.models
    body = models.V2beta1Run(
        experiment_id=experiment_id(api, experiment or EXPERIMENT),
        display_name=name,
        description=describe(marks(package, key)),
        pipeline_version_reference=models.V2beta1PipelineVersionReference(
            pipeline_id=pipeline_id, pipeline_version_id=version_id
        ),
        runtime_config=models.V2beta1RuntimeConfig(
            parameters=dict(parameters or {}), pipeline_root=pipeline_root or None
        ),
        service_account=service_account or None,
    )
    made = _created(api, package.pipeline, body, {run.run_id for run in before})
    if not force:
        # Two who submit at once both find nothing and both start: the later gives way.
        listed = (run for run in _runs_named(api, name) if run.run_id not in changed)
        first = next(_counting(api, listed, key), made)
        if first.run_id != made.run_id:
            cancel(api, made.run_id)
            return Submission(get_run(api, first.run_id), True, pipeline_id, version_id)
    return Submission(made, False, pipeline_id, version_id, next(iter(changed.values()), ""))


def _created(api: Api, pipeline: str, body: Any, known: set[str]) -> KubeflowRun:
    """Create a run; one that is there although the server's answer was an error is adopted.

    Kubeflow's API server starts the workflow first and stores the run then: an error, or an answer that got lost, does
    not mean that nothing runs.

    Args:
        api: the server.
        pipeline: the pipeline's name, for errors.
        body: of the request.
        known: ids of the runs of this display name that were there before.
    """
    try:
        return read_run(api, api.call(f"a run of {pipeline}", api.client.runs.run_service_create_run, body))
    except InfrastructureError as error:
        adopted = [run for run in _runs_named(api, body.display_name) if run.run_id not in known]
        if adopted:
            return min(adopted, key=_age)
        space = api.endpoint.namespace or "kubeflow"
        raise InfrastructureError(
            f"{error.message}. The run is not listed, but Kubeflow may have started its workflow all the same",
            f"Before you submit again, look for it: kubectl get workflows -n {space} --sort-by=.metadata."
            f"creationTimestamp; and end it: kubectl delete workflow -n {space} NAME.",
        ) from error


def upload(api: Api, package: "Package") -> tuple[str, str]:
    """Make the pipeline and the version named by the package's digest, where they are not there yet.

    Returns:
        Ids of the pipeline and of the version.

    Raises:
        UsageError: the server refuses the package.
    """
    pipelines = api.client.pipelines
    pipeline_id = _pipeline_id(api, package.pipeline)
    if pipeline_id is None:
        body = api.models.V2beta1Pipeline(display_name=package.pipeline, namespace=api.endpoint.namespace or None)
        try:
            what = f"pipeline {package.pipeline}"
            pipeline_id = api.call(what, pipelines.pipeline_service_create_pipeline, body).pipeline_id
        except AlreadyThereError:
            pipeline_id = _pipeline_id(api, package.pipeline)
            if pipeline_id is None:
                raise
    name = version_name(package)
    version_id = _version_id(api, pipeline_id, name)
    if version_id is None:
        method = api.client.pipeline_uploads.upload_pipeline_version
        what = f"package {package.path.name} as version {name} of {package.pipeline}"
        try:
            version_id = api.call(
                what, method, str(package.path), name=name, pipelineid=pipeline_id
            ).pipeline_version_id
        except AlreadyThereError:
            version_id = _version_id(api, pipeline_id, name)
            if version_id is None:
                raise
    return str(pipeline_id), str(version_id)


def version_name(package: "Package") -> str:
    """Name of the version that holds a package: from its digest, in the 63 characters that Kubernetes allows."""
    return f"sha256-{package.digest.removeprefix('sha256:')[:40]}"


def experiment_id(api: Api, name: str) -> str:
    """The id of an experiment, which is made where it is missing.

    Raises:
        UsageError: it was archived, or cannot be made.
    """
    experiments = api.client.experiments
    options = {"filter": _equals(display_name=name), **_namespace(api)}
    found = api.call("the experiments", experiments.experiment_service_list_experiments, **options).experiments or []
    if found:
        if found[0].storage_state == "ARCHIVED":
            raise UsageError(f"Experiment {name!r} is archived", "Restore it in the UI, or name another: --experiment.")
        return str(found[0].experiment_id)
    body = api.models.V2beta1Experiment(display_name=name, namespace=api.endpoint.namespace or None)
    what = f"experiment {name}"
    return str(api.call(what, experiments.experiment_service_create_experiment, body).experiment_id)


def marks(package: "Package", key: str) -> dict[str, str]:
    """What a run's description holds: two digests, of fixed length whatever the pipeline; the version has the rest."""
    return {"key": key, "package": package.digest}


def _key(
    package: "Package", parameters: Mapping[str, Any] | None, pipeline_root: str = "", service_account: str = ""
) -> str:
    """Digest of everything that decides what a run does and where it pushes.

    The package's bytes hold destination, volumes, image and resources; its key what the steps' code and data are.
    """
    return value_digest([package.key, package.digest, dict(parameters or {}), pipeline_root, service_account])


def _display_name(package: "Package", key: str) -> str:
    return f"{package.pipeline}-{key.removeprefix('sha256:')[:12]}"


def _counting(api: Api, runs: Iterable[KubeflowRun], key: str) -> Iterator[KubeflowRun]:
    """The runs of this key that count: those that go on or passed, the oldest first, then refused ones."""
    alike = [run for run in sorted(runs, key=_age) if run.marks.get("key") == key and not run.archived]
    yield from (run for run in alike if run.state not in ("FAILED", "CANCELING", "CANCELED"))
    for run in alike:
        if run.state == "FAILED" and outcome(api, get_run(api, run.run_id)).exit_code == ExitCode.REFUSED:
            yield run


def _age(run: KubeflowRun) -> tuple[float, str]:
    return (run.created.timestamp() if run.created else 0.0, run.run_id)


def _runs_named(api: Api, name: str) -> Iterator[KubeflowRun]:
    token = ""
    while True:
        options = {"filter": _equals(display_name=name), "page_size": _PAGE, "page_token": token, **_namespace(api)}
        answer = api.call("the runs", api.client.runs.run_service_list_runs, **options)
        for raw in answer.runs or []:
            yield read_run(api, raw)
        token = answer.next_page_token or ""
        if not token:
            return


def _pipeline_id(api: Api, name: str) -> str | None:
    options = {"filter": _equals(display_name=name), **_namespace(api)}
    found = api.call("the pipelines", api.client.pipelines.pipeline_service_list_pipelines, **options).pipelines
    return str(found[0].pipeline_id) if found else None


def _version_id(api: Api, pipeline_id: str, name: str) -> str | None:
    method = api.client.pipelines.pipeline_service_list_pipeline_versions
    found = api.call("the versions", method, pipeline_id, filter=_equals(display_name=name)).pipeline_versions
    return str(found[0].pipeline_version_id) if found else None


def _namespace(api: Api) -> dict[str, str]:
    return {"namespace": api.endpoint.namespace} if api.endpoint.namespace else {}


def _equals(**fields: str) -> str:
    predicates = [{"operation": _EQUALS, "key": key, "stringValue": value} for key, value in fields.items()]
    return json.dumps({"predicates": predicates})
