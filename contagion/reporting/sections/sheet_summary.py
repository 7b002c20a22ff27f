"""The first page of a study of balance sheets: the opening words and the headline numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contagion.reporting import formats
from contagion.reporting.blocks import Tile, number
from contagion.reporting.glossary import metric as entry
from contagion.reporting.levels import level
from contagion.reporting.material import NONE, value_at

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material
    from contagion.results import Run

__all__ = ["of_comparison", "of_run", "tile"]

OWN = (
    "fire_sale_loss",
    "aggregate_vulnerability",
    "worst_fall",
    "unpaid",
    "claims_lost",
    "external_loss",
    "default_costs",
    "failure_costs",
    "debtrank",
    "amplification",
    "spectral_radius",
)
"""Metrics of single models, in the order in which they are shown."""


def of_comparison(material: Material, comparison: Comparison) -> tuple[str, tuple[Tile, ...]]:
    """Return the lead sentence and the headline numbers of a comparison.

    Parameters
    ----------
    material : Material
        What the report is written from.
    comparison : Comparison
        The comparison.
    """
    mean, middle, ran = level(comparison, "system_loss", NONE)
    direct = level(comparison, "direct_loss", NONE)[1]
    worst = value_at(comparison.tail("system_loss"), NONE, "es")
    failures, spread = (level(comparison, name, NONE)[0] for name in ("node_defaults", "contagion_defaults"))
    networks = formats.plural(len(comparison.networks), "network")
    lead = (
        f"Under the rules as they stand, contagion between balance sheets adds {material.money(middle)} of losses in "
        f"the median of {comparison.n:,} scenarios on {networks}, beyond the {material.money(direct)} that the shock "
        f"costs by itself. In the worst twentieth of scenarios it costs {material.money(worst)} on average. On average "
        f"{formats.three_figures(failures)} nodes fail, {formats.three_figures(spread)} of them by contagion."
    )
    own = [name for name in OWN if name in comparison.metric_names]
    return lead, (
        tile(material, "System loss, median", middle, "what contagion adds, rules as they stand"),
        tile(material, "System loss, mean", mean, f"over {ran:,} scenarios"),
        tile(material, "System loss, worst 5 %", worst, "expected shortfall at 95 %"),
        Tile("Failures, mean", number(formats.three_figures(failures), failures), "nodes that fail"),
        Tile(
            "By contagion, mean",
            number(formats.three_figures(spread), spread),
            "because of what befell others",
        ),
        *(_metric(material, name, level(comparison, name, NONE)[0], ", mean") for name in own),
    )


def of_run(material: Material, run: Run) -> tuple[str, tuple[Tile, ...]]:
    """Return the lead sentence and the headline numbers of a run.

    Parameters
    ----------
    material : Material
        What the report is written from.
    run : Run
        The run.
    """
    values = run.metrics
    counted = int(run.nodes["counted"].sum())
    lead = (
        f"The shock costs those who lose {material.money(float(values['direct_loss']))}; contagion between balance "
        f"sheets adds {material.money(float(values['system_loss']))} of losses beyond it. Of {counted:,} nodes "
        f"{formats.count(values['node_defaults'])} fail, {formats.count(values['fundamental_defaults'])} by the shock "
        f"and {formats.count(values['contagion_defaults'])} by contagion."
    )
    names = ["direct_loss", "system_loss", "loss_amplification", "fundamental_defaults", "contagion_defaults"]
    names += [name for name in OWN if name in values.index]
    names += [name for name in ("lent", "support_lost", "converted", "policy_cost") if values[name] != 0.0]
    return lead, tuple(_metric(material, name, float(values[name])) for name in names)


def tile(material: Material, label: str, value: float, context: str) -> Tile:
    """Return a headline amount of money.

    Parameters
    ----------
    material : Material
        Its unit is shown.
    label, context : str
        What it is, and a line of small print.
    value : float
        The amount.
    """
    return Tile(label, number(material.money(value), value), context)


def _metric(material: Material, name: str, value: float, more: str = "") -> Tile:
    form = entry(name)
    text = material.money(value) if form.form == "money" else form.show(value)
    if form.form == "count" and more:
        text = formats.three_figures(value)
    return Tile(formats.titled(form.label) + more, number(text, value, metric=name), form.meaning)
