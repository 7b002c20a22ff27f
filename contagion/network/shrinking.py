"""How do accounts become smaller, or receive cash, without any money being made?

A share of every position is closed at the opening mark against the rest of the market, whose equity stays what it was.
The other leg of a basis trade goes with it: coins are sold at the opening price for cash of the node that held them.

References
----------
Cascade chapter, section 4, "Opening of a margin policy".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network.contracts import opening_prices
from contagion.network.lenders import TRADES
from contagion.network.network import Network
from contagion.network.places import leg_markets
from contagion.network.reserved import PREFIX
from contagion.network.schema import TABLES
from contagion.network.settlement import all_settle_in_money

Floats = npt.NDArray[np.float64]
DUST = 1e-12  # what is left of positions that cancel, as a share of them, is rounding


def post(net: Network, posted: Floats) -> Network:
    """Move cash from nodes to their accounts.

    Parameters
    ----------
    posted
        Money that each of the accounts behind a row receives, ``(n_accounts,)``.
    """
    if not posted.any():
        return net
    total = posted * net.accounts["count"].to_numpy(float)
    by_owner = pd.Series(total).groupby(net.accounts["owner"].to_numpy()).sum()
    nodes = net.nodes.copy()
    nodes["cash"] = np.maximum(nodes["cash"] - by_owner.reindex(nodes.index).fillna(0.0), 0.0)
    return net.replace(nodes=nodes, balances=_credit(net, pd.Series(posted, index=net.accounts.index)))


def together(net: Network, fraction: Floats) -> Floats:
    """Shares kept, so that two accounts which are the legs of one basis trade keep the same, the smaller one."""
    legs = net.strategies[(net.strategies["kind"] == "basis") & (net.strategies["long_account"] != "")]
    ends = [net.accounts.index.get_indexer(pd.Index(legs[leg])) for leg in ("long_account", "short_account")]
    kept = fraction.copy()
    for _ in range(len(legs)):
        least = np.minimum(*(kept[end] for end in ends))
        before = kept.copy()
        for end in ends:
            np.minimum.at(kept, end, least)
        if np.array_equal(before, kept):
            break
    return kept


def shrink(net: Network, fraction: Floats) -> Network:
    """Close a share of every position at the opening mark, and sell the coins that hedged it.

    Parameters
    ----------
    fraction
        Share that each account keeps, ``(n_accounts,)``, in whole lots of markets that have one.
    """
    return shrink_positions(net, fraction[net.codes("positions", "account")])


def shrink_positions(net: Network, share: Floats) -> Network:
    """Close a share of every position at the opening mark, and sell the coins that hedged it.

    Parameters
    ----------
    share
        Share that is kept of each position, ``(n_positions,)``, in whole lots of markets that have one.
    """
    share = np.where(share > 1.0 - DUST, 1.0, share)  # cash posted up to a limit leaves rounding to close
    if (share == 1.0).all():
        return net
    all_settle_in_money(net, "the shrinking of positions before the shock")
    positions = net.positions.copy()
    account, market = net.codes("positions", "account"), net.codes("positions", "market")
    mark = opening_prices(net)[market]
    lot = net.markets["lot"].fillna(0.0).to_numpy(float)[market]
    old = positions["quantity"].to_numpy(float)
    kept = old * share
    whole = np.where(lot > 0.0, np.trunc(kept / np.where(lot > 0.0, lot, 1.0)) * lot, kept)
    new = np.where(share == 1.0, old, whole)
    realised = (old - new) * (mark - positions["entry_price"].to_numpy(float))
    money = pd.Series(np.bincount(account, realised, len(net.accounts)), index=net.accounts.index)
    positions["quantity"] = new
    closed = (old - new) * net.accounts["count"].to_numpy(float)[account]
    of_market = positions["market"].to_numpy()
    given_up, gross = (pd.Series(units).groupby(of_market).sum() for units in (closed, np.abs(closed)))
    kept_rows = positions[new != 0.0].reset_index(drop=True)
    return _absorb(_unhedge(net, closed), kept_rows, money, given_up[given_up.abs() > DUST * gross])


def _unhedge(net: Network, closed: Floats) -> Network:
    """Sell the holdings that hedged what was closed of short legs, at the opening price, for the node's cash.

    Parameters
    ----------
    closed
        Units closed of each position, of all accounts behind its row; below 0 for a short one.
    """
    cash = ((net.strategies["kind"] == "basis") & (net.strategies["spot_node"] != "")).to_numpy()
    basis, short = net.strategies[cash], leg_markets(net)[1][cash]
    bought_back = pd.Series(np.maximum(-closed, 0.0))
    ends = [net.positions["account"].to_numpy(), net.codes("positions", "market")]
    of_leg = bought_back.groupby(ends).sum()
    legs = pd.MultiIndex.from_arrays([basis["short_account"].to_numpy(), short])
    units = of_leg.reindex(legs).fillna(0.0).to_numpy() * basis["ratio"].to_numpy()
    wanted = pd.Series(units).groupby([basis["spot_node"].to_numpy(), basis["asset"].to_numpy()]).sum()
    holdings, nodes = net.holdings.copy(), net.nodes.copy()
    held = wanted.reindex(pd.MultiIndex.from_frame(holdings[["node", "asset"]])).fillna(0.0).to_numpy()
    sold = np.minimum(held, holdings["quantity"].to_numpy())
    if not sold.any():
        return net
    holdings["quantity"] -= sold
    price = net.assets["price"].to_numpy()[net.codes("holdings", "asset")]
    nodes["cash"] += np.bincount(net.codes("holdings", "node"), sold * price, len(nodes))
    return net.replace(nodes=nodes, holdings=holdings)


def _credit(net: Network, money: pd.Series) -> pd.DataFrame:
    """Balances with money added to accounts' unit balance; rows that are missing are made."""
    balances = net.balances.copy()
    unit = balances["asset"] == net.unit
    have = set(balances.loc[unit, "account"])
    new = [name for name in money.index[money.to_numpy() != 0.0] if name not in have]
    if new:
        balances = pd.concat([balances, pd.DataFrame({"account": new, "asset": net.unit, "quantity": 0.0})])
        balances = balances.reset_index(drop=True)
        unit = balances["asset"] == net.unit
    balances.loc[unit, "quantity"] += money.reindex(balances.loc[unit, "account"]).fillna(0.0).to_numpy()
    return balances


def _absorb(net: Network, positions: pd.DataFrame, money: pd.Series, given_up: pd.Series) -> Network:
    """Give the net of what was closed to the rest of the market, at the opening mark: its equity stays what it was."""
    venue = net.markets["venue"].reindex(given_up.index)
    marks = pd.Series(opening_prices(net), index=net.markets.index)
    mark = marks.reindex(given_up.index).to_numpy(float)
    taken = pd.DataFrame(
        {
            "account": PREFIX + venue.to_numpy(dtype=object),
            "market": given_up.index,
            "quantity": given_up.to_numpy(),
        }
    ).assign(entry_price=mark)
    resting = positions["account"].isin(set(taken["account"]))
    rest = positions[resting]
    at_mark = marks.reindex(rest["market"]).to_numpy(float)
    realised = pd.Series(rest["quantity"].to_numpy() * (at_mark - rest["entry_price"].to_numpy()))
    money = money.add(realised.groupby(rest["account"].to_numpy()).sum(), fill_value=0.0)
    both = pd.concat([rest.assign(entry_price=at_mark), taken])
    by_leg = both.assign(size=both["quantity"].abs()).groupby(["account", "market"], as_index=False)
    merged = by_leg.agg(
        quantity=("quantity", "sum"), entry_price=("entry_price", "first"), size=("size", "sum")
    )
    merged = merged[merged["quantity"].abs() > DUST * merged["size"]].drop(columns="size")
    nodes, accounts = _with_rest(net, sorted(set(venue)))
    emptied = (accounts["mode"] == "isolated") & ~accounts.index.isin(set(positions["account"]))
    accounts.loc[emptied, "mode"] = "cross"
    balances = _credit(net, money)
    owing = accounts.index.isin(balances.loc[balances["quantity"] < 0.0, "account"])
    stuck = owing & ~accounts.index.isin(positions["account"]) & accounts["reaction"].isin(TRADES)
    accounts.loc[stuck, "reaction"] = "none"  # who would trade positions when called has none left
    return net.replace(
        nodes=nodes,
        accounts=accounts,
        positions=pd.concat([positions[~resting], merged]).reset_index(drop=True),
        balances=balances,
    )


def _with_rest(net: Network, venues: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes and accounts with the rest of the market at `venues`."""
    nodes, accounts = net.nodes.reset_index(), net.accounts.reset_index()
    missing = [v for v in venues if PREFIX + v not in net.accounts.index]
    names = [PREFIX + v for v in missing]
    fresh = [name for name in names if name not in net.nodes.index]
    nodes = pd.concat([nodes, pd.DataFrame({"name": fresh, "kind": "trader"})]) if fresh else nodes
    more = pd.DataFrame({"name": names, "owner": names, "venue": missing, "reaction": "none"})
    accounts = pd.concat([accounts, more]) if names else accounts
    columns = TABLES["accounts"].columns
    defaults = {c.name: c.default for c in columns if not c.required} | {"response": 0.0}
    accounts = accounts.fillna({k: v for k, v in defaults.items() if k in accounts})
    money = ("cash", "external_assets", "external_liabilities")
    nodes = nodes.fillna({**dict.fromkeys(money, 0.0), "owner": ""})
    return nodes.set_index("name"), accounts.astype({"count": np.int64}).set_index("name")
