"""Venues of one to a few linear books whose every number is a short binary fraction: worlds to follow by hand.

Every asset stands at 1024 and falls to 960 in the first round after the opening (`FALL`). Selling `u` units into a
linear book then lowers its price by ``960 u / 1024``, and the fill is the mean of the prices before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import contagion as ct
from contagion.shocks import Shock

OPENING, OUTSIDE = 1024.0, 960.0
RATE = 1.0 / 16.0
UNITS = 1024.0  # sold, they would take a book to zero
LOT = 2.0**-20
ROUND = 10.0
FALL = {"X": OUTSIDE / OPENING - 1.0}


@dataclass(frozen=True)
class Holder:
    """An account: its legs (units by market), its money, what stands behind it."""

    legs: Mapping[str, float]
    money: float
    mode: str = "cross"
    count: int = 1
    cash: float = 0.0
    response: float | None = None  # None: never answers because never called
    owner: str = ""
    entry: float = OPENING


@dataclass(frozen=True)
class Rules:
    """Rules of the one venue and of its markets."""

    venue: Mapping[str, Any] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    rate: float = RATE


def gap(*assets: str) -> ct.PriceShock:
    """All assets fall to 960 at once."""
    return ct.PriceShock(dict.fromkeys(assets or ("X",), FALL["X"]), over=0.0)


def small_net(
    holders: Mapping[str, Holder], rules: Rules | None = None, markets: Mapping[str, str] | None = None
) -> ct.Network:
    """A network of one venue; `markets` maps names to assets, by default one market `M` on `X`."""
    rules, markets = rules or Rules(), markets or {"M": "X"}
    book = {"impact": "linear", "permanent_share": 1.0, "impact_half_life": float("nan")}
    book |= {"capital_exponent": 0.0, "volatility_exponent": 0.0, "lot": LOT, **rules.market}
    # 2^-6 of the price per `amount` of money at 960
    amount = OUTSIDE * UNITS * 2.0**-6
    owners = {name: holder.owner or name for name, holder in holders.items()}
    cash: dict[str, float] = {}
    for name, holder in holders.items():
        cash[owners[name]] = cash.get(owners[name], 0.0) + holder.cash
    return ct.Network(
        nodes=[
            {"name": "V", "kind": "exchange", "cash": 1e6},
            *({"name": owner, "kind": "trader", "cash": money} for owner, money in cash.items()),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            *({"name": asset, "kind": "coin", "price": OPENING} for asset in sorted(set(markets.values()))),
        ],
        venues=[{"name": "V", "mark": "last", **rules.venue}],
        schedules=[{"name": "s"}],
        tiers=[
            {"schedule": "s", "floor": 0.0, "initial_rate": 2 * rules.rate, "maintenance_rate": rules.rate}
        ],
        markets=[
            {"name": market, "venue": "V", "asset": asset, "schedule": "s", **book}
            for market, asset in markets.items()
        ],
        depth=[
            {"market": market, "side": side, "band": 2.0**-6, "amount": amount}
            for market in markets
            for side in ("bid", "ask")
        ],
        accounts=[
            {
                "name": name,
                "owner": owners[name],
                "venue": "V",
                "mode": holder.mode,
                "count": holder.count,
                "reaction": "none" if holder.response is None else "top_up",
                "response": holder.response or 0.0,
            }
            for name, holder in holders.items()
        ],
        balances=[
            {"account": name, "asset": "USD", "quantity": holder.money} for name, holder in holders.items()
        ],
        positions=[
            {"account": name, "market": market, "quantity": units, "entry_price": holder.entry}
            for name, holder in holders.items()
            for market, units in holder.legs.items()
        ],
        rest_of_market="add",
    )


def play(net: ct.Network, *policies: ct.Policy, horizon: float = 600.0, shock: Shock | None = None) -> ct.Run:
    """The gap, in rounds of ten seconds."""
    return ct.run(net, shock or gap(), ct.Cascade(step=ROUND, horizon=horizon), list(policies))
