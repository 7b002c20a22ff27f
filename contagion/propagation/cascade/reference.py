"""The look at every account once more, in plain NumPy: the reference that the compiled look must equal bit for bit.

Written apart from the kernels, from the formulas: ``eq = cash + sum q v`` and ``req = sum max_t (a_t x - b_t)`` by
`numpy.bincount`, which adds legs from left to right.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.propagation.cascade.layout import Book, State
from contagion.propagation.cascade.reference_scan import scans


def maintenance_of_legs(
    book: Book, state: State, notional: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Maintenance margin of every leg: the largest tier line of its market, and its growth with size."""
    first = state.markets["tier_first"][book.leg_market]
    lines = state.markets["tier_last"][book.leg_market] - first
    best = np.zeros_like(notional)
    for t in range(int(lines.max(initial=0))):
        row = np.where(t < lines, first + t, 0)
        line = book.tier_rate[row] * notional - book.tier_amount[row]
        best = np.where(t < lines, np.maximum(best, line), best)
    return np.asarray(best + state.markets["size_slope"][book.leg_market] * np.abs(state.quantity) * notional)


def lot_worths(state: State) -> npt.NDArray[np.float64]:
    """Quanta that a long lot of every market is worth; minus what it stands for in coins where it is inverse."""
    markets = state.markets
    inverse = -markets["lot_scale"] * (markets["coin"] / markets["mark"])
    return np.where(markets["inverse"], inverse, markets["mark"] * markets["lot_scale"])


def settling(book: Book, state: State) -> npt.NDArray[np.float64]:
    """Worth of the legs that settle in each coin held."""
    rows = np.flatnonzero(book.leg_coin >= 0)
    worth = state.quantity[rows] * lot_worths(state)[book.leg_market[rows]]
    return np.asarray(np.bincount(book.leg_coin[rows], worth, len(state.held)), np.float64)


def coins(book: Book, state: State) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Worth of every account's coins, and the haircuts on them."""
    slots, n = state.slots, len(book.count)
    value = state.held * (slots["price"] * slots["lot_scale"])[book.hold_slot]
    settled = value + settling(book, state)
    haircut = (1.0 - slots["weight"][book.hold_slot]) * np.maximum(settled, 0.0)
    money = np.where(np.diff(book.hold_indptr) > 0, np.maximum(state.cash.astype(np.float64), 0.0), 0.0)
    off = (1.0 - state.venues["unit_weight"][book.venue]) * money
    owned = np.asarray(np.bincount(book.hold_account, value, n), np.float64)
    return owned, np.asarray(np.bincount(book.hold_account, haircut, n), np.float64) + off


def levels(book: Book, state: State, required: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Equity below which every account is called."""
    slots, ratio = state.slots, state.venues["call_ratio"][book.venue]
    _, haircut = coins(book, state)
    lent = np.maximum(-state.held, 0.0) * (slots["price"] * slots["lot_scale"])[book.hold_slot]
    owed = np.maximum(-state.cash.astype(np.float64), 0.0)
    np.add.at(owed, book.hold_account, lent)
    asked = haircut + ratio * (required - haircut)
    asked += np.where(state.venues["protocol"][book.venue], (ratio - 1.0) * owed, 0.0)
    return np.where(np.diff(book.hold_indptr) > 0, asked, ratio * required)


def relief(
    book: Book, state: State, required: npt.NDArray[np.float64], side: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Margin that opposite legs on one asset spare every account, from the margin and lots of every leg."""
    asset, n_assets = state.markets["asset"][book.leg_market], max(1, len(state.index))
    pairs, first, place = np.unique(
        book.leg_account * n_assets + asset, return_index=True, return_inverse=True
    )
    longs = np.bincount(place, np.where(side > 0.0, required, 0.0), len(pairs))
    shorts = np.bincount(place, np.where(side < 0.0, required, 0.0), len(pairs))
    order = np.argsort(first, kind="stable")
    account = (pairs // n_assets)[order]
    theta = state.venues["portfolio_offset"][book.venue[account]]
    spared = theta * np.minimum(longs, shorts)[order]
    return np.asarray(np.bincount(account, spared, len(book.count)), np.float64)


def values(book: Book, state: State) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Equity and requirement of every account."""
    worth = state.quantity * lot_worths(state)[book.leg_market]
    required = state.markets["multiplier"][book.leg_market] * maintenance_of_legs(book, state, np.abs(worth))
    n = len(book.count)
    spared = relief(book, state, required, state.quantity)
    owned, haircut = coins(book, state)
    equity = np.asarray(np.bincount(book.leg_account, worth, n), np.float64) + owned
    by_tiers = np.asarray(np.bincount(book.leg_account, required, n), np.float64) - spared
    asked = np.where(book.scanned, scans(book, state), by_tiers) + haircut
    return equity + state.cash.astype(np.float64), asked


def look(book: Book, state: State) -> None:
    """Fill `equity`, `requirement`, `acting` and `called` for all accounts, skipping nobody."""
    equity, required = values(book, state)
    watched = ~book.exempt
    state.equity[watched], state.requirement[watched] = equity[watched], required[watched]
    acts = watched & ((equity < required) | (state.selected & (required > 0.0)))
    asked = levels(book, state, required)
    called = watched & ~acts & book.answers & (state.calls < 3) & np.isinf(state.due)
    called &= (required > 0.0) & (equity < asked) & bool(state.clock["calls"][0])
    for name, flags in (("acting", acts), ("called", called)):
        found = np.flatnonzero(flags)
        getattr(state, name)[: found.size] = found
        state.clock["n_" + name] = found.size
