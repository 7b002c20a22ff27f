"""What every account and node of a network is worth at the opening, as its tables say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network.contracts import Contracts, met, opening_worths
from contagion.network.network import Network
from contagion.network.once import once
from contagion.network.reserved import rest_of_market
from contagion.network.scans import opening_scans, scanned_positions
from contagion.network.settlement import entry_coins, settles_in_coins
from contagion.network.weights import balance_weights

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@once
def opening_account_equity(net: Network) -> pd.Series[float]:
    """Return the equity of one account behind each row of `accounts`, at opening marks.

    Balances at opening prices plus the sum of quantity x (opening price of the market - entry price); of contracts that
    pay in coins the profit in coins, at their price.

    Returns
    -------
    Series of float, index `account`
        Money.

    Examples
    --------
    >>> opening_account_equity(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    equity = AccountBook.of(net).equity(net.column("assets", "price"))
    return pd.Series(equity, index=net.index("accounts"), name="equity")


@dataclass(frozen=True)
class AccountBook:
    """What all accounts hold, as arrays, so that many prices can value them quickly.

    Parameters
    ----------
    balance_account, balance_asset : numpy.ndarray of int
        Whose balance, and in which asset (positions in their tables).
    balance : numpy.ndarray
        Units.
    position_account, position_market : numpy.ndarray of int
        Whose position, and in which market.
    position, entry : numpy.ndarray
        Units, short negative, and entry price (money per unit).
    opened : numpy.ndarray
        What each position was opened with in units of the coin that its market settles in; 0 where that is money.
    contracts : Contracts
        What the markets trade.
    n_accounts : int
        Rows of `accounts`.
    """

    balance_account: npt.NDArray[np.intp]
    balance_asset: npt.NDArray[np.intp]
    balance: Floats
    position_account: npt.NDArray[np.intp]
    position_market: npt.NDArray[np.intp]
    position: Floats
    entry: Floats
    opened: Floats
    contracts: Contracts
    n_accounts: int

    @classmethod
    def of(cls, net: Network) -> AccountBook:
        """Read the accounts of a network."""
        return cls(
            net.codes("balances", "account"),
            net.codes("balances", "asset"),
            net.column("balances", "quantity"),
            net.codes("positions", "account"),
            net.codes("positions", "market"),
            net.column("positions", "quantity"),
            net.column("positions", "entry_price"),
            np.where(settles_in_coins(net)[net.codes("positions", "market")], entry_coins(net), 0.0),
            Contracts.of(net),
            len(net.index("accounts")),
        )

    def only(self, accounts: Rows) -> AccountBook:
        """Return the book of some accounts, by position, numbered anew in this order.

        Examples
        --------
        >>> AccountBook.of(Network(nodes=[{"name": "A"}])).only(np.zeros(0, np.intp)).n_accounts
        0
        """
        number = np.full(self.n_accounts, -1, dtype=np.intp)
        number[accounts] = np.arange(len(accounts))
        balance = np.flatnonzero(number[self.balance_account] >= 0)
        position = np.flatnonzero(number[self.position_account] >= 0)
        return AccountBook(
            number[self.balance_account[balance]],
            self.balance_asset[balance],
            self.balance[balance],
            number[self.position_account[position]],
            self.position_market[position],
            self.position[position],
            self.entry[position],
            self.opened[position],
            self.contracts,
            len(accounts),
        )

    def equity(self, prices: Floats) -> Floats:
        """Return the equity of one account behind each row at prices of assets (money per unit), shape (n_accounts,).

        Prices have shape (n_assets,), or (n_accounts, n_assets) where every account meets its own.

        Examples
        --------
        >>> AccountBook.of(Network(nodes=[{"name": "A"}])).equity(np.ones(1)).tolist()
        []
        """
        value = self.balance * met(prices, self.balance_account, self.balance_asset)
        equity = np.bincount(self.balance_account, weights=value, minlength=self.n_accounts)
        equity = equity + np.bincount(
            self.position_account, weights=self.profit(prices), minlength=self.n_accounts
        )
        return np.asarray(equity, dtype=np.float64)

    def profit(self, prices: Floats) -> Floats:
        """Return the profit of one account of each position at prices of assets, shape (n_positions,), money.

        Examples
        --------
        >>> AccountBook.of(Network(nodes=[{"name": "A"}])).profit(np.ones(1)).tolist()
        []
        """
        worth = met(self.contracts.worths(prices), self.position_account, self.position_market)
        if not self.opened.any():
            return np.asarray(self.position * (worth - self.entry), dtype=np.float64)
        coin = met(prices, self.position_account, self.contracts.settle[self.position_market])
        in_coins = self.position * worth + self.opened * coin
        profit = np.where(self.opened == 0.0, self.position * (worth - self.entry), in_coins)
        return np.asarray(profit, dtype=np.float64)


@once
def opening_equity(net: Network) -> pd.Series[float]:
    """Return the equity of every node at the opening.

    Cash + outside assets - outside liabilities + holdings x price + the positive equity of its own accounts +
    claims - debts + the insurance fund of a venue + what is prefunded in default funds.

    Returns
    -------
    Series of float, index `node`
        Money.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "A", "cash": 5}, {"name": "B"}],
    ...               obligations=[{"debtor": "A", "creditor": "B", "amount": 3}])
    >>> opening_equity(net).to_dict()
    {'A': 2.0, 'B': 3.0}
    """
    names, external = net.index("nodes"), net.column("nodes", "external_liabilities")
    equity, rows = net.column("nodes", "cash") + net.column("nodes", "external_assets") - external, len(names)

    def add(table: str, column: str, money: npt.NDArray[np.float64]) -> None:
        nonlocal equity
        equity = equity + np.bincount(net.codes(table, column), weights=money, minlength=rows)

    prices = net.column("assets", "price")
    add("holdings", "node", net.column("holdings", "quantity") * prices[net.codes("holdings", "asset")])
    accounts = np.maximum(opening_account_equity(net).to_numpy(), 0.0) * net.column("accounts", "count")
    add("accounts", "owner", accounts)
    amount = net.column("obligations", "amount")
    add("obligations", "creditor", amount)
    add("obligations", "debtor", -amount)
    add("venues", "name", net.column("venues", "insurance_fund"))
    paid = contributions(net)
    member = names.get_indexer(pd.Index(paid["node"]))
    equity = equity + np.bincount(member, weights=paid["money"].to_numpy(float), minlength=rows)
    return pd.Series(equity, index=names, name="equity")


@once
def contributions(net: Network) -> pd.DataFrame:
    """Return what every member has paid into the default fund of a venue.

    The members of a venue are the owners of its accounts, the rest of the market and the venue itself left out. Each
    has a share of `default_fund` in proportion to the opening requirement of its accounts there.

    Returns
    -------
    DataFrame
        Columns venue, node (names) and money, sorted; no row where a venue has no default fund.

    Raises
    ------
    PolicyError
        If a venue has a default fund, but nobody there has a requirement.

    Examples
    --------
    >>> contributions(Network(nodes=[{"name": "A"}])).empty
    True
    """
    fund = net.column("venues", "default_fund")
    if not (fund > 0.0).any():
        return pd.DataFrame({"venue": [], "node": [], "money": []}, dtype=object)
    venue, node = net.codes("accounts", "venue"), net.codes("accounts", "owner")
    money = opening_requirement(net).to_numpy() * net.column("accounts", "count")
    nodes = net.column("nodes", "name")
    own = node == net.codes("venues", "name")[venue]
    member = np.flatnonzero((money > 0.0) & ~own & ~rest_of_market(net.column("accounts", "name")))
    required = pd.Series(money[member]).groupby(venue[member] * len(nodes) + node[member]).sum()
    pairs = required.index.to_numpy()
    venues = pairs // len(nodes)
    without = np.setdiff1d(np.flatnonzero(fund > 0.0), venues)
    if len(without):
        raise PolicyError(
            "has a default fund, but nobody there has a requirement by which it could be shared",
            where="venues default_fund",
            value=str(net.column("venues", "name")[without[0]]),
            remedy="set default_fund to 0, or add accounts with positions",
        )
    paid = fund[venues] * (required / required.groupby(venues).transform("sum")).to_numpy()
    table = {
        "venue": net.column("venues", "name")[venues[paid > 0.0]],
        "node": nodes[pairs[paid > 0.0] % len(nodes)],
        "money": paid[paid > 0.0],
    }
    return pd.DataFrame(table)


@once
def opening_requirement(net: Network) -> pd.Series[float]:
    """Return the maintenance requirement of one account behind each row, at opening marks.

    The largest of the tier lines of each position's schedule, summed over positions, or the scan of all of them; and
    the haircuts on what the account holds: (1 - weight) x value, at protocols with the liquidation threshold for the
    weight.

    Returns
    -------
    Series of float, index `account`
        Money.

    Examples
    --------
    >>> opening_requirement(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    required = opening_leg_requirement(net)
    total = np.bincount(
        net.codes("positions", "account"), weights=required, minlength=len(net.index("accounts"))
    )
    asked = total.astype(np.float64) + opening_haircuts(net).to_numpy()
    return pd.Series(asked, index=net.index("accounts"), name="requirement")


@once
def opening_leg_requirement(net: Network) -> Floats:
    """Return the maintenance margin of every position of one account behind its row, at opening marks.

    The largest of the tier lines of its schedule; where margin is scanned, its part of what its account needs for the
    asset. Money, shape (n_positions,).

    Examples
    --------
    >>> opening_leg_requirement(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    market = net.codes("positions", "market")
    notional = np.abs(net.column("positions", "quantity") * opening_worths(net)[market])
    schedule = net.codes("markets", "schedule")[market]
    required = np.zeros(len(market))
    for place, (rates, deductions) in enumerate(_tier_lines(net)):
        rows = np.flatnonzero(schedule == place)
        for rate, deduction in zip(rates, deductions, strict=True):
            required[rows] = np.maximum(required[rows], rate * notional[rows] - deduction)
    units = np.abs(net.column("positions", "quantity"))
    required += size_slopes(net, "maintenance_slope")[market] * units * notional
    required[scanned_positions(net)] = 0.0
    return np.asarray(required + opening_scans(net), np.float64)


def size_slopes(net: Network, column: str) -> Floats:
    """Return by how much the rates of each market grow per unit of the asset held: a column of its schedule, or 0.

    Examples
    --------
    >>> size_slopes(Network(nodes=[{"name": "A"}]), "initial_slope").tolist()
    []
    """
    slopes = np.append(net.column("schedules", column), 0.0)
    return np.asarray(slopes[net.codes("markets", "schedule")], dtype=np.float64)


@once
def opening_haircuts(net: Network) -> pd.Series[float]:
    """Return what the coins of one account behind each row of `accounts` do not count for, at opening prices.

    (1 - weight) x value of every positive balance, summed; the weight is `collateral.weight`, at a protocol the
    liquidation threshold, of the asset or, where all coins of the account share a category that has its own, of the
    category. Money of the unit has weight 1 where no row of `collateral` says otherwise.

    Returns
    -------
    Series of float, index `account`
        Money.

    Examples
    --------
    >>> opening_haircuts(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    account = net.codes("balances", "account")
    value = net.column("balances", "quantity") * net.column("assets", "price")[net.codes("balances", "asset")]
    weight, size = balance_weights(net), len(net.index("accounts"))
    if settles_in_coins(net).any():
        account, value, weight = _with_profits(net, account, value, weight)
    lost = (1.0 - weight) * np.maximum(value, 0.0)
    total = np.bincount(account, weights=lost, minlength=size)
    return pd.Series(total.astype(np.float64), index=net.index("accounts"), name="haircuts")


def _with_profits(
    net: Network,
    account: npt.NDArray[np.intp],
    value: Floats,
    weight: Floats,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return balances (account, worth, weight) with the profits of contracts in the coin in which they are paid."""
    market = net.codes("positions", "market")
    coins = settles_in_coins(net)[market]
    holder, asset = net.codes("positions", "account")[coins], net.codes("markets", "settle")[market[coins]]
    profit = AccountBook.of(net).profit(net.column("assets", "price"))[coins]
    n = len(net.index("assets"))
    accepted = pd.Series(
        net.column("collateral", "weight"),
        index=net.codes("collateral", "venue") * n + net.codes("collateral", "asset"),
    )
    own = accepted.reindex(net.codes("accounts", "venue")[holder] * n + asset).fillna(0.0)
    both = pd.DataFrame(
        {
            "pair": np.append(account * n + net.codes("balances", "asset"), holder * n + asset),
            "value": np.append(value, profit),
            "weight": np.append(weight, own.to_numpy()),
        }
    )
    found = both.groupby("pair").agg({"value": "sum", "weight": "first"})
    return (
        (found.index.to_numpy() // n).astype(np.intp),
        found["value"].to_numpy(),
        found["weight"].to_numpy(),
    )


def _tier_lines(net: Network) -> list[tuple[list[float], list[float]]]:
    """Return, by schedule, the rates of its tiers and the amounts that make the requirement continuous."""
    lines: list[tuple[list[float], list[float]]] = [([], []) for _ in range(len(net.index("schedules")))]
    floors, rates = net.column("tiers", "floor").tolist(), net.column("tiers", "maintenance_rate").tolist()
    for place, floor, rate in zip(net.codes("tiers", "schedule").tolist(), floors, rates, strict=True):
        before, deductions = lines[place]
        step = floor * (rate - before[-1]) if before else 0.0
        deductions.append((deductions[-1] if deductions else 0.0) + step)
        before.append(rate)
    return lines
