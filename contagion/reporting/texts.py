"""Tables as plain text, for the command line and for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from contagion.reporting import formats

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["frame_text", "policy_table"]


def policy_table(comparison: Comparison) -> str:
    """Return the effect of every policy set on system loss as text, its cost and what it deferred beside it.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    """
    effects = comparison.effects("system_loss")
    costs = comparison.costs()["cost"]
    further = {title: change for title, change in _further(comparison).items() if change is not None}
    head = ["policy set", "system loss", "interval", "helped", "harmed", "cost", *further]
    rows = [
        [
            name,
            formats.amount(row["difference"], signed=True),
            f"{formats.amount(row['low'], signed=True)} to {formats.amount(row['high'], signed=True)}",
            formats.percent(row["helped"], decimals=0),
            formats.percent(row["harmed"], decimals=0),
            formats.amount(costs[name]),
            *(formats.amount(change[name], signed=True) for change in further.values()),
        ]
        for name, row in zip(map(str, effects.index), effects.to_dict("records"), strict=True)
    ]
    unit = comparison.networks[0].unit
    title = f"Mean change per scenario against 'none', {unit}, {comparison.n:,} scenarios"
    return "\n".join([title, *_aligned([head, *rows])])


def _further(comparison: Comparison) -> dict[str, Any]:
    """Return mean changes of what stands beside the system loss, as far as the model has it."""
    names = {
        "deferred": "deferred_notional",
        "liquidated": "liquidated_notional",
        "ADL": "adl_notional",
        "failures": "node_defaults",
        "by contagion": "contagion_defaults",
        "lent": "lent",
    }
    if "contagion_defaults" not in comparison.metric_names:
        names = dict(list(names.items())[:3])
    return {
        title: comparison.effects(name)["difference"] if name in comparison.metric_names else None
        for title, name in names.items()
    }


def frame_text(frame: pd.DataFrame) -> str:
    """Return a frame as aligned text, index first, control characters made visible."""
    named = frame.reset_index()
    head = [str(column) for column in named.columns]
    return "\n".join(_aligned([head, *([_cell(value) for value in row] for row in named.to_numpy())]))


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
