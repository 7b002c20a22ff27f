"""Random lending protocols for the random worlds: suppliers, borrowers, loops, rules of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np

import contagion as ct
from contagion.policies.base import Policy

LENDING = ("close_factor", "full_close_health_factor", "small_position", "min_leftover", "protocol_fee")
DUTCH = ("auction_buffer", "auction_cut", "auction_step")
AUCTION = (*DUTCH, "auction_kind", "auction_keepers", "auction_tail", "auction_penalty")


def lender_venue(rng: np.random.Generator, auction: bool) -> dict[str, object]:
    """A protocol with random rules."""
    version = int(rng.integers(3))
    blocks = bool(rng.random() < 0.5)
    rules = {
        "name": "L",
        "procedure": "auction" if auction else "lending",
        "insurance_fund": float(rng.choice([0.0, 20.0, 500.0])),
        "close_factor": float(rng.choice([0.5, 1.0])),
        "full_close_health_factor": 0.95 if version > 0 else np.nan,
        "small_position": 40.0 if version > 1 else 0.0,
        "min_leftover": 20.0 if version > 1 else 0.0,
        "protocol_fee": float(rng.choice([0.0, 0.1])),
        "write_off": bool(rng.random() < 0.8),
        "fee_to_fund": 0.5,
        "fee_burned": 0.125,
        "residual": str(rng.choice(["own_equity", "socialise"])),
        "gas_used": float(rng.choice([0.0, 2e5, 2e7])),
        "gas_price": 20.0,
        "gas_asset": str(rng.choice(["AAA", "USD"])),
        "latency": float(rng.choice([0.0, 90.0])),
        "block_time": 12.0 if blocks else 0.0,
        "block_capacity": 0.5 if blocks else np.nan,
        "auction_buffer": float(rng.choice([1.0, 1.2])),
        "auction_cut": 0.95,
        "auction_step": 90.0,
        "auction_kind": str(rng.choice(["dutch", "dutch", "flip"])),
        "auction_keepers": int(rng.choice([1, 2])),
        "auction_tail": 900.0,
        "auction_penalty": float(rng.choice([0.0, 0.13])),
        "call_ratio": 1.1,
        "call_target": 1.25,
    }
    unread = set(LENDING if auction else AUCTION)
    unread |= set(DUTCH) if rules["auction_kind"] == "flip" else {"auction_keepers"}
    return {name: value for name, value in rules.items() if name not in unread}


def borrower(
    rng: np.random.Generator, name: str, prices: dict[str, float], auction: bool
) -> list[dict[str, object]]:
    """Balances of one borrower: money or a coin owed against one or two coins, close to the limit."""
    held = [str(a) for a in rng.permutation(list(prices))]
    worth = float(rng.lognormal(4.5, 1.0))
    owed = worth * float(rng.uniform(0.4, 0.72))
    out: list[dict[str, object]] = [{"account": name, "asset": held[0], "quantity": worth / prices[held[0]]}]
    kind = "money" if auction else str(rng.choice(["money", "coin", "both"]))
    if kind != "money":
        part = owed if kind == "coin" else 0.5 * owed
        out.append({"account": name, "asset": held[1], "quantity": -part / prices[held[1]]})
        owed -= part
    elif rng.random() < 0.3:
        out.append({"account": name, "asset": held[1], "quantity": 0.3 * worth / prices[held[1]]})
    if owed > 0.0:
        out.append({"account": name, "asset": "USD", "quantity": -owed})
    return out


def add_lenders(tables: dict[str, Any], rng: np.random.Generator, prices: dict[str, float]) -> None:
    """A protocol `L` with a supplier of money, some borrowers, and rows of several borrowers."""
    auction = bool(rng.random() < 0.4)
    names = [f"b{j}" for j in range(int(rng.integers(3, 9)))]
    balances = [{"account": "supplier", "asset": "USD", "quantity": 20_000.0}]
    for name in names:
        balances += borrower(rng, name, prices, auction)
    new: dict[str, list[dict[str, object]]] = {
        "nodes": [{"name": "L", "kind": "protocol", "cash": float(rng.choice([10.0, 5_000.0]))}]
        + [{"name": name, "kind": "trader", "cash": 10.0} for name in ("supplier", *names)],
        "venues": [lender_venue(rng, auction)],
        "accounts": [
            {"name": name, "owner": name, "venue": "L", "count": int(rng.choice([1, 1, 3])), "response": 0.5}
            for name in names
        ]
        + [{"name": "supplier", "owner": "supplier", "venue": "L"}],
        "balances": balances,
        "collateral": [
            {
                "venue": "L",
                "asset": a,
                "loan_to_value": 0.7,
                "liquidation_threshold": 0.75,
                "bonus": float(bonus),
            }
            for a, bonus in zip(prices, rng.choice([0.0, 0.05, 0.1], len(prices)), strict=True)
        ],
    }
    for table, rows in new.items():
        tables[table] = [*tables.get(table, []), *rows]


def lending_policies(rng: np.random.Generator, auction: bool) -> tuple[Policy, ...]:
    """Sometimes other close factors, where loans have one."""
    if rng.random() < 0.3 and not auction:
        return (ct.CloseFactor(close_factor=0.25, full_close_health_factor=0.9),)
    return ()
