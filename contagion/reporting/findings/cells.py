"""Cells that several findings share: numbers of a metric, shares with errors, intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Cell, Value, interval, number
from contagion.reporting.glossary import Metric
from contagion.reporting.glossary import metric as entry

__all__ = ["bounded", "form_of", "measured", "plain", "share", "study", "unit_of", "words_of"]


def form_of(metric: str) -> Metric:
    """Return how a metric is written; an unknown one as a plain number.

    Parameters
    ----------
    metric : str
        Its name.
    """
    return entry(metric)


def words_of(table: pd.DataFrame) -> str:
    """Return the name of the metric that a table is about, in words."""
    return entry(str(table.attrs["metric"])).label if table.attrs.get("metric") else "the result"


def unit_of(metric: str, unit: str) -> str:
    """Return the unit of a metric in the form ``, USD``; empty for one that has none.

    Parameters
    ----------
    metric, unit : str
        The metric, and the unit of money.
    """
    known = {"money": unit, "share": "%", "seconds": "s", "count": "count"}
    found = known.get(entry(metric).form, "")
    return f", {found}" if found else ""


def measured(metric: str, value: float, statistic: str, *, signed: bool = False, of: str = "") -> Cell:
    """Return a number of a metric.

    Parameters
    ----------
    metric : str
        Which metric.
    value : float
        The number.
    statistic : str
        What it is, for a machine.
    signed : bool
        Write a plus before gains too.
    of : str
        Policy set, for a machine.
    """
    return number(
        entry(metric).show(value, signed=signed), value, policy=of, metric=metric, statistic=statistic
    )


def bounded(
    metric: str, row: dict[Any, Any], names: tuple[str, str, str], *, signed: bool = True, of: str = ""
) -> Cell:
    """Return a number of a metric with its interval below, or that there is none.

    Parameters
    ----------
    metric : str
        Which metric.
    row : dict
        Where the numbers stand.
    names : tuple of str
        Columns of the number and of the ends of its interval.
    signed : bool
        Write a plus before gains too.
    of : str
        Policy set, for a machine.
    """
    form = entry(metric)
    value, low, high = (float(row[name]) for name in names)
    head = Value(form.show(value, signed=signed), repr(value), of, metric, names[0])
    line: tuple[Value, ...] = (Value("no interval"),)
    if np.isfinite([low, high]).all():
        texts = (form.show(low, signed=signed), form.show(high, signed=signed))
        line = interval(texts, (low, high), head, (names[1], names[2]))
    return Cell((head,), (line,), numeric=True)


def share(row: dict[Any, Any], name: str) -> Cell:
    """Return a share of the variance in per cent with its standard error.

    Parameters
    ----------
    row : dict
        Where the numbers stand.
    name : str
        Column of the share; its error stands in the same with ``_se``.
    """
    value, error = float(row[name]), float(row[f"{name}_se"])
    text = f"{formats.percent(value)} ± {formats.percent(error)}"
    return number(text, value, statistic=name)


def plain(row: dict[Any, Any], name: str, show: Callable[[float], str]) -> Cell:
    """Return a number written by a function.

    Parameters
    ----------
    row : dict
        Where it stands.
    name : str
        Its column.
    show : callable
        How it is written.
    """
    return number(show(float(row[name])), float(row[name]), statistic=name)


def study(table: pd.DataFrame) -> str:
    """Return what stands behind a table, from its attributes: metric, set, scenarios, seed."""
    told = table.attrs
    parts = []
    if told.get("policy"):
        against = f" against '{told['against']}'" if told.get("against") else ""
        parts.append(f"under '{told['policy']}'{against}")
    if told.get("n"):
        parts.append(f"n = {formats.plural(int(told['n']), 'scenario')}")
    if "seed" in told:
        parts.append(f"seed {told['seed']}")
    return ", ".join(parts)
