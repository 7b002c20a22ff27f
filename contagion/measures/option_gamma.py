"""How much must those who hedge options trade as the price moves, and how much gamma is left unhedged?

References
----------
`contagion.markets.gamma_profile`: the formulas, book by book. Frey, Stremme (1997), "Market volatility and feedback
effects from dynamic hedging", Mathematical Finance 7(4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import ValueRangeError
from contagion.markets.gamma import gamma_profile

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["network_gamma"]

Floats = npt.NDArray[np.float64]
YEAR = 365.0 * 86_400.0
MOVES = tuple(float(move) for move in np.linspace(-0.4, 0.4, 33).round(6))


def network_gamma(net: Network, moves: npt.ArrayLike = MOVES) -> pd.DataFrame:
    """Return the gamma of all options of a network over the prices of their assets, hedged and unhedged.

    Options are valued at the opening volatilities, which stay with their strikes as prices move; no time passes.

    Parameters
    ----------
    net : Network
        Positions in options; hedgers are its strategies of kind ``hedge``, with the share ``ratio`` of their book.
    moves : array_like, default 33 moves from -40 to 40 %
        Moves of the price from the opening, as shares of it, above -1, shape (n_moves,).

    Returns
    -------
    DataFrame
        One row per asset with options and move: asset, move, price (money), hedged and unhedged (money of delta
        that changes when the price moves by 1 %), and hedge_trade (units that hedgers who are neutral at the opening
        must buy, below 0: sell, when the price goes there at once). Below 0 in `hedged`, hedgers sell into falls.
        As longs are shorts, hedged + unhedged = 0 where every option's holders are in the tables.

    Raises
    ------
    ValueRangeError
        If a move is -1 or below.

    Examples
    --------
    >>> from contagion.network.network import Network
    >>> network_gamma(Network(nodes=[{"name": "A"}])).columns.tolist()
    ['asset', 'move', 'price', 'hedged', 'unhedged', 'hedge_trade']
    """
    steps = np.atleast_1d(np.asarray(moves, dtype=np.float64))
    if not (steps > -1.0).all():
        raise ValueRangeError("leaves no price", where="moves", value=float(steps.min()), allowed="above -1")
    held, hedged = _units(net)
    markets, kinds = net.markets, net.column("markets", "kind")
    assets, prices = net.column("markets", "asset"), net.column("assets", "price")
    rows = []
    for asset in sorted(set(assets[kinds == "option"].tolist())):
        own = np.flatnonzero((kinds == "option") & (assets == asset))
        spot = float(prices[net.codes("markets", "asset")[own[0]]])
        levels = spot * (1.0 + steps)
        yes, trade = _profile(markets.iloc[own], hedged[own], spot, levels)
        no, _ = _profile(markets.iloc[own], (held - hedged)[own], spot, levels)
        found = {"asset": asset, "move": steps, "price": levels, "hedged": yes, "unhedged": no}
        rows.append(pd.DataFrame(found | {"hedge_trade": trade}))
    if not rows:
        return pd.DataFrame(columns=["asset", "move", "price", "hedged", "unhedged", "hedge_trade"])
    return pd.concat(rows, ignore_index=True)


def _units(net: Network) -> tuple[Floats, Floats]:
    """Units of every market that accounts hold, and of these what hedgers hedge, each of shape (n_markets,)."""
    market, account = net.codes("positions", "market"), net.codes("positions", "account")
    n = len(net.index("markets"))
    units = net.column("positions", "quantity") * net.column("accounts", "count")[account]
    asset = net.codes("markets", "asset")[market]
    share = np.zeros(len(units))
    for row in np.flatnonzero(net.column("strategies", "kind") == "hedge").tolist():
        mine = account == net.codes("strategies", "long_account")[row]
        mine &= asset == net.codes("strategies", "asset")[row]
        share[mine] = net.column("strategies", "ratio")[row]
    return (
        np.bincount(market, units, n).astype(np.float64),
        np.bincount(market, units * share, n).astype(np.float64),
    )


def _profile(options: pd.DataFrame, units: Floats, spot: float, levels: Floats) -> tuple[Floats, Floats]:
    """Money of delta per 1 % and the trade of a neutral hedger, over levels of the price."""
    gamma, trade = np.zeros(len(levels)), np.zeros(len(levels))
    carry = options["carry"].to_numpy(np.float64)
    for rate in np.unique(carry).tolist():
        rows = carry == rate
        own: Any = options[rows]
        found = gamma_profile(
            own["option_side"].to_numpy(str),
            units[rows],
            own["strike"].to_numpy(np.float64),
            own["expiry"].to_numpy(np.float64) / YEAR,
            own["implied_volatility"].to_numpy(np.float64),
            spot=spot,
            levels=levels,
            rate=rate,
        )
        gamma += found.dollar_gamma
        trade += found.hedge_trade
    return gamma, trade
