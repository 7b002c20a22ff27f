"""Sections on what matters: shares of variance of parameters and of sources, elementary effects."""

from __future__ import annotations

from typing import Any

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import form_of, measured, plain, share, study, unit_of, words_of

__all__ = ["morris", "sobol", "variance"]


def sobol(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on shares of the variance by parameter.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.sobol`` returned.
    unit : str
        Unit of money.
    """
    what = words_of(frame)
    return f"Sensitivity: where the variance of {what} comes from", _shares(frame, "Parameter", "points")


def variance(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on shares of the variance by source.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.variance_split`` returned.
    unit : str
        Unit of money.
    """
    return "Shock, network or parameters: what makes the spread", _shares(frame, "Source", "n")


def _shares(frame: pd.DataFrame, head: str, count: str) -> list[Block]:
    from contagion import plot

    if frame.empty:
        return [Paragraph("The table holds no row.")]
    top = frame.loc[[frame["total"].idxmax()]].to_dict("records")[0]
    name = str(frame["total"].idxmax())
    lead = (
        f"Most of the variance of {words_of(frame)} hangs on {name}: {formats.percent(float(top['total']))} stays as "
        f"long as it alone is unknown, {formats.percent(float(top['first']))} goes when it alone is known."
    )
    rows = [
        [words(place), share(row, "first"), share(row, "total"), _difference(row)]
        for place, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    points = int(frame[count].iloc[0])
    note = (
        "Shares of the variance in % ± one standard error (bootstrap). First: what goes when this alone is known; "
        "total: what stays while this alone is unknown; the difference is interaction. Estimates may leave 0 to "
        f"100 % by a few standard errors. {formats.plural(points, 'base draw')}" + _behind(frame)
    )
    columns = [head, "First, % of variance", "Total, % of variance", "Interaction, % of variance"]
    return [
        Paragraph(lead),
        draw(
            lambda axes: plot.sensitivity(frame, ax=axes),
            f"Shares of the variance of {words_of(frame)}, alone and with interactions",
            "Dark bars: the share that goes when this alone is known. Light bars: with all its interactions. Lines "
            "reach two standard errors to either side.",
        ),
        table(f"Shares of the variance of {words_of(frame)}", columns, rows, note=note),
    ]


def _difference(row: dict[Any, Any]) -> Cell:
    value = float(row["total"]) - float(row["first"])
    return number(formats.percent(value, signed=True), value, statistic="interaction")


def _behind(frame: pd.DataFrame) -> str:
    told = study(frame)
    return f"; {told}." if told else "."


def morris(frame: pd.DataFrame, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on elementary effects.

    Parameters
    ----------
    frame : DataFrame
        What ``contagion.morris`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    metric = str(frame.attrs.get("metric", ""))
    title = f"Screening: which parameters move {words_of(frame)}"
    if frame.empty:
        return title, [Paragraph("The table holds no row.")]
    name = str(frame["mu_star"].idxmax())
    size = float(frame["mu_star"].max())
    shown = formats.money(size, unit) if form_of(metric).form == "money" else form_of(metric).show(size)
    lead = f"{name} moves mean {words_of(frame)} most: by {shown} on average when it goes through its whole range."
    rows = [
        [
            words(place),
            measured(metric, float(row["mu"]), "mu", signed=True),
            measured(metric, float(row["mu_star"]), "mu_star"),
            measured(metric, float(row["mu_star_se"]), "mu_star_se"),
            measured(metric, float(row["sigma"]), "sigma"),
            plain(row, "trajectories", formats.count) if "trajectories" in row else words("–"),
        ]
        for place, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    money = unit_of(metric, unit)
    columns = ["Parameter", f"Mean effect{money}", f"Mean size (μ*){money}", f"Standard error{money}"]
    columns += [f"Standard deviation (σ){money}", "Trajectories, count"]
    note = (
        "Effects of a parameter going through its whole range, one at a time (Morris). A standard deviation as large "
        "as the mean size: the effect depends on the other parameters or on the place. A screening, no "
        "share of variance"
    ) + _behind(frame)
    return title, [
        Paragraph(lead),
        draw(
            lambda axes: plot.sensitivity(frame, unit=unit, ax=axes),
            f"Mean size and standard deviation of the effect of each parameter on {words_of(frame)}",
            "To the right: parameters that move the result; above the dotted line: effects that depend on others.",
        ),
        table(f"Elementary effects on mean {words_of(frame)}", columns, rows, note=note),
    ]
