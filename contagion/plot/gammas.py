"""How much must the hedgers of options trade when the price moves, at every price?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from contagion.errors import SchemaError
from contagion.markets.gamma import gamma_profile as profile
from contagion.plot import style
from contagion.plot.expected import need
from contagion.plot.rows import require

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.network.network import Network

__all__ = ["gamma_profile", "hedgers_gamma"]

_YEAR = 365.0 * 86_400.0
_REACH, _POINTS = 0.4, 161


def gamma_profile(given: Network | pd.DataFrame, *, asset: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the gamma of those who hedge options, in money of delta per 1 % move, over the price of the asset.

    Below zero hedgers sell into falls and buy into rises; above it they do the opposite. Ticks at the bottom are
    strikes; the dotted line is the price now. Volatilities stay with their strikes, and no time passes.

    Parameters
    ----------
    given : Network or DataFrame
        A network whose strategies of kind ``hedge`` hold options; or a table with the columns ``spot`` (price) and
        ``dollar_gamma`` (money per 1 %), such as made from `contagion.markets.gamma_profile`.
    asset : str, optional
        On which asset; default the one on which hedgers hold most gamma at its price. Of a table its name.
    ax : Axes, optional
        Where to draw; default a new figure.

    Raises
    ------
    SchemaError
        It is neither, or nobody hedges options on the asset.
    """
    strikes, now, unit = np.zeros(0), float("nan"), ""
    if isinstance(given, pd.DataFrame):
        table = require(given, ("spot", "dollar_gamma"), "ct.markets.gamma_profile")
    else:
        need("network", given, "plot.gamma_profile")
        asset = _asset(given, asset)
        table, strikes = hedgers_gamma(given, asset)
        now, unit = _price(given, asset), style.unit_of(given)
    ax = style.axes(ax, 8.0, 4.2)
    spot, gamma = (table[name].to_numpy(np.float64) for name in ("spot", "dollar_gamma"))
    scale = style.money_scale(gamma, unit)
    low: style.Look = {
        "facecolor": style.COLOURS[1],
        "alpha": 0.45,
        "hatch": "////",
        "edgecolor": "white",
        "linewidth": 0.0,
    }
    high: style.Look = {"facecolor": style.COLOURS[4], "alpha": 0.45, "linewidth": 0.0}
    handles: list[Artist] = []
    for which, look, words in (
        (gamma < 0.0, low, "sell into falls,\nbuy into rises"),
        (gamma > 0.0, high, "buy into falls,\nsell into rises"),
    ):
        if which.any():
            sign = -1.0 if look is low else 1.0
            ax.fill_between(spot, np.maximum(sign * gamma, 0.0) * sign, 0.0, zorder=1.0, **look)
            handles.append(Patch(label=words, **look))
    ax.plot(spot, gamma, color=style.DARK, linewidth=1.5, zorder=2.0)
    ax.axhline(0.0, color=style.DARK, linewidth=0.8)
    if np.isfinite(now):
        ax.axvline(now, color=style.MIDDLE, linewidth=1.0, linestyle=":", zorder=0.5)
        handles.append(Line2D([], [], color=style.MIDDLE, linestyle=":", label="price now"))
    inside = strikes[(strikes >= spot.min()) & (strikes <= spot.max())]
    if len(inside):
        mark: style.Look = {"color": style.DARK, "marker": "|", "markersize": 9.0, "linestyle": ""}
        ax.plot(inside, np.full(len(inside), 0.03), transform=ax.get_xaxis_transform(), **mark)
        handles.append(Line2D([], [], label="strike", **mark))
    ax.set_xlim(float(spot.min()), float(spot.max()))
    prices = style.Scale(1.0, unit)
    name = style.shown(asset) if asset else "the asset"
    ax.set_xlabel(prices.label(f"price of {name}"))
    prices.tick(ax.xaxis)
    ax.set_ylabel(
        f"{scale.label('gamma of hedgers')[:-1]} per 1 %)" if scale.unit else "gamma of hedgers (per 1 %)"
    )
    scale.tick(ax.yaxis)
    style.legend_right(ax, handles, "hedgers")
    worst = int(np.argmin(gamma))
    note = "gamma is nowhere below zero: hedging steadies the price"
    if gamma[worst] < 0.0:
        at = prices.text(float(spot[worst]))
        note = f"most negative {scale.text(float(gamma[worst]))} per 1 % at a price of {at}"
    style.title(ax, f"What hedgers must trade as the price of {name} moves", note)
    return style.finish(ax)


def hedgers_gamma(net: Network, asset: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return gamma of all hedgers of options on an asset over its price, and the strikes they hold.

    Parameters
    ----------
    net : Network
        Hedgers are its strategies of kind ``hedge``, each with the share of its delta that it hedges (``ratio``).
    asset : str
        Name.

    Returns
    -------
    DataFrame
        spot, delta, gamma, dollar_gamma, of the prices 40 % below to 40 % above the present one.
    ndarray
        Strikes, in order.
    """
    book = _books(net)
    book = book[book["asset"] == asset]
    now = _price(net, asset)
    levels = now * np.linspace(1.0 - _REACH, 1.0 + _REACH, _POINTS)
    table = pd.DataFrame({"spot": levels, "delta": 0.0, "gamma": 0.0, "dollar_gamma": 0.0})
    for rate, own in book.groupby("carry", sort=True):
        found = profile(
            own["option_side"].to_numpy(str),
            own["held"].to_numpy(np.float64),
            own["strike"].to_numpy(np.float64),
            own["expiry"].to_numpy(np.float64) / _YEAR,
            own["implied_volatility"].to_numpy(np.float64),
            spot=now,
            levels=levels,
            rate=float(str(rate)),
        )
        for name in ("delta", "gamma", "dollar_gamma"):
            table[name] += getattr(found, name)
    return table, np.unique(book["strike"].to_numpy(np.float64))


def _books(net: Network) -> pd.DataFrame:
    """Options that hedgers hold: terms of each, and the units whose delta is hedged."""
    hedgers = net.strategies[net.strategies["kind"] == "hedge"]
    options = net.markets[net.markets["kind"] == "option"]
    held = net.positions[net.positions["market"].isin(options.index)]
    rows = hedgers[["long_account", "asset", "ratio"]].merge(held, left_on="long_account", right_on="account")
    terms = options[["asset", "option_side", "strike", "expiry", "implied_volatility", "carry"]]
    rows = rows.merge(terms, left_on="market", right_index=True, suffixes=("", "_of_market"))
    rows = rows[rows["asset"] == rows["asset_of_market"]]
    count = net.accounts["count"].reindex(rows["account"]).to_numpy(np.float64)
    return rows.assign(held=rows["quantity"] * rows["ratio"] * count)


def _asset(net: Network, asset: str | None) -> str:
    """The asset to draw."""
    books = _books(net)
    known = sorted(str(name) for name in books["asset"].unique())
    if not known or (asset is not None and asset not in known):
        raise SchemaError(
            "has no options whose holders hedge their delta",
            where="asset" if asset is not None else "net",
            value=asset or "",
            allowed=", ".join(known) or "a network with strategies of kind 'hedge'",
        )
    if asset is not None:
        return asset
    now = {name: abs(float(np.interp(_price(net, name), *_line(net, name)))) for name in known}
    return max(known, key=lambda name: now[name])


def _price(net: Network, asset: str) -> float:
    return float(net.assets["price"].astype(np.float64)[asset])


def _line(net: Network, asset: str) -> tuple[np.ndarray, np.ndarray]:
    table, _ = hedgers_gamma(net, asset)
    return table["spot"].to_numpy(np.float64), table["dollar_gamma"].to_numpy(np.float64)
