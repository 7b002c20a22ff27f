"""Where do values settle that depend on one another? Sweeps from above or below, stopped by a bound on what is left.

Equity of every node is its face equity less what its claims lose, and claims lose with the debtor's equity. The map
never falls in equity, so sweeps from claims at face value come down to the greatest solution, sweeps from worthless
claims up to the least.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contagion.arrays import FloatArray
from contagion.balance_sheets import BalanceSheets
from contagion.errors import ConvergenceError, ValueRangeError

__all__ = ["Revaluation", "Settled", "settled"]

TOLERANCE = 1e-12
RATIOS = 5
SLACK = 1e-9


@dataclass(frozen=True)
class Revaluation:
    """The map from equity to equity, in the inner order of nodes.

    Parameters
    ----------
    sheets : BalanceSheets
        Whose claims are revalued.
    face : numpy.ndarray, shape (n,)
        Equity with all claims at face value.
    value : callable
        Worth of claims on each node per unit of face value, from equity, both of shape (n,).
    """

    sheets: BalanceSheets
    face: FloatArray
    value: Callable[[FloatArray], FloatArray]

    def with_values(self, values: FloatArray) -> FloatArray:
        """Equity if claims on each node are worth this share; losses are summed in the order of debts."""
        claims = self.sheets.claims
        losses = claims.amount * (1.0 - values[claims.debtor])
        return self.face - np.bincount(claims.creditor, losses, claims.n)

    def step(self, equity: FloatArray) -> FloatArray:
        """Equity if claims are worth what this equity of the debtors makes them."""
        return self.with_values(self.value(equity))


@dataclass(frozen=True)
class Settled:
    """A solution: equity, how many times the map was applied, and by how much the map still moves it."""

    equity: FloatArray
    rounds: int
    residual: float


def settled(
    system: Revaluation,
    *,
    scale: float,
    max_rounds: int,
    least: bool = False,
    jump: Callable[[FloatArray, FloatArray], tuple[FloatArray, bool] | None] | None = None,
) -> Settled:
    """Return the greatest (or least) equity that the map leaves as it is.

    Stops when the residual r and the largest q of the last five ratios of residuals say that at most
    r q / (1 - q) <= 1e-12 x `scale` is left, or when equity repeats bit for bit.

    Parameters
    ----------
    system : Revaluation
        The map.
    scale : float
        Money against which accuracy is measured.
    max_rounds : int
        After how many rounds to give up.
    least : bool
        Sweep up from worthless claims.
    jump : callable, optional
        From equity before and after a round to equity further down that is still at least the greatest solution,
        and whether it is the solution; or None.

    Raises
    ------
    ConvergenceError
        With round, residual and worst node.
    ValueRangeError
        If a round goes up (down for `least`): the valuation falls somewhere.
    """
    start = np.zeros(system.sheets.n) if least else np.ones(system.sheets.n)
    equity = system.with_values(start)
    ordered = np.maximum if least else np.minimum
    ratios: deque[float] = deque(maxlen=RATIOS)
    before = np.nan
    for rounds in range(1, max_rounds + 1):
        found = system.step(equity)
        moved = ordered(equity, found)
        _check_direction(system, np.abs(found - moved), scale)
        gap = float(np.abs(moved - equity).max())
        ratios.append(gap / before if before > 0.0 else np.inf)
        if gap == 0.0 or _close(gap, max(ratios), scale):
            return Settled(moved, rounds, gap)
        before = gap
        lower = None if jump is None else jump(equity, moved)
        if lower is not None:
            ratios.clear()
            before = np.nan
            moved, solved = lower
            if solved:
                return Settled(moved, rounds, float(np.abs(system.step(moved) - moved).max()))
        equity = moved
    gaps = np.abs(system.step(equity) - equity)
    raise ConvergenceError(
        "values do not settle",
        round=max_rounds,
        gap=float(gaps.max()),
        worst=str(system.sheets.name(int(gaps.argmax()))),
        remedy="raise max_rounds",
    )


def _close(gap: float, ratio: float, scale: float) -> bool:
    return ratio < 1.0 and gap * ratio / (1.0 - ratio) <= TOLERANCE * scale


def _check_direction(system: Revaluation, back: FloatArray, scale: float) -> None:
    if back.max() > SLACK * scale:
        place = int(back.argmax())
        raise ValueRangeError(
            f"falls in equity: node {system.sheets.name(place)!r} turns by {back[place]:.6g} in a round",
            where="valuation",
            allowed="a function that never falls in equity",
        )
