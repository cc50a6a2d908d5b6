"""What became of the requests of a segment: each has its line, whether it was answered or not."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from weighbridge.load.plan import Floats, Index

TIMED_OUT = -1
DISCONNECTED = -2

_WORDS = {TIMED_OUT: "timed out", DISCONNECTED: "connection lost"}


@dataclass(frozen=True)
class Answers:
    """The requests of a segment, in the order of the plan; times in seconds from the segment's begin.

    Attributes:
        planned: when each was to be sent [requests].
        sent: when it was handed to the connection; NaN where it never was [requests].
        free: when it could have been sent at the earliest: as planned, or when a connection became free [requests].
        done: when its answer was there, or it was given up [requests].
        status: HTTP status; `TIMED_OUT` or `DISCONNECTED` where there was none [requests].
        bodies: number of the body that was sent [requests].
        timeout_s: after which a request is given up, from when it was planned.
        lasted_s: from the segment's begin to the end of its last request.
        cpu_s: seconds that the generator itself computed.
        resent: requests that were sent again, since the server had closed the idle connection they went to.
        said: begin of the first answer of each status that is no success, by status.
    """

    planned: Floats
    sent: Floats
    free: Floats
    done: Floats
    status: npt.NDArray[np.int16]
    bodies: Index
    timeout_s: float
    lasted_s: float
    cpu_s: float
    resent: int = 0
    said: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.planned)

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which requests have no answer, or one that is no success [requests]."""
        return (self.status < 200) | (self.status >= 300)

    @property
    def latency_ms(self) -> Floats:
        """Milliseconds from when each was planned to its answer [requests].

        A request that failed has not been answered, however soon it failed: it counts as one that took as long as any
        may, or percentiles would get better the more fails.
        """
        latency: Floats = 1000.0 * np.where(self.failed, self.timeout_s, self.done - self.planned)
        return latency

    @property
    def lag_ms(self) -> Floats:
        """Milliseconds by which the generator itself was late to send each [sent requests]."""
        sent = ~np.isnan(self.sent)
        lag: Floats = 1000.0 * np.maximum(self.sent[sent] - self.free[sent], 0.0)
        return lag

    @property
    def queued(self) -> npt.NDArray[np.bool_]:
        """Which requests waited for a free connection [requests]."""
        return self.free > self.planned

    def errors(self) -> dict[str, int]:
        """How many requests failed, by what became of them: `503`, `timed out`, `connection lost`."""
        found = Counter(self.status[self.failed].tolist())
        return {_WORDS.get(status, str(status)): count for status, count in sorted(found.items())}

    def since(self, seconds: float) -> "Answers":
        """Those that were planned from so many seconds on: before, a server is emptier than it will be."""
        kept = self.planned >= seconds
        return Answers(
            **{name: getattr(self, name)[kept] for name in ("planned", "sent", "free", "done", "status", "bodies")},
            timeout_s=self.timeout_s,
            lasted_s=self.lasted_s,
            cpu_s=self.cpu_s,
            resent=self.resent,
            said=self.said,
        )
