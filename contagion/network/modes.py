"""From cross accounts to isolated ones, and back: the same positions, margin shared or not.

Equity is neither made nor lost: a split account's equity goes to its positions by their notional at opening marks, and
accounts that are joined add theirs up. Accounts that are legs of strategies, and the rest of the market, stay.

References
----------
Cascade chapter, section 3: cross accounts spread equity over legs by notional; isolated is exactly one position.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network.contracts import opening_prices
from contagion.network.interest import notionals
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.network.settlement import all_settle_in_money
from contagion.network.shrinking import DUST


def free_accounts(net: Network) -> npt.NDArray[np.bool_]:
    """Return which accounts may be split or joined: neither legs of strategies nor the rest of the market."""
    used = {str(name) for column in ("long_account", "short_account") for name in net.strategies[column]}
    return np.asarray(~net.accounts.index.isin(used) & ~rest_of_market(net.accounts.index), dtype=np.bool_)


def isolate(net: Network) -> Network:
    """Return the network with every free cross account split into isolated accounts of one position each.

    The first position, by market, keeps the account's name; the others are called ``account/market``.
    """
    account = net.codes("positions", "account")
    held = np.bincount(account, minlength=len(net.accounts))
    splits = free_accounts(net) & (net.accounts["mode"] == "cross").to_numpy() & (held > 0)
    if not splits.any():
        return net
    all_settle_in_money(net, "the split of accounts into isolated ones")
    positions = net.positions.reset_index(drop=True)
    moved = splits[account]
    size = notionals(net)
    gross = np.bincount(account, size, len(net.accounts))[account]
    share = np.divide(size, gross, out=np.zeros_like(size), where=gross > 0.0)
    first = ~positions["account"].duplicated()
    names = _fresh(net, positions, moved & ~first.to_numpy())
    balances = _split_balances(net, positions, names, moved, share)
    accounts = net.accounts.copy()
    accounts.loc[splits, "mode"] = "isolated"
    extra = names != positions["account"]
    copies = accounts.loc[positions.loc[extra, "account"]].set_axis(pd.Index(names[extra], name="name"))
    return net.replace(
        accounts=pd.concat([accounts, copies]), balances=balances, positions=positions.assign(account=names)
    )


def _fresh(net: Network, positions: pd.DataFrame, renamed: npt.NDArray[np.bool_]) -> pd.Series:
    """Name of the account that holds each position after the split."""
    known, names = set(net.accounts.index), positions["account"].copy()
    for row in np.flatnonzero(renamed).tolist():
        name = f"{positions['account'].iat[row]}/{positions['market'].iat[row]}"
        while name in known:
            name += "'"
        known.add(name)
        names.iat[row] = name
    return names


def _split_balances(
    net: Network,
    positions: pd.DataFrame,
    names: pd.Series,
    moved: npt.NDArray[np.bool_],
    share: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """Balances after the split: every asset by notional, the unit so that equity is shared by notional."""
    mark = opening_prices(net)[net.codes("positions", "market")]
    profit = positions["quantity"].to_numpy(float) * (mark - positions["entry_price"].to_numpy(float))
    old = positions["account"]
    total = pd.Series(profit).groupby(old.to_numpy()).sum().reindex(old).to_numpy()
    split = net.balances["account"].isin(set(old[moved]))
    wide = net.balances[split].pivot_table(index="account", columns="asset", values="quantity", aggfunc="sum")
    wide = wide.reindex(index=sorted(set(old[moved]))).fillna(0.0)
    if net.unit not in wide.columns:
        wide[net.unit] = 0.0
    rows = []
    for asset in wide.columns:
        quantity = wide[asset].reindex(old).to_numpy() * share
        if asset == net.unit:
            quantity = quantity + share * total - profit
        rows.append(pd.DataFrame({"account": names, "asset": asset, "quantity": quantity})[moved])
    found = pd.concat(rows)
    return pd.concat([net.balances[~split], found[found["quantity"] != 0.0]], ignore_index=True)


def merge(net: Network) -> Network:
    """Return the network with the free accounts of an owner at a venue joined into one cross account.

    Accounts that differ in anything but their mode, such as count or reaction, stay apart. The joined account has the
    name of the first; positions in one market are netted: their profit so far goes to the balance, what is left enters
    at the mark.
    """
    free = net.accounts[free_accounts(net)]
    alike = [column for column in free.columns if column != "mode"]
    heads = free.reset_index().groupby(alike, sort=False, dropna=False)["name"].transform("first")
    into = pd.Series(heads.to_numpy(), index=free.index, dtype=object)
    sizes = into.groupby(into).transform("size")
    joined = into[sizes > 1]
    if joined.empty:
        return net
    all_settle_in_money(net, "the joining of accounts")
    to = pd.Series(net.accounts.index, index=net.accounts.index, dtype=object)
    to.update(joined)
    positions, realised = _netted(net, to)
    balances = net.balances.assign(account=to.reindex(net.balances["account"]).to_numpy())
    profit = pd.DataFrame({"account": realised.index, "asset": net.unit, "quantity": realised.to_numpy()})
    both = (
        pd.concat([balances, profit])
        .groupby(["account", "asset"], as_index=False, sort=False)["quantity"]
        .sum()
    )
    accounts = net.accounts.copy()
    accounts.loc[joined.unique(), "mode"] = "cross"
    gone = joined.index[joined != joined.index]
    return net.replace(accounts=accounts.drop(index=gone), balances=both, positions=positions)


def _netted(net: Network, to: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Positions of the joined accounts, and the profit that netting took out of them."""
    positions = net.positions.reset_index(drop=True)
    positions = positions.assign(account=to.reindex(positions["account"]).to_numpy())
    mark = opening_prices(net)[net.codes("positions", "market")]
    double = positions.duplicated(["account", "market"], keep=False)
    profit = positions["quantity"] * (mark - positions["entry_price"])
    realised = profit[double].groupby(positions.loc[double, "account"]).sum()
    at_mark = positions.assign(
        entry_price=np.where(double, mark, positions["entry_price"]), size=positions["quantity"].abs()
    )
    netted = at_mark.groupby(["account", "market"], as_index=False, sort=False).agg(
        quantity=("quantity", "sum"), entry_price=("entry_price", "first"), size=("size", "sum")
    )
    kept = netted["quantity"].abs() > DUST * netted["size"]
    return netted[kept].drop(columns="size").reset_index(drop=True), realised
