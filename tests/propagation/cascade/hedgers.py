"""Books of options that are hedged in one market: worlds whose loop has an exact answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import contagion as ct
from contagion.network.contracts import SECONDS_PER_YEAR

SPOT, STRIKE, VOLATILITY, YEARS = 100.0, 102.0, 0.6, 20.0 / 365.0
LOT = 2.0**-20
DEPTH = 1024.0  # money that moves the hedge market by BAND
BAND = 2.0**-6


@dataclass(frozen=True)
class Hedged:
    """A writer (or holder) of calls at O, hedged in spot, or in a perpetual or dated future at P."""

    calls: float
    kind: str = "spot"  # of the hedge market
    ratio: float | None = 1.0  # None: nobody hedges
    hedge: float = 0.0  # units held of it at the opening
    impact: str = "linear"
    lot: float = LOT
    money: float = 1e6  # in the hedger's accounts and its cash
    coins: float = 1e4
    option_money: float = 1e6
    trader: float = 0.0  # units of the perpetual that somebody holds with money for nine falls in a hundred
    market: Mapping[str, Any] = field(default_factory=dict)
    venue: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict)


def hedged_net(world: Hedged) -> ct.Network:
    """The network: option venue O, hedge venue P; the index is the spot price, which hedges move when they trade it."""
    still = {"permanent_share": 1.0, "impact_half_life": float("nan"), "lot": world.lot}
    still |= {"capital_exponent": 0.0, "volatility_exponent": 0.0, "impact": world.impact}
    spot = {"name": "S", "venue": "P", "asset": "X", "kind": "spot", **still}
    kind = "perp" if world.kind == "spot" else world.kind
    perp = {"name": "F", "venue": "P", "asset": "X", "kind": kind, "schedule": "s", **still}
    option = {
        "name": "C",
        "venue": "O",
        "asset": "X",
        "kind": "option",
        "option_side": "call",
        "strike": STRIKE,
        "expiry": YEARS * SECONDS_PER_YEAR,
        "implied_volatility": VOLATILITY,
        "hedge_market": "S" if world.kind == "spot" else "F",
        **still,
        **world.options,
    }
    for market in (spot, perp):
        if market["kind"] == world.kind:
            market.update(world.market)
    strategy = {
        "name": "h",
        "kind": "hedge",
        "asset": "X",
        "long_account": "book",
        "ratio": world.ratio,
        **({"spot_node": "dealer"} if world.kind == "spot" else {"short_account": "hedge"}),
        **world.other,
    }
    return ct.Network(
        nodes=[
            {"name": "O", "kind": "exchange", "cash": 1e9},
            {"name": "P", "kind": "exchange", "cash": 1e9},
            {"name": "dealer", "kind": "institution", "cash": world.money},
            {"name": "t", "kind": "trader"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": SPOT},
        ],
        venues=[
            {"name": "O", "margin": "scan", **world.venue},
            {"name": "P", "mark": "last"},
        ],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.125, "maintenance_rate": 0.0625}],
        markets=[spot, perp, option],
        depth=[
            {"market": name, "side": side, "band": BAND, "amount": DEPTH * 100.0}
            for name in ("S", "F", "C")
            for side in ("bid", "ask")
        ],
        holdings=[{"node": "dealer", "asset": "X", "quantity": world.coins}],
        accounts=[
            {"name": name, "owner": owner, "venue": venue, "reaction": "none"}
            for name, owner, venue in (("book", "dealer", "O"), ("hedge", "dealer", "P"), ("t", "t", "P"))
        ],
        balances=[
            {"account": "book", "asset": "USD", "quantity": world.option_money},
            {"account": "hedge", "asset": "USD", "quantity": world.money},
            {"account": "t", "asset": "USD", "quantity": 0.09 * SPOT * world.trader},
        ],
        positions=[
            {"account": "book", "market": "C", "quantity": world.calls, "entry_price": 5.0},
            *(
                {"account": name, "market": "F", "quantity": units, "entry_price": SPOT}
                for name, units in (("hedge", world.hedge), ("t", world.trader))
                if units
            ),
        ],
        strategies=[] if world.ratio is None else [strategy],
        rest_of_market="add",
    )


def gap(move: float) -> ct.PriceShock:
    """The outside price moves by this share at once."""
    return ct.PriceShock({"X": move}, over=0.0)
