"""Who took what each node lost? The channels of losses that pass through markets, as edges of the contagion graph.

What a node lost through a channel is what its postings are worth at final outside prices. The source is the market of
the event to which a posting belongs, the books of its venue (`books:` and its name) where it has none, the outside
where it has no venue; of what members of a counterparty pay it is the venue. What is closed away from outside prices
at the end comes from the market of the leg; of coins, from the spot markets of their index by weight.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import Book, State
from contagion.propagation.cascade.losses import CHANNELS, PRICES, coins_held, displaced_legs, posted
from contagion.propagation.cascade.outcome import final_outside

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BETWEEN: Final = ("bad debt", "claims", "issuers")
"""Channels of losses that pass between nodes: edges of their own tell who hit whom."""
MEMBERS: Final = (codes.BY_DEFAULT_FUND, codes.BY_ASSESSMENT, codes.BY_REPLENISHMENT)
"""Reasons for which a central counterparty takes money from its members."""
DUST: Final = 1e-12
"""Share of all that passed between two below which what is left is rounding."""


def costs_table(opening: Opening, state: State) -> pd.DataFrame:
    """Return what nodes lost through markets: source, node, channel, money (below 0: gained); sums per channel.

    Of every channel of `losses_table` but those of `BETWEEN`, the rows of a node add up to what is told there. Channel
    `bad debt` has what members of central counterparties paid, their venue being the source.

    Parameters
    ----------
    opening : Opening
        The network as arrays.
    state : State
        At the end of a run with its records.
    """
    legs, node, channel, worth = posted(opening, state)
    between = np.isin(channel, [CHANNELS.index(name) for name in BETWEEN])
    kept = ~between | np.isin(legs["kind"], MEMBERS)
    legs, node, channel = legs[kept], node[kept], channel[kept]
    parts = [(_sources(opening, state, legs), node, channel, -worth[kept])]
    parts += [
        (*part[:2], np.full(len(part[0]), CHANNELS.index(PRICES)), part[2])
        for part in _closing(opening, state)
    ]
    source, who, through, money = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    table = pd.DataFrame({"source": source, "node": who, "channel": through, "money": money})
    sums = table.assign(gross=np.abs(money)).groupby(["source", "node", "channel"], as_index=False).sum()
    sums = sums[sums["money"].abs() > DUST * sums["gross"]]
    names = opening.names
    books = (f"books:{name}" for name in names.venues)
    sources = (*(f"market:{name}" for name in names.markets), *names.venues, *books, "outside")
    for column, known in (("source", sources), ("node", names.nodes), ("channel", CHANNELS)):
        sums[column] = np.asarray(known, dtype=object)[sums[column]]
    return sums.assign(money=sums["money"] / opening.units.scale).drop(columns="gross")


def _sources(opening: Opening, state: State, legs: npt.NDArray[np.void]) -> Ints:
    """Market (its number), venue, its books or outside of each posting: numbers of `sources`."""
    events, n_markets, n_venues = state.events[legs["event"]], len(opening.names.markets), len(state.venues)
    venue = events["venue"].astype(np.int64)
    books = np.where(venue >= 0, n_markets + n_venues + venue, n_markets + 2 * n_venues)
    members = np.isin(legs["kind"], MEMBERS)
    place = np.where(members, n_markets + venue, books)
    return np.where((events["market"] >= 0) & ~members, events["market"], place).astype(np.int64)


def _closing(opening: Opening, state: State) -> list[tuple[Ints, Ints, Floats]]:
    """Source, node and quanta by which closing is below outside: of legs, and of coins by markets of the index."""
    owner, market, gap = displaced_legs(opening, state)
    holder, asset, units = coins_held(opening, state)
    rest = units * (state.recovery * final_outside(state) - state.index)[asset]
    found, outside = [(market, owner, gap)], len(opening.names.markets) + 2 * len(opening.names.venues)
    for a in np.unique(asset[rest != 0.0]).tolist():
        own = asset == a
        for source, share in _shares(opening.book, a) or [(outside, 1.0)]:
            found.append((np.full(int(own.sum()), source), holder[own], share * rest[own]))
    return found


def _shares(book: Book, a: int) -> list[tuple[int, float]]:
    """Spot markets of the index of asset `a`, with their shares of its weight."""
    rows = slice(book.index_indptr[a], book.index_indptr[a + 1])
    weights = book.index_weight[rows].astype(np.float64)
    total = float(weights.sum())
    if not total > 0.0:
        return []
    return list(zip(book.index_market[rows].tolist(), (weights / total).tolist(), strict=True))
