"""What do a network's tables say about everybody's balance sheet, before a shock and after it?

Assets outside the network are cash, external assets, holdings at their prices, what is positive in a node's margin
accounts, what a member has prefunded in default funds (its own money) and the insurance fund of a venue; a venue also
keeps its customers' balances, which it owes them, and bears what accounts at it lack. Debts outside are external
liabilities and those balances. At the opening this is `network.equity.opening_equity`, which policies read, less what
accounts lack.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.balance_sheets import TOLERANCE
from contagion.claims import Claims
from contagion.errors import NetworkError
from contagion.network.equity import AccountBook, contributions
from contagion.network.references import follow, powers
from contagion.network.reserved import rest_of_market

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.propagation.solvency.heirs import Origins
    from contagion.shocks import Shock

__all__ = ["READS", "Book", "Listener", "Sheets"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

READS = {
    "nodes": ("cash", "external_assets", "external_liabilities"),
    "obligations": ("amount",),
    "assets": ("price",),
    "holdings": ("quantity",),
    "accounts": ("count", "owner", "venue"),
    "balances": ("quantity",),
    "positions": ("quantity", "entry_price"),
    "markets": ("asset",),
    "venues": ("insurance_fund", "customer_share", "default_fund"),
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
    def size(self) -> Floats:
        """All that nodes own and owe, shape (n,): what sums over the sheets are rounded against."""
        return np.asarray(np.abs(self.assets) + self.claims.claimed + self.claims.owed + self.debts)

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
    origins : Origins, optional
        What the nodes are made of, where policies joined or divided some.
    """

    def __init__(self, net: Network, before: Network, origins: Origins | None = None) -> None:
        self.net, self.before, self.names, self.origins = net, before, net.nodes.index, origins
        self.claims = _claims(net)
        self.assets = [str(name) for name in net.assets.index]
        self.shocked_names = [str(name) for name in before.nodes.index]
        own = before.nodes.index.get_indexer(self.names)
        owner = before.nodes.index.get_indexer(pd.Index(net.nodes["owner"].to_numpy(dtype=object)))
        self.fate = np.where(own >= 0, own, owner)
        columns = ("cash", "external_assets", "external_liabilities")
        self.cash, self.external, self.debts = (net.nodes[name].to_numpy(float) for name in columns)
        self.prices = net.assets["price"].to_numpy(float)
        self.holder, self.held_asset = net.codes("holdings", "node"), net.codes("holdings", "asset")
        self.held = net.holdings["quantity"].to_numpy(float)
        self.accounts = _Accounts.of(net) if len(net.accounts) else None
        self.fund = net.venues["insurance_fund"].to_numpy(float)
        paid = contributions(net)
        self.prefunded = np.bincount(
            self.names.get_indexer(pd.Index(paid["node"])), paid["money"].to_numpy(float), len(self.names)
        )
        self.venue_node = self.names.get_indexer(net.venues.index)
        self.opening = self.at(np.ones(len(net.assets)), np.ones(len(self.names)))

    @cached_property
    def counted(self) -> Flags:
        """Nodes whose losses count: all but the rest of the market, shape (n,)."""
        return ~rest_of_market(self.names)

    @cached_property
    def paid_in(self) -> Floats:
        """Equity that policies brought to each node from outside payers, money, shape (n,)."""
        if self.before is self.net:
            return np.zeros(len(self.names))
        earlier = Book(self.before, self.before).opening
        place = earlier.names.get_indexer(self.names)
        had = np.where(place >= 0, np.append(earlier.equity, 0.0)[place], self.opening.equity)
        if self.origins is not None:
            had = self.origins.money(earlier.equity, self.opening.equity)
        more = self.opening.equity - had
        return np.where(more > TOLERANCE * self.opening.size, more, 0.0)

    @cached_property
    def n_seniorities(self) -> int:
        """Different seniorities among the claims."""
        return int(self.net.obligations["seniority"].nunique())

    def at(self, price_factors: Floats, asset_factors: Floats) -> Sheets:
        """Balance sheets when prices and external assets have changed by factors."""
        n, prices = len(self.names), self.prices * price_factors
        assets = self.cash + self.external * asset_factors
        debts = self.debts
        if len(self.held):
            assets = assets + np.bincount(self.holder, self.held * prices[self.held_asset], n)
        if len(self.fund):
            assets = assets + np.bincount(self.venue_node, self.fund, n) + self.prefunded
        if self.accounts is not None:
            owned, kept, lacking = self.accounts.at(prices, n, len(self.fund))
            assets = assets + owned + np.bincount(self.venue_node, kept - lacking, n)
            debts = debts + np.bincount(self.venue_node, kept, n)
        return Sheets(self.names, self.claims, np.asarray(assets), np.asarray(debts))

    def with_cash(self, money: Floats) -> Book:
        """The book of the same nodes with so much more cash at the opening, shape (n,); `net` stays as it is."""
        richer = copy(self)
        richer.cash = self.cash + money
        richer.opening = richer.at(np.ones(len(self.prices)), np.ones(len(self.names)))
        return richer

    def after(self, shock: Shock) -> Sheets:
        """Balance sheets after a shock: prices, external assets, then losses of equity."""
        factors = shock.asset_factors(self.shocked_names)
        own = self._fated(factors, 1.0) if self.origins is None else self.origins.factors(factors)
        sheets = self.at(self.moves(shock), own)
        lost = self.equity_losses(shock) * np.maximum(self.opening.equity, 0.0)
        return Sheets(sheets.names, sheets.claims, sheets.assets - lost, sheets.debts)

    def equity_losses(self, shock: Shock) -> Floats:
        """Share of positive opening equity that a shock takes from each node, shape (n,)."""
        losses = shock.equity_losses(self.shocked_names)
        return self._fated(losses, 0.0) if self.origins is None else self.origins.losses(losses)

    def moves(self, shock: Shock) -> Floats:
        """Prices of assets after a shock over those before, shape (n_assets,)."""
        own = np.asarray(np.exp(shock.log_returns(self.assets)), dtype=np.float64)
        return follow(own, self.net.codes("assets", "reference"), powers(self.net))

    def forced(self, shock: Shock) -> Flags:
        """Nodes that the shock lets fail, shape (n,)."""
        if self.origins is not None:
            return self.origins.failing(np.isin(self.shocked_names, sorted(shock.failing())))
        return np.asarray(self.names.isin(sorted(shock.failing())), dtype=np.bool_)

    def _fated(self, values: Floats, nothing: float) -> Floats:
        """Values of the nodes that a shock knows, for all nodes."""
        return np.where(self.fate >= 0, np.append(values, nothing)[self.fate], nothing)


@dataclass(frozen=True)
class _Accounts:
    """Margin accounts as balance sheets see them."""

    book: AccountBook
    count: Floats
    owner: npt.NDArray[np.intp]
    venue: npt.NDArray[np.intp]
    customer: Flags
    lent: Floats

    @classmethod
    def of(cls, net: Network) -> _Accounts:
        return cls(
            AccountBook.of(net),
            net.accounts["count"].to_numpy(float),
            net.codes("accounts", "owner"),
            net.codes("accounts", "venue"),
            ~rest_of_market(net.accounts.index),
            1.0 - net.venues["customer_share"].to_numpy(float),
        )

    def at(self, prices: Floats, n_nodes: int, n_venues: int) -> tuple[Floats, Floats, Floats]:
        """What owners have in accounts, shape (n_nodes,); what venues owe customers and lack, shape (n_venues,)."""
        equity = self.book.equity(prices) * self.count
        owned = np.bincount(self.owner, np.maximum(equity, 0.0), n_nodes)
        customers = np.where(self.customer, equity, 0.0)
        kept = self.lent * np.bincount(self.venue, np.maximum(customers, 0.0), n_venues)
        lacking = np.bincount(self.venue, np.maximum(-customers, 0.0), n_venues)
        return owned.astype(np.float64), np.asarray(kept), lacking.astype(np.float64)


def _claims(net: Network) -> Claims:
    debts = net.obligations
    return Claims.from_arrays(
        net.codes("obligations", "debtor"),
        net.codes("obligations", "creditor"),
        debts["amount"].to_numpy(float),
        len(net.nodes),
    )


class Listener:
    """What a shock may name and act on, checked for every shock of a study.

    Parameters
    ----------
    net : Network
        The network before policies.
    model : str
        Name of the model, for messages.
    hears : frozenset of str
        What the model reads beyond balance sheets: ``depth``.
    """

    def __init__(self, net: Network, model: str, hears: frozenset[str] = frozenset()) -> None:
        self.assets, self.markets = [str(a) for a in net.assets.index], [str(m) for m in net.markets.index]
        self.traded = [str(asset) for asset in net.markets["asset"]]
        self.nodes, self.venues = frozenset(net.nodes.index), [str(v) for v in net.venues.index]
        self.unit, self.model, self.hears = net.unit, model, hears

    def check(self, shock: Shock) -> None:
        """Refuse a shock that names what the network lacks, or acts on what balance sheets do not have.

        Raises
        ------
        NetworkError
            If a part of the shock has no meaning here; the message names it.
        """
        shock.check(self.assets, self.markets, self.nodes, self.unit, frozenset(self.venues))
        ends = np.array([0.0, np.inf])
        heard: dict[str, Any] = {
            "depth": (shock.depth_factors(self.markets, self.traded, ends) != 1.0).any(),
            "withdrawals": (shock.withdrawn(self.venues, ends) != 0.0).any(),
            "outages": shock.outages(self.venues, ends).any(),
            "the price of gas": (shock.gas_factors(ends) != 1.0).any(),
            "oracles": (shock.oracle_factors(self.venues, self.assets, ends) != 1.0).any(),
            "implied volatilities": (shock.volatility_factors(self.assets, ends) != 1.0).any(),
            "minted tokens": bool(shock.minted()),
            "attacks on a price": bool(shock.attacks()),
        }
        for what, acts in heard.items():
            if acts and what not in self.hears:
                raise NetworkError(
                    f"acts on {what}, which {self.model} does not read",
                    where="shock",
                    value=shock.describe(),
                    allowed="moves of prices, external assets and equity, and defaults",
                    remedy="leave it out, or use ct.Cascade()",
                )
