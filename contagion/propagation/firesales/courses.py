"""What becomes of one network in one fire sale? Rounds or a fixed point, added up by node and by asset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError
from contagion.propagation.firesales.engine import SETTLED, Cleared, Sale, fixed_point, follow
from contagion.propagation.firesales.market import Market
from contagion.propagation.firesales.portfolios import Table, sold_entries
from contagion.propagation.firesales.responses import State
from contagion.propagation.firesales.simulation import LONGEST, simulate

__all__ = ["Course", "SaleStep", "ended_course", "fixed_course", "followed_course", "step_at"]


@dataclass(frozen=True)
class SaleStep:
    """One round; per asset (n_assets,), per node (n_nodes,); prices over opening prices, money.

    Parameters
    ----------
    price : numpy.ndarray
        After the round.
    fall : numpy.ndarray
        As a share of the price before it.
    sold, bought : numpy.ndarray
        At the price before it; `bought` is what outsiders took.
    leverage : numpy.ndarray
        Assets over equity before the round; infinite without equity.
    equity : numpy.ndarray
        After the round, signed.
    sales, loss : numpy.ndarray
        What each node sold, and lost through prices.
    failed : numpy.ndarray of bool
        Who is in default after the round.
    sold_entries, lost_entries : numpy.ndarray, shape (n_entries,)
        Sales and losses by entry of the table of holdings, money.
    """

    price: FloatArray
    fall: FloatArray
    sold: FloatArray
    bought: FloatArray
    leverage: FloatArray
    equity: FloatArray
    sales: FloatArray
    loss: FloatArray
    failed: NDArray[np.bool_]
    sold_entries: FloatArray
    lost_entries: FloatArray

    def pushed(self, table: Table) -> csr_array:
        """Losses per money sold in each asset, times what each node sold, shape (n_nodes, n_assets)."""
        lost = table.by_security @ self.lost_entries
        per_sale = np.divide(lost, self.sold, out=np.zeros_like(lost), where=self.sold != 0.0)
        matrix = table.matrix
        shares = self.sold_entries * per_sale[matrix.indices]
        return csr_array((shares, matrix.indices, matrix.indptr), shape=matrix.shape)

    def caused(self, table: Table) -> FloatArray:
        """Losses of all that each node's sales caused, shape (n_nodes,)."""
        return np.asarray(self.pushed(table).sum(axis=1), dtype=np.float64).ravel()

    def between(self, table: Table) -> csr_array:
        """What each seller (row) made each holder (column) lose, money, shape (n_nodes, n_nodes)."""
        lost = table.by_security @ self.lost_entries
        share = np.divide(1.0, lost, out=np.zeros_like(lost), where=lost > 0.0)
        matrix = table.matrix
        part = csr_array(
            (self.lost_entries * share[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
        )
        return csr_array(self.pushed(table) @ part.T)


@dataclass(frozen=True)
class Course:
    """The whole sale; per asset (n_assets,), per node (n_nodes,).

    Parameters
    ----------
    price : numpy.ndarray
        At the end, over opening prices.
    equity : numpy.ndarray
        At the end, signed.
    loss, sales : numpy.ndarray
        What each node lost through prices beyond the shock, and sold, money.
    sold : numpy.ndarray
        What is sold of each asset, money at shocked prices.
    failed : numpy.ndarray of bool
        Who is in default by the rule of the model.
    rounds, rounds_with_sales : int
        All, and those in which something was sold.
    leverage : numpy.ndarray
        Assets over equity at the end; infinite without equity.
    steps : tuple of SaleStep
        The rounds one by one.
    """

    price: FloatArray
    equity: FloatArray
    loss: FloatArray
    sales: FloatArray
    sold: FloatArray
    failed: NDArray[np.bool_]
    rounds: int
    rounds_with_sales: int
    leverage: FloatArray
    steps: tuple[SaleStep, ...] = field(repr=False, default=())


def followed_course(market: Market, sale: Sale, start: State, rounds: int | None) -> Course:
    """Follow a sale for a number of rounds, or until nobody sells.

    Raises
    ------
    ConvergenceError
        If sales do not end.
    """
    steps: list[SaleStep] = []
    shocked = start.price[:, 0]
    whole = start.held.by_security()
    state, bearing, busy = start, np.zeros_like(start.equity[:, 0]), 0
    sold = np.zeros(len(shocked))
    for number, (cleared, action) in enumerate(islice(follow(sale, start), rounds)):
        step = _step(sale, state, cleared, cleared.after.in_default | action.failing)
        state, bearing = cleared.after, bearing + step.loss
        sold = sold + cleared.units[:, 0] * shocked
        active = bool((np.abs(cleared.units) > SETTLED * whole).any())
        busy += active
        steps.append(step)
        if rounds is None and not active and not (sale.delayed and number == 0):
            break
        if number >= LONGEST:
            raise ConvergenceError(
                "sales do not end",
                round=number,
                gap=float(np.abs(cleared.sales).sum()),
                worst=str(market.holdings.banks.name(int(step.sales.argmax()))),
                remedy="a target of leverage below the limit, or a number of rounds",
            )
    if sale.frozen:
        steps = _in_series(steps, 1.0 + start.move[:, 0])
    failed = steps[-1].failed if steps else start.in_default[:, 0]
    return Course(
        price=steps[-1].price if steps else shocked,
        equity=start.equity[:, 0] - bearing,
        loss=bearing,
        sales=sum((step.sales for step in steps), np.zeros(len(bearing))),
        sold=sold,
        failed=failed,
        rounds=len(steps),
        rounds_with_sales=busy,
        leverage=_leverage(state),
        steps=tuple(steps),
    )


def fixed_course(sale: Sale, start: State, *, most_sales: bool) -> Course:
    """Prices and sales that explain each other, everything at the new price."""
    found = fixed_point(sale, start, most_sales=most_sales)
    loss = start.held.against(start.price * found.fall)[:, 0]
    return step_at(
        sale,
        start,
        found.state,
        found.fall[:, 0],
        found.action.fraction[:, 0],
        equity=start.equity[:, 0] - loss,
        failed=found.action.failing[:, 0],
        rounds=found.rounds,
    )


def ended_course(sale: Sale, start: State, rounds: int | str) -> Course:
    """The end of a sale without its steps: quick, for many scenarios; not for frozen sheets."""
    found = simulate(sale, start, rounds)
    return Course(
        price=found.price[:, 0],
        equity=found.equity[:, 0],
        loss=found.loss[:, 0],
        sales=found.bank_sales[:, 0],
        sold=found.sold[:, 0] * start.price[:, 0],
        failed=found.in_default[:, 0],
        rounds=int(found.rounds[0]),
        rounds_with_sales=int(found.rounds_with_sales[0]),
        leverage=np.full(len(found.loss), np.nan),
    )


def step_at(
    sale: Sale,
    start: State,
    end: State,
    fall: FloatArray,
    fraction: FloatArray,
    *,
    equity: FloatArray,
    failed: NDArray[np.bool_],
    rounds: int,
) -> Course:
    """A course of one step: from the start to prices that fell by so much, where shares of portfolios are sold."""
    shocked, column = start.price[:, 0], sale.table.matrix.indices
    part = sold_entries(start.held, sale.table, fraction[:, None])[:, 0]
    sold = (sale.table.by_security @ part) * shocked
    sales = fraction * start.held.against(start.price)[:, 0]
    loss = start.held.against(start.price * fall[:, None])[:, 0]
    step = SaleStep(
        price=end.price[:, 0],
        fall=fall,
        sold=sold,
        bought=np.zeros_like(sold),
        leverage=_leverage(start),
        equity=equity,
        sales=sales,
        loss=loss,
        failed=failed,
        sold_entries=part * shocked[column],
        lost_entries=start.held.entries()[:, 0] * (shocked * fall)[column],
    )
    return Course(
        price=step.price,
        equity=equity,
        loss=loss,
        sales=sales,
        sold=sold,
        failed=failed,
        rounds=rounds,
        rounds_with_sales=int((fraction > SETTLED).any()),
        leverage=_leverage(end, fraction),
        steps=(step,),
    )


def _in_series(steps: list[SaleStep], shocked: FloatArray) -> list[SaleStep]:
    """Rounds of a frozen sheet, whose falls add up."""
    falls = np.cumsum([step.fall for step in steps], axis=0) if steps else np.zeros((0, len(shocked)))
    return [
        replace(step, price=np.maximum(0.0, shocked - fall)) for step, fall in zip(steps, falls, strict=True)
    ]


def _leverage(state: State, sold: FloatArray | float = 0.0) -> FloatArray:
    """Assets over equity once shares `sold` of portfolios have paid back debt; infinite without equity, (n_nodes,)."""
    held = state.held.against(state.price)
    assets = (held + state.cash + state.illiquid)[:, 0] - sold * held[:, 0]
    equity = state.equity[:, 0]
    return np.asarray(np.divide(assets, equity, out=np.full(len(equity), np.inf), where=equity > 0.0))


def _step(sale: Sale, before: State, cleared: Cleared, failed: NDArray[np.bool_]) -> SaleStep:
    """One round of the engine in columns."""
    column = sale.table.matrix.indices
    entries = cleared.sold.entries()[:, 0] * before.price[column, 0]
    sold, fall, weight = cleared.sales[:, 0], cleared.fall[:, 0], sale.settlement_weight
    part = np.divide(
        cleared.bought, cleared.units, out=np.zeros_like(cleared.units), where=cleared.units != 0.0
    )
    spared = 1.0 - weight + weight * part[:, 0]
    worth = before.held.entries()[:, 0] * before.price[column, 0]
    return SaleStep(
        price=cleared.after.price[:, 0],
        fall=fall,
        sold=sold,
        bought=(cleared.bought * before.price)[:, 0],
        leverage=_leverage(before),
        equity=before.equity[:, 0] - cleared.loss[:, 0],
        sales=sale.table.by_bank @ entries,
        loss=cleared.loss[:, 0],
        failed=failed[:, 0],
        sold_entries=entries,
        lost_entries=(worth - entries * spared[column]) * fall[column],
    )
