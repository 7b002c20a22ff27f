"""Have contracts the terms that their kind needs, and no others? Expiry, strike, side, volatility, hedge market."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import NOTHING, NetworkError
from contagion.network.build import Draft

__all__ = ["contracts_have_terms", "in_scans", "options_are_scanned", "scans_can_close"]

Flags = npt.NDArray[np.bool_]
NEEDED: Final = {
    "expiry": (("future", "option"), "seconds from the opening until it expires, above 0"),
    "strike": (("option",), "the price at which it is exercised, above 0"),
    "option_side": (("option",), "call or put"),
    "implied_volatility": (("option",), "volatility per square root of a year, above 0"),
}
"""Columns that some kinds of markets need and others must leave empty."""
SCANNING: Final = ("close_out", "partial")
"""Procedures for margin by scan: they close all legs by one share, which lowers any scan by that share."""


def contracts_have_terms(draft: Draft) -> None:
    """Find dated contracts and options that lack a term, and others that have one nobody reads."""
    markets = draft.tables["markets"]
    for column, (kinds, allowed) in NEEDED.items():
        needs = np.isin(markets["kind"], np.array(kinds, dtype=object))
        empty = _empty(markets[column])
        for row in np.flatnonzero(needs & empty):
            _add(
                draft,
                row,
                column,
                "is empty",
                f"{allowed}; a market of kind {markets['kind'][row]!r} needs it",
            )
        for row in np.flatnonzero(~needs & ~empty):
            what = f"is stated for a market of kind {markets['kind'][row]!r}, which does not read it"
            _add(draft, row, column, what, f"empty; only kind {' or '.join(kinds)} has it")
    dated = np.isin(markets["kind"], np.array(["future", "option"], dtype=object))
    option = np.asarray(markets["kind"] == "option", dtype=np.bool_)
    for row in np.flatnonzero(~dated & (markets["carry"] != 0.0)):
        _add(
            draft,
            row,
            "carry",
            "is stated for a market that never expires",
            "0; only dated contracts have it",
        )
    for row in np.flatnonzero(~option & (markets["volatility_beta"] != 1.0)):
        _add(draft, row, "volatility_beta", "is stated for a market without an implied volatility", "1")
    _hedge_markets_fit(draft, option)


def _hedge_markets_fit(draft: Draft, option: Flags) -> None:
    """Find hedge markets of what needs none, or that trade something else."""
    markets, hedge = draft.tables["markets"], draft.codes["markets", "hedge_market"]
    for row in np.flatnonzero(~option & (hedge >= 0)):
        _add(
            draft,
            row,
            "hedge_market",
            "is stated for a market that is no option",
            "empty; only options have it",
        )
    for row in np.flatnonzero(option & (hedge >= 0)):
        other = int(hedge[row])
        same = markets["asset"][other] == markets["asset"][row]
        if not same or option[other] or markets["contract"][other] == "inverse":
            what = "is no market in which the option's delta can be hedged"
            allowed = f"a spot market, or a linear perpetual or future on {markets['asset'][row]!r}"
            _add(draft, row, "hedge_market", what, allowed)


def options_are_scanned(draft: Draft) -> None:
    """Find venues that list options and ask margin by tiers."""
    markets, venue = draft.tables["markets"], draft.codes["markets", "venue"]
    tiers = np.asarray(draft.tables["venues"]["margin"] != "scan", dtype=np.bool_)
    for row in np.unique(venue[(markets["kind"] == "option")]):
        if row >= 0 and tiers[row]:
            draft.add(
                NetworkError,
                "options-by-tiers",
                "venues",
                "lists options and asks margin by tiers of notional, which options have not",
                row=row,
                column="margin",
                value="tiers",
                remedy="set margin to 'scan'",
            )


def in_scans(draft: Draft) -> Flags:
    """Return which markets are at a venue that asks margin by scan, shape (n_markets,)."""
    venue = draft.codes["markets", "venue"]
    scans = np.append(draft.tables["venues"]["margin"] == "scan", False)
    return np.asarray(scans[venue], dtype=np.bool_)


def scans_can_close(draft: Draft) -> None:
    """Find venues that scan margin and liquidate by steps of tiers or loans, which a scan has not."""
    venues = draft.tables["venues"]
    cannot = (venues["margin"] == "scan") & ~np.isin(venues["procedure"], np.array(SCANNING, dtype=object))
    for row in np.flatnonzero(cannot):
        draft.add(
            NetworkError,
            "scan-procedure",
            "venues",
            "needs tiers, an inventory or loans, and margin by scan has none",
            row=int(row),
            column="procedure",
            value=venues["procedure"][row],
            allowed=" or ".join(SCANNING),
            remedy="set procedure to 'partial' or 'close_out', or margin to 'tiers'",
        )


def _empty(cells: npt.NDArray[Any]) -> Flags:
    """Cells without a value."""
    if cells.dtype == np.float64:
        return np.asarray(np.isnan(cells), dtype=np.bool_)
    return np.asarray(cells == "", dtype=np.bool_)


def _add(draft: Draft, row: Any, column: str, what: str, allowed: str) -> None:
    """Note a fault of a market."""
    cells = draft.tables["markets"][column]
    value = NOTHING if _empty(cells)[row] else cells[row]
    draft.add(
        NetworkError, "terms", "markets", what, row=int(row), column=column, value=value, allowed=allowed
    )
