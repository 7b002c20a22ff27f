"""How much equity does each account open with, and which leverage follows from its size and its tiers?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.generate.layout import Layout
from contagion.margin.tiers import tier_lines, tier_of

__all__ = ["check_leverage_shares", "leverage_wanted", "opening_equity", "shares_above"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CALL_MARGIN = 1.05
"""Accounts open at least this many times above the level at which their venue calls them."""


def leverage_wanted(
    size: Floats, count: Integers, score: Floats, volatility: Floats, settings: Mapping[str, float]
) -> Floats:
    """Return the leverage each account would choose: log-normal, falling with size and with volatility.

    Parameters
    ----------
    size : numpy.ndarray, shape (n,)
        Money in positions of one account.
    count : numpy.ndarray of int64, shape (n,)
        Accounts behind each row.
    score : numpy.ndarray, shape (n,)
        Standard normal draws.
    volatility : numpy.ndarray, shape (n,)
        Volatility of what each account holds, over that of the whole market.
    settings : mapping of str to float
        Uses leverage_median, leverage_sd, size_elasticity, leverage_quantile, volatility_elasticity.

    Returns
    -------
    numpy.ndarray, shape (n,)
        At least 1.
    """
    order = np.argsort(size, kind="stable")
    below = np.cumsum(count[order])
    place = np.searchsorted(below, settings["leverage_quantile"] * below[-1])
    relative = size / size[order[min(place, len(size) - 1)]]
    log_leverage = settings["size_elasticity"] * np.log(relative) + settings["leverage_sd"] * score
    log_leverage += settings["volatility_elasticity"] * np.log(volatility)
    leverage: Floats = np.maximum(settings["leverage_median"] * np.exp(log_leverage), 1.0)
    return leverage


def opening_equity(
    layout: Layout,
    settings: Mapping[str, float],
    *,
    account: Integers,
    market: Integers,
    notional: Floats,
    count: Integers,
    leverage: Floats,
) -> Floats:
    """Return the equity of each row: what the wanted leverage asks, or more where tiers or calls ask more.

    Parameters
    ----------
    layout : Layout
    settings : mapping of str to float
        Uses maintenance_buffer, tier_use.
    account, market : numpy.ndarray of int64, shape (n_legs,)
        Account row and perpetual market of each position.
    notional : numpy.ndarray, shape (n_legs,)
        Money of the position, all accounts of the row together.
    count : numpy.ndarray of int64, shape (n_accounts,)
        Accounts behind each row; tiers apply to one.
    leverage : numpy.ndarray, shape (n_accounts,)
        Wanted leverage.

    Returns
    -------
    numpy.ndarray, shape (n_accounts,)
    """
    behind = count[account]
    each = notional / behind
    required, initial = np.zeros_like(each), np.zeros_like(each)
    order = np.argsort(market, kind="stable")
    ends = np.searchsorted(market[order], np.arange(len(layout.tiers) + 1))
    for number, table in enumerate(layout.tiers):
        rows = order[ends[number] : ends[number + 1]]
        required[rows] = tier_lines(each[rows], table)
        initial[rows] = each[rows] / (
            settings["tier_use"] * table.max_leverages[tier_of(each[rows], table) - 1]
        )
    n = len(count)
    venue = market // len(layout.assets)
    buffer = np.maximum(settings["maintenance_buffer"], CALL_MARGIN * layout.call_ratio)[venue]
    wanted = np.bincount(account, notional, n) / leverage
    floor = np.maximum(
        np.bincount(account, buffer * required * behind, n), np.bincount(account, initial * behind, n)
    )
    return np.maximum(wanted, floor)


def shares_above(leverage: Floats, money: Floats, thresholds: Floats) -> Floats:
    """Return the share of money in accounts whose leverage is above each threshold."""
    order = np.argsort(leverage, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(money[order])])
    above: Floats = 1.0 - below[np.searchsorted(leverage[order], thresholds, side="right")] / below[-1]
    return above


def check_leverage_shares(shares: Mapping[float, float] | None) -> dict[float, float]:
    """Return wanted shares of open interest above leverages, sorted by leverage.

    Raises
    ------
    SchemaError
        If it is no mapping of numbers to numbers.
    ValueRangeError
        If a leverage is not above 1, a share not strictly between 0 and 1, or the shares do not fall.
    """
    if shares is None:
        return {}
    where = "perp_market, leverage_shares"
    if not isinstance(shares, Mapping):
        raise SchemaError("is no mapping", where=where, value=shares, allowed="{3: 0.5, 5: 0.3}")
    for cell in [*shares.keys(), *shares.values()]:
        if isinstance(cell, bool) or not isinstance(cell, (int, float, np.integer, np.floating)):
            raise SchemaError("is no number", where=where, value=cell)
    pairs = dict(sorted((float(leverage), float(share)) for leverage, share in shares.items()))
    falling = list(pairs.values())
    if any(not (np.isfinite(leverage) and leverage > 1) for leverage in pairs):
        raise ValueRangeError("has a leverage not above 1", where=where, value=shares)
    steps = np.diff([1.0, *falling, 0.0])
    if np.any(steps >= 0):
        raise ValueRangeError(
            "does not fall",
            where=where,
            value=shares,
            allowed="shares between 0 and 1 that fall with leverage",
        )
    return pairs
