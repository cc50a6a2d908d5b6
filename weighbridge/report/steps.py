"""How the steps of a run ended, as the runner tells it."""

from pydantic import BaseModel, ConfigDict


class StepOutcome(BaseModel):
    """How one step of the run ended: its state in a word, wall time in seconds, and one line about it."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    name: str
    state: str
    seconds: float = 0.0
    cached: bool = False
    rows: int | str | None = None
    note: str = ""
