"""How near is a market to a cascade that feeds itself, before anything has happened?

Read from a network's tables: leverage, what waits at each price level, and how far a sale moves the price.

References
----------
A uniform density ρ of liquidations per unit of price and a linear impact κ turn a shock s into a fall of
s / (1 − κρ), which diverges at κρ = 1. The reflection principle of Brownian motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.books import Book, Floats, book, directions
from contagion.measures.feedback import cascade_slopes
from contagion.measures.liquidation import liquidation_moves
from contagion.measures.scanned import note_scanned, scanned_accounts

if TYPE_CHECKING:
    from contagion.network.network import Network

SECONDS_PER_DAY = 86_400.0
LEVERAGES = (3.0, 5.0, 10.0, 20.0)
_GROUPS = ("", "venue", "asset")


@dataclass(frozen=True)
class Divergence:
    """Where the static cascade starts to feed itself.

    Parameters
    ----------
    shock : float
        Smallest outside move that leads there, a signed fraction; NaN if none within the range does.
    level : float
        The level reached by then: outside move and the impact of the forced orders on the way.
    market : str
        The market whose own orders feed it most at that level; empty if there is none.
    peak_slope, peak_level : float
        Largest slope within the range, and its level.
    """

    shock: float
    level: float
    market: str
    peak_slope: float
    peak_level: float


def open_interest_above(
    net: Network, leverages: Sequence[float] = LEVERAGES, *, by: str = ""
) -> pd.DataFrame:
    """Return the share of open interest that accounts above each leverage hold.

    Leverage is gross notional over equity at the opening prices; an account without equity is above all.
    Both sides of every contract count, the rest of the market included.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    leverages : sequence of float
        The thresholds.
    by : str
        ``""`` for one column, ``share``; ``"venue"`` or ``"asset"`` for one column each.

    Raises
    ------
    SchemaError
        `by` is another word.
    """
    if by not in _GROUPS:
        raise SchemaError(
            f"is no group{nearest(by, _GROUPS)}", where="by", value=by, allowed="'', venue, asset"
        )
    legs = book(net)
    notional = np.abs(legs.quantity) * legs.count * legs.price
    leverage = account_leverage(legs)[legs.account]
    label = net.markets[by].to_numpy()[legs.market] if by else np.full(len(notional), "share")
    held = pd.Series(notional).groupby(label).sum()
    held = held if by else held.reindex(["share"])  # not known where every account is left out
    shares = {
        step: pd.Series(np.where(leverage > step, notional, 0.0)).groupby(label).sum() / held
        for step in leverages
    }
    frame = pd.DataFrame.from_dict(shares, orient="index", columns=held.index)
    return note_scanned(net, frame.rename_axis(index="leverage", columns=None))


def account_leverage(legs: Book) -> Floats:
    """Return gross notional over equity of each account, ``(n_accounts,)``; infinite without equity."""
    size = len(legs.cash)
    gross = np.bincount(legs.account, np.abs(legs.quantity) * legs.price, size)
    equity = legs.cash + np.bincount(legs.account, legs.quantity * legs.price, size)
    empty = np.where(gross > 0.0, np.inf, 0.0)
    return np.where(equity > 0.0, gross / np.where(equity > 0.0, equity, 1.0), empty)


def liquidation_probability(
    net: Network, horizon: float, direction: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the probability that each account is closed within a horizon, if nobody tops up.

    The common move is a driftless Brownian motion of the log price; by reflection its lowest value over time
    T passes a level at log distance b with probability ``2 Φ(−b / (σ √T))``. σ is the mean volatility of the
    account's assets, positions and coins held or owed that move, weighted by money (collateral as it counts). A loan is
    closed when its health factor is below 1. With one asset this is exact; with several it is an approximation, which
    takes them to move together (`probability_of_liquidation` does not).

    Parameters
    ----------
    net : Network
        A network with margin accounts or loans, and volatilities of assets.
    horizon : float
        Seconds.
    direction : mapping of str to float, optional
        Relative move of each asset when the common move is 1; default 1 for all but currencies.

    Returns
    -------
    DataFrame
        Indexed by account: fall and rise; 0 where no move closes it, NaN where a volatility is missing.

    Raises
    ------
    ValueRangeError
        The horizon is not positive.
    """
    from scipy.special import ndtr

    if not (np.isfinite(horizon) and horizon > 0.0):
        raise ValueRangeError("is no horizon", where="horizon", value=horizon, allowed="seconds, more than 0")
    legs, moves = book(net, direction), liquidation_moves(net, direction)
    spread = _mean_volatility(net, legs, direction) * np.sqrt(horizon / SECONDS_PER_DAY)
    for side in ("fall", "rise"):
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.abs(np.log1p(moves[side].to_numpy(np.float64))) / spread
        reach = np.where(moves[side] == 0.0, 0.0, np.where(moves[side].isna(), np.inf, reach))
        moves[side] = 2.0 * ndtr(-reach)
    moves.loc[scanned_accounts(net), ["fall", "rise"]] = np.nan
    return note_scanned(net, pd.DataFrame(moves[["fall", "rise"]]))


def _mean_volatility(net: Network, legs: Book, direction: Mapping[str, float] | None) -> Floats:
    """Return the volatility of each account's positions and moving coins, weighted by money, ``(n_accounts,)``."""
    coins = net.balances["asset"].to_numpy()
    moving = np.asarray(directions(net, direction).reindex(coins), dtype=np.float64) != 0.0
    asset = np.concatenate([net.markets["asset"].to_numpy()[legs.market], coins[moving]])
    account = np.concatenate([legs.account, legs.coin_account])
    money = np.concatenate([np.abs(legs.quantity) * legs.price, np.abs(legs.coin_value)])
    held = money > 0.0
    sigma = np.asarray(net.assets["volatility"].reindex(asset), dtype=np.float64)[held]
    size = len(legs.cash)
    total = np.bincount(account[held], money[held], size)
    return np.asarray(
        np.bincount(account[held], money[held] * sigma, size) / np.where(total > 0.0, total, 1.0)
    )


def distance_to_divergence(
    net: Network,
    direction: Mapping[str, float] | None = None,
    *,
    width: float = 0.01,
    furthest: float = -0.6,
) -> Divergence:
    """Return the smallest move at which the static cascade's slope reaches 1, without a run.

    Parameters
    ----------
    net, direction, width, furthest
        As for `cascade_slopes`.
    """
    slopes = cascade_slopes(net, direction, width=width, furthest=furthest)
    levels = slopes.index.to_numpy(np.float64)
    peak = float(levels[int(slopes["slope"].to_numpy().argmax())])
    over = np.flatnonzero(slopes["slope"].to_numpy() >= 1.0)
    if not len(over):
        return Divergence(float("nan"), float("nan"), "", float(slopes["slope"].max()), peak)
    first = slopes.iloc[over[0]]
    level = float(levels[over[0]])
    return Divergence(float(first["shock"]), level, str(first["market"]), float(slopes["slope"].max()), peak)
