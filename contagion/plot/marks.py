"""From the tables of a network to at most 300 marks and 1,500 lines.

Few nodes are drawn one by one. Of many, venues and the largest of the others keep a mark of their own; the
rest is put together by kind and main venue, and says how many it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.errors import NetworkError, SchemaError, nearest
from contagion.network.contracts import opening_worths

if TYPE_CHECKING:
    from contagion.network.network import Network

MOST_MARKS = 300
MOST_LINES = 1500
OWN_MARKS = 120

Values = str | Mapping[str, object] | pd.Series | NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """What is drawn.

    Parameters
    ----------
    table : DataFrame
        One row a mark, indexed by its name: kind, venue, label, members, exposure, own (a single node).
    lines : DataFrame
        source, target (positions of marks), channel, weight (money), the heaviest first.
    hidden_lines : int
        Lines left out because there are too many.
    of_node : Series
        Position of the mark of each node.
    """

    table: pd.DataFrame
    lines: pd.DataFrame
    hidden_lines: int
    of_node: pd.Series


def links(net: Network) -> pd.DataFrame:
    """Return who is tied to whom: source, target, channel and weight (money), each pair once per channel.

    A margin account ties its owner to its venue, by the money of its positions and balances; an obligation
    ties the debtor to the creditor, a token who holds it, in an account or outside, to its issuer.
    """
    price = net.assets["price"].astype(np.float64)
    positions, balances = net.positions, net.balances
    worth = np.abs(opening_worths(net))[net.codes("positions", "market")]
    value = positions["quantity"].abs() * worth
    held = balances["quantity"].abs() * balances["asset"].map(price).astype(np.float64)
    money = (
        value.groupby(positions["account"]).sum().add(held.groupby(balances["account"]).sum(), fill_value=0.0)
    )
    accounts = net.accounts
    margin = pd.DataFrame(
        {
            "source": accounts["owner"],
            "target": accounts["venue"],
            "channel": "margin account",
            "weight": money.reindex(accounts.index).fillna(0.0) * accounts["count"],
        }
    )
    loans = pd.DataFrame(
        {
            "source": net.obligations["debtor"],
            "target": net.obligations["creditor"],
            "channel": "obligation",
            "weight": net.obligations["amount"].astype(np.float64),
        }
    )
    both = pd.concat([margin, loans, _tokens(net, price)], ignore_index=True)
    return pd.DataFrame(
        both.groupby(["source", "target", "channel"], sort=True)["weight"].sum().reset_index()
    )


def _tokens(net: Network, price: pd.Series) -> pd.DataFrame:
    """Return what nodes hold of the tokens that others issued."""
    held, balances = net.holdings, net.balances
    account = net.accounts.loc[balances["account"], ["owner", "count"]]
    rows = pd.DataFrame(
        {
            "source": [*held["node"], *account["owner"]],
            "asset": [*held["asset"], *balances["asset"]],
            "quantity": [*held["quantity"], *(balances["quantity"].to_numpy() * account["count"].to_numpy())],
        }
    )
    rows["target"] = rows["asset"].map(net.assets["issuer"])
    rows = rows[(rows["target"] != "") & (rows["source"] != rows["target"])]
    weight = rows["quantity"].abs().astype(np.float64) * rows["asset"].map(price).astype(np.float64)
    return rows[["source", "target"]].assign(channel="token", weight=weight)


def marks(net: Network) -> Marks:
    """Return the marks and lines of a network.

    Parameters
    ----------
    net : Network
        Any network.
    """
    ties = links(net)
    nodes = _described(net, ties)
    mark = _grouping(nodes)
    codes, names = pd.factorize(mark, sort=True)
    grouped = nodes.groupby(codes)
    members = grouped.size()
    table = pd.DataFrame(
        {
            "kind": grouped["kind"].first(),
            "venue": grouped["venue"].first(),
            "members": members,
            "exposure": grouped["exposure"].sum(),
            "own": members == 1,
        }
    )
    table["name"] = names
    first = grouped["name"].first()
    table["label"] = np.where(table["own"], first, [_group_label(row) for row in table.itertuples()])
    of_node = pd.Series(codes, index=nodes["name"])
    lines, hidden = _merged(ties, of_node)
    return Marks(table.set_index("name"), lines, hidden, of_node)


def _described(net: Network, ties: pd.DataFrame) -> pd.DataFrame:
    """Return name, kind, main venue and exposure of every node."""
    names = pd.Index(net.nodes.index)
    total = ties.groupby("source")["weight"].sum().add(ties.groupby("target")["weight"].sum(), fill_value=0.0)
    margin = ties[ties["channel"] == "margin account"].sort_values(
        ["source", "weight", "target"], ascending=[True, False, True], kind="stable"
    )
    main = margin.drop_duplicates("source").set_index("source")["target"]
    main = pd.Series(names, names).where(names.isin(net.venues.index), main.reindex(names)).fillna("")
    return pd.DataFrame(
        {
            "name": names,
            "kind": net.nodes["kind"].to_numpy(),
            "venue": main.to_numpy(),
            "exposure": total.reindex(names).fillna(0.0).to_numpy(),
            "is_venue": names.isin(net.venues.index),
        }
    )


def _grouping(nodes: pd.DataFrame) -> NDArray[np.object_]:
    """Return the mark each node belongs to: itself, or its kind at its venue."""
    alone = np.array([f"0 {name}" for name in nodes["name"]], dtype=object)
    if len(nodes) <= MOST_MARKS:
        return alone
    order = nodes.sort_values(["is_venue", "exposure", "name"], ascending=[False, False, True]).index
    keep = np.zeros(len(nodes), dtype=bool)
    keep[nodes.index.get_indexer(order[:OWN_MARKS])] = True
    group = "1 " + nodes["kind"].astype(str) + " " + nodes["venue"].astype(str)
    rest = nodes["exposure"][~keep].groupby(group[~keep]).sum().sort_values(ascending=False, kind="stable")
    by_kind = "2 " + nodes["kind"].astype(str)
    room = MOST_MARKS - OWN_MARKS - nodes["kind"].nunique()
    group = group.where(group.isin(rest.index[:room]), by_kind)
    return np.where(keep, alone, group.to_numpy(dtype=object))


def _group_label(row: object) -> str:
    kind, venue, number = row.kind, row.venue, row.members  # type: ignore[attr-defined]
    return f"{number:,} {kind}s" + (f" · {venue}" if venue else "")


def _merged(ties: pd.DataFrame, of_node: pd.Series) -> tuple[pd.DataFrame, int]:
    """Return the lines between marks, the heaviest first, and how many are left out."""
    ends = pd.DataFrame(
        {
            "source": ties["source"].map(of_node).to_numpy(),
            "target": ties["target"].map(of_node).to_numpy(),
            "channel": ties["channel"].to_numpy(),
            "weight": ties["weight"].to_numpy(),
        }
    )
    ends = ends[ends["source"] != ends["target"]]
    merged = pd.DataFrame(
        ends.groupby(["source", "target", "channel"], sort=True)["weight"].sum().reset_index()
    )
    merged = merged.sort_values("weight", ascending=False, kind="stable", ignore_index=True)
    return merged.iloc[:MOST_LINES], max(0, len(merged) - MOST_LINES)


def node_values(net: Network, values: Values, what: str) -> tuple[pd.Series, str]:
    """Return one value per node, and what it is called.

    Parameters
    ----------
    net : Network
        The network.
    values : str, mapping, Series or ndarray
        A column of ``net.nodes``; a statistic (``exposure``, ``links``); values by node name, missing where a
        node isn't named; or an array in the order of ``net.nodes``.
    what : str
        Name of the argument, for messages.

    Raises
    ------
    SchemaError
        No such column or statistic, or an array of another length.
    NetworkError
        Values for nodes that the network doesn't have.
    """
    index = pd.Index(net.nodes.index)
    if isinstance(values, str):
        return _named(net, values, what), values
    if isinstance(values, (Mapping, pd.Series)):
        series = pd.Series(values)
        unknown = series.index[~series.index.isin(index)]
        if len(unknown):
            raise NetworkError(
                f"is no node of the network{nearest(unknown[0], index)}", where=what, value=unknown[0],
                remedy="index the values by node name",
            )  # fmt: skip
        name = values.name if isinstance(values, pd.Series) and values.name is not None else "value"
        return series.reindex(index), str(name)
    array = np.asarray(values)
    if array.shape != (len(index),):
        raise SchemaError(
            "has another shape than the nodes",
            where=what,
            value=array.shape,
            allowed=f"({len(index)},), as net.nodes",
        )
    return pd.Series(array, index), "value"


def _named(net: Network, name: str, what: str) -> pd.Series:
    columns = [str(column) for column in net.nodes.columns]
    if name in columns:
        return pd.Series(net.nodes[name])
    allowed = [*columns, "exposure", "links"]
    if name not in allowed:
        raise SchemaError(
            f"is no column of nodes and no statistic{nearest(name, allowed)}", where=what, value=name,
            allowed=", ".join(allowed),
        )  # fmt: skip
    ties = links(net)
    ends = pd.concat([ties.set_index("source")["weight"], ties.set_index("target")["weight"]])
    grouped = ends.groupby(level=0)
    found = grouped.sum() if name == "exposure" else grouped.size()
    return pd.Series(found.reindex(net.nodes.index).fillna(0.0), dtype=np.float64)
