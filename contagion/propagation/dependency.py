"""Which part of whose assets ends in whose value, and who falls below a threshold when failures cost?

References
----------
Elliott, Golub, Jackson (2014), "Financial networks and contagion", American Economic Review 104(10).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE

__all__ = ["dependency_matrix", "failure_rounds", "worth"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def dependency_matrix(cross_holdings: FloatArray) -> FloatArray:
    """Part of the assets of j (column) that ends in the value of i (row), for checked holdings.

    Parameters
    ----------
    cross_holdings : numpy.ndarray, shape (..., n, n)
        Share of j that i holds, column sums below 1; one matrix or a stack of them.

    Returns
    -------
    numpy.ndarray, shape (..., n, n)
        diag(1 - column sums) (I - C)^-1; columns sum to 1.

    Examples
    --------
    >>> dependency_matrix(np.array([[0.0, 0.5], [0.0, 0.0]]))
    array([[1. , 0.5],
           [0. , 0.5]])
    """
    outside = 1.0 - cross_holdings.sum(axis=-2)
    return np.asarray(
        outside[..., :, None] * np.linalg.inv(np.eye(cross_holdings.shape[-1]) - cross_holdings)
    )


def worth(dependency: FloatArray, assets: FloatArray) -> FloatArray:
    """Values for own assets, shape (..., n), summed in one order whatever the number of threads or of cases."""
    return np.asarray(np.einsum("...ij,...j->...i", dependency, assets))


def failure_rounds(
    dependency: FloatArray,
    asset_values: FloatArray,
    thresholds: FloatArray,
    failure_costs: FloatArray,
    *,
    worst: bool = False,
) -> tuple[FloatArray, BoolArray, IntArray]:
    """Values, failures and rounds for a dependency matrix, or for a stack of them at once.

    Parameters
    ----------
    dependency : numpy.ndarray, shape (..., n, n)
        Not negative.
    asset_values, thresholds, failure_costs : numpy.ndarray, shape (..., n)
        Money, >= 0.
    worst : bool
        Start with all failed.

    Returns
    -------
    tuple of numpy.ndarray, shape (..., n)
        Values, failed, and the round of failing (best) or of being released (worst), -1 without one. A stack gives the
        same bits as its matrices one by one.
    """
    shape = np.broadcast_shapes(
        dependency.shape[:-1], asset_values.shape, thresholds.shape, failure_costs.shape
    )
    failed = np.full(shape, worst)
    wave = np.full(shape, -1, dtype=np.int64)
    for k in range(shape[-1] + 2):
        lost = np.where(failed, failure_costs, 0.0)
        values = worth(dependency, asset_values - lost)
        scale = worth(dependency, asset_values + lost) + thresholds
        below = values < thresholds - TOLERANCE * scale
        moved = failed & ~below if worst else below & ~failed
        if not moved.any():
            break
        failed = failed ^ moved
        wave = np.where(moved, k, wave)
    return values, failed, wave
