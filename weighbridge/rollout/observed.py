"""What the monitoring saw of canary and stable, as numbers of requests. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EDGES = tuple[float, ...]


@dataclass(frozen=True)
class Histogram:
    """Counts by bucket.

    Attributes:
        edges: upper edges of the buckets, ascending; the last is infinite.
        counts: [edges] observations in each bucket alone (not cumulative).
    """

    edges: EDGES
    counts: tuple[int, ...]

    @cached_property
    def numbers(self) -> "npt.NDArray[np.float64]":
        """The counts as an array, shape [edges]: all windows are judged at every look."""
        import numpy as np

        return np.array(self.counts, dtype=np.float64)


@dataclass(frozen=True)
class Counts:
    """What one of the two models did in a window.

    Attributes:
        requests: that were answered, errors among them.
        errors: answered with a failure of the server (5xx), refused (4xx), or not answered at all.
        seconds: how long requests took, in seconds; those that failed may be left out.
        predictions: values predicted, by output.
        trials: of the business metric, such as recommendations shown; 0 where none is asked for.
        successes: of these, such as recommendations bought.
        memory_bytes: resident memory of its servers at the window's end, the most of any one; None for not told.
        restarts: of its servers within the window.
        business: trials and successes of each metric of the business, by its name in `gates.yaml`.
    """

    requests: int
    errors: int
    seconds: Histogram
    predictions: Mapping[str, Histogram] = field(default_factory=dict)
    trials: int = 0
    successes: int = 0
    memory_bytes: float | None = None
    restarts: int = 0
    business: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """The time between two looks at the monitoring.

    Attributes:
        end: when it ended, by the monitoring's clock; UTC.
        seconds: how long it was.
        step: position of the canary's step in `gates.yaml`, from 0.
        canary: what the canary did in it.
        stable: what production did in it.
    """

    end: datetime
    seconds: float
    step: int
    canary: Counts
    stable: Counts
