"""`weighbridge.runs`: earlier runs, as a list that shows itself as a table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from weighbridge.api.given import Pipeline, Place, place_of, reference, workdir_of
from weighbridge.api.result import Run
from weighbridge.common.errors import UsageError
from weighbridge.common.text import clean, mask
from weighbridge.definition import load
from weighbridge.runs.brief import data_name, weighed
from weighbridge.runs.record import Run as RunFolder
from weighbridge.runs.store import stores_of
from weighbridge.runs.workspace import latest_runs, workspaces

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("run", "pipeline", "kind", "state", "started", "data", "metric", "why")
_SHOWN = 30


class Runs(Sequence[Run]):
    """Runs, the latest last: by position as in a list, or by the beginning of an id.

    Args:
        folders: of the runs.
    """

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        self._folders = list(folders)

    def __len__(self) -> int:
        return len(self._folders)

    @overload
    def __getitem__(self, key: int | str) -> Run: ...
    @overload
    def __getitem__(self, key: slice) -> "Runs": ...
    def __getitem__(self, key: "int | str | slice") -> "Run | Runs":
        if isinstance(key, slice):
            return Runs(self._folders[key])
        if isinstance(key, int):
            return Run(self._folders[key])
        found = [each for each in self._folders if each.record.run_id.startswith(key)]
        if len(found) != 1:
            many = f"{len(found)} runs here begin" if found else "No run here begins"
            raise UsageError(f"{many} with {key!r}", "Give more of the id." if found else "See weighbridge.runs().")
        return Run(found[0])

    def __iter__(self) -> Iterator[Run]:
        return (Run(each) for each in self._folders)

    def to_frame(self) -> "pd.DataFrame":
        """A row per run: run, pipeline, kind, state, started, data, metric (the first that can refuse), why."""
        import pandas as pd

        return pd.DataFrame([_row(each) for each in self._folders], columns=list(_COLUMNS))

    def __repr__(self) -> str:
        if not self._folders:
            return "No runs."
        rows = [list(map(_text, _row(each).values())) for each in self._folders[-_SHOWN:]]
        widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (_COLUMNS, *rows)
        ]
        return clean(mask("\n".join([*lines, *self._left_out()])))

    def _repr_html_(self) -> str:
        from weighbridge.report.notebook import table_html

        shown = self._folders[-_SHOWN:]
        rows = [list(map(_text, _row(each).values())) for each in shown]
        states = ["refused" if each.record.display_state in ("refused", "failed", "killed") else "" for each in shown]
        columns = [(name, False) for name in _COLUMNS]
        notes = self._left_out() if rows else ["No runs."]
        return table_html([("", columns, rows, states)] if rows else [], notes=notes)

    def _left_out(self) -> list[str]:
        earlier = len(self._folders) - _SHOWN
        return [f"{earlier} earlier {'run is' if earlier == 1 else 'runs are'} left out."] if earlier > 0 else []


def runs(
    pipeline: Pipeline | None = None,
    *,
    last: int | None = None,
    workdir: Place | None = None,
    store: Place | None = None,
) -> Runs:
    """Earlier runs in the work directory, experiments and rehearsals too; the latest last.

    Args:
        pipeline: only runs of this one: its name, or a module by import path or file; None for all.
        last: how many at most; None for all.
        workdir: folder that keeps runs; None for `WEIGHBRIDGE_WORKDIR`, else `work`.
        store: what builds on all machines share, whose runs are brought here first; None for `WEIGHBRIDGE_STORE`.

    Raises:
        UsageError: there is no such pipeline.
        InfrastructureError: the store cannot be reached.
    """
    place = workdir_of(workdir)
    name = None if pipeline is None else _name(reference(pipeline), place)
    shared = place_of(store, "WEIGHBRIDGE_STORE")
    for each in stores_of(shared, place, name) if shared else ():
        each.bring()
    return Runs(latest_runs(place, name, last)[0])


def find_run(run: str, *, workdir: Place | None = None) -> Run:
    """The run of an id, the beginning of one, or a folder.

    Raises:
        UsageError: there is none, or several begin so.
    """
    from weighbridge.runs.workspace import find_run as find

    return Run(find(workdir_of(workdir), run))


def _name(given: str, workdir: str) -> str:
    """A pipeline's name; one whose code is gone is still that of its runs."""
    return given if given in {space.pipeline for space in workspaces(workdir)} else load(given).name


def _row(run: RunFolder) -> dict[str, object]:
    metric, why = weighed(run)
    record = run.record
    values = (
        record.run_id,
        record.pipeline,
        record.display_kind,
        record.display_state,
        record.started,
        data_name(run),
        metric,
        why,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _text(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)
