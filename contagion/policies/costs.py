"""What does a policy cost? Money locked up, markets halted, volume turned away; rates turn them into money.

References
----------
The rates are assumptions, to be replaced by the user's own: capital at 10 % a year is a round figure for crypto
lending; the others are set so that an hour's halt costs a basis point of the value that cannot be traded.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from contagion.errors import ValueRangeError

SECONDS_A_YEAR = 365.25 * 86_400.0


@dataclass(frozen=True)
class Outlay:
    """What a run used, priced by `CostRates`; a comparison prices what it used beyond the run without policies.

    Parameters
    ----------
    seconds
        Length of the run's horizon (s): how long money is locked.
    locked
        Money locked up beyond the network before the policies: larger funds, margin posted at the opening, and what
        refilled a fund in the run.
    turned_away
        Open interest that the opening rules made traders give up, and loans that lenders gave up (money).
    halted_value
        Open interest of halted markets times the seconds they were shut (money s).
    deferred_value
        Forced orders that policies, venues' own limits, halts and exhausted books held back times the seconds
        they waited (money s).
    deleveraged, haircut
        Winners' positions cut (money), winners' profit or customers' equity seized (money).
    forgone
        What winners got less for the positions cut than at the mark (money).
    asked_value
        Margin asked in the run beyond that of its first round, times the seconds (money s): margin rates above those of
        round 0 on the opening book, collateral weights below their own on the coins in it.
    required
        Maintenance margin that the opening rules ask for beyond the network before them (money).
    inventory_value
        Positions that venues took over and held, times the seconds (money s).
    paid_away
        Fees, bonuses and gains that stayed with keepers, fees and gas that were burned: lost to accounts, venues and
        funds (money).
    backstop_loss
        What payers of backstop liquidity lost on what they bought, at final outside prices (money); a gain is 0.
    """

    seconds: float = 0.0
    locked: float = 0.0
    turned_away: float = 0.0
    halted_value: float = 0.0
    deferred_value: float = 0.0
    deleveraged: float = 0.0
    haircut: float = 0.0
    forgone: float = 0.0
    asked_value: float = 0.0
    required: float = 0.0
    inventory_value: float = 0.0
    paid_away: float = 0.0
    backstop_loss: float = 0.0

    def only(self, names: Collection[str]) -> Outlay:
        """The outlay with the fields named and the seconds, nothing else."""
        kept = {name: getattr(self, name) for name in names}
        return Outlay(**{"seconds": self.seconds, **kept})


@dataclass(frozen=True)
class CostRates:
    """Prices of what policies use.

    Parameters
    ----------
    capital
        Cost of money locked up, asked for as margin, or bound in positions taken over, per year.
    halted
        Cost of a value that cannot be traded, as a share of it per hour.
    deferred
        Cost of an order that waits, as a share of it per hour.
    turned_away
        Income lost on open interest given up, as a share of it.
    deleveraged
        Cost of replacing a position that was cut, as a share of it.
    """

    capital: float = 0.10
    halted: float = 1e-4
    deferred: float = 1e-4
    turned_away: float = 5e-4
    deleveraged: float = 5e-4

    def __post_init__(self) -> None:
        """Refuse rates that are negative or not finite."""
        for name in ("capital", "halted", "deferred", "turned_away", "deleveraged"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueRangeError(f"CostRates.{name} is {value!r}; give a finite rate of at least 0")

    def of(self, outlay: Outlay) -> float:
        """Everything in `outlay` in money; what is seized, forgone, paid away or lost counts as it is."""
        return (
            self.locked(outlay)
            + self.halting(outlay)
            + self.deferring(outlay)
            + self.turning_away(outlay)
            + self.deleveraging(outlay)
            + outlay.haircut
            + outlay.forgone
            + self.asking(outlay)
            + self.requiring(outlay)
            + self.holding(outlay)
            + outlay.paid_away
            + outlay.backstop_loss
        )

    def locked(self, outlay: Outlay) -> float:
        """Cost of the capital locked up over the horizon."""
        return self.capital * outlay.locked * outlay.seconds / SECONDS_A_YEAR

    def asking(self, outlay: Outlay) -> float:
        """Cost of margin asked in the run, while it was asked."""
        return self.capital * outlay.asked_value / SECONDS_A_YEAR

    def requiring(self, outlay: Outlay) -> float:
        """Cost of margin asked at the opening, over the horizon."""
        return self.capital * outlay.required * outlay.seconds / SECONDS_A_YEAR

    def holding(self, outlay: Outlay) -> float:
        """Cost of the capital behind positions that venues took over, while they held them."""
        return self.capital * outlay.inventory_value / SECONDS_A_YEAR

    def halting(self, outlay: Outlay) -> float:
        """Cost of halted markets."""
        return self.halted * outlay.halted_value / 3600.0

    def deferring(self, outlay: Outlay) -> float:
        """Cost of orders held back."""
        return self.deferred * outlay.deferred_value / 3600.0

    def turning_away(self, outlay: Outlay) -> float:
        """Cost of open interest given up at the opening."""
        return self.turned_away * outlay.turned_away

    def deleveraging(self, outlay: Outlay) -> float:
        """Cost of positions cut."""
        return self.deleveraged * outlay.deleveraged
