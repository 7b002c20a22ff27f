"""The random worlds again, with contracts that settle in coins: inverse ones, and linear ones in a stablecoin."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import contagion as ct
from contagion import policies
from contagion.network.unread import without_unread
from contagion.shocks import Shock
from contagion.shocks.base import Shocks
from tests.properties.replay import Played, run_of
from tests.worlds import PRICES, WORLDS_KEPT, RandomWorld, kept, pick, random_world

FOLLOWED = ("close_out", "partial", "ladder")
SHRINKING = (
    ct.MarginMultiplier,
    ct.TieredMargin,
    policies.CrossOrIsolated,
    policies.LeverageLimit,
    policies.PositionLimit,
    policies.DynamicMargin,
    policies.OpenInterestMargin,
    policies.ConcentrationAddOn,
)
"""Policies that change positions before the shock, which is refused for contracts in coins."""
STABLE = {"USDT": 0.98, **PRICES}


def venues_in_coins(rng: np.random.Generator, net: ct.Network, chosen: Collection[str]) -> pd.DataFrame:
    """The chosen exchanges close positions by a procedure that is followed for contracts in coins."""
    exchange = net.nodes["kind"].reindex(net.venues.index).to_numpy() == "exchange"
    exchange &= net.venues.index.isin(list(chosen))
    change = exchange & ~net.venues["procedure"].isin(FOLLOWED).to_numpy()
    drawn = np.asarray([pick(rng, *FOLLOWED) for _ in range(len(net.venues))], dtype=object)
    procedure = np.where(change, drawn, net.venues["procedure"])
    local = exchange & (net.venues["oracle"] == "local").to_numpy()  # no pool of the stablecoin to look at
    oracle = np.where(local, "index", net.venues["oracle"])
    return without_unread(net.venues.assign(procedure=procedure, oracle=oracle), change)


def payment(rng: np.random.Generator, net: ct.Network, chosen: Collection[str]) -> dict[str, str]:
    """What every perp of the chosen venues is paid in; those that strategies trade stay linear."""
    found = {}
    for name, row in net.markets.iterrows():
        if row["kind"] == "perp" and row["venue"] in chosen:
            free = row["asset"] == "BBB" or str(name).startswith("AAA-twin")
            words = ("USD", "USDT", row["asset"], row["asset"]) if free else ("USD", "USDT")
            found[str(name)] = pick(rng, *words)
    return found


def stablecoin_market(net: ct.Network) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A book of the stablecoin, like that of AAA at the first venue, and what rests in it."""
    spot = {"name": "USDT-spot-V1", "asset": "USDT"}
    row = net.markets.loc["AAA-spot-V1"].to_dict() | spot | {"impact": "exponential"}
    resting = net.depth[net.depth["market"] == "AAA-spot-V1"].assign(market="USDT-spot-V1")
    return row, resting.to_dict("records")


def accepted(rng: np.random.Generator, net: ct.Network) -> list[dict[str, Any]]:
    """All coins are collateral at all exchanges."""
    rows: list[dict[str, Any]] = net.collateral.to_dict("records")
    have = {(row["venue"], row["asset"]) for row in rows}
    venues = [v for v in net.venues.index if net.nodes["kind"][v] == "exchange"]
    more = [(v, a) for v in venues for a in STABLE if (v, a) not in have]
    return rows + [{"venue": v, "asset": a, "weight": float(rng.choice([0.8, 1.0]))} for v, a in more]


def with_coins(net: ct.Network, paid: dict[str, str]) -> list[dict[str, Any]]:
    """Half the money of accounts whose contracts settle in a coin is that coin."""
    held = {(row["account"], row["asset"]): row["quantity"] for row in net.balances.to_dict("records")}
    for row in net.positions.to_dict("records"):
        coin, account = paid.get(row["market"], "USD"), row["account"]
        money = held.get((account, "USD"), 0.0)
        if coin != "USD" and money > 0.0:
            held[account, "USD"] = 0.5 * money
            held[account, coin] = held.get((account, coin), 0.0) + 0.5 * money / STABLE[coin]
    return [{"account": i, "asset": a, "quantity": quantity} for (i, a), quantity in held.items()]


def in_coins(rng: np.random.Generator, net: ct.Network, chosen: Collection[str] | None = None) -> ct.Network:
    """The network with some perps that settle in coins, at the chosen venues (default all)."""
    chosen = list(net.venues.index) if chosen is None else chosen
    paid, (spot, resting) = payment(rng, net, chosen), stablecoin_market(net)
    settle = pd.Series(paid).reindex(net.markets.index).fillna("USD")
    inverse = settle == net.markets["asset"]
    markets = net.markets.assign(
        settle=settle,
        quote=np.where(inverse, "USD", settle),
        contract=np.where(inverse, "inverse", "linear"),
    )
    rows = [{"name": name, **row} for name, row in markets.to_dict("index").items()]
    coin = settle.reindex(net.positions["market"]).to_numpy()
    flipped = inverse.reindex(net.positions["market"]).to_numpy(bool)
    asset = net.markets["asset"].reindex(net.positions["market"])
    price = np.where(flipped, asset.map(STABLE), 1.0)
    positions = net.positions.assign(
        quantity=net.positions["quantity"] * price,
        entry_price=net.positions["entry_price"] / np.where(coin == "USDT", STABLE["USDT"], 1.0),
    )
    stable = {"name": "USDT", "kind": "coin", "price": STABLE["USDT"], "volatility": 0.01}
    assets = [{"name": name, **row} for name, row in net.assets.to_dict("index").items()]
    return net.replace(
        assets=[*assets, stable],
        venues=venues_in_coins(rng, net, chosen),
        markets=[*rows, spot],
        depth=[*net.depth.to_dict("records"), *resting],
        collateral=accepted(rng, net),
        balances=with_coins(net, paid),
        positions=positions,
    )


def measurable(net: ct.Network, shock: Shock) -> Shock:
    """The shock, an attacker's position gone where no perp of the asset settles in the unit, for that is refused."""
    settled = net.markets[(net.markets["kind"] == "perp") & (net.markets["settle"] == net.unit)]
    parts: list[Shock] = []
    for part in shock.parts if isinstance(shock, Shocks) else (shock,):
        if isinstance(part, ct.Attack) and part.asset not in set(settled["asset"]):
            part = replace(part, position=0.0)
        parts.append(part)
    return sum(parts[1:], parts[0])


@lru_cache(WORLDS_KEPT)
def coin_world(seed: int) -> RandomWorld:
    """World number `seed` with contracts in coins; the stablecoin loses its peg now and then."""
    world, rng = random_world(seed), np.random.default_rng([seed, 71])
    net = in_coins(rng, world.net)
    shock = measurable(net, world.shock)
    shock = shock + ct.PriceShock({"USDT": float(rng.choice([0.0, -0.03, -0.2, 0.05]))}, over=300.0)
    chosen = tuple(one for one in world.policies if not isinstance(one, SHRINKING))
    return RandomWorld(net, shock, world.model, chosen)


@lru_cache(WORLDS_KEPT)
def played_in_coins(seed: int) -> Played:
    """World number `seed` with contracts in coins, run once."""
    return kept(f"coins-{seed}", lambda: run_of(seed, coin_world(seed)))
