"""How far do perpetuals and dated futures stand from their fair price, venue by venue?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from contagion.errors import SchemaError
from contagion.plot import style
from contagion.plot.expected import need_time

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from contagion.results import Run

MOST_LINES = 8
_FLAT = 1e-6
_KINDS = {"perp": "perpetuals", "future": "dated futures"}


def basis(run: Run, *, asset: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the basis over the run, one line a venue: perpetuals above, dated futures below.

    Basis is price / fair price - 1, of a perpetual against its venue's index, of a dated future against the index
    carried to its expiry. Where a venue has several markets of a kind on the asset, that with the widest basis is
    drawn. At most eight venues are drawn in either panel, those with the widest.

    Parameters
    ----------
    run : Run
        A run of `contagion.Cascade` with its records.
    asset : str, optional
        Whose markets are drawn; default the one with the widest basis.
    ax : Axes, optional
        Where to draw; default a new figure. With both kinds the upper panel is made inside it.

    Returns
    -------
    Axes
        The lower panel; the upper one, where there are both kinds, is its first child axes.

    Raises
    ------
    SchemaError
        It is no run, or one of another model, or `asset` has neither perpetuals nor futures.
    """
    need_time(run, "plot.basis")
    table = basis_of(run)
    table = table[table["kind"].isin(_KINDS)]
    table = table.assign(asset=run.markets["asset"].reindex(table["market"]).to_numpy())
    if table.empty:
        ax = style.axes(ax)
        style.title(ax, "Basis by venue")
        return style.say_empty(ax, "there are neither perpetuals nor dated futures")
    widest = table["basis"].abs().groupby(table["asset"]).max()
    if asset is None:
        asset = str(widest.index[int(np.argmax(widest.fillna(0.0).to_numpy()))])
    if asset not in widest.index:
        known = ", ".join(str(name) for name in widest.index[:8])
        raise SchemaError(
            "has neither perpetuals nor dated futures", where="asset", value=asset, allowed=known
        )
    table = table[table["asset"] == asset]
    kinds = [kind for kind in _KINDS if (table["kind"] == kind).any()]
    ax = style.axes(ax, 8.5, 5.5 if len(kinds) == 2 else 4.0)
    venues = {name: i for i, name in enumerate(sorted(table["venue"].unique()))}
    clock = style.time_scale(float(table["time"].max()))
    panels = [style.panel_above(ax, share=0.47), ax] if len(kinds) == 2 else [ax]
    for panel, kind in zip(panels, kinds, strict=True):
        handles = _lines(panel, table[table["kind"] == kind], venues, clock)
        style.legend_right(panel, handles, _KINDS[kind])
    ax.set_xlabel(clock.label("time since the shock began"))
    ax.set_xlim(0.0, max(float(table["time"].max()) / clock.factor, 1e-6))
    ax.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 3, 5, 6, 10]))
    style.title(panels[0], f"Basis of {style.shown(asset)} by venue", _note(table, clock))
    for panel in panels:
        style.finish(panel)
    return ax


def basis_of(run: Run) -> pd.DataFrame:
    """Return the basis of perpetuals and dated futures: round, time, venue, market, kind, price, fair, basis."""
    table = run.basis
    return table.loc[table["kind"].isin(_KINDS)].reset_index(drop=True)


def _lines(ax: Axes, table: pd.DataFrame, venues: dict[Any, int], clock: style.Scale) -> list[Artist]:
    """Draw one line a venue, in per cent of the fair price; a venue looks the same in both panels."""
    widest = table["basis"].abs().groupby([table["venue"], table["market"]]).max().fillna(0.0)
    best = widest.sort_values(ascending=False, kind="stable").reset_index().drop_duplicates("venue")
    handles: list[Artist] = []
    chosen = best.head(MOST_LINES)
    chosen = chosen.assign(at=chosen["venue"].map(venues)).sort_values("at", kind="stable")
    for venue, market in zip(chosen["venue"], chosen["market"], strict=True):
        i = venues[venue] % len(style.COLOURS)
        own = table[table["market"] == market]
        step = max(len(own) // 8, 1)
        look: style.Look = {
            "color": style.COLOURS[i],
            "linestyle": style.LINES[i],
            "marker": style.MARKERS[i],
            "markersize": 4.0,
            "markevery": (i % step, step),
            "linewidth": 1.5,
        }
        ax.plot(own["time"] / clock.factor, 100.0 * own["basis"], zorder=3.0 - 0.1 * i, **look)
        handles.append(Line2D([], [], label=style.shown(venue), **look))
    if len(best) > MOST_LINES:
        handles.append(Line2D([], [], linestyle="", label=f"{len(best) - MOST_LINES:,} more not drawn"))
    ax.axhline(0.0, color=style.MIDDLE, linewidth=0.8, linestyle=":", zorder=0.5)
    top = float(table["basis"].abs().max())
    if not top > _FLAT:
        ax.set_ylim(-1.0, 1.0)  # per cent: rounding is no picture
    ax.set_ylabel("basis\n(% of fair price)")
    style.Scale(1.0, "%").tick(ax.yaxis)
    return handles


def _note(table: pd.DataFrame, clock: style.Scale) -> str:
    """Say where the basis was widest, and when."""
    size = table["basis"].abs()
    if not float(size.max()) > 0.0:
        return "every price is fair"
    worst = table.iloc[int(np.nanargmax(size.to_numpy(np.float64)))]
    value = style.Scale(0.01, "%").text(float(worst["basis"]))
    return f"widest {value} in {style.shown(worst['market'], 30)} after {clock.text(float(worst['time']))}"
