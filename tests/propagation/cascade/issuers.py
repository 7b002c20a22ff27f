"""Worlds of issuers whose tokens are worth what fractions say: every book is deep, every number short."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import contagion as ct

DEEP = {"impact": "linear", "permanent_share": 1.0, "capital_exponent": 0.0, "volatility_exponent": 0.0}
HALF = ct.PriceShock({"ETH": -0.5}, over=0.0)


def issuing_net(
    issuers: Mapping[str, tuple[float, float, Mapping[str, float]]],
    outside: Mapping[str, float],
    *,
    issued: bool = True,
    loans: tuple[tuple[str, str, float], ...] = (),
    **tables: Any,
) -> ct.Network:
    """Issuers of a token each, named like them in small letters; cash, ETH at 1, tokens of others; all else `outside`.

    `outside` is what an unwatched holder `h` has of each token.
    """
    tokens = {name.lower(): name for name in issuers}
    held = [("h", token, units) for token, units in outside.items()]
    for name, (_, ether, others) in issuers.items():
        held += [(name, "ETH", ether), *((name, token, units) for token, units in others.items())]
    spots = {"ETH", *tokens}
    extra = {
        name: tables.pop(name, []) for name in ("nodes", "markets", "depth", "assets", "holdings", "venues")
    }
    return ct.Network(
        nodes=[
            *({"name": n, "kind": "institution", "cash": cash} for n, (cash, _, _) in issuers.items()),
            {"name": "h", "kind": "trader"},
            {"name": "V", "kind": "exchange", "cash": 1.0},
            *extra["nodes"],
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "ETH", "kind": "coin", "price": 1.0},
            *(
                {"name": token, "kind": "token", "price": 1.0, "issuer": name if issued else ""}
                for token, name in tokens.items()
            ),
            *extra["assets"],
        ],
        venues=[{"name": "V"}, *extra["venues"]],
        markets=[
            *({"name": f"{a}-spot", "venue": "V", "asset": a, "kind": "spot", **DEEP} for a in sorted(spots)),
            *extra["markets"],
        ],
        depth=[
            *(
                {"market": f"{a}-spot", "side": side, "band": 0.5, "amount": 2.0**20}
                for a in sorted(spots)
                for side in ("bid", "ask")
            ),
            *extra["depth"],
        ],
        holdings=[
            *({"node": node, "asset": asset, "quantity": units} for node, asset, units in held if units),
            *extra["holdings"],
        ],
        obligations=[{"debtor": a, "creditor": b, "amount": money} for a, b, money in loans],
        **tables,
    )


def simulated(net: ct.Network, shock: Any = HALF, **settings: Any) -> tuple[Any, Any]:
    """The prepared network and the state at the end."""
    prepared = ct.Cascade(**{"step": 10.0, "horizon": 600.0, **settings}).prepare(net)
    return prepared, prepared.simulate(shock)


def recoveries(net: ct.Network, shock: Any = HALF) -> dict[str, float]:
    """Recovery rate of every token at the end."""
    prepared, state = simulated(net, shock)
    issued = prepared.opening.book.issuer >= 0
    return {
        name: float(rate)
        for name, rate, one in zip(prepared.opening.names.assets, state.recovered, issued, strict=True)
        if one
    }


def solved(rows: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solution of a linear system in exact fractions, by elimination."""
    n = len(rows)
    table = [[*map(Fraction, row), Fraction(value)] for row, value in zip(rows, right, strict=True)]
    for i in range(n):
        pivot = next(j for j in range(i, n) if table[j][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [cell / table[i][i] for cell in table[i]]
        for j in range(n):
            if j != i:
                table[j] = [a - table[j][i] * b for a, b in zip(table[j], table[i], strict=True)]
    return [row[n] for row in table]
