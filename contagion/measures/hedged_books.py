"""How well are the books of a network hedged, and how much stressed loss does their margin cover?

A stress is the scenario grid of the book's venue (`venues.scan_range` and its neighbours; venues with tiers have the
grid's defaults): prices and volatilities move, all assets of a book alike.

References
----------
Ederington (1979), "The hedging performance of the new futures markets", Journal of Finance 34(1), for the share of
variance that a hedge takes away. `contagion.margin.margin_efficiency` for loss covered per margin locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import word
from contagion.margin.efficiency import margin_efficiency
from contagion.measures.hedged_groups import HedgedBook, by_group, group_books, strategy_books, used_legs
from contagion.measures.hedged_legs import Legs
from contagion.measures.hedges import hedge_effectiveness

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["book_hedges", "book_margins"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
NAN = float("nan")
BY: Final = ("book", "strategy", "account", "owner")
HEDGES = ("kind", "asset", "unhedged_loss", "hedged_loss", "loss_reduction", "variance_reduction")
LOCKED = ("venues", "margin", "isolated_margin", "stressed_loss", "hedged", "held", "isolated")
MARGINS = ("venue", "legs", "margin", "isolated_margin", "stressed_loss", "hedged", "isolated")
BEYOND = ("shortfall", "isolated_shortfall")


def book_hedges(net: Network, by: str = "book") -> pd.DataFrame:
    """Return how much of the stressed loss of every hedged book its hedge takes away, and what its margin covers.

    Books are strategies of kind basis and hedge (the long leg, or the options, is the item; of a node's coins as many
    as the short leg hedges); accounts with positions and coins on one asset that offset each other; and owners whose
    accounts and holdings do (of both, the side that loses most is the item). What hedges made in runs is
    `contagion.strategy_hedges`.

    Parameters
    ----------
    net : Network
        Strategies, positions, balances, holdings; every table is read at opening prices.
    by : {"book", "strategy", "account", "owner"}, default "book"
        Which books: all, each once (strategies, then accounts whose legs are in none, then owners whose accounts offset
        each other with what is left); or every strategy, account or owner.

    Returns
    -------
    DataFrame
        Index book: the strategy, ``account/asset`` or ``owner/*/asset``. Books of strategies and accounts are those of
        one account behind the row, those of owners all accounts. Columns:

        - kind (basis, hedge, cross: legs of an account, owner) and asset;
        - unhedged_loss, hedged_loss (money, the worst over the scenarios of the book's venue: the item's; of an owner
          the widest of its venues', of the item alone and with its hedge; 0 where nothing loses), loss_reduction (1 -
          hedged / unhedged) and variance_reduction (over the same scenarios), both NaN where the item loses or varies
          nothing, below 0 where the hedge adds risk;
        - venues (number of them), margin (maintenance margin locked, money), isolated_margin (of the legs in accounts
          of their own), stressed_loss (of the legs that lose, in the scenario in which positions lose most);
        - hedged, held, isolated: loss covered / margin locked if gains of all legs count, as one book; as the book is
          held, where only gains in the same account do; and with legs apart. NaN where no margin is locked and nothing
          lost, infinite where gains alone cover a loss.

    Raises
    ------
    InputError
        If `by` is another word.

    Examples
    --------
    >>> import contagion as ct
    >>> found = book_hedges(ct.generate.perp_market(n_accounts=300, seed=1))
    >>> bool((found.loc[found["kind"] == "basis", "loss_reduction"] > 0.5).all())
    True
    """
    word(by, "by", BY)
    legs = Legs(net)
    books = strategy_books(legs) if by in ("book", "strategy") else []
    rises = legs.rises()
    if by in ("book", "account"):
        books += group_books(legs, rises, legs.account, used_legs(legs, books))
    if by in ("book", "owner"):
        books += group_books(legs, rises, legs.owner, used_legs(legs, books))
    rows = {book.name: _row(legs, book) for book in books}
    columns = [*HEDGES, *LOCKED]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("book")


def book_margins(net: Network) -> pd.DataFrame:
    """Return how much stressed loss the margin of every account covers, as one book and with its legs apart.

    Margin is the maintenance requirement of one account behind the row at opening marks: of the account as it is
    (scans and `venues.portfolio_offset` set legs off), and of each leg as if it stood in an account of its own. The
    stress is the scenario of the account's venue in which its losing legs lose most. A book makes good what gains of
    other legs and its margin cover, legs apart only what each one's own margin does. Legs at two venues do not cover
    each other: every account has its own row.

    Parameters
    ----------
    net : Network
        Accounts with positions; the rest of the market and inventories of venues are left out.

    Returns
    -------
    DataFrame
        Index account; venue, legs, margin and isolated_margin (money), stressed_loss (of the losing legs), hedged and
        isolated (loss covered / margin locked; NaN where none is locked and nothing lost), shortfall and
        isolated_shortfall (losses beyond the margins).

    Examples
    --------
    >>> import contagion as ct
    >>> found = book_margins(ct.generate.perp_market(n_accounts=300, seed=1))
    >>> bool((found["margin"] > 0.0).all())
    True
    """
    legs = Legs(net)
    names, venues = net.index("accounts"), net.column("accounts", "venue")
    parts = [_margins_of(legs, account, rows) for account, rows in _alike(legs)]
    found = pd.concat(parts).sort_index() if parts else pd.DataFrame(columns=[*MARGINS, *BEYOND])
    found["venue"] = venues[found.index.to_numpy(np.intp)]
    return found.set_axis(names[found.index.to_numpy(np.intp)]).rename_axis("account")


def _alike(legs: Legs) -> Iterator[tuple[Rows, Rows]]:
    """Accounts of one venue with equally many positions, and these: rows of `Legs`, shape (n_accounts, n_legs)."""
    rows = np.flatnonzero((legs.market >= 0) & ~legs.rest)
    rows = rows[np.argsort(legs.account[rows], kind="stable")]
    account, first, n = np.unique(legs.account[rows], return_index=True, return_counts=True)
    venue = legs.venue[rows[first]]
    for v, size in sorted(set(zip(venue.tolist(), n.tolist(), strict=True))):
        own = (venue == v) & (n == size)
        yield account[own], rows[first[own][:, None] + np.arange(size)]


def _margins_of(legs: Legs, account: Rows, rows: Rows) -> pd.DataFrame:
    """Rows of `book_margins` for accounts of one venue; index: row of the account."""
    gain = legs.gain(rows.ravel(), int(legs.venue[rows[0, 0]])).reshape(*rows.shape, -1)
    lost = np.maximum(-gain, 0.0).sum(axis=1)
    worst = np.argmax(lost, axis=1)
    stressed = np.take_along_axis(gain, worst[:, None, None], axis=2)[:, :, 0]
    margin, alone = legs.margin[rows].sum(axis=1), legs.alone[rows]
    found = margin_efficiency(stressed, margin, alone)
    return pd.DataFrame(
        {
            "venue": "",
            "legs": rows.shape[1],
            "margin": margin,
            "isolated_margin": alone.sum(axis=1),
            "stressed_loss": lost.max(axis=1),
            **{name: getattr(found, name) for name in ("hedged", "isolated", *BEYOND)},
        },
        index=pd.Index(account),
        columns=[*MARGINS, *BEYOND],
    )


def _row(legs: Legs, book: HedgedBook) -> tuple[object, ...]:
    """One row of `book_hedges`."""
    gain = book.weight[:, None] * legs.gain(book.rows, book.venue)
    item, hedge = gain[book.item].sum(axis=0), gain[~book.item].sum(axis=0)
    unhedged, hedged = (max(0.0, -float(one.min(initial=0.0))) for one in (item, item + hedge))
    reduction = 1.0 - hedged / unhedged if unhedged > 0.0 else NAN
    varies = bool(item.min() < item.max())
    variance = hedge_effectiveness(item, hedge).variance_reduction if varies else NAN
    return book.kind, book.asset, unhedged, hedged, reduction, variance, *_covered(legs, book, gain)


def _covered(legs: Legs, book: HedgedBook, gain: Floats) -> tuple[object, ...]:
    """Margin that a book locks and what it covers: as one book, as it is held, with legs apart."""
    margined = legs.market[book.rows] >= 0
    lost = np.maximum(-gain, 0.0)
    worst = int(np.argmax(lost[margined].sum(axis=0)))
    margin, alone = book.weight * legs.margin[book.rows], book.weight * legs.alone[book.rows]
    one = margin_efficiency(gain[:, worst], float(margin.sum()), alone)
    beyond = 0.0
    for _, own in by_group(legs.account[book.rows], np.arange(len(book.rows), dtype=np.intp)):
        beyond += float(margin_efficiency(gain[own, worst], float(margin[own].sum()), alone[own]).shortfall)
    total, locked = float(lost[:, worst].sum()), float(margin.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        held = float(np.float64(total - beyond) / locked)
    venues = legs.venue[book.rows]
    return (
        len(np.unique(venues[venues >= 0])),
        locked,
        float(alone.sum()),
        total,
        float(one.hedged),
        held,
        float(one.isolated),
    )
