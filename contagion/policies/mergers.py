"""What if firms were fewer and larger, or more and smaller? Nodes join their balance sheets, or divide them.

Shocks that name the old nodes reach the new ones (`Policy.heirs`): a merged node's external assets fall by the mean
fall of its parts' assets, weighted by these; it loses the money of equity that its parts would have lost; and it fails
where a shock lets one of its parts fail. Parts of a divided node share its fate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.reserved import rest_of_market
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread
from contagion.policies.capital import check_nodes, need_names
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.leverage import opening_assets

__all__ = ["Merger", "Split"]

KEY = ["debtor", "creditor", "seniority"]


@dataclass(frozen=True)
class Merger(Policy):
    """Nodes become one before the shock: balance sheets add up, claims between them vanish.

    Holdings, margin accounts, issued shares and strategies move to the merged node. Claims of others on several of the
    nodes are one afterwards: callable where all of them are, at the longest notice.

    Parameters
    ----------
    nodes
        Names of the nodes, no venues; fewer than two: nothing happens.
    into
        Name of the merged node: one of them, or new; None: the first.
    fee
        What the merger costs outside the network, as a share of the total assets of all but the largest of the nodes:
        an assumption, 0 to 0.05. Models of balance sheets bill it; it is not taken from the sheets.

    Raises
    ------
    PolicyError
        If a node is no node of the network or a venue, holds shares that another of them issues, or `into` is taken.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115, for such interventions against fire sales.

    Examples
    --------
    >>> Merger(("Bank A", "Bank B")).describe()
    "Merger: Bank A, Bank B become 'Bank A' before the shock; claims between them vanish."
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    nodes: tuple[str, ...] = ()
    into: str | None = None
    fee: float = 0.01

    def __post_init__(self) -> None:
        """Refuse nodes that are named twice, and a name that is none."""
        need_names(self, self.nodes)
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if len(set(self.nodes)) < len(self.nodes):
            raise PolicyError(f"Merger.nodes {self.nodes!r:.80} names a node twice; name each once")
        if self.into is not None and (not isinstance(self.into, str) or not self.into):
            raise PolicyError(f"Merger.into is {self.into!r:.80}; give a name, or leave it out")
        check_number(self, "fee", 0.0, 1.0)
        if len(self.nodes) < 2:
            check_unread(self, ("into", "fee"), "nodes names fewer than two")

    @property
    def merged(self) -> str:
        """Name of the merged node."""
        return self.into if self.into is not None else self.nodes[0] if self.nodes else ""

    def describe(self) -> str:
        """One plain sentence."""
        if len(self.nodes) < 2:
            return "Merger: of no nodes, so that nothing happens."
        return (
            f"Merger: {', '.join(self.nodes)} become {self.merged!r} before the shock; "
            "claims between them vanish."
        )

    def heirs(self) -> Mapping[str, Mapping[str, float]]:
        """Every node goes to the merged one as a whole."""
        return {name: {self.merged: 1.0} for name in self.nodes} if len(self.nodes) > 1 else {}

    def opening(self, net: Network) -> Network:
        """Add up the balance sheets and rename whatever points to the nodes."""
        if len(self.nodes) < 2:
            return net
        check_nodes(self, "nodes", net, self.nodes)
        for name in self.nodes:
            refuse_venues(self, "nodes", net, name)
        if self.merged in net.nodes.index and self.merged not in self.nodes:
            raise PolicyError(
                f"Merger.into {self.merged!r} is another node of the network; choose one of the nodes or a new name"
            )
        self._refuse_own_shares(net)
        new = dict.fromkeys(self.nodes, self.merged)
        held = net.holdings.replace({"node": new}).groupby(["node", "asset"], as_index=False)
        return net.replace(
            nodes=self._joined(net.nodes, new),
            obligations=_claims(net.obligations.replace({"debtor": new, "creditor": new})),
            holdings=held.agg({"quantity": "sum"}),
            assets=net.assets.replace({"issuer": new}),
            accounts=net.accounts.replace({"owner": new}),
            strategies=net.strategies.replace({"spot_node": new}),
        )

    def _joined(self, nodes: pd.DataFrame, new: dict[str, str]) -> pd.DataFrame:
        """The table of nodes with one row in place of several; its words are those of the row that keeps its name."""
        money = ["cash", "external_assets", "external_liabilities"]
        row = nodes.loc[self.merged if self.merged in self.nodes else self.nodes[0]].copy()
        row[money] = nodes.loc[list(self.nodes), money].sum()
        row["owner"] = "" if row["owner"] in self.nodes else row["owner"]
        kept = nodes.drop(index=list(self.nodes)).replace({"owner": new})
        kept.loc[self.merged] = row
        return kept.astype(nodes.dtypes.to_dict())

    def _refuse_own_shares(self, net: Network) -> None:
        """Refuse shares that would become the merged node's shares in itself."""
        issued = net.assets["issuer"].isin(self.nodes)
        own = net.holdings[
            net.holdings["node"].isin(self.nodes) & net.holdings["asset"].isin(net.assets.index[issued])
        ]
        if len(own):
            first = own.iloc[0]
            raise PolicyError(
                f"Merger.nodes: {first['node']!r} holds {first['asset']!r}, shares that one of the nodes issues: "
                "consolidating them takes their worth off the sum of equity; leave this holding out of the network"
            )

    def commitment(self, before: Network, after: Network) -> Outlay:
        """What the merger costs outside."""
        if after is before:
            return Outlay()
        assets = opening_assets(before)[list(self.nodes)]
        return Outlay(paid_away=self.fee * float(assets.sum() - assets.max()))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Fees of the merger."""
        return outlay.paid_away


@dataclass(frozen=True)
class Split(Policy):
    """A node becomes several equal ones before the shock: everything it owns and owes is divided.

    The first part keeps the name, others are called ``<node>/2`` and so on. Each has its part of cash, assets, debts,
    of every claim and holding, and margin accounts ``<account>/2`` with its part of balances and positions.

    Parameters
    ----------
    node
        Name of the node, no venue, with no shares issued and no strategies; None: nothing happens.
    parts
        How many nodes it becomes, at least 1.
    fee
        What the split costs outside the network, as a share of the total assets that leave the node: an assumption, 0
        to 0.05. Models of balance sheets bill it; it is not taken from the sheets.

    Raises
    ------
    PolicyError
        If the node is no node of the network, or a venue, issuer or part of a strategy, or a new name is taken.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115, for such interventions against fire sales.

    Examples
    --------
    >>> Split("Bank A", parts=3).describe()
    "Split: 'Bank A' becomes 3 equal nodes before the shock."
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    node: str | None = None
    parts: int = 2
    fee: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what is no number of parts."""
        if not isinstance(self.parts, int) or isinstance(self.parts, bool) or not 1 <= self.parts <= 1000:
            raise PolicyError(f"Split.parts is {self.parts!r:.80}; allowed is a whole number from 1 to 1000")
        if self.node is not None and not isinstance(self.node, str):
            raise PolicyError(f"Split.node is {self.node!r:.80}; give the name of one node")
        check_number(self, "fee", 0.0, 1.0)
        if self.node is None:
            check_unread(self, ("parts", "fee"), "no node is given")

    def describe(self) -> str:
        """One plain sentence."""
        if not self._acts:
            return "Split: of no node, so that nothing happens."
        return f"Split: {self.node!r} becomes {self.parts} equal nodes before the shock."

    @property
    def _acts(self) -> bool:
        return self.node is not None and self.parts > 1

    def heirs(self) -> Mapping[str, Mapping[str, float]]:
        """The node goes to its parts alike."""
        if self.node is None or not self._acts:
            return {}
        return {self.node: dict.fromkeys(_parts(self.node, self.parts), 1.0 / self.parts)}

    def opening(self, net: Network) -> Network:
        """Divide the rows that name the node."""
        if self.node is None or not self._acts:
            return net
        self._check(net, self.node)
        own = net.accounts.index[net.accounts["owner"] == self.node]
        nodes = _divided(net.nodes.reset_index(), "name", (self.node,), self.parts, _MONEY)
        nodes.loc[nodes["name"].isin(_parts(self.node, self.parts)[1:]), "owner"] = self.node
        claims = _divided(net.obligations, "debtor", (self.node,), self.parts, ("amount",))
        accounts = _divided(net.accounts.reset_index(), "name", tuple(own), self.parts, ())
        for place, name in enumerate(_parts(self.node, self.parts)):
            accounts.loc[accounts["name"].isin([_part(str(one), place) for one in own]), "owner"] = name
        return net.replace(
            nodes=nodes,
            obligations=_divided(claims, "creditor", (self.node,), self.parts, ("amount",)),
            holdings=_divided(net.holdings, "node", (self.node,), self.parts, ("quantity",)),
            accounts=accounts,
            balances=_divided(net.balances, "account", tuple(own), self.parts, ("quantity",)),
            positions=_divided(net.positions, "account", tuple(own), self.parts, ("quantity",)),
        )

    def _check(self, net: Network, node: str) -> None:
        """Refuse what cannot be divided."""
        check_nodes(self, "node", net, (node,))
        refuse_venues(self, "node", net, node)
        taken = [name for name in _parts(node, self.parts)[1:] if name in net.nodes.index]
        if taken:
            raise PolicyError(
                f"Split.node {node!r}: {taken[0]!r} is a node of the network already; rename it"
            )
        issued = net.assets.index[net.assets["issuer"] == node]
        if len(issued):
            raise PolicyError(
                f"Split.node {node!r} issues {issued[0]!r}: its shares cannot be divided; split another node"
            )
        own = net.accounts.index[net.accounts["owner"] == node]
        legs = net.strategies[["long_account", "short_account"]].isin(own).any(axis=1)
        busy = net.strategies.index[legs | (net.strategies["spot_node"] == node)]
        if len(busy):
            raise PolicyError(
                f"Split.node {node!r} has a part in the strategy {busy[0]!r}, which cannot be divided; "
                "split another node"
            )

    def commitment(self, before: Network, after: Network) -> Outlay:
        """What the split costs outside."""
        if self.node is None or after is before:
            return Outlay()
        assets = float(opening_assets(before)[self.node])
        return Outlay(paid_away=self.fee * assets * (self.parts - 1) / self.parts)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Fees of the split."""
        return outlay.paid_away


_MONEY = ("cash", "external_assets", "external_liabilities")


def refuse_venues(policy: Policy, field: str, net: Network, name: str) -> None:
    """Refuse a node whose markets and customers cannot follow it."""
    if name in net.venues.index or rest_of_market([name])[0]:
        raise PolicyError(
            f"{type(policy).__name__}.{field} names {name!r}, a venue or the rest of a market, whose rules cannot be "
            "joined or divided; name nodes that run no market"
        )


def _claims(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims without those of a node on itself, one row for each debtor, creditor and seniority."""
    rows = rows[rows["debtor"] != rows["creditor"]]
    rules = {"amount": "sum", "callable": "all", "notice": "max"}
    return rows.groupby(KEY, as_index=False).agg(rules)[list(rows.columns)]


def _parts(name: str, parts: int) -> list[str]:
    return [_part(name, place) for place in range(parts)]


def _part(name: str, place: int) -> str:
    """Name of a part, the first keeps the whole's."""
    return name if place == 0 else f"{name}/{place + 1}"


def _divided(
    rows: pd.DataFrame, column: str, names: tuple[Any, ...], parts: int, amounts: tuple[str, ...]
) -> pd.DataFrame:
    """The rows, those of the names in so many copies with the part's name and its part of the amounts."""
    chosen = rows[column].isin(names)
    if not chosen.any():
        return rows
    own = rows[chosen]
    each = own.assign(**{name: own[name] / parts for name in amounts})
    copies = [
        each.assign(**{column: np.array([_part(str(one), place) for one in own[column]], dtype=object)})
        for place in range(parts)
    ]
    return pd.concat([rows[~chosen], *copies], ignore_index=True)
