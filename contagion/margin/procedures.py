"""How does a venue liquidate an account below its margin? One decision of each venue's procedure.

The venue looks at one position at its mark and says what happens now and how much of it is closed. Numbers may
be arrays over accounts.

References
----------
Documentation of Hyperliquid; help pages of Bybit, Binance and OKX. Binance describes its rule in words only;
the one here is a model of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals, sides, word
from contagion.margin.tiers import Tiers, TierTable, tier_line, tier_of, tier_table

VENUES = ("hyperliquid", "bybit", "binance", "okx")
WHOLE_BELOW = 100_000.0  # Hyperliquid: a notional up to this is closed at once
FIRST_PART = 0.2  # of a larger one, at first
PAUSE = 30.0  # seconds until the rest

Truth = NDArray[np.bool_]
Branches = list[tuple[Truth, str, FloatArray]]


@dataclass(frozen=True)
class Procedure:
    """Tier (from 1) and maintenance margin at the mark; what happens, and the size that is closed.

    `action` is one of none, wait, market (sold in the market), partial (sold down to a lower tier), takeover
    (whole, at the bankruptcy price), backstop (whole, to the liquidator vault) and adl (whole, against
    profitable accounts).
    """

    tier: Any
    maintenance_margin: Any
    action: Any
    close_size: Any


def liquidation_procedure(
    side: Any,
    size: Any,
    mark_price: Any,
    equity: Any,
    *,
    venue: str,
    tiers: Tiers,
    seconds_since_partial: Any = None,
) -> Procedure:
    """Apply the first row of the venue's procedure that fits.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0; a size of 0 is left alone.
    mark_price
        Money per unit, > 0.
    equity
        At the mark, money, any sign.
    venue
        ``hyperliquid``: from maintenance on nothing; below zero adl, below two thirds of it backstop; up to a
        notional of 100,000 market, above it a fifth at first, the rest after 30 seconds.
        ``bybit``, ``binance``: above maintenance nothing; in tier 1 or without equity takeover; else partial,
        down to the cap of the tier below.
        ``okx``: above maintenance nothing; in tier 1 or 2, or with equity below the rate of tier 1, takeover;
        else partial, two tiers down.
    tiers
        Tier table.
    seconds_since_partial
        Since the last partial close, >= 0; None or nan: there was none.

    Returns
    -------
    Procedure
        Arrays of the broadcast shape.

    Raises
    ------
    InputError
        If a number is out of range, the tiers do not fit together, or the venue is unknown.

    Examples
    --------
    >>> tiers = [{"floor": 0, "cap": None, "maintenance_rate": 0.0125}]
    >>> found = liquidation_procedure(1, 2, 100_000, 2_000, venue="hyperliquid", tiers=tiers)
    >>> str(found.action), float(found.close_size)
    ('market', 0.4)
    """
    rule = word(venue, "venue", VENUES)
    table = tier_table(tiers)
    _, units, mark, worth, since = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        equity=reals(equity, "equity"),
        seconds_since_partial=_seconds(seconds_since_partial),
    )
    notional = units * mark
    tier, required = np.asarray(tier_of(notional, table)), tier_line(notional, table)
    if rule == "hyperliquid":
        branches = _hyperliquid(units, notional, worth, required, since)
    else:
        branches = _ladder(units, mark, worth, required, table, tier, steps=2 if rule == "okx" else 1)
    empty = (units == 0, "none", np.zeros(units.shape))
    action, closed = _first([empty, *branches])
    return Procedure(tier[()], required[()], action[()], closed[()])


def _hyperliquid(
    size: FloatArray, notional: FloatArray, equity: FloatArray, required: FloatArray, since: FloatArray
) -> Branches:
    """Rows of the procedure of Hyperliquid, in their order."""
    nothing = np.zeros(size.shape)
    return [
        (equity >= required, "none", nothing),
        (equity < 0, "adl", size),
        (equity < required * 2.0 / 3.0, "backstop", size),
        (notional <= WHOLE_BELOW, "market", size),
        (np.isnan(since), "market", FIRST_PART * size),
        (since < PAUSE, "wait", nothing),
        (np.ones(size.shape, dtype=bool), "market", size),
    ]


def _ladder(
    size: FloatArray,
    mark: FloatArray,
    equity: FloatArray,
    required: FloatArray,
    table: TierTable,
    tier: NDArray[np.int64],
    steps: int,
) -> Branches:
    """Rows of a venue that closes `steps` tiers down while the account can bear it, else takes over."""
    ruined = equity <= 0 if steps == 1 else equity < table.rates[0] * size * mark
    cap = table.caps[np.maximum(tier - 1 - steps, 0)]
    with np.errstate(invalid="ignore"):
        down = (size * mark - cap) / mark
    return [
        (equity > required, "none", np.zeros(size.shape)),
        ((tier <= steps) | ruined, "takeover", size),
        (np.ones(size.shape, dtype=bool), "partial", down),
    ]


def _first(branches: Branches) -> tuple[NDArray[np.str_], FloatArray]:
    """Action and size of the first branch whose condition holds, element by element."""
    conditions = [condition for condition, _, _ in branches]
    actions = np.array([name for _, name, _ in branches])
    place = np.argmax(conditions, axis=0)
    sizes = np.select(conditions, [closed for _, _, closed in branches])
    return np.asarray(actions[place]), np.asarray(sizes)


def _seconds(value: Any) -> FloatArray:
    """Checked seconds, nan where there were none."""
    raw = np.asarray(value)
    missing = np.zeros(raw.shape, dtype=bool)
    if raw.dtype.kind == "O":
        missing = np.array([item is None for item in raw.ravel()], dtype=bool).reshape(raw.shape)
    elif raw.dtype.kind == "f":
        missing = np.isnan(raw)
    if not missing.any():
        return reals(value, "seconds_since_partial", low=0.0)
    known = reals(np.where(missing, 0.0, raw), "seconds_since_partial", low=0.0)
    return np.where(missing, np.nan, known)
