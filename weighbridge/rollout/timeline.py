"""Keeps a canary's timeline in the folder of its run: what was seen, how the gates stood, what was decided and why."""

import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from weighbridge.common import files
from weighbridge.common.errors import InfrastructureError
from weighbridge.evidence.rollout import ROLLOUT_FILE, RolloutEvent, read_rollout
from weighbridge.rollout.observed import Counts, Histogram, Window


class Timeline:
    """The events of one canary, and the windows that they tell of.

    Args:
        folder: of its run; what is there already is gone on from.

    Raises:
        UsageError: what is there is no timeline.
        InfrastructureError: it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / ROLLOUT_FILE
        try:
            self.events = list(read_rollout(folder))
            self._mend()
            self.windows = [window_of(event.window) for event in self.events if event.window is not None]
        except OSError as error:
            raise _cannot(self.path, error) from error

    def add(self, event: RolloutEvent) -> None:
        """Append an event; it is on the disk when this returns.

        Raises:
            InfrastructureError: the disk is full or fails; `events` has it all the same.
        """
        self.events.append(event)
        if event.window is not None:
            self.windows.append(window_of(event.window))
        line = event.model_dump_json(exclude_defaults=True).encode() + b"\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                before = os.fstat(descriptor).st_size
                if os.write(descriptor, line) < len(line):  # the disk is full: half a line would hide the next
                    os.ftruncate(descriptor, before)
                    raise OSError(28, os.strerror(28))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _cannot(self.path, error) from error

    @property
    def last(self) -> RolloutEvent | None:
        """The last look; None before the first."""
        return next((event for event in reversed(self.events) if event.kind == "look"), None)

    def _mend(self) -> None:
        """Take half a line away that a killed process left at the end."""
        if not self.path.exists() or (data := self.path.read_bytes()).endswith(b"\n") or not data:
            return
        files.write_bytes(self.path, data[: data.rfind(b"\n") + 1])
        self.events = list(read_rollout(self.path.parent))


def document_of(window: Window) -> dict[str, Any]:
    """A window as JSON has it; the infinite edge, of which there is one at the end of each histogram, is left out."""
    sides = {"canary": _counts(window.canary), "stable": _counts(window.stable)}
    return {"end": window.end.isoformat(), "seconds": window.seconds, "step": window.step, **sides}


def window_of(document: Mapping[str, Any]) -> Window:
    """The window that `document_of` wrote."""
    return Window(
        end=datetime.fromisoformat(document["end"]),
        seconds=float(document["seconds"]),
        step=int(document["step"]),
        canary=_parsed(document["canary"]),
        stable=_parsed(document["stable"]),
    )


def _counts(counts: Counts) -> dict[str, Any]:
    predictions = {name: _histogram(each) for name, each in counts.predictions.items()}
    business = {name: list(pair) for name, pair in counts.business.items()}
    return {**vars(counts), "seconds": _histogram(counts.seconds), "predictions": predictions, "business": business}


def _histogram(histogram: Histogram) -> dict[str, Any]:
    return {"edges": list(histogram.edges[:-1]), "counts": list(histogram.counts)}


def _parsed(document: Mapping[str, Any]) -> Counts:
    predictions = {name: _parsed_histogram(each) for name, each in document["predictions"].items()}
    business = {name: (int(pair[0]), int(pair[1])) for name, pair in document["business"].items()}
    seconds = _parsed_histogram(document["seconds"])
    return Counts(**{**document, "seconds": seconds, "predictions": predictions, "business": business})


def _parsed_histogram(document: Mapping[str, Any]) -> Histogram:
    return Histogram((*map(float, document["edges"]), math.inf), tuple(map(int, document["counts"])))


def _cannot(path: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(f"{path} cannot be read or written: {error.strerror or error}", "Run again.")
