"""What did a set of policies cost, part by part?

A policy states its cost as a sum over what a run used, each at its rate. Setting all rates but one to zero
therefore gives the part that this rate stands for, for policies of one's own as well as for the built-in
ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.policies.base import Policy
from contagion.policies.costs import CostRates, Outlay

__all__ = ["OUTLAY", "PARTS", "bill", "mean_cost", "outlay_row"]

OUTLAY = tuple(field.name for field in fields(Outlay))
"""What a run used, in the order of `outlay_row`."""

PARTS = tuple(field.name for field in fields(CostRates))
"""Parts of a bill that have a rate; what is seized counts as it is."""


def outlay_row(outlay: Outlay) -> npt.NDArray[np.float64]:
    """Return what a run used as numbers, shape (len(OUTLAY),)."""
    return np.array(astuple(outlay), dtype=np.float64)


def mean_cost(policies: Sequence[Policy], outlays: npt.NDArray[np.float64], rates: CostRates) -> float:
    """Return the mean cost of a set of policies over many runs.

    Parameters
    ----------
    policies : sequence of Policy
        The set; no policy costs nothing.
    outlays : numpy.ndarray, shape (n_runs, len(OUTLAY))
        What each run used.
    rates : CostRates
        Prices of what is used.

    Returns
    -------
    float
        Money; NaN where no run is given.
    """
    costs = [sum(policy.cost(Outlay(*row), rates) for policy in policies) for row in outlays.tolist()]
    return float(np.mean(costs)) if costs else float("nan")


def bill(policies: Sequence[Policy], outlays: npt.NDArray[np.float64], rates: CostRates) -> pd.Series[float]:
    """Return the mean cost of a set of policies and its parts.

    Parameters
    ----------
    policies, outlays, rates
        As in `mean_cost`.

    Returns
    -------
    pandas.Series
        Money: cost, then a part for each rate (capital, halted, deferred, turned_away, deleveraged) and
        seized, which is profit or equity taken away and has no rate. Parts add up to the cost unless a
        policy of one's own charges something else than a sum.

    Examples
    --------
    >>> from contagion.policies import InsuranceFund
    >>> outlays = np.array([[7200.0, 1e9, 0.0, 0.0, 0.0, 0.0, 0.0]])
    >>> bill([InsuranceFund(factor=2.0)], outlays, CostRates()).round(0)["capital"]
    np.float64(22815.0)
    """
    mean = outlays.mean(axis=0, keepdims=True) if len(outlays) else outlays
    seized = mean_cost(policies, mean, _only("", rates))
    parts = {part: mean_cost(policies, mean, _only(part, rates)) - seized for part in PARTS}
    return pd.Series(
        {"cost": mean_cost(policies, outlays, rates), **parts, "seized": seized}, dtype="float64"
    )


def _only(part: str, rates: CostRates) -> CostRates:
    return CostRates(**{name: getattr(rates, name) if name == part else 0.0 for name in PARTS})
