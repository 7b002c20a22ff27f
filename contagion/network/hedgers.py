"""Have delta hedgers a book of options, one market to hedge it in, and the leg they trade there?"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import NOTHING, NetworkError, shown
from contagion.network.build import Draft
from contagion.network.rulebook import is_spot

__all__ = ["hedgers_are_whole"]

UNREAD: Final = {
    "rate": (0.01, "hedgers trade the whole change of their delta every round"),
    "discount": (np.nan, "only dip buyers read it"),
    "unwind": (300.0, "hedgers trade the whole change of their delta every round"),
    "long_market": ("", "a hedger's book is all options of long_account on the asset"),
    "short_market": ("", "a hedger trades in the hedge_market of its options"),
}
"""Columns of `strategies` that a hedger does not read, with their defaults and why."""


def hedgers_are_whole(draft: Draft) -> None:
    """Find hedgers without a book or a leg, hedged twice, or with values that nobody reads; ratios of 0 elsewhere."""
    strategies = draft.tables["strategies"]
    hedges = np.flatnonzero(strategies["kind"] == "hedge")
    for row in np.flatnonzero((strategies["kind"] != "hedge") & (strategies["ratio"] == 0.0)).tolist():
        _add(draft, row, "ratio", "is 0", "above 0; only kind 'hedge' may hedge nothing")
    if not len(hedges):
        return
    _columns_are_read(draft, hedges)
    for row in hedges.tolist():
        if _has_ends(draft, row):
            market = _hedge_market(draft, row)
            if market >= 0:
                _leg_is_there(draft, row, market)
    for column in ("long_account", "short_account", "spot_node"):
        pairs = [(str(strategies[column][row]), str(strategies["asset"][row])) for row in hedges.tolist()]
        often = Counter(pairs)
        for row, pair in zip(hedges.tolist(), pairs, strict=True):
            if pair[0] and often[pair] > 1:
                what = f"serves {often[pair]} hedgers on {pair[1]!r}"
                _add(
                    draft,
                    row,
                    column,
                    what,
                    "one hedger for each book, for each account that hedges and for each holding",
                )
    others = np.flatnonzero((strategies["kind"] != "hedge") & (strategies["spot_node"] != ""))
    taken = {(strategies["spot_node"][row], strategies["asset"][row]) for row in others.tolist()}
    for row in hedges.tolist():
        if (strategies["spot_node"][row], strategies["asset"][row]) in taken:
            what = "has a holding that another strategy trades"
            _add(draft, row, "spot_node", what, "a node of its own for each hedger")


def _columns_are_read(draft: Draft, hedges: npt.NDArray[np.intp]) -> None:
    """Find values in columns that hedgers do not read."""
    strategies = draft.tables["strategies"]
    for column, (default, reason) in UNREAD.items():
        cells = strategies[column]
        for row in hedges.tolist():
            same = cells[row] == default or (default != default and cells[row] != cells[row])
            if not same:
                left = "empty" if default in ("", None) or default != default else f"at {default!r}"
                _add(draft, row, column, "is stated for a hedger, who does not read it", f"{left}; {reason}")


def _has_ends(draft: Draft, row: int) -> bool:
    """Whether a hedger names its book and one leg."""
    strategies = draft.tables["strategies"]
    legs = (strategies["short_account"][row] != "") + (strategies["spot_node"][row] != "")
    if strategies["long_account"][row] != "" and legs == 1:
        return True
    draft.add(
        NetworkError,
        "legs",
        "strategies",
        "is a hedger that lacks its book or its leg, or has two legs",
        row=row,
        allowed="long_account (the book of options), and either short_account (perpetual, future) or spot_node",
    )
    return False


def _hedge_market(draft: Draft, row: int) -> int:
    """Market in which the book of a hedger is hedged, or -1 if there is none, with the fault noted."""
    markets, strategies = draft.tables["markets"], draft.tables["strategies"]
    book, asset = draft.codes["strategies", "long_account"][row], strategies["asset"][row]
    held = draft.codes["positions", "market"][draft.codes["positions", "account"] == book]
    options = held[(markets["kind"][held] == "option") & (markets["asset"][held] == asset)]
    name = strategies["long_account"][row]
    if not len(options):
        what = f"holds no options on {asset!r}: there is nothing to hedge"
        _add(draft, row, "long_account", what, f"an account with positions in options on {asset!r}")
        return -1
    names = draft.indices["markets"].to_numpy()
    places = draft.codes["markets", "hedge_market"][options]
    for option in options[places < 0].tolist():
        what = f"is empty, but {shown(name)} hedges this option (strategies {shown(_label(draft, row))})"
        _add(
            draft,
            option,
            "hedge_market",
            what,
            f"a spot market, perpetual or future on {asset!r}",
            table="markets",
        )
    if (places < 0).any():
        return -1
    found = sorted({str(names[place]) for place in places.tolist()})
    if len(found) > 1:
        what = f"holds options that are hedged in {', '.join(map(repr, found))}"
        _add(draft, row, "long_account", what, "one hedge_market for all options of a book on one asset")
        return -1
    return int(places[0])


def _leg_is_there(draft: Draft, row: int, market: int) -> None:
    """Find hedgers whose account is not at the venue of the hedge market, or whose node holds no coins to trade."""
    markets, strategies = draft.tables["markets"], draft.tables["strategies"]
    name = str(draft.indices["markets"][market])
    asset, account = strategies["asset"][row], strategies["short_account"][row]
    if is_spot(markets["kind"])[market]:
        node = draft.codes["strategies", "spot_node"][row]
        if node < 0:
            what = f"is stated, but the options are hedged in the spot market {name!r}"
            _add(draft, row, "short_account", what, f"empty; spot_node is a node with holdings of {asset!r}")
            return
        mine = (draft.codes["holdings", "node"] == node) & (draft.tables["holdings"]["asset"] == asset)
        if not mine.any():
            what = f"has no row in holdings for {asset!r}"
            _add(draft, row, "spot_node", what, f"a node with a row in holdings for {asset!r} (0 will do)")
        return
    if account == "":
        what = f"is stated, but the options are hedged in {name!r}, a {markets['kind'][market]}"
        _add(
            draft,
            row,
            "spot_node",
            what,
            f"empty; short_account is an account at {markets['venue'][market]!r}",
        )
        return
    if (
        draft.codes["accounts", "venue"][draft.codes["strategies", "short_account"][row]]
        != (draft.codes["markets", "venue"][market])
    ):
        what = f"is not at {markets['venue'][market]!r}, the venue of the hedge market {name!r}"
        _add(draft, row, "short_account", what, f"an account at {markets['venue'][market]!r}")


def _label(draft: Draft, row: int) -> str:
    """Name of a strategy."""
    return str(draft.tables["strategies"]["name"][row])


def _add(draft: Draft, row: Any, column: str, what: str, allowed: str, table: str = "strategies") -> None:
    """Note a fault of a strategy."""
    value = draft.tables[table][column][row]
    draft.add(
        NetworkError,
        "hedger",
        table,
        what,
        row=int(row),
        column=column,
        value=NOTHING if value == "" else value,
        allowed=allowed,
    )
