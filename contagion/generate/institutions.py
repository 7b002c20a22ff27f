"""Who lends, arbitrages and makes markets? Balance sheets of institutions, and claims between them.

Makers and basis traders hold coins against their short positions, paid with loans; lenders hold the loans and
claims on one another, paid with outside money; arbitrageurs stand ready with cash and coins between venues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.generate.book import Book
from contagion.generate.layout import Layout
from contagion.streams import stream

__all__ = ["Institutions", "build_institutions"]

Floats = npt.NDArray[np.float64]


@dataclass
class Institutions:
    """Rows of tables that belong to institutions, as lists of frames by table name."""

    rows: dict[str, list[pd.DataFrame]] = field(default_factory=dict)

    def add(self, table: str, **columns: object) -> None:
        """Append rows to a table; scalars are repeated."""
        self.rows.setdefault(table, []).append(pd.DataFrame(columns))


def build_institutions(
    layout: Layout, book: Book, settings: Mapping[str, float], spots: list[str], seed: int
) -> Institutions:
    """Build nodes, holdings, obligations and strategies of all institutions.

    Parameters
    ----------
    layout : Layout
    book : Book
        Names its makers' and basis traders' accounts by their order.
    settings : mapping of str to float
        As of `read_assumptions`.
    spots : list of str
        Venues with spot markets.
    seed : int

    Returns
    -------
    Institutions
    """
    out = Institutions()
    names, assets = _borrowers(layout, book, settings, out, seed)
    n_makers = book.n_makers // len(layout.venues)
    ratio = np.where(np.arange(len(names)) < n_makers, settings["maker_equity"], settings["basis_equity"])
    _lenders(names, assets / (1.0 + ratio), settings, out, seed)
    _arbitrageurs(layout, settings, spots, out)
    return out


def _borrowers(
    layout: Layout, book: Book, settings: Mapping[str, float], out: Institutions, seed: int
) -> tuple[list[str], Floats]:
    """Nodes, holdings and basis strategies of makers and basis traders; returns names and total assets."""
    n_venues, n_assets = layout.open_interest.shape
    n_makers = book.n_makers // n_venues
    makers = [f"maker-{number + 1:02d}" for number in range(n_makers)]
    traders = [f"basis-{number + 1:02d}" for number in range(book.n_basis)]
    owner = np.concatenate([np.repeat(np.arange(n_makers), n_venues), n_makers + np.arange(book.n_basis)])
    own = book.account >= book.n_traders
    holder = owner[book.account[own] - book.n_traders]
    asset = book.market[own] % n_assets
    short = np.zeros((n_makers + book.n_basis, n_assets))
    np.add.at(short, (holder, asset), -book.quantity[own])
    hedge = np.ones_like(short)
    scatter = stream(seed, "generate", "hedge").standard_normal((n_makers, n_assets))
    hedge[:n_makers] = np.clip(1.0 + settings["maker_hedge_sd"] * scatter, 0.5, 1.5)
    coins = np.rint(hedge * short / layout.lot) * layout.lot
    names = [*makers, *traders]
    money = (short * layout.price).sum(axis=1)
    cash = money * np.where(np.arange(len(names)) < n_makers, settings["maker_cash"], settings["basis_cash"])
    equity = np.bincount(owner, book.equity[book.n_traders :], len(names))
    out.add("nodes", name=names, kind="institution", cash=cash)
    node = np.repeat(np.array(names, dtype=object), n_assets)
    coin = np.tile(np.array(layout.assets, dtype=object), len(names))
    out.add("holdings", node=node, asset=coin, quantity=coins.ravel())
    spot_node, assets = node[n_makers * n_assets :], coin[n_makers * n_assets :]
    venue = np.array(layout.venues, dtype=object)[book.venue[book.n_traders + book.n_makers :]]
    out.add(
        "strategies",
        name=spot_node + ":" + assets,
        kind="basis",
        spot_node=spot_node,
        short_account=spot_node + "@" + np.repeat(venue, n_assets),
        asset=assets,
        ratio=1.0,
        unwind=settings["basis_unwind"],
    )
    return names, equity + cash + (coins * layout.price).sum(axis=1)


def _lenders(
    borrowers: list[str], loans: Floats, settings: Mapping[str, float], out: Institutions, seed: int
) -> None:
    """Every borrower owes two lenders, lenders owe one another, and outside money pays for the rest."""
    n, generator = int(settings["lenders"]), stream(seed, "generate", "lenders")
    names = np.array([f"lender-{number + 1:02d}" for number in range(n)], dtype=object)
    first = generator.integers(n, size=len(borrowers))
    second = (first + 1 + generator.integers(n - 1, size=len(borrowers))) % n
    part = generator.uniform(0.5, 0.9, size=len(borrowers))
    for lender, share in ((first, part), (second, 1.0 - part)):
        out.add("obligations", debtor=borrowers, creditor=names[lender], amount=loans * share)
    book = np.bincount(first, loans * part, n) + np.bincount(second, loans * (1.0 - part), n)
    book = np.maximum(book, 0.02 * book.sum() / n)
    owed = settings["lender_interbank"] * book
    if settings["lender_interbank"] > 0:
        for step in (1, 2):
            out.add("obligations", debtor=names, creditor=np.roll(names, -step), amount=owed)
    claims = book + np.roll(owed, 1) + np.roll(owed, 2)
    cash = settings["lender_cash"] * claims
    outside = np.maximum(claims + cash - settings["lender_equity"] * claims - 2.0 * owed, 0.0)
    out.add("nodes", name=names, kind="institution", cash=cash, external_liabilities=outside)


def _arbitrageurs(layout: Layout, settings: Mapping[str, float], spots: list[str], out: Institutions) -> None:
    """One institution an asset, with flat accounts at every venue: hub against other perps, and spot against perp."""
    capital = settings["arbitrage_capital"] * layout.open_interest.sum(axis=0)
    hub, *others = layout.venues
    for number, asset in enumerate(layout.assets):
        name, money = f"arbitrage-{asset}", float(capital[number])
        coins = np.rint(0.5 * money / layout.price[number] / layout.lot[number]) * layout.lot[number]
        out.add("nodes", name=[name], kind="institution", cash=money)
        out.add("holdings", node=[name], asset=asset, quantity=coins)
        accounts = [f"{name}@{venue}" for venue in layout.venues]
        out.add("accounts", name=accounts, owner=name, venue=list(layout.venues), reaction="none")
        each = money / len(accounts)
        out.add("balances", account=accounts, asset="USD", quantity=each)
        pairs = {"kind": "arbitrage", "asset": asset, "capital": each, "rate": settings["arbitrage_rate"]}
        out.add(
            "strategies",
            name=[f"{name}:{hub}-{venue}" for venue in others],
            long_account=f"{name}@{hub}",
            short_account=[f"{name}@{venue}" for venue in others],
            **pairs,
        )
        out.add(
            "strategies",
            name=[f"{name}:spot-{venue}" for venue in spots],
            spot_node=name,
            short_account=[f"{name}@{venue}" for venue in spots],
            **pairs,
        )
