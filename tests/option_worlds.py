"""Random worlds with a venue of options beside the rest: writers, holders, hedgers, dry books, expiries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import contagion as ct
from contagion import policies
from contagion.network.contracts import SECONDS_PER_YEAR
from contagion.policies.base import Policy
from tests.worlds import PRICES, WORLDS_KEPT, RandomWorld, kept, pick, random_world

KEPT = (
    ct.Halt,
    ct.PriceBand,
    ct.LiquidationThrottle,
    ct.InsuranceFund,
    ct.AutoDeleveraging,
    ct.SocialisedLoss,
    policies.FeeSplit,
)
"""Policies that say nothing of the sizes of positions, which options have not."""
BOOKS = ("exponential", "linear", "depth_curve")


def options_on(rng: np.random.Generator, asset: str, hedge: str) -> list[dict[str, Any]]:
    """Calls and puts around the price, some of which expire within a run."""
    expiry = float(rng.choice([630.0, 20.0 * 86_400.0, 0.5 * SECONDS_PER_YEAR]))
    return [
        {
            "name": f"{asset}-{side}-{place}",
            "venue": "O",
            "asset": asset,
            "kind": "option",
            "option_side": side,
            "strike": PRICES[asset] * place,
            "expiry": expiry,
            "implied_volatility": float(rng.choice([0.4, 1.0])),
            "volatility_beta": float(rng.choice([0.0, 1.0])),
            "hedge_market": hedge,
            "impact": pick(rng, *BOOKS),
            "fee": float(rng.choice([0.0, 0.0005])),
            "permanent_share": float(rng.choice([0.0, 0.2, 1.0])),
            "impact_half_life": float(rng.choice([np.nan, 60.0])),
        }
        for side in ("call", "put")
        for place in (0.95, 1.05)
    ]


def venue_of_options(rng: np.random.Generator) -> dict[str, Any]:
    """Rules of the venue."""
    return {
        "name": "O",
        "margin": "scan",
        "procedure": pick(rng, "close_out", "partial"),
        "insurance_fund": float(rng.choice([0.0, 50.0])),
        "fee": float(rng.choice([0.0, 0.01])),
        "adl_trigger": pick(rng, "", "fund"),
        "residual": pick(rng, "profit_pro_rata", "own_equity"),
        "model_penalty": float(rng.choice([np.nan, 0.05, 0.2])),
        "short_minimum": float(rng.choice([0.0, 0.05])),
    }


def holders(rng: np.random.Generator, markets: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Writers and holders of the options; what the ones have written the others hold."""
    out: dict[str, list[dict[str, Any]]] = {"accounts": [], "balances": [], "positions": []}
    names = [f"w{i}" for i in range(4)] + [f"h{i}" for i in range(4)]
    for name in names:
        out["accounts"].append({"name": name, "owner": "dealer", "venue": "O", "reaction": "none"})
        money = float(rng.choice([60.0, 200.0, 1_000.0]))
        out["balances"].append({"account": name, "asset": "USD", "quantity": money})
    for market in markets:
        for i in range(4):
            if rng.random() < 0.6 or (i == 0 and market["asset"] == "AAA"):
                worth = float(rng.choice([20.0, 100.0, 400.0])) / PRICES[market["asset"]]
                units = round(worth, 3)
                entry = PRICES[market["asset"]] * float(rng.uniform(0.01, 0.05))
                for name, sign in ((f"w{i}", -1.0), (f"h{i}", 1.0)):
                    row = {"account": name, "market": market["name"], "entry_price": entry}
                    out["positions"].append(row | {"quantity": sign * units})
    return out


def hedgers(rng: np.random.Generator, venue: str, spot: bool) -> dict[str, list[dict[str, Any]]]:
    """Hedgers of one writer and of one holder: in spot by nodes of their own, in a perpetual by accounts."""
    out: dict[str, list[dict[str, Any]]] = {"nodes": [], "accounts": [], "balances": []}
    out |= {"holdings": [], "strategies": []}
    for book in ("w0", "h0"):
        name = f"hedge-{book}"
        row = {"name": name, "kind": "hedge", "asset": "AAA", "long_account": book}
        row["ratio"] = float(rng.choice([0.5, 1.0, 1.0]))
        money = float(rng.choice([30.0, 3_000.0]))
        out["nodes"].append({"name": name, "kind": "institution", "cash": money})
        if spot:
            out["holdings"].append({"node": name, "asset": "AAA", "quantity": float(rng.choice([0.0, 20.0]))})
            row["spot_node"] = name
        else:
            out["accounts"].append({"name": name, "owner": name, "venue": venue, "reaction": "none"})
            out["balances"].append({"account": name, "asset": "USD", "quantity": money})
            row["short_account"] = name
        out["strategies"].append(row)
    return out


def joined(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A table with more rows, which have only the columns they state."""
    named = frame.reset_index() if frame.index.name else frame
    return [*named.to_dict("records"), *rows]


def make_option_world(seed: int) -> RandomWorld:
    """Draw the options of a world on a stream of their own."""
    world, rng = random_world(seed), np.random.default_rng([seed, 61])
    net = with_options(rng, world.net, "AAA-spot-V1" if rng.random() < 0.5 else "AAA-perp-V1")
    kept_policies: tuple[Policy, ...] = tuple(one for one in world.policies if isinstance(one, KEPT))
    shock = world.shock
    if rng.random() < 0.5:
        shock = shock + ct.VolatilityShock({"AAA": float(rng.choice([-0.3, 1.0]))}, over=300.0)
    return RandomWorld(net, shock, world.model, kept_policies)


def with_options(rng: np.random.Generator, net: ct.Network, hedge: str) -> ct.Network:
    """The network with a venue of options, two of whose books are hedged in the market `hedge`."""
    venue, spot = str(net.markets["venue"][hedge]), net.markets["kind"][hedge] == "spot"
    markets = options_on(rng, "AAA", hedge) + options_on(rng, "BBB", "")
    scale = float(rng.choice([0.05, 1.0, 20.0, 2_000.0]))
    depth = [
        {"market": market["name"], "side": side, "band": band, "amount": scale * times}
        for market in markets
        for side in ("bid", "ask")
        for band, times in ((0.01, 1.0), (0.3, 10.0))
    ]
    found, others = hedgers(rng, venue, spot), holders(rng, markets)
    nodes = [
        {"name": "O", "kind": "exchange", "cash": float(rng.choice([20.0, 2_000.0]))},
        {"name": "dealer", "kind": "institution", "cash": 500.0},
    ]
    rows = {
        "nodes": nodes + found["nodes"],
        "venues": [venue_of_options(rng)],
        "markets": markets,
        "depth": depth,
        "accounts": others["accounts"] + found["accounts"],
        "balances": others["balances"] + found["balances"],
        "positions": others["positions"],
        "holdings": found["holdings"],
        "strategies": found["strategies"],
    }
    return net.replace(**{name: joined(getattr(net, name), more) for name, more in rows.items()})


@lru_cache(WORLDS_KEPT)
def option_world(seed: int) -> RandomWorld:
    """World number `seed` with options."""
    return kept(f"options-{seed}", lambda: make_option_world(seed))
