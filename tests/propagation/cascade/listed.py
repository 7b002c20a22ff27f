"""A venue that lists options, a future, a perpetual and spot on one asset, and scans portfolios: to follow by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import contagion as ct
from contagion.markets import black_scholes

SPOT, STRIKE, VOLATILITY, YEAR = 1024.0, 1024.0, 0.5, 365 * 86_400.0
EXPIRY = YEAR / 16.0
LOT = 2.0**-20
BOOK = {"permanent_share": 1.0, "capital_exponent": 0.0, "volatility_exponent": 0.0, "lot": LOT}
OPTION = {"kind": "option", "strike": STRIKE, "implied_volatility": VOLATILITY, "expiry": EXPIRY}
MARKETS: dict[str, dict[str, Any]] = {
    "spot": {"kind": "spot"},
    "perp": {"kind": "perp"},
    "future": {"kind": "future", "expiry": EXPIRY},
    "call": {**OPTION, "option_side": "call"},
    "put": {**OPTION, "option_side": "put"},
}


@dataclass(frozen=True)
class Owner:
    """An account: units by market, money, entry prices (none: opening marks), what the owner does when called."""

    legs: Mapping[str, float]
    money: float
    entry: Mapping[str, float] = field(default_factory=dict)
    reaction: str = "none"
    cash: float = 0.0
    count: int = 1


def listed_net(
    owners: Mapping[str, Owner],
    venue: Mapping[str, Any] | None = None,
    markets: Mapping[str, Mapping[str, Any]] | None = None,
    **market: Any,
) -> ct.Network:
    """A network of the venue `V` and its owners; `market` changes all markets, `markets` says which there are."""
    chosen = {
        name: {**MARKETS.get(name, {}), **BOOK, **market, **terms}
        for name, terms in (markets or {name: {} for name in MARKETS}).items()
    }
    rows = [{"name": name, "venue": "V", "asset": "X", **terms} for name, terms in chosen.items()]
    tables: dict[str, Any] = {
        "nodes": [
            {"name": "V", "kind": "exchange", "cash": 1e6},
            *({"name": name, "kind": "trader", "cash": owner.cash} for name, owner in owners.items()),
        ],
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": SPOT},
        ],
        "venues": [
            {"name": "V", "margin": "scan", "mark": "index", "procedure": "close_out", **(venue or {})}
        ],
        "markets": rows,
        "depth": [
            {"market": row["name"], "side": side, "band": 0.01, "amount": 1e7}
            for row in rows
            for side in ("bid", "ask")
        ],
    }
    opening = dict(zip((r["name"] for r in rows), opening_prices(tables), strict=True))
    return ct.Network(
        **tables,
        accounts=[
            {
                "name": name,
                "owner": name,
                "venue": "V",
                "count": owner.count,
                "reaction": owner.reaction,
                "response": float(owner.reaction != "none"),
            }
            for name, owner in owners.items()
        ],
        balances=[
            {"account": name, "asset": "USD", "quantity": owner.money} for name, owner in owners.items()
        ],
        positions=[
            {
                "account": name,
                "market": leg,
                "quantity": units,
                "entry_price": owner.entry.get(leg, opening[leg]),
            }
            for name, owner in owners.items()
            for leg, units in owner.legs.items()
        ],
        rest_of_market="add",
    )


def opening_prices(tables: Mapping[str, Any]) -> list[float]:
    """Opening price of every row of `markets`, by the pure functions."""
    found = []
    for row in tables["markets"]:
        years, carry = row.get("expiry", 0.0) / YEAR, row.get("carry", 0.0)
        price = SPOT * np.exp(carry * years)
        if row["kind"] == "option":
            value = black_scholes(
                row["option_side"], SPOT, row["strike"], years, row["implied_volatility"], rate=carry
            )
            price = value.price
        found.append(float(price))
    return found
