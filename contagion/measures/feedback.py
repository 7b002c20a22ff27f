"""How strongly do forced orders set off further forced orders, at each price level, before any run?

References
----------
The slope of the map from a fall to the fall it causes; with one market it is the product κρ of impact and
density. Its first passage through 1 is where the fixed point of the static cascade jumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import ValueRangeError
from contagion.measures.books import Book, Floats, Integers, book, closing_moves
from contagion.measures.scanned import note_scanned

if TYPE_CHECKING:
    from contagion.network.network import Network

_FOLLOW = ("last", "median_binance", "median_hyperliquid")
"""Rules under which the mark follows the last price in time."""
LINEAR = ("perp", "future")
"""Kinds of derivatives whose mark follows their own trades; options are marked to model."""


def cascade_slopes(
    net: Network,
    direction: Mapping[str, float] | None = None,
    *,
    width: float = 0.01,
    furthest: float = -0.6,
) -> pd.DataFrame:
    """Return how strongly the static cascade feeds itself at each level of the move.

    The slope is the largest eigenvalue of the matrix K, where K[m, n] is the displacement of market m made
    by the accounts that a displacement of market n sets off: density of forced orders of m per unit of
    displacement of n, times impact of m. With one market and one asset it is κρ. A displacement reaches the
    mark by the weight of the last price in it; whole accounts are closed.

    Parameters
    ----------
    net : Network
        A network with margin accounts and depth.
    direction : mapping of str to float, optional
        Relative move of each asset when the common move is 1; default 1 for all but currencies.
    width : float
        Width of a level; the density is a mean over it.
    furthest : float
        The last level: negative for falls, positive for rises.

    Returns
    -------
    DataFrame
        Indexed by level (its edge nearer to 0): slope; market, the one with the largest slope of its own, and
        own_slope; shock, the outside move that leads to the level, impact on the way taken off.
    """
    if not (np.isfinite(width) and 0.0 < width <= abs(furthest)):
        raise ValueRangeError(
            "is no width of a level", where="width", value=width, allowed="0 < width <= |furthest|"
        )
    legs = book(net, direction)
    limit = legs.lowest if furthest < 0.0 else legs.highest
    end = max(furthest, limit) if furthest < 0.0 else min(furthest, limit)
    n_levels = int(np.ceil(abs(end) / width - 1e-9))
    move = closing_moves(legs, limit)
    level = _levels(move, abs(end), width, n_levels)
    reached = np.nan_to_num(move)
    flow = legs.quantity * legs.count * legs.leg_prices(reached)
    shape = (n_levels, len(net.markets))
    sold = _sum_by(shape, level[legs.account], legs.market, flow)
    displacement = _displacements(net, np.vstack([np.zeros(shape[1]), np.cumsum(sold, axis=0)]))
    weight = last_price_weights(net)
    density = _densities(legs, reached, level, flow, shape) / width * -np.sign(end)
    matrix = _secants(displacement, sold)[:, :, None] * density * weight
    own = np.diagonal(matrix, axis1=1, axis2=2)
    row, lead = np.arange(n_levels), own.argmax(axis=1)
    edge = np.sign(end) * width * row
    impact = 1.0 - weight * _relative_fall(net, displacement[:-1])
    shock = (1.0 + edge) / impact[row, lead] - 1.0
    frame = pd.DataFrame(
        {
            "slope": np.linalg.eigvals(matrix).real.max(axis=1),
            "market": net.markets.index.to_numpy()[lead],
            "own_slope": own[row, lead],
            "shock": np.clip(shock, min(end, 0.0), max(end, 0.0)) + 0.0,
        },
        index=pd.Index(np.round(edge, 12) + 0.0, name="level"),
    )
    return note_scanned(net, frame)


def _levels(move: Floats, end: float, width: float, n_levels: int) -> Integers:
    """Return the level at which each account is closed; `n_levels` for those that are not."""
    size = np.abs(move)
    steps = np.floor(np.where(size <= end, size, 0.0) / width + 1e-9).astype(np.int64)
    return np.where(size <= end, np.minimum(steps, n_levels - 1), n_levels)


def _sum_by(shape: tuple[int, ...], level: Integers, cell: Integers, value: Floats) -> Floats:
    """Return sums of `value` by level and cell; the level past the last is dropped."""
    n_cells = int(np.prod(shape[1:]))
    total = np.bincount(level * n_cells + cell, value, (shape[0] + 1) * n_cells)
    return np.asarray(total[: shape[0] * n_cells].reshape(shape), dtype=np.float64)


def _densities(legs: Book, move: Floats, level: Integers, flow: Floats, shape: tuple[int, int]) -> Floats:
    """Return the orders of market m set off per unit fall of market n and per level, ``(levels, m, n)``.

    A fall of one market moves an account towards its trigger as far as a common move of ``share`` times it,
    share being that market's part in the slope of the account's health. An order cannot set off itself: each
    account meets the density of the others, hence the sum of squares that is taken off.
    """
    _, slope = legs.health(move)
    prices = legs.leg_prices(move)
    _, rate = legs.requirement(prices)
    own_slope = (legs.quantity - rate * np.abs(legs.quantity)) * prices
    safe = np.where(slope == 0.0, np.inf, slope)[legs.account]
    share = own_slope / safe
    order = np.argsort(legs.account, kind="stable")
    size = np.bincount(legs.account, minlength=len(legs.cash))
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    pairs = size[legs.account[order]]
    first = np.repeat(order, pairs)
    within = np.arange(len(first)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    second = order[start[legs.account[first]] + within]
    n_markets = shape[1]
    cell = legs.market[first] * n_markets + legs.market[second]
    row, part = level[legs.account[first]], flow[first] * share[second]
    total = _sum_by((*shape, n_markets), row, cell, part)
    squares = _sum_by((*shape, n_markets), row, cell, part * part)
    return total - np.divide(squares, total, out=np.zeros_like(total), where=total != 0.0)


def last_price_weights(net: Network) -> Floats:
    """Return the weight of the last price in the mark of each perpetual and dated future, ``(n_markets,)``."""
    rules = net.venues.reindex(net.markets["venue"])
    word, weight = rules["mark"].to_numpy(), rules["mark_weight"].to_numpy(np.float64)
    kind = net.markets["kind"].to_numpy()
    own = np.where(np.isin(word, _FOLLOW), 1.0, np.where(word == "index", 0.0, weight))
    own = np.where((kind == "future") & np.isin(word, _FOLLOW[1:]), 0.0, own)  # medians take its fair price
    return np.where(np.isin(kind, LINEAR), own, 0.0)


def _displacements(net: Network, sold: Floats) -> Floats:
    """Return displacements after `sold` money (bought: negative), ``(levels, markets)``."""
    from contagion.markets import impact

    books = {key: rows.sort_values("band") for key, rows in net.depth.groupby(["market", "side"])}
    volatility = net.markets["volatility"].fillna(net.markets["asset"].map(net.assets["volatility"]))
    result = np.zeros_like(sold)
    for m, rule in enumerate(net.markets.reset_index().to_dict("records")):
        name = rule["name"]
        kind = impact.KINDS.index(rule["impact"])
        for row, money in enumerate(sold[:, m]):
            resting = books.get((name, "bid" if money > 0.0 else "ask"))
            if money == 0.0 or resting is None:
                continue
            bands = resting["band"].to_numpy(np.float64)
            volumes = resting["amount"].to_numpy(np.float64)
            scale = rule["impact_coefficient"] * bands[0] / volumes[0]
            if kind == impact.SQUARE_ROOT:
                scale = rule["impact_coefficient"] * float(volatility.iloc[m]) / np.sqrt(rule["volume"])
            volumes = volumes / max(rule["impact_coefficient"], 1e-300)
            result[row, m] = impact.move(kind, 0.0, money, scale, 1.0, bands, volumes)
    return result


def _secants(displacement: Floats, sold: Floats) -> Floats:
    """Return displacement per money within each level, ``(levels, markets)``; 0 where none is sold."""
    change = np.diff(displacement, axis=0)
    return np.where(sold == 0.0, 0.0, change / np.where(sold == 0.0, 1.0, sold))


def _relative_fall(net: Network, displacement: Floats) -> Floats:
    """Return the fall of the last price that a displacement means, as a fraction."""
    straight = net.markets["impact"].isin(["linear", "depth_curve"]).to_numpy()
    return np.where(straight, np.minimum(displacement, 1.0 - 2.0**-20), -np.expm1(-displacement))
