"""What can be done about balance sheets once the shock has hit? Debts become equity, or somebody lends.

Both see the sheets after the shock, before anything travels through the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.errors import PolicyError, nearest
from contagion.policies.base import Floats, Policy
from contagion.policies.breakers import check_number
from contagion.policies.capital import need_names
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.sheet_world import SheetWorld

__all__ = ["DebtEquityConversion", "LenderOfLastResort"]


@dataclass(frozen=True)
class DebtEquityConversion(Policy):
    """Debts of a node whose capital has fallen too low become equity: a bail-in, or contingent convertible debt.

    As much of a node's debts inside the network is converted, all alike, as restores its ratio of equity to assets.
    Creditors get shares: all of them if equity was gone, else their part of the new equity, at book value.

    Parameters
    ----------
    trigger
        Conversion happens where equity / assets is below it after the shock, -1 to 1.
    target
        Ratio that is restored, at least the trigger.
    share
        Largest share of the debts inside the network that can be converted, 0 to 1.
    nodes
        Names of the nodes; None: all.

    References
    ----------
    Regulation (EU) 575/2013, article 54: conversion at 5.125 % of risk exposure at the latest; here a share of all
    assets, as the network has no risk weights.

    Examples
    --------
    >>> DebtEquityConversion(trigger=0.02, target=0.04).describe()
    'Debt-equity conversion: below equity of 2 % of assets up to 100 % of debts inside the network restore 4 %.'
    """

    trigger: float = 0.0
    target: float = 0.0
    share: float = 1.0
    nodes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse ratios and shares out of range."""
        check_number(self, "trigger", -1.0, 1.0)
        check_number(self, "target", -1.0, 1.0)
        check_number(self, "share", 0.0, 1.0)
        if self.target < self.trigger:
            raise PolicyError(
                f"DebtEquityConversion.target {self.target:g} is below the trigger {self.trigger:g}; "
                "the ratio restored is at least the one that triggers"
            )

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Debt-equity conversion: below equity of {100 * self.trigger:g} % of assets up to "
            f"{100 * self.share:g} % of debts inside the network restore {100 * self.target:g} %."
        )

    def convert(self, world: SheetWorld, shares: Floats) -> Floats:
        """Share of debts that lifts equity to the target."""
        assets = world.external_assets + world.claimed
        low = (world.equity < self.trigger * assets) & _among(self, world, self.nodes)
        missing = np.where(low, self.target * assets - world.equity, 0.0)
        need = np.divide(missing, world.owed, out=np.zeros(len(missing)), where=world.owed > 0.0)
        return np.asarray(np.maximum(shares, np.clip(need, 0.0, self.share)))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What creditors gave up beyond the shares they got."""
        return outlay.haircut


@dataclass(frozen=True)
class LenderOfLastResort(Policy):
    """Somebody outside lends to nodes that are solvent after the shock but would fail because others do.

    A node gets what it would lack at the end without the loan. Loans are repaid from equity that is left at the end;
    what is not repaid is the lender's loss. With a budget those who need least come first, ties by name.

    Parameters
    ----------
    budget
        Most that is lent (money); inf: no limit.
    cushion
        Smallest ratio of equity to assets after the shock that counts as solvent, -1 to 1.
    margin
        Lent on top, as a share of what a node would lack, at least 0: in some models who ends with nothing fails.
    nodes
        Who may borrow; None: all.

    References
    ----------
    Bagehot (1873), Lombard Street, chapter 7: lend freely, to the solvent. Rochet, Vives (2004), Journal of the
    European Economic Association 2, for a model of it.

    Examples
    --------
    >>> LenderOfLastResort(budget=10.0).describe()
    'Lender of last resort: nodes that are solvent after the shock get what they would lack, 10 in all.'
    """

    budget: float = float("inf")
    cushion: float = 0.0
    margin: float = 0.01
    nodes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a negative budget and a ratio out of range."""
        check_number(self, "budget", 0.0, float("inf"))
        check_number(self, "cushion", -1.0, 1.0)
        check_number(self, "margin", 0.0, 1e6)

    def describe(self) -> str:
        """One plain sentence."""
        limit = "without limit" if self.budget == float("inf") else f"{self.budget:,.6g} in all"
        return f"Lender of last resort: nodes that are solvent after the shock get what they would lack, {limit}."

    def support(self, world: SheetWorld, loans: Floats) -> Floats:
        """What each solvent node would lack, as far as the budget goes."""
        assets = world.external_assets + world.claimed
        solvent = (world.equity >= self.cushion * assets) & ~world.forced & _among(self, world, self.nodes)
        need = np.where(solvent, (1.0 + self.margin) * world.shortfall, 0.0)
        order = np.lexsort((np.arange(len(need)), need))
        before = np.cumsum(need[order]) - need[order]
        lent = np.zeros(len(need))
        lent[order] = np.clip(self.budget - before, 0.0, need[order])
        return loans + lent

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital lent, and what is not repaid."""
        return rates.locked(outlay) + outlay.backstop_loss


def _among(policy: Policy, world: SheetWorld, names: tuple[str, ...] | None) -> npt.NDArray[np.bool_]:
    """Which nodes a policy is about."""
    if names is None:
        return np.ones(len(world.nodes), dtype=np.bool_)
    need_names(policy, names)
    for name in names:
        if name not in world.nodes:
            raise PolicyError(
                f"{type(policy).__name__}.nodes names {name!r:.80}, which is no node of the network"
                f"{nearest(str(name), world.nodes)}"
            )
    return np.isin(np.array(world.nodes, dtype=object), np.array(names, dtype=object))
