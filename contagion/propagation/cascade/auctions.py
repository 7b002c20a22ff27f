"""At which price is collateral auctioned, and who buys it when? Falling prices that keepers accept in part or whole.

At the trigger the largest collateral of an account goes to an auction: its price starts at the oracle's times `buffer`
and is cut by a factor every `auction_step` seconds. A keeper buys as soon as what it gets for its own size, after gas,
exceeds the price; it pays the debt first, then the penalty, and what collateral is left returns to the owner. An
auction that has lasted longer than `auction_tail`, or has fallen below `auction_cusp` of its top, starts anew at the
oracle of that moment. It goes on if the account recovers meanwhile. In the timeless limit all is bought at the oracle.

In an auction of the kind `flip` bids for the whole collateral rise for `auction_tail` seconds. Two keepers or more
drive them up to what the sale brings after gas, at most to the tab; one who is alone gets the collateral for nothing.

References
----------
MakerDAO: Liquidations 2.0, `Flipper` of version 1.2; margin chapter, section 9 (`maker_dutch_auction`,
`maker_flip_auction`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.gas import gas_of
from contagion.propagation.cascade.keepers import HALVINGS, is_served, offer, pays, side_money, wait
from contagion.propagation.cascade.loans import NONE, UNIT, largest_side, side_lots, side_price


@inner
def auction_price(top: float, cut: float, step: float, elapsed: float) -> float:
    """Price `elapsed` seconds after the start: one cut per whole step."""
    return top * cut ** np.floor(elapsed / step)


@inner
def must_restart(elapsed: float, tail: float, price: float, cusp: float, top: float) -> bool:
    """Whether an auction has lasted or fallen too long."""
    return elapsed > tail or price < cusp * top


@inner
def start(book: Any, state: Any, i: int) -> bool:
    """Open an auction of the largest collateral of account `i`, or open it anew; False where there is none."""
    deal, venue = state.deals[i], state.venues[book.venue[i]]
    c = largest_side(book, state, i, 1.0)
    if c == NONE or (deal.tab <= 0.0 and state.cash[i] >= 0):
        return False
    if deal.tab <= 0.0:
        deal.tab = np.floor(-float(state.cash[i]) * (1.0 + venue.auction_penalty))
        deal.restarts = 0
    deal.active, deal.collateral, deal.debt = True, c, UNIT
    deal.top, deal.started = side_price(book, state, c) * venue.auction_buffer, state.clock[0].time
    state.selected[i] = True
    return True


@inner
def price_now(state: Any, i: int, v: int) -> float:
    """Price of the auction of account `i`, in quanta per lot."""
    deal, venue = state.deals[i], state.venues[v]
    return auction_price(deal.top, venue.auction_cut, venue.auction_step, state.clock[0].time - deal.started)


@inner
def asking(book: Any, state: Any, i: int) -> float:
    """Price at which the collateral of account `i` is for sale this round, after a new start where one is due."""
    clock, deal, v = state.clock[0], state.deals[i], book.venue[i]
    venue = state.venues[v]
    if clock.sticky:
        return side_price(book, state, deal.collateral)
    price = price_now(state, i, v)
    if must_restart(clock.time - deal.started, venue.auction_tail, price, venue.auction_cusp, deal.top):
        start(book, state, i)
        deal.restarts += 1
        price = price_now(state, i, v)
    return price


@inner
def plan_flip(book: Any, state: Any, i: int) -> None:
    """The highest bid for all of the collateral, once the time for bids is over."""
    deal, venue, number = state.deals[i], state.venues[book.venue[i]], float(book.count[i])
    if state.clock[0].time - deal.started < venue.auction_tail:
        wait(book, state, i, False)
        return
    held, bid = side_lots(state, i, deal.collateral), 0.0
    if venue.auction_keepers >= 2:
        proceeds = side_money(book, state, deal.collateral, held * number) / number
        bid = min(deal.tab, np.floor(proceeds - gas_of(state, book.venue[i]) - venue.min_profit) - 1.0)
    if (
        bid >= 0.0
        and venue.auction_keepers > 0
        and pays(book, state, i, deal.collateral, UNIT, held, bid, 0.0)
    ):
        deal.rate, deal.gross = bid / held, 1.0
        offer(book, state, i, deal.collateral, UNIT, held, bid)
    else:
        wait(book, state, i, True)


@inner
def plan_auction(book: Any, state: Any, i: int) -> None:
    """What keepers buy of the collateral of one account under auction."""
    deal = state.deals[i]
    if not deal.active and not start(book, state, i):
        return
    flip = state.venues[book.venue[i]].flip and not state.clock[0].sticky
    price = 0.0 if flip else asking(book, state, i)
    if not is_served(book, state, i):
        wait(book, state, i, False)
        return
    if flip:
        plan_flip(book, state, i)
        return
    held = side_lots(state, i, deal.collateral)
    lots = min(held, np.ceil(deal.tab / price))
    for _ in range(HALVINGS + 1):
        if lots < 1.0:
            break
        pay = min(deal.tab, np.rint(lots * price))
        if pays(book, state, i, deal.collateral, UNIT, lots, pay, 0.0):
            deal.rate, deal.gross = price, 1.0
            offer(book, state, i, deal.collateral, UNIT, lots, pay)
            return
        lots = np.floor(0.5 * lots)
    wait(book, state, i, deal.restarts > 0)
