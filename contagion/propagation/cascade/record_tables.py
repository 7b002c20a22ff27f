"""Rows of what a run writes down: history of markets, rounds, events, the ledger.

Money of rounds and events is in the network's unit, of the ledger in quanta; lots are whole numbers.
"""

from __future__ import annotations

import numpy as np

HISTORY = np.dtype(
    [
        ("outside", "f8"),
        ("last", "f8"),
        ("mark", "f8"),
        ("index", "f8"),
        ("multiplier", "f8"),  # of maintenance margin
        ("displacement", "f8"),
        ("depth", "f8"),
        ("added", "f8"),  # displacement that the round's forced flow added
        ("sold", "f8"),  # gross money of the round's forced fills
        ("halted", "?"),
    ],
    align=True,
)

ROUND = np.dtype(
    [
        ("time", "f8"),
        ("liquidated_notional", "f8"),
        ("adl_notional", "f8"),
        ("asked_notional", "f8"),
        ("deferred_notional", "f8"),
        ("bad_debt", "f8"),
        ("fund_total", "f8"),
        ("margin_called", "f8"),
        ("margin_posted", "f8"),
        ("halted_markets", "f8"),
        ("liquidations", "f8"),
        ("takeover_notional", "f8"),
    ],
    align=True,
)

EVENT = np.dtype(
    [
        ("round", "i8"),
        ("time", "f8"),
        ("kind", "i8"),
        ("account", "i8"),
        ("node", "i8"),
        ("venue", "i8"),
        ("market", "i8"),
        ("lots", "f8"),
        ("price", "f8"),
        ("money", "f8"),
        ("weight", "f8"),  # forced fills only: money at the mark; 0 means the event is none
        ("basis", "f8"),
        ("traded", "i8"),  # market
        ("side", "f8"),  # 1: a long was sold
        ("filled", "f8"),  # lots
        ("asked", "f8"),
        ("trigger", "f8"),  # mark (a coin's price by the oracle) when the account was triggered
        ("mark", "f8"),
        ("outside", "f8"),
        ("execution", "f8"),
        ("bankruptcy", "f8"),  # below 0: none
        ("delay", "f8"),  # s
        ("coverage", "f8"),
        ("closed", "i8"),  # 1: this fill closed the account, hence has a coverage
    ],
    align=True,
)

LEDGER = np.dtype(
    [
        ("round", "i8"),
        ("event", "i8"),
        ("entity", "i8"),
        ("id", "i8"),
        ("kind", "i8"),
        ("instrument", "i8"),
        ("amount", "i8"),
    ],
    align=True,
)
