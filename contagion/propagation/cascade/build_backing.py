"""What stands behind a venue, as flat numbers: liquid money against withdrawals, members against deficits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.network import Network
from contagion.network.equity import contributions
from contagion.network.reserved import rest_of_market
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]


def fill_backing(rows: npt.NDArray[Any], net: Network, units: Units) -> None:
    """Fill the columns of the venue rows that say what withdrawals and deficits are paid with."""
    for column in ("reserve_ratio", "illiquid_discount", "assessment"):
        rows[column] = net.venues[column].to_numpy()
    rows["own_capital"] = np.rint(net.venues["own_capital"].to_numpy(float) * units.scale)
    rows["replenish"] = net.venues["replenish"].to_numpy(float) * units.scale
    behind = balances(net, units) * (1.0 - rows["customer_share"])
    rows["reserve"] = np.floor(rows["reserve_ratio"] * behind)
    rows["lent"] = np.floor((1.0 - rows["reserve_ratio"]) * behind)


def member_arrays(net: Network, units: Units) -> dict[str, npt.NDArray[Any]]:
    """The book's arrays per member of a venue with a default fund, and the member behind every account."""
    table, accounts = contributions(net), net.accounts
    venue = net.venues.index.get_indexer(pd.Index(table["venue"]))
    members = pd.MultiIndex.from_arrays([table["venue"], table["node"]])
    held = pd.MultiIndex.from_arrays([accounts["venue"], accounts["owner"]])
    member_of = np.where(rest_of_market(accounts.index), -1, members.get_indexer(held))
    counts = np.bincount(venue, minlength=len(net.venues)) if len(table) else np.zeros(len(net.venues))
    return {
        "member_indptr": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "member_node": np.asarray(net.nodes.index.get_indexer(pd.Index(table["node"])), dtype=np.int64),
        "member_contribution": np.rint(table["money"].to_numpy(float) * units.scale).astype(np.int64),
        "member_of": np.asarray(member_of, dtype=np.int64),
    }


def balances(net: Network, units: Units) -> Floats:
    """Quanta of the customers' balances at every venue, the rest of the market left out."""
    accounts, held = net.accounts, net.balances[net.balances["asset"] == net.unit]
    money = held["quantity"].to_numpy(float) * accounts["count"].reindex(held["account"]).to_numpy(float)
    known = ~rest_of_market(held["account"])
    venue = net.venues.index.get_indexer(pd.Index(accounts["venue"].reindex(held["account"])))
    total = np.bincount(venue[known], np.maximum(money, 0.0)[known], len(net.venues)) * units.scale
    return np.asarray(total, dtype=np.float64)
