"""The timeless limit: the same book with every clock and every reaction of depth taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import AUCTION, LENDING


def timeless(opening: Opening) -> Opening:
    """Permanent impact, constant depth, full close without rationing, no deleveraging, immediate unwinding.

    A median of averages over time ends at the last price; there is no funding, no late index and no late oracle.
    """
    markets, venues, strategies = opening.markets.copy(), opening.venues.copy(), opening.strategies.copy()
    markets["permanent_share"], markets["half_life"] = 1.0, np.inf
    markets["capital_exponent"] = markets["volatility_exponent"] = 0.0
    markets["funding_interval"] = np.inf
    markets["mark_rule"] = np.where(markets["mark_rule"] >= 3, 0, markets["mark_rule"])
    venues["index_lag"] = venues["oracle_lag"] = venues["oracle_threshold"] = 0.0
    venues["procedure"][~np.isin(venues["procedure"], (LENDING, AUCTION))] = 0
    venues["adl"], venues["throughput"] = False, np.inf
    venues["latency"] = venues["block_time"] = venues["gas_used"] = 0.0
    venues["replenish"] = venues["payout_delay"] = 0.0
    strategies["unwind"], strategies["rate"] = 0.0, 0.0
    return replace(opening, markets=markets, venues=venues, strategies=strategies)
