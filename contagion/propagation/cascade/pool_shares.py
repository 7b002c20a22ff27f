"""Step 1, pools whose shares are tokens: what lies in them after the trades of the last round.

A constant-product pool keeps ``x y``: at the price P at which its market stands it holds ``sqrt(x y / P)`` coins and
``sqrt(x y P)`` of money, however many trades led there, and its shares are worth ``2 sqrt(x y P)`` together. The node
that issues them takes coins from the provider of the market, who has bought them from forced sellers and stands for
arbitrageurs, and pays with money, so that the product stays: coins in whole lots, money up to whole quanta in favour of
the pool. What it loses against keeping what it had at the opening is its impermanent loss. It does not trade while its
coins or its cash do not suffice, or once it has failed.

References
----------
Adams, Zinsmeister, Robinson (2020), "Uniswap v2 Core". Milionis et al. (2022), "Automated market making and
loss-versus-rebalancing".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note, pay_node, post
from contagion.propagation.cascade.codes import BY_POOL_TRADE, EVENT_POOL, MONEY, NODE, PROVIDER

LOTS, QUANTA = range(2)
"""Columns of `State.pool`."""


@inner
def rebalance_pools(book: Any, state: Any) -> None:
    """Every pool whose shares are tokens holds what its product says at the price at which it stands."""
    if state.clock[0].round == 0:
        return
    for a in range(book.pool_market.shape[0]):
        m = book.pool_market[a]
        if m >= 0 and not state.markets[m].dead and not state.node_failed[book.issuer[a]]:
            rebalance(book, state, a, m)


@inner
def rebalance(book: Any, state: Any, a: int, m: int) -> None:
    """Trade the pool behind shares `a` to the price of market `m`."""
    market, n, h = state.markets[m], book.issuer[a], book.pool_holding[a]
    lots = max(1.0, np.rint(math.sqrt(book.pool_product[a] / (market.last * market.lot_scale))))
    quanta = np.ceil(book.pool_product[a] / lots)
    bought, paid = int(lots - state.pool[a, LOTS]), int(state.pool[a, QUANTA] - quanta)
    if bought == 0 or state.holding[h] + bought < 0 or state.node_cash[n] < paid:
        return
    price = abs(float(paid)) / (abs(float(bought)) * market.lot_scale)
    note(state, EVENT_POOL, -1, n, market.venue, m, float(bought), price, abs(float(paid)))
    instrument = state.markets.shape[0] + int(market.asset)
    state.holding[h] += bought
    market.provider_lots -= bought
    post(state, NODE, n, BY_POOL_TRADE, instrument, bought)
    post(state, PROVIDER, m, BY_POOL_TRADE, instrument, -bought)
    pay_node(state, n, BY_POOL_TRADE, -paid)
    market.provider_cash += paid
    post(state, PROVIDER, m, BY_POOL_TRADE, MONEY, paid)
    state.pool[a, LOTS], state.pool[a, QUANTA] = lots, quanta
