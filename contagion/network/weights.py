"""What does a coin in an account count for? Weights of collateral, thresholds of protocols, categories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network.network import Network
from contagion.network.once import once

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@once
def collateral_rows(net: Network) -> npt.NDArray[np.int64]:
    """Return the row of `collateral` that belongs to each row of `balances`, -1 where there is none."""
    n, venue = len(net.index("assets")), net.codes("accounts", "venue")[net.codes("balances", "account")]
    known = net.codes("collateral", "venue") * n + net.codes("collateral", "asset")
    wanted, order = venue * n + net.codes("balances", "asset"), np.argsort(known)
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
    return np.where(known[found] == wanted, found, -1)


@once
def coin_rows(net: Network) -> Flags:
    """Return which rows of `balances` hold or owe something else than money of the unit."""
    other = net.column("balances", "asset") != net.unit
    return np.asarray(other & (net.column("balances", "quantity") != 0.0), dtype=np.bool_)


def cell(net: Network, column: str, rows: npt.NDArray[np.int64]) -> Floats:
    """Return a column of `collateral` at `rows`; NaN where the row is -1."""
    return np.asarray(np.append(net.column("collateral", column), np.nan)[rows], dtype=np.float64)


@once
def by_category(net: Network) -> Flags:
    """Return which balances count by the parameters of their category (the e-mode of lending protocols).

    Those of accounts whose coins, held and owed, are all of one category that has a threshold; who owes money of the
    unit owes something outside the category, unless the unit belongs to it.

    References
    ----------
    Margin chapter, section 9 (`aave_health_factor`).
    """
    rows, coin = collateral_rows(net), coin_rows(net)
    if not (net.column("collateral", "category") != "").any():
        return np.zeros(len(coin), dtype=np.bool_)
    names = np.append(net.column("collateral", "category"), "").astype(str)[rows]
    account = net.codes("balances", "account")
    counted = coin | (net.column("balances", "quantity") < 0.0)
    of_account = pd.DataFrame({"account": account[counted], "category": names[counted]}).groupby("account")
    whole = pd.Index(of_account["category"].nunique().loc[lambda kinds: kinds == 1].index)
    special = coin & np.isin(account, whole.to_numpy()) & (names != "")
    return np.asarray(special & ~np.isnan(cell(net, "category_threshold", rows)), dtype=np.bool_)


@once
def at_protocols(net: Network) -> Flags:
    """Return which balances lie at a protocol."""
    protocol = net.column("nodes", "kind")[net.codes("venues", "name")] == "protocol"
    return np.asarray(
        protocol[net.codes("accounts", "venue")[net.codes("balances", "account")]], dtype=np.bool_
    )


@once
def balance_weights(net: Network) -> Floats:
    """Return the weight of every row of `balances` as collateral, ``(n_balances,)``.

    `collateral.weight` at an exchange, the liquidation threshold at a protocol. Money of the unit counts in full, but
    at a protocol in an account with coins, where it has its own threshold if `collateral` says so.
    """
    coin = coin_rows(net)
    if not coin.any():
        return np.ones(len(coin))
    rows, protocol = collateral_rows(net), at_protocols(net)
    own, special = cell(net, "liquidation_threshold", rows), cell(net, "category_threshold", rows)
    threshold = np.where(by_category(net), special, own)
    weight = np.where(protocol, threshold, cell(net, "weight", rows))
    account = net.codes("balances", "account")
    mixed = np.isin(account, account[coin])
    money = np.where(protocol & mixed & ~np.isnan(own), own, 1.0)
    return np.where(coin, np.nan_to_num(weight), money)
