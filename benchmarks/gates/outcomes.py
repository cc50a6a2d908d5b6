"""What rules answer, and how often: the rates of a cell of the tables."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Answer = Literal["passed", "refused", "undecided"]
Verdict = tuple[Answer, int]
"""What a rule answered, and after how many calls or rows of each contender."""
EQUAL, WITHIN, AT_MARGIN, TWICE = "equal", "within the margin", "at the margin", "twice the margin"
GOOD = (EQUAL, WITHIN)  # what a gate should let through


@dataclass(frozen=True)
class Cell:
    """How often a rule gave which answer where the truth is known.

    Attributes:
        gate: kind of gate: `latency`, `quality`, `drift`.
        stream: where the samples come from.
        rule: who judged.
        truth: `equal`, `within the margin`, `at the margin`, `twice the margin`, or another shift.
        verdicts: how many there were.
        refused: of them.
        undecided: of them: inconclusive, or the machine too noisy; refuses the model for now, says nothing of it.
        samples: calls or rows of each contender, the mean.
    """

    gate: str
    stream: str
    rule: str
    truth: str
    verdicts: int
    refused: int
    undecided: int
    samples: float

    @property
    def passed(self) -> int:
        """Of the verdicts."""
        return self.verdicts - self.refused - self.undecided

    @property
    def wrong(self) -> int:
        """Refused though it is allowed, or passed though it is not."""
        return self.refused if self.truth in GOOD else self.passed

    def share(self, count: int) -> str:
        """A count in per cent of the verdicts, with its binomial standard error."""
        return percent(count, self.verdicts)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def percent(count: int, of: int) -> str:
    """A share in per cent, with its binomial standard error.

    Where none or all were counted, that error would be 0; the share is then told to be less, or more, than the bound
    that a count of zero leaves with 95 % confidence (the rule of three: 3 / n).
    """
    if count in (0, of):
        bound = min(300 / of, 100.0)
        return f"< {bound:.2g} %" if count == 0 else f"> {100 - bound:.4g} %"
    share = count / of
    return f"{100 * share:.3g} ± {100 * math.sqrt(share * (1 - share) / of):.2g} %"


def weigh(verdicts: int, name: str, judge: Callable[[np.random.Generator], Verdict]) -> tuple[int, int, float]:
    """Let a rule judge so many times.

    Args:
        verdicts: how many.
        name: of what is weighed, from which the chance comes: all rules see the same samples.
        judge: gives a verdict from a source of chance.

    Returns:
        How often it refused, how often it was undecided, and the samples it took, the mean.
    """
    seeds = np.random.SeedSequence(list(name.encode())).spawn(verdicts)
    answers = [judge(np.random.default_rng(seed)) for seed in seeds]
    found = [answer for answer, _ in answers]
    return found.count("refused"), found.count("undecided"), float(np.mean([count for _, count in answers]))
