"""What a shell may complete: pipelines, runs, steps. A completion that fails completes nothing, and says nothing."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import typer

_WORKDIR = "work"
_RUNS = 30


def pipelines(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Pipelines that can be run, with what each is."""
    found: list[tuple[str, str]] = []
    with contextlib.suppress(Exception):
        from weighbridge.runs.listing import pipelines as listed

        found += [
            (each.reference.removeprefix("./") if not incomplete.startswith(".") else each.reference, each.description)
            for each in listed(Path.cwd(), _workdir(context))
        ]
    return [each for each in found if each[0].startswith(incomplete)]


def runs(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The latest runs with how each ended, and the words for a run."""
    found = [("latest", "the last run"), ("production", "the run whose model is in production")]
    with contextlib.suppress(Exception):
        from weighbridge.runs.workspace import latest_runs

        latest, _ = latest_runs(_workdir(context), None, _RUNS)
        found += [(run.record.run_id, f"{run.record.pipeline} {run.record.display_state}") for run in latest[::-1]]
    return [each for each in found if each[0].startswith(incomplete)]


def steps(context: typer.Context, incomplete: str) -> list[str]:
    """Steps of the run that is named before."""
    with contextlib.suppress(Exception):
        return [name for name in _steps(context) if name.startswith(incomplete)]
    return []


def _steps(context: typer.Context) -> Iterator[str]:
    from weighbridge.runs.references import find_reference

    run = find_reference(_workdir(context), context.params.get("run"))
    yield from (step.name for step in run.record.steps)


def _workdir(context: typer.Context) -> str:
    return str(context.params.get("workdir") or os.environ.get("WEIGHBRIDGE_WORKDIR") or _WORKDIR)
