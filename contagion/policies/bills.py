"""What did a set of policies cost, part by part?

Every field of an `Outlay` but the clock is a part of the bill. A policy says through its `cost` which parts its
own rule causes; a part is billed once for the whole set, however many of its policies cause it, so that the
order of policies and a policy named twice change no bill.

What a run used includes what it would have used without any policy: orders that a venue's own limits hold back,
winners that its own rules cut. A study takes that away first (`beyond`); a single run has nothing to compare
itself with and bills the parts that its policies cause as they were measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.policies.base import Policy
from contagion.policies.costs import CostRates, Outlay

__all__ = ["OUTLAY", "PARTS", "beyond", "bill", "outlay_row", "parts", "set_cost"]

Floats = npt.NDArray[np.float64]

OUTLAY = tuple(field.name for field in fields(Outlay))
"""What a run used, in the order of `outlay_row`."""

PART_OF = {
    "capital": "locked",
    "halted": "halted_value",
    "deferred": "deferred_value",
    "turned_away": "turned_away",
    "deleveraged": "deleveraged",
    "seized": "haircut",
    "forgone": "forgone",
    "margin": "asked_value",
    "required": "required",
    "inventory": "inventory_value",
    "paid_away": "paid_away",
    "backstop": "backstop_loss",
}
"""Part of a bill -> the field of `Outlay` it prices."""

PARTS = (*PART_OF, "other")
"""Parts of a bill; other is what policies of one's own charge beyond a price for each field."""

ROUNDING = 1e-12
"""A policy's cost that its parts miss by less than this share of them is their sum."""


def outlay_row(outlay: Outlay) -> Floats:
    """Return what a run used as numbers, shape (len(OUTLAY),)."""
    return np.array(astuple(outlay), dtype=np.float64)


def beyond(used: Floats, without: Floats) -> Floats:
    """Return what runs used beyond the same scenarios without any policy; the length of the run stays.

    Parameters
    ----------
    used, without : numpy.ndarray, shape (..., len(OUTLAY))
        What each run used, under the policies and under none. Less than none is negative: a saving.
    """
    clock = OUTLAY.index("seconds")
    difference = used - without
    difference[..., clock] = used[..., clock]
    return difference


def parts(policies: Sequence[Policy], outlay: Outlay, rates: CostRates) -> Floats:
    """Return each part of what a set of policies cost in one run, billed once.

    Parameters
    ----------
    policies : sequence of Policy
        The set; no policy and the placebo cost nothing.
    outlay : Outlay
        What the run used.
    rates : CostRates
        Prices of what is used.

    Returns
    -------
    numpy.ndarray, shape (len(PARTS),)
        Money. Where policies price a field differently, the largest charge for it counts. What each charges
        on top (other) is its own and adds up. NaN where it is not known what the run used.
    """
    charging = [policy for policy in policies if type(policy) is not Policy]
    if not charging:
        return np.zeros(len(PARTS))
    if any(math.isnan(getattr(outlay, field)) for field in PART_OF.values()):
        return np.full(len(PARTS), np.nan)
    charges = [_charges(policy, outlay, rates) for policy in charging]
    once = [max(column, key=lambda charge: (abs(charge), charge)) for column in zip(*charges, strict=True)]
    own = [_rest(policy.cost(outlay, rates), row) for policy, row in zip(charging, charges, strict=True)]
    return np.array([*once, math.fsum(own)])


def set_cost(policies: Sequence[Policy], outlay: Outlay, rates: CostRates) -> float:
    """Return what a set of policies cost in one run (money): the sum of its `parts`.

    Examples
    --------
    >>> from contagion.policies import Halt
    >>> used = Outlay(halted_value=3.6e9)
    >>> [set_cost([Halt()] * number, used, CostRates(halted=1e-4)) for number in (0, 1, 2)]
    [0.0, 100.0, 100.0]
    """
    return math.fsum(parts(policies, outlay, rates).tolist())


def bill(
    policies: Sequence[Policy], outlays: Floats, rates: CostRates, weights: Floats | None = None
) -> pd.Series[float]:
    """Return the mean cost of a set of policies over many runs, and its parts.

    Parameters
    ----------
    policies : sequence of Policy
        The set; no policy costs nothing.
    outlays : numpy.ndarray, shape (n_runs, len(OUTLAY))
        What each run used.
    rates : CostRates
        Prices of what is used.
    weights : numpy.ndarray, optional
        Weight of each run, shape (n_runs,); all the same if not given.

    Returns
    -------
    pandas.Series
        Money: cost, then its parts, which add up to it: capital, halted, deferred, turned_away, deleveraged,
        seized (profit or equity taken away), forgone (by winners who were cut), margin (asked in the run), required
        (margin asked at the opening), inventory (taken over by venues), paid_away (to keepers, or burned), backstop
        (lost by its payer), other. Seized, forgone, paid_away and backstop have no rate. NaN where no run is given.

    Examples
    --------
    >>> from contagion.policies import InsuranceFund
    >>> outlays = np.array([outlay_row(Outlay(seconds=7200.0, locked=1e9))])
    >>> print(bill([InsuranceFund(factor=2.0)], outlays, CostRates()).round(0)["capital"])
    22815.0
    """
    if not len(outlays):
        return pd.Series(np.nan, index=["cost", *PARTS], dtype="float64")
    rows = [parts(policies, Outlay(*row), rates).tolist() for row in outlays.tolist()]
    columns = [[math.fsum(row) for row in rows], *zip(*rows, strict=True)]
    if weights is None:
        means = [math.fsum(column) / len(rows) for column in columns]
    else:
        total = math.fsum(weights.tolist())
        means = [math.fsum((weights * np.array(column)).tolist()) / total for column in columns]
    return pd.Series(means, index=["cost", *PARTS], dtype="float64")


def _charges(policy: Policy, outlay: Outlay, rates: CostRates) -> list[float]:
    """What a policy charges for each field by itself."""
    nothing = policy.cost(Outlay(seconds=outlay.seconds), rates)
    charges = []
    for field in PART_OF.values():
        used = getattr(outlay, field) != 0.0
        charges.append(policy.cost(outlay.only([field]), rates) - nothing if used else 0.0)
    return charges


def _rest(cost: float, charges: list[float]) -> float:
    """What a policy charges beyond its charges for each field, rounding apart."""
    rest = cost - math.fsum(charges)
    return 0.0 if abs(rest) <= ROUNDING * math.fsum(map(abs, charges)) else rest
