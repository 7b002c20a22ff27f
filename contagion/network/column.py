"""What a table and a column are: the vocabulary in which the schema is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["name", "reference", "text", "word", "bool", "count", "number"]
Scalar = str | bool | int | float

NAN: Final = math.nan
INF: Final = math.inf


class _Required:
    """Marks a column that must be given."""

    def __reduce__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Column:
    """One column: what its cells may hold.

    Parameters
    ----------
    name
        The header.
    kind
        ``name`` (the identifier of a row), ``reference`` (a name in the table `refers`), ``text``,
        ``word`` (one of `words`), ``bool``, ``count`` (whole number, int64) or ``number`` (float64).
    default
        Value of an omitted column, or REQUIRED. For a nullable number NaN means: no limit, or not stated.
    nullable
        Whether a cell may be empty: NaN for numbers, ``""`` for text and references.
    low, high, open_low, open_high
        Range of a number; an open end is excluded.
    words
        Allowed words.
    refers
        The table whose key a reference names.
    unit
        Unit of a number, for people.
    modelled
        Values which mechanics built so far honour; None for all.
    rule
        Whether the column is part of a rule: outside its range it raises PolicyError.
    """

    name: str
    kind: Kind
    default: Scalar | _Required = REQUIRED
    nullable: bool = False
    low: float = -INF
    high: float = INF
    open_low: bool = False
    open_high: bool = False
    words: tuple[str, ...] = ()
    refers: str = ""
    unit: str = ""
    modelled: tuple[Scalar, ...] | None = None
    rule: bool = False

    @property
    def required(self) -> bool:
        """Whether the column must be given."""
        return self.default is REQUIRED

    @property
    def numeric(self) -> bool:
        """Whether cells are numbers (bool excluded)."""
        return self.kind in ("number", "count")

    @property
    def textual(self) -> bool:
        """Whether cells are text."""
        return self.kind in ("name", "reference", "text", "word")

    def allowed(self) -> str:
        """Say in words what a cell may hold.

        Examples
        --------
        >>> from contagion.network.schema import TABLES
        >>> TABLES["obligations"].column("amount").allowed()
        'amounts must be finite and >= 0'
        """
        if self.kind == "word":
            return "one of " + ", ".join(repr(word) for word in self.words)
        if self.kind == "bool":
            return "True or False"
        if not self.numeric:
            return "text"
        parts = ["whole"] if self.kind == "count" else ["finite"]
        if self.low > -INF:
            parts.append(f"{'>' if self.open_low else '>='} {self.low:g}")
        if self.high < INF:
            parts.append(f"{'<' if self.open_high else '<='} {self.high:g}")
        return f"{_plural(self.name)} must be {' and '.join(parts)}" + (" or empty" if self.nullable else "")


def _plural(name: str) -> str:
    if name.endswith("y"):
        return name.removesuffix("y") + "ies"
    return name if name.endswith(("s", "sh")) else f"{name}s"


@dataclass(frozen=True)
class Table:
    """A table: its key and its columns, in order.

    Parameters
    ----------
    name
        Name of the table, and of the argument of `Network`.
    key
        Columns that together name a row; a single one becomes the frame's index.
    columns
        All columns, key columns first.
    modelled
        False when no mechanics read the table yet: rows are refused.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    modelled: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Headers, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def index(self) -> str | None:
        """The key, if it is one column."""
        return self.key[0] if len(self.key) == 1 else None

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def key_name(name: str = "name") -> Column:
    """Return the column that names a row."""
    return Column(name, "name")


def reference(
    name: str, table: str, *, empty: bool = False, modelled: tuple[Scalar, ...] | None = None
) -> Column:
    """Return a column that names a row of another table."""
    return Column(
        name, "reference", "" if empty else REQUIRED, nullable=empty, refers=table, modelled=modelled
    )


def text(name: str) -> Column:
    """Return a column of free text."""
    return Column(name, "text", "", nullable=True)


def word(
    name: str,
    default: str,
    words: str,
    modelled: str | None = None,
    *,
    empty: bool = False,
    rule: bool = False,
) -> Column:
    """Return a column of words; `words` and `modelled` are separated by spaces, `empty` also allows ""."""
    allowed = tuple(words.split())
    built = None if modelled is None else tuple(modelled.split())
    if empty:
        allowed = ("", *allowed)
        built = None if built is None else ("", *built)
    return Column(name, "word", default, words=allowed, modelled=built, rule=rule)


def money(name: str, default: Scalar | _Required = 0.0, **more: object) -> Column:
    """Return a column of money, not negative unless said."""
    return number(name, default, **{"low": 0.0, "unit": "money", **more})


def share(name: str, default: Scalar | _Required, **more: object) -> Column:
    """Return a column of shares between 0 and 1."""
    return number(name, default, **{"low": 0.0, "high": 1.0, "unit": "share", **more})


def seconds(name: str, default: float, **more: object) -> Column:
    """Return a column of seconds."""
    return number(name, default, **{"low": 0.0, "unit": "s", **more})


def number(name: str, default: Scalar | _Required = REQUIRED, **more: object) -> Column:
    """Return a column of numbers, nullable when its default is NaN."""
    nullable = isinstance(default, float) and math.isnan(default)
    return Column(name, "number", default, **{"nullable": nullable, **more})  # type: ignore[arg-type]


def count(name: str, default: int, low: int = 1, modelled: tuple[Scalar, ...] | None = None) -> Column:
    """Return a column of whole numbers."""
    return Column(name, "count", default, low=float(low), modelled=modelled)
