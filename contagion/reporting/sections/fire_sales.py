"""Fire sales: who had to sell, how far prices fell, through which channel money was lost, and who caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contagion.errors import ContagionError
from contagion.measures.portfolio_tables import Portfolios, portfolios
from contagion.measures.vulnerability import critical_impact_multiple
from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Heading,
    Paragraph,
    Points,
    Section,
    Tile,
    Tiles,
    number,
)
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.glossary import metric as entry
from contagion.reporting.sections import fire_sale_tables

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

__all__ = ["sells", "write"]

OWN = "fire_sale_loss"
"""A metric that runs of fire sales have, and no other."""
HEADLINES = ("fire_sale_loss", "aggregate_vulnerability", "sales", "worst_fall", "mean_fall", "banks_selling")


def sells(material: Material) -> bool:
    """Return whether the study is about fire sales.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    if material.comparison is not None:
        return OWN in material.comparison.metric_names
    return any(OWN in story.run.metrics.index for story in material.stories)


def write(material: Material) -> Section:
    """Return the section on sales and prices.

    Parameters
    ----------
    material : Material
        What the report is written from; its runs are of `contagion.FireSale`.
    """
    blocks: list[Block] = [
        Paragraph(
            "Who must sell sells what others hold too: prices fall with what is sold, the holdings of all are worth "
            "less, and more may have to sell. Losses through prices need no claims between those who lose."
        ),
        *_overlaps(material),
    ]
    if material.comparison is not None:
        blocks += _under_policies(material, material.comparison)
    for story in material.stories:
        blocks += _tell(story, material)
    return Section("fire-sales", "Sales and prices", tuple(blocks))


def _overlaps(material: Material) -> list[Block]:
    """Who holds the same, and how near rounds of sales are to feeding themselves, where the tables tell depths."""
    from contagion import plot

    net = material.network
    try:
        book = portfolios(net)
    except ContagionError:
        return []
    picture = draw(
        lambda axes: plot.overlaps(net, ax=axes),
        "Institutions joined by what they hold in common",
        "Who holds the same before the shock. A line is as thick as what one of the two loses when the other sells "
        "everything, with market depth from traded volume and volatility; only the strongest lines are drawn.",
        height=5.5,
    )
    return [picture, Paragraph(_distance(book))]


def _distance(book: Portfolios) -> str:
    """How far the network is from rounds of sales that grow."""
    try:
        factor = critical_impact_multiple(book)
    except ContagionError:
        return "Distance to divergence: not defined before the shock, because somebody's equity is not above zero."
    if not np.isfinite(factor):
        return "Distance to divergence: no bound, because no sale is passed on."
    side = "grow" if factor < 1.0 else "die out"
    return (
        "Distance to divergence: if everybody went back to its leverage after every move of prices, rounds of sales "
        f"would stop dying out at {formats.three_figures(factor)} times the price impact read from the network; at "
        f"its own impact they {side}."
    )


def _under_policies(material: Material, comparison: Comparison) -> list[Block]:
    """Mean losses by channel under each policy set."""
    from contagion import plot

    return [
        Heading("Channels under each policy set"),
        draw(
            lambda axes: plot.loss_channels(comparison, ax=axes),
            "Mean losses by channel under each policy set",
            "Mean loss of equity by channel under each policy set; hatched parts are told apart in grey too.",
        ),
        fire_sale_tables.policy_sets(material, comparison),
    ]


def _tell(story: Story, material: Material) -> list[Block]:
    from contagion import plot

    run, label = story.run, story.label
    blocks: list[Block] = [Heading(titled(label)), Paragraph(_course(run, material))]
    blocks.append(Points(tuple(_ends(run, material))))
    if float(run.metrics["sales"]) <= 0.0:
        return blocks
    blocks += [
        Tiles(tuple(_tile(run, name, material) for name in HEADLINES)),
        draw(
            lambda axes: plot.loss_channels(run, ax=axes),
            f"Losses by channel in the {label}",
            f"The {label}: loss of equity by the shock, through prices, on claims, and by both together.",
            height=3.4,
        ),
        fire_sale_tables.channels(run, label, material.unit),
        draw(
            lambda axes: plot.sale_paths(run, ax=axes),
            f"Prices and leverage over the rounds of the {label}",
            f"The {label}: prices of the assets that fell furthest beyond the shock, and leverage.",
            height=5.0,
        ),
        fire_sale_tables.assets(run, label, material.unit),
    ]
    if (run.nodes["price_loss_caused"] > 0.0).any():
        blocks.append(fire_sale_tables.sellers(run, label, material.unit))
    return blocks


def _course(run: Run, material: Material) -> str:
    """Who sold, what that did to prices, and what it cost."""
    values = run.metrics
    sold = float(values["sales"])
    if sold <= 0.0:
        return "Nobody had to sell: prices stay where the shock left them, and nothing is lost through them."
    text = (
        f"{titled(formats.plural(values['banks_selling'], 'node'))} sold {material.money(sold)}, in "
        f"{formats.plural(values['rounds_with_sales'], 'round')}. "
    )
    lost = float(values[OWN])
    if not float(values["worst_fall"]) > 0.0:
        return f"{text}Prices did not fall with that: the sales cost nobody anything."
    worst = run.markets["fall"].idxmax()
    return (
        f"{text}Prices fell by {formats.percent(float(values['mean_fall']), decimals=2)} beyond the shock on average, "
        f"that of {worst} furthest, by {formats.percent(float(values['worst_fall']), decimals=2)}. Holders lost "
        f"{material.money(lost)} through that, {formats.percent(float(values['aggregate_vulnerability']), decimals=2)} "
        "of all equity before the shock; what a node loses beyond its equity counts here, and not as loss of equity."
    )


def _ends(run: Run, material: Material) -> list[tuple[str, str]]:
    """Both fixed points, and the distance to divergence."""
    ours, other = float(run.metrics["system_loss"]), float(run.metrics["other_end_loss"])
    most = bool(getattr(run.model, "most_sales", False))
    own, second = ("most", "least") if most else ("least", "most")
    if not getattr(run.model, "at_fixed_point", False):
        ends = (
            "rounds were followed from no sales on. Where the response never sells less at lower prices, "
            "rounds='least' and rounds='most' compute the two fixed points."
        )
    elif not np.isfinite(other):
        ends = f"computed with the {own} sales; the other end is not known."
    elif np.isclose(ours, other, rtol=1e-9, atol=1e-12 * float(np.abs(run.nodes["opening_equity"]).sum())):
        ends = f"computed with the {own} sales; with the {second} sales the outcome is the same."
    else:
        ends = (
            f"computed with the {own} sales. With the {second} sales {material.money(other)} would be lost beyond the "
            f"shock instead of {material.money(ours)}. The model does not say which of them comes about."
        )
    found = [("Both ends:", ends)]
    distance = float(run.metrics["distance_to_divergence"])
    if np.isfinite(distance):
        side = (
            "below 1, so that rounds of sales grow"
            if distance < 1.0
            else "above 1, so that rounds of sales die out"
        )
        found.append(
            ("Distance to divergence:", f"{formats.three_figures(distance)} times this impact, {side}.")
        )
    return found


def _tile(run: Run, name: str, material: Material) -> Tile:
    form, value = entry(name), float(run.metrics[name])
    text = material.money(value) if form.form == "money" else form.show(value)
    return Tile(titled(form.label), number(text, value, metric=name), form.meaning)
