"""How the declared risk is spent over attempts on the same evaluation data.

Each candidate that is weighed on the same rows is a chance of its own that one passes by luck: of k independent models
that lie exactly at a threshold, one passes with probability 1 - (1 - alpha)^k, which is 14 % for three and 40 % for
ten at alpha = 5 %. So attempt k is judged at a share of alpha, and the shares of all attempts that there can ever be
add up to one: by Boole's inequality all together pass such models at most with probability alpha, however they depend
on each other, and whatever made somebody try again. That alpha may be spent by a rule fixed beforehand, without knowing
how often one will look, is Lan and DeMets (Biometrika 70, 1983); for a sequence of hypotheses, each of which may depend
on what was found before, Foster and Stine (Journal of the Royal Statistical Society B 70, 2008), of whose rules this is
an investing one: a pass earns back what was spent. Behind a model that was pushed attempts count from 1: between two
pushes alpha is what all attempts together may pass by luck, and it is who goes on failing that is judged harder.

The shares fall as 1/k², the slowest of the simple rules that still leaves most to the first attempt: on fresh data
nearly two thirds of alpha are there, and the tenth attempt has z = 3.4 where the first has 1.9. Of shares that halve
the tenth would be 5e-5; equal ones for N attempts would cost the first as much as the last, and leave nothing for
attempt N + 1.
"""

import math

_ALL = math.pi**2 / 6  # sum of 1/k² over all k: Euler's solution of the Basel problem


def share(number: int) -> float:
    """The part of the declared risk at which attempt `number`, counted from 1, is judged: 6/(pi² number²)."""
    return 1 / (_ALL * number**2)


def by_luck(alpha: float, attempts: int) -> float:
    """How often at least one of independent models exactly at a threshold passes, each judged at `alpha`."""
    return float(-math.expm1(attempts * math.log1p(-alpha)))
