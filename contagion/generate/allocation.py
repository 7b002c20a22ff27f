"""How is a total shared out so that nobody passes a limit, and lots add up exactly?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import ValueRangeError

__all__ = ["fill", "fill_groups", "raised_counts", "whole_lots"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HEADROOM = 1.05
"""Limits of a group must add up to this many times its total."""


def fill(weights: Floats, limits: Floats, total: float) -> Floats:
    """Share a total in proportion to weights, with an upper limit for each part (water filling).

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        Positive.
    limits : numpy.ndarray, shape (n,)
        Largest part of each; may be infinite.
    total : float
        What is shared out.

    Returns
    -------
    numpy.ndarray, shape (n,)
        ``min(scale * weights, limits)`` with the scale at which they add up to the total.

    Raises
    ------
    ValueRangeError
        If the limits add up to less than the total.

    Examples
    --------
    >>> fill(np.array([1.0, 1.0, 2.0]), np.array([1.0, 9.0, 9.0]), 10.0)
    array([1., 3., 6.])
    """
    ratio = limits / weights
    order = np.argsort(ratio, kind="stable")
    used = np.concatenate([[0.0], np.cumsum(limits[order])[:-1]])
    left = np.cumsum(weights[order][::-1])[::-1]
    scale = (total - used) / left
    reached = np.flatnonzero(scale <= ratio[order])
    if reached.size == 0:
        raise ValueRangeError(
            "does not fit into the limits of the accounts",
            where="open interest",
            value=total,
            allowed=f"at most {float(limits.sum()):.6g}",
            remedy="more accounts, or less open interest",
        )
    return np.asarray(np.minimum(scale[reached[0]] * weights, limits), dtype=np.float64)


def fill_groups(group: Integers, weights: Floats, limits: Floats, totals: Floats) -> Floats:
    """Apply `fill` to every group of rows.

    Parameters
    ----------
    group : numpy.ndarray, shape (n,)
        Group of each row, 0 to n_groups - 1.
    weights, limits : numpy.ndarray, shape (n,)
        As in `fill`.
    totals : numpy.ndarray, shape (n_groups,)
        Total of each group; groups of total 0 need no rows.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    parts = np.zeros_like(weights)
    for rows, total in _groups(group, totals):
        parts[rows] = fill(weights[rows], limits[rows], total)
    return parts


def raised_counts(
    group: Integers, account: Integers, count: Integers, limit: Floats, totals: Floats
) -> Integers:
    """Return how many accounts must stand behind each row so that every total fits.

    Parameters
    ----------
    group, account : numpy.ndarray, shape (n,)
        Group and account row of each leg.
    count : numpy.ndarray, shape (n_accounts,)
        Accounts behind each row as drawn.
    limit : numpy.ndarray, shape (n,)
        Largest leg of one account.
    totals : numpy.ndarray, shape (n_groups,)
        Money to be placed in each group.

    Returns
    -------
    numpy.ndarray, shape (n_accounts,)
        At least `count`, multiples of it.
    """
    raised = count.copy()
    for rows, total in _groups(group, totals):
        room = float((raised[account[rows]] * limit[rows]).sum())
        if room < HEADROOM * total:
            raised[np.unique(account[rows])] *= int(np.ceil(HEADROOM * total / room))
    return raised


def whole_lots(amount: Floats, count: Integers, lot_value: Floats) -> Integers:
    """Return money as lots: a multiple of `count`, at least one lot for each account behind the row."""
    each = np.maximum(np.rint(amount / (count * lot_value)), 1.0)
    return each.astype(np.int64) * count


def _groups(group: Integers, totals: Floats) -> list[tuple[Integers, float]]:
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(len(totals) + 1))
    return [
        (order[ends[k] : ends[k + 1]], float(total)) for k, total in enumerate(totals.tolist()) if total > 0
    ]
