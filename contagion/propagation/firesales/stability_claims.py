"""How likely, and how far, does one default spread through random claims? Theory, for ever more banks.

A creditor is vulnerable if the loss of one claim exceeds its capital. Near the first default a large random network has
no loops, and defaults spread through vulnerable banks as a branching process. Where they spread without end, further
banks fail that lost several claims; how many in the end follows from the share of failed debtors.

References
----------
Gai, Kapadia (2010), Proceedings of the Royal Society A 466, sections 2c and 2d, for the branching of vulnerable banks.
Gleeson, Cahalane (2007), Physical Review E 75, for the share that fails in the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real
from contagion.propagation.firesales.stability import SLACK, gai_kapadia_window

__all__ = ["ClaimsBranching", "gai_kapadia_theory"]

SMALLEST: Final = 1e-10


@dataclass(frozen=True)
class ClaimsBranching:
    """Theory of one default in random claims.

    `branching_number` is the mean number of vulnerable creditors of a vulnerable bank, `regime` ``unstable`` where it
    exceeds 1, else ``stable``; `contagion_probability` the chance that the default of a random bank spreads without
    end, and `extent` the share of all banks that fail then, nan where it cannot.
    """

    branching_number: float
    regime: str
    contagion_probability: float
    extent: float


def gai_kapadia_theory(mean_degree: Any, capital: Any, interbank_assets: Any) -> ClaimsBranching:
    """Probability and extent of contagion in random claims of infinitely many banks, those on defaulters being lost.

    Parameters
    ----------
    mean_degree
        Mean number of debtors and creditors, >= 0.
    capital, interbank_assets
        Shares of total assets, in [0, 1].

    Returns
    -------
    ClaimsBranching
        `gai_kapadia_simulation` simulates finitely many banks.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = gai_kapadia_theory(3.0, 0.04, 0.2)
    >>> round(found.contagion_probability, 3), round(found.extent, 3)
    (0.78, 0.94)
    """
    mean = real(mean_degree, "mean_degree", low=0.0)
    most = gai_kapadia_window(capital, interbank_assets).max_vulnerable_in_degree
    vulnerable = 1.0 if most is None else _at_most(most - 1, mean)
    number = mean * vulnerable
    if number <= 1.0:
        return ClaimsBranching(number, "stable", 0.0, float("nan"))
    ends = _dies_out(mean, vulnerable)
    extent = _extent(mean, float(capital), float(interbank_assets))
    return ClaimsBranching(number, "unstable", -math.expm1(mean * (ends - 1.0)), extent)


def _at_most(count: int, mean: float) -> float:
    """Probability that a Poisson number is at most `count`."""
    from scipy.special import gammaincc

    return float(gammaincc(count + 1, mean)) if count >= 0 else 0.0


def _dies_out(mean: float, vulnerable: float) -> float:
    """Chance u that a debt leads to finitely many defaults: u = 1 - v + v exp(z (u - 1)), the root below 1."""
    from scipy.optimize import brentq

    def surplus(chance: float) -> float:
        return 1.0 - vulnerable + vulnerable * math.exp(mean * (chance - 1.0)) - chance

    turning = 1.0 - math.log(mean * vulnerable) / mean  # where the slope is 0, between the roots
    return float(brentq(surplus, 0.0, turning, xtol=1e-15)) if surplus(turning) < 0.0 else turning


def _extent(mean: float, capital: float, claims: float) -> float:
    """Least positive share x of failed banks that reproduces itself."""
    from scipy.optimize import brentq
    from scipy.special import bdtrc

    spread = 12.0 * math.sqrt(mean) + 40.0
    debtors = np.arange(max(1, int(mean - spread)), int(mean + spread))
    weights = np.exp(debtors * math.log(mean) - mean - np.array([math.lgamma(j + 1.0) for j in debtors]))
    needed = _losses_to_fail(debtors, capital, claims)

    def surplus(share: float) -> float:
        return float((weights * bdtrc(needed - 1.0, debtors, share)).sum()) - share

    shares = np.geomspace(SMALLEST, 1.0, 400)
    falls_short = np.array([surplus(share) <= 0.0 for share in shares])
    first = int(falls_short.argmax())  # banks without debtors never fail: the last falls short
    return float(brentq(surplus, shares[first - 1], shares[first], xtol=1e-15)) if first else 0.0


def _losses_to_fail(debtors: NDArray[np.int64], capital: float, claims: float) -> FloatArray:
    """How many of equal claims must be lost before capital is, per number of debtors; one more than all if never."""
    losses: FloatArray = np.floor((capital + SLACK) * debtors / claims) + 1.0
    np.minimum(losses, debtors + 1.0, out=losses)
    return losses
