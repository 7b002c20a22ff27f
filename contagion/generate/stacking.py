"""How are frames of one table put below one another when each has only the columns it needs?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from contagion.network.schema import TABLES

__all__ = ["stacked"]


def stacked(table: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return frames below one another; a column that only some have gets the schema's default in the others."""
    defaults: dict[str, Any] = {column.name: column.default for column in TABLES[table].columns}
    used = {name: defaults[name] for frame in frames for name in frame.columns}
    filled = [frame.assign(**{name: used[name] for name in used if name not in frame}) for frame in frames]
    return pd.concat(filled, ignore_index=True)
