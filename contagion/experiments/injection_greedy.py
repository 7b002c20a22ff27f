"""Who gets the next unit of money? Injections one after the other, each where it averts most for what it costs.

With default costs the best allocation is hard to find (a mixed-integer programme), and losses can fall in jumps, when a
node is saved altogether: every step therefore tries amounts that cure a node's shortfall as well as parts of what is
left. Nothing says how far from the best the result is.

References
----------
Li, Lin, Peleato-Inarrea, Pollak (2014), arXiv 1410.2570, for hardness if defaulters pay nothing. Kanellopoulos,
Kyropoulou, Zhou (2022), "Optimal bailouts and strategic debt forgiveness in financial networks", arXiv 2202.10986, for
what greedy bailouts can lose against the best ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Trial", "fill"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PARTS: Final = (1.0, 0.25, 1.0 / 16.0)
MOST_STEPS: Final = 64
LEAST_GAIN: Final = 1e-12


@dataclass(frozen=True)
class Trial:
    """What an allocation leads to.

    Parameters
    ----------
    loss : float
        Mean loss over the scenarios.
    touched : numpy.ndarray of bool, shape (n,)
        Nodes that lose something or fail in some scenario.
    lacking : list of numpy.ndarray
        Amounts, at least 0, by which each node falls short: one array per scenario.
    """

    loss: float
    touched: Flags
    lacking: Sequence[Floats]


def fill(
    attempt: Callable[[Floats], Trial], starts: Sequence[Floats], allowed: Flags, budget: float
) -> tuple[Floats, float]:
    """Spend a budget step by step; return the best allocation found and its loss.

    Parameters
    ----------
    attempt : callable
        Allocation, shape (n,) -> what it leads to.
    starts : sequence of numpy.ndarray
        Allocations the result is at least as good as, nothing at all besides.
    allowed : numpy.ndarray of bool, shape (n,)
        Who may receive money.
    budget : float
        Money at the most.
    """
    money = np.zeros(len(allowed))
    now = attempt(money)
    for _ in range(MOST_STEPS):
        step = _best_step(attempt, money, now, allowed, budget)
        if step is None:
            break
        money, now = step
    found, loss = money, now.loss
    for start in starts:
        other = attempt(start).loss
        if other < loss:
            found, loss = start, other
    return found, loss


def _best_step(
    attempt: Callable[[Floats], Trial], money: Floats, now: Trial, allowed: Flags, budget: float
) -> tuple[Floats, Trial] | None:
    """The single injection that averts most per unit of money, None where none averts anything."""
    left = budget - float(money.sum())
    if left <= LEAST_GAIN * budget or now.loss <= 0.0:
        return None
    best: tuple[float, Floats, Trial] | None = None
    for node in np.flatnonzero(allowed & now.touched).tolist():
        for amount in _amounts([float(one[node]) for one in now.lacking], left, budget):
            changed = money.copy()
            changed[node] += amount
            trial = attempt(changed)
            gain = (now.loss - trial.loss) / amount
            if now.loss - trial.loss > LEAST_GAIN * now.loss and (best is None or gain > best[0]):
                best = gain, changed, trial
    return None if best is None else (best[1], best[2])


def _amounts(lacking: Sequence[float], left: float, budget: float) -> list[float]:
    """Amounts to try: shortfalls (least, middle, largest of the scenarios, a hair more) and parts of the budget."""
    cures = sorted({amount * (1.0 + 1e-9) for amount in lacking if amount > 0.0})
    chosen = {cures[0], cures[len(cures) // 2], cures[-1]} if cures else set()
    parts = {min(left, share * budget) for share in PARTS}
    return sorted(amount for amount in chosen | parts if 0.0 < amount <= left)
