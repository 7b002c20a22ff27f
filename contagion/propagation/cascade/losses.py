"""Through which channel did every node lose? The ledger of a run, valued at final outside prices.

What a node has lost beyond the outside shock is what its postings of the run are worth at final outside prices, and the
distance of closing from outside prices on what it still holds: the channels add up to its loss exactly.

References
----------
cascade chapter, section 5: system loss.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.close import lot_prices
from contagion.propagation.cascade.graph import MAKERS
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.outcome import final_outside
from contagion.propagation.cascade.packing import pack_state

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REASONS: Final = {
    "liquidation": "forced trades",
    "takeover": "forced trades",
    "seizure": "forced trades",
    "repayment": "forced trades",
    "model_close": "forced trades",
    "fee": "forced trades",
    "gas": "forced trades",
    "adl": "deleveraging",
    "unwind": "unwinding",
    "reaction": "hedging",
    "hedge": "hedging",
    "delta_hedge": "hedging",
    "arbitrage": "arbitrage",
    "funding": "funding",
    "fund": "bad debt",
    "residual": "bad debt",
    "own_equity": "bad debt",
    "own_capital": "bad debt",
    "default_fund": "bad debt",
    "assessment": "bad debt",
    "replenishment": "bad debt",
    "venue_default": "failed venues",
    "payout": "failed venues",
    "node_default": "claims",
    "shock": "forced default",
    "issuer": "issuers",
    "expiry": "expiry",
    "attack": "attack",
    "pool": "pools",
}
"""Reason of a posting -> channel."""
OTHER, PRICES, ISSUERS = "transfers", "displaced prices", "issuers"
CHANNELS: Final = (*dict.fromkeys(REASONS.values()), PRICES, OTHER)
"""Channels in the order of a round; `displaced prices` is what books still stand away from outside prices at the end,
`transfers` what top-ups, withdrawals, recalls and injections bring from others."""


def losses_table(opening: Opening, state: State, kinds: npt.NDArray[np.object_]) -> pd.DataFrame:
    """Return what each node lost through each channel: node, layer, channel, money (below 0: gained).

    Parameters
    ----------
    opening : Opening
        The network as arrays.
    state : State
        At the end of a run with its records.
    kinds : ndarray of str, shape (n_nodes,)
        Kind of each node.
    """
    n_nodes, n_channels = len(opening.names.nodes), len(CHANNELS)
    lost = np.zeros((n_nodes, n_channels))
    _, node, channel, worth = posted(opening, state)
    np.subtract.at(lost, (node, channel), worth)
    by_prices, by_issuers = _displaced(opening, state)
    lost[:, CHANNELS.index(PRICES)] += by_prices
    lost[:, CHANNELS.index(ISSUERS)] += by_issuers
    rows, columns = np.nonzero(lost)
    counted = opening.book.counted[rows]
    return pd.DataFrame(
        {
            "node": np.asarray(opening.names.nodes, dtype=object)[rows],
            "layer": np.where(counted, kinds[rows], MAKERS),
            "channel": np.asarray(CHANNELS, dtype=object)[columns],
            "money": lost[rows, columns] / opening.units.scale,
        }
    )


def posted(opening: Opening, state: State) -> tuple[npt.NDArray[np.void], Ints, Ints, Floats]:
    """Postings to nodes of the network, their nodes, numbers of channels, and quanta at final outside prices."""
    legs = state.ledger[: int(state.clock["n_ledger"][0])]
    node = _holders(opening, state, legs)
    legs, node = legs[node >= 0], node[node >= 0]
    channel = np.array([CHANNELS.index(REASONS.get(name, OTHER)) for name in codes.REASONS])[legs["kind"]]
    return legs, node, channel, _values(opening, state, legs["instrument"]) * legs["amount"]


def _holders(opening: Opening, state: State, legs: npt.NDArray[np.void]) -> Ints:
    """Node whose wealth each posting changes, -1 where it is nobody's in the network."""
    book, who = opening.book, legs["id"]
    node = np.full(len(legs), -1, dtype=np.int64)
    for entity, of in (
        (codes.ACCOUNT, book.owner),
        (codes.FUND, state.venues["node"]),
        (codes.NODE, np.arange(len(opening.names.nodes))),
        (codes.DEFAULT_FUND, book.member_node),
    ):
        rows = legs["entity"] == entity
        node[rows] = of[who[rows]]
    return node


def _values(opening: Opening, state: State, instrument: Ints) -> Floats:
    """Quanta that one of each posting's instrument is worth at final outside prices: lots of markets and assets, 1."""
    markets = lot_prices(pack_state(state), 1)
    assets = final_outside(state) * opening.book.asset_lot_scale
    return np.concatenate([markets, assets, np.ones(3)])[instrument]


def _displaced(opening: Opening, state: State) -> tuple[Floats, Floats]:
    """Per node, quanta by which closing is below outside on all that it holds: through books, and through issuers."""
    book, outside = opening.book, final_outside(state)
    n = len(opening.names.nodes)
    owner, _, gap = displaced_legs(opening, state)
    prices = _sums(owner, gap, n)
    haircut = (1.0 - state.recovery) * outside
    rest = outside - state.index - haircut
    holder, asset, units = coins_held(opening, state)
    prices += _sums(holder, units * rest[asset], n)
    issuers = _sums(holder, units * haircut[asset], n)
    own = book.issuer >= 0  # tokens are debts, of which a haircut or what is minted changes the worth
    owed = (state.issued * state.recovery - opening.issued) * outside * book.asset_lot_scale
    return prices, issuers + _sums(book.issuer[own], owed[own], n)


def displaced_legs(opening: Opening, state: State) -> tuple[Ints, Ints, Floats]:
    """Owner and market of every leg, and quanta by which closing it is below outside."""
    book, last = opening.book, pack_state(state)
    gap = (lot_prices(last, 1) - lot_prices(last, 2))[book.leg_market]
    return (
        book.owner[book.leg_account],
        book.leg_market,
        state.quantity * gap * book.count[book.leg_account].astype(np.float64),
    )


def coins_held(opening: Opening, state: State) -> tuple[Ints, Ints, Floats]:
    """Node, asset and quanta per unit of price of every balance of coins and every holding."""
    book = opening.book
    coins = state.held * state.slots["lot_scale"][book.hold_slot] * book.count[book.hold_account]
    return (
        np.concatenate([book.owner[book.hold_account], book.holding_node]),
        np.concatenate([state.slots["asset"][book.hold_slot], book.holding_asset]),
        np.concatenate([coins, state.holding * book.asset_lot_scale[book.holding_asset]]),
    )


def _sums(who: Ints, money: Floats, n: int) -> Floats:
    return np.bincount(who, money, n).astype(np.float64)  # without rows bincount counts in integers
