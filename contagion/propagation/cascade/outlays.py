"""What did a run use that policies are billed for? Money locked, margin asked, volume turned away, orders that waited.

What a policy asks for in the run is measured on the opening book, as halts are: the margin of the opening times the
rise of the multiplier, the coins of the opening times the fall of their weights, both summed over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.network.asked import margin_by_market, margins_asked
from contagion.policies.costs import Outlay
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.outcome import final_outside, opening_units

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pledges:
    """What the opening rules of a policy set took, and what its later rules apply to.

    Parameters
    ----------
    locked, turned_away, required
        As in `Outlay`.
    margin
        Maintenance margin at the opening, by market (money).
    coins
        Worth of the coins that accounts may use as margin, by row of the slots (money).
    """

    locked: float
    turned_away: float
    required: float
    margin: Floats
    coins: Floats


def pledges(before: Network, after: Network, opening: Opening, taken: tuple[float, float]) -> Pledges:
    """Measure the opening of a policy set.

    Parameters
    ----------
    before, after
        The network without the set's opening rules, and under them.
    opening
        The arrays of the latter.
    taken
        Money locked up and open interest turned away.
    """
    asked = 0.0 if after is before else float(margins_asked(after).sum() - margins_asked(before).sum())
    book, slots = opening.book, opening.slots
    lots = np.maximum(opening.held, 0.0) * (book.count * ~book.exempt)[book.hold_account]
    worth = lots * (slots["opening"] * slots["lot_scale"])[book.hold_slot] / opening.units.scale
    coins = np.bincount(book.hold_slot, worth, len(slots)).astype(np.float64)
    return Pledges(*taken, max(0.0, asked), margin_by_market(after), coins)


def outlay(opening: Opening, state: State, seconds: float, pledged: Pledges) -> Outlay:
    """What this run used, with or without policies."""
    book, markets, venues, slots = opening.book, state.markets, state.venues, state.slots
    quantum = 1.0 / opening.units.scale
    lots = np.maximum(opening.quantity, 0.0) * book.count[book.leg_account]
    interest = np.bincount(book.leg_market, lots, len(markets)) * opening_units(markets)
    ran = int(state.clock["round"][0])
    step = float(state.clock["step"][0])
    asked = (pledged.margin * markets["margin_seconds"]).sum() + (
        pledged.coins * slots["haircut_seconds"]
    ).sum()
    return Outlay(
        seconds=seconds,
        locked=pledged.locked + float(venues["replenished"].sum()) * quantum,
        turned_away=pledged.turned_away,
        halted_value=float((interest * markets["halted_seconds"]).sum()),
        deferred_value=float(state.rounds["deferred_notional"][:ran].sum()) * step,
        deleveraged=float(state.counters[codes.DELEVERAGED]) * quantum,
        haircut=float(venues["residual_paid"].sum()) * quantum,
        forgone=float(state.counters[codes.FORGONE]) * quantum,
        asked_value=float(asked),
        required=pledged.required,
        inventory_value=float(venues["inventory_seconds"].sum()) * quantum,
        paid_away=float((np.maximum(venues["keeper"], 0) + venues["burned"]).sum()) * quantum,
        backstop_loss=backstop_loss(state) * quantum,
    )


def backstop_loss(state: State) -> float:
    """What payers from outside lost on their share of what books bought, at final outside prices, in quanta."""
    markets = state.markets
    outside = final_outside(state)[markets["asset"]]
    price = np.where(markets["inverse"], -1.0, outside) * markets["lot_scale"]
    return max(0.0, float((markets["backed_cost"] - markets["backed_lots"] * price).sum()))
