"""Walks a canary through its steps: look, judge, then hold, go on, promote or roll back; and go on after a kill.

What decides lies outside the process, in the state beside production's record and the samples in Prometheus, so that
whoever comes next goes on from there. The state is written before traffic is set, and a canary never gets more than
the state says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from weighbridge.common import interruption
from weighbridge.common.errors import InfrastructureError, WeighbridgeError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.rollout.decide import Decision, Look, decide
from weighbridge.rollout.in_force import InForce, insist
from weighbridge.rollout.journal import Journal
from weighbridge.rollout.observed import Window
from weighbridge.rollout.share import of_step, share_problem
from weighbridge.rollout.store import StateChangedError, StateStore
from weighbridge.rollout.timeline import Timeline
from weighbridge.rollout.traffic import Traffic, canary_alone, stable_alone
from weighbridge.rollout.walking import Checks, Clock, Ended, EndedElsewhereError, Judge, TakenOverError, Watcher
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate

LOOK_EVERY_S = 30.0
_TOO_MUCH_FOR = timedelta(minutes=5)  # Argo CD, for one, looks every three minutes


@dataclass(frozen=True)
class _Standing:
    """Whether production is as it was: it holds the canary already; is another; or nobody can tell."""

    done: bool = False
    fatal: str = ""
    problem: str = ""


@dataclass
class Walk:
    """One canary on its way.

    Attributes:
        gates: the section `canary` of gates.yaml.
        store: where its state lies.
        traffic: who divides the requests.
        watch: who looks at the monitoring.
        judge: makes gates of windows.
        timeline: what happened so far.
        intact: gates on the canary's bytes: are they those that were weighed?
        promote: makes the canary production and removes its state, given the state and its token; its gates, of which
            one that refuses means that nothing was changed.
        begun: is told once, when the canary's state is there.
        tell: is told of every event, for people to see.
        every_s: between two looks.
        clock: this machine's.
    """

    gates: CanaryGates
    store: StateStore
    traffic: Traffic
    watch: Watcher
    judge: Judge
    timeline: Timeline
    intact: Checks
    promote: Callable[[CanaryState, str], Sequence[Gate]]
    begun: Callable[[CanaryState], None] = lambda state: None
    tell: Callable[[RolloutEvent, CanaryState], None] = lambda event, state: None
    every_s: float = LOOK_EVERY_S
    clock: Clock = field(default_factory=Clock)
    _traffic: InForce = field(init=False)
    _journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self._traffic = InForce(self.traffic, self.clock)
        self._journal = Journal(self.gates, self.timeline, self.clock, self.tell)

    def begin(self, state: CanaryState, token: str) -> Ended:
        """Begin a canary whose version lies where servers find it.

        Args:
            state: of its first step.
            token: of the store, where there is no canary.

        Raises:
            StateChangedError: another canary began just now.
            TakenOverError, KeyboardInterrupt, InfrastructureError: as for `go_on`.
        """
        if refused := [gate for gate in self.intact(state) if gate.refuses]:
            return Ended("rolled_back", refused[0].message, tuple(refused), state)
        token = self.store.write(state, token, message=f"Begin a canary of version {state.canary.version}")
        self._journal.add("began", state, reason=f"Version {state.canary.version} beside version {state.stable}.")
        self.begun(state)
        self._traffic.apply(state)
        return self._walk(state, token)

    def go_on(self, state: CanaryState, token: str, run_id: str) -> Ended:
        """Go on with a canary that was left on its way.

        Args:
            state: as it lies there.
            token: its.
            run_id: of the run that walks it from now on: whoever walked it before finds it taken.

        Returns:
            How it ended.

        Raises:
            TakenOverError: somebody else goes on with it.
            KeyboardInterrupt: the process was asked to end; the canary stays where it is.
            InfrastructureError: it ought to be rolled back, and that fails for minutes; the state is left.
        """
        if state.run_id != run_id:
            state = state.model_copy(update={"run_id": run_id})
            told = f"Go on with the canary of version {state.canary.version}"
            token = self.store.write(state, token, message=told)
        last = self.timeline.last
        self._journal.add("resumed", state, reason=f"Taken up again at step {state.step + 1}.")
        if self._is_production(state):
            return self._finished(state, last.gates if last is not None else ())
        if state.phase == "rolling_back":
            return self._roll_back(state, token, "It was being rolled back when its process ended.", ())
        if last is not None and last.action == "roll_back" and last.at >= state.step_since:
            return self._roll_back(state, token, last.reason, last.gates)
        if state.step >= len(self.gates.steps):
            told = f"gates.yaml has {len(self.gates.steps)} steps, and the canary is at its step {state.step + 1}."
            return self._roll_back(state, token, told, ())
        self._recover(state)
        self._traffic.apply(state)
        return self._walk(state, token)

    def abort(self, state: CanaryState, token: str, reason: str) -> Ended:
        """End a canary: all requests go to stable, and its state is removed."""
        last = self.timeline.last
        gates = () if last is None else last.gates
        if self._is_production(state):
            return self._finished(state, gates)
        ended = self._roll_back(state, token, reason, gates)
        return self._finished(state, gates) if self._is_production(state) else ended

    def _walk(self, state: CanaryState, token: str) -> Ended:
        while True:
            interruption.check()
            try:
                token, standing = self._standing(state, token)
            except EndedElsewhereError as error:
                return self.ended_elsewhere(state, f"{error.message}.")
            look, seen = self._look(state, standing)
            if standing.done:
                last = self.timeline.last
                return self._finished(state, last.gates if last is not None else look.gates)
            decision = decide(self.gates, state, look)
            self._journal.add(
                "look", state, at=look.now, look=look, seen=seen, action=decision.action, reason=decision.reason
            )
            try:
                if decision.action == "next":
                    state, token = self._next(state, token, look.now)
                elif decision.action == "promote":
                    ended = self._promoted(state, token, look, decision)
                    if ended is not None:
                        return ended
                elif decision.action == "roll_back":
                    return self._roll_back(state, token, decision.reason, look.gates)
            except StateChangedError:
                pass  # by whom, the next look says
            except WeighbridgeError as error:  # a right that was taken away may come back, too
                if decision.action == "roll_back":
                    raise
                self._journal.add("look", state, reason=f"Could not go on: {error.message}.")
            self._pause()

    def _standing(self, state: CanaryState, token: str) -> tuple[str, "_Standing"]:
        """Whether the canary is still ours, beside the production that it began beside; and the state's token."""
        try:
            token = self._expect_own(state)
            production = self.store.production()
        except (TakenOverError, EndedElsewhereError):
            raise
        except WeighbridgeError as error:
            return token, _Standing(problem=f"The state cannot be read: {error.message}")
        if production is not None and production.model_digest == state.canary.model_digest:
            return token, _Standing(done=True)
        if (production.version if production else 0) == state.stable:
            return token, _Standing()
        now = f"version {production.version}, of run {production.run_id}" if production else "nothing"
        changed = f"Production is {now} by now, and was version {state.stable} when the canary began."
        return token, _Standing(fatal=changed)

    def _look(self, state: CanaryState, standing: "_Standing") -> tuple[Look, Window | None]:
        """How things stand, and the new window."""
        problems, fatal, window = [standing.problem] if standing.problem else [], standing.fatal, None
        windows = list(self.timeline.windows)
        now = self._journal.now
        try:
            seen = self.watch.look(windows[-1].end if windows else state.since, state.step)
            now, window = seen.now, seen.window
            self._journal.is_now(now)
            problems += seen.problems
            if seen.gone and not state.shadow:
                fatal = fatal or seen.gone
            if seen.ready:
                self._traffic.meet(state)
        except WeighbridgeError as error:  # credentials may run out, and queries be changed, in the middle
            problems.append(error.message)
        if window is not None:
            windows.append(window)
        problems += [each for each in (*self._traffic.problems(state), self._journal.problem) if each]
        wrong, too_much = share_problem(windows, state)
        if wrong:
            problems.append(wrong)
            if too_much and now - state.step_since > _TOO_MUCH_FOR:
                fatal = fatal or wrong
        gates = tuple(self.judge(self.gates, windows)) if windows else ()
        requests = sum(each.canary.requests for each in of_step(windows, state))
        return Look(now, gates, requests, tuple(problems), fatal), window

    def _expect_own(self, state: CanaryState) -> str:
        """Make sure that the state is still ours; its token as it is now, as others may have changed what is beside."""
        there, token = self.store.read()
        if there is None:
            raise EndedElsewhereError(f"The canary of version {state.canary.version} was ended by somebody else")
        if there != state:
            raise TakenOverError(
                f"Run {there.run_id} walks the canary of version {there.canary.version} now",
                "This run has no part in it any more; that one says how it ends.",
            )
        return token

    def _next(self, state: CanaryState, token: str, now: datetime) -> tuple[CanaryState, str]:
        step = self.gates.steps[state.step + 1]
        after = state.model_copy(
            update={"step": state.step + 1, "percent": step.percent, "shadow": step.shadow, "step_since": now}
        )
        told = "copies of requests" if step.shadow else f"{step.percent:g} % of requests"
        with interruption.deferred():
            token = self.store.write(after, token, message=f"Canary of version {state.canary.version}: {told}")
            self._traffic.apply(after)
        return after, token

    def _promoted(self, state: CanaryState, token: str, look: Look, decision: Decision) -> Ended | None:
        """Promote; None where that has to be tried again."""
        gates = tuple(self.intact(state))
        if not any(gate.refuses for gate in gates):
            gates = (*gates, *self.promote(state, token))
        if refused := [gate for gate in gates if gate.refuses]:
            return self._roll_back(state, token, refused[0].message, (*look.gates, *gates))
        return self._ended("promoted", decision.reason, (*look.gates, *gates), state, canary_alone(state))

    def _is_production(self, state: CanaryState) -> bool:
        """Whether the canary is in production already; False where nobody can tell."""
        try:
            self.store.read()
            production = self.store.production()
        except WeighbridgeError:
            return False
        return production is not None and production.model_digest == state.canary.model_digest

    def _finished(self, state: CanaryState, gates: Sequence[Gate]) -> Ended:
        """A promotion whose process was killed, or whose answer was lost, before it had removed the state."""
        there, token = self.store.read()
        if there is not None and there.canary.model_digest == state.canary.model_digest:
            self.store.write(None, token, message=f"Version {state.canary.version} is in production")
        told = "It was in production already, and only its state was left."
        return self._ended("promoted", told, gates, state, canary_alone(state))

    def finish(self, state: CanaryState, promoted: bool) -> Ended:
        """A canary that was ended by a process that was killed before it could say so."""
        last = self.timeline.last
        state = state if last is None else state.model_copy(update={"step": last.step})
        reason, gates = (last.reason, last.gates) if last else ("", ())
        if promoted:
            return self._ended("promoted", reason, gates, state, canary_alone(state))
        return self._ended("rolled_back", reason, gates, state, stable_alone(state))

    def ended_elsewhere(self, state: CanaryState, reason: str) -> Ended:
        """A canary without a state: whoever ended it need not be able to set the traffic, and this process is."""
        last = self.timeline.last
        gates = last.gates if last else ()
        if self._is_production(state):
            return self._finished(state, gates)
        if not self.traffic.follows:
            self._traffic.insist(stable_alone(state))
        return self._ended("rolled_back", reason, gates, state, None)

    def _roll_back(self, state: CanaryState, token: str, reason: str, gates: Sequence[Gate]) -> Ended:
        """Give all requests to stable, then remove the state; a process killed in between finds that it ends."""
        ending = stable_alone(state).model_copy(update={"phase": "rolling_back"})
        told = f"Roll back the canary of version {state.canary.version}\n\n{reason}"
        with interruption.deferred():
            if not self.traffic.follows:
                try:
                    token = self.store.write(ending, token, message=told)
                except StateChangedError:
                    raise
                except WeighbridgeError:
                    pass  # users first
                self._traffic.insist(ending)
            insist(self.clock, lambda: self.store.write(None, token, message=told))
        return self._ended("rolled_back", reason, gates, state, None)

    def _recover(self, state: CanaryState) -> None:
        """Look up what was seen before, where the timeline is not here: on another machine, or after a lost disk."""
        if self.timeline.windows or state.step == 0:
            return
        for window in self.watch.again(state.since, state.step_since, state.step - 1):
            self._journal.add("resumed", state, seen=window, reason="Looked up again.")

    def _ended(
        self,
        outcome: Literal["promoted", "rolled_back"],
        reason: str,
        gates: Sequence[Gate],
        state: CanaryState,
        traffic: CanaryState | None,
    ) -> Ended:
        if traffic is not None and not self.traffic.follows:
            try:
                self._traffic.insist(traffic)
            except InfrastructureError as error:  # both are good by now
                reason += f" But the requests are divided still as at its last step: {error.message}."
        self._journal.add("ended", state, reason=reason, outcome=outcome)
        return Ended(outcome, reason, tuple(gates), state)

    def _pause(self) -> None:
        """Wait for the next look, in parts: a request to end is heeded soon."""
        left = self.every_s
        while left > 0:
            interruption.check()
            part = min(left, 1.0)
            self.clock.sleep(part)
            left -= part
