"""Failures in many random networks of cross-holdings: compiled elimination and waves, one network after another.

A network's system is reduced without exchanging rows: each column of I - C holds more on the diagonal than beside it,
so that no quotient grows. Sums have one order, whatever the number of threads or of networks.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.compiled import inner, kernel


@kernel
def failures_of_draws(
    ties: FloatArray,
    hit: NDArray[np.int64],
    chance: float,
    integration: float,
    drop: float,
    theta: FloatArray,
    failure_cost: FloatArray,
    failing: NDArray[np.int64],
    others: NDArray[np.int64],
) -> None:
    """Count failures in each network for every threshold and cost, written into `failing` and `others`.

    Parameters
    ----------
    ties, chance
        Organisation i holds j where ``ties[draw, i, j] < chance``, shape ``(n_draws, n, n)``.
    hit, drop
        Who loses the share `drop` of its asset of 1 in each draw, shape ``(n_draws,)``.
    integration
        Share of each organisation that its holders have together, in equal parts.
    theta, failure_cost
        Shares of former values and of assets, shapes ``(n_thetas,)`` and ``(n_costs,)``.
    failing, others
        Filled with how many fail, and how many but the one that was hit, shape ``(n_thetas, n_costs, n_draws)``.
    """
    n = ties.shape[1]
    system = np.empty((n, n))
    outside, before = np.empty(n), np.empty(n)
    for draw in range(len(hit)):
        _reduce(ties[draw], chance, integration, system, outside)
        before[:] = 1.0
        _solve(system, outside, before)
        for t in range(len(theta)):
            for c in range(len(failure_cost)):
                failed = _waves(
                    system, outside, before, hit[draw], drop, float(theta[t]), float(failure_cost[c])
                )
                failing[t, c, draw] = failed.sum()
                others[t, c, draw] = failed.sum() - int(failed[hit[draw]])


@inner
def _reduce(
    ties: FloatArray, chance: float, integration: float, system: FloatArray, outside: FloatArray
) -> None:
    """Write the factors of I - C over each other, and what part of each organisation outside holders have."""
    n = len(outside)
    for j in range(n):
        holders = 0
        for i in range(n):
            holders += int(i != j and ties[i, j] < chance)
        part = integration / holders if holders > 0 else 0.0
        outside[j] = 1.0 - integration if holders > 0 else 1.0
        for i in range(n):
            system[i, j] = -part if i != j and ties[i, j] < chance else 0.0
        system[j, j] = 1.0
    for k in range(n):
        for i in range(k + 1, n):
            if system[i, k] != 0.0:
                factor = system[i, k] / system[k, k]
                system[i, k] = factor
                for j in range(k + 1, n):
                    system[i, j] -= factor * system[k, j]


@inner
def _solve(system: FloatArray, outside: FloatArray, values: FloatArray) -> None:
    """Turn own assets into values to outside holders, in place."""
    n = len(outside)
    for i in range(n):
        total = values[i]
        for j in range(i):
            total -= system[i, j] * values[j]
        values[i] = total
    for i in range(n - 1, -1, -1):
        total = values[i]
        for j in range(i + 1, n):
            total -= system[i, j] * values[j]
        values[i] = total / system[i, i]
    for i in range(n):
        values[i] *= outside[i]


@inner
def _waves(
    system: FloatArray,
    outside: FloatArray,
    before: FloatArray,
    hit: int,
    drop: float,
    theta: float,
    failure_cost: float,
) -> NDArray[np.bool_]:
    """Who fails in the best case, wave by wave."""
    n = len(outside)
    failed = np.zeros(n, dtype=np.bool_)
    values, scale = np.empty(n), np.empty(n)
    while True:
        for i in range(n):
            own = 1.0 - drop if i == hit else 1.0
            lost = min(failure_cost, own) if failed[i] else 0.0
            values[i], scale[i] = own - lost, own + lost
        _solve(system, outside, values)
        _solve(system, outside, scale)
        new = False
        for i in range(n):
            limit = theta * before[i]
            if not failed[i] and values[i] < limit - TOLERANCE * (scale[i] + limit):
                failed[i] = True
                new = True
        if not new:
            return failed
