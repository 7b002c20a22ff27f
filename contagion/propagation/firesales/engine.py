"""How does a fire sale run? Sales move prices, prices move balance sheets, balance sheets decide on sales.

One engine for every model of the chapter: a response rule, a selling order, an impact rule and the price at which sales
settle, followed round by round or to the fixed point with the least or the most sales. Many scenarios run side by side
as columns; one round costs two sparse products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError
from contagion.propagation.firesales.impacts import Impact
from contagion.propagation.firesales.portfolios import (
    InProportion,
    Portfolio,
    Table,
    sell_liquid_first,
    sell_pro_rata,
)
from contagion.propagation.firesales.responses import Action, Response, State
from contagion.propagation.firesales.sheets import Holdings

__all__ = ["Cleared", "FixedPoint", "Sale", "fixed_point", "follow", "opening"]

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
    """

    table: Table
    response: Response
    impact: Impact
    settlement_weight: float = 1.0
    rank: FloatArray | None = None
    frozen: bool = False
    delayed: bool = False


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
    """

    action: Action
    sold: Portfolio
    units: FloatArray
    sales: FloatArray
    fall: FloatArray
    loss: FloatArray
    after: State


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
        name: np.full((banks, scenarios), 0.0)
        for name in ("equity", "cash", "loan", "illiquid", "other_debt")
    }
    parts |= {"price": np.ones((securities, scenarios)), "move": np.zeros((securities, scenarios))}
    for name, values in money.items():
        column = values[:, None] if values.ndim == 1 else values
        parts[name] = np.broadcast_to(column, parts[name].shape)
    held = InProportion(table, np.ones((banks, scenarios)))
    return table, State(held=held, in_default=np.zeros((banks, scenarios), dtype=np.bool_), **parts)


def follow(sale: Sale, start: State) -> Iterator[tuple[Cleared, Action]]:
    """Each round in turn: what cleared, and what banks then decide for the next; without end."""
    state = start
    if sale.delayed:
        nothing = np.zeros_like(state.equity)
        action = Action(nothing, nothing, nothing, nothing, np.zeros_like(state.in_default))
    else:
        action = sale.response.act(state)
    while True:
        cleared = clear(sale, state, action)
        state = cleared.after
        action = sale.response.act(state)
        state = replace(
            state,
            cash=state.cash - action.paid,
            loan=state.loan - action.paid,
            in_default=state.in_default | action.failing,
        )
        yield cleared, action


def clear(sale: Sale, state: State, action: Action) -> Cleared:
    """Carry out what banks decided: sell, move prices, settle, write down."""
    sold, left = _split(sale, state, action)
    units = sold.by_security()
    fall = sale.impact.fall(units, state.price)
    lost_value = state.price * fall
    hit = state.held.against(lost_value)
    on_sold = action.fraction * hit if sale.rank is None else sold.against(lost_value)
    loss = hit - (1.0 - sale.settlement_weight) * on_sold
    if sale.frozen:
        after = replace(state, move=0.0 - fall)
    else:
        value = action.demand if sale.rank is None else sold.against(state.price)
        got = value - sale.settlement_weight * on_sold
        after = replace(
            state,
            held=left,
            price=state.price * (1.0 - fall),
            move=0.0 - fall,
            equity=np.maximum(state.equity - loss, 0.0),
            cash=state.cash + got,
        )
    return Cleared(action, sold, units, units * state.price, fall, loss, after)


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
        sold, _ = _split(sale, state, action)
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
    state = replace(start, price=1.0 - fall, move=0.0 - fall, equity=start.equity - start.held.against(fall))
    return state, sale.response.act(state)


def _split(sale: Sale, state: State, action: Action) -> tuple[Portfolio, Portfolio]:
    """What is sold and what is left, in the selling order."""
    if sale.rank is None:
        return sell_pro_rata(state.held, sale.table, action.fraction)
    return sell_liquid_first(state.held, sale.table, action.fraction, action.demand, state.price, sale.rank)
