"""Dated futures for random worlds: one more market, who trades it, and strategies between it and others."""

from __future__ import annotations

from typing import Any

import numpy as np

import contagion as ct

ASSET, PRICE = "AAA", 100.0
Rows = list[dict[str, Any]]


def random_futures(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Now and then a future that expires during the run or after it, in the books of traders and strategies."""
    return net if rng.random() < 0.6 else with_future(rng, net)


def with_future(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """A future that expires during the run or after it, in the books of traders and strategies."""
    venues = [name for name in net.venues.index if name.startswith("V")]
    venue = str(rng.choice(venues))
    name, perp = f"{ASSET}-dated-{venue}", f"{ASSET}-perp-{venue}"
    rows = {
        table: net.tables[table]
        .reset_index(drop=table in ("depth", "balances", "positions"))
        .to_dict("records")
        for table in (
            "nodes",
            "markets",
            "depth",
            "accounts",
            "balances",
            "positions",
            "strategies",
            "holdings",
        )
    }
    first = next(row for row in rows["markets"] if row["name"] == perp)
    rows["markets"].append(
        first
        | {
            "name": name,
            "kind": "future",
            "expiry": float(rng.choice([300.0, 630.0, 1_200.0, 50_000.0])),
            "carry": float(rng.choice([0.0, 0.1, 40.0, -40.0])),
            "funding_interval": float("nan"),
            "fee": float(rng.choice([0.0, 0.001])),
            "schedule": "tiers",
        }
    )
    rows["depth"] += [row | {"market": name} for row in rows["depth"] if row["market"] == perp]
    _trade(rng, rows, name, venue)
    _strategies(rng, rows, name, perp, venue)
    rows["holdings"] = [{key: row[key] for key in ("node", "asset", "quantity")} for row in rows["holdings"]]
    return net.replace(**rows, rest_of_market="add")


def _trade(rng: np.random.Generator, rows: dict[str, Rows], name: str, venue: str) -> None:
    """Cross accounts of traders at the venue take positions, with some money for them."""
    known = {row["account"] for row in rows["positions"]}
    for account in rows["accounts"]:
        trader = account["name"] in known and account["name"].startswith("a0")
        if account["venue"] != venue or account["mode"] != "cross" or not trader or rng.random() < 0.3:
            continue
        notional = float(rng.lognormal(4.0, 1.0)) * float(rng.choice([1.0, -1.0]))
        _position(rows, account["name"], name, notional / PRICE, float(rng.uniform(0.95, 1.05)))
        money = next(
            row for row in rows["balances"] if row["account"] == account["name"] and row["asset"] == "USD"
        )
        money["quantity"] += abs(notional) * float(rng.uniform(0.02, 0.3))


def _strategies(rng: np.random.Generator, rows: dict[str, Rows], name: str, perp: str, venue: str) -> None:
    """Cash and carry of a node, a perp against the future in two accounts, and arbitrage within one account."""
    rows["nodes"] += [{"name": node, "kind": "institution", "cash": 50.0} for node in ("dated", "calendar")]
    rows["nodes"] = [{k: v for k, v in row.items() if v == v} for row in rows["nodes"]]
    owners = {"dated": "dated", "near": "dated", "far": "dated", "calendar": "calendar"}
    for account, owner in owners.items():
        rows["accounts"].append(
            {"name": account, "owner": owner, "venue": venue, "reaction": "none", "count": 1}
        )
        money = float(rng.choice([25.0, 60.0, 400.0]))
        rows["balances"].append({"account": account, "asset": "USD", "quantity": money})
    _position(rows, "dated", name, -3.0, 1.0)
    _position(rows, "near", perp, 2.0, 1.0)
    _position(rows, "far", name, -2.0, 1.0)
    rows["holdings"].append({"node": "dated", "asset": ASSET, "quantity": 3.0})
    unwind = float(rng.choice([0.0, 180.0]))
    dated = {"name": "cash and carry", "kind": "basis", "spot_node": "dated", "short_account": "dated"}
    spread = {"name": "spread", "kind": "basis", "long_account": "near", "short_account": "far"}
    within = {"name": "within", "kind": "arbitrage", "long_account": "calendar", "short_account": "calendar"}
    spread |= {"long_market": perp, "unwind": unwind}
    for row in (dated | {"unwind": unwind}, spread, within | {"long_market": perp, "capital": 800.0}):
        rows["strategies"].append(row | {"asset": ASSET, "short_market": name})


def _position(rows: dict[str, Rows], account: str, market: str, units: float, entry: float) -> None:
    """One more position, entered at a multiple of the asset's price."""
    row = {"account": account, "market": market, "quantity": units, "entry_price": entry * PRICE}
    rows["positions"].append(row)
