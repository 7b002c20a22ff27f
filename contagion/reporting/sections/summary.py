"""The first page: what was asked, what came out, what it costs, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Points, Section, Tile, Tiles, number
from contagion.reporting.levels import effective, level, told
from contagion.reporting.material import NONE, PLACEBO, value_at
from contagion.reporting.sections import sheet_summary
from contagion.reporting.sections.controls import placebo_gap
from contagion.reporting.sections.effect_cells import FAILED, SURE
from contagion.reporting.sections.sheet_summary import tile

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material
    from contagion.results import Run


def write(material: Material) -> Section:
    """Return the summary.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    comparison = material.comparison
    blocks = (
        _run(material, material.stories[0].run) if comparison is None else _comparison(material, comparison)
    )
    return Section("summary", "Summary", tuple(blocks))


def _comparison(material: Material, comparison: Comparison) -> list[Block]:
    sets = [name for name in comparison.policies if name not in (NONE, PLACEBO)]
    head = sheet_summary.of_comparison if material.on_sheets else _market
    lead, tiles = head(material, comparison)
    return [
        Paragraph(lead, tone="lead"),
        Tiles((*tiles, *_size(comparison))),
        *((Paragraph(told(comparison)),) if comparison.weighted else ()),
        Paragraph(f"What {formats.plural(len(sets), 'policy set')} would change, on the same scenarios:"),
        Points(tuple((f"{name}:", verdict(material, comparison, name)) for name in sets)),
        Paragraph(_trust(material, comparison)),
    ]


def _market(material: Material, comparison: Comparison) -> tuple[str, tuple[Tile, ...]]:
    """Return the opening words and the headline numbers of a study of markets."""
    mean, middle, ran = level(comparison, "system_loss", NONE)
    direct = level(comparison, "direct_loss", NONE)[1]
    worst = value_at(comparison.tail("system_loss"), NONE, "es")
    networks = len(comparison.networks)
    lead = (
        f"Under the rules as they stand, forced selling adds {material.money(middle)} of losses in the "
        f"median of {comparison.n:,} scenarios on {formats.plural(networks, 'network')}, beyond the "
        f"{material.money(direct)} that the outside move costs by itself. In the worst "
        f"twentieth of scenarios the cascade costs {material.money(worst)} on average."
    )
    liquidated, deleveraged, debt = (
        _mean(comparison, name) for name in ("liquidated_notional", "adl_notional", "bad_debt")
    )
    return lead, (
        tile(material, "System loss, median", middle, "what the cascade adds, rules as they stand"),
        tile(material, "System loss, mean", mean, f"over {ran:,} scenarios"),
        tile(material, "System loss, worst 5 %", worst, "expected shortfall at 95 %"),
        tile(material, "Liquidated, mean", liquidated, "forced orders in the market"),
        tile(material, "Deleveraged, mean", deleveraged, "winners closed by the venue (ADL)"),
        tile(material, "Bad debt, mean", debt, "accounts that ended below zero"),
    )


def verdict(material: Material, comparison: Comparison, name: str) -> str:
    """Return what a policy set does in one or two sentences: benefit, doubt, harm, cost, and what it put off.

    Parameters
    ----------
    material : Material
        What the report is written from.
    comparison : Comparison
        The comparison.
    name : str
        The policy set.
    """
    effects = comparison.effects("system_loss", against=NONE)
    change, low, high = (value_at(effects, name, column) for column in ("difference", "low", "high"))
    helped, harmed = (
        formats.percent(value_at(effects, name, column), decimals=0) for column in ("helped", "harmed")
    )
    adjusted = value_at(effects, name, "p_adjusted")
    bounds = f"{material.money(low, signed=True)} to {material.money(high, signed=True)}"
    notes = str(effects.at[name, "note"]).split("; ")
    failed = next((part.split(":")[0] for part in notes if "scenarios failed" in part), "")
    if value_at(effects, name, "n") == 0:
        return f"{FAILED}; it has no numbers."
    if failed:
        moved = material.money(change, signed=True)
        head = f"no verdict, {failed}; over those that ran, mean system loss changes by {moved}"
    elif not np.isfinite(low) or not np.isfinite(high):
        why = next((part for part in notes if part and part != "exploratory"), "no interval")
        head = f"changes mean system loss by {material.money(change, signed=True)}; {why}"
    elif low <= 0.0 <= high or adjusted >= SURE:
        doubt = "" if low <= 0.0 <= high else f", p {formats.probability(adjusted)} adjusted for all sets"
        head = (
            f"no clear effect on mean system loss ({material.money(change, signed=True)}, interval "
            f"{bounds}{doubt})"
        )
    else:
        word = "lowers" if change < 0.0 else "raises"
        head = f"{word} mean system loss by {material.money(abs(change))} (interval of the change {bounds})"
    return (
        f"{head}; less loss in {helped} of scenarios, more in {harmed}. {_price(material, comparison, name)}"
    )


def _price(material: Material, comparison: Comparison, name: str) -> str:
    cost = value_at(comparison.costs(), name, "cost")
    extra = value_at(comparison.deferred, name, "extra")
    put_off = "" if material.on_sheets else " and puts off no more selling than before"
    if extra > 0.0:
        put_off = f" and leaves {material.money(extra)} more still to be sold at the end"
    elif extra < 0.0:
        put_off = f" and leaves {material.money(-extra)} less still to be sold at the end"
    price = f"saves {material.money(-cost)}" if cost < 0.0 else f"costs {material.money(cost)}"
    return f"The rule itself {price} per scenario{put_off}."


def _mean(comparison: Comparison, metric: str) -> float:
    return level(comparison, metric, NONE)[0]


def _size(comparison: Comparison) -> tuple[Tile, ...]:
    """Return the tile on the effective sample size, where scenarios carry weights."""
    if not comparison.weighted:
        return ()
    size = effective(comparison)
    context = f"of {comparison.n:,} scenarios that carry weights"
    return (Tile("Effective sample size", number(formats.count(round(size)), size), context),)


def _trust(material: Material, comparison: Comparison) -> str:
    unequal, _, _ = placebo_gap(comparison)
    found = "CHANGED NUMBERS: do not use this report" if unequal else "changed no number"
    text = f"The placebo, a policy that does nothing, {found}"
    if material.control is not None:
        held = "held" if material.control.passed else "FAILED"
        text += f"; the negative control {held}"
    failed = len(comparison.errors)
    text += f"; {'no run failed' if failed == 0 else formats.plural(failed, 'run') + ' failed'}. "
    basis = "amounts of single debts and on the shocks" if material.on_sheets else "leverage and depth"
    return text + (
        f"Levels rest on assumptions about {basis} and are orders of magnitude; the comparison of "
        "rules on equal scenarios is the result. The limits are stated at the end."
    )


def _run(material: Material, run: Run) -> list[Block]:
    lead, tiles = (sheet_summary.of_run if material.on_sheets else _market_run)(material, run)
    policies = [("Rule in force:", policy.describe()) for policy in run.policies]
    blocks: list[Block] = [Paragraph(lead, tone="lead"), Tiles(tiles)]
    blocks.append(
        Points(tuple(policies)) if policies else Paragraph("No policy was added to the rules in force.")
    )
    blocks.append(
        Paragraph(
            "This is one run of one scenario: it shows how a cascade can go, not how likely it is. Compare "
            "policy sets over many scenarios before drawing a conclusion about a rule."
        )
    )
    return blocks


def _market_run(material: Material, run: Run) -> tuple[str, tuple[Tile, ...]]:
    """Return the opening words and the headline numbers of a run on markets."""
    values = run.metrics
    system, direct = float(values["system_loss"]), float(values["direct_loss"])
    lead = (
        f"The outside move costs those who lose {material.money(direct)}; the cascade adds "
        f"{material.money(system)} of losses beyond it. "
        f"{material.money(float(values['liquidated_notional']))} was liquidated in the market, "
        f"{material.money(float(values['adl_notional']))} deleveraged against winners, and "
        f"{material.money(float(values['bad_debt']))} of bad debt was left."
    )
    return lead, (
        tile(material, "Direct loss", direct, "the outside move by itself"),
        tile(material, "System loss", system, "what the cascade adds"),
        tile(material, "System gain", float(values["system_gain"]), "what others gain from it"),
        tile(material, "Policy cost", float(values["policy_cost"]), "locked up, shut, held back, cut"),
        tile(material, "Deferred", float(values["deferred_notional"]), "still to be sold at the end"),
        tile(material, "Insurance funds used", float(values["fund_used"]), "paid out for bankrupt accounts"),
    )
