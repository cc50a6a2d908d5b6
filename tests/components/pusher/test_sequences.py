"""Any sequence of pushes, refusals, crashes and repeats keeps the promises."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.components.pusher.helpers import assert_whole, leftovers, make_model, versions, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model import ProductionRecord, production_history
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push

names = st.sampled_from(["a", "b", "c"])


class Pushes(RuleBasedStateMachine):
    """A destination beside a plain list of what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pushes-"))
        self.destination = self.folder / "production"
        self.models = {name: make_model(self.folder / name, name, size=50) for name in "abc"}
        self.digests = {name: tree_digest(model) for name, model in self.models.items()}
        self.served: list[str] = []  # model of version 1, 2, …
        self.recorded = 0
        self.runs = 0

    def evaluation(self, name: str, *, passed: bool = True) -> Path:
        self.runs += 1
        return weigh(self.folder / f"e{self.runs}", self.models[name], run_id=f"run-{self.runs}", passed=passed)

    @rule(name=names)
    def push_model(self, name: str) -> None:
        before = recorded(self.destination)
        pushed = push(self.models[name], self.evaluation(name), self.destination)
        same = bool(self.served) and self.served[-1] == name
        assert pushed.already == (same and self.recorded == len(self.served))
        if not same:
            self.served.append(name)
        self.recorded = len(self.served)
        assert pushed.record
        assert pushed.record.version == self.recorded
        assert leftovers(self.destination) == []
        if pushed.already:
            assert pushed.record == before

    @rule(name=names)
    def push_refused(self, name: str) -> None:
        assert push(self.models[name], self.evaluation(name, passed=False), self.destination).record is None

    @rule(name=names, other=names)
    def push_changed(self, name: str, other: str) -> None:
        if name != other:
            assert push(self.models[other], self.evaluation(name), self.destination).record is None

    @rule(name=names)
    def killed_before_record(self, name: str) -> None:
        """What a push leaves that was killed right after its version was in place."""
        shutil.copytree(self.models[name], self.destination / str(len(self.served) + 1))
        self.served.append(name)

    @rule()
    def killed_while_staging(self) -> None:
        """The next push removes it; until then, it must not be taken for a version."""
        self.runs += 1
        make_model(self.destination / f".staged-{self.runs}" / "model", "torn", size=20)

    @invariant()
    def versions_are_whole(self) -> None:
        record: ProductionRecord | None = assert_whole(self.destination, set(self.digests.values()))
        assert versions(self.destination) == list(range(1, len(self.served) + 1))
        for version, name in enumerate(self.served, start=1):
            assert tree_digest(self.destination / str(version)) == self.digests[name]
        assert (record.version if record else 0) == self.recorded
        history = [entry.version for entry in production_history(self.destination)]
        assert history == sorted(set(history))

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


TestPushes = Pushes.TestCase
TestPushes.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
