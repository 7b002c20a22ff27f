"""Which books of a network are hedged? Strategies, accounts and owners with legs that offset each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.measures.hedged_legs import Legs

__all__ = ["HedgedBook", "by_group", "group_books", "strategy_books", "used_legs"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Keys = set[tuple[int, int, int]]
"""Owners, accounts and assets."""


@dataclass(frozen=True)
class HedgedBook:
    """Legs on one asset that offset each other.

    Parameters
    ----------
    name, kind, asset : str
        What it is called; basis, hedge, cross (legs of one account) or owner (accounts and coins of one node).
    rows : numpy.ndarray of int, shape (n,)
        Its legs, rows of `Legs`.
    weight : numpy.ndarray, shape (n,)
        How much of each belongs to it: 1, the number of accounts behind a row, or the share of a holding.
    venue : int
        Whose scenarios stress it.
    item : numpy.ndarray of bool, shape (n,)
        Which legs are hedged; the others hedge them.
    """

    name: str
    kind: str
    asset: str
    rows: Rows
    weight: Floats
    venue: int
    item: Flags


def by_group(group: Rows, rows: Rows) -> list[tuple[int, Rows]]:
    """The `rows` of each group that has some, in the order of groups."""
    order = rows[np.argsort(group[rows], kind="stable")]
    values, first = np.unique(group[order], return_index=True)
    parts = np.split(order, first[1:]) if len(values) else []
    return list(zip(values.tolist(), parts, strict=True))


def strategy_books(legs: Legs) -> list[HedgedBook]:
    """Books of strategies of kind basis and hedge."""
    kinds = legs.net.column("strategies", "kind")
    return [_strategy(legs, s) for s in np.flatnonzero((kinds == "basis") | (kinds == "hedge")).tolist()]


def _strategy(legs: Legs, s: int) -> HedgedBook:
    """Book of the strategy in row `s`."""
    net = legs.net
    kind, asset = str(net.column("strategies", "kind")[s]), int(net.codes("strategies", "asset")[s])
    long, short = (int(net.codes("strategies", f"{side}_account")[s]) for side in ("long", "short"))
    mine = (legs.asset == asset) & (legs.market >= 0)
    item = mine & (legs.account == long) & (legs.option == (kind == "hedge")) & (long >= 0)
    hedge = mine & (legs.account == short) & ~legs.option & (short >= 0)
    if long == short and kind == "basis":
        item, hedge = item & (legs.units > 0.0), hedge & (legs.units < 0.0)
    node, weight = int(net.codes("strategies", "spot_node")[s]), np.ones(len(legs.units))
    coins = (legs.account < 0) & (legs.owner == node) & (legs.asset == asset)
    if kind == "hedge":
        hedge |= coins
    elif coins.any() and hedge.any():  # what the short leg hedges of them; the rest is no part of the trade
        hedged = float(np.abs(legs.units[hedge]).sum()) * float(net.column("strategies", "ratio")[s])
        held = float(legs.units[coins].sum())
        weight[coins] = min(held / float(legs.count[hedge][0]), hedged) / held
        item |= coins
    rows = np.flatnonzero(item | hedge)
    venue = int(net.codes("accounts", "venue")[long if long >= 0 else short])
    name, word = str(net.column("strategies", "name")[s]), str(net.index("assets")[asset])
    return HedgedBook(name, kind, word, rows, weight[rows], venue, item[rows])


def used_legs(legs: Legs, books: list[HedgedBook]) -> Keys:
    """Owners, accounts and assets whose legs are in a book: they are in no other."""
    found: Keys = set()
    for book in books:
        keys = (legs.owner[book.rows], legs.account[book.rows], legs.asset[book.rows])
        found |= set(zip(*(key.tolist() for key in keys), strict=True))
    return found


def group_books(legs: Legs, rises: Flags, of: Rows, used: Keys) -> list[HedgedBook]:
    """Books of accounts or owners (`of`) on one asset whose legs gain from rises and from falls."""
    net, found = legs.net, []
    by_owner = of is legs.owner
    names = net.index("nodes" if by_owner else "accounts")
    widths, n_assets = net.column("venues", "scan_range"), max(1, len(net.index("assets")))
    chosen = np.flatnonzero(~legs.rest & (legs.units != 0.0) & (of >= 0))
    for key, all_rows in by_group(of * n_assets + legs.asset, chosen):
        if not (legs.market[all_rows] >= 0).any() or rises[all_rows].all() or not rises[all_rows].any():
            continue
        keys = zip(*(part[all_rows].tolist() for part in (legs.owner, legs.account, legs.asset)), strict=True)
        free = np.array([each not in used for each in keys], dtype=np.bool_)
        rows = all_rows[free]
        side = rises[rows]
        if not (legs.market[rows] >= 0).any() or side.all() or not side.any():
            continue
        inside = np.unique(legs.venue[rows][legs.venue[rows] >= 0])
        venue = int(inside[np.argmax(widths[inside])])
        weight = legs.count[rows] if by_owner else np.ones(len(rows))
        gain = weight[:, None] * legs.gain(rows, venue)
        worst = [float(gain[part].sum(axis=0).min()) for part in (side, ~side)]
        item = side if worst[0] <= worst[1] else ~side
        asset = str(net.index("assets")[key % n_assets])
        name = f"{names[key // n_assets]}/*/{asset}" if by_owner else f"{names[key // n_assets]}/{asset}"
        found.append(HedgedBook(name, "owner" if by_owner else "cross", asset, rows, weight, venue, item))
    return found
