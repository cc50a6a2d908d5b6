"""Shares of the two models' requests, compared window by window: what lies above a value, or below, with proof.

Both models answer in the same windows, so what hits both alike (a slow spell, a step of load, a burst of hard requests)
falls out of the difference of a window. Windows are weighted as Mantel & Haenszel do (Journal of the National Cancer
Institute 22, 1959). How much more the differences vary than independent requests would is estimated from the windows,
also over several of them in a row: the design effect (Kish 1965), which makes the variance honest where requests come
in bursts and slow spells of one model last.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weighbridge.rollout.sequential.boundary import evidence, standard_errors

Floats = npt.NDArray[np.float64]

_PRIOR_WINDOWS = 4.0  # worth of windows, of the design effect that is believed before there are any
_PRIOR_EFFECT = 2.0
_FEWEST_GROUPS = 4  # of windows in a row, to tell a variance from


@dataclass(frozen=True)
class Contrast:
    """The share of the canary less a multiple of production's, over all windows. Every field has the same shape.

    Attributes:
        canary: its share, each window with its weight.
        stable: production's, with the same weights; 0 where `times` is.
        times: multiple of production's share that is taken off; 0 where nothing is compared.
        weight: sum of the weights.
        of_canary: what p (1 - p) of the canary counts for in the variance of the weighted sum.
        of_stable: the same of production.
        most: most that one request of the canary adds to the sum.
        most_stable: the same of production.
        effect: the design effect, at least 1.
    """

    canary: Floats
    stable: Floats
    times: Floats | float
    weight: Floats
    of_canary: Floats
    of_stable: Floats
    most: Floats
    most_stable: Floats
    effect: Floats

    @property
    def difference(self) -> Floats:
        """The canary's share less `times` production's."""
        return self.canary - self.times * self.stable

    def under(self, null: Floats | float) -> tuple[Floats, Floats]:
        """Shares of both that differ by `null`, nearest to those seen: what the variance is told by.

        As in the score tests of Miettinen & Nurminen and of Farrington & Manning (Statistics in Medicine 4, 1985, and
        9, 1990), so that no failures at all are no proof of none.
        """
        if isinstance(self.times, float) and not self.times:
            there = np.clip(null + np.zeros_like(self.canary), 0.0, 1.0)
            return there, np.zeros_like(there)
        # Information of each side: more of it moves the restricted estimate less.
        ours, theirs = 1 / self.of_canary, 1 / self.of_stable
        base = (ours * self.times * (self.canary - null) + theirs * self.stable) / (ours * self.times**2 + theirs)
        lowest = np.maximum(0.0, -np.asarray(null) / self.times)
        highest = np.minimum(1.0, (1.0 - np.asarray(null)) / self.times)
        base = np.clip(np.clip(base, lowest, np.maximum(lowest, highest)), 0.0, 1.0)
        return np.clip(self.times * base + null, 0.0, 1.0), base

    def error(self, null: Floats | float) -> Floats:
        """Standard error of the difference, were it `null`."""
        ours, theirs = self.under(null)
        binomial = self.of_canary * ours * (1 - ours) + self.times**2 * self.of_stable * theirs * (1 - theirs)
        return np.asarray(np.sqrt(self.effect * binomial) / self.weight)

    def margin(self, null: Floats | float, sign: int, alpha: float, progress: Floats | float) -> Floats:
        """How far beyond `null` a difference must lie to prove that the true one lies there.

        Args:
            null: that is to be disproved.
            sign: 1 for above it, -1 for below.
            alpha: how often, at most, that is wrong at any look.
            progress: see `evidence`.
        """
        ours, theirs = self.under(null)
        normal = self.error(null) * standard_errors(alpha, progress)
        needed = evidence(alpha, progress) / (3 * self.weight)
        # Sums of few and rare events are skewed. Where they lie farther out than the normal boundary has it, by
        # Bernstein's term; where they lie nearer, by Cornish and Fisher's (a sum of Bernoulli trials is sub-Poisson).
        variance, other = self.of_canary * ours * (1 - ours), self.times**2 * self.of_stable * theirs * (1 - theirs)
        whole = np.where(variance + other > 0, variance + other, 1.0)
        skewed = variance * self.most * (1 - 2 * ours) - other * self.times * self.most_stable * (1 - 2 * theirs)
        nearer = np.minimum(np.maximum(-sign * skewed / whole, 0.0) * needed, normal / 2)
        up, down = (ours, 1 - ours), (theirs, 1 - theirs)
        rare = np.maximum(self.most * up[sign > 0], self.times * self.most_stable * down[sign > 0])
        farther = np.where(sign * skewed > 0, self.effect * rare * needed, 0.0)
        return np.asarray(normal + farther - nearer)

    def proves(self, null: Floats | float, sign: int, alpha: float, progress: Floats | float) -> npt.NDArray[np.bool_]:
        """Whether the difference is proven to lie above (`sign` 1) or below (-1) `null`; arguments as of `margin`."""
        beyond = sign * (self.difference - null)
        return np.asarray((beyond > 0) & (beyond >= self.margin(null, sign, alpha, progress)))

    def shifted(self, canary: Floats) -> "Contrast":
        """The same with another share of the canary."""
        return replace(self, canary=canary)


def contrast(canary: Floats, of: Floats, stable: Floats, of_stable: Floats, times: float = 1.0) -> Contrast:
    """Compare what was counted in windows.

    Args:
        canary: requests of a kind, shape [windows, ...]; a part of a request may count.
        of: all of its requests, shape [windows, ...] that fits the former.
        stable: the same of production.
        of_stable: likewise.
        times: multiple of production's share that is taken off; 0 for the canary's share alone.

    Returns:
        Of shape [...]. The weight is 0 where no window has requests of both.
    """
    of, of_stable = np.broadcast_to(of, canary.shape), np.broadcast_to(of_stable, stable.shape)
    weights = weights_of(of, of_stable) if times else of.astype(np.float64)
    there = weights > 0
    of, of_stable = np.where(there, of, 1.0), np.where(there & (of_stable > 0), of_stable, 1.0)
    weight = np.maximum(weights.sum(axis=0), np.finfo(np.float64).tiny)
    ours, theirs = canary / of, times * stable / of_stable
    share, their_share = (weights * ours).sum(axis=0) / weight, (weights * theirs).sum(axis=0) / weight
    parts, their_parts = weights**2 / of, (weights**2 / of_stable if times else np.zeros_like(weights))
    left = weights * ((ours - share) - (theirs - their_share))
    unscaled = their_share / times if times else their_share
    expected = parts * (share * (1 - share)) + times**2 * their_parts * (unscaled * (1 - unscaled))
    tiny = np.finfo(np.float64).tiny
    return Contrast(
        canary=share,
        stable=unscaled,
        times=times,
        weight=weight,
        of_canary=np.maximum(parts.sum(axis=0), tiny),
        of_stable=np.maximum(their_parts.sum(axis=0), tiny),
        most=(weights / of).max(axis=0),
        most_stable=(weights / of_stable).max(axis=0) if times else np.zeros_like(share),
        effect=design_effect(left, expected, there),
    )


def weights_of(of: Floats, of_stable: Floats) -> Floats:
    """Mantel and Haenszel's weights of windows with so many requests of the two; 0 where one has none."""
    total = of + of_stable
    return np.asarray(np.where(total > 0, of * of_stable / np.where(total > 0, total, 1.0), 0.0))


def design_effect(left: Floats, expected: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """How much more windows vary than independent requests would: at least 1.

    The most that single windows, or 2, 4, 8, … of them in a row, tell, as long as there are four such groups: of what
    lasts over several windows only groups tell (batch means; Glynn & Whitt, Operations Research Letters 10, 1991). What
    lasts longer than a group makes it resemble the next, which is added (the first lag of Newey & West, Econometrica
    55, 1987).

    Args:
        left: what is left of each window's weighted difference, shape [windows, ...].
        expected: its variance, were requests independent.
        there: whether the window has a weight.
    """
    windows = there.sum(axis=0)
    total = expected.sum(axis=0)
    known = total > 0
    divisor = np.where(known, total, 1.0)
    found = np.where(known, (left**2).sum(axis=0) / divisor, 1.0) * windows / np.maximum(windows - 1, 1)
    single = (_PRIOR_WINDOWS * _PRIOR_EFFECT + windows * found) / (_PRIOR_WINDOWS + windows)
    effect = np.maximum(1.0, single)
    length = 2
    while len(left) // length >= _FEWEST_GROUPS:
        groups = len(left) // length
        # The oldest that fill no group are left out.
        sums = left[-groups * length :].reshape(groups, length, *left.shape[1:]).sum(axis=1)
        whole = expected[-groups * length :].sum(axis=0)
        found = np.where(whole > 0, (sums**2).sum(axis=0) / np.where(whole > 0, whole, 1.0), 1.0)
        squares = (sums**2).sum(axis=0)
        alike = (sums[1:] * sums[:-1]).sum(axis=0) / np.where(squares > 0, squares, 1.0) + 1 / groups
        effect = np.maximum(effect, found * groups / (groups - 1) * (1 + 2 * np.maximum(alike, 0.0)))
        length *= 2
    return effect
