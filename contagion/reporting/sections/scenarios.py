"""What hits the network, and when: the time profile of the shock and the spread of the scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, Table, number, table, words
from contagion.reporting.figures import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from contagion.comparison import Comparison
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def write(material: Material) -> Section:
    """Return the section on the shock.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    comparison = material.comparison
    blocks: list[Block] = [Paragraph(_opening(material))]
    if comparison is not None:
        blocks.append(_moves(comparison))
        blocks.append(_distribution(comparison))
    blocks += [_profile(story, material) for story in material.stories]
    return Section("scenarios", "Time profile and scenarios", tuple(blocks))


def _opening(material: Material) -> str:
    run = material.stories[-1].run
    length = float(run.shock.end(0.0))
    pace = f"spread over {formats.seconds(length)}" if length > 0.0 else "as one gap"
    text = (
        f"Outside prices move {pace}; what happens beyond that is the cascade. The pace matters as much as "
        "the size: one gap leaves accounts bankrupt before anyone can close them, a slow move lets them be "
        "closed in time. This profile belongs to every number in the report."
    )
    if material.comparison is None:
        return f"The shock: {run.shock.describe()}. {text}"
    return (
        f"{material.comparison.n:,} scenarios are drawn before any run, and every policy set meets the same "
        f"ones: {_sentence(material.comparison.family)}. {text}"
    )


def _sentence(family: Any) -> str:
    return str(family.describe()) if hasattr(family, "describe") else repr(family)


def _moves(comparison: Comparison) -> Table:
    assets = [str(name) for name in comparison.scenarios.columns if name not in ("scenario", "network")]
    rows = []
    for asset in assets:
        moves = np.expm1(comparison.scenarios[asset].to_numpy(dtype=float))
        cells = [number(formats.percent(value), value) for value in np.quantile(moves, QUANTILES)]
        rows.append([words(asset), *cells])
    columns = ["Asset", *(f"{q:.0%} quantile".replace("%", " %") for q in QUANTILES)]
    note = "Price moves over the whole event, before any impact of forced trades."
    return table("Outside moves across the scenarios", columns, rows, note=note, identifier="scenario-table")


def _distribution(comparison: Comparison) -> Block:
    from contagion import plot

    return draw(
        lambda axes: plot.distribution(comparison, ax=axes),
        "Distribution of system loss over the scenarios under each policy set",
        "System loss over the scenarios, one curve for each policy set.",
    )


def _profile(story: Story, material: Material) -> Block:
    return draw(
        lambda axes: _draw_profile(axes, story.run),
        f"Outside price and traded price of each asset over time in the {story.label}",
        f"Prices in the {story.label}, opening = 100 %. Dashed: outside price. Solid: last price of the "
        "deepest perpetual market of the asset. The gap between the two is the work of forced trades.",
        height=3.6,
    )


def _draw_profile(axes: Axes, run: Run) -> None:
    paths = run.paths
    for index, (asset, market) in enumerate(_deepest(run).items()):
        own = paths[paths["market"] == market].sort_values("time")
        minutes = own["time"].to_numpy(dtype=float) / 60.0
        colour = f"C{index % 10}"
        outside = own["outside"].to_numpy(dtype=float)
        axes.plot(minutes, 100.0 * own["last"].to_numpy(dtype=float) / outside[0], color=colour, label=asset)
        axes.plot(minutes, 100.0 * outside / outside[0], color=colour, linestyle="--", linewidth=1.0)
    axes.set_xlabel("minutes since the shock began")
    axes.set_ylabel("price, % of opening")
    axes.legend(frameon=False, ncols=2, fontsize=9)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _deepest(run: Run) -> dict[str, str]:
    """Return the most traded perpetual market of each asset; a spot market where there is none."""
    net = run.network
    depth = net.depth.groupby("market")["amount"].sum()
    frame = run.markets.assign(
        depth=depth.reindex(run.markets.index).fillna(0.0), perp=run.markets["kind"] == "perp"
    )
    ranked = frame.sort_values(["perp", "depth"], ascending=False, kind="stable")
    first = ranked.reset_index().drop_duplicates("asset").sort_values("asset")
    names = first.iloc[:, 0]
    return {str(asset): str(market) for asset, market in zip(first["asset"], names, strict=True)}
