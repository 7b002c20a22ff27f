"""How do many fire sales end? The same sale from many starts, each scenario followed on its own to its end.

Every scenario stops by itself, so that what it gives does not depend on the others beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, whole
from contagion.errors import ConvergenceError, SchemaError
from contagion.propagation.firesales.compiled_sale import blank, plan_of, start_of
from contagion.propagation.firesales.engine import (
    MAX_ROUNDS,
    SETTLED,
    Sale,
    fixed_point,
    follow,
    rising,
    split,
)
from contagion.propagation.firesales.kernel_records import HIGHEST, Plan
from contagion.propagation.firesales.kernels import run_fixed_points, run_rounds
from contagion.propagation.firesales.portfolios import InProportion, Listed
from contagion.propagation.firesales.responses import State

__all__ = ["LONGEST", "Simulated", "simulate"]

LONGEST = 100_000
"""Rounds after which a sale that should end by itself is refused."""
ENDS = ("until_no_sales", "least", "most")


@dataclass(frozen=True)
class Simulated:
    """How each scenario ends; per bank (n_banks, n_scenarios), per security (n_securities, n_scenarios).

    Parameters
    ----------
    price : numpy.ndarray, per security
        Price over start price.
    equity : numpy.ndarray, per bank
        Money.
    loss : numpy.ndarray, per bank
        Money lost through falls of prices in all rounds, on what is kept and on what is sold.
    sold : numpy.ndarray, per security
        What was sold less what was bought, in money at the start price.
    sales, bank_sales : numpy.ndarray, per security and per bank
        The same in money at the price before each sale; at the start's price for fixed points.
    in_default : numpy.ndarray of bool, per bank
        Who is in default, by the last decision as well.
    rounds : numpy.ndarray of int64, shape (n_scenarios,)
        Rounds followed, with the last one, in which nobody sells; steps to a fixed point.
    rounds_with_sales : numpy.ndarray of int64, shape (n_scenarios,)
        Those in which of some security more than 1e-12 of all first holdings is sold; at most 1 for fixed points.
    """

    price: FloatArray
    equity: FloatArray
    loss: FloatArray
    sold: FloatArray
    sales: FloatArray
    bank_sales: FloatArray
    in_default: NDArray[np.bool_]
    rounds: NDArray[np.int64]
    rounds_with_sales: NDArray[np.int64]


def simulate(sale: Sale, start: State, rounds: int | str = "until_no_sales") -> Simulated:
    """Follow every scenario of a start to its end.

    Parameters
    ----------
    sale : Sale
        What the sale is made of.
    start : State
        Balance sheets and prices before it, one column a scenario.
    rounds : int or {"until_no_sales", "least", "most"}
        So many rounds; until the first in which nobody sells (with delayed orders the first of all does not count);
        or the fixed point with the least or the most sales (`fixed_point`).

    Raises
    ------
    InputError
        If `rounds` is neither a word of these nor a whole number >= 0.
    ConvergenceError
        If sales do not end within 100,000 rounds, or prices do not settle.

    Examples
    --------
    >>> from contagion.propagation.firesales.engine import opening
    >>> from contagion.propagation.firesales.impacts import LinearImpact
    >>> from contagion.propagation.firesales.responses import LeverageThreshold
    >>> from contagion.holdings import read_holdings
    >>> table, start = opening(read_holdings([[100.0], [100.0]], "holdings"), 2,
    ...     equity=np.array([[4.0, 5.0], [8.0, 8.0]]))
    >>> found = simulate(Sale(table, LeverageThreshold(20.0, 15.0), LinearImpact(np.array([1e-4]))), start)
    >>> found.rounds.tolist(), found.bank_sales[0].round(3).tolist()
    ([2, 1], [40.0, 0.0])
    """
    if isinstance(rounds, str):
        if rounds not in ENDS:
            raise SchemaError(
                "is unknown", where="rounds", value=rounds, allowed=f"a whole number, {', '.join(ENDS)}"
            )
    else:
        rounds = whole(rounds, "rounds")
    plan = plan_of(sale, start)
    if plan is not None:
        return _compiled(sale, plan, start, rounds)
    if rounds in ("least", "most"):
        return _fixed_points(sale, start, most_sales=rounds == "most")
    return _rounds(sale, start, None if isinstance(rounds, str) else rounds)


def _compiled(sale: Sale, plan: Plan, start: State, rounds: int | str) -> Simulated:
    """The same by kernels, one scenario after the other."""
    found = blank(sale, start.price.shape[1])
    if rounds in ("least", "most"):
        run_fixed_points(plan, start_of(start), rounds == "most", SETTLED, MAX_ROUNDS, found)
    else:
        run_rounds(plan, start_of(start), -1 if isinstance(rounds, str) else rounds, SETTLED, LONGEST, found)
    wrong = np.flatnonzero(found.rounds < 0)
    if len(wrong):
        scenario = int(wrong[0])
        gap, security = float(found.gap[scenario]), int(found.worst[scenario])
        if not sale.frozen and found.price[scenario].max(initial=0.0) > HIGHEST:
            raise rising(found.price[scenario][:, None], -int(found.rounds[scenario]))
        if rounds in ("least", "most"):
            raise ConvergenceError(
                "prices do not settle", round=MAX_ROUNDS, gap=gap, worst=f"security {security}"
            )
        raise endless(scenario, gap, security)
    return Simulated(**{name: getattr(found, name).T for name in Simulated.__dataclass_fields__})


def _rounds(sale: Sale, start: State, number: int | None) -> Simulated:
    """So many rounds, or until nobody sells, all scenarios side by side."""
    whole_of = start.held.by_security()
    price, equity, in_default = start.price.copy(), start.equity.copy(), start.in_default.copy()
    loss, bank_sales = np.zeros_like(equity), np.zeros_like(equity)
    sold, sales = np.zeros_like(price), np.zeros_like(price)
    done, selling = (np.zeros(price.shape[1], dtype=np.int64) for _ in range(2))
    live = np.full(price.shape[1], fill_value=True)
    state = start
    for at, (cleared, action) in enumerate(
        islice(follow(sale, start), LONGEST if number is None else number)
    ):
        after = cleared.after
        moved = cleared.sold.against(state.price)
        loss[:, live] += cleared.loss[:, live]
        bank_sales[:, live] += moved[:, live]
        sold[:, live] += cleared.units[:, live]
        sales[:, live] += cleared.sales[:, live]
        price[:, live] = after.price[:, live]
        equity[:, live] = after.equity[:, live]
        in_default[:, live] = (after.in_default | action.failing)[:, live]
        some = (np.abs(cleared.units) > SETTLED * whole_of).any(axis=0)
        done[live] += 1
        selling[live & some] += 1
        state = after
        if number is None and not (sale.delayed and at == 0):
            live &= some
            if not live.any():
                break
    else:
        if number is None and live.any():
            _endless(cleared.units / np.where(whole_of > 0.0, whole_of, 1.0), live)
    return Simulated(price, equity, loss, sold, sales, bank_sales, in_default, done, selling)


def _endless(share: FloatArray, live: NDArray[np.bool_]) -> None:
    """Refuse to follow sales any longer."""
    scenario = int(np.flatnonzero(live)[0])
    worst = int(np.abs(share[:, scenario]).argmax())
    raise endless(scenario, float(np.abs(share[worst, scenario])), worst)


def endless(scenario: int, gap: float, security: int) -> ConvergenceError:
    """Sales that do not end: the share still sold of the security of which most is."""
    return ConvergenceError(
        "sales do not end",
        round=LONGEST,
        gap=gap,
        worst=f"security {security} in scenario {scenario}",
        remedy="a target below the limit, or a number of rounds",
    )


def _fixed_points(sale: Sale, start: State, *, most_sales: bool) -> Simulated:
    """The least or the most sales, each scenario alone."""
    return _beside([_fixed(sale, column(start, s), most_sales) for s in range(start.price.shape[1])])


def _fixed(sale: Sale, start: State, most_sales: bool) -> Simulated:
    """The fixed point of one scenario."""
    found = fixed_point(sale, start, most_sales=most_sales)
    sold, _ = split(sale, found.state, found.action)
    units = sold.by_security()
    some = np.any(np.abs(units) > SETTLED * start.held.by_security(), axis=0, keepdims=True)[0]
    return Simulated(
        price=found.state.price,
        equity=found.state.equity,
        loss=start.held.against(start.price * found.fall),
        sold=units,
        sales=units * start.price,
        bank_sales=sold.against(start.price),
        in_default=start.in_default | found.action.failing,
        rounds=np.array([found.rounds]),
        rounds_with_sales=some.astype(np.int64),
    )


def _beside(parts: list[Simulated]) -> Simulated:
    """Scenarios that were followed one by one as columns."""
    names = tuple(Simulated.__dataclass_fields__)
    return Simulated(*(np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names))


def column(state: State, scenario: int) -> State:
    """One scenario of a state, as a state of one column."""
    own = slice(scenario, scenario + 1)
    held = state.held
    if isinstance(held, InProportion):
        held = InProportion(held.table, held.share[:, own])
    elif isinstance(held, Listed):
        held = Listed(held.table, held.amount[:, own])
    others = [name for name in State.__dataclass_fields__ if name != "held"]
    return replace(state, held=held, **{name: getattr(state, name)[:, own] for name in others})
