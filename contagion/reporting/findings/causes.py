"""Sections on causes: who, which mechanism, and why an account gained or lost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import bounded, plain, study, unit_of, words_of
from contagion.reporting.glossary import metric as entry

__all__ = ["accounts", "players", "stages"]

REST = "rest"
MOST_ROWS = 30
METHODS = {
    "shapley": "mean over all orders in which they can come (Shapley)",
    "leave_one_out": "with everybody, less without the player alone",
    "first_in": "the player alone, less nobody",
}


def players(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on who causes the loss.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.attribute`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    metric = str(frame.attrs.get("metric", "system_loss"))
    rows = [
        [
            words(name),
            bounded(metric, row, ("contribution", "low", "high"), of=str(name)),
            plain(row, "share", formats.percent),
            words(row.get("note", "")),
        ]
        for name, row in _first(frame)
    ]
    columns = ["Player", f"Contribution [interval]{unit_of(metric, unit)}", "Share of the total, %", "Note"]
    how = METHODS.get(str(frame.attrs.get("method", "")), "")
    note = "; ".join(filter(None, [formats.titled(how), study(frame)])) + "."
    return "Who causes the loss", [
        Paragraph(_lead(frame, "contribution", metric, unit)),
        draw(
            lambda axes: plot.attribution(frame, unit=unit, ax=axes),
            f"Contribution of each player to mean {words_of(frame)}",
            "Lines are intervals. Left of zero the distress of a player spares others; grey is what remains with every "
            "player sound.",
        ),
        table(f"Contributions to mean {words_of(frame)}", columns, rows, note=note),
    ]


def stages(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on which mechanism makes the loss.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.attribute_stages`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    metric = str(frame.attrs.get("metric", "system_loss"))
    rows = []
    for name, row in _first(frame):
        cells = [
            bounded(metric, _with_ends(row, rule), (rule, f"{rule}_low", f"{rule}_high")) for rule in RULES
        ]
        rows.append([words(name), *cells, plain(row, "share", formats.percent), words(row.get("note", ""))])
    money = unit_of(metric, unit)
    columns = ["Mechanism", f"First in{money}", f"Last in{money}", f"Mean over all orders (Shapley){money}"]
    note = (
        "First in: what it adds to none of the others. Last in: what goes when it alone is switched off. The Shapley "
        "column sums to the total; shares are of it"
    )
    behind = study(frame)
    return "Which mechanism makes the loss", [
        Paragraph(_lead(frame, "shapley", metric, unit)),
        draw(
            lambda axes: plot.attribution(frame, unit=unit, ax=axes),
            f"Contribution of each mechanism to mean {words_of(frame)} by three rules",
            "Three marks far apart: the mechanism works with others. Lines are intervals.",
        ),
        table(
            f"Mechanisms behind mean {words_of(frame)}",
            [*columns, "Share of the total, %", "Note"],
            rows,
            note=f"{note}; {behind}." if behind else f"{note}.",
        ),
    ]


RULES = ("first_in", "last_in", "shapley")


def _with_ends(row: dict[Any, Any], rule: str) -> dict[Any, Any]:
    missing = {f"{rule}_low": float("nan"), f"{rule}_high": float("nan")}
    return {**missing, **row}


def _lead(frame: pd.DataFrame, column: str, metric: str, unit: str) -> str:
    own = frame[frame.index != REST]
    if own.empty:
        return "The table holds no row."
    name, value = str(own[column].idxmax()), float(own[column].max())
    form = entry(metric)
    shown = formats.money(value, unit) if form.form == "money" else form.show(value)
    total = float(frame.attrs.get("total", float("nan")))
    part = f", {formats.percent(value / total)} of the total" if total == total and total != 0.0 else ""
    if value <= 0.0:
        return f"None of {formats.plural(len(own), 'row')} adds to mean {words_of(frame)}."
    return f"{name} contributes most to mean {words_of(frame)}: {shown}{part}."


def _first(frame: pd.DataFrame) -> list[tuple[Any, dict[Any, Any]]]:
    """At most thirty rows, and what remains without anybody."""
    kept = pd.concat([frame[frame.index != REST].iloc[:MOST_ROWS], frame[frame.index == REST]])
    return list(zip(kept.index, kept.to_dict("records"), strict=True))


def accounts(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on what accounts gained and lost, by cause.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.account_results`` returned.
    unit : str
        Unit of money.
    """
    title = "Why accounts gained and lost"
    if frame.empty:
        return title, [Paragraph("The table holds no row.")]
    parts = [str(name) for name in frame.columns if name != "change" and (frame[name] != 0.0).any()]
    order = frame["change"].sort_values(kind="stable").index
    kept = frame.loc[order[:MOST_ROWS]]
    rows = [
        [words(name), *(_money(row, part, str(name)) for part in (*parts, "change"))]
        for name, row in zip(kept.index, kept.to_dict("records"), strict=True)
    ]
    name, worst = str(order[0]), float(frame["change"].min())
    lead = (
        f"{formats.plural(len(frame), 'account')} together changed by "
        f"{formats.money(float(frame['change'].sum()), unit, signed=True)}; "
        f"{name} fared worst with {formats.money(worst, unit, signed=True)}."
    )
    columns = [
        "Account",
        *(f"{formats.titled(part.replace('_', ' '))}, {unit}" for part in parts),
        f"Change of equity, {unit}",
    ]
    note = (
        f"Losses negative; the parts of a row sum to its change. At most {MOST_ROWS} accounts, the largest losses "
        "first; parts that are zero for all are left out. Transfers are no result."
    )
    return title, [Paragraph(lead), table("Results of accounts by cause", columns, rows, note=note)]


def _money(row: dict[Any, Any], name: str, account: str) -> Cell:
    value = float(row[name])
    return number(formats.amount(value, signed=True), value, policy=account, statistic=name)
