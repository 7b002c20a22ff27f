"""A change of a metric as cells of a table: its mean with interval and p-value, its median and tail, its shares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Cell, Value, interval
from contagion.reporting.glossary import metric as entry

__all__ = ["FAILED", "SURE", "bounded", "difference", "middle_and_tail", "shares", "tone"]

SURE = 0.05
FAILED = "failed in all scenarios"
LOSSES = (
    "system_loss",
    "forced_cost",
    "bad_debt",
    "uncovered",
    "residual_loss",
    "node_defaults",
    "venue_defaults",
    "contagion_defaults",
    "support_lost",
    "unpaid",
    "external_loss",
    "default_costs",
    "debtrank",
    "claims_lost",
    "failure_costs",
)


def difference(row: pd.Series, policy: str, metric: str) -> Cell:
    """Return a mean change with its interval and adjusted p-value.

    Parameters
    ----------
    row : Series
        A row of ``Comparison.effects``.
    policy, metric : str
        Where it comes from.
    """
    form = entry(metric)
    value, low, high = float(row["difference"]), float(row["low"]), float(row["high"])
    head = Value(form.show(value, signed=True), repr(value), policy, metric, "difference")
    below: list[tuple[Value, ...]] = [(Value("no interval" if row["n"] else FAILED),)]
    if np.isfinite(low) and np.isfinite(high):
        texts = (form.show(low, signed=True), form.show(high, signed=True))
        below = [interval(texts, (low, high), head, ("low", "high"))]
    adjusted = float(row["p_adjusted"])
    if np.isfinite(adjusted):
        chance = Value(formats.probability(adjusted), repr(adjusted), policy, metric, "p_adjusted")
        below.append((Value("p "), chance))
    return Cell(
        (head,),
        tuple(below),
        numeric=True,
        tone=tone(low, high) if metric in LOSSES and adjusted < SURE else "",
    )


def tone(low: float, high: float) -> str:
    """Return ``help`` or ``harm`` where an interval of a loss excludes zero, else nothing."""
    return "help" if high < 0.0 else "harm" if low > 0.0 else ""


def middle_and_tail(row: pd.Series, policy: str) -> Cell:
    """Return the median change and that of the worst 5 %, each with its interval."""
    parts: list[tuple[Value, ...]] = []
    for name in ("median", "tail"):
        value, low, high = (float(row[f"{name}_{end}"]) for end in ("difference", "low", "high"))
        text = formats.amount(value, signed=True)
        head = Value(text, repr(value), policy, "system_loss", f"{name}_difference")
        texts = (formats.amount(low, signed=True), formats.amount(high, signed=True))
        known = np.isfinite(low) and np.isfinite(high)
        bounds = (f"{name}_low", f"{name}_high")
        line = interval(texts, (low, high), head, bounds) if known else (Value("no interval"),)
        parts += [(head,), line]
    middle, around, tail, about = parts
    return Cell(middle, (around, (Value("worst 5 %: "), *tail), about), numeric=True)


def shares(row: pd.Series, policy: str) -> Cell:
    """Return the shares of scenarios helped, unchanged and harmed, and their number."""
    parts: list[Value] = []
    for statistic in ("helped", "unchanged", "harmed"):
        share = float(row[statistic])
        parts += [Value(" / ")] if parts else []
        parts.append(Value(formats.percent(share, decimals=0), repr(share), policy, "system_loss", statistic))
    size = float(row["n"])
    scenarios = (Value("n "), Value(formats.count(size), repr(size), policy, "system_loss", "n"))
    return Cell(tuple(parts), (scenarios,), numeric=True)


def bounded(row: pd.Series, policy: str, name: str) -> Cell:
    """Return a level of the tail with its interval."""
    value, low, high = float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])
    head = Value(formats.amount(value), repr(value), policy, "system_loss", name)
    texts = (formats.amount(low), formats.amount(high))
    known = np.isfinite(low) and np.isfinite(high)
    line = (
        interval(texts, (low, high), head, (f"{name}_low", f"{name}_high"))
        if known
        else (Value("no interval"),)
    )
    return Cell((head,), (line,), numeric=True)
