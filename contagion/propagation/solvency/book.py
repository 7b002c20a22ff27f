"""What do a network's tables say about everybody's balance sheet, before a shock and after it?

Assets outside the network are cash, external assets, holdings at their prices, what is positive in a node's margin
accounts, and the insurance fund of a venue; a venue also keeps its customers' balances, which it owes them, and bears
what accounts at it lack. Debts outside are external liabilities and those balances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.claims import Claims
from contagion.errors import NetworkError
from contagion.network.equity import account_equity
from contagion.network.reserved import rest_of_market

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.shocks import Shock

__all__ = ["READS", "Book", "Sheets"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

READS = {
    "nodes": ("cash", "external_assets", "external_liabilities"),
    "obligations": ("amount", "seniority"),
    "assets": ("price",),
    "holdings": ("quantity",),
    "accounts": ("count", "owner", "venue"),
    "balances": ("quantity",),
    "positions": ("quantity", "entry_price"),
    "markets": ("asset",),
    "venues": ("insurance_fund", "customer_share"),
}
"""Columns that balance sheets are made of; a table's rows and key count too."""


@dataclass(frozen=True)
class Sheets:
    """Balance sheets of all nodes at one moment, arrays in the order of `names`.

    Parameters
    ----------
    names : pandas.Index
        Nodes, sorted.
    claims : Claims
        Debts inside the network, of all seniorities.
    assets, debts : numpy.ndarray, shape (n,)
        What nodes own and owe outside it; assets may be negative: a hole.
    """

    names: pd.Index
    claims: Claims
    assets: Floats
    debts: Floats

    @property
    def equity(self) -> Floats:
        """Face equity, shape (n,)."""
        return np.asarray(self.assets + self.claims.claimed - self.claims.owed - self.debts)

    @property
    def whole(self) -> tuple[Floats, Floats]:
        """External assets and liabilities, both at least 0: a hole is a debt outside the network."""
        return np.maximum(self.assets, 0.0), self.debts + np.maximum(-self.assets, 0.0)


class Book:
    """What a network's balance sheets are made of, so that many shocks can revalue them quickly.

    Parameters
    ----------
    net : Network
        The network, after the policies' openings.
    before : Network
        The network whose nodes a shock knows; further nodes share the fate of their owner.
    """

    def __init__(self, net: Network, before: Network) -> None:
        self.net, self.names = net, net.nodes.index
        self.claims = _claims(net)
        known = before.nodes.index
        owner = net.nodes["owner"].to_numpy(dtype=object)
        self.shocked_names = [str(name) for name in known]
        own = known.get_indexer(self.names)
        self.fate = np.where(own >= 0, own, known.get_indexer(pd.Index(owner, dtype=object)))
        self.opening = self.at(np.ones(len(net.assets)), np.ones(len(self.names)))

    @cached_property
    def counted(self) -> Flags:
        """Nodes whose losses count: all but the rest of the market, shape (n,)."""
        return ~rest_of_market(self.names)

    def at(self, price_factors: Floats, asset_factors: Floats) -> Sheets:
        """Balance sheets when prices and external assets have changed by factors."""
        net = self.net
        nodes, n = net.nodes, len(self.names)
        prices = net.assets["price"].to_numpy(float) * price_factors
        assets = nodes["cash"].to_numpy(float) + nodes["external_assets"].to_numpy(float) * asset_factors
        debts = nodes["external_liabilities"].to_numpy(float).copy()
        if len(net.holdings):
            worth = net.holdings["quantity"].to_numpy(float) * prices[net.codes("holdings", "asset")]
            assets = assets + np.bincount(net.codes("holdings", "node"), worth, n)
        if len(net.venues):
            assets = assets + self._at_venues(net.venues["insurance_fund"].to_numpy(float))
        if len(net.accounts):
            equity = account_equity(net, prices) * net.accounts["count"].to_numpy(float)
            assets = assets + np.bincount(net.codes("accounts", "owner"), np.maximum(equity, 0.0), n)
            customers = np.where(rest_of_market(net.accounts.index), 0.0, equity)
            venue, places = net.codes("accounts", "venue"), len(net.venues)
            lent = (1.0 - net.venues["customer_share"].to_numpy(float)) * np.bincount(
                venue, np.maximum(customers, 0.0), places
            )
            lacking = np.bincount(venue, np.maximum(-customers, 0.0), places)
            assets = assets + self._at_venues(lent - lacking)
            debts = debts + self._at_venues(lent)
        return Sheets(self.names, self.claims, np.asarray(assets), np.asarray(debts))

    def after(self, shock: Shock) -> Sheets:
        """Balance sheets after a shock: prices, external assets, then losses of equity."""
        sheets = self.at(self.moves(shock), self._fated(shock.asset_factors(self.shocked_names), 1.0))
        losses = self._fated(shock.equity_losses(self.shocked_names), 0.0)
        lost = losses * np.maximum(self.opening.equity, 0.0)
        return Sheets(sheets.names, sheets.claims, sheets.assets - lost, sheets.debts)

    def moves(self, shock: Shock) -> Floats:
        """Prices of assets after a shock over those before, shape (n_assets,)."""
        return np.asarray(np.exp(shock.log_returns([str(name) for name in self.net.assets.index])))

    def forced(self, shock: Shock) -> Flags:
        """Nodes that the shock lets fail, shape (n,)."""
        return np.asarray(self.names.isin(sorted(shock.failing())), dtype=np.bool_)

    def _fated(self, values: Floats, nothing: float) -> Floats:
        """Values of the nodes that a shock knows, for all nodes."""
        return np.where(self.fate >= 0, np.append(values, nothing)[self.fate], nothing)

    def _at_venues(self, money: Floats) -> Floats:
        """Money of venues, for all nodes."""
        return np.bincount(self.names.get_indexer(self.net.venues.index), money, len(self.names)).astype(
            np.float64
        )


def _claims(net: Network) -> Claims:
    debts = net.obligations
    return Claims.from_arrays(
        net.codes("obligations", "debtor"),
        net.codes("obligations", "creditor"),
        debts["amount"].to_numpy(float),
        len(net.nodes),
    )


def check_shock(net: Network, shock: Shock, model: str) -> None:
    """Refuse a shock that names what the network lacks, or acts on what balance sheets do not have.

    Raises
    ------
    NetworkError
        If a part of the shock has no meaning here; the message names it.
    """
    assets, markets = [str(a) for a in net.assets.index], [str(m) for m in net.markets.index]
    venues = [str(v) for v in net.venues.index]
    shock.check(assets, markets, frozenset(net.nodes.index), net.unit, frozenset(venues))
    ends = np.array([0.0, np.inf])
    heard: dict[str, Any] = {
        "depth": (shock.depth_factors(markets, [str(a) for a in net.markets["asset"]], ends) != 1.0).any(),
        "withdrawals": (shock.withdrawn(venues, ends) != 0.0).any(),
        "outages": shock.outages(venues, ends).any(),
        "the price of gas": (shock.gas_factors(ends) != 1.0).any(),
        "oracles": (shock.oracle_factors(venues, assets, ends) != 1.0).any(),
        "minted tokens": bool(shock.minted()),
    }
    for what, acts in heard.items():
        if acts:
            raise NetworkError(
                f"acts on {what}, which {model} does not read",
                where="shock",
                value=shock.describe(),
                allowed="moves of prices, external assets and equity, and defaults",
                remedy="leave it out, or use ct.Cascade()",
            )
