"""From minted tokens to lots in a market: which one they are sold in, and what is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, TooLargeError
from contagion.network import Network
from contagion.network.rulebook import is_spot
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import SPOT
from contagion.shocks import ShockArrays


def check_minted(net: Network, shock: ShockArrays, opening: Opening) -> None:
    """Refuse to mint what no spot market trades, nobody could sell it, and more than can be counted."""
    if not shock.mint:
        return
    traded = set(net.column("markets", "asset")[is_spot(net.column("markets", "kind"))])
    for _, token, quantity in shock.mint:
        lot = float(opening.units.asset_lots[opening.names.assets.index(token)])
        if quantity / lot >= 2.0**50:
            raise TooLargeError(
                "is more than can be counted",
                where="shock Mint.quantity",
                value=quantity,
                allowed=f"below {2.0**50 * lot:.3g} {token}: lots of {lot:g}",
            )
        if token not in traded:
            raise NetworkError(
                "has no spot market in which it could be sold",
                where="shock Mint.token",
                value=token,
                allowed=", ".join(sorted(traded)) or "nothing: the network has no spot market",
                remedy="add a spot market of the token to markets, with depth",
            )


def mint_rows(opening: Opening, shock: ShockArrays) -> npt.NDArray[np.float64]:
    """Round, asset, market and lots of everything minted, as `minting` reads them: the asset's deepest spot market."""
    markets, rows = opening.markets, np.zeros((len(shock.mint), 6))
    for row, (at, token, quantity) in zip(rows, shock.mint, strict=True):
        asset = opening.names.assets.index(token)
        spots = np.flatnonzero((markets["asset"] == asset) & (markets["kind"] == SPOT))
        market = spots[np.argmax(markets["capital"][spots])]
        row[:4] = at, asset, market, np.floor(quantity / markets["lot"][market])
    return rows
