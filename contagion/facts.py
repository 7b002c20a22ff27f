"""Which published numbers and which assumptions stand behind a made network?

The tables lie in ``datasets/facts/*.csv``, one row a fact, inside an installed package as ``contagion/_data``.
Every row has a `status`: a *fact* names its source, an *assumption* gives its reason and a range (`low` to `high`
for numbers, `alternatives` for words).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import pandas as pd

from contagion.errors import SchemaError, nearest

__all__ = [
    "CRYPTO_SYSTEM",
    "EUROPEAN_DEBT",
    "LENDING_MARKETS",
    "OVERLAPPING_PORTFOLIOS",
    "PERP_VENUES",
    "STATUSES",
    "counts",
    "folder",
    "load",
    "names",
    "number",
    "values",
]

STATUSES: Final = ("fact", "assumption")
PERP_VENUES: Final = ("tiers", "schedules", "open_interest", "prices", "depth", "venues", "population")
"""The tables behind the bundled network of perpetual-futures venues."""
LENDING_MARKETS: Final = ("protocols", "terms", "reserves", "lending")
"""The tables behind the bundled network of lending protocols."""
CRYPTO_SYSTEM: Final = ("crypto_system",)
"""The table behind the bundled network of exchanges, protocols and the creditors of June 2022."""
EUROPEAN_DEBT: Final = ("european_debt",)
"""The table behind the bundled network of European countries."""
OVERLAPPING_PORTFOLIOS: Final = ("portfolios",)
"""The table behind the bundled network of institutions with overlapping portfolios: assumptions alone."""


def folder() -> Path:
    """Return the folder of the fact tables: of the installed package, or of a checkout.

    Returns
    -------
    pathlib.Path
        An existing folder that holds ``*.csv``.

    Raises
    ------
    SchemaError
        If neither place has one: the installation is incomplete.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "_data" / "facts", here.parent / "datasets" / "facts"):
        if candidate.is_dir():
            return candidate
    raise SchemaError("not found", where="fact tables", remedy="install the package again, or use a checkout")


def names() -> tuple[str, ...]:
    """Return the names of all fact tables, sorted.

    Examples
    --------
    >>> "tiers" in names()
    True
    """
    return tuple(sorted(path.stem for path in folder().glob("*.csv")))


def load(name: str) -> pd.DataFrame:
    """Return one table of facts.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    pandas.DataFrame
        A fresh copy. A column whose cells are all numbers or empty is float64 with NaN for empty cells, any
        other holds texts with "" for empty cells.

    Raises
    ------
    SchemaError
        If there is no such table.

    Examples
    --------
    >>> tiers = load("tiers")
    >>> int(tiers.query("venue == 'hyperliquid' and asset == 'BTC'")["max_leverage"].iloc[0])
    40
    """
    known = names()
    if not isinstance(name, str) or name not in known:
        raise SchemaError(
            "is no table of facts" + nearest(name, known), where="facts.load", value=name, allowed=str(known)
        )
    return _read(name).copy()


@cache
def _read(name: str) -> pd.DataFrame:
    content = (folder() / f"{name}.csv").read_text(encoding="utf-8")
    texts = pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False, encoding="utf-8")
    return texts.apply(_typed)


def _typed(column: pd.Series) -> pd.Series:
    """Numbers where every filled cell is one, else the texts as they stand."""
    filled = column[column != ""]
    numbers = pd.to_numeric(filled, errors="coerce")
    if filled.empty or bool(numbers.isna().any()):
        return column.astype(object)
    return numbers.astype(float).reindex(column.index)


def values(table: str, name: str, **where: str) -> pd.DataFrame:
    """Return the rows of a table with this `name` whose other columns equal `where`.

    Parameters
    ----------
    table : str
        A table of facts that has a column `name`.
    name : str
        Which quantity.
    **where : str
        Further columns that must match, such as ``venue="bybit"``.

    Returns
    -------
    pandas.DataFrame
        The rows found, in the order of the file.

    Raises
    ------
    SchemaError
        If no row matches.
    """
    rows = load(table)
    rows = rows[rows["name"] == name]
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    if rows.empty:
        raise SchemaError("has no such row", where=f"facts table {table!r}", value={"name": name, **where})
    return rows


def number(table: str, name: str, **where: str) -> float:
    """Return the one number of a table with this `name`; parameters and errors as in `values`.

    Examples
    --------
    >>> number("prices", "price", asset="BTC")
    116848.0
    """
    rows = values(table, name, **where)
    if len(rows) != 1:
        raise SchemaError(
            f"fits {len(rows)} rows", where=f"facts table {table!r}", value={"name": name, **where}
        )
    return float(rows["value"].iloc[0])


def counts(tables: Iterable[str] = PERP_VENUES) -> dict[str, int]:
    """Return how many inputs of the given tables are facts and how many are assumptions.

    Parameters
    ----------
    tables : iterable of str
        Names of fact tables; those behind the bundled perpetual-futures network by default.

    Returns
    -------
    dict
        ``{"fact": rows, "assumption": rows}``. A margin tier counts as one row.

    Raises
    ------
    SchemaError
        If a table is unknown.

    Examples
    --------
    >>> counts()["fact"] >= 40
    True
    """
    status = pd.concat([load(name)["status"] for name in tables], ignore_index=True)
    return {kind: int((status == kind).sum()) for kind in STATUSES}
