"""Marks with intervals in rows, one row per name: what several pictures of tables share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.errors import SchemaError
from contagion.plot import style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "MOST_ROWS",
    "Floats",
    "intervals",
    "label_rows",
    "legend_below",
    "numbers",
    "require",
    "right_column",
]

Floats = NDArray[np.float64]

MOST_ROWS = 30


def require(table: Any, columns: Sequence[str], made_by: str) -> pd.DataFrame:
    """Return a table that has these columns, or refuse it with SchemaError."""
    if not isinstance(table, pd.DataFrame) or not set(columns) <= set(table.columns):
        raise SchemaError("can't be drawn", where="table", value=table, allowed=f"a table of {made_by}")
    return table


def numbers(table: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Return columns as floats, shape (n_rows, n_columns); NaN for a column that is missing."""
    return np.asarray(table.reindex(columns=list(columns)).to_numpy(dtype=np.float64))


def intervals(ax: Axes, place: Floats, ends: Floats, colour: str = style.DARK, width: float = 1.5) -> None:
    """Draw horizontal intervals where there are any; `ends` has shape (n, 2)."""
    for at, (low, high) in zip(place, ends, strict=True):
        if np.isfinite([low, high]).all():
            ax.plot([low, high], [at, at], color=colour, linewidth=width, solid_capstyle="butt", zorder=2.0)


def label_rows(ax: Axes, names: Sequence[object]) -> None:
    """Name the rows from the top down, with the line of zero behind."""
    ax.set_yticks(np.arange(len(names)), [style.shown(name, 30) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0.0, color=style.DARK, linewidth=0.8, zorder=0.5)
    ax.grid(axis="x", color=style.PALE, linewidth=0.6)
    ax.set_axisbelow(True)


def legend_below(ax: Axes, handles: Sequence[Artist], columns: int, heading: str = "") -> None:
    """Put a legend under the axes and their label, clear of columns at the right."""
    from matplotlib.transforms import ScaledTranslation

    legend = ax.legend(
        handles=list(handles),
        title=heading or None,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0.0, -0.5, ax.figure.dpi_scale_trans),
        ncols=columns,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        borderaxespad=0.0,
    )
    style.plain([*legend.get_texts(), legend.get_title()])


def right_column(ax: Axes, heading: str, texts: Sequence[str], points: int = 78) -> None:
    """Write a column of short texts beside the rows, its right edge so many points from the axes."""
    look: style.Look = {"fontsize": "small", "color": style.DARK, "parse_math": False, "ha": "right"}
    look |= {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(heading, (1.0, -0.65), (points, 0), va="bottom", **look)
    for row, text in enumerate(texts):
        ax.annotate(text, (1.0, row), (points, 0), va="center", **look)
