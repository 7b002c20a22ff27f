"""Who hit whom? Forced flows are traced through the displacement they leave in a market.

A forced sale at time t moves the displacement; part of it decays, the rest stays. When a later order is triggered, the
move of its market's mark since the opening is split between the outside move and what is left of earlier flows, in the
market itself and, through the index, in the spot markets. Those shares are the edges of the contagion graph.

References
----------
cascade chapter, section 4, step 7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import FUTURE, OPTION, PERP
from contagion.propagation.cascade.layout import State

Floats = npt.NDArray[np.float64]
TRADES = ("liquidation", "auction", "unwind", "reaction", "hedge", "delta_hedge")
FORCED = (*TRADES, "takeover", "model_close")
SOURCES = (
    *TRADES,
    "mint",
    "attack",
)  # a takeover or a close at the model's value moves no price: what it leads to is the inventory's unwinding


def remaining_flow(opening: Opening, state: State, m: int, n_rounds: int) -> Floats:
    """``left[r, s]``: displacement left at the start of round r by the forced flow of round s, in market `m`."""
    market, step = state.markets[m], float(state.clock["step"][0])
    added = state.history["added"][:n_rounds, m]
    age = np.arange(n_rounds)[:, None] - np.arange(n_rounds)[None, :]
    decay = (
        1.0
        if np.isinf(market["half_life"])
        else 2.0 ** (-step * np.maximum(age - 1, 0) / max(market["half_life"], 1e-9))
    )
    kept = market["permanent_share"] + (1.0 - market["permanent_share"]) * decay
    return np.where(age >= 1, added[None, :] * kept, 0.0)


def shares_of_mark(opening: Opening, state: State, m: int) -> list[tuple[int, float]]:
    """Markets whose displacement enters the mark of market `m`, with weights."""
    market, book = state.markets[m], opening.book
    own = 1.0
    if market["kind"] == PERP:
        follows = {0: 1.0, 1: 0.0, 3: 1.0, 4: 1.0}  # a median follows the last price in time
        own = follows.get(int(market["mark_rule"]), float(market["mark_weight"]))
    elif market["kind"] == FUTURE:  # marked to its fair price, mixed with the last one by the weighted rule
        own = float(market["mark_weight"]) if int(market["mark_rule"]) == 2 else 0.0
    elif market["kind"] == OPTION:  # marked to model: through the index alone
        own = 0.0
    shares = [(m, own)] if own > 0.0 else []
    first, last = book.index_indptr[market["asset"]], book.index_indptr[market["asset"] + 1]
    weights = book.index_weight[first:last]
    if own < 1.0 and weights.sum() > 0.0:
        shares += [
            (int(s), (1.0 - own) * float(w))
            for s, w in zip(book.index_market[first:last], weights / weights.sum(), strict=True)
        ]
    return shares


def outside_move(opening: Opening, state: State, m: int, n_rounds: int, sign: float) -> tuple[Floats, float]:
    """Log move outside that an order in market `m` answers, and the side on which flows do so too.

    An option answers the price of its asset: calls are sold into falls of it, puts into rises.
    """
    market = state.markets[m]
    if market["kind"] != OPTION:
        return np.log(state.history["outside"][:n_rounds, m] / market["opening"]), sign
    asset = int(market["asset"])
    rounds = np.minimum(np.arange(n_rounds), len(state.outside) - 1)
    return np.log(state.outside[rounds, asset] / opening.prices[asset]), sign * float(market["call"])


def attribute(opening: Opening, state: State, events: pd.DataFrame) -> pd.DataFrame:
    """Per event: `cause` (share of contagion in its trigger, nan if not forced), `caused` (money it triggered)."""
    n_rounds = int(state.clock["round"][0])
    cause, caused = np.full(len(events), np.nan), np.zeros(len(events))
    market = np.asarray(pd.Index(opening.names.markets).get_indexer(pd.Index(events["market"])))
    held = opening.venues["inventory"]
    inventories = np.asarray(opening.names.accounts, dtype=object)[held[held >= 0]]
    # an inventory's trades are no triggers of their own: what led to them is that of the takeovers
    forced = events["kind"].isin(FORCED).to_numpy() & (market >= 0)
    forced &= ~events["account"].isin(inventories).to_numpy()
    rounds, money = events["round"].to_numpy(), events["money"].to_numpy(float)
    rows = np.flatnonzero(forced)
    # money triggered later, per source round and market
    weight = np.zeros((n_rounds, len(opening.names.markets)))
    by_market = {m: rows[market[rows] == m] for m in np.unique(market[rows])}
    side = np.where(events["lots"].to_numpy(float) < 0, 1.0, -1.0)  # 1: a sale, triggered by a fall
    groups = [(m, s, found[side[found] == s]) for m, found in by_market.items() for s in (1.0, -1.0)]
    left: dict[int, Floats] = {}
    for m, sign, targets in groups:
        outside, sign = outside_move(opening, state, int(m), n_rounds, sign)
        total = np.maximum(-sign * outside, 0.0)
        parts = []
        for source, share in shares_of_mark(opening, state, int(m)):
            if source not in left:
                left[source] = remaining_flow(opening, state, source, n_rounds)
            flow = share * left[source]
            parts.append((source, np.maximum(sign * flow, 0.0)))
            total = total + parts[-1][1].sum(axis=1)
        safe = np.where(total > 0.0, total, 1.0)
        contagion = sum((part.sum(axis=1) for _, part in parts), np.zeros(n_rounds)) / safe
        cause[targets] = contagion[rounds[targets]]
        per_round = np.bincount(rounds[targets], money[targets], n_rounds)
        for source, part in parts:
            weight[:, source] += (part / safe[:, None] * per_round[:, None]).sum(axis=0)
    flows = np.flatnonzero(events["kind"].isin(SOURCES).to_numpy() & (market >= 0))
    for m in np.unique(market[flows]):
        sources = flows[market[flows] == m]
        sold = np.bincount(rounds[sources], money[sources], n_rounds)
        caused[sources] = (
            weight[rounds[sources], m] * money[sources] / np.maximum(sold[rounds[sources]], 1e-300)
        )
    return events[["round", "kind", "node", "venue", "market", "money"]].assign(cause=cause, caused=caused)
