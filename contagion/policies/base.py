"""What is a policy? A frozen set of parameters with hooks, each the identity by default.

Write a subclass of `Policy` and override what it changes; nothing has to be registered. Rules that are in force before
the shock change the network in `opening`; everything else sees the `World` of the round. Built-in run-time policies
give parameter rows instead of hooks, so that all rounds run compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.sale_world import SaleWorld
from contagion.policies.sheet_world import SheetWorld
from contagion.policies.world import World

Floats = npt.NDArray[np.float64]

SHEET_HOOKS = ("convert", "support")
"""Hooks that models of balance sheets call, between the shock and what follows from it."""

SALE_HOOKS = ("orders", "purchases")
"""Hooks that fire sales call in every round."""

RUNTIME_HOOKS = ("requirement", "haircuts", "marks", "orders", "limits", "status", "cash", "waterfall")

CAUSES: Mapping[str, tuple[str, ...]] = {
    "opening": (
        "locked",
        "turned_away",
        "deferred_value",
        "deleveraged",
        "haircut",
        "forgone",
        "required",
        "inventory_value",
        "paid_away",
    ),
    "rows": ("halted_value", "deferred_value", "asked_value", "backstop_loss"),
    "requirement": ("asked_value",),
    "haircuts": ("asked_value",),
    "orders": ("deferred_value",),
    "limits": ("deferred_value",),
    "status": ("halted_value",),
    "waterfall": ("deleveraged", "haircut", "forgone"),
    "convert": ("haircut",),
    "support": ("locked", "backstop_loss"),
    "purchases": ("locked", "backstop_loss"),
}
"""Hook -> fields of `Outlay` that a rule of its kind causes; the other hooks cause none by themselves."""


@dataclass(frozen=True)
class Policy:
    """A policy that changes nothing: the placebo, and the base of all others.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import contagion as ct
    >>> @dataclass(frozen=True)
    ... class SlowSales(ct.Policy):
    ...     share: float = 0.25
    ...     def orders(self, world, cap):
    ...         return self.share * cap
    >>> SlowSales().describe()
    'SlowSales(share=0.25)'
    """

    tables: ClassVar[tuple[str, ...]] = ()
    """Tables of the network whose rules this class changes in `opening` (so that size 0 is no mistake)."""

    models: ClassVar[tuple[str, ...]] = ()
    """Names of the models in whose rounds this class can act; none: in all that call its hooks."""

    free: ClassVar[str] = ""
    """Why the policy costs nobody money, where it does not; part of its description."""

    @property
    def name(self) -> str:
        """Name for tables and figures."""
        return "placebo" if type(self) is Policy else type(self).__name__

    def describe(self) -> str:
        """One plain sentence about what the policy does."""
        if type(self) is Policy:
            return "Placebo: changes nothing."
        inside = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return f"{type(self).__name__}({inside})"

    def overrides(self, hook: str) -> bool:
        """Whether this class has its own version of a hook."""
        return getattr(type(self), hook) is not getattr(Policy, hook)

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """Parameter rows of a built-in run-time policy; none for policies that use hooks."""
        return ()

    def opening(self, net: Network) -> Network:
        """Rules in force before the shock. The sum of equity, funds and outside payers must stay what it was."""
        return net

    def requirement(self, world: World, multiplier: Floats) -> Floats:
        """Multiplier of maintenance margin per market, ``(n_markets,)``, not negative."""
        return multiplier

    def haircuts(self, world: World, weights: Floats) -> Floats:
        """Collateral weights, venue by asset."""
        return weights

    def marks(self, world: World, marks: Floats) -> Floats:
        """Mark prices, ``(n_markets,)``, above 0."""
        return marks

    def orders(self, world: World, cap: Floats) -> Floats:
        """Most lots per market, ``(2, n_markets)``: row 0 sells, row 1 buys; cut to [0, `cap`], rounded up.

        In a fire sale most money per asset, ``(2, n_assets)``, and `world` is a `SaleWorld`.
        """
        return cap

    def limits(self, world: World, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """Prices between which the book may fill, each ``(n_markets,)``."""
        return lower, upper

    def status(self, world: World) -> npt.NDArray[np.bool_]:
        """Markets that are shut this round, ``(n_markets,)`` bool: no fills, unwinding, arbitrage or deleveraging."""
        return world.halted

    def cash(self, world: World, injections: Floats) -> Floats:
        """Money per node from an outside payer, ``(n_nodes,)``, not negative."""
        return injections

    def waterfall(self, world: World, deficits: Floats, layers: Floats) -> Floats:
        """Most money that fund (row 0) and residual rule (row 1) may pay this round, ``(2, n_venues)``."""
        return layers

    def convert(self, world: SheetWorld, shares: Floats) -> Floats:
        """Share of each node's debts inside the network that becomes equity, ``(n_nodes,)``, 0 to 1."""
        return shares

    def support(self, world: SheetWorld, loans: Floats) -> Floats:
        """Money lent to each node from outside, ``(n_nodes,)``, not negative; repaid from equity it has at the end."""
        return loans

    def heirs(self) -> Mapping[str, Mapping[str, float]]:
        """Nodes that `opening` joins or divides: old node -> share of it that each new node takes over.

        Shocks that name the old node reach the new ones; each node's shares sum to 1.
        """
        return {}

    def purchases(self, world: SaleWorld, asked: Floats) -> Floats:
        """Money per asset of what is sold in a round that an outsider buys, ``(n_assets,)``, from 0 to `asked`."""
        return np.zeros_like(asked)

    def commitment(self, before: Network, after: Network) -> Outlay:
        """What the opening used up on balance sheets: money from outside payers, unless a policy knows better."""
        paid = sum(after.payers.values()) - sum(before.payers.values())
        return Outlay(locked=max(0.0, paid))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Money this policy cost in one run; by default every field that a hook of its own can cause (`CAUSES`).

        In a set a field is billed once, however many policies charge it (`contagion.policies.bills`). In a comparison
        `outlay` is what the run used beyond the same scenario without policies, and may be negative.
        """
        caused = {field for hook, causes in CAUSES.items() if self.overrides(hook) for field in causes}
        return rates.of(outlay.only(caused))
