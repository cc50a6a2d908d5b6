"""What one look at the environment found."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        about: what was looked at: `python`, `disk`.
        state: `ok`; `warning`, which nothing fails of yet, or not for certain; `wrong`, of which a command fails.
        found: what was found, in one line; never a secret.
        mend: the command or sentence that mends it; empty where nothing has to be.
        retryable: whether it is the machine or the network that is wrong, and no setting: it may be right later.
    """

    about: str
    state: State
    found: str
    mend: str = ""
    retryable: bool = field(default=False, repr=False)

    def document(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


# A look takes part of a second; one that hangs is given up, see `weighbridge.doctor.examine`.
Probe = Callable[[], Iterator[Finding]]
