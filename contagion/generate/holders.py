"""How is the open interest of every market placed with speculators, makers and basis traders?

Longs are speculators; shorts are speculators, basis traders and makers. Money is placed by water filling under the
caps of the margin tiers, so that every market meets its open interest and no account is larger than its venue allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import ValueRangeError
from contagion.generate.allocation import fill_groups, raised_counts
from contagion.generate.layout import Layout
from contagion.generate.margins import leverage_wanted, opening_equity, shares_above
from contagion.generate.traders import Traders
from contagion.streams import stream

__all__ = ["Holders", "place_basis_traders", "place_makers", "place_speculators"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CAP_USE: Final = 0.9
"""No account opens above this share of the last cap of its tiers."""
PASSES: Final = 40
"""Most passes of the reweighting to wanted shares above leverages."""
TOLERANCE: Final = 0.005
"""Largest miss of a wanted share of open interest."""


@dataclass(frozen=True)
class Holders:
    """Accounts of one kind with money placed.

    Parameters
    ----------
    venue, count : numpy.ndarray of int64, shape (n_accounts,)
        Venue and number of identical accounts behind the row.
    leverage : numpy.ndarray, shape (n_accounts,)
        Leverage the owner wants.
    account, market, side : numpy.ndarray of int64, shape (n_legs,)
        Positions: account row, perpetual market, +1 long or -1 short.
    amount : numpy.ndarray, shape (n_legs,)
        Money, all accounts of the row together.
    """

    venue: Integers
    count: Integers
    leverage: Floats
    account: Integers
    market: Integers
    side: Integers
    amount: Floats


def place_speculators(
    layout: Layout, traders: Traders, settings: Mapping[str, float], wanted: Mapping[float, float]
) -> Holders:
    """Place speculators' money; with wanted shares above leverages, reweight accounts until they are met."""
    money = layout.open_interest.ravel()
    market = traders.venue[traders.account] * len(layout.assets) + traders.asset
    group = market + len(money) * (traders.side < 0)
    totals = np.concatenate([money, settings["shorts_speculators"] * money])
    limit = np.minimum(CAP_USE * layout.caps, settings["largest_account"] * money)[market]
    count = raised_counts(group, traders.account, traders.count, limit, totals)
    factor, long = np.ones(len(count)), traders.side > 0
    for _ in range(PASSES):
        now = np.maximum(np.rint(count * factor), count).astype(np.int64) if wanted else count
        weight = (traders.size * count * factor)[traders.account] * traders.part
        amount = fill_groups(group, weight, limit * now[traders.account], totals)
        size = np.bincount(traders.account, amount, len(count)) / now
        volatility = _volatility(layout, traders.account, market, amount)
        leverage = leverage_wanted(size, now, traders.leverage_score, volatility, settings)
        placed = Holders(traders.venue, now, leverage, traders.account, market, traders.side, amount)
        if not wanted:
            return placed
        actual = _leverage(layout, settings, placed)
        held = np.bincount(traders.account[long], amount[long], len(count)).astype(np.float64)
        miss, bands = _band_miss(actual, held, wanted)
        reached = shares_above(actual, held, np.array(list(wanted)))
        if np.max(np.abs(reached - list(wanted.values()))) < TOLERANCE:
            return placed
        factor = np.clip(factor * np.sqrt(miss)[bands], 1e-4, 1e4)
    raise ValueRangeError(
        "cannot be reached under the tiers of the venues",
        where="perp_market, leverage_shares",
        value=dict(wanted),
        allowed="shares closer to those of the draws",
        remedy="change leverage_median or size_elasticity first",
    )


def _volatility(layout: Layout, account: Integers, market: Integers, amount: Floats) -> Floats:
    """Volatility of each account, the mean over its money, over that of all open interest."""
    each = layout.volatility[market % len(layout.assets)]
    held = np.bincount(account, amount)
    by_asset = layout.open_interest.sum(axis=0)
    usual = float((layout.volatility * by_asset).sum() / by_asset.sum())
    return np.asarray(np.bincount(account, amount * each) / held / usual, dtype=np.float64)


def _leverage(layout: Layout, settings: Mapping[str, float], placed: Holders) -> Floats:
    """Leverage with which the accounts would open."""
    equity = opening_equity(
        layout,
        settings,
        account=placed.account,
        market=placed.market,
        notional=placed.amount,
        count=placed.count,
        leverage=placed.leverage,
    )
    return np.bincount(placed.account, placed.amount, len(placed.count)) / equity


def _band_miss(actual: Floats, held: Floats, wanted: Mapping[float, float]) -> tuple[Floats, Integers]:
    """Wanted over actual share of each band of leverage, and the band of each account."""
    thresholds = np.array(list(wanted))
    bands = np.searchsorted(thresholds, actual, side="left")
    goal = -np.diff(np.concatenate([[1.0], list(wanted.values()), [0.0]]))
    found = np.bincount(bands, held, len(goal)) / held.sum()
    return goal / np.maximum(found, 1e-6), bands


def place_makers(layout: Layout, settings: Mapping[str, float], seed: int) -> Holders:
    """Every maker is short in every market; sub-accounts (`count`) keep it below the caps, the last has one."""
    n, (n_venues, n_assets) = int(settings["makers"]), layout.open_interest.shape
    share = 1.0 - settings["shorts_speculators"] - settings["shorts_basis"]
    totals = share * layout.open_interest.ravel()
    generator = stream(seed, "generate", "makers")
    size = np.exp(settings["institution_size_sd"] * generator.standard_normal((n, 1, 1)))
    weight = size * np.exp(0.2 * generator.standard_normal((n, n_venues, n_assets)))
    account, market = _grid(n, n_venues, n_assets)
    behind = np.ceil(totals / (0.5 * n * layout.caps)).reshape(n_venues, n_assets).max(axis=1)
    count = np.tile(np.maximum(behind, 1).astype(np.int64), (n, 1))
    count[-1] = 1
    count = count.ravel()
    limit = CAP_USE * layout.caps[market] * count[account]
    amount = fill_groups(market, weight.ravel(), limit, totals)
    venue = np.tile(np.arange(n_venues), n)
    leverage = np.full(n * n_venues, settings["maker_leverage"])
    return Holders(venue, count, leverage, account, market, np.full(len(account), -1), amount)


def _grid(n: int, n_venues: int, n_assets: int) -> tuple[Integers, Integers]:
    """Account and market of every leg when n owners have an account at every venue with a leg in every asset."""
    account = np.repeat(np.arange(n * n_venues), n_assets)
    return account, account % n_venues * n_assets + np.tile(np.arange(n_assets), n * n_venues)


def place_basis_traders(layout: Layout, settings: Mapping[str, float], seed: int) -> Holders:
    """Each basis trader is short every asset at one venue; venues have them in proportion to open interest."""
    n, (n_venues, n_assets) = int(settings["basis_traders"]), layout.open_interest.shape
    totals = settings["shorts_basis"] * layout.open_interest.ravel()
    at_venue = layout.open_interest.sum(axis=1)
    ends = np.maximum.accumulate(
        np.maximum(np.rint(n * np.cumsum(at_venue / at_venue.sum())), np.arange(1, n_venues + 1))
    )
    venue = np.searchsorted(np.minimum(ends, n - np.arange(n_venues)[::-1]), np.arange(n), side="right")
    generator = stream(seed, "generate", "basis")
    size = np.exp(settings["institution_size_sd"] * generator.standard_normal((n, 1)))
    weight = (size * np.exp(0.2 * generator.standard_normal((n, n_assets)))).ravel()
    account = np.repeat(np.arange(n), n_assets)
    market = venue[account] * n_assets + np.tile(np.arange(n_assets), n)
    limit = CAP_USE * layout.caps[market]
    each = totals[market] / np.bincount(venue, minlength=n_venues)[venue[account]]
    behind = np.ceil(each / (0.5 * limit)).reshape(n, n_assets).max(axis=1)
    count = np.maximum(behind, 1).astype(np.int64)
    amount = fill_groups(market, weight, limit * count[account], totals)
    leverage = np.full(n, settings["basis_leverage"])
    return Holders(venue, count, leverage, account, market, np.full(len(account), -1), amount)
