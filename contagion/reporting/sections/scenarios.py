"""What hits the network, and when: the time profile of the shock and the spread of the scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.experiments.load import Absent
from contagion.network.references import follow
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, Table, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.levels import quantiles

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material
    from contagion.results import Run

KEYS = ("scenario", "network")
LONGEST = 15
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
        if len(comparison.scenarios.columns) > len(KEYS):
            blocks += _moves(material, comparison)
        blocks.append(_distribution(comparison))
    if material.stories and not material.on_sheets:
        blocks.append(_told(material))
    title = "The shock and the scenarios" if material.on_sheets else "Time profile and scenarios"
    return Section("scenarios", title, tuple(blocks))


def _opening(material: Material) -> str:
    if material.comparison is not None and not material.stories:
        return _drawn(material.comparison)
    run = material.stories[-1].run
    if material.on_sheets:
        return _on_sheets(material)
    length = float(run.shock.end(0.0))
    pace = f"over {formats.seconds(length)}" if length > 0.0 else "as one gap"
    text = (
        f"Outside prices move {pace}; what happens beyond that is the cascade. The pace matters as much as "
        "the size: one gap leaves accounts bankrupt before anyone can close them, a slow move lets them be "
        "closed in time. This profile belongs to every number in the report."
    )
    if material.comparison is None:
        return f"The shock: {run.shock.describe()}. {text}"
    return f"{_drawn(material.comparison)} {text}"


def _on_sheets(material: Material) -> str:
    text = (
        "Balance sheets have no clock: the shock hits all of them at once, and the model says what follows. What the "
        "shock alone takes from equity is the direct loss; everything beyond it is contagion."
    )
    told = ". ".join(f"{titled(story.label)}: {story.run.shock.describe()}" for story in material.stories)
    drawn = "" if material.comparison is None else f"{_drawn(material.comparison)} "
    return f"{drawn}{text} {told}."


def _drawn(comparison: Comparison) -> str:
    return (
        f"{comparison.n:,} scenarios are drawn before any run, and every policy set meets the same "
        f"ones: {_sentence(comparison)}."
    )


def _sentence(comparison: Comparison) -> str:
    family: Any = comparison.family
    if isinstance(family, Absent):
        return str(comparison.provenance["shock"])
    return str(family.describe()) if hasattr(family, "describe") else repr(family)


def _moves(material: Material, comparison: Comparison) -> list[Block]:
    assets = [str(name) for name in comparison.scenarios.columns if name not in KEYS]
    total, note = len(assets), "Price moves over the whole event, before any impact of forced trades."
    nodes = map(str, material.network.nodes.index) if material.stories else assets
    of_nodes = material.on_sheets and set(assets) <= set(nodes)
    if material.on_sheets and not of_nodes:
        note = "Price moves, before any impact of sales."
    if of_nodes:
        size = material.network.nodes["external_assets"] if material.stories else pd.Series(dtype=float)
        assets.sort(key=lambda name: -float(size.get(name, 0.0)))
        assets, note = assets[:LONGEST], "Changes of the value of external assets of each node."
        if total > LONGEST:
            note += f" The {LONGEST} nodes with the largest of {total:,}."
    rows = []
    for asset in assets:
        moves = quantiles(comparison, asset, QUANTILES)
        cells = [number(formats.percent(value), value) for value in moves]
        rows.append([words(asset), *cells])
    columns = [
        "Node" if of_nodes else "Asset",
        *(f"{q:.0%} quantile".replace("%", " %") for q in QUANTILES),
    ]
    if comparison.weighted:
        note += " Quantiles are those of the law itself: each scenario counts with its weight."
    return [
        table("Outside moves across the scenarios", columns, rows, note=note, identifier="scenario-table")
    ]


def _distribution(comparison: Comparison) -> Block:
    from contagion import plot

    return draw(
        lambda axes: plot.distribution(comparison, ax=axes),
        "Distribution of system loss over the scenarios under each policy set",
        "System loss over the scenarios, one curve for each policy set.",
    )


def _told(material: Material) -> Table:
    """Return the outside move of every asset in the runs that the report tells in full."""
    assets = sorted({str(asset) for asset in material.network.markets["asset"]})
    ends = [_moved(story.run) for story in material.stories]
    rows = []
    for asset in assets:
        moves = [float(end[asset]) for end in ends]
        rows.append([words(asset), *(number(formats.percent(move, signed=True), move) for move in moves)])
    note = "; ".join(f"{titled(story.label)}: {story.run.shock.describe()}" for story in material.stories)
    columns = ["Asset", *(titled(story.label) for story in material.stories)]
    return table("Outside moves in the runs told below", columns, rows, note=f"{note}.")


def _moved(run: Run) -> pd.Series:
    """Return the outside price of every asset at the end of a run, as a signed fraction of the opening."""
    names = [str(name) for name in run.network.assets.index]
    end = float(run.rounds["time"].max()) if len(run.rounds) else np.inf
    factors = run.shock.price_factors(names, np.array([end]))[0]
    return pd.Series(follow(factors, run.network.codes("assets", "reference")) - 1.0, names)
