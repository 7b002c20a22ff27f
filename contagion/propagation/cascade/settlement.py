"""In what is a trade of a contract paid? In money, or in the coin that its market settles in.

Whatever moves the worth of a leg (fills, deleveraging, funding, expiry, the failure of a venue) goes through `amount`
and `give`: quanta of money to the account's cash, or whole lots of the coin to its balance of that coin. The liquidity
provider of the market takes the exact counterpart. Fees are paid in money.

References
----------
Margin chapter, section 2 (`account_equity`, contract `inverse`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import post
from contagion.propagation.cascade.codes import ACCOUNT, MONEY, PROVIDER
from contagion.propagation.cascade.kernels import without_positions
from contagion.propagation.cascade.worth import lot_money, lot_worth

LARGEST = 2.0**52
"""Lots that arithmetic still counts one by one; whoever gets there is refused afterwards (`check_coins`)."""
TINY = 1e-300


@inner
def in_coins(state: Any, m: int, money: float) -> float:
    """Whole lots of the coin that market `m` settles in which are worth `money` quanta."""
    market = state.markets[m]
    lots = np.rint(money / max(market.coin * state.slots[market.coin_slot].lot_scale, TINY))
    return float(max(-LARGEST, min(LARGEST, lots)))


@inner
def amount(state: Any, m: int, lots: float, price: float) -> int:
    """What `lots` of market `m` (negative: bought) bring one account at `price`: quanta, or lots of the coin."""
    market = state.markets[m]
    if market.coin_slot < 0:
        return int(np.rint(lots * (market.lot_scale * price)))
    return int(in_coins(state, m, lots * lot_worth(market, price)))


@inner
def instrument_of(state: Any, m: int) -> int:
    """What market `m` pays in, as the ledger calls it."""
    slot = state.markets[m].coin_slot
    return MONEY if slot < 0 else state.markets.shape[0] + int(state.slots[slot].asset)


@inner
def credit(book: Any, state: Any, k: int, paid: int) -> None:
    """Pay each account behind leg `k` what `amount` says, without a posting."""
    if book.leg_coin[k] < 0:
        state.cash[book.leg_account[k]] += paid
    else:
        state.held[book.leg_coin[k]] += float(paid)


@inner
def give(book: Any, state: Any, k: int, paid: int, reason: int) -> None:
    """Pay each account behind leg `k` what `amount` says."""
    i = book.leg_account[k]
    credit(book, state, k, paid)
    post(state, ACCOUNT, i, reason, instrument_of(state, book.leg_market[k]), paid * int(book.count[i]))


@inner
def provider_gives(state: Any, m: int, paid: int, reason: int) -> None:
    """The provider of market `m` pays the counterpart, of all accounts behind a row."""
    market = state.markets[m]
    if market.coin_slot < 0:
        market.provider_cash -= paid
    else:
        market.provider_coins -= paid
    post(state, PROVIDER, m, reason, instrument_of(state, m), -paid)


@inner
def settle_trade(book: Any, state: Any, k: int, lots: float, price: float, reason: int) -> int:
    """Pay for `lots` of leg `k` that one account sold (negative: bought); returns the money traded, in quanta."""
    m, number = book.leg_market[k], int(book.count[book.leg_account[k]])
    paid = amount(state, m, lots, price)
    give(book, state, k, paid, reason)
    provider_gives(state, m, paid * number, reason)
    return abs(int(np.rint(lots * lot_money(state.markets[m], price))))


@inner
def provider_coins_worth(state: Any, market: Any) -> float:
    """What the coins of a market's provider are worth, in quanta."""
    if market.coin_slot < 0:
        return 0.0
    return float(market.provider_coins) * (market.coin * state.slots[market.coin_slot].lot_scale)


@inner
def set_coins(state: Any) -> None:
    """What the coins are worth that contracts settle in, by the oracle of their venue."""
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if market.coin_slot >= 0:
            market.coin = state.slots[market.coin_slot].price


@inner
def is_settled(book: Any, state: Any, i: int) -> bool:
    """Whether account `i`, whose contracts settle in coins, has closed them all and owes nothing."""
    settles = False
    for k in range(book.indptr[i], book.indptr[i + 1]):
        settles = settles or book.leg_coin[k] >= 0
    if not settles or state.cash[i] < 0 or not without_positions(book, state, i):
        return False
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        if state.held[b] < 0.0:
            return False
    return True
