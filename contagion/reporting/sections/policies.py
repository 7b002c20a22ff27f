"""What each policy set changed, with what it costs and what it merely put off beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Cell,
    Fold,
    Paragraph,
    Points,
    Section,
    Table,
    Value,
    number,
    table,
    words,
)
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.glossary import metric as entry
from contagion.reporting.levels import level
from contagion.reporting.material import NONE, value_at
from contagion.reporting.sections.effect_cells import bounded, difference, middle_and_tail, shares
from contagion.reporting.sections.margins import margins

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Material

BESIDE = ("deferred_notional", "liquidated_notional", "adl_notional", "bad_debt")
BESIDE_SHEETS = (
    "node_defaults",
    "contagion_defaults",
    "unpaid",
    "claims_lost",
    "external_loss",
    "lent",
    "converted",
)
DETAILS = (
    "system_loss",
    "system_gain",
    "forced_cost",
    "liquidated_notional",
    "adl_notional",
    "deferred_notional",
    "bad_debt",
    "fund_used",
    "residual_loss",
    "uncovered",
    "node_defaults",
    "venue_defaults",
    "fundamental_defaults",
    "contagion_defaults",
    "unpaid",
    "claims_lost",
    "external_loss",
    "default_costs",
    "failure_costs",
    "debtrank",
    "lent",
    "support_lost",
    "converted",
    "price_drop_max",
    "basis_peak",
    "margin_called",
    "halted_seconds",
    "policy_cost",
)


SHEETS_NOTE = (
    "Money in {unit} per scenario; every change is the set minus 'none'. p is adjusted for the number of sets (Holm). "
    "The cost of a rule prices, each once for the whole set, capital locked up over the model's horizon, business "
    "turned away, claims written down and loans that were not paid back, beyond 'none'."
)


def write(material: Material, comparison: Comparison) -> Section:
    """Return the section that compares the policy sets.

    Parameters
    ----------
    material : Material
        What the report is written from.
    comparison : Comparison
        The comparison.
    """
    unit = material.unit
    blocks: list[Block] = [
        Paragraph(
            "Every policy set met the same scenarios on the same networks, so effects are paired: each "
            "number is the set minus 'none', scenario by scenario, and negative means less loss. A benefit "
            "stands beside what the rule costs"
            + _put_off(material, " and beside the forced selling that it only put off.")
        ),
        Points(tuple((f"{name}.", describe(comparison, name)) for name in comparison.policies)),
        effects_table(comparison, unit, on_sheets=material.on_sheets),
        *remarks(comparison.effects("system_loss", against=NONE)["note"]),
        *_named(comparison, unit),
        _picture(comparison, on_sheets=material.on_sheets),
        levels_table(comparison, unit),
        *(margins(comparison) if material.stories and not material.on_sheets else ()),
        Fold(
            "Every metric, set by set", tuple(_detail(comparison, name, unit) for name in details(comparison))
        ),
    ]
    return Section("policies", "What each policy set changes", tuple(blocks))


def _put_off(material: Material, text: str) -> str:
    """Return a remark on deferred selling, or a full stop where nothing is sold."""
    return "." if material.on_sheets else text


def _named(comparison: Comparison, unit: str) -> tuple[Block, ...]:
    """Return the table of the metric that the study named before it ran, unless it is the system loss."""
    metric = comparison.metric
    if metric == "system_loss":
        return ()
    text = (
        f"This study named its metric before it ran: {entry(metric).label}. Its effects are the finding; those of "
        "every other metric, system loss too, are exploratory."
    )
    return Paragraph(text, tone="lead"), _detail(comparison, metric, unit, "named")


def details(comparison: Comparison) -> list[str]:
    """Return the metrics of the detailed tables that this comparison has."""
    return [name for name in DETAILS if name in comparison.metric_names]


def describe(comparison: Comparison, name: str) -> str:
    """Return in plain words what a policy set does."""
    sentences = [policy.describe() for policy in comparison.policies[name]]
    return " ".join(sentences) if sentences else "the rules as they stand."


def effects_table(comparison: Comparison, unit: str, *, on_sheets: bool = False) -> Table:
    """Return the main table: effect on system loss, what the rule costs, what it deferred.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    unit : str
        Unit of money.
    on_sheets : bool
        Whether the study is about balance sheets, where nothing is sold.
    """
    names = [name for name in BESIDE_SHEETS if name in comparison.metric_names] if on_sheets else BESIDE
    loss = comparison.effects("system_loss", against=NONE)
    beside = {name: comparison.effects(name, against=NONE) for name in names}
    rows = [
        [
            words(policy),
            difference(loss.loc[policy], str(policy), "system_loss"),
            middle_and_tail(loss.loc[policy], str(policy)),
            shares(loss.loc[policy], str(policy)),
            _plain_cost(comparison, str(policy)) if on_sheets else _cost(comparison, str(policy)),
            *(difference(frame.loc[policy], str(policy), metric) for metric, frame in beside.items()),
        ]
        for policy in loss.index
    ]
    confidence = formats.percent(comparison.level, decimals=0)
    columns = [
        "Policy set",
        f"System loss, mean change [{confidence} interval]",
        f"Median change; change of the worst 5{formats.GLUE}%",
        "Helped, unchanged, harmed",
        *(
            ["Cost of the rule", *(titled(entry(name).label) for name in names)]
            if on_sheets
            else ["Cost of the rule; markets shut", "Deferred", "Liquidated", "Deleveraged (ADL)", "Bad debt"]
        ),
    ]
    note = (
        SHEETS_NOTE.format(unit=unit)
        if on_sheets
        else (
            f"Money in {unit} per scenario; every change is the set minus 'none'. p is adjusted for the number "
            "of sets (Holm). Liquidated and deleveraged money stand side by side because one replaces the "
            "other. Deferred is forced selling that still waited when the run ended: a loss put off, not "
            "avoided. The cost of a rule prices, each once for the whole set, the money locked up, markets shut, "
            "orders held back, volume turned away, winners cut, margin asked and money paid away that its policies "
            "cause beyond 'none'; below zero they cause less of it. The time shut is the mean over scenarios, summed "
            "over markets."
        )
    )
    return table(
        "Effect of each policy set, against 'none'", columns, rows, note=note, identifier="policy-table"
    )


def remarks(notes: pd.Series) -> tuple[Block, ...]:
    """Return what the statistics say about their own limits, each remark once with the sets it is about.

    Parameters
    ----------
    notes : Series
        Notes by policy set.
    """
    told: dict[str, list[str]] = {}
    for policy, note in notes.items():
        for remark in str(note).split("; "):
            if remark:
                told.setdefault(remark.split(", variance")[0], []).append(f"'{policy}'")
    lines = [
        ("Every set:" if len(sets) == len(notes) else f"{formats.listing(sets)}:", f"{remark}.")
        for remark, sets in told.items()
    ]
    return (Points(tuple(lines)),) if lines else ()


def _cost(comparison: Comparison, policy: str) -> Cell:
    cost = value_at(comparison.costs(), policy, "cost")
    time = value_at(comparison.deferred, policy, "halted_seconds")
    shut = Value(formats.seconds(time), repr(time), policy, "halted_seconds", "mean")
    return number(
        formats.amount(cost),
        cost,
        policy=policy,
        metric="policy_cost",
        statistic="cost",
        below=((Value("shut "), shut),),
    )


def _plain_cost(comparison: Comparison, policy: str) -> Cell:
    cost = value_at(comparison.costs(), policy, "cost")
    return number(formats.amount(cost), cost, policy=policy, metric="policy_cost", statistic="cost")


def _picture(comparison: Comparison, *, on_sheets: bool) -> Block:
    from contagion import plot

    return draw(
        lambda axes: plot.effects(comparison, ax=axes),
        "Mean change of system loss of each policy set with its interval",
        "Mean change of system loss against 'none' with its interval; left of zero is less loss. Read it "
        f"together with the cost {'' if on_sheets else 'and the deferred selling '}in the table.",
    )


def levels_table(comparison: Comparison, unit: str) -> Table:
    """Return the level of system loss under each set: mean, median, value at risk and expected shortfall.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    unit : str
        Unit of money.
    """
    tail = comparison.tail("system_loss")
    rows = []
    for name in tail.index:
        policy = str(name)
        mean, middle, _ = level(comparison, "system_loss", policy)
        rows.append(
            [
                words(policy),
                number(formats.amount(mean), mean, policy=policy, metric="system_loss", statistic="mean"),
                number(
                    formats.amount(middle), middle, policy=policy, metric="system_loss", statistic="median"
                ),
                bounded(tail.loc[name], policy, "var"),
                bounded(tail.loc[name], policy, "es"),
                number(formats.count(tail.loc[name, "k"]), tail.loc[name, "k"], policy=policy, statistic="k"),
                words(formats.remark(str(tail.loc[name, "note"]))),
            ]
        )
    columns = [
        "Policy set",
        "Mean",
        "Median",
        f"Value at risk 95{formats.GLUE}%",
        f"Expected shortfall 95{formats.GLUE}%",
        "Tail points (effective)" if comparison.weighted else "Tail points",
        "Note",
    ]
    note = (
        "Value at risk is the loss that one scenario in twenty exceeds; expected shortfall is the mean of "
        "those scenarios. An interval is left out where too few scenarios lie in the tail to support one."
    )
    return table(f"System loss under each set, {unit}", columns, rows, note=note, identifier="tail-table")


def _detail(comparison: Comparison, metric: str, unit: str, name: str = "effects") -> Table:
    form = entry(metric)
    effects = comparison.effects(metric, against=NONE)
    rows = [
        [
            words(name),
            difference(effects.loc[name], str(name), metric),
            *_rest(effects.loc[name], str(name), metric),
        ]
        for name in effects.index
    ]
    columns = ["Policy set", "Mean change", "p unadjusted", "Lower", "Same", "Higher", "n", "Note"]
    measured = f", {unit}" if form.form == "money" else ""
    return table(
        f"{titled(form.label)}{measured}: {form.meaning}", columns, rows, identifier=f"{name}-{metric}"
    )


def _rest(row: pd.Series, policy: str, metric: str) -> Iterator[Cell]:
    yield _statistic(row, policy, metric, "p_value", formats.probability)
    for statistic in ("helped", "unchanged", "harmed"):
        yield _statistic(row, policy, metric, statistic, formats.percent)
    yield _statistic(row, policy, metric, "n", formats.count)
    yield words(formats.remark(str(row["note"])))


def _statistic(row: pd.Series, policy: str, metric: str, name: str, show: Callable[[float], str]) -> Cell:
    value = float(row[name])
    return number(show(value), value, policy=policy, metric=metric, statistic=name)
