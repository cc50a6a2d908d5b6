"""Which version is in production, told by what a registry holds. Plain values: nothing is asked here. No tfx.

MLflow has no compare-and-set: whoever moves an alias overwrites where it pointed. What it does have is an order. The
server numbers the versions of a model itself, each number once, one above all that were ever given, deleted ones too;
it makes a version together with its tags in one transaction; and whoever sees version 7 sees every version below it
that there will ever be. So a model's versions are a log that many append to, and the log decides:

- **A push is committed by making its version**, once its files are there and verified. The version's tags say behind
  which version its push began (`after`): the head of the log as it was seen when the model was weighed against
  production.
- **Of all versions made behind the same head, the lowest number wins.** Each pusher reads the log again after it has
  made its version, and all come to the same answer. A version lost if another one, made behind the same head or a later
  one, lies between its own head and itself: production was changed, or claimed, before it was made. Losers never become
  the head, whether their pushers live to remove them or not.
- **The alias follows the head.** It is what serving asks for, so the winner moves it, and says on its version that it
  did (`settled`). Where the winner was killed in between, its version counts as production all the same, and whoever
  pushes next moves the alias first. Nobody waits, and no lock is held that a killed process would keep.
- **Whoever moves the alias looks again** and moves it on where the head went on meanwhile: a process that stood still
  between its last look and the move may set the alias back to its own, older version for that moment. If it is killed
  in this very moment it leaves it there: then an older version serves, one that was production before, as if a person
  had moved the alias back.
- **A person may move the alias**, which is how MLflow's users roll back. To a version that a Pusher made: then that one
  is in production, and the next model is weighed against it. To any other version, or to none: then what is in
  production was never weighed, and nobody guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from weighbridge.common.errors import UsageError
from weighbridge.storage.registry.address import RegistryAddress

Settled = Literal["", "production", "overtaken"]


@dataclass(frozen=True)
class Entry:
    """A version that a Pusher made.

    Attributes:
        number: the registry's.
        alias: that its push was for.
        after: the head of the log when its push began; 0 for none.
        replaces: the version in production when its push began; 0 for none.
        push: a word that no other push has. Two versions may have it, of a request that was served twice: the lower
            counts.
        record: the production record as JSON, without the number.
        source: artifact address of the model in MLflow's form.
        evidence: artifact address of what it was pushed on.
        run_id: MLflow's run whose files `source` are.
        model_digest: digest of the model's files.
        settled: `production` when the alias was moved to it, `overtaken` when it never will be; empty as yet.
    """

    number: int
    alias: str
    after: int
    replaces: int
    push: str
    record: str = ""
    source: str = ""
    evidence: str = ""
    run_id: str = ""
    model_digest: str = ""
    settled: Settled = ""


@dataclass(frozen=True)
class Log:
    """What a registry holds of a model, as seen at one moment.

    Attributes:
        address: the model, and the alias that is spoken of.
        points_at: the version that the alias points at; 0 for none.
        entries: versions that Pushers made, for whatever alias, by number.
        used: whether the alias pointed at a version that a Pusher made before.
    """

    address: RegistryAddress
    points_at: int = 0
    entries: Mapping[int, Entry] = field(default_factory=dict)
    used: bool = False

    @property
    def own(self) -> list[Entry]:
        """The versions that were made for this alias, by number."""
        return [entry for _, entry in sorted(self.entries.items()) if entry.alias == self.address.alias]

    def lost(self, entry: Entry) -> bool:
        """Whether another version of its alias was made in time between an entry's head and the entry."""
        return any(
            entry.after < other.number < entry.number and other.after >= entry.after
            for other in self.entries.values()
            if other.alias == entry.alias
        )

    @property
    def head(self) -> int:
        """The newest version that won; 0 for none."""
        return max((entry.number for entry in self.own if not self.lost(entry)), default=0)

    @property
    def pending(self) -> Entry | None:
        """The head, if the alias is still to be moved to it."""
        head = self.entries.get(self.head)
        waits = head is not None and not head.settled and self.points_at == head.replaces
        return head if waits else None

    @property
    def production(self) -> Entry | None:
        """What is in production; None where nothing was pushed yet.

        Raises:
            UsageError: the alias points at a version that no Pusher made, or at none although it did before.
        """
        if self.pending is not None:
            return self.pending
        if self.points_at in self.entries:
            return self.entries[self.points_at]
        newest = max((entry.number for entry in self.history), default=0)
        back = (
            f"mlflow.MlflowClient().set_registered_model_alias({self.address.name!r}, {self.address.alias!r}, VERSION)"
        )
        if self.points_at:
            raise UsageError(
                f"{self.address} points at version {self.points_at}, which no Pusher made: what is in production was "
                "never weighed",
                f"Move the alias back to a version that was: {back}"
                + (
                    f"; the newest is {newest}."
                    if newest
                    else f"; or remove the alias to begin anew with {self.address}."
                ),
            )
        if self.used or newest:
            raise UsageError(
                f"{self.address} points at no version, although it did before",
                f"Move the alias to what is in production: {back}"
                + (f"; the newest is {newest}." if newest else "; or, to begin anew, delete the registered model."),
            )
        return None

    @property
    def history(self) -> list[Entry]:
        """The versions of this alias that were in production once, or are, by number."""
        return [
            entry
            for entry in self.own
            if entry.settled == "production" or entry.number == self.points_at or entry == self.pending
        ]
