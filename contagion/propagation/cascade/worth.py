"""What is a lot worth at a price, and how much money moves when it trades? Linear and inverse contracts.

A linear lot is worth its price. An inverse one stands for ``lot`` of money, pays in its asset and gains
``lot (1 / entry - 1 / price)`` coins: long, it is worth minus ``lot / price`` coins, next to the ``lot / entry`` coins
that it was opened with, and its notional is ``lot / price`` coins. `market.coin` is what such a coin is worth.

References
----------
Margin chapter, section 2 (`account_equity`, contract `inverse`).
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner


@inner
def lot_money(market: Any, price: float) -> float:
    """Notional of a lot at `price`, in quanta."""
    if market.inverse:
        return float(market.lot_scale * (market.coin / price))
    return float(price * market.lot_scale)


@inner
def lot_worth(market: Any, price: float) -> float:
    """What a long lot is worth at `price`, in quanta, what it was opened with left out."""
    if market.inverse:
        return float(-market.lot_scale * (market.coin / price))
    return float(price * market.lot_scale)


@inner
def lot_flow(market: Any) -> float:
    """Money (quanta) that the sale of a lot brings to a book that stands at its reference price."""
    if market.inverse:
        return float(market.lot_scale)
    return float(market.reference * market.lot_scale)


@inner
def gain(market: Any, lots: float, before: float, after: float) -> float:
    """What `lots` gain, in quanta, when the price goes from `before` to `after`."""
    if market.inverse:
        return float(lots * market.lot_scale * (market.coin / before - market.coin / after))
    return float(lots * market.lot_scale * (after - before))


@inner
def units_of(market: Any, lots: float, price: float) -> float:
    """Units of the asset that `lots` stand for at `price`."""
    return float(lots * market.lot / price) if market.inverse else float(lots * market.lot)


@inner
def entry_now(state: Any, k: int, market: Any) -> float:
    """Entry price of leg `k` in money: stated at the opening price of the coin it settles in, moved with that coin."""
    if market.coin_slot < 0 or market.inverse:
        return float(state.entry[k])
    return float(state.entry[k] * (market.coin / state.slots[market.coin_slot].opening))


@inner
def stated_price(state: Any, market: Any, price: float) -> float:
    """A price in money as `State.entry` states it: at the opening price of the coin that the market settles in."""
    if market.coin_slot < 0 or market.inverse:
        return float(price)
    return float(price * (state.slots[market.coin_slot].opening / market.coin))
