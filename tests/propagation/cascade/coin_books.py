"""One venue with one contract on BTC that settles in a coin: worlds of two accounts to follow by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import contagion as ct

PRICE = 50_000.0
RATE = 0.005
QUANTA = 8.0 * 2.0**-20
"""Money by which rounding to lots of a coin, worth at most four quanta each, can move an account with two trades."""
CONTRACT = {
    "inverse": {"contract": "inverse", "quote": "USD", "settle": "BTC"},
    "stable": {"contract": "linear", "quote": "USDT", "settle": "USDT"},
    "money": {"contract": "linear", "quote": "USD", "settle": "USD"},
}
COIN = {"inverse": "BTC", "stable": "USDT", "money": "USD"}


def coin_net(
    kind: str,
    quantity: float,
    margin: float,
    *,
    entry: float = PRICE,
    resting: float = 1e12,
    tiers: Sequence[Mapping[str, float]] = ({"floor": 0.0, "initial_rate": 0.01, "maintenance_rate": RATE},),
    market: Mapping[str, Any] | None = None,
    venue: Mapping[str, Any] | None = None,
    other_margin: float = 0.0,
    weight: float = 1.0,
    stable: float = 1.0,
) -> ct.Network:
    """Account A holds `quantity` against B, both with `margin` of the coin; books move nothing unless told to."""
    book = {"impact": "linear", "permanent_share": 1.0, "impact_half_life": float("nan")}
    book |= {"capital_exponent": 0.0, "volatility_exponent": 0.0}
    spots = {"S": "BTC", "U": "USDT"}
    assets = [("USD", "currency", 1.0), ("BTC", "coin", PRICE), ("USDT", "coin", stable)]
    perp = {"name": "P", "venue": "V", "asset": "BTC", "schedule": "s", **CONTRACT[kind], **(market or {})}
    return ct.Network(
        nodes=[{"name": "V", "kind": "exchange", "cash": 1e6}, {"name": "A"}, {"name": "B"}],
        assets=[{"name": name, "kind": word, "price": price} for name, word, price in assets],
        venues=[{"name": "V", "mark": "last", "procedure": "close_out", "fee": 0.0, **(venue or {})}],
        collateral=[{"venue": "V", "asset": coin, "weight": weight} for coin in ("BTC", "USDT")],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", **row} for row in tiers],
        markets=[
            perp | book,
            *({"name": m, "venue": "V", "asset": a, "kind": "spot", **book} for m, a in spots.items()),
        ],
        depth=[
            {"market": m, "side": side, "band": 0.01, "amount": resting if m == "P" else 1e12}
            for m in ("P", "S", "U")
            for side in ("bid", "ask")
        ],
        accounts=[{"name": name, "owner": name, "venue": "V", "reaction": "none"} for name in "AB"],
        balances=[
            {"account": "A", "asset": COIN[kind], "quantity": margin},
            {"account": "B", "asset": COIN[kind], "quantity": other_margin or 1e3 * margin},
        ],
        positions=[
            {"account": name, "market": "P", "quantity": sign * quantity, "entry_price": entry}
            for name, sign in (("A", 1.0), ("B", -1.0))
        ],
    )


def play(net: ct.Network, moves: Mapping[str, float], horizon: float = 60.0) -> ct.Run:
    """Prices move at once, in rounds of ten seconds."""
    return ct.run(net, ct.PriceShock(dict(moves), over=0.0), ct.Cascade(step=10.0, horizon=horizon))


def equity(run: ct.Run, account: str = "A") -> float:
    """Closing equity of an account, in money."""
    return float(run.accounts["closing_equity"][account])
