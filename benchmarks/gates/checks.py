"""What progressive delivery does by default, restated: a number is held against a threshold, interval after interval.

Flagger (fluxcd/flagger, commit 15bd6ad): a check that fails holds the canary where it is; as many failed checks as
`threshold` roll it back. Its tutorial for Istio steps by 10 % of the traffic to 50 %, and gives up after 5 of them.
Argo Rollouts (argoproj/argo-rollouts, commit 9f8d111): an analysis measures `count` times, and fails once more than
`failureLimit` of the measurements did.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.gates.outcomes import Verdict

Check = Callable[[int], bool]
"""Whether the next so many calls are within the threshold."""


@dataclass(frozen=True)
class Flagger:
    """An analysis of Flagger's.

    Attributes:
        calls: to all pods in an interval.
        step: share of them that is added to the canary's at each check that succeeds.
        most: share at which the canary is promoted.
        threshold: failed checks that end it.
    """

    calls: int = 1200  # the tutorial's load test: 2 workers x 10 requests a second, for a minute
    step: float = 0.1
    most: float = 0.5
    threshold: int = 5

    def judge(self, within: Check) -> Verdict:
        """Promote or roll back."""
        steps, failed, used = 1, 0, 0
        while failed < self.threshold:
            calls = round(self.calls * self.step * steps)
            used += calls
            if not within(calls):
                failed += 1
            elif steps >= round(self.most / self.step):
                return "passed", used
            else:
                steps += 1
        return "refused", used


@dataclass(frozen=True)
class ArgoRollouts:
    """An analysis of Argo Rollouts'.

    Attributes:
        calls: of the canary in an interval.
        count: how often is measured.
        failure_limit: measurements that may fail.
    """

    calls: int = 400
    count: int = 10
    failure_limit: int = 3

    def judge(self, within: Check) -> Verdict:
        """Succeed or fail."""
        failed = 0
        for number in range(1, self.count + 1):
            failed += not within(self.calls)
            if failed > self.failure_limit:
                return "refused", number * self.calls
        return "passed", self.count * self.calls
