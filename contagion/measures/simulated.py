"""How likely are accounts with several prices closed before a horizon, by simulated paths?

Log prices are correlated Brownian motions, drawn at equal steps. Between two steps health is taken for a Brownian
bridge: with distances to 0 of ``d_0`` and ``d_1`` in units of its own local volatility it has met 0 in a step of length
``h`` with probability ``exp(-2 d_0 d_1 / h)``. A path counts with the probability that no step met 0: an estimate
with less noise than counting, and without the bias of looking only at the steps.

References
----------
Andersen, Brotherton-Ratcliffe (1996), "Exact exotics"; Glasserman (2004), "Monte Carlo methods in financial
engineering", section 6.4, for the bridge between the steps of a simulated barrier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from contagion.measures.books import Book, Floats, Integers
from contagion.measures.moments import lower_factor
from contagion.streams import stream

SAFE = 5.0
"""An account that stands every combination of moves up to so many standard deviations is not simulated."""
REACH = 8.0
CELLS = 100_000


@dataclass(frozen=True)
class Exposures:
    """What accounts hold in prices that move, one row per account and price line.

    Parameters
    ----------
    account, asset : ndarray, shape (n_exposures,)
        Account and place of the price in the covariance.
    quantity, price : ndarray, shape (n_exposures,)
        Signed quantity and price now.
    rates, amounts : ndarray, shape (n_lines, n_exposures)
        Tier lines; 0 for a balance.
    offset : ndarray, shape (n_exposures,)
        Share of margin that an opposite position in the same price spares, as in `Book`.
    cash : ndarray, shape (n_accounts,)
        Health without these exposures: it does not move.
    """

    account: Integers
    asset: Integers
    quantity: Floats
    price: Floats
    rates: Floats
    amounts: Floats
    offset: Floats
    cash: Floats

    def only(self, kept: NDArray[np.bool_]) -> Exposures:
        """Return some of the exposures, of the same accounts."""
        return replace(
            self,
            account=self.account[kept],
            asset=self.asset[kept],
            quantity=self.quantity[kept],
            price=self.price[kept],
            rates=self.rates[:, kept],
            amounts=self.amounts[:, kept],
            offset=self.offset[kept],
        )

    def worst_health(self, reach: Floats) -> Floats:
        """Return the lowest health ``(n_accounts,)`` when each log price moves by at most ``reach`` (n_assets,)."""
        away = np.exp(reach[self.asset])
        values = []
        for ratio in (1.0 / away, away):
            prices = self.price * ratio
            required = requirement(np.abs(self.quantity) * prices, self.rates, self.amounts)[0]
            values.append(self.quantity * prices - required)
        return self.cash + np.bincount(self.account, np.minimum(*values), len(self.cash))


def requirement(notional: Floats, rates: Floats, amounts: Floats) -> tuple[Floats, Floats]:
    """Return maintenance margin and the rate in force, shape of `notional`; lines ``(n_lines, ...)`` broadcast.

    The first line must be in force at the smallest notional: it is the tier from 0, or the lowest in reach.
    """
    if not len(rates):
        return np.zeros_like(notional), np.zeros_like(notional)
    best, rate = rates[0] * notional - amounts[0], np.broadcast_to(rates[0], notional.shape)
    for line_rate, line_amount in zip(rates[1:], amounts[1:], strict=True):
        value = line_rate * notional - line_amount
        higher = value > best
        best, rate = np.where(higher, value, best), np.where(higher, line_rate, rate)
    return best, rate


def exposures(legs: Book, leg_asset: Integers, coin_asset: Integers) -> Exposures:
    """Return the exposures of a book; an asset of -1 does not move.

    Parameters
    ----------
    legs : Book
        The accounts.
    leg_asset, coin_asset : ndarray
        Place of the asset of each leg and each moved balance in the covariance.
    """
    size = len(legs.cash)
    required, _ = legs.requirement(legs.price)
    still = leg_asset < 0
    fixed = np.where(still, legs.quantity * legs.price - required, 0.0)
    cash = legs.cash - np.bincount(legs.coin_account, legs.coin_value, size)
    moving, lines = ~still, np.zeros((len(legs.rates), len(coin_asset)))
    return Exposures(
        account=np.concatenate([legs.account[moving], legs.coin_account]),
        asset=np.concatenate([leg_asset[moving], coin_asset]),
        quantity=np.concatenate([legs.quantity[moving], legs.coin_value]),
        price=np.concatenate([legs.price[moving], np.ones(len(coin_asset))]),
        rates=np.concatenate([legs.rates[:, moving], lines], axis=1),
        amounts=np.concatenate([legs.amounts[:, moving], lines], axis=1),
        offset=np.concatenate([legs.offset[moving], np.zeros(len(coin_asset))]),
        cash=cash + np.bincount(legs.account, fixed, size),
    )


def price_paths(names: Sequence[str], covariance: Floats, n: int, steps: int, seed: int) -> Floats:
    """Return driftless log returns at every step of unit total variance scale, ``(steps + 1, n, n_assets)``.

    Each asset has its own stream, so that the first paths stay the same when `n` grows.
    """
    own = np.stack(
        [stream(seed, "probability_of_liquidation", name).standard_normal((n, steps)) for name in names],
        axis=2,
    )
    moves = np.einsum("pta,ba->tpb", own, lower_factor(covariance) / np.sqrt(steps))
    return np.concatenate([np.zeros((1, n, len(names))), np.cumsum(moves, axis=0)])


def simulated_probabilities(
    held: Exposures, covariance: Floats, paths: Floats, *, passage: str
) -> tuple[Floats, Floats]:
    """Return the probability that each account is closed and its standard error, each ``(n_accounts,)``.

    Parameters
    ----------
    held : Exposures
        The accounts.
    covariance : ndarray, shape (n_assets, n_assets)
        Of the log returns over the whole horizon.
    paths : ndarray, shape (steps + 1, n, n_assets)
        Log returns since the start.
    passage : {"first", "end"}
        Closed at any time, or below its requirement at the end.
    """
    size = len(held.cash)
    probability, error = (held.cash < 0.0).astype(np.float64), np.zeros(size)
    ratios = np.exp(paths)
    reach = REACH * np.sqrt(np.diag(covariance)) + np.abs(paths.mean(axis=1)).max(axis=0)
    for places, rows in _groups(held, paths.shape[1]):
        closed = _closed(held, places, rows, ratios, covariance, reach, passage)
        probability[places] = closed.mean(axis=0)
        error[places] = closed.std(axis=0) / np.sqrt(len(closed))
    return probability, error


def _groups(held: Exposures, n: int) -> Iterator[tuple[Integers, Integers]]:
    """Yield accounts with the same number of exposures, as many as fit the memory, and their rows."""
    order = np.argsort(held.account, kind="stable")
    number = np.bincount(held.account, minlength=len(held.cash))
    first = np.cumsum(number) - number
    notional = np.bincount(held.account, np.abs(held.quantity) * held.price, len(held.cash))
    for width in np.unique(number[number > 0]):
        places = np.flatnonzero(number == width)
        places = places[
            np.argsort(notional[places], kind="stable")
        ]  # alike in size: few tier lines at a time
        block = max(1, CELLS // (n * int(width)))
        for start in range(0, len(places), block):
            chosen = places[start : start + block]
            yield chosen, order[first[chosen][:, None] + np.arange(width)]


def _closed(
    held: Exposures,
    places: Integers,
    rows: Integers,
    ratios: Floats,
    covariance: Floats,
    reach: Floats,
    passage: str,
) -> Floats:
    """Return the probability of being closed of each path and account, ``(n, n_places)``."""
    asset, money = held.asset[rows], held.quantity[rows] * held.price[rows]
    lines, offset = _lines_in_reach(held, rows, reach), held.offset[rows]
    step, width = 1.0 / (len(ratios) - 1), rows.shape[1]

    def state(at: int) -> tuple[Floats, Floats]:
        values = [money[:, k] * ratios[at][:, asset[:, k]] for k in range(width)]
        needs = [requirement(np.abs(value), *lines[k]) for k, value in enumerate(values)]
        if offset.any():
            needs = _spared(needs, asset, money > 0.0, offset)
        health, variance = held.cash[places], np.zeros((1, 1))
        own = [value - rate * np.abs(value) for value, (_, rate) in zip(values, needs, strict=True)]
        for k in range(width):
            health = health + (values[k] - needs[k][0])
            for other in range(k + 1):
                twice = 1.0 if other == k else 2.0
                variance = variance + own[k] * own[other] * (twice * covariance[asset[:, k], asset[:, other]])
        return health, np.sqrt(np.maximum(variance, 0.0))

    if passage == "end":
        return (state(len(ratios) - 1)[0] < 0.0).astype(np.float64)
    health, spread = state(0)
    alive = np.where(health >= 0.0, 1.0, 0.0)
    for at in range(1, len(ratios)):
        health_now, spread_now = state(at)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            between = np.exp(-2.0 * health * health_now / (spread * spread_now * step))
        met = np.where((spread * spread_now) > 0.0, between, 0.0)
        alive *= np.where((health >= 0.0) & (health_now >= 0.0), 1.0 - met, 0.0)
        health, spread = health_now, spread_now
    return 1.0 - alive


def _spared(
    needs: list[tuple[Floats, Floats]], asset: Integers, long: NDArray[np.bool_], offset: Floats
) -> list[tuple[Floats, Floats]]:
    """Return margins and rates with those of the smaller side of opposite positions in one price cut by the offset."""
    found = []
    for k, (margin, rate) in enumerate(needs):
        same, other = np.zeros_like(margin), np.zeros_like(margin)
        for j, (beside, _) in enumerate(needs):
            here = asset[:, j] == asset[:, k]
            same = same + np.where(here & (long[:, j] == long[:, k]), beside, 0.0)
            other = other + np.where(here & (long[:, j] != long[:, k]), beside, 0.0)
        smaller = np.where(long[:, k], same <= other, same < other)
        kept = np.where(smaller, 1.0 - offset[:, k], 1.0)
        found.append((margin * kept, rate * kept))
    return found


def _lines_in_reach(held: Exposures, rows: Integers, reach: Floats) -> list[tuple[Floats, Floats]]:
    """Return, of each column of `rows`, the tier lines ``(n_used, n_places)`` that may be in force on some path."""
    found = []
    for column in rows.T:
        rates, amounts = held.rates[:, column], held.amounts[:, column]
        if len(rates):
            notional, away = (
                np.abs(held.quantity[column]) * held.price[column],
                np.exp(reach[held.asset[column]]),
            )
            lowest = (rates * (notional / away) - amounts).argmax(axis=0)
            highest = (rates * (notional * away) - amounts).argmax(axis=0)
            inside = slice(int(lowest.min()), int(highest.max()) + 1)
            rates, amounts = rates[inside], amounts[inside]
        found.append((rates, amounts))
    return found
