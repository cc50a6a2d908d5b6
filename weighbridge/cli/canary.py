"""`weighbridge canary`: a model to users step by step, judged by what Prometheus says of its requests."""

from typing import Annotated, Any

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    ReportsOption,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.promote import ApprovedInOption, ApprovedOption
from weighbridge.common.errors import UsageError

_EVERY_S = 30.0
_CLUSTERS = "stable,canary"

FromOption = Annotated[
    str,
    typer.Option("--from", metavar="STAGE", help="Stage that the model is at; else the last before production."),
]
PrometheusOption = Annotated[
    str,
    typer.Option(
        "--prometheus",
        envvar="WEIGHBRIDGE_PROMETHEUS",
        metavar="URL",
        help="Prometheus that scrapes both models.",
    ),
]
VersionOption = Annotated[
    int | None,
    typer.Option("--version", metavar="N", min=1, help="Or a version that lies where the canary's servers read."),
]
EnvoyOption = Annotated[
    str,
    typer.Option("--envoy", metavar="FOLDER", help="Set traffic in the routes.json that an Envoy reads there."),
]
EnvoyAdminOption = Annotated[
    str, typer.Option("--envoy-admin", metavar="URL", help="Envoy's admin interface, which says whether it took it.")
]
EnvoyClustersOption = Annotated[
    str, typer.Option("--envoy-clusters", metavar="STABLE,CANARY", help="Envoy's names of the two clusters.")
]
EveryOption = Annotated[float, typer.Option("--every", min=0.1, metavar="SECONDS", help="Time between two looks.")]
WaitForOption = Annotated[bool, typer.Option("--wait", help="Wait until another canary of this pipeline has ended.")]
AbortOption = Annotated[bool, typer.Option("--abort", help="End the canary that is on its way: roll it back.")]
JudgeOnlyOption = Annotated[
    bool, typer.Option("--judge-only", help="Judge one step that somebody else walks, e.g. Argo Rollouts; then end.")
]
StepOption = Annotated[int, typer.Option("--step", min=1, metavar="K", help="With --judge-only: which step, from 1.")]
StableOption = Annotated[
    int | None,
    typer.Option(
        "--stable", min=1, metavar="N", help="With --judge-only: production's version; else the one beside it."
    ),
]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes", min=0, metavar="M", help="With --judge-only: judge for so long, not as the step says."),
]
GatesOption = Annotated[
    str, typer.Option("--gates", metavar="FILE", help="With --judge-only: this gates.yaml, not the pipeline's.")
]


def canary(
    pipeline: PipelineArgument,
    prometheus: PrometheusOption = "",
    source: FromOption = "",
    version: VersionOption = None,
    approved_by: ApprovedOption = "",
    approved_in: ApprovedInOption = "",
    envoy: EnvoyOption = "",
    envoy_admin: EnvoyAdminOption = "",
    envoy_clusters: EnvoyClustersOption = _CLUSTERS,
    every: EveryOption = _EVERY_S,
    wait: WaitForOption = False,
    abort: AbortOption = False,
    judge_only: JudgeOnlyOption = False,
    step: StepOption = 1,
    stable: StableOption = None,
    minutes: MinutesOption = None,
    gates: GatesOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    reports: ReportsOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Deliver the model of PIPELINE to users step by step, on real servers under real traffic.

    The steps are the section `canary` of gates.yaml: shadow, 1 %, 10 %, 50 %, then production. At each the requests of
    canary and production are compared by what Prometheus says of them, by a sequential test whose error rates
    gates.yaml states. What is proven worse is rolled back at once; what stays open is held, then rolled back. Killed in
    the middle, the same command goes on. Without --envoy somebody else follows canary.json at production's
    destination, such as Argo CD.
    """
    if judge_only:
        _refuse_walking(wait=wait, abort=abort, envoy=envoy, source=source)
        _judge_only(pipeline, prometheus, version, stable, step, minutes, gates, every, as_json)
        return
    _refuse_alone(step, stable, minutes, gates)
    from weighbridge.cli.canary_display import CanaryDisplay
    from weighbridge.cli.display import print_outcome
    from weighbridge.cli.output import print_json, print_line
    from weighbridge.rollout.asked import CanaryRequest
    from weighbridge.rollout.request import Nothing, walk
    from weighbridge.runs.finish import check_reports, copy_reports

    request = CanaryRequest(
        pipeline=pipeline,
        prometheus=prometheus,
        source=source,
        version=version,
        approved_by=approved_by,
        approved_in=approved_in,
        envoy=envoy,
        envoy_admin=envoy_admin,
        envoy_clusters=envoy_clusters,
        every_s=every,
        wait=wait,
        abort=abort,
        destinations=destinations,
        store=store,
        workdir=workdir,
    )
    check_reports(reports)
    ended = walk(request, lambda terminal, section: CanaryDisplay(terminal, section, silent=as_json), print_line)
    document: dict[str, Any] = {"pipeline": ended.pipeline, "destination": ended.destination}
    if isinstance(ended, Nothing):
        if as_json:
            print_json(document | {"already": ended.already, "message": ended.message, "exit_code": 0})
        else:
            print_line(ended.message)
        return
    print_outcome(ended.outcome, as_json=as_json, **document, already=False)
    copy_reports(ended.outcome.run.folder, reports)
    raise typer.Exit(int(ended.outcome.exit_code))


def _refuse_alone(step: int, stable: int | None, minutes: float | None, gates: str) -> None:
    given = {
        "--step": step != 1,
        "--stable": stable is not None,
        "--minutes": minutes is not None,
        "--gates": bool(gates),
    }
    if alone := [name for name, there in given.items() if there]:
        raise UsageError(f"{alone[0]} says something with --judge-only alone", "Leave it out, or add --judge-only.")


def _refuse_walking(*, wait: bool, abort: bool, envoy: str, source: str) -> None:
    given = {"--abort": abort, "--wait": wait, "--envoy": bool(envoy), "--from": bool(source)}
    if walking := [name for name, there in given.items() if there]:
        raise UsageError(
            f"{walking[0]} says nothing with --judge-only, which walks and ends no canary",
            "Leave one of the two out.",
        )


def _judge_only(
    pipeline: str,
    prometheus: str,
    version: int | None,
    stable: int | None,
    step: int,
    minutes: float | None,
    gates: str,
    every: float,
    as_json: bool,
) -> None:
    """Judge a step; the exit code says whether it passed."""
    from pathlib import Path

    from weighbridge.cli.output import print_json, print_line
    from weighbridge.common.errors import ExitCode
    from weighbridge.rollout.judge import judge
    from weighbridge.rollout.judged import judge_step, stable_version
    from weighbridge.rollout.prometheus import Prometheus
    from weighbridge.rollout.watch import Watch
    from weighbridge.thresholds import load_gates

    if version is None:
        raise UsageError("--judge-only needs the canary's version", "Give --version N.")
    if stable == version:
        raise UsageError(
            f"--stable {stable} is the canary's own version", "Give production's, or leave it out to find it."
        )
    if gates:
        name, section = pipeline, load_gates(Path(gates)).canary
    else:
        from weighbridge.definition import load

        definition = load(pipeline)
        name, section = definition.name, load_gates(definition.folder / "gates.yaml").canary
    if step > len(section.steps):
        raise UsageError(
            f"--step {step}: gates.yaml has {len(section.steps)} steps", f"Give 1 to {len(section.steps)}."
        )
    server = Prometheus(prometheus)
    stable = stable or stable_version(server, name, version)
    watch = Watch(server, section, name, {"canary": str(version), "stable": str(stable)})
    found = judge_step(
        section,
        step,
        (version, stable),
        watch,
        judge,
        minutes=minutes,
        every_s=every,
        tell=lambda line: None if as_json else print_line(line),
    )
    code = ExitCode.PASSED if found.passed else ExitCode.REFUSED
    told = {"pipeline": name, "step": section.steps[step - 1].name, "passed": found.passed, "reason": found.reason}
    if as_json:
        print_json(told | {"gates": [gate.model_dump(mode="json") for gate in found.gates], "exit_code": int(code)})
    else:
        for gate in found.gates:
            print_line(f"{gate.status:<13} {gate.name}  {gate.message}")
        print_line(f"{'passed' if found.passed else 'refused'}: {found.reason}")
    raise typer.Exit(int(code))
