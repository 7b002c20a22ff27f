"""What stands behind a venue, as flat numbers: liquid money against withdrawals, members against deficits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.network.equity import contributions
from contagion.network.reserved import rest_of_market
from contagion.propagation.cascade.grouping import coins_among
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]


def fill_backing(rows: npt.NDArray[Any], net: Network, units: Units) -> None:
    """Fill the columns of the venue rows that say what withdrawals and deficits are paid with."""
    for column in ("reserve_ratio", "illiquid_discount", "assessment"):
        rows[column] = net.column("venues", column)
    rows["own_capital"] = np.rint(net.column("venues", "own_capital") * units.scale)
    rows["replenish"] = net.column("venues", "replenish") * units.scale
    behind = balances(net, units) * (1.0 - rows["customer_share"])
    rows["reserve"] = np.floor(rows["reserve_ratio"] * behind)
    rows["lent"] = np.floor((1.0 - rows["reserve_ratio"]) * behind)


def member_arrays(net: Network, units: Units) -> dict[str, npt.NDArray[Any]]:
    """The book's arrays per member of a venue with a default fund, and the member behind every account."""
    table, venues = contributions(net), net.column("venues", "name")
    places = {name: place for place, name in enumerate(venues)}
    nodes = {name: place for place, name in enumerate(net.column("nodes", "name"))}
    venue = np.asarray([places[name] for name in table["venue"]], dtype=np.int64)
    node = np.asarray([nodes[name] for name in table["node"]], dtype=np.int64)
    members = {pair: place for place, pair in enumerate(zip(venue.tolist(), node.tolist(), strict=True))}
    held = zip(net.codes("accounts", "venue").tolist(), net.codes("accounts", "owner").tolist(), strict=True)
    known = np.asarray([members.get(pair, -1) for pair in held] if members else -1, dtype=np.int64)
    member_of = np.where(rest_of_market(net.column("accounts", "name")), -1, known)
    counts = np.bincount(venue, minlength=len(venues))
    return {
        "member_indptr": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "member_node": node,
        "member_contribution": np.rint(table["money"].to_numpy(float) * units.scale).astype(np.int64),
        "member_of": np.asarray(member_of, dtype=np.int64),
    }


def balances(net: Network, units: Units) -> Floats:
    """Quanta of the customers' balances at every venue, the rest of the market left out."""
    of_money = ~coins_among(net, "balances")
    account = net.codes("balances", "account")[of_money]
    money = net.column("balances", "quantity")[of_money] * net.column("accounts", "count")[account]
    known = ~rest_of_market(net.column("accounts", "name"))[account]
    venue, n_venues = net.codes("accounts", "venue")[account], len(net.index("venues"))
    total = np.bincount(venue[known], np.maximum(money, 0.0)[known], n_venues) * units.scale
    return np.asarray(total, dtype=np.float64)
