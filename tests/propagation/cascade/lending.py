"""Lending protocols of one to a few borrowers, with prices of short binary fractions: to follow by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import contagion as ct
from contagion.policies.base import Policy
from contagion.results import Run
from contagion.shocks import Shock

ROUND = 10.0
LOT = 2.0**-20
COINS = {"ETH": 1024.0, "BTC": 4096.0}


@dataclass(frozen=True)
class Loan:
    """A borrower: coins and money at the protocol (negative: debts), by asset."""

    balances: Mapping[str, float]
    count: int = 1
    owner: str = ""


@dataclass(frozen=True)
class Protocol:
    """Rules of the protocol, of its collateral and of the spot markets."""

    venue: Mapping[str, Any] = field(default_factory=dict)
    collateral: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    depth: float = 2.0**20
    cash: float = 1e6


def lending_net(loans: Mapping[str, Loan], rules: Protocol | None = None) -> ct.Network:
    """A protocol `P` with these borrowers and a spot market of every coin at the exchange `X`."""
    rules = rules or Protocol()
    spot = {"impact": "linear", "impact_coefficient": 0.0, "permanent_share": 1.0, "lot": LOT}
    spot |= {"impact_half_life": float("nan"), "capital_exponent": 0.0, "volatility_exponent": 0.0}
    owners = {name: loan.owner or name for name, loan in loans.items()}
    asked = {"loan_to_value": 0.75, "liquidation_threshold": 0.8, "bonus": 0.0625}
    return ct.Network(
        nodes=[
            {"name": "P", "kind": "protocol", "cash": rules.cash},
            {"name": "X", "kind": "exchange", "cash": 1e6},
            *({"name": owner, "kind": "trader"} for owner in sorted(set(owners.values()))),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            *({"name": coin, "kind": "coin", "price": price} for coin, price in COINS.items()),
        ],
        venues=[{"name": "P", "procedure": "lending", **rules.venue}, {"name": "X"}],
        markets=[
            {"name": f"{coin}-USD", "venue": "X", "asset": coin, "kind": "spot", **spot, **rules.market}
            for coin in COINS
        ],
        depth=[
            {"market": f"{coin}-USD", "side": side, "band": 2.0**-6, "amount": rules.depth}
            for coin in COINS
            for side in ("bid", "ask")
        ],
        accounts=[
            {
                "name": name,
                "owner": owners[name],
                "venue": "P",
                "count": loan.count,
                "reaction": "none",
            }
            for name, loan in loans.items()
        ],
        balances=[
            {"account": name, "asset": asset, "quantity": quantity}
            for name, loan in loans.items()
            for asset, quantity in loan.balances.items()
        ],
        collateral=[
            {"venue": "P", "asset": asset, **asked, **rules.collateral.get(asset, {})}
            for asset in sorted({*COINS, *rules.collateral})
        ],
    )


def fall(share: float, *coins: str) -> ct.PriceShock:
    """All named coins (ETH if none) fall by a share at once."""
    return ct.PriceShock(dict.fromkeys(coins or ("ETH",), -share), over=0.0)


def play(net: ct.Network, shock: Shock, *policies: Policy, horizon: float = 600.0) -> Run:
    """Rounds of ten seconds."""
    return ct.run(net, shock, ct.Cascade(step=ROUND, horizon=horizon), list(policies))
