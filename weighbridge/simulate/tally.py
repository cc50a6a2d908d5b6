"""What many weighings came to, gate by gate."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weighbridge.simulate.rates import Bools, Rate, of_pairs
from weighbridge.verdict import Gate


@dataclass
class Counted:
    """How often something happened, among how many trials."""

    happened: int = 0
    trials: int = 0

    def add(self, happens: bool) -> None:
        """One trial more."""
        self.happened += happens
        self.trials += 1

    @property
    def rate(self) -> Rate:
        """Of trials that are independent."""
        return Rate.of(self.happened, self.trials)


@dataclass
class GateTally:
    """One gate.

    Attributes:
        gate: as it was judged first.
        refusals: of equally good models.
        pairs: the same by model and production, [models, models]; None where no pairs were weighed.
        at_threshold: passes of models whose true value lies exactly at the threshold.
        beyond: passes of models that are twice as far from an equal one as the threshold is.
        note: what was not simulated of it.
    """

    gate: Gate
    refusals: Counted = field(default_factory=Counted)
    pairs: Bools | None = None
    at_threshold: Counted = field(default_factory=Counted)
    beyond: Counted = field(default_factory=Counted)
    note: str = ""

    @property
    def refused(self) -> Rate:
        """How often it does not let an equally good model through."""
        if self.pairs is None or self.refusals.trials < self.pairs.size - len(self.pairs):
            return self.refusals.rate
        return of_pairs(self.pairs)

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "gate": self.gate.name,
            "severity": self.gate.severity,
            "threshold": self.gate.threshold,
            "unit": self.gate.unit,
            "refuses_equal": self.refused.document(),
            "passes_at_threshold": self.at_threshold.rate.document(),
            "passes_at_twice": self.beyond.rate.document(),
            "stated": None if self.gate.rates is None else self.gate.rates.model_dump(mode="json"),
            "note": self.note,
        }


@dataclass
class Tally:
    """All gates of one part of the verdict: quality, latency, data.

    Attributes:
        part: its name.
        verdict: how often any gate of it refuses.
        gates: by name.
        notes: what was not simulated, and why.
    """

    part: str
    verdict: Rate = field(default_factory=lambda: Rate.of(0, 0))
    gates: dict[str, GateTally] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, gate: Gate) -> GateTally:
        """The tally of a gate."""
        return self.gates.setdefault(gate.name, GateTally(gate))


@dataclass
class PairTally:
    """Adds up weighings of pairs of models.

    Attributes:
        tally: what they came to.
        models: how many there are.
    """

    tally: Tally
    models: int
    _refused: Bools = field(init=False)
    _by_gate: dict[str, Bools] = field(init=False)

    def __post_init__(self) -> None:
        self._refused = np.zeros((self.models, self.models), bool)
        self._by_gate = defaultdict(lambda: np.zeros((self.models, self.models), bool))

    def add(self, gates: Iterable[Gate], candidate: int, production: int) -> None:
        """One weighing."""
        listed = list(gates)
        self._refused[candidate, production] = any(gate.refuses for gate in listed)
        for gate in listed:
            tally = self.tally.of(gate)
            tally.refusals.add(not gate.passed)
            tally.pairs = self._by_gate[gate.name]
            tally.pairs[candidate, production] = not gate.passed

    def all_pairs(self) -> Tally:
        """The tally, where each model was weighed against each other one."""
        self.tally.verdict = of_pairs(self._refused)
        return self.tally

    def few_pairs(self, weighed: int) -> Tally:
        """The tally, where only so many pairs were weighed."""
        for each in self.tally.gates.values():
            each.pairs = None
        self.tally.verdict = Rate.of(int(self._refused.sum()), weighed)
        return self.tally
