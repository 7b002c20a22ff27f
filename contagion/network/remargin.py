"""How do traders adapt when margin rules change before the shock?

``utilisation``: every account shrinks by one fraction until requirement over equity is at most what it was.
``violators``: only accounts below their call level under the new rules post cash, then shrink. The other side of what
is given up goes to the rest of the market at the opening mark, without impact: the sum of equity is unchanged.

References
----------
Cascade chapter, section 4, "Opening of a margin policy".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network.network import Network

Floats = npt.NDArray[np.float64]
HALVINGS = 50
REST = "rest_of_market:"


def _lines(net: Network) -> dict[str, tuple[Floats, Floats]]:
    """Rates and amounts of the tier lines of every schedule."""
    lines = {}
    for name, rows in net.tiers.groupby("schedule", sort=True):
        rows = rows.sort_values("floor", kind="stable")
        floors, rates = rows["floor"].to_numpy(float), rows["maintenance_rate"].to_numpy(float)
        lines[str(name)] = (rates, np.concatenate([[0.0], np.cumsum(floors[1:] * np.diff(rates))]))
    return lines


def requirement(net: Network, fraction: Floats | None = None) -> Floats:
    """Maintenance requirement of every account (of one account behind the row) at opening marks.

    Parameters
    ----------
    fraction
        Share of every position that is kept, ``(n_accounts,)``; default all.
    """
    return _requirement(net)(fraction)


def _requirement(net: Network) -> Callable[[Floats | None], Floats]:
    """Read the tables once; return the requirement of every account as a function of the fraction kept."""
    account = net.accounts.index.get_indexer(pd.Index(net.positions["account"]))
    schedule = net.markets["schedule"].reindex(net.positions["market"]).to_numpy()
    full = np.abs(net.positions["quantity"].to_numpy(float)) * _marks(net)
    lines = [(np.flatnonzero(schedule == name), *line) for name, line in _lines(net).items()]
    n_accounts = len(net.accounts)

    def of(fraction: Floats | None) -> Floats:
        notional = full if fraction is None else full * fraction[account]
        margin = np.zeros(len(notional))
        for rows, rates, amounts in lines:
            own, most = notional[rows], np.zeros(len(rows))
            for rate, amount in zip(rates, amounts, strict=True):
                np.maximum(most, own * rate - amount, out=most)
            margin[rows] = most
        return np.asarray(np.bincount(account, margin, n_accounts), dtype=float)

    return of


def _marks(net: Network) -> Floats:
    """Opening mark of every position's market."""
    asset = net.markets["asset"].reindex(net.positions["market"])
    return net.assets["price"].reindex(asset).to_numpy(float)


def equity(net: Network) -> Floats:
    """Equity of every account (of one account behind the row) at opening marks."""
    account = net.accounts.index.get_indexer(pd.Index(net.positions["account"]))
    profit = net.positions["quantity"].to_numpy(float) * (
        _marks(net) - net.positions["entry_price"].to_numpy(float)
    )
    held = net.balances[net.balances["asset"] == net.unit]
    holder = net.accounts.index.get_indexer(pd.Index(held["account"]))
    n = len(net.accounts)
    return np.asarray(
        np.bincount(holder, held["quantity"].to_numpy(float), n) + np.bincount(account, profit, n),
        dtype=float,
    )


def _largest_fraction(net: Network, allowed: Floats) -> Floats:
    """Largest fraction of its positions with which an account's requirement is at most `allowed`."""
    low, high = np.zeros(len(allowed)), np.ones(len(allowed))
    required = _requirement(net)
    fits = required(None) <= allowed
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = required(middle) <= allowed
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(fits, 1.0, low)


def remargin(
    net: Network, *, before: Network, response: Literal["utilisation", "violators"] = "utilisation"
) -> Network:
    """Let the accounts of `net` adapt to its margin rules, which were those of `before`.

    Parameters
    ----------
    net
        The network under the new rules, positions still the old ones.
    before
        The same network under the old rules.
    response
        ``utilisation`` or ``violators``.

    Returns
    -------
    Network
        With smaller positions, cash posted by violators, and the rest of the market on the other side.

    Raises
    ------
    PolicyError
        An unknown response.
    """
    if response not in ("utilisation", "violators"):
        raise PolicyError(f"response {response!r:.80} is unknown; allowed are utilisation, violators")
    resting = np.asarray([str(name).startswith(REST) for name in net.accounts.index], dtype=np.bool_)
    posted = np.zeros(len(net.accounts))
    if response == "utilisation":
        allowed = requirement(before)
    else:
        ratio = net.venues["call_ratio"].reindex(net.accounts["venue"]).to_numpy(float)
        now = equity(net)
        missing = np.where(now < ratio * requirement(net), ratio * requirement(net) - now, 0.0)
        posted = _post(net, np.where(resting, 0.0, missing))
        allowed = np.where(missing > 0.0, np.maximum(now + posted, 0.0) / ratio, np.inf)
    fraction = np.where(resting, 1.0, _largest_fraction(net, np.where(resting, np.inf, allowed)))
    return _shrink(_paid(net, posted), fraction)


def _post(net: Network, missing: Floats) -> Floats:
    """Cash that owners can post per account, accounts of an owner in name order."""
    count = net.accounts["count"].to_numpy(float)
    frame = pd.DataFrame({"owner": net.accounts["owner"].to_numpy(), "need": missing * count})
    cash = net.nodes["cash"].reindex(frame["owner"]).to_numpy(float)
    earlier = frame.groupby("owner")["need"].cumsum().to_numpy() - frame["need"].to_numpy()
    posted = np.clip(np.minimum(frame["need"].to_numpy(), cash - earlier), 0.0, None)
    return np.asarray(posted / count, dtype=np.float64)


def _paid(net: Network, posted: Floats) -> Network:
    """Move the posted cash from nodes to accounts."""
    if not posted.any():
        return net
    total = posted * net.accounts["count"].to_numpy(float)
    by_owner = pd.Series(total).groupby(net.accounts["owner"].to_numpy()).sum()
    nodes = net.nodes.copy()
    nodes["cash"] = np.maximum(nodes["cash"] - by_owner.reindex(nodes.index).fillna(0.0), 0.0)
    return net.replace(nodes=nodes, balances=_credit(net, pd.Series(posted, index=net.accounts.index)))


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


def _lots(net: Network) -> Floats:
    """Lot of every position's market, 0 where it is chosen automatically."""
    return net.markets["lot"].reindex(net.positions["market"]).fillna(0.0).to_numpy(float)


def _shrink(net: Network, fraction: Floats) -> Network:
    """Close a share of every position at the opening mark against the rest of the market."""
    if (fraction == 1.0).all():
        return net
    positions = net.positions.copy()
    account = net.accounts.index.get_indexer(pd.Index(positions["account"]))
    old, lot, mark = positions["quantity"].to_numpy(float), _lots(net), _marks(net)
    kept = old * fraction[account]
    whole = np.where(lot > 0.0, np.trunc(kept / np.where(lot > 0.0, lot, 1.0)) * lot, kept)
    new = np.where(fraction[account] == 1.0, old, whole)
    realised = (old - new) * (mark - positions["entry_price"].to_numpy(float))
    money = pd.Series(np.bincount(account, realised, len(net.accounts)), index=net.accounts.index)
    positions["quantity"] = new
    count = net.accounts["count"].to_numpy(float)[account]
    given_up = pd.Series((old - new) * count).groupby(positions["market"].to_numpy()).sum()
    kept_rows = positions[new != 0.0].reset_index(drop=True)
    return _absorb(net, kept_rows, money, given_up[given_up != 0.0])


def _absorb(net: Network, positions: pd.DataFrame, money: pd.Series, given_up: pd.Series) -> Network:
    """Give the net of what was closed to the rest of the market, at the opening mark: its equity stays what it was."""
    venue = net.markets["venue"].reindex(given_up.index)
    mark = net.assets["price"].reindex(net.markets["asset"].reindex(given_up.index)).to_numpy(float)
    taken = pd.DataFrame(
        {
            "account": REST + venue.to_numpy(dtype=object),
            "market": given_up.index,
            "quantity": given_up.to_numpy(),
        }
    ).assign(entry_price=mark)
    resting = positions["account"].isin(set(taken["account"]))
    rest = positions[resting]
    at_mark = net.assets["price"].reindex(net.markets["asset"].reindex(rest["market"])).to_numpy(float)
    realised = pd.Series(rest["quantity"].to_numpy() * (at_mark - rest["entry_price"].to_numpy()))
    money = money.add(realised.groupby(rest["account"].to_numpy()).sum(), fill_value=0.0)
    both = pd.concat([rest.assign(entry_price=at_mark), taken]).groupby(["account", "market"], as_index=False)
    merged = both.agg(quantity=("quantity", "sum"), entry_price=("entry_price", "first"))
    nodes, accounts = _with_rest(net, sorted(set(venue)))
    emptied = (accounts["mode"] == "isolated") & ~accounts.index.isin(set(positions["account"]))
    accounts.loc[emptied, "mode"] = "cross"
    return net.replace(
        nodes=nodes,
        accounts=accounts,
        positions=pd.concat([positions[~resting], merged[merged["quantity"] != 0.0]]).reset_index(drop=True),
        balances=_credit(net, money),
    )


def _with_rest(net: Network, venues: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes and accounts with the rest of the market at `venues`."""
    nodes, accounts = net.nodes.reset_index(), net.accounts.reset_index()
    missing = [v for v in venues if REST + v not in net.accounts.index]
    names = [REST + v for v in missing]
    fresh = [name for name in names if name not in net.nodes.index]
    nodes = pd.concat([nodes, pd.DataFrame({"name": fresh, "kind": "trader"})]) if fresh else nodes
    more = pd.DataFrame({"name": names, "owner": names, "venue": missing, "reaction": "none"})
    accounts = pd.concat([accounts, more]) if names else accounts
    defaults = {"mode": "cross", "count": 1, "response": 0.0}
    accounts = accounts.fillna({k: v for k, v in defaults.items() if k in accounts})
    money = ("cash", "external_assets", "external_liabilities")
    nodes = nodes.fillna({**dict.fromkeys(money, 0.0), "owner": ""})
    return nodes.set_index("name"), accounts.astype({"count": np.int64}).set_index("name")
