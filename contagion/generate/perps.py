"""A market of perpetual futures: several venues with published margin tiers, and everybody who trades there.

Numbers are facts where the tables of `contagion.facts` have one and assumptions with a reason and a range
otherwise. Open interest per market is met exactly up to one lot per account; positions net to zero in lots.

References
----------
Sources stand in each row of ``datasets/facts``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate.assumptions import read_assumptions
from contagion.generate.book import Book, build_book
from contagion.generate.institutions import build_institutions
from contagion.generate.layout import Layout, read_layout
from contagion.generate.margins import check_leverage_shares
from contagion.generate.stacking import stacked
from contagion.generate.traders import Traders, draw_traders
from contagion.generate.venues import market_tables, spot_venues, venue_table
from contagion.network.network import Network
from contagion.streams import check_seed

__all__ = ["perp_market"]

MOST_ACCOUNTS = 5_000_000
UNIT = "USD"


def perp_market(
    n_accounts: int = 20_000,
    seed: int = 0,
    *,
    leverage_median: float = 5.0,
    leverage_shares: Mapping[float, float] | None = None,
    open_interest: float | None = None,
    **assumptions: float,
) -> Network:
    """Make a market of perpetual futures at four venues, with speculators, makers, basis traders and lenders.

    Parameters
    ----------
    n_accounts : int
        Rows of `accounts`, institutions included. Small accounts stand together in one row (`count`), so that the
        market is the same with few rows and many.
    seed : int
        Same seed, same bits.
    leverage_median : float
        Median leverage at the size named by `leverage_quantile`; studies show a band from 3 to 8.
    leverage_shares : mapping of float to float, optional
        Share of the long open interest in accounts with leverage above each key, such as
        ``{3: 0.5, 5: 0.3, 10: 0.12, 20: 0.03}``; accounts are reweighted until it holds within half a percentage
        point. By default the shares follow from the draws.
    open_interest : float, optional
        Total in money over all venues, one side counted; that of the facts by default.
    **assumptions : float
        Any row of ``contagion.facts.load("population")`` by its name, such as ``speculators_long=0.7``.

    Returns
    -------
    Network
        Nobody is called or liquidated while prices stand still; every institution and venue has positive equity.

    Raises
    ------
    SchemaError
        If an assumption is unknown or a value is of the wrong kind.
    ValueRangeError
        If a value has no meaning, there are too few accounts, or the wanted shares cannot be reached.
    TooLargeError
        If there are more than five million accounts.

    Examples
    --------
    >>> net = perp_market(1_000, seed=7)
    >>> len(net.accounts), len(net.venues)
    (1000, 4)
    """
    settings = read_assumptions({**assumptions, "leverage_median": leverage_median})
    wanted = check_leverage_shares(leverage_shares)
    layout = read_layout(_checked_money(open_interest))
    rows = _speculator_rows(layout, settings, n_accounts)
    check_seed(seed)
    traders = draw_traders(layout, rows, settings, seed)
    book = build_book(layout, traders, settings, wanted, seed)
    spots = spot_venues(layout)
    institutions = build_institutions(layout, book, settings, spots, seed)
    tables = market_tables(layout, settings) | _account_tables(layout, traders, book, settings)
    tables["venues"] = venue_table(layout)
    for table, frames in institutions.rows.items():
        tables[table] = stacked(table, [tables[table], *frames] if table in tables else frames)
    return Network(unit=UNIT, **tables)  # type: ignore[arg-type]


def _checked_money(open_interest: float | None) -> float | None:
    if open_interest is None:
        return None
    if isinstance(open_interest, bool) or not isinstance(open_interest, (int, float)):
        raise SchemaError("is no number", where="perp_market, open_interest", value=open_interest)
    if not (math.isfinite(open_interest) and open_interest > 0):
        raise ValueRangeError(
            "is out of range", where="perp_market, open_interest", value=open_interest, allowed="above 0"
        )
    return float(open_interest)


def _speculator_rows(layout: Layout, settings: Mapping[str, float], n_accounts: int) -> int:
    """Rows left for speculators; every market needs both sides."""
    where = "perp_market, n_accounts"
    if isinstance(n_accounts, bool) or not isinstance(n_accounts, (int, np.integer)):
        raise SchemaError("is no whole number", where=where, value=n_accounts)
    if n_accounts > MOST_ACCOUNTS:
        raise TooLargeError(
            "is too large", where=where, value=n_accounts, allowed=f"at most {MOST_ACCOUNTS:,}"
        )
    n_venues, n_assets = layout.open_interest.shape
    others = (int(settings["makers"]) + n_assets) * n_venues + int(settings["basis_traders"])
    fewest = others + 2 * n_venues * n_assets
    if n_accounts < fewest:
        raise ValueRangeError(
            "is too few", where=where, value=n_accounts, allowed=f"at least {fewest}, institutions included"
        )
    rows: int = n_accounts - others
    return rows


def _account_tables(
    layout: Layout, traders: Traders, book: Book, settings: Mapping[str, float]
) -> dict[str, pd.DataFrame]:
    """Tables nodes, accounts, balances and positions of venues and of everybody with a position.

    Quantities are those of one account behind a row; a node's cash is that of all of them.
    """
    venues = np.array(layout.venues, dtype=object)
    owner, name = _names(layout, book)
    market = np.array(layout.markets, dtype=object)[book.market]
    isolated = np.append(traders.isolated, np.zeros(book.n_makers + book.n_basis, dtype=bool))
    cash = traders.cash_ratio * book.equity[: book.n_traders]
    nodes = [
        pd.DataFrame({"name": venues, "kind": "exchange", "cash": layout.capital}),
        pd.DataFrame({"name": owner[: book.n_traders], "kind": "trader", "cash": cash}),
    ]
    accounts = pd.DataFrame(
        {
            "name": name,
            "owner": owner,
            "venue": venues[book.venue],
            "mode": np.where(isolated, "isolated", "cross"),
            "count": book.count,
            "reaction": "top_up",
            "response": np.where(
                np.arange(len(name)) < book.n_traders, settings["response"], settings["institution_response"]
            ),
        }
    )
    each = book.lots // book.count[book.account] * layout.lot[book.market % len(layout.assets)]
    positions = pd.DataFrame(
        {"account": name[book.account], "market": market, "quantity": each, "entry_price": book.entry_price}
    )
    balances = pd.DataFrame({"account": name, "asset": UNIT, "quantity": book.balance / book.count})
    return {
        "nodes": stacked("nodes", nodes),
        "accounts": accounts,
        "positions": positions,
        "balances": balances,
    }


def _names(layout: Layout, book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Owner and name of every account, zero-padded so that they sort as text in their order."""
    number = range(1, book.n_traders + 1)
    n_makers = book.n_makers // len(layout.venues)
    makers = [f"maker-{maker + 1:02d}" for maker in range(n_makers) for _ in layout.venues]
    basis = [f"basis-{trader + 1:02d}" for trader in range(book.n_basis)]
    owners = np.array([*makers, *basis], dtype=object)
    at_venue = np.array(layout.venues, dtype=object)[book.venue[book.n_traders :]]
    owner = np.concatenate([np.array([f"trader-{k:07d}" for k in number], dtype=object), owners])
    name = np.concatenate([np.array([f"a{k:07d}" for k in number], dtype=object), owners + "@" + at_venue])
    return owner, name
