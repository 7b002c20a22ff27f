"""What a page is made of: words, numbers, tables, pictures, sections.

Sections are data; one template turns them into HTML, so that every text is escaped in one place. A number
keeps its full precision in ``value`` beside the rounded text that a reader sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Value:
    """A piece of a cell: the text shown, and for a number what a machine reads.

    Parameters
    ----------
    text : str
        What is shown.
    value : str
        The number with the precision of ``repr``; empty for words.
    policy, metric, statistic : str
        Where the number comes from; empty where that is plain from the table.
    """

    text: str
    value: str = ""
    policy: str = ""
    metric: str = ""
    statistic: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell of a table: pieces of text and numbers, lines of small print below, and a tone.

    Parameters
    ----------
    parts : tuple of Value
        The main line.
    below : tuple of tuple of Value
        Lines of small print: an interval, a remark.
    numeric : bool
        Set right, in figures of one width.
    tone : str
        ``help``, ``harm``, ``warn`` or empty.
    """

    parts: tuple[Value, ...]
    below: tuple[tuple[Value, ...], ...] = ()
    numeric: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain words; ``tone`` is empty, ``lead``, ``note`` or ``warn``."""

    kind: ClassVar[str] = "paragraph"
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Points:
    """A list of short statements, each with an optional bold opening."""

    kind: ClassVar[str] = "points"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Tile:
    """A headline number: what it is, the number, one line of context."""

    label: str
    figure: Cell
    context: str = ""


@dataclass(frozen=True)
class Tiles:
    """A row of headline numbers."""

    kind: ClassVar[str] = "tiles"
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first cell of each row is its header."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    identifier: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture as a data URI, its description for those who cannot see it, and a caption."""

    kind: ClassVar[str] = "figure"
    source: str
    description: str
    caption: str


@dataclass(frozen=True)
class Fold:
    """Detail that is closed on the screen until asked for, and open in print."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Heading | Points | Tiles | Table | Figure | Fold


@dataclass(frozen=True)
class Section:
    """A chapter of the page; ``identifier`` is its anchor."""

    identifier: str
    title: str
    blocks: tuple[Block, ...] = field(default=())


def words(text: object, *, tone: str = "") -> Cell:
    """Return a cell of plain words.

    Parameters
    ----------
    text : object
        Shown as ``str``; an empty text becomes a dash.
    tone : str
        Tone of the cell.
    """
    shown = str(text)
    return Cell((Value(shown if shown else "–"),), tone=tone)


def number(
    text: str,
    value: float,
    *,
    policy: str = "",
    metric: str = "",
    statistic: str = "",
    tone: str = "",
    below: Iterable[tuple[Value, ...]] = (),
) -> Cell:
    """Return a cell with a number, rounded for the reader and exact for the machine.

    Parameters
    ----------
    text : str
        The rounded number.
    value : float
        The number itself, kept as ``repr``.
    policy, metric, statistic : str
        Where the number comes from.
    tone : str
        Tone of the cell.
    below : iterable of tuple of Value
        Lines of small print under the number.
    """
    head = Value(text, repr(float(value)), policy, metric, statistic)
    return Cell((head,), tuple(below), numeric=True, tone=tone)


def interval(
    texts: tuple[str, str], bounds: tuple[float, float], head: Value, names: tuple[str, str]
) -> tuple[Value, ...]:
    """Return a line of small print with an interval, both ends exact for the machine.

    Parameters
    ----------
    texts : tuple of str
        The rounded ends.
    bounds : tuple of float
        The ends.
    head : Value
        The number the interval belongs to; its policy and metric are taken over.
    names : tuple of str
        Statistic of each end, for example ``("low", "high")``.
    """
    low, high = (
        Value(text, repr(float(bound)), head.policy, head.metric, name)
        for text, bound, name in zip(texts, bounds, names, strict=True)
    )
    return Value("["), low, Value(" to "), high, Value("]")


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    note: str = "",
    identifier: str = "",
) -> Table:
    """Return a table from any sequences of cells."""
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows), note, identifier)
