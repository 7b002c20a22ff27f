"""What would a lot of every market gain or lose in each scenario of its venue? The tables that scans of accounts read.

Linear contracts move with the asset by the scenario's share of their price, options are valued anew with the index and
their volatility moved. No time passes. Filled once a round, when the marks stand, and once more at outside prices,
which say whether an account is healthy without the displacement of books.

References
----------
`contagion.markets.risk_array`; CME Group, "Standard Portfolio Analysis of Risk".
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner
from contagion.markets.option_kernels import option_value
from contagion.propagation.cascade.codes import OPTION
from contagion.propagation.cascade.indices import row_of
from contagion.propagation.cascade.revalue import years_left


@inner
def fill_risks(book: Any, state: Any, m: int, spot: float, price: float, table: Any) -> None:
    """Gain of one lot of market `m` (quanta) in every scenario of its venue, into `table`.

    `spot` is the price of the asset, `price` that of a unit of the contract if it is linear.
    """
    market = state.markets[m]
    venue = state.venues[market.venue]
    left, now = 0.0, 0.0
    if market.kind == OPTION:
        left = years_left(state.clock[0], market)
        now = option_value(market.call, spot, market.strike, left, market.implied_now, market.carry)
    for c in range(venue.scan_first, venue.scan_last):
        move, gain = book.scan_price[c], 0.0
        if market.kind == OPTION:
            volatility = market.implied_now * max(0.0, 1.0 + book.scan_volatility[c])
            at = spot * (1.0 + move)
            gain = option_value(market.call, at, market.strike, left, volatility, market.carry) - now
        else:
            gain = price * move
        table[m, c] = gain * book.scan_share[c] * market.lot_scale


@inner
def set_risks(book: Any, state: Any) -> None:
    """Risk of every market of a venue that scans, at the marks and at outside prices."""
    if book.scan_price.shape[0] == 0:
        return
    now = row_of(state.clock[0], state.outside)
    for m in range(state.markets.shape[0]):
        market = state.markets[m]
        if state.venues[market.venue].scan and not market.expired:
            fill_risks(book, state, m, market.index, market.mark, state.risk)
            at = state.outside[now, market.asset]
            fill_risks(book, state, m, at, market.outside, state.risk_outside)
