"""How does a fire sale run? Sales move prices, prices move balance sheets, balance sheets decide on sales.

One engine for every model of the chapter: a response rule, a selling order, an impact rule and the price at which sales
settle, followed round by round or to the fixed point with the least or the most sales. Many scenarios run side by side
as columns; one round costs two sparse products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError
from contagion.holdings import Holdings
from contagion.propagation.firesales.impacts import Impact
from contagion.propagation.firesales.kernel_records import HIGHEST
from contagion.propagation.firesales.portfolios import (
    InProportion,
    Listed,
    Portfolio,
    Table,
    sell_liquid_first,
    sell_pro_rata,
)
from contagion.propagation.firesales.responses import Action, Response, State

__all__ = [
    "Cleared",
    "Desk",
    "FixedPoint",
    "Sale",
    "clear",
    "decide",
    "fixed_point",
    "follow",
    "opening",
    "rising",
    "split",
]

SETTLED = 1e-12
MAX_ROUNDS = 1_000_000


@dataclass(frozen=True)
class Sale:
    """The parts a fire sale is made of.

    Parameters
    ----------
    table : Table
        Holdings at the start, money.
    response : Response
        Who must sell how much.
    impact : Impact
        What that does to prices.
    settlement_weight : float
        Share of a round's fall borne by what is sold in it: 0 old price, 1 new price.
    rank : numpy.ndarray, shape (n_securities,), optional
        The security with the lowest is sold first; None: in proportion.
    frozen : bool
        Whether holdings, prices and equity stay what they were, so that rounds are a linear series.
    delayed : bool
        Whether orders of a round clear at the start of the next.
    proceeds : str
        ``kept``: what sales bring is cash; ``repaid``: it pays back debt at once.
    desk : Desk, optional
        Who stands between sellers and the market: how much may be sold, and who buys some of it at the current price.
    """

    table: Table
    response: Response
    impact: Impact
    settlement_weight: float = 1.0
    rank: FloatArray | None = None
    frozen: bool = False
    delayed: bool = False
    proceeds: str = "repaid"
    desk: Desk | None = None


class Desk(Protocol):
    """What may be sold in a round, and what somebody outside buys of it."""

    def let(self, number: int, state: State, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shares of each security's sales that are allowed, and of those that an outsider takes at the current price.

        Parameters
        ----------
        number : int
            Round, 0 first.
        state : State
            Before the sale.
        units : numpy.ndarray, shape (n_securities, n_scenarios)
            All that banks want to sell, in money at the start price; negative where they buy.
        """
        ...


@dataclass(frozen=True)
class Cleared:
    """One round: what was decided, sold and lost, and the state it leaves.

    Parameters
    ----------
    action : Action
        The decision that was carried out.
    sold : Portfolio
        What each bank sold, money at the start price.
    units, sales : numpy.ndarray, shape (n_securities, n_scenarios)
        Sales of all, in money at the start price and at the current one.
    fall : numpy.ndarray, shape (n_securities, n_scenarios)
        Fall of the price as a share of the current one.
    loss : numpy.ndarray, shape (n_banks, n_scenarios)
        Money lost, on what is kept and what is sold.
    after : State
        Where it ends.
    bought : numpy.ndarray, shape (n_securities, n_scenarios)
        Part of `units` that went to an outside buyer and moved no price.
    """

    action: Action
    sold: Portfolio
    units: FloatArray
    sales: FloatArray
    fall: FloatArray
    loss: FloatArray
    after: State
    bought: FloatArray


@dataclass(frozen=True)
class FixedPoint:
    """Prices and sales that explain each other: the state, the decision in it, falls from the start, rounds taken."""

    state: State
    action: Action
    fall: FloatArray
    rounds: int


def opening(holdings: Holdings, scenarios: int = 1, **money: FloatArray) -> tuple[Table, State]:
    """Return the table and the state before any sale; money is per bank, `price` and `move` per security.

    Vectors hold in every scenario; matrices have one column for each.
    """
    table = Table(holdings.matrix)
    banks, securities = holdings.banks.n, holdings.securities.n
    parts = {
        name: np.broadcast_to(0.0, (banks, scenarios))
        for name in ("equity", "cash", "loan", "illiquid", "other_debt", "gain")
    }
    parts |= {
        "price": np.broadcast_to(1.0, (securities, scenarios)),
        "move": np.broadcast_to(0.0, (securities, scenarios)),
    }
    for name, values in money.items():
        column = values[:, None] if values.ndim == 1 else values
        parts[name] = np.broadcast_to(column, parts[name].shape)
    held = InProportion(table, np.broadcast_to(1.0, (banks, scenarios)))
    nobody = np.broadcast_to(np.False_, (banks, scenarios))
    return table, State(held=held, in_default=nobody, forced=nobody, **parts)


def follow(sale: Sale, start: State) -> Iterator[tuple[Cleared, Action]]:
    """Each round in turn: what cleared, and what banks then decide for the next; without end.

    Raises
    ------
    ConvergenceError
        If purchases drive a price up without end.
    """
    state = start
    if sale.delayed:
        nothing = np.zeros_like(state.equity)
        action = Action(nothing, nothing, nothing, nothing, np.zeros_like(state.in_default))
    else:
        state, action = _act(sale, state)
    for number in count():
        cleared = clear(sale, state, action, number)
        if cleared.after.price.max(initial=0.0) > HIGHEST:
            raise rising(cleared.after.price, number)
        state, action = _act(sale, cleared.after)
        yield cleared, action


def rising(price: FloatArray, number: int) -> ConvergenceError:
    """Purchases that drive a price up without end."""
    worst = int(price.max(axis=1).argmax())
    return ConvergenceError(
        "prices rise without end, because who gains buys more",
        round=number,
        gap=float(price[worst].max()),
        worst=f"security {worst}",
        remedy="less impact, fewer rounds, or frozen weights",
    )


def decide(sale: Sale, state: State) -> Action:
    """What every bank does in a state: by the rule, or everything where it is forced to."""
    action = sale.response.act(state)
    if not state.forced.any():
        return action
    value = state.held.against(state.price)
    return Action(
        np.where(state.forced, 1.0, action.fraction),
        np.where(state.forced, value, action.demand),
        action.ratio,
        np.where(state.forced, 0.0, action.paid),
        np.where(state.forced, ~state.in_default, action.failing),
    )


def _act(sale: Sale, state: State) -> tuple[State, Action]:
    """What banks decide, and the state after they paid out of cash and some failed."""
    action = decide(sale, state)
    after = replace(
        state,
        cash=state.cash - action.paid,
        loan=state.loan - action.paid,
        in_default=state.in_default | action.failing,
    )
    return after, action


def clear(sale: Sale, state: State, action: Action, number: int = 0) -> Cleared:
    """Carry out what banks decided: sell, move prices, settle, write down."""
    sold, left = split(sale, state, action)
    units = sold.by_security()
    bought = np.zeros_like(units)
    in_proportion = sale.rank is None and sale.desk is None
    if sale.desk is not None:
        allowed, share = sale.desk.let(number, state, units)
        sold, left = _rationed(sale, state, sold, allowed)
        units = units * allowed
        bought = units * share
    fall = sale.impact.fall(units - bought, state.price)
    lost_value = state.price * fall
    hit = state.held.against(lost_value)
    on_sold = action.fraction * hit if in_proportion else sold.against(lost_value)
    loss = hit - (1.0 - sale.settlement_weight) * on_sold
    spared = np.zeros_like(loss)
    if sale.desk is not None:
        spared = sale.settlement_weight * sold.against(lost_value * share)
        loss = loss - spared
    if sale.frozen:
        after = replace(state, move=0.0 - fall, gain=np.zeros_like(state.gain))
    else:
        value = action.demand if in_proportion else sold.against(state.price)
        got = value - sale.settlement_weight * on_sold + spared
        after = replace(
            state,
            held=left,
            price=state.price * (1.0 - fall),
            move=0.0 - fall,
            gain=np.zeros_like(state.gain),
            equity=state.equity - loss,
            cash=state.cash + got if sale.proceeds == "kept" else state.cash,
            loan=state.loan if sale.proceeds == "kept" else state.loan - got,
        )
    return Cleared(action, sold, units, units * state.price, fall, loss, after, bought)


def fixed_point(sale: Sale, start: State, *, most_sales: bool) -> FixedPoint:
    """Return prices that follow from the sales they cause, with all first holdings on sale at the new price.

    Parameters
    ----------
    sale : Sale
        Its impact is that of all sales since the start; its response must never sell less at lower prices.
    start : State
        Balance sheets at the start prices.
    most_sales : bool
        From the sale of everything (most sales) instead of from no sale (least).

    Raises
    ------
    ConvergenceError
        If prices do not settle.
    """
    whole = start.held.by_security()
    fall = sale.impact.fall(whole, start.price) if most_sales else np.zeros_like(start.price)
    for number in range(1, MAX_ROUNDS + 1):
        state, action = _decided(sale, start, fall)
        sold, _ = split(sale, state, action)
        moved = sale.impact.fall(sold.by_security(), start.price)
        gap = np.abs(moved - fall)
        fall = moved
        if gap.max(initial=0.0) < SETTLED:
            state, action = _decided(sale, start, fall)
            return FixedPoint(state, action, fall, number)
    raise ConvergenceError(
        "prices do not settle",
        round=MAX_ROUNDS,
        gap=float(gap.max()),
        worst=f"security {int(gap.max(axis=1).argmax())}",
    )


def _decided(sale: Sale, start: State, fall: FloatArray) -> tuple[State, Action]:
    """Balance sheets at prices that fell from the start, and what banks do there."""
    price = start.price * (1.0 - fall)
    state = replace(
        start, price=price, move=0.0 - fall, equity=start.equity - start.held.against(start.price * fall)
    )
    return state, decide(sale, state)


def _rationed(sale: Sale, state: State, sold: Portfolio, allowed: FloatArray) -> tuple[Portfolio, Portfolio]:
    """What is sold and left where only a share of each security's sales is allowed."""
    part = sold.entries() * allowed[sale.table.matrix.indices]
    return Listed(sale.table, part), Listed(sale.table, state.held.entries() - part)


def split(sale: Sale, state: State, action: Action) -> tuple[Portfolio, Portfolio]:
    """What is sold and what is left when banks carry out what they decided, in the selling order."""
    if sale.rank is None:
        return sell_pro_rata(state.held, sale.table, action.fraction)
    return sell_liquid_first(state.held, sale.table, action.fraction, action.demand, state.price, sale.rank)
