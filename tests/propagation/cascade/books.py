"""Small books with numbers one can follow by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import contagion as ct

PRICE = 1024.0


def one_market(
    positions: Sequence[tuple[float, float]],
    *,
    isolated: bool = True,
    market: dict[str, Any] | None = None,
    venue: dict[str, Any] | None = None,
    cash: float = 0.0,
    spot: bool = False,
    depth: float = 2.0**20,
) -> ct.Network:
    """One venue and one perp at price 1024, linear permanent impact, no maintenance but zero equity.

    `positions` are (quantity, liquidation price): an account is closed when the mark falls (rises, for shorts) past
    its liquidation price, because its equity is then below zero.
    """
    names = [f"a{i:04d}" for i in range(len(positions))]
    rows = {
        "impact": "linear",
        "permanent_share": 1.0,
        "impact_half_life": float("nan"),
        "capital_exponent": 0.0,
    }
    rows |= {"volatility_exponent": 0.0, **(market or {})}
    markets = [{"name": "M", "venue": "V", "asset": "X", "schedule": "s", "lot": 2.0**-20, **rows}]
    if spot:
        markets.append({"name": "S", "venue": "V", "asset": "X", "kind": "spot", **rows})
    bands = [
        {"market": m["name"], "side": side, "band": 2.0**-6, "amount": depth}
        for m in markets
        for side in ("bid", "ask")
    ]
    return ct.Network(
        nodes=[
            {"name": "V", "kind": "exchange", "cash": 1e9},
            *({"name": n, "kind": "trader", "cash": cash} for n in names),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": PRICE},
        ],
        venues=[{"name": "V", "mark": "last", **(venue or {})}],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 2.0**-30, "maintenance_rate": 2.0**-40}],
        markets=markets,
        depth=bands,
        accounts=[
            {
                "name": n,
                "owner": n,
                "venue": "V",
                "mode": "isolated" if isolated else "cross",
                "reaction": "none",
            }
            for n in names
        ],
        balances=[
            {"account": n, "asset": "USD", "quantity": q * (PRICE - trigger)}
            for n, (q, trigger) in zip(names, positions, strict=True)
        ],
        positions=[
            {"account": n, "market": "M", "quantity": q, "entry_price": PRICE}
            for n, (q, _) in zip(names, positions, strict=True)
        ],
        rest_of_market="add",
    )
