"""Who are the speculators: where do they trade, on which side, how large, with how many positions?

The population of account sizes is log-normal. Rows of the table are a sample of it that leans to large accounts
(its mean is moved by `size_tilt` standard deviations); `count` is the inverse of the sampling rate, so that small
accounts stand together in one row and every large one has its own. The market is thus the same with few rows and many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.generate.layout import Layout
from contagion.generate.sampling import tilted_sample
from contagion.streams import stream

__all__ = ["Traders", "draw_traders"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Traders:
    """Speculative accounts before money is placed.

    Parameters
    ----------
    venue, count : numpy.ndarray of int64, shape (n_accounts,)
        Venue and number of identical accounts behind the row.
    isolated : numpy.ndarray of bool, shape (n_accounts,)
        Isolated accounts have one position.
    size : numpy.ndarray, shape (n_accounts,)
        Relative size of one account behind the row.
    leverage_score : numpy.ndarray, shape (n_accounts,)
        Standard normal draw behind the leverage of the row.
    cash_ratio : numpy.ndarray, shape (n_accounts,)
        Free cash over equity.
    account, asset, side : numpy.ndarray of int64, shape (n_legs,)
        Positions: account row, asset, +1 long or -1 short.
    part : numpy.ndarray, shape (n_legs,)
        Share of the account's size.
    entry_score : numpy.ndarray, shape (n_legs,)
        Standard normal draw behind the entry price.
    """

    venue: Integers
    count: Integers
    isolated: npt.NDArray[np.bool_]
    size: Floats
    leverage_score: Floats
    cash_ratio: Floats
    account: Integers
    asset: Integers
    side: Integers
    part: Floats
    entry_score: Floats


def draw_traders(layout: Layout, n: int, settings: Mapping[str, float], seed: int) -> Traders:
    """Draw speculative accounts.

    The first rows cover every market once long and once short, so that no market is left without a side.

    Parameters
    ----------
    layout : Layout
    n : int
        Rows; at least twice the number of perpetual markets.
    settings : mapping of str to float
        As of `read_assumptions`.
    seed : int

    Returns
    -------
    Traders
    """
    n_venues, n_assets = layout.open_interest.shape
    venue = stream(seed, "generate", "venue").choice(n_venues, n, p=_shares(layout.open_interest.sum(axis=1)))
    first_side = np.where(stream(seed, "generate", "side").random(n) < settings["speculators_long"], 1, -1)
    cover = np.arange(2 * n_venues * n_assets)
    venue[cover] = cover // n_assets % n_venues
    first_side[cover] = np.where(cover < n_venues * n_assets, 1, -1)
    isolated = stream(seed, "generate", "mode").random(n) >= settings["cross_share"]
    account, asset, rank = _legs(layout, isolated, settings, seed)
    same = stream(seed, "generate", "same_side").random(len(account)) < settings["same_side"]
    part = stream(seed, "generate", "part").standard_exponential(len(account)) + 0.1
    size, count = _sizes(n, settings, seed)
    return Traders(
        venue=venue.astype(np.int64),
        count=count,
        isolated=isolated,
        size=size,
        leverage_score=stream(seed, "generate", "leverage").standard_normal(n),
        cash_ratio=_cash_ratio(n, settings, seed),
        account=account,
        asset=asset,
        side=first_side[account] * np.where((rank == 0) | same, 1, -1),
        part=part / np.bincount(account, part, n)[account],
        entry_score=stream(seed, "generate", "entry").standard_normal(len(account)),
    )


def _sizes(n: int, settings: Mapping[str, float], seed: int) -> tuple[Floats, Integers]:
    """Relative size of one account, and how many accounts each row stands for."""
    draw = stream(seed, "generate", "size").random(n)
    score, count = tilted_sample(draw, settings["population"], settings["size_tilt"])
    return np.exp(settings["size_sd"] * score), count


def _legs(
    layout: Layout, isolated: npt.NDArray[np.bool_], settings: Mapping[str, float], seed: int
) -> tuple[Integers, Integers, Integers]:
    """Account, asset and rank of every position; assets of an account differ."""
    n, n_assets = len(isolated), len(layout.assets)
    share = _shares(layout.open_interest.sum(axis=0))
    score = np.log(share) + stream(seed, "generate", "asset").gumbel(size=(n, n_assets))
    cover = np.arange(2 * len(layout.venues) * n_assets)
    score[cover, cover % n_assets] = np.inf
    order = np.argsort(-score, axis=1, kind="stable")
    further = stream(seed, "generate", "legs").geometric(settings["more_legs"], n) - 1
    legs = np.minimum(np.where(isolated, 1, 1 + further), n_assets)
    account, rank = np.nonzero(np.arange(n_assets) < legs[:, None])
    return account.astype(np.int64), order[account, rank].astype(np.int64), rank.astype(np.int64)


def _cash_ratio(n: int, settings: Mapping[str, float], seed: int) -> Floats:
    none = stream(seed, "generate", "no_cash").random(n) < settings["no_free_cash"]
    score = stream(seed, "generate", "cash").standard_normal(n)
    return np.where(none, 0.0, settings["free_cash"] * np.exp(settings["free_cash_sd"] * score))


def _shares(amounts: Floats) -> Floats:
    return np.asarray(amounts / amounts.sum(), dtype=np.float64)
