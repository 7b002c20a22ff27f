"""Which columns of a venue or strategy do its others leave unread? A value there would be accepted and change nothing.

Numbers that merely are zero elsewhere do not count: a share of a fee of 0 is read, it only comes to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, PolicyError
from contagion.network.build import Draft
from contagion.network.column import Column
from contagion.network.schema import TABLES

__all__ = ["strategies_are_read", "venues_are_read", "without_unread"]

Cells: TypeAlias = Mapping[str, npt.NDArray[Any]]
Flags: TypeAlias = npt.NDArray[np.bool_]

LOANS: Final = ("lending", "auction")


@dataclass(frozen=True)
class Reading:
    """Columns that only some rows of `venues` read: which rows those are, as code and in words; what it hangs on."""

    columns: tuple[str, ...]
    reads: Callable[[Cells], Flags]
    words: str
    by: str = "procedure"


def _is(column: str, *words: str) -> Callable[[Cells], Flags]:
    """Rows that have one of the words in a column."""
    return lambda cells: np.isin(cells[column], np.array(words, dtype=object))


def _by(procedures: str, columns: str) -> Reading:
    """Columns that only these procedures read; both separated by spaces."""
    names = procedures.split()
    return Reading(tuple(columns.split()), _is("procedure", *names), f"procedure {' or '.join(names)}")


def _positions(cells: Cells) -> Flags:
    """Venues whose accounts hold positions: all but those that lend."""
    return ~_is("procedure", *LOANS)(cells)


def _dutch(cells: Cells) -> Flags:
    return _is("procedure", "auction")(cells) & _is("auction_kind", "dutch")(cells)


def _flip(cells: Cells) -> Flags:
    return _is("procedure", "auction")(cells) & _is("auction_kind", "flip")(cells)


READINGS: Final = (
    _by("partial", "target min_clip"),
    _by("okx hyperliquid", "clip_wait"),
    _by("hyperliquid", "first_clip large_position backstop_share"),
    _by("increments", "step_size"),
    _by("dydx", "bankruptcy_adjustment spread_to_maintenance"),
    _by("lending", "close_factor full_close_health_factor small_position min_leftover protocol_fee"),
    _by("lending auction", "write_off min_profit gas_used gas_price gas_asset"),
    _by("auction", "auction_kind auction_tail auction_penalty"),
    Reading(
        ("auction_keepers",),
        _flip,
        "procedure auction with auction_kind flip: a falling price counts no keepers",
    ),
    Reading(
        ("auction_buffer", "auction_cut", "auction_step", "auction_cusp"),
        _dutch,
        "procedure auction with auction_kind dutch",
    ),
    Reading(
        (
            "fee",
            "adl_trigger",
            "portfolio_offset",
            "mark",
            "mid_weight",
            "funding_rule",
            "funding_interest",
            "funding_clamp",
            "margin",
        ),
        _positions,
        "a procedure that closes positions (lending and auction liquidate loans)",
    ),
    Reading(
        ("mark_weight",), lambda cells: _positions(cells) & _is("mark", "weighted")(cells), "mark weighted"
    ),
    Reading(("funding_cap",), _is("funding_rule", "hyperliquid"), "funding_rule hyperliquid"),
    Reading(
        ("adl_rank", "adl_price", "rank_interval"),
        lambda cells: ~_is("adl_trigger", "")(cells),
        "an adl_trigger",
    ),
    Reading(
        ("adl_ratio", "adl_window"),
        _is("adl_trigger", "pool", "fund_drawdown"),
        "adl_trigger pool or fund_drawdown",
    ),
    Reading(
        (
            "scan_range",
            "scan_volatility_up",
            "scan_volatility_down",
            "scan_extreme",
            "scan_extreme_share",
            "scan_initial",
            "short_minimum",
            "model_penalty",
        ),
        _is("margin", "scan"),
        "margin scan",
        "margin",
    ),
    Reading(
        ("portfolio_offset",),
        _is("margin", "tiers"),
        "margin tiers (a scan offsets legs by itself)",
        "margin",
    ),
    Reading(
        ("block_capacity", "chain"),
        lambda cells: np.asarray(cells["block_time"] > 0.0, dtype=np.bool_),
        "a block_time above 0 (blocks that transfers and liquidations wait for)",
        "block_time",
    ),
)
"""Who reads what. A column that is not among them is read at every venue."""


STRATEGY_READERS: Final = {
    "rate": ("arbitrage", "dip_buyer"),
    "discount": ("dip_buyer",),
    "unwind": ("basis",),
}
"""Columns of `strategies` that only some kinds read; hedgers have a rule of their own."""


def at_default(column: Column, cells: npt.NDArray[Any]) -> Flags:
    """Return which cells hold the default of their column, shape (n,)."""
    if column.default != column.default:  # empty
        return np.asarray(np.isnan(cells), dtype=np.bool_)
    return np.asarray(cells == column.default, dtype=np.bool_)


def without_unread(venues: pd.DataFrame, rows: Flags, keep: Collection[str] = ()) -> pd.DataFrame:
    """Return the venues with what some rows do not read back at its defaults.

    Parameters
    ----------
    venues : pandas.DataFrame
        The table `venues`, all columns.
    rows : numpy.ndarray of bool, shape (n_venues,)
        Rows that may change.
    keep : collection of str, optional
        Columns that stay as they are.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(nodes=[{"name": "V", "kind": "exchange"}],
    ...                  venues=[{"name": "V", "procedure": "partial", "target": 2.0}])
    >>> changed = net.venues.assign(procedure="close_out")
    >>> float(without_unread(changed, np.array([True]))["target"].iloc[0])
    1.5
    """
    cells = {name: venues[name].to_numpy() for name in venues.columns}
    changed: dict[str, npt.NDArray[Any]] = {}
    for reading in READINGS:
        unread = rows & ~reading.reads(cells)
        for name in reading.columns:
            column, held = TABLES["venues"].column(name), cells[name]
            default: Any = column.default
            if name not in keep and (unread & ~at_default(column, held)).any():
                cells[name] = changed[name] = np.where(unread, default, held).astype(held.dtype)
    return venues.assign(**changed)


def venues_are_read(draft: Draft) -> None:
    """Note values in columns that nothing reads, given what else the row of the venue says."""
    cells = draft.tables["venues"]
    for reading in READINGS:
        columns = [TABLES["venues"].column(name) for name in reading.columns]
        given = {column: ~at_default(column, cells[column.name]) for column in columns}
        if not any(flags.any() for flags in given.values()):
            continue
        unread = ~reading.reads(cells)
        for column, flags in given.items():
            for row in np.flatnonzero(unread & flags):
                _refuse(draft, int(row), column, reading.words, reading.by)


def _refuse(draft: Draft, row: int, column: Column, readers: str, by: str = "procedure") -> None:
    """Note one value that nothing reads."""
    cells = draft.tables["venues"]
    word = cells[by][row]
    what = f"is not read: the {by} is {word.item() if isinstance(word, np.generic) else word!r}"
    value = cells[column.name][row]
    draft.add(
        PolicyError,
        "unread",
        "venues",
        what,
        row=row,
        column=column.name,
        value=value.item() if isinstance(value, np.generic) else value,
        allowed=f"{column.name} is for venues with {readers}",
        remedy=f"leave it {_left(column)}",
    )


def _left(column: Column) -> str:
    """How a column is left where nothing reads it."""
    empty = column.default != column.default or column.default == ""
    return "empty" if empty else f"at its default, {column.default!r}"


def strategies_are_read(draft: Draft) -> None:
    """Note values of strategies in columns that their kind does not read."""
    cells = draft.tables["strategies"]
    for name, kinds in STRATEGY_READERS.items():
        column = TABLES["strategies"].column(name)
        reads = np.isin(cells["kind"], np.array([*kinds, "hedge"], dtype=object))
        for row in np.flatnonzero(~reads & ~at_default(column, cells[name])):
            draft.add(
                NetworkError,
                "unread",
                "strategies",
                f"is not read: the kind is {cells['kind'][row]!r}",
                row=row,
                column=name,
                value=cells[name][row],
                allowed=f"{name} is for strategies of kind {' or '.join(kinds)}",
                remedy=f"leave it {_left(column)}",
            )


def throughput_is_of_markets(draft: Draft) -> None:
    """Note throughput of venues that lend and have no market, whose orders it would cap."""
    venues = draft.tables["venues"]
    trades = np.isin(np.arange(draft.rows("venues")), draft.codes["markets", "venue"])
    unread = _is("procedure", *LOANS)(venues) & ~trades & ~np.isnan(venues["throughput"])
    for row in np.flatnonzero(unread):
        column = TABLES["venues"].column("throughput")
        _refuse(draft, int(row), column, "a procedure that closes positions, or markets of their own")
