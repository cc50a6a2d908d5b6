"""`weighbridge production`: what is live, where, since when, and whether it is what was weighed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json
from weighbridge.cli.places import AddressOption, StageOption, place_of_models
from weighbridge.common.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.components.production_model.record import ProductionRecord
    from weighbridge.runs.production import Production
    from weighbridge.runs.served.compared import Compared

_NEWEST = 10


def production(
    pipeline: PipelineArgument,
    stage: StageOption = "",
    destination: AddressOption = "",
    everything: Annotated[
        bool, typer.Option("--all", help=f"Show the whole history, not the newest {_NEWEST} versions.")
    ] = False,
    served: Annotated[
        list[str] | None,
        typer.Option("--served", metavar="URL", help="Ask this server what it serves; repeatable."),
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Ask the cluster that kubectl knows what it serves.")
    ] = False,
    namespace: Annotated[str, typer.Option("--namespace", help="There; else kubectl's own.")] = "",
    model_name: Annotated[
        str, typer.Option("--name", metavar="MODEL", help="The model's name at servers; else the pipeline's.")
    ] = "",
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    destinations: DestinationsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show which version of PIPELINE is live, where, since when, by which run, and what was live before.

    The model's bytes, the record and the verdict that it was pushed on are held against each other. The exit code is 0
    where all of it is whole or nothing is live yet, 2 where something contradicts, and 3 where it cannot be reached.
    With --served and --cluster so is what is really served: 2 where that has drifted, 3 where it is still on its way.
    """
    from weighbridge.runs.production import look_at_production
    from weighbridge.runs.served.look import look_at_served

    place = place_of_models(pipeline, stage, destination, workdir, store, destinations)
    found = look_at_production(place.definition.name, place.destination, "" if destination else place.stage)
    asked = bool(served) or cluster
    if (model_name or namespace) and not asked:
        alone = "--name" if model_name else "--namespace"
        raise UsageError(f"{alone} says something with --served or --cluster alone", "Add one, or leave it out.")
    seen = look_at_served(found, served or (), cluster=cluster, namespace=namespace, name=model_name) if asked else []
    code = _exit_code(found, seen)
    if as_json:
        print_json(_document(found) | _served_document(seen, asked) | {"exit_code": int(code)})
    else:
        _print(found, everything)
        _print_served(seen)
    raise typer.Exit(int(code))


def _exit_code(found: "Production", seen: "Sequence[Compared]") -> ExitCode:
    """What contradicts is for a person; what is on its way is safe to ask for again."""
    from weighbridge.runs.served.compared import worst

    if found.problems or worst(seen) == "drifted":
        return ExitCode.USAGE
    return ExitCode.INFRASTRUCTURE if worst(seen) == "behind" else ExitCode.PASSED


def _served_document(seen: "Sequence[Compared]", asked: bool) -> dict[str, Any]:
    return {"served": [each.model_dump(mode="json") for each in seen]} if asked else {}


_COLOURS = {"in step": "green", "behind": "yellow", "drifted": "red"}


def _print_served(seen: "Sequence[Compared]") -> None:
    from rich.markup import escape

    from weighbridge.cli.display import console

    out = console()
    if seen:
        out.print()
    for each in seen:
        out.print(f"[{_COLOURS[each.step]}]{each.step}[/]  {escape(each.serving.source)}: {escape(each.message)}")


def _document(found: "Production") -> dict[str, Any]:
    document = found.model_dump(mode="json", exclude={"verdict"})
    document["metrics"] = [
        gate.model_dump(mode="json", include={"name", "observed", "threshold", "unit", "severity"})
        for gate in found.key_gates
    ]
    return document


def _print(found: "Production", everything: bool) -> None:
    from rich.markup import escape

    from weighbridge.cli.display import console, print_error

    out = console()
    stage = f" in {found.stage}" if found.stage == "production" else f" at {found.stage}" if found.stage else ""
    if found.live is None:
        # With a contradiction nobody can say; what is wrong follows.
        state = "nobody can say what is live" if found.problems else "nothing is live yet"
        out.print(f"[bold]{escape(found.pipeline)}[/]{stage}: {state}")
        _fields(out, [("where", found.destination)])
    else:
        state = "[red]contradicts its records[/]" if found.problems else "[green]whole[/]"
        out.print(f"[bold]{escape(found.pipeline)}[/]{stage}: version {found.live.version}, {state}")
        _fields(out, _told(found, found.live))
    _history(out, found, everything)
    for note in found.notes:
        out.print(f"note: {escape(note)}")
    for problem in found.problems:
        print_error(problem.message, problem.hint)


def _told(found: "Production", live: "ProductionRecord") -> list[tuple[str, str]]:
    from weighbridge.report.text import short_digest

    fields = [
        ("where", found.place),
        ("since", f"{live.pushed_at:%Y-%m-%d %H:%M} UTC, {_age(live.pushed_at)}"),
        ("run", live.run_id),
    ]
    if back := live.rollback:
        why = f": {back.reason}" if back.reason else ""
        told = f"version {back.restores} again, in place of version {back.replaces}{why} (run {back.run_id})"
        fields.append(("rolled back", told))
    if live.promoted_from:
        fields.append(("promoted", f"from {live.promoted_from}"))
    if live.approved_by:
        fields.append(("approved", f"by {live.approved_by}" + (f" in {live.approved_in}" if live.approved_in else "")))
    fields.append(("model", live.model_digest))
    fields.append(("verified", "its bytes are those that were weighed" if found.whole else "its bytes are others"))
    fields.append(
        ("verdict", f"{live.verdict_digest} {found.verdict.outcome if found.verdict else '(not to be read)'}")
    )
    if live.signed_by:
        fields.append(("signed", f"by {live.signed_by[:12]}; weighbridge verify {found.place} checks it"))
    parts = {name: digest for name, digest in sorted(live.subject.items()) if digest.startswith("sha256:")}
    if parts:
        fields.append(("weighed", ", ".join(f"{name} {short_digest(digest)}" for name, digest in parts.items())))
    return [*fields, *_measured(found)]


def _measured(found: "Production") -> list[tuple[str, str]]:
    """Each quantity with all that was allowed: `0.9582 (≥ 0.85, ≤ 1.15)`."""
    from weighbridge.report.gate_groups import Line
    from weighbridge.report.text import value_text

    values: dict[str, str] = {}
    allowed: dict[str, list[str]] = {}
    for gate in found.key_gates:
        name = gate.name.partition(".")[2].rpartition(".")[0]
        values[name] = value_text(gate.observed, gate.unit)
        allowed.setdefault(name, []).append(Line("passed", name, (gate,)).allowed)
    return [(name, f"{value} ({', '.join(allowed[name])})") for name, value in values.items()]


def _age(moment: datetime) -> str:
    seconds = max((datetime.now(UTC) - moment).total_seconds(), 0.0)
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "just now"


def _fields(out: "Console", fields: list[tuple[str, str]]) -> None:
    """Names and values; an address or a digest is never cut, so it may be copied."""
    from rich.text import Text

    wide = max(len(name) for name, _ in fields)
    for name, value in fields:
        out.print(Text(f"  {name:<{wide}}  ", style="dim").append(value, style="not dim"))


def _history(out: "Console", found: "Production", everything: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    if len(found.history) + bool(found.problems) < 2 or not found.history:
        return
    shown = found.history if everything else found.history[:_NEWEST]
    table = Table("", "version", "pushed (UTC)", "run", "model", "by", box=None, pad_edge=False)
    withdrawn = set(found.live.withdrawn) if found.live else set()
    for version in shown:
        record = version.record
        mark = "live" if version.live else "removed" if not version.there else ""
        if not mark and record.model_digest in withdrawn:
            mark = "withdrawn"
        by = record.approved_by or ("promotion" if record.promoted_from else "its run")
        if record.rollback is not None:
            by = f"rollback to {record.rollback.restores}" + (f", {record.approved_by}" if record.approved_by else "")
        cells = (mark, str(record.version), f"{record.pushed_at:%Y-%m-%d %H:%M}", record.run_id)
        table.add_row(*map(Text, (*cells, record.model_digest.removeprefix("sha256:")[:12], by)))
    out.print()
    out.print(table)
    left = len(found.history) - len(shown)
    if left:
        out.print(f"{left} older {'version is' if left == 1 else 'versions are'} left out: --all shows all.")
