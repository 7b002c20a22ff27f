"""Sections on system measures from returns, and on how margins swing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, Value, interval, table, words
from contagion.reporting.findings.cells import plain

__all__ = ["margins", "market"]

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
    return title, [
        Paragraph(lead),
        table("Firms, worst first", [*columns, "Tail days, count", "Note"], rows, note=note),
    ]


def _signed(value: float) -> str:
    return formats.percent(value, signed=True)


def _percent(row: dict[Any, Any], name: str) -> Cell:
    value, low, high = (float(row.get(column, np.nan)) for column in (name, f"{name}_low", f"{name}_high"))
    head = Value(_signed(value), repr(value), statistic=name)
    line: tuple[Value, ...] = (Value("no interval"),)
    if np.isfinite([low, high]).all():
        line = interval((_signed(low), _signed(high)), (low, high), head, (f"{name}_low", f"{name}_high"))
    return Cell((head,), (line,), numeric=True)


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
