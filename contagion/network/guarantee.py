"""The same network with some nodes made sound: they keep all they hold and owe, but never pass distress on.

An outside payer guarantees them: their accounts have collateral for ten times the gross value of their positions
and debts, so that nothing of theirs is called, sold or deleveraged by force for its own shortfall; their outside
assets cover all that they owe; the fund of a venue covers every position on it, and its reserves are liquid. The
guarantee is there at the opening and at the end, so by itself it is neither a gain nor a loss. Claims, positions
and rules of everybody else stay.

References
----------
Drehmann, Tarashev (2013), "Measuring the systemic importance of interconnected banks", Journal of Financial
Intermediation 22(4): a bank's contribution is what changes when it cannot add to the system's losses. Zedda,
Cannas (2020), "Analysis of banks' systemic risk contribution and contagion determinants through the leave-one-out
approach", Journal of Banking & Finance 112.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, nearest
from contagion.network.interest import notionals
from contagion.network.network import Network
from contagion.network.reserved import inventory, rest_of_market

__all__ = ["PAYER", "guarantee"]

Floats = npt.NDArray[np.float64]

PAYER: Final = "guarantee"
TIMES: Final = 10.0
"""Collateral over the gross value of positions and debts: enough until a price has risen tenfold."""


def guarantee(net: Network, nodes: Collection[str], accounts: Collection[str] = ()) -> Network:
    """Return the network with these nodes, and these accounts of other nodes, made sound.

    Parameters
    ----------
    net : Network
        The network.
    nodes : collection of str
        Names of nodes; all their accounts are guaranteed too.
    accounts : collection of str, optional
        Names of accounts whose owners stay as they are.

    Returns
    -------
    Network
        With the money put in among its `payers`. Nobody named: the same network.

    Raises
    ------
    NetworkError
        If a name does not exist, or money of the unit counts for nothing where an account lies.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "A", "cash": 1}, {"name": "B"}],
    ...               obligations=[{"debtor": "A", "creditor": "B", "amount": 3}])
    >>> guarantee(net, ["A"]).nodes["external_assets"].to_dict()
    {'A': 3.0, 'B': 0.0}
    """
    _check("nodes", nodes, net.nodes.index)
    _check("accounts", accounts, net.accounts.index)
    if not nodes and not accounts:
        return net
    sound = net.nodes.index.isin(list(nodes))
    owed = np.where(sound, _debts(net), 0.0)
    fund = np.where(net.venues.index.isin(list(nodes)), _open_interest(net), 0.0)
    collateral = _collateral(net, nodes, accounts)
    posted = float((collateral * net.accounts["count"].to_numpy(float)).sum())
    money = float(owed.sum() + fund.sum()) + posted
    reserve = np.where(fund > 0.0, 1.0, net.venues["reserve_ratio"].to_numpy(float))
    return net.replace(
        nodes=net.nodes.assign(external_assets=net.nodes["external_assets"] + owed),
        venues=net.venues.assign(insurance_fund=net.venues["insurance_fund"] + fund, reserve_ratio=reserve),
        balances=_balances(net, collateral),
        payers={**net.payers, PAYER: net.payers.get(PAYER, 0.0) + money},
    )


def _check(where: str, names: Collection[str], known: pd.Index) -> None:
    for name in names:
        if name not in known:
            hint = nearest(name, map(str, known))
            raise NetworkError(f"does not exist{hint}", where=where, value=name)


def _debts(net: Network) -> Floats:
    debts = np.bincount(
        net.codes("obligations", "debtor"), net.obligations["amount"].to_numpy(float), len(net.nodes)
    )
    return np.asarray(debts + net.nodes["external_liabilities"].to_numpy(float), dtype=np.float64)


def _gross(net: Network) -> Floats:
    """Value of positions and debts of one account behind each row, at opening prices, without signs."""
    price = net.assets["price"].to_numpy(float)[net.codes("balances", "asset")]
    debts = np.maximum(-net.balances["quantity"].to_numpy(float), 0.0) * price
    rows = len(net.accounts)
    positions = np.bincount(net.codes("positions", "account"), notionals(net), rows)
    return np.asarray(
        positions + np.bincount(net.codes("balances", "account"), debts, rows), dtype=np.float64
    )


def _open_interest(net: Network) -> Floats:
    """Gross value of everything on each venue, and whatever small amount makes an empty one sound."""
    value = _gross(net) * net.accounts["count"].to_numpy(float)
    total = np.bincount(net.codes("accounts", "venue"), value, len(net.venues))
    return np.asarray(np.maximum(total, 1.0), dtype=np.float64)


def _collateral(net: Network, nodes: Collection[str], accounts: Collection[str]) -> Floats:
    """Money that each account is given, one behind the row."""
    names = net.accounts.index
    chosen = net.accounts["owner"].isin(list(nodes)).to_numpy() | names.isin(list(accounts))
    needed = np.where(chosen & ~rest_of_market(names) & ~inventory(names), TIMES * _gross(net), 0.0)
    own = net.collateral[net.collateral["asset"] == net.unit].set_index("venue")["liquidation_threshold"]
    counts = own.reindex(net.accounts["venue"]).fillna(1.0).to_numpy(float)
    protocol = (net.nodes["kind"].reindex(net.accounts["venue"]) == "protocol").to_numpy()
    counts = np.where(protocol, counts, 1.0)
    worthless = np.flatnonzero((needed > 0.0) & (counts == 0.0))
    if len(worthless):
        raise NetworkError(
            f"lies at a venue where {net.unit} counts for nothing, so that money cannot make it sound",
            where="accounts",
            value=str(names[worthless[0]]),
            remedy="leave it out, or give the unit a liquidation_threshold above 0 there",
        )
    return np.asarray(needed / np.where(counts > 0.0, counts, 1.0), dtype=np.float64)


def _balances(net: Network, collateral: Floats) -> pd.DataFrame:
    given = np.flatnonzero(collateral > 0.0)
    added = pd.DataFrame(
        {
            "account": net.accounts.index.to_numpy()[given],
            "asset": net.unit,
            "quantity": collateral[given],
        }
    )
    table = pd.concat([net.balances, added]) if len(given) else net.balances
    return table.groupby(["account", "asset"], sort=True)["quantity"].sum().reset_index()
