"""What could accounts, insurance funds and the whole system lose in one move of prices, before any run?

Everything is revalued at once: nobody tops up, nothing is closed on the way and no sale moves a price. Deficits are
therefore those of a gap: what is owed beyond the margin when the first sale comes too late. The contagion that a
run adds is not in here.

References
----------
The estimators and intervals are those of `contagion.measures.tail_table`, with its refusals. Clopper, Pearson (1934)
for the interval of a share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, nearest, shown
from contagion.markets.options import black_scholes
from contagion.measures.probability import count
from contagion.measures.returns import Family, Moments, scenario_returns
from contagion.measures.shortfall import check_level, tail_points
from contagion.measures.tails import TAIL_COLUMNS, tail_table
from contagion.network.contracts import Contracts, opening_prices
from contagion.network.reserved import rest_of_market
from contagion.network.settlement import all_settle_in_money

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = npt.NDArray[np.float64]

DAY: Final = 86_400.0
CELLS: Final = 4_000_000
UNNAMED: Final = "no interval: name the accounts"


def account_risk(
    net: Network,
    scenarios: Family | pd.DataFrame | None = None,
    *,
    accounts: Sequence[str] | None = None,
    level: float = 0.95,
    n: int = 2_000,
    seed: int = 0,
    confidence: float = 0.95,
    horizon: float = DAY,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return value at risk and expected shortfall of the equity of accounts.

    Parameters
    ----------
    net : Network
        A network with margin accounts.
    scenarios : family or DataFrame, optional
        `ct.PriceShocks` (only what it does to prices counts), or log returns, one row per scenario and one column per
        asset. Default: normal log returns over `horizon` with the moments below.
    accounts : sequence of str, optional
        Accounts whose numbers get intervals; default all, without intervals.
    level, confidence : float
        Where the tail begins and how sure its intervals are.
    n : int
        Scenarios drawn, at least 1; a frame has its own number.
    seed : int
        Root seed.
    horizon : float
        Seconds over which prices move, where no scenarios are given.
    volatility, correlation, covariance
        Of daily log returns, as for `contagion.measures.covariance_of`, where no scenarios are given.

    Returns
    -------
    DataFrame
        Indexed by account, money of one account of the row: equity (coins at their full value), the columns of
        `tail_table` for its loss (var, var_low, var_high, es, es_low, es_high, k, note), and deficit_probability, the
        share of scenarios in which its equity is negative.

    Raises
    ------
    SchemaError, ValueRangeError
        An account or asset is unknown, a volatility is missing, or a number is of another kind or out of range.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.datasets.load("perp-venues")
    >>> table = account_risk(net, n=200)
    >>> bool((table["es"] >= table["var"]).all())
    True
    """
    check_level(level), check_level(confidence, "confidence"), count(n, "n", 1)
    moments = Moments(horizon, volatility, correlation, covariance)
    names, moves = _scenarios(net, *scenario_returns(net, scenarios, moments, n, seed))
    equity, held = _accounts(net, names)
    index = net.accounts.index
    if accounts is not None:
        chosen = _places(index, accounts)
        losses = _losses(held[chosen], moves)
        table = _tails(losses, [str(index[place]) for place in chosen], level, seed, confidence)
        short = (equity[chosen] - losses < 0.0).mean(axis=0)
        index, equity = index[chosen], equity[chosen]
    else:
        table = pd.DataFrame(np.nan, index=index, columns=list(TAIL_COLUMNS))
        parts = [
            (*_worst(part, level), (equity[rows] - part < 0.0).mean(axis=0))
            for rows, part in _blocks(held, moves)
        ]
        table["es"], table["var"], short = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        table["k"], table["note"] = tail_points(len(moves), level), UNNAMED
    table.index = index
    table.insert(0, "equity", equity)
    table["deficit_probability"] = short
    return table


def fund_risk(
    net: Network,
    scenarios: Family | pd.DataFrame | None = None,
    *,
    level: float = 0.95,
    n: int = 2_000,
    seed: int = 0,
    confidence: float = 0.95,
    horizon: float = DAY,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return value at risk and expected shortfall of the deficits beyond margin at each venue, against its fund.

    Parameters
    ----------
    net, scenarios, level, n, seed, confidence, horizon, volatility, correlation, covariance
        As for `account_risk`.

    Returns
    -------
    DataFrame
        Indexed by venue: fund (money), the columns of `tail_table` for the sum of its accounts' deficits (the rest of
        the market left out), exhausted (share of scenarios in which they exceed the fund) with exhausted_low and
        exhausted_high, and uncovered_mean (mean of what exceeds it, money).

    Raises
    ------
    SchemaError, ValueRangeError
        As for `account_risk`.
    """
    check_level(level), check_level(confidence, "confidence"), count(n, "n", 1)
    moments = Moments(horizon, volatility, correlation, covariance)
    deficits = _deficits(net, *_scenarios(net, *scenario_returns(net, scenarios, moments, n, seed)))
    funds = net.venues["insurance_fund"].to_numpy(np.float64)
    table = _tails(deficits, [str(name) for name in net.venues.index], level, seed, confidence)
    table.index = net.venues.index
    table.insert(0, "fund", funds)
    exceeded = (deficits > funds).sum(axis=0)
    table["exhausted"] = exceeded / len(deficits)
    table["exhausted_low"], table["exhausted_high"] = _share_interval(exceeded, len(deficits), confidence)
    table["uncovered_mean"] = np.maximum(deficits - funds, 0.0).mean(axis=0)
    return table


def system_risk(
    net: Network,
    scenarios: Family | pd.DataFrame | None = None,
    *,
    level: float = 0.95,
    n: int = 2_000,
    seed: int = 0,
    confidence: float = 0.95,
    horizon: float = DAY,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return value at risk and expected shortfall of the whole system.

    Parameters
    ----------
    net, scenarios, level, n, seed, confidence, horizon, volatility, correlation, covariance
        As for `account_risk`.

    Returns
    -------
    DataFrame
        Indexed by measure, with the columns of `tail_table` (money): direct_loss (losses of nodes from their own
        positions and holdings, as in the metric of a run), deficit (beyond margin, over all venues) and uncovered
        (deficits beyond each venue's own fund).

    Raises
    ------
    SchemaError, ValueRangeError
        As for `account_risk`.
    """
    check_level(level), check_level(confidence, "confidence"), count(n, "n", 1)
    moments = Moments(horizon, volatility, correlation, covariance)
    names, moves = _scenarios(net, *scenario_returns(net, scenarios, moments, n, seed))
    deficits = _deficits(net, names, moves)
    beyond = np.maximum(deficits - net.venues["insurance_fund"].to_numpy(np.float64), 0.0).sum(axis=1)
    columns = np.column_stack([_direct_losses(net, names, moves), deficits.sum(axis=1), beyond])
    table = _tails(columns, ["direct_loss", "deficit", "uncovered"], level, seed, confidence)
    return table.rename_axis(index="measure")


def _scenarios(net: Network, names: list[str], returns: Floats) -> tuple[list[str], Floats]:
    """Return the assets, and per scenario their relative moves and the changes of value of a unit of each option.

    Options are valued by the model at the moved price of their asset, their volatility and time as they are; shape
    (n_scenarios, n_assets + n_options).
    """
    terms, places = Contracts.of(net), pd.Index(names).get_indexer(net.assets.index)
    moves, spot = np.expm1(returns), net.assets["price"].to_numpy(np.float64)
    changes = np.zeros((len(returns), len(terms.option)))
    for j, m in enumerate(terms.option.tolist()):
        asset = int(terms.asset[m])
        if places[asset] >= 0:
            at = spot[asset] * np.append(1.0 + moves[:, places[asset]], 1.0)
            word, struck = "call" if terms.call[j] else "put", terms.strike[j]
            worth = black_scholes(
                word, at, struck, terms.years[m], terms.volatility[j], rate=terms.carry[m]
            ).price
            changes[:, j] = worth[:-1] - worth[-1]
    return names, np.hstack([moves, changes])


def _accounts(net: Network, names: list[str]) -> tuple[Floats, Floats]:
    """Return equity ``(n_accounts,)`` and what moves it, of one account a row: money in assets, units of options.

    The columns are those of `_scenarios`.
    """
    prices, size = net.assets["price"].to_numpy(np.float64), len(net.accounts)
    all_settle_in_money(net, "a measure of risk from account books")
    places = pd.Index(names).get_indexer(net.assets.index)
    options = Contracts.of(net).option
    equity, held = np.zeros(size), np.zeros((size, len(names) + len(options) + 1))
    asset = net.codes("markets", "asset")[net.codes("positions", "market")]
    account = net.codes("positions", "account")
    money = (
        net.positions["quantity"].to_numpy(np.float64) * opening_prices(net)[net.codes("positions", "market")]
    )
    entry = net.positions["quantity"].to_numpy(np.float64) * net.positions["entry_price"].to_numpy(np.float64)
    market = net.codes("positions", "market")
    linear, option = ~np.isin(market, options), np.flatnonzero(np.isin(market, options))
    np.add.at(held, (account[linear], places[asset][linear]), money[linear])
    units = net.positions["quantity"].to_numpy(np.float64)[option]
    np.add.at(held, (account[option], len(names) + np.searchsorted(options, market[option])), units)
    equity += np.bincount(account, money - entry, size)
    coin, owner = net.codes("balances", "asset"), net.codes("balances", "account")
    worth = net.balances["quantity"].to_numpy(np.float64) * prices[coin]
    np.add.at(held, (owner, places[coin]), worth)
    return equity + np.bincount(owner, worth, size), held[:, :-1]


def _losses(held: Floats, moves: Floats) -> Floats:
    """Return losses of money held, ``(n_scenarios, n_rows)``, asset by asset: the same bits on any machine."""
    total = np.zeros((len(moves), len(held)))
    for a in range(held.shape[1]):
        total -= moves[:, a, None] * held[:, a]
    return total


def _blocks(held: Floats, moves: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield losses of as many rows as fit the memory."""
    size = max(1, CELLS // max(len(moves), 1))
    for start in range(0, max(len(held), 1), size):
        rows = slice(start, min(start + size, len(held)))
        yield rows, _losses(held[rows], moves)


def _deficits(net: Network, names: list[str], moves: Floats) -> Floats:
    """Return the deficits beyond margin of each venue, ``(n_scenarios, n_venues)``."""
    equity, held = _accounts(net, names)
    weight = net.accounts["count"].to_numpy(np.float64) * ~rest_of_market(net.accounts.index)
    venue = net.codes("accounts", "venue")
    found = np.zeros((len(moves), len(net.venues)))
    for rows, losses in _blocks(held, moves):
        owed = np.maximum(losses - equity[rows], 0.0) * weight[rows]
        for v in np.unique(venue[rows]):
            found[:, v] += owed[:, venue[rows] == v].sum(axis=1)
    return found


def _direct_losses(net: Network, names: list[str], moves: Floats) -> Floats:
    """Return the losses of the nodes that count from their own positions and holdings, ``(n_scenarios,)``."""
    _, own = _accounts(net, names)
    held = np.zeros((len(net.nodes), own.shape[1] + 1))
    np.add.at(
        held[:, :-1],
        net.codes("accounts", "owner"),
        own * net.accounts["count"].to_numpy(np.float64)[:, None],
    )
    places = pd.Index(names).get_indexer(net.assets.index)
    coin = net.codes("holdings", "asset")
    worth = net.holdings["quantity"].to_numpy(np.float64) * net.assets["price"].to_numpy(np.float64)[coin]
    np.add.at(held, (net.codes("holdings", "node"), places[coin]), worth)
    kept = held[_counted(net), :-1]
    total = np.zeros(len(moves))
    for _, losses in _blocks(kept, moves):
        total += np.maximum(losses, 0.0).sum(axis=1)
    return total


def _counted(net: Network) -> npt.NDArray[np.bool_]:
    """Return which nodes count in the losses of the system: not the rest of the market, nor arbitrageurs."""
    names = net.nodes.index
    counted = ~rest_of_market(names)
    arbitrage = net.strategies[net.strategies["kind"] == "arbitrage"]
    used = pd.concat([arbitrage["long_account"], arbitrage["short_account"]])
    outside = set(net.accounts["owner"].reindex(used[used != ""])) | set(arbitrage["spot_node"])
    return np.asarray(counted & ~names.isin(sorted(outside - {""})), dtype=np.bool_)


def _worst(losses: Floats, level: float) -> tuple[Floats, Floats]:
    """Return expected shortfall and value at risk of every column, by the estimator of `tail_table`."""
    k = len(losses) * (1.0 - level)
    k = float(np.rint(k)) if abs(k - np.rint(k)) < 1e-9 * max(k, 1.0) else k
    most = min(int(k) + 1, len(losses))
    ordered = np.sort(np.partition(losses, len(losses) - most, axis=0)[-most:], axis=0)[::-1]
    used = np.clip(k - np.arange(most), 0.0, 1.0)[:, None]
    base = ordered[0]
    return base + (used * (ordered - base)).sum(axis=0) / k, ordered[min(int(k), most - 1)]


def _tails(losses: Floats, labels: Sequence[str], level: float, seed: int, confidence: float) -> pd.DataFrame:
    """Return the tail table of columns of losses."""
    n, width = losses.shape
    frame = pd.DataFrame(
        {
            "policy": np.repeat(np.array(labels, dtype=object), n),
            "scenario": np.tile(np.arange(n), width),
            "network": 0,
            "status": "ok",
            "loss": losses.T.ravel(),
        }
    )
    if not len(frame):
        return pd.DataFrame(columns=list(TAIL_COLUMNS))
    return tail_table(frame, "loss", level, seed, confidence=confidence)


def _share_interval(hits: npt.NDArray[np.int64], n: int, confidence: float) -> tuple[Floats, Floats]:
    """Return the exact binomial interval of a share."""
    from scipy.special import betaincinv

    outside = 0.5 * (1.0 - confidence)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), n - hits + 1, outside), 0.0)
    high = np.where(hits < n, betaincinv(hits + 1, np.maximum(n - hits, 1), 1.0 - outside), 1.0)
    return low, high


def _places(index: pd.Index[str], accounts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return where the named accounts are."""
    names = [accounts] if isinstance(accounts, str) else list(accounts)
    for name in names:
        if name not in index:
            raise SchemaError(
                f"is no account of the network{nearest(str(name), list(index))}",
                where="accounts",
                value=shown(str(name)),
            )
    if not names or len(set(names)) < len(names):
        raise SchemaError("are no list of different names", where="accounts", value=accounts)
    return index.get_indexer(pd.Index(names)).astype(np.int64)
