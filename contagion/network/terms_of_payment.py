"""Which contracts that pay in something else than the unit can the model follow, and at which venues?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from contagion.errors import NetworkError, shown
from contagion.network.build import Draft

__all__ = ["contracts_settle"]

FOLLOWED: Final = ("close_out", "partial", "ladder")
"""Procedures that close positions of contracts settled in coins."""


def contracts_settle(draft: Draft) -> None:
    """Note contracts that pay in what the model does not follow, or at venues that it does not follow for them."""
    markets, unit = draft.tables["markets"], draft.unit
    inverse = np.asarray(markets["contract"] == "inverse", dtype=np.bool_)
    coins = np.asarray((markets["settle"] != unit) | (markets["quote"] != unit), dtype=np.bool_)
    for row in np.flatnonzero(coins | inverse):
        column, allowed = _misfit(markets, int(row), unit)
        if column == "settle" and markets["settle"][row] == unit:
            _unstated(draft, int(row), allowed)
        elif column:
            _refuse(draft, int(row), column, "is not modelled", allowed)
        else:
            _venue_follows(draft, int(row))


def _misfit(markets: Any, row: int, unit: str) -> tuple[str, str]:
    """Return the column that does not fit, and what does; empty text where all fits."""
    kind, quote, settle, asset = (markets[name][row] for name in ("kind", "quote", "settle", "asset"))
    if kind not in ("perp", "future"):
        inverse = markets["contract"][row] == "inverse"
        column = "contract" if inverse else "quote" if quote != unit else "settle"
        allowed = "linear" if inverse else f"the unit {shown(unit)}"
        return column, f"{allowed}; only perpetuals and futures settle in something else"
    if markets["contract"][row] == "inverse":
        if settle != asset:
            return "settle", f"{shown(asset)}: an inverse contract settles in its asset"
        return ("quote", f"the unit {shown(unit)}") if quote != unit else ("", "")
    if quote != settle:
        return "settle", f"{shown(quote)}: a linear contract settles in what it is quoted in"
    if settle == asset:
        return (
            "settle",
            f"something else than its asset, or set contract to 'inverse' and quote to {shown(unit)}",
        )
    return "", ""


def _unstated(draft: Draft, row: int, allowed: str) -> None:
    """Note a contract whose `settle` is empty or names the unit, where it has to name a coin."""
    markets = draft.tables["markets"]
    inverse = markets["contract"][row] == "inverse"
    whose = "an inverse contract" if inverse else f"a contract quoted in {shown(markets['quote'][row])}"
    what = f"is empty or {shown(draft.unit)}, the unit, which is not modelled for {whose}"
    draft.add(
        NetworkError, "not-modelled", "markets", what, row=row, column="settle", allowed=f"write {allowed}"
    )


def _venue_follows(draft: Draft, row: int) -> None:
    """Note a venue that lends, scans, takes positions over, or does not accept the coin as collateral."""
    markets, venues = draft.tables["markets"], draft.tables["venues"]
    v = int(draft.codes["markets", "venue"][row])
    settle, name = markets["settle"][row], shown(markets["venue"][row])
    if draft.tables["nodes"]["kind"][draft.codes["venues", "name"][v]] == "protocol":
        _refuse(draft, row, "settle", f"is not modelled at the protocol {name}", "the unit")
    elif venues["margin"][v] != "tiers":
        _refuse(
            draft, row, "settle", f"is not modelled at {name}, which scans", "the unit, or margin 'tiers'"
        )
    elif venues["procedure"][v] not in FOLLOWED:
        allowed = f"the unit, or a procedure of the venue out of {', '.join(FOLLOWED)}"
        _refuse(
            draft, row, "settle", f"is not modelled at {name}, procedure {venues['procedure'][v]!r}", allowed
        )
    else:
        table = draft.tables["collateral"]
        here = (draft.codes["collateral", "venue"] == v) & (table["asset"] == settle)
        if not (here & ~np.isnan(table["weight"])).any():
            allowed = f"a row of collateral for venue {name} and asset {shown(settle)}, with weight in [0, 1]"
            _refuse(draft, row, "settle", f"is no collateral at {name}", allowed)


def _refuse(draft: Draft, row: int, column: str, what: str, allowed: str) -> None:
    """Note a fault of a market."""
    value = draft.tables["markets"][column][row]
    draft.add(
        NetworkError, "not-modelled", "markets", what, row=row, column=column, value=value, allowed=allowed
    )
