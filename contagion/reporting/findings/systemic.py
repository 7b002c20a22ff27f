"""Sections on system measures from returns, and on how margins swing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, Value, interval, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import plain

__all__ = ["capital", "hedges", "margins", "market"]

MOST_ROWS = 30


def market(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on MES and ΔCoVaR.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.measures.market_measures`` returned.
    unit : str
        Unit of money.
    """
    title = "System measures from returns"
    if frame.empty:
        return title, [Paragraph("The table holds no row.")]
    firm, worst = str(frame["mes"].idxmin()), float(frame["mes"].min())
    told = frame.attrs
    where = f" of {told['market']}" if told.get("market") else ""
    share = (
        f" in the worst {formats.percent(float(told['q']), decimals=0)}"
        if "q" in told
        else " in the worst days"
    )
    mean = formats.percent(worst, signed=True)
    lead = f"{firm} fares worst when the system does: its mean return{share}{where} is {mean}."
    rows = [
        [
            words(name),
            _percent(row, "mes"),
            _percent(row, "delta_covar"),
            plain(row, "var_firm", _signed),
            plain(row, "n_tail_days", formats.count) if "n_tail_days" in row else words("–"),
            words(row.get("note", "")),
        ]
        for name, row in zip(frame.index[:MOST_ROWS], frame.to_dict("records"), strict=False)
    ]
    columns = [
        "Firm",
        "Marginal expected shortfall [interval], %",
        "ΔCoVaR [interval], %",
        "Own value at risk, %",
    ]
    note = "Returns, losses negative. Dependence, not cause: the measures say who suffers with the system."
    if "n" in told:
        note += f" n = {formats.plural(int(told['n']), 'row')} of returns, seed {told.get('seed', '–')}."
    from contagion import plot

    return title, [
        Paragraph(lead),
        draw(
            lambda axes: plot.market_measures(frame, ax=axes),
            "Marginal expected shortfall, ΔCoVaR and own value at risk of every firm",
            "Left of zero is a loss. Lines: intervals.",
            height=1.9 + 0.5 * max(min(len(frame), MOST_ROWS), 3),
        ),
        table("Firms, worst first", [*columns, "Tail days, count", "Note"], rows, note=note),
    ]


def _height(frame: pd.DataFrame) -> float:
    """Height of a picture with a row per name, inches."""
    return 1.8 + 0.34 * max(min(len(frame), MOST_ROWS), 3)


def _signed(value: float) -> str:
    return formats.percent(value, signed=True)


def _percent(row: dict[Any, Any], name: str) -> Cell:
    value, low, high = (float(row.get(column, np.nan)) for column in (name, f"{name}_low", f"{name}_high"))
    head = Value(_signed(value), repr(value), statistic=name)
    line: tuple[Value, ...] = (Value("no interval"),)
    if np.isfinite([low, high]).all():
        line = interval((_signed(low), _signed(high)), (low, high), head, (f"{name}_low", f"{name}_high"))
    return Cell((head,), (line,), numeric=True)


def capital(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on the capital that firms lack in a crisis.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.measures.srisk_table`` or ``ses_table`` returned.
    unit : str
        Unit of money.
    """
    simulated = "ses" in frame.columns
    name = "ses" if simulated else "srisk"
    title = f"Capital that firms lack in a crisis ({name.upper()})"
    if frame.empty:
        return title, [Paragraph("The table holds no row.")]
    frame = frame.sort_values(name, ascending=False, kind="stable")
    lacking = frame[frame[name] > 0.0]
    total = formats.money(float(lacking[name].sum()), unit)
    lead = f"{formats.plural(len(lacking), 'firm')} of {len(frame):,} would lack {total} together."
    if lacking.empty:
        lead = f"None of {formats.plural(len(frame), 'firm')} would lack capital."
    columns = [
        "Firm",
        f"{name.upper()} [interval], {unit}" if simulated else f"SRISK, {unit}",
        "Share of what is lacking, %",
    ]
    columns += ["Note"] if simulated else ["Fall of the firm's value in the crisis (LRMES), %"]
    rows = []
    for firm, row in zip(frame.index[:MOST_ROWS], frame.to_dict("records"), strict=False):
        last = words(row.get("note", "")) if simulated else plain(row, "lrmes", formats.percent)
        rows.append([words(firm), _lacking(row, name), plain(row, "share", formats.percent), last])
    note = (
        "Positive where capital is missing, negative where some is left; shares are of the positive numbers."
    )
    if simulated and "k" in frame.attrs:
        note += f" Mean over {formats.plural(int(frame.attrs['k']), 'crisis', 'crises')}"
        note += f" among {formats.plural(int(frame.attrs.get('n', 0)), 'scenario')}."
    from contagion import plot

    picture = draw(
        lambda axes: plot.capital(frame, unit=unit, ax=axes),
        f"{name.upper()} of every firm",
        "Right of zero capital is missing; hatched: some is over.",
        height=_height(frame),
    )
    return title, [Paragraph(lead), picture, table("Firms, the most lacking first", columns, rows, note=note)]


def _lacking(row: dict[Any, Any], name: str) -> Cell:
    value = float(row[name])
    head = Value(formats.amount(value, signed=True), repr(value), statistic=name)
    if "low" not in row:
        return Cell((head,), numeric=True)
    low, high = float(row["low"]), float(row["high"])
    line: tuple[Value, ...] = (Value("no interval"),)
    if np.isfinite([low, high]).all():
        texts = (formats.amount(low, signed=True), formats.amount(high, signed=True))
        line = interval(texts, (low, high), head, ("low", "high"))
    return Cell((head,), (line,), numeric=True)


def hedges(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on how well hedges worked.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.measures.hedge_table`` returned.
    unit : str
        Unit of money.
    """
    title = "How well hedges worked"
    if frame.empty:
        return title, [Paragraph("The table holds no row.")]
    known = frame["variance_reduction"].dropna()
    lead = "No hedged item varied, so there was nothing to hedge."
    if len(known):
        worst = formats.percent(float(known.min()), signed=True)
        lead = f"{known.idxmin()} works worst: it takes away {worst} of the variance of what it hedges."
    rows = [
        [
            words(name),
            plain(row, "variance_reduction", _signed),
            *(
                plain(row, part, formats.percent) if part in row else words("–")
                for part in ("r_squared", "offset", "within")
            ),
            plain(row, "best_ratio", formats.three_figures) if "best_ratio" in row else words("–"),
            plain(row, "n", formats.count),
        ]
        for name, row in zip(frame.index[:MOST_ROWS], frame.to_dict("records"), strict=False)
    ]
    columns = ["Hedge", "Variance taken away, %", "R², %", "Offset over all scenarios, %"]
    columns += ["Scenarios offset to 80–125 %, %", "Best ratio, times the hedge", "Scenarios, count"]
    note = (
        "R² is what the best ratio would take away; what it lacks to 100 % is basis risk. A best ratio of 1 is the "
        "hedge as held."
    )
    from contagion import plot

    picture = draw(
        lambda axes: plot.hedges(frame, ax=axes),
        "Share of the variance that each hedge takes away, and what the best ratio would take away",
        "Left of zero the hedge adds risk. What the mark lacks to 100 % is basis risk.",
        height=_height(frame),
    )
    return title, [Paragraph(lead), picture, table("Hedges, the worst first", columns, rows, note=note)]


def margins(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on procyclicality and breaches of margins.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.margin_swings`` returned.
    unit : str
        Unit of money.
    """
    from contagion.reporting.sections.margins import swings_table

    title = "How margins swing, and whether they were enough"
    if frame.empty:
        return title, [Paragraph("No policy set changes margin rates.")]
    worst = frame.loc[[frame["peak_to_trough"].idxmax()]].to_dict("records")[0]
    lead = (
        f"Margins swing most under {worst['policy']} for {worst['asset']}: the peak is "
        f"{formats.three_figures(float(worst['peak_to_trough']))} times the trough."
    )
    note = (
        "Maintenance margin over the money in positions. A breach is a move to the next price above the rate, in "
        "either direction. A rate that never moves has a ratio of 1 and no rise."
    )
    return title, [Paragraph(lead), swings_table(frame, note, "")]
