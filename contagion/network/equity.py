"""What every account and node of a network is worth at the opening, as its tables say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network.network import Network
from contagion.network.once import once
from contagion.network.reserved import rest_of_market
from contagion.network.weights import balance_weights


@once
def opening_account_equity(net: Network) -> pd.Series[float]:
    """Return the equity of one account behind each row of `accounts`, at opening marks.

    The balance in the unit plus the sum of quantity x (price of the asset - entry price).

    Returns
    -------
    Series of float, index `account`
        Money.

    Examples
    --------
    >>> opening_account_equity(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    equity = AccountBook.of(net).equity(net.assets["price"].to_numpy(float))
    return pd.Series(equity, index=net.accounts.index, name="equity")


@dataclass(frozen=True)
class AccountBook:
    """What all accounts hold, as arrays, so that many prices can value them quickly.

    Parameters
    ----------
    balance_account, balance_asset : numpy.ndarray of int
        Whose balance, and in which asset (positions in their tables).
    balance : numpy.ndarray
        Units.
    position_account, position_asset : numpy.ndarray of int
        Whose position, and on which asset.
    position, entry : numpy.ndarray
        Units, short negative, and entry price (money per unit).
    n_accounts : int
        Rows of `accounts`.
    """

    balance_account: npt.NDArray[np.intp]
    balance_asset: npt.NDArray[np.intp]
    balance: npt.NDArray[np.float64]
    position_account: npt.NDArray[np.intp]
    position_asset: npt.NDArray[np.intp]
    position: npt.NDArray[np.float64]
    entry: npt.NDArray[np.float64]
    n_accounts: int

    @classmethod
    def of(cls, net: Network) -> AccountBook:
        """Read the accounts of a network."""
        balances, positions = net.balances, net.positions
        return cls(
            net.codes("balances", "account"),
            net.codes("balances", "asset"),
            balances["quantity"].to_numpy(float),
            net.codes("positions", "account"),
            net.codes("markets", "asset")[net.codes("positions", "market")],
            positions["quantity"].to_numpy(float),
            positions["entry_price"].to_numpy(float),
            len(net.accounts),
        )

    def equity(self, prices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the equity of one account behind each row at prices of assets (money per unit), shape (n_accounts,).

        Examples
        --------
        >>> AccountBook.of(Network(nodes=[{"name": "A"}])).equity(np.ones(1)).tolist()
        []
        """
        value = self.balance * prices[self.balance_asset]
        profit = self.position * (prices[self.position_asset] - self.entry)
        equity = np.bincount(self.balance_account, weights=value, minlength=self.n_accounts)
        equity = equity + np.bincount(self.position_account, weights=profit, minlength=self.n_accounts)
        return np.asarray(equity, dtype=np.float64)


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
    nodes, rows = net.nodes, len(net.nodes)
    equity = (nodes["cash"] + nodes["external_assets"] - nodes["external_liabilities"]).to_numpy().copy()

    def add(table: str, column: str, money: npt.NDArray[np.float64]) -> None:
        nonlocal equity
        equity = equity + np.bincount(net.codes(table, column), weights=money, minlength=rows)

    prices = net.assets["price"].to_numpy()
    add("holdings", "node", net.holdings["quantity"].to_numpy() * prices[net.codes("holdings", "asset")])
    accounts = np.maximum(opening_account_equity(net).to_numpy(), 0.0) * net.accounts["count"].to_numpy()
    add("accounts", "owner", accounts)
    amount = net.obligations["amount"].to_numpy()
    add("obligations", "creditor", amount)
    add("obligations", "debtor", -amount)
    add("venues", "name", net.venues["insurance_fund"].to_numpy())
    paid = contributions(net)
    member = nodes.index.get_indexer(pd.Index(paid["node"]))
    equity = equity + np.bincount(member, weights=paid["money"].to_numpy(float), minlength=rows)
    return pd.Series(equity, index=nodes.index, name="equity")


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
    accounts, fund = net.accounts, net.venues["default_fund"]
    if not (fund > 0.0).any():
        return pd.DataFrame({"venue": [], "node": [], "money": []}, dtype=object)
    table = pd.DataFrame(
        {
            "venue": accounts["venue"].to_numpy(),
            "node": accounts["owner"].to_numpy(),
            "money": opening_requirement(net).to_numpy() * accounts["count"].to_numpy(float),
        }
    )[~rest_of_market(accounts.index)]
    required = table[(table["money"] > 0.0) & (table["node"] != table["venue"])]
    table = required.groupby(["venue", "node"], sort=True)["money"].sum().reset_index()
    without = sorted(set(fund.index[fund > 0.0]) - set(table["venue"]))
    if without:
        raise PolicyError(
            "has a default fund, but nobody there has a requirement by which it could be shared",
            where="venues default_fund",
            value=without[0],
            remedy="set default_fund to 0, or add accounts with positions",
        )
    total = table.groupby("venue")["money"].transform("sum")
    size = fund.reindex(table["venue"]).to_numpy(float)
    table["money"] = np.where(size > 0.0, size * (table["money"] / total), 0.0)
    return table[table["money"] > 0.0].reset_index(drop=True)


@once
def opening_requirement(net: Network) -> pd.Series[float]:
    """Return the maintenance requirement of one account behind each row, at opening marks.

    The largest of the tier lines of each position's schedule, summed over positions, and the haircuts on what the
    account holds: (1 - weight) x value, at protocols with the liquidation threshold for the weight.

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
    total = np.bincount(net.codes("positions", "account"), weights=required, minlength=len(net.accounts))
    asked = total.astype(np.float64) + opening_haircuts(net).to_numpy()
    return pd.Series(asked, index=net.accounts.index, name="requirement")


@once
def opening_leg_requirement(net: Network) -> npt.NDArray[np.float64]:
    """Return the maintenance margin of every position of one account behind its row, at opening marks.

    The largest of the tier lines of its schedule; money, shape (n_positions,).

    Examples
    --------
    >>> opening_leg_requirement(Network(nodes=[{"name": "A"}])).tolist()
    []
    """
    market = net.codes("positions", "market")
    prices = net.assets["price"].to_numpy()[net.codes("markets", "asset")]
    notional = np.abs(net.positions["quantity"].to_numpy()) * prices[market]
    schedule = net.codes("markets", "schedule")[market]
    required = np.zeros(len(market))
    for place, (rates, deductions) in enumerate(_tier_lines(net)):
        rows = np.flatnonzero(schedule == place)
        for rate, deduction in zip(rates, deductions, strict=True):
            required[rows] = np.maximum(required[rows], rate * notional[rows] - deduction)
    units = np.abs(net.positions["quantity"].to_numpy())
    return np.asarray(required + size_slopes(net, "maintenance_slope")[market] * units * notional, np.float64)


def size_slopes(net: Network, column: str) -> npt.NDArray[np.float64]:
    """Return by how much the rates of each market grow per unit of the asset held: a column of its schedule, or 0.

    Examples
    --------
    >>> size_slopes(Network(nodes=[{"name": "A"}]), "initial_slope").tolist()
    []
    """
    slopes = np.append(net.schedules[column].to_numpy(float), 0.0)
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
    value = (
        net.balances["quantity"].to_numpy() * net.assets["price"].to_numpy()[net.codes("balances", "asset")]
    )
    lost = (1.0 - balance_weights(net)) * np.maximum(value, 0.0)
    total = np.bincount(account, weights=lost, minlength=len(net.accounts))
    return pd.Series(total.astype(np.float64), index=net.accounts.index, name="haircuts")


def _tier_lines(net: Network) -> list[tuple[list[float], list[float]]]:
    """Return, by schedule, the rates of its tiers and the amounts that make the requirement continuous."""
    lines: list[tuple[list[float], list[float]]] = [([], []) for _ in range(len(net.schedules))]
    floors, rates = net.tiers["floor"].to_list(), net.tiers["maintenance_rate"].to_list()
    for place, floor, rate in zip(net.codes("tiers", "schedule").tolist(), floors, rates, strict=True):
        before, deductions = lines[place]
        step = floor * (rate - before[-1]) if before else 0.0
        deductions.append((deductions[-1] if deductions else 0.0) + step)
        before.append(rate)
    return lines
