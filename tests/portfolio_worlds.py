"""Random worlds with a venue that scans portfolios of options, futures and perpetuals: calls, cuts, margin policies."""

from __future__ import annotations

from typing import Any

import numpy as np

import contagion as ct
from contagion.network.contracts import opening_prices
from contagion.shocks import Shock
from tests.composed import joined
from tests.worlds import RandomWorld, kept, random_world

VENUE = "Q"


def random_options(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """The network with a venue that lists options, a future and a perpetual, and accounts in several of them."""
    asset = str(rng.choice(["AAA", "BBB"]))
    price = float(net.assets.loc[asset, "price"])
    markets = [_market(rng, kind, asset, price) for kind in ("perp", "future", "call", "put", "put")]
    names = [f"{VENUE}-{k}-{row['kind']}" for k, row in enumerate(markets)]
    rows: list[dict[str, Any]] = [{"name": name, **row} for name, row in zip(names, markets, strict=True)]
    venue = {
        "name": VENUE,
        "margin": "scan",
        "procedure": str(rng.choice(["close_out", "partial"])),
        "insurance_fund": float(rng.choice([0.0, 100.0])),
        "adl_trigger": str(rng.choice(["", "fund"])),
        "mark": "index",
        "fee": float(rng.choice([0.0, 0.005])),
        "scan_range": float(rng.choice([0.1, 0.16])),
        "scan_extreme": float(rng.choice([0.0, 0.33])),
        "short_minimum": float(rng.choice([0.0, 0.02])),
        "scan_initial": float(rng.choice([1.0, 1.3])),
        "model_penalty": float(rng.choice([np.nan, 0.1])),
        "call_ratio": 1.2,
        "call_target": 1.5,
        "call_delay": 120.0,
    }
    money = float(rng.choice([40.0, 400.0, 4_000.0]))
    more: dict[str, list[dict[str, Any]]] = {
        "nodes": [{"name": VENUE, "kind": "exchange", "cash": float(rng.choice([0.0, 300.0]))}],
        "venues": [venue],
        "markets": rows,
        "depth": [
            {"market": name, "side": side, "band": band, "amount": money * times}
            for name in names
            for side in ("bid", "ask")
            for band, times in ((0.02, 1.0), (0.4, 15.0))
        ],
    }
    listed = joined(net, more)
    return joined(listed, _accounts(rng, listed, dict(zip(names, _marks(listed, names), strict=True))))


def _marks(net: ct.Network, names: list[str]) -> list[float]:
    """Opening prices of some markets."""
    found = dict(zip(net.markets.index, opening_prices(net).tolist(), strict=True))
    return [found[name] for name in names]


def _market(rng: np.random.Generator, kind: str, asset: str, price: float) -> dict[str, Any]:
    """One market; options are called by their side."""
    row: dict[str, Any] = {"venue": VENUE, "asset": asset, "kind": kind, "volatility": 0.05}
    row |= {"impact": "exponential", "impact_half_life": float(rng.choice([60.0, 300.0]))}
    row |= {"fee": float(rng.choice([0.0, 0.002])), "capital_exponent": float(rng.choice([0.0, 1.0]))}
    if kind != "perp":
        row |= {"expiry": float(rng.choice([900.0, 1e6])), "carry": float(rng.choice([0.0, 0.1]))}
    if kind in ("call", "put"):
        row |= {
            "kind": "option",
            "option_side": kind,
            "strike": round(price * float(rng.choice([0.8, 1.0, 1.1])), 3),
            "implied_volatility": float(rng.choice([0.4, 0.9])),
            "volatility_beta": float(rng.choice([0.5, 1.0])),
        }
    return row


def _accounts(
    rng: np.random.Generator, net: ct.Network, marks: dict[str, float]
) -> dict[str, list[dict[str, Any]]]:
    """Five accounts of traders with one to four legs each, entered at opening marks; the rest takes the other side."""
    traders = net.nodes.index[
        (net.nodes["kind"] == "trader") & ~net.nodes.index.str.startswith("rest_of_market")
    ]
    price = float(net.assets.loc[net.markets.loc[next(iter(marks)), "asset"], "price"])
    accounts, balances, positions = [], [], []
    held = dict.fromkeys(marks, 0.0)
    for k, owner in enumerate(rng.choice(traders, 5)):
        name, count = f"q{k}", int(rng.choice([1, 1, 3]))
        reaction = str(rng.choice(["none", "top_up", "deleverage"]))
        accounts.append(
            {"name": name, "owner": str(owner), "venue": VENUE, "count": count, "reaction": reaction}
            | {"response": float(reaction != "none"), "mode": "cross"}
        )
        for market in rng.choice(list(marks), int(rng.integers(1, 5)), replace=False):
            units = round(float(rng.choice([-1.0, 1.0, -2.0])) * float(rng.uniform(20.0, 200.0)) / price, 2)
            positions.append(
                {"account": name, "market": str(market), "quantity": units, "entry_price": marks[str(market)]}
            )
            held[str(market)] += units * count
        gross = sum(abs(p["quantity"]) * price for p in positions if p["account"] == name)
        balances.append(
            {"account": name, "asset": net.unit, "quantity": float(rng.uniform(0.1, 0.5)) * gross}
        )
    rest = f"rest_of_market:{VENUE}"
    accounts.append({"name": rest, "owner": rest, "venue": VENUE, "reaction": "none", "response": 0.0})
    for market, units in held.items():
        if abs(units) > 1e-9:
            positions.append(
                {"account": rest, "market": market, "quantity": -units, "entry_price": marks[market]}
            )
    return {
        "nodes": [{"name": rest, "kind": "trader"}],
        "accounts": accounts,
        "balances": balances,
        "positions": positions,
    }


def random_volatility(rng: np.random.Generator, net: ct.Network) -> list[Shock]:
    """A shock to implied volatilities, where there are options."""
    assets = sorted(set(net.markets["asset"][net.markets["kind"] == "option"]))
    if not assets or rng.random() < 0.2:
        return []
    move = float(rng.choice([-0.3, 0.6, 2.0]))
    return [ct.VolatilityShock({assets[0]: move}, over=float(rng.choice([0.0, 600.0])))]


def make_portfolio_world(seed: int) -> RandomWorld:
    """World number `seed` with portfolios, drawn from streams of their own; its policies are in force there too."""
    world = random_world(seed)
    net = random_options(np.random.default_rng([seed, 47]), world.net)
    shock = sum(random_volatility(np.random.default_rng([seed, 48]), net), world.shock)
    return RandomWorld(net, shock, world.model, world.policies)


def portfolio_world(seed: int) -> RandomWorld:
    """World number `seed` with portfolios."""
    return kept(f"portfolios-{seed}", lambda: make_portfolio_world(seed))
