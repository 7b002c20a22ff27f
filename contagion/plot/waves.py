"""How many nodes fail in which round, and how much is lost by then?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from contagion.plot import style
from contagion.plot.expected import need_sheets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.results import Run


def waves(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw a run of balance sheets round by round: losses so far above, new failures below.

    The upper panel shows the loss of equity so far where the model counts it by round, and else what is lost on
    claims against all that have failed by then. Below, failures by the shock and by contagion are stacked.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    ax : Axes, optional
        Where to draw; default a new figure. The upper panel is made inside it.

    Returns
    -------
    Axes
        The lower panel; the upper one is its first child axes.

    Raises
    ------
    SchemaError
        It is no run, or one of another model.
    """
    need_sheets(run, "plot.waves")
    ax = style.axes(ax, 8.0, 5.0)
    upper = style.panel_above(ax)
    unit, n_rounds = style.unit_of(run), len(run.rounds)
    rounds = np.arange(n_rounds)
    by_shock, by_contagion = failures(run)
    ax.bar(rounds, by_shock, 0.8, color=style.COLOURS[0])
    look: style.Look = {
        "facecolor": style.COLOURS[1],
        "hatch": "////",
        "edgecolor": "white",
        "linewidth": 0.0,
    }
    ax.bar(rounds, by_contagion, 0.8, by_shock, **look)
    handles = [
        Patch(facecolor=style.COLOURS[0], label="by the shock"),
        Patch(label="by contagion", **look),
    ]
    ax.set_ylabel("new failures (nodes)")
    ax.set_xlabel("round")
    ax.set_xlim(-0.6, n_rounds - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    ax.set_ylim(0.0, max(1.0, 1.08 * float((by_shock + by_contagion).max(initial=0.0))))
    style.legend_right(ax, handles)
    _losses(upper, run, rounds, unit)
    failed = run.nodes["defaulted"].to_numpy(bool)
    note = f"{failed.sum():,} of {len(failed):,} nodes fail, {by_shock.sum():,.0f} by the shock"
    style.title(upper, "Wave by wave", note)
    style.finish(upper)
    return style.finish(ax)


def failures(run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """New failures in each round by the shock and by contagion, shape (n_rounds,) each."""
    nodes, n_rounds = run.nodes, len(run.rounds)
    wave, fundamental = nodes["wave"].to_numpy(np.int64), nodes["fundamental"].to_numpy(bool)
    failed = nodes["defaulted"].to_numpy(bool) & (wave >= 0)
    counts = [np.bincount(wave[failed & which], minlength=n_rounds) for which in (fundamental, ~fundamental)]
    return counts[0].astype(np.float64), counts[1].astype(np.float64)


def losses_so_far(run: Run) -> tuple[NDArray[np.float64], str]:
    """Losses by the end of each round, shape (n_rounds,), and what they are."""
    own = run.rounds["loss"].to_numpy(np.float64)
    if np.isfinite(own).any():
        return own, "loss of equity so far"
    nodes = run.nodes[run.nodes["wave"] >= 0]
    new = np.bincount(nodes["wave"].to_numpy(np.int64), nodes["loss_caused"], len(run.rounds))
    return np.cumsum(new), "lost on claims on\nthe failed so far"


def _losses(upper: Axes, run: Run, rounds: NDArray[np.int64], unit: str) -> None:
    """Draw losses so far as steps with a mark a round."""
    values, words = losses_so_far(run)
    scale = style.money_scale(values, unit)
    look: style.Look = {"color": style.DARK, "marker": "o", "markersize": 4.0, "linewidth": 1.4}
    upper.plot(rounds, values, drawstyle="steps-mid", **look)
    upper.set_ylim(0.0, 1.12 * float(np.nanmax([*values, 0.0])) or 1.0)
    scale.tick(upper.yaxis)
    upper.set_ylabel(scale.label(words))
