"""Tokens that are shares of pools: which pool, and what of its reserves is theirs?

An asset of kind `pool_share` is issued by a venue and follows the coin of one of its constant-product pools. All its
shares stand for reserves of their worth at the opening, half in coins and half in money; the venue's node has them
among its holdings and its cash. They are at most the reserves that the depth of the pool tells.

References
----------
Margin chapter: constant-product pools. A pool that keeps ``x y`` is worth ``2 sqrt(x y P)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network import Network
from contagion.network.issuers import issued_units
from contagion.network.references import POOL_SHARE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TOLERANCE = 1e-9


def pool_arrays(net: Network, issued: Floats, asset_scale: Floats) -> dict[str, npt.NDArray[Any]]:
    """The book's arrays of pools by asset.

    Parameters
    ----------
    net : Network
        Checked by `check_pools`.
    issued : ndarray, shape (n_assets,)
        Lots outstanding.
    asset_scale : ndarray, shape (n_assets,)
        Quanta that a lot is worth per unit of price.
    """
    n, price = len(net.index("assets")), net.column("assets", "price")
    market, row = pools_of(net), np.full(n, -1, dtype=np.int64)
    product, opening = np.zeros(n), np.zeros((n, 2))
    node, of = net.codes("holdings", "node"), net.codes("holdings", "asset")
    for a in np.flatnonzero(market >= 0).tolist():
        coin = int(net.codes("assets", "reference")[a])
        row[a] = np.flatnonzero((node == net.codes("assets", "issuer")[a]) & (of == coin))[0]
        half = 0.5 * issued[a] * price[a] * asset_scale[a]
        lot = price[coin] * asset_scale[coin]
        product[a] = half * half / lot
        lots = max(1.0, float(np.rint(half / lot)))
        opening[a] = lots, math.ceil(product[a] / lots)
    return {"pool_market": market, "pool_holding": row, "pool_product": product, "pool_opening": opening}


def pools_of(net: Network) -> Ints:
    """Market of the pool of which each asset is a share, -1 for all others, shape (n_assets,)."""
    found = np.full(len(net.index("assets")), -1, dtype=np.int64)
    for a in np.flatnonzero(net.column("assets", "kind") == POOL_SHARE).tolist():
        places = _pools(net, a)
        if len(places) == 1:
            found[a] = places[0]
    return found


def _pools(net: Network, a: int) -> Ints:
    """Constant-product pools of the asset's reference at its issuer."""
    venue = net.codes("venues", "name")[net.codes("markets", "venue")]
    mine = (venue == net.codes("assets", "issuer")[a]) & (
        net.column("markets", "impact") == "constant_product"
    )
    return np.flatnonzero(mine & (net.codes("markets", "asset") == net.codes("assets", "reference")[a]))


def check_pools(net: Network) -> None:
    """Refuse shares of pools that do not exist or do not hold what the shares are worth.

    Raises
    ------
    NetworkError
        Names the asset, what is missing and a remedy.
    """
    shares = np.flatnonzero(net.column("assets", "kind") == POOL_SHARE).tolist()
    taken: dict[int, str] = {}
    cash = np.zeros(len(net.index("nodes")))
    for a in shares:
        name = str(net.column("assets", "name")[a])
        pools = _pools(net, a) if net.codes("assets", "issuer")[a] >= 0 else np.zeros(0, dtype=np.int64)
        if net.codes("assets", "reference")[a] < 0 or len(pools) != 1:
            raise NetworkError(
                f"is a share of a pool, but {len(pools)} pools with impact constant_product trade its reference at its "
                "issuer",
                where="assets kind",
                value=name,
                remedy="name the venue of the pool as issuer and the pool's coin as reference, or set kind to 'token'",
            )
        if pools[0] in taken:
            raise NetworkError(
                f"is a share of the same pool as {taken[int(pools[0])]!r}",
                where="assets kind",
                value=name,
                remedy="give a pool one asset of shares",
            )
        taken[int(pools[0])] = name
        cash[net.codes("assets", "issuer")[a]] += _check_reserves(net, a, int(pools[0]), name)
    short = np.flatnonzero(cash * (1.0 - TOLERANCE) > net.column("nodes", "cash"))
    if len(short):
        raise NetworkError(
            f"has {net.column('nodes', 'cash')[short[0]]:,.2f} {net.unit} of cash; the shares of its pools stand for "
            f"{cash[short[0]]:,.2f} of it",
            where="nodes cash",
            value=str(net.column("nodes", "name")[short[0]]),
            remedy="raise its cash, or lower the price or the quantity of the shares",
        )


def _check_reserves(net: Network, a: int, m: int, name: str) -> float:
    """Compare the worth of the shares with the depth of the pool and the coins of its node; returns their money."""
    price, coin = net.column("assets", "price"), int(net.codes("assets", "reference")[a])
    half = 0.5 * float(issued_units(net)[a] * price[a])
    bids = net.depth[(net.depth["market"] == net.column("markets", "name")[m]) & (net.depth["side"] == "bid")]
    bids = bids.sort_values("band")
    if not half > 0.0 or bids.empty:
        raise NetworkError(
            "is a share of a pool that nobody holds, or whose pool has no depth",
            where="assets",
            value=name,
            remedy="add holdings or balances of the share, and the pool's reserves as depth",
        )
    reserve = float(bids["amount"].iloc[0]) / (1.0 / math.sqrt(1.0 - float(bids["band"].iloc[0])) - 1.0)
    coefficient = float(net.column("markets", "impact_coefficient")[m])
    if half * coefficient > reserve * (1.0 + TOLERANCE):
        raise NetworkError(
            f"is worth {2.0 * half:,.2f} {net.unit} together; the depth of its pool tells of reserves of "
            f"{2.0 * reserve / coefficient:,.2f}",
            where="assets",
            value=name,
            remedy="raise the pool's amounts in depth, or lower the price or the quantity of the shares",
        )
    mine = (net.codes("holdings", "node") == net.codes("assets", "issuer")[a]) & (
        net.codes("holdings", "asset") == coin
    )
    units = float(net.column("holdings", "quantity")[mine].sum())
    if units * (1.0 + TOLERANCE) < half / price[coin]:
        raise NetworkError(
            f"stands for {half / price[coin]:,.6g} coins of its pool; its issuer holds {units:,.6g}",
            where="assets",
            value=name,
            remedy="add a row to holdings with the issuer and the coins in the pool",
        )
    return half
