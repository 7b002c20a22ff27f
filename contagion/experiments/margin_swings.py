"""How far does the margin of each policy set swing along a path of prices, and would it have covered the moves?

The rate of an asset is the maintenance margin that its markets ask for, over the money in positions, both of the book
under the set's opening rules; a dynamic margin then moves it with the prices. A rate that never moves has a ratio of 1
and no rise: what it lacks shows in the breaches.

References
----------
Murphy, Vasios, Vause (2014) and Kupiec (1995), as in `contagion.measures.swings`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.swings import procyclicality
from contagion.network.asked import margin_by_market
from contagion.network.interest import notionals, open_interest, resting_money
from contagion.network.reserved import rest_of_market
from contagion.policies import (
    ConcentrationAddOn,
    DynamicMargin,
    MarginMultiplier,
    OpenInterestMargin,
    Policy,
    TieredMargin,
)
from contagion.policies.breakers import market_mask
from contagion.policies.paths import margin_path

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.network.network import Network

__all__ = ["MARGIN_POLICIES", "margin_sets", "margin_swings"]

Floats = npt.NDArray[np.float64]

NONE = "none"
MARGIN_POLICIES = (ConcentrationAddOn, DynamicMargin, MarginMultiplier, OpenInterestMargin, TieredMargin)
"""Policies that change margin rates."""
COLUMNS = (
    "policy",
    "asset",
    "mean",
    "peak",
    "trough",
    "peak_to_trough",
    "rise_1_day",
    "rise_5_day",
    "breaches",
    "n",
    "expected",
    "p_value",
    "note",
)


def margin_sets(cmp: Comparison) -> list[str]:
    """Return the sets of a study that change margin rates, in its order.

    Parameters
    ----------
    cmp : Comparison
        The study.
    """
    return [name for name, policies in cmp.policies.items() if any(map(_is_margin, policies))]


def margin_swings(
    cmp: Comparison, prices: pd.DataFrame | pd.Series | None = None, *, level: float = 0.99
) -> pd.DataFrame:
    """Compare how procyclical the margins of a study's policy sets are, and how often prices outran them.

    Parameters
    ----------
    cmp : Comparison
        The study: rows for "none" and for every set with a policy that changes margin rates.
    prices : pandas.DataFrame or pandas.Series, optional
        Prices above 0, a column per asset of the network (a Series is named after its asset), index seconds or
        datetimes, rising. Without them the outside prices of the study's bad scenario.
    level : float, default 0.99
        Coverage that the margins promise for the move from one price to the next, strictly between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        A row per set and asset with positions: policy, asset; mean, peak and trough of the rate (share of the money
        in positions); peak_to_trough; rise_1_day, rise_5_day (largest, share of the rate before it); breaches (moves
        to the next price, in either direction, above the rate), n (moves), expected (breaches promised), p_value
        (Kupiec; NaN where there is no move); note. Empty where no set changes margins.

    Raises
    ------
    SchemaError, ValueRangeError
        If prices are no table of prices, name no asset of the network, or `level` is out of range.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> sets = {"dynamic": [ct.DynamicMargin(window=86_400.0, cap=3.0, calm=0.02)]}
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.1}), ct.Cascade(step=60.0), sets)
    >>> days = pd.DataFrame({"BTC": [100.0, 98.0, 92.0, 90.0]}, index=pd.date_range("2024-08-03", periods=4))
    >>> table = ct.margin_swings(cmp, days)
    >>> table[["policy", "asset", "peak_to_trough", "breaches", "n"]].round(2).to_numpy().tolist()
    [['none', 'BTC', 1.0, 3, 3], ['dynamic', 'BTC', 3.0, 2, 3]]
    """
    if not 0.0 < level < 1.0:
        raise ValueRangeError("is out of range", where="level", value=level, allowed="between 0 and 1")
    names = margin_sets(cmp)
    if not names:
        return pd.DataFrame(columns=list(COLUMNS))
    net, path = _prices_of(cmp) if prices is None else (cmp.networks[0], _checked(cmp.networks[0], prices))
    rows = []
    for name in [NONE, *names]:
        rates, note = _rates(net, cmp.policies[name], path)
        for asset, rate in rates.items():
            rows.append((name, asset, *_measured(rate, path[asset], level), note))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _is_margin(policy: Policy) -> bool:
    return isinstance(policy, MARGIN_POLICIES)


def _measured(rate: Floats, prices: pd.Series, level: float) -> tuple[float | int, ...]:
    """Mean, peak, trough, ratio, rises, breaches, moves, promised breaches and probability of one rate."""
    values = prices.to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # prices that are none are refused below
        moves = np.append(np.abs(values[1:] / values[:-1] - 1.0), np.nan)
    losses = moves if len(values) > 1 else None
    found = procyclicality(rate, prices.index.to_numpy(), losses=losses, level=level)
    swing = (found.peak, found.trough, found.peak_to_trough, found.rise_1_day, found.rise_5_day)
    test = found.test
    tested = (0, 0, 0.0, math.nan) if test is None else (test.breaches, test.n, test.expected, test.p_value)
    return float(rate.mean()), *swing, *tested


def _rates(net: Network, policies: Sequence[Policy], prices: pd.DataFrame) -> tuple[dict[str, Floats], str]:
    """Margin rate of every asset with positions and prices, shape (n_times,), and a remark."""
    for policy in policies:
        net = policy.opening(net)
    account = net.codes("positions", "account")
    size = notionals(net) * net.accounts["count"].to_numpy(float)[account]
    size = size * ~rest_of_market(net.accounts.index)[account]
    held = np.bincount(net.codes("positions", "market"), size, len(net.markets))
    margin, times = margin_by_market(net), _multipliers(net, policies, prices)
    rates = {}
    for asset in prices.columns:
        chosen = (net.markets["asset"] == asset).to_numpy() & (held > 0.0)
        if chosen.any() and margin[chosen].sum() > 0.0:
            rates[str(asset)] = times[:, chosen] @ margin[chosen] / held[chosen].sum()
    windows = [policy.window for policy in policies if isinstance(policy, DynamicMargin)]
    step = _step(prices)
    short = [f"{window:g} s" for window in windows if window < step]
    note = (
        f"window of {', '.join(short)} below the step of the prices, {step:g} s: the floor holds"
        if short
        else ""
    )
    return rates, note


def _multipliers(net: Network, policies: Sequence[Policy], prices: pd.DataFrame) -> Floats:
    """Multiplier of every market's rates at every time, shape (n_times, n_markets)."""
    found = np.ones((len(prices), len(net.markets)))
    markets = [str(name) for name in net.markets.index]
    interest, resting = open_interest(net), resting_money(net)
    for policy in policies:
        if not isinstance(policy, DynamicMargin | OpenInterestMargin):
            continue
        covered = market_mask(policy, policy.markets, markets)
        for m, (market, asset) in enumerate(zip(markets, net.markets["asset"], strict=True)):
            if not covered[m] or asset not in prices.columns:
                continue
            if isinstance(policy, OpenInterestMargin):
                found[:, m] *= policy.multiplier(float(interest[m]), policy.unit or float(resting[m]))
            else:
                found[:, m] *= _dynamic(policy, net, market, prices[asset])
    return found


def _dynamic(policy: DynamicMargin, net: Network, market: str, prices: pd.Series) -> Floats | float:
    """Multiplier of one market; the floor where calm volatility is unknown, as in the cascade."""
    calm = policy.calm
    if calm is None:
        own = float(net.markets.at[market, "volatility"])  # type: ignore[arg-type]
        calm = own if own > 0.0 else float(net.assets.at[prices.name, "volatility"])  # type: ignore[arg-type]
    if not calm > 0.0:
        return policy.floor
    path = margin_path(policy, prices.to_frame(), calm)
    return np.asarray(path.iloc[:, 0], dtype=np.float64)


def _step(prices: pd.DataFrame) -> float:
    """Median seconds from one price to the next; 0 for a single one."""
    if len(prices) < 2:
        return 0.0
    gaps = np.diff(prices.index.to_numpy())
    seconds = gaps / np.timedelta64(1, "s") if np.issubdtype(gaps.dtype, np.timedelta64) else gaps
    return float(np.median(seconds.astype(np.float64)))


def _prices_of(cmp: Comparison) -> tuple[Network, pd.DataFrame]:
    """Network and outside prices of the study's bad scenario."""
    scenario = cmp.representative("bad")
    net, run = cmp.networks[scenario % len(cmp.networks)], cmp.rerun(NONE, scenario)
    wide = run.paths.pivot(index="time", columns="market", values="outside")
    first = net.markets["asset"].drop_duplicates()
    return net, wide[list(first.index)].set_axis([str(asset) for asset in first], axis=1)


def _checked(net: Network, prices: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Prices as a table, each column an asset of the network."""
    frame = prices.to_frame() if isinstance(prices, pd.Series) else prices
    if not isinstance(frame, pd.DataFrame) or not len(frame):
        raise SchemaError("is no table of prices", where="prices", value=prices)
    known = [str(name) for name in net.assets.index]
    for column in frame.columns:
        if column not in known:
            raise ValueRangeError(
                f"is no asset of the network{nearest(str(column), known)}",
                where="a column of prices",
                value=str(column),
                allowed=", ".join(known),
            )
    return frame
