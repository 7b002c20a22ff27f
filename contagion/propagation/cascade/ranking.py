"""Whose position is deleveraged first? Scores of winners by the rules of the venues, on legs of accounts.

References
----------
margin chapter, section 6 (`adl_rank_bitmex`, `adl_rank_binance`, `adl_rank_hyperliquid`, `adl_contract_pro_rata`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import (
    RANK_BINANCE,
    RANK_BITMEX,
    RANK_PRO_RATA,
    RANK_SIDE_AWARE,
    SPOT,
)
from contagion.propagation.cascade.inventories import is_inventory
from contagion.propagation.cascade.kernels import gross, maintenance, value_account
from contagion.propagation.cascade.worth import entry_now, gain, lot_money


@inner
def wallet(book: Any, state: Any, i: int, equity: float) -> float:
    """Equity of account `i` before unrealised profit (quanta), at least one quantum."""
    for k in range(book.indptr[i], book.indptr[i + 1]):
        market = state.markets[book.leg_market[k]]
        equity -= gain(market, state.quantity[k], entry_now(state, k, market), market.mark)
    return max(1.0, equity)


@inner
def score_of(book: Any, state: Any, k: int, rule: int) -> float:
    """Score of leg `k` at the marks, the highest first; nan for a leg that gives nothing up.

    Only a leg in profit of an account with equity is cut, and no inventory. The rest of the market counts as an account
    without leverage.
    """
    i, market = book.leg_account[k], state.markets[book.leg_market[k]]
    mark, entry = market.mark, entry_now(state, k, market)
    long_side = state.quantity[k] > 0.0
    profit = (mark - entry) / entry if long_side else (entry - mark) / entry
    if market.inverse:
        profit *= entry / mark  # of the coins put in
    if profit <= 0.0 or is_inventory(book, state, i):
        return np.nan
    notional = abs(state.quantity[k]) * lot_money(market, mark)
    equity, required, total, purse = notional, 0.0, notional, notional
    if not book.exempt[i]:
        equity, required = value_account(book, state, i)
        if equity <= 0.0:
            return np.nan
    if rule == RANK_PRO_RATA:
        return 0.0
    if rule == RANK_BITMEX:
        return profit if book.exempt[i] else profit * (gross(book, state, i) / equity)
    if rule == RANK_BINANCE:
        gain = profit * (abs(state.quantity[k]) * lot_money(market, entry))
        if book.exempt[i]:
            own = market.multiplier * maintenance(book, market, notional, abs(state.quantity[k]))
            return gain / purse * (own / total)
        return gain / wallet(book, state, i, equity) * (required / equity)
    move = mark / entry
    if rule == RANK_SIDE_AWARE and not long_side:
        move = entry / mark
    return move * (notional / equity)


@inner
def rank_again(book: Any, state: Any) -> None:
    """Score every leg anew at the venues that rank only every `rank_interval` seconds, when their time has come."""
    clock = state.clock[0]
    for m in range(state.markets.shape[0]):
        venue = state.venues[state.markets[m].venue]
        if state.markets[m].kind == SPOT or not venue.adl or not clock.adl or venue.rank_interval <= 0.0:
            continue
        now = np.floor(clock.time / venue.rank_interval)
        if clock.round > 0 and now <= np.floor((clock.time - clock.step) / venue.rank_interval):
            continue
        for j in range(book.slot_indptr[m], book.slot_indptr[m + 1]):
            k = book.slot_legs[j]
            score = score_of(book, state, k, venue.adl_rank) if state.quantity[k] != 0.0 else np.nan
            state.rank_score[k] = -np.inf if math.isnan(score) else score
