"""How large should a fund be? Where the cost of its capital meets that of losses beyond it, and how sure that is."""

from __future__ import annotations

import numpy.typing as npt

from contagion.margin import insurance_fund_newsvendor
from contagion.measures.intervals import Interval, joined, var_interval

__all__ = ["fund_size"]


def fund_size(
    losses: npt.ArrayLike, capital_cost: float, social_cost: float, level: float = 0.95, *, seed: int = 0
) -> Interval:
    """Return the size of a fund that weighs its capital against the losses beyond it, with an interval.

    The fund F that minimises ``capital_cost F + social_cost E(D - F)+`` is a quantile of the losses D, at the level
    1 - capital_cost / social_cost; its interval is that of `contagion.measures.var_interval`.

    Parameters
    ----------
    losses : array_like
        Losses of scenarios that the fund would meet, money, >= 0, shape (n,). For a venue: its deficits less what
        the defaulters have themselves prefunded, which pays before any fund (``bad_debt`` less
        ``own_contributions_paid`` of `Run.venues`, or ``deficit`` of `contagion.measures.cover`).
    capital_cost, social_cost : float
        Per unit of fund, and per unit of loss beyond it, >= 0 and > 0.
    level : float, default 0.95
        Confidence of the interval.
    seed : int, default 0
        Root seed of the resampling, where there is any.

    Returns
    -------
    Interval
        The fund in money; a note where there is no interval.

    Raises
    ------
    InputError
        If a number is out of range or there is no loss.

    References
    ----------
    Newsvendor problem: Arrow, Harris, Marschak (1951), Optimal inventory policy.

    Examples
    --------
    >>> fund_size([0, 0, 0, 1, 2, 4, 7, 12, 30, 80], capital_cost=0.15, social_cost=1).value
    30.0
    """
    found = insurance_fund_newsvendor(losses, capital_cost=capital_cost, social_cost=social_cost)
    value, quantile = float(found.insurance_fund), float(found.level)
    if not 0.0 < quantile < 1.0:
        why = "capital costs as much as losses" if quantile <= 0.0 else "capital costs nothing"
        return Interval(value, float("nan"), float("nan"), f"no interval: {why}")
    around = var_interval(losses, quantile, confidence=level, seed=seed, key=("fund_size",))
    note = joined(around.note, f"quantile at {quantile:.4g}")
    return Interval(value, around.low, around.high, note)
