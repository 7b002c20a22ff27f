"""Who lost by which issuer? Every fall of a recovery rate, shared among those who held the token then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State

Floats = npt.NDArray[np.float64]


def haircuts_table(opening: Opening, state: State) -> pd.DataFrame:
    """Return what the holders of tokens lost by haircuts: issuer, holder (nodes), asset, money (below 0: regained).

    At outside prices of the rounds in which the rates changed. What providers held is left out: they are no nodes.

    Parameters
    ----------
    opening : Opening
        The network as arrays.
    state : State
        At the end of a run with its records.
    """
    names = opening.names
    events = state.events[: int(state.clock["n_events"][0])]
    told = np.flatnonzero(events["kind"] == codes.EVENT_ISSUER)
    found = []
    for a in np.unique(events["traded"][told]).tolist():
        rows = told[events["traded"][told] == a]
        lost = _shared(opening, state, a, rows, events[rows])
        issuer = int(opening.book.issuer[a])
        lost[issuer] = 0.0
        holders = np.flatnonzero(lost)
        found += [(names.nodes[issuer], names.nodes[n], names.assets[a], float(lost[n])) for n in holders]
    return pd.DataFrame(found, columns=["issuer", "holder", "asset", "money"])


def issuer_losses(events: pd.DataFrame, who: str) -> pd.Series:
    """Return what tokens in other hands than their issuers' lost by each issuer: money by name, never below 0.

    All of them together are the metric `issuer_loss`. An issuer who is short because its own debtors are is charged
    with all of it, as debtors are with what their creditors lose: who hit him is told by his own losses.

    Parameters
    ----------
    events : pandas.DataFrame
        Events of a run, with names.
    who : str
        Column by which to add up: ``node``, or ``venue`` for issuers that are venues.
    """
    told = events[(events["kind"] == "issuer") & (events[who] != "")]
    return told.groupby(who)["money"].sum().clip(lower=0.0)


def _shared(
    opening: Opening, state: State, a: int, rows: npt.NDArray[np.int64], events: npt.NDArray[np.void]
) -> Floats:
    """Money that each node lost by the haircuts of one token, shape (n_nodes,); `rows` are the events' numbers."""
    lots, lost = _opening_lots(opening, a), np.zeros(len(opening.names.nodes))
    ledger = state.ledger[: int(state.clock["n_ledger"][0])]
    legs = ledger[ledger["instrument"] == len(opening.markets) + a]
    who = np.where(legs["entity"] == codes.NODE, legs["id"], -1)
    accounts = legs["entity"] == codes.ACCOUNT
    who[accounts] = opening.book.owner[legs["id"][accounts]]
    done = 0
    for row, event in zip(rows.tolist(), events, strict=True):
        until = int(np.searchsorted(legs["event"], row))
        part = slice(done, until)
        known = who[part] >= 0
        np.add.at(lots, who[part][known], legs["amount"][part][known].astype(np.float64))
        done = until
        if event["lots"] > 0.0:
            lost += lots * (event["money"] / event["lots"])
    return lost


def _opening_lots(opening: Opening, a: int) -> Floats:
    """Lots of an asset that every node holds at the opening, in holdings and accounts, shape (n_nodes,)."""
    book, n = opening.book, len(opening.names.nodes)
    held = book.holding_asset == a
    lots = np.bincount(book.holding_node[held], opening.holding[held].astype(np.float64), n)
    coins = opening.slots["asset"][book.hold_slot] == a
    owner = book.owner[book.hold_account[coins]]
    number = book.count[book.hold_account[coins]]
    return np.asarray(lots + np.bincount(owner, opening.held[coins] * number, n), dtype=np.float64)


def frozen_table(opening: Opening, state: State) -> pd.DataFrame:
    """Return what customers of failed venues could not get for a while, or cannot at the end: venue, holder, money.

    Parameters
    ----------
    opening : Opening
        The network as arrays.
    state : State
        At the end of a run with its records.
    """
    book, names = opening.book, opening.names
    ledger = state.ledger[: int(state.clock["n_ledger"][0])]
    paid = ledger[(ledger["kind"] == codes.BY_PAYOUT) & (ledger["entity"] == codes.ACCOUNT)]
    money = np.zeros(len(names.accounts))
    np.subtract.at(money, paid["id"], paid["amount"].astype(np.float64))
    waits = ~np.isnan(state.venues["payout_at"][book.venue])
    money += np.where(waits, state.cash.astype(np.float64) * book.count, 0.0)
    rows = np.flatnonzero(money > 0.0)
    return pd.DataFrame(
        {
            "venue": [names.venues[v] for v in book.venue[rows].tolist()],
            "holder": [names.nodes[n] for n in book.owner[rows].tolist()],
            "money": money[rows] / opening.units.scale,
        }
    )
