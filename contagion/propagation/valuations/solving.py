"""Which equity solves a network whose values follow lines? Guess and verify from above, in finitely many steps.

While nobody crosses a threshold the map is linear on the nodes whose claims follow their line. Its solution bounds the
greatest fixed point from above, and is that point if nobody crosses a threshold on the way there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.propagation.fixed_point import Revaluation
from contagion.propagation.valuations.lines import Line

__all__ = ["guess"]

LARGEST_SOLVED = 1_000

BoolArray = NDArray[np.bool_]
Jump = Callable[[FloatArray, FloatArray], tuple[FloatArray, bool] | None]


def guess(system: Revaluation, line: Line, slack: float) -> Jump:
    """Return the jump for `settled`: solves once the pieces stay the same for a round.

    Parameters
    ----------
    system : Revaluation
        The map.
    line : Line
        Its values, in the same order of nodes.
    slack : float
        Money by which a solution may miss its own image: rounding.
    """
    tried: list[bytes] = []

    def jump(equity: FloatArray, moved: FloatArray) -> tuple[FloatArray, bool] | None:
        pieces = _pieces(line, moved)
        mark = pieces.tobytes()
        if mark in tried or (pieces != _pieces(line, equity)).any():
            return None
        tried[:] = [mark]
        found = _solved(system, line, line(moved), pieces == 1)
        if found is None or not (found <= moved + slack).all():
            return None
        if (np.abs(system.step(found) - found) <= slack).all():
            return found, True
        return np.minimum(found, moved), False

    return jump


def _pieces(line: Line, equity: FloatArray) -> NDArray[np.int8]:
    """Piece of every node: 2 at face value, 1 on its line, 0 at a value that does not change any more."""
    raw = line.intercept + line.slope * equity
    full = (equity >= line.threshold) | (raw >= 1.0)
    moving = ~full & (line.slope > 0.0) & (raw > 0.0)
    return np.where(full, 2, np.where(moving, 1, 0)).astype(np.int8)


def _solved(system: Revaluation, line: Line, values: FloatArray, moving: BoolArray) -> FloatArray | None:
    """Greatest equity if the moving nodes follow their lines down to 0 and the others keep their values.

    None where lines feed on one another without bound, or too many nodes move.
    """
    count = int(moving.sum())
    if count > LARGEST_SOLVED:
        return None
    if count and not _contracts(_shares(system, line, moving)):
        return None
    gone = np.zeros(len(moving), dtype=bool)
    for _ in range(count + 2):
        equity = _equity(system, line, np.where(gone, 0.0, values), moving & ~gone)
        empty = moving & (line.intercept + line.slope * equity < 0.0)
        if (empty == gone).all():
            return equity
        gone = empty
    return None


def _equity(system: Revaluation, line: Line, values: FloatArray, moving: BoolArray) -> FloatArray:
    """Equity that is its own image while the moving nodes follow their lines."""
    known = np.where(moving, line.intercept, values)
    equity = system.with_values(known)
    if moving.any():
        matrix = np.eye(int(moving.sum())) - _shares(system, line, moving)
        own = np.linalg.solve(matrix, equity[moving])
        known[moving] = line.intercept[moving] + line.slope[moving] * own
        equity = system.with_values(known)
    return equity


def _shares(system: Revaluation, line: Line, moving: BoolArray) -> FloatArray:
    """Exposures of moving nodes to moving nodes x slopes: what equity of one adds to equity of the other."""
    claims = system.sheets.claims
    place = np.cumsum(moving) - 1
    both = moving[claims.debtor] & moving[claims.creditor]
    debtor, creditor = claims.debtor[both], claims.creditor[both]
    full = np.zeros((int(moving.sum()),) * 2)
    full[place[creditor], place[debtor]] = claims.amount[both] * line.slope[debtor]
    return full


def _contracts(shares: FloatArray) -> bool:
    """Whether the spectral radius is below 1: (I - M) u = 1 has a solution above 0."""
    try:
        certificate = np.linalg.solve(np.eye(len(shares)) - shares, np.ones(len(shares)))
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(certificate).all() and (certificate >= 0.5).all())
