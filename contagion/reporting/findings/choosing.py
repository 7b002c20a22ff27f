"""Sections on choosing: the search and its confirmation, and whether rules add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, Table, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import bounded, measured, plain, study, unit_of, words_of
from contagion.reporting.glossary import metric as entry

if TYPE_CHECKING:
    from contagion.experiments.choice import Choice

__all__ = ["choice", "interactions"]

SURE = 0.05


def choice(found: Choice, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on the search for a policy.

    Parameters
    ----------
    found : Choice
        What ``contagion.optimise_policy`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    metric, label = found.metric, entry(found.metric).label
    blocks: list[Block] = [
        Paragraph(_sentence(found)),
        draw(
            lambda axes: plot.choice(found, ax=axes),
            "Benefit against cost of every candidate, and the winner on new scenarios",
            "Circles: mean fall against mean cost in the search. Diamond: the winner again, on scenarios the search "
            "has not seen, with its interval.",
        ),
    ]
    if found.held_out is not None:
        blocks.append(_confirmation(found))
    money = unit_of(metric, found.unit)
    columns = [
        "Candidate",
        f"Fall of {label}{money}",
        f"Cost, {found.unit}",
        f"Net{money}",
        "On the frontier",
    ]
    rows = [
        [
            words(name),
            measured(metric, float(row["benefit"]), "benefit", signed=True, of=str(name)),
            measured("policy_cost", float(row["cost"]), "cost", of=str(name)),
            measured(metric, float(row["net"]), "net", signed=True, of=str(name)),
            words("yes" if row["frontier"] else "no"),
        ]
        for name, row in zip(found.table.index, found.table.to_dict("records"), strict=True)
    ]
    note = (
        f"Means over {formats.plural(found.search.n, 'scenario')} of the search, best net benefit first. The best of "
        "many looks better than it is: only the numbers on new scenarios are a finding."
    )
    blocks.append(table("Every candidate in the search", columns, rows, note=note))
    return "The choice of a policy, confirmed on new scenarios", blocks


def _sentence(found: Choice) -> str:
    one, label = found.confirmation, entry(found.metric).label
    form = entry(found.metric)
    if found.held_out is None:
        return f"None of {formats.plural(len(found.table), 'candidate')} lowers mean {label} by more than it costs."
    known = np.isfinite([one["low"], one["high"]]).all()
    bounds = (
        f"interval {form.show(one['low'], signed=True)} to {form.show(one['high'], signed=True)}"
        if known
        else "no interval"
    )
    unit = f" {found.unit}" if form.form == "money" else ""
    return (
        f"{found.winner} won among {formats.plural(len(found.table), 'candidate')} with a fall of mean {label} of "
        f"{form.show(one['benefit_search'])}{unit}; on {formats.plural(one['n'], 'new scenario')} it is "
        f"{form.show(one['benefit'])} ({bounds}) at a cost of {formats.amount(one['cost'])}: the winner's curse "
        f"was {form.show(one['curse'], signed=True)}."
    )


def _confirmation(found: Choice) -> Table:
    one: dict[Any, Any] = found.confirmation.to_dict()
    metric, name = found.metric, found.winner
    money = unit_of(metric, found.unit)
    columns = ["Winner", f"Fall in the search{money}", f"Fall on new scenarios [interval]{money}"]
    columns += [
        f"Winner's curse{money}",
        f"Cost, {found.unit}",
        f"Net{money}",
        "Helped, %",
        "Harmed, %",
        "p",
        "New scenarios, count",
    ]
    row: list[Cell] = [
        words(name),
        measured(metric, one["benefit_search"], "benefit_search", signed=True, of=name),
        bounded(metric, one, ("benefit", "low", "high"), of=name),
        measured(metric, one["curse"], "curse", signed=True, of=name),
        measured("policy_cost", one["cost"], "cost", of=name),
        measured(metric, one["net"], "net", signed=True, of=name),
        plain(one, "helped", lambda value: formats.percent(value, decimals=0)),
        plain(one, "harmed", lambda value: formats.percent(value, decimals=0)),
        plain(one, "p_value", formats.probability),
        plain(one, "n", formats.count),
    ]
    note = "The winner's curse is the fall in the search minus the fall on scenarios that the search has never seen."
    return table("The winner on new scenarios", columns, [row], note=note)


def interactions(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on main effects and interactions.

    Parameters
    ----------
    frame : DataFrame
        What ``cmp.interactions`` returned.
    unit : str
        Unit of money.
    """
    metric = str(frame.attrs.get("metric", ""))
    title = "Do the rules add up: main effects and interactions"
    pairs = frame[frame["order"] > 1]
    clear = pairs[pairs["p_adjusted"] < SURE] if "p_adjusted" in frame else pairs.iloc[:0]
    if clear.empty:
        lead = f"No interaction of rules on mean {words_of(frame)} is clear of zero: their effects may simply add up."
    else:
        said = [
            f"{term} {'do the same work twice' if effect > 0 else 'help each other'}"
            for term, effect in clear["effect"].items()
        ]
        lead = (
            f"On mean {words_of(frame)}, {formats.listing(said)}; other interactions are not clear of zero."
        )
    rows = [
        [
            words(term),
            words("main effect" if row["order"] == 1 else f"interaction of {row['order']}"),
            bounded(metric, row, ("effect", "low", "high"), of=str(term)),
            plain(row, "p_adjusted", formats.probability) if "p_adjusted" in row else words("–"),
            plain(row, "n", formats.count) if "n" in row else words("–"),
            words(formats.remark(str(row.get("note", "")))),
        ]
        for term, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    columns = [
        "Term",
        "Kind",
        f"Effect [interval]{unit_of(metric, unit)}",
        "p (Holm)",
        "Scenarios, count",
        "Note",
    ]
    note = (
        "An interaction is 0 where effects add up, below zero where rules save more together, above zero where they do "
        "the same work twice"
    )
    behind = study(frame)
    note += f"; {behind}." if behind else "."
    from contagion import plot

    picture = draw(
        lambda axes: plot.interactions(frame, unit=unit, ax=axes),
        f"Main effects and interactions on mean {words_of(frame)} with their intervals",
        "Filled: adjusted p below 0.05. An interaction above zero: the rules do the same work twice.",
    )
    return title, [
        Paragraph(lead),
        picture,
        table(f"Effects on mean {words_of(frame)}", columns, rows, note=note),
    ]
