"""In which markets may strategies have their legs? Of their asset, of the right kind, and at the account's venue."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, shown
from contagion.network.build import Draft

__all__ = ["KINDS", "legs_are_in_markets"]

KINDS: Final = ("basis", "arbitrage", "dip_buyer")
"""Strategies that trade both legs in markets of one asset."""
SPOTS: Final = ("spot", "pool")
DERIVATIVES: Final = ("perp", "future")


def legs_are_in_markets(draft: Draft) -> None:
    """Find strategies whose legs are in markets of another asset, kind or venue, or both in one market."""
    strategies, markets = draft.tables["strategies"], draft.tables["markets"]
    traded = np.isin(strategies["kind"], np.array(KINDS, dtype=object))
    for side in ("long", "short"):
        named = draft.codes["strategies", f"{side}_market"]
        for row in np.flatnonzero(traded & (named >= 0)):
            allowed = _allowed(draft, row, side)
            market = int(named[row])
            kind, asset = markets["kind"][market], markets["asset"][market]
            if not allowed:
                _add(draft, row, side, "is named, but there is no such leg", "empty")
            elif asset != strategies["asset"][row]:
                _add(draft, row, side, f"trades {shown(asset)}", f"a market of {strategies['asset'][row]!r}")
            elif kind not in allowed:
                _add(draft, row, side, f"is a market of kind {kind!r}", f"kind {' or '.join(allowed)}")
            elif markets["contract"][market] == "inverse":
                _add(draft, row, side, "trades inverse contracts, whose units are money", "a linear market")
            elif allowed == DERIVATIVES:
                _is_at_the_venue(draft, row, side, market)
    _legs_differ(draft, traded)


def _allowed(draft: Draft, row: Any, side: str) -> tuple[str, ...]:
    """Kinds of markets in which a leg may be; none where the strategy has no such leg."""
    strategies = draft.tables["strategies"]
    if strategies[f"{side}_account"][row] != "":
        return DERIVATIVES
    return SPOTS if side == "long" and strategies["spot_node"][row] != "" else ()


def _is_at_the_venue(draft: Draft, row: Any, side: str, market: int) -> None:
    """Note a leg of an account in a market of another venue."""
    account = draft.codes["strategies", f"{side}_account"][row]
    here, there = draft.codes["accounts", "venue"][account], draft.codes["markets", "venue"][market]
    if here != there:
        venues = draft.indices["venues"]
        _add(draft, row, side, f"trades at {shown(venues[there])}", f"a market of {shown(venues[here])}")


def _legs_differ(draft: Draft, traded: npt.NDArray[np.bool_]) -> None:
    """Note strategies whose two legs are one account in one market."""
    strategies, markets = draft.tables["strategies"], draft.tables["markets"]
    venue, asset = draft.codes["markets", "venue"], markets["asset"]
    same = traded & (strategies["long_account"] == strategies["short_account"])
    for row in np.flatnonzero(same & (strategies["long_account"] != "")):
        account = draft.codes["strategies", "long_account"][row]
        here = (venue == draft.codes["accounts", "venue"][account]) & (asset == strategies["asset"][row])
        perps = np.flatnonzero(here & (markets["kind"] == "perp") & (markets["contract"] != "inverse"))
        default = int(perps[0]) if len(perps) else -1
        codes = [int(draft.codes["strategies", f"{side}_market"][row]) for side in ("long", "short")]
        if len({default if code < 0 else code for code in codes}) == 1:
            draft.add(
                NetworkError,
                "self-loop",
                "strategies",
                "is both legs",
                row=row,
                column="short_account",
                value=strategies["short_account"][row],
                remedy="name another account, or in long_market and short_market two of its venue's markets",
            )


def _add(draft: Draft, row: Any, side: str, what: str, allowed: str) -> None:
    """Note a fault of the market of a leg."""
    column = f"{side}_market"
    value = draft.tables["strategies"][column][row]
    draft.add(
        NetworkError, "legs", "strategies", what, row=int(row), column=column, value=value, allowed=allowed
    )
