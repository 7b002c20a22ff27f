"""How likely is each account closed by force before a horizon, if nobody tops up and prices have no trend?

References
----------
`contagion.measures.passage` for accounts that depend on one price, `contagion.measures.simulated` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import real, word
from contagion.errors import SchemaError, ValueRangeError, shown
from contagion.measures.books import Book, Floats, Integers, book, closing_moves
from contagion.measures.moments import SECONDS_PER_DAY, covariance_of
from contagion.measures.passage import DRIFTS, PASSAGES, exit_probability
from contagion.measures.scanned import note_scanned, scanned_accounts
from contagion.measures.simulated import SAFE, Exposures, exposures, price_paths, simulated_probabilities
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.network.network import Network

METHODS = ("auto", "analytic", "simulation")


def probability_of_liquidation(
    net: Network,
    horizon: float,
    *,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
    method: str = "auto",
    passage: str = "first",
    drift: str = "log",
    n: int = 2_048,
    steps: int = 16,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the probability that each account is closed within a horizon, if nobody tops up.

    Log prices are Brownian motions without trend. An account that depends on one price alone is closed below one
    price and above another, and the chance of meeting them has a closed form. Others are simulated, with Brownian
    bridges between the steps. No sale moves a price.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    horizon : float
        Seconds, more than 0.
    volatility, correlation, covariance
        As for `contagion.measures.covariance_of`: of daily log returns; default the network's volatilities and
        correlations of 0.8 (an assumption).
    method : {"auto", "analytic", "simulation"}
        "auto" simulates only accounts without a closed form; "analytic" refuses them; "simulation" simulates all.
    passage : {"first", "end"}
        Whether an account is closed at any time up to the horizon, or below its requirement at the horizon.
    drift : {"log", "price"}
        What has no trend: the logarithm of every price, or every price itself.
    n : int
        Paths, at least 2.
    steps : int
        Steps of a path, at least 1.
    seed : int
        Root seed; every asset has its own stream.

    Returns
    -------
    DataFrame
        Indexed by account: probability (0 to 1), standard_error (0 where it is exact), assets (prices that it depends
        on), method: "analytic", "simulation", "bound" (it stands any combination of moves of five standard deviations,
        shown as 0: less than 1e-6 per price) or "none" (no price matters).

    Raises
    ------
    SchemaError
        A word is unknown, a count is no integer, the volatility of an asset that is held is missing, or
        ``method="analytic"`` meets an account that depends on several prices.
    ValueRangeError
        A number is out of range.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.datasets.load("perp-venues")
    >>> chances = probability_of_liquidation(net, 86_400.0, n=256)["probability"]
    >>> bool(((chances >= 0.0) & (chances <= 1.0)).all())
    True
    """
    word(method, "method", METHODS), word(passage, "passage", PASSAGES), word(drift, "drift", DRIFTS)
    days = real(horizon, "horizon", above=0.0) / SECONDS_PER_DAY
    count(n, "n", 2), count(steps, "steps", 1), check_seed(seed)
    names = held_assets(net)
    daily = covariance_of(net, names, volatility=volatility, correlation=correlation, covariance=covariance)
    moving = np.diag(daily) > 0.0
    names = [name for name, moves in zip(names, moving, strict=True) if moves]
    daily = daily[np.ix_(moving, moving)]
    accounts = net.accounts.index
    table = pd.DataFrame(
        {"probability": 0.0, "standard_error": 0.0, "assets": 0, "method": "none"}, index=accounts
    )
    scanned = scanned_accounts(net)
    if not names:
        legs = book(net)
        table["probability"] = (legs.health(np.zeros(len(accounts)))[0] < 0.0).astype(np.float64)
        return _without(net, table, scanned)
    legs = book(net, dict.fromkeys(names, 1.0))
    held = exposures(legs, *asset_places(net, legs, names))
    number, single = _prices_of(held, len(names))
    several = number > (0 if method == "simulation" else 1)
    if method == "analytic" and several.any():
        where = shown(str(accounts[int(np.flatnonzero(several)[0])]))
        raise SchemaError(
            f"depends on several prices, and {int(several.sum()) - 1:,} more do",
            where=f"method='analytic', account {where}",
            remedy="take method='auto'",
        )
    table["assets"] = number
    exact = _analytic(legs, np.sqrt(np.diag(daily))[single], days, passage, drift)
    table["probability"] = np.where(number > 0, exact, (held.cash < 0.0).astype(np.float64))
    table["method"] = np.where(number > 0, "analytic", "none")
    if several.any():
        _simulate(table, held, np.flatnonzero(several), names, daily * days, passage, drift, n, steps, seed)
    return _without(net, table, scanned)


def _without(net: Network, table: pd.DataFrame, scanned: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Say nothing of accounts whose margin is scanned: their positions need not be linear in prices."""
    if scanned.any():
        table.loc[scanned, ["probability", "standard_error"]] = np.nan
        table.loc[scanned, "method"] = "left out: margin by scan"
    return note_scanned(net, table)


def held_assets(net: Network) -> list[str]:
    """Return the assets other than the unit that margin accounts hold or have positions in, sorted."""
    held = net.positions.loc[net.positions["quantity"] != 0.0, "market"]
    balances = net.balances.loc[net.balances["quantity"] != 0.0, "asset"]
    found = set(net.markets["asset"].reindex(held.unique())) | set(balances)
    return sorted(found - {net.unit})


def asset_places(net: Network, legs: Book, names: list[str]) -> tuple[Integers, Integers]:
    """Return the place in `names` of the asset of each leg and of each moved balance; -1 where it is not there."""
    index = pd.Index(names)
    leg = index.get_indexer(pd.Index(net.markets["asset"].to_numpy()[legs.market])).astype(np.int64)
    coins = index.get_indexer(pd.Index(net.balances["asset"])).astype(np.int64)
    return leg, coins[coins >= 0]


def count(value: object, where: str, low: int) -> int:
    """Return a whole number of at least `low`, or refuse it."""
    allowed = f"a whole number from {low}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise SchemaError("is no integer", where=where, value=value, allowed=allowed)
    if value < low:
        raise ValueRangeError("is too small", where=where, value=value, allowed=allowed)
    return int(value)


def _prices_of(held: Exposures, n_assets: int) -> tuple[Integers, Integers]:
    """Return of how many prices each account depends, and one of them, each ``(n_accounts,)``."""
    real_ones = held.quantity != 0.0
    pairs = np.unique(held.account[real_ones] * n_assets + held.asset[real_ones])
    single = np.zeros(len(held.cash), dtype=np.int64)
    single[pairs // n_assets] = pairs % n_assets
    return np.bincount(pairs // n_assets, minlength=len(held.cash)), single


def _analytic(legs: Book, sigma: Floats, days: float, passage: str, drift: str) -> Floats:
    """Return the probability of each account as if all its prices were one."""
    fall, rise = closing_moves(legs, legs.lowest), closing_moves(legs, legs.highest)
    lower = np.where(np.isnan(fall), 0.0, 1.0 + fall)
    upper = np.where(np.isnan(rise), np.inf, 1.0 + rise)
    return exit_probability(lower, upper, sigma, days, passage=passage, drift=drift)


def _simulate(
    table: pd.DataFrame,
    held: Exposures,
    places: Integers,
    names: list[str],
    covariance: Floats,
    passage: str,
    drift: str,
    n: int,
    steps: int,
    seed: int,
) -> None:
    """Fill in the rows of accounts that are simulated."""
    variance = np.diag(covariance)
    trend = -0.5 * variance if drift == "price" else np.zeros_like(variance)
    safe = held.worst_health(SAFE * np.sqrt(variance) - trend) >= 0.0
    at_risk = places[~safe[places]]
    chance, error = np.zeros(len(held.cash)), np.zeros(len(held.cash))
    if len(at_risk):
        paths = price_paths(names, covariance, n, steps, seed)
        paths += trend * np.linspace(0.0, 1.0, steps + 1)[:, None, None]
        chosen = np.isin(held.account, at_risk)
        some = held.only(chosen)
        chance, error = simulated_probabilities(some, covariance, paths, passage=passage)
    column = table["method"].to_numpy(dtype=object, copy=True)
    column[places] = np.where(safe[places], "bound", "simulation")
    table["method"] = column
    for name, values in (("probability", chance), ("standard_error", error)):
        filled = table[name].to_numpy(np.float64, copy=True)
        filled[places] = np.where(safe[places], 0.0, values[places])
        table[name] = filled
