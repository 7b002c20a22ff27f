"""Random small worlds with every built mechanism in them: books, venues, strategies, lenders, shocks, policies."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import contagion as ct
from contagion import policies
from contagion.policies.base import Policy
from contagion.shocks import Shock
from tests.composed import random_delays, random_issuers, random_mint, random_pools
from tests.futures import random_futures
from tests.lenders import add_lenders, lending_policies

Made = TypeVar("Made")
PROCEDURES = (
    "close_out",
    "partial",
    "ladder",
    "bybit",
    "okx",
    "hyperliquid",
    "increments",
    "dydx",
    "takeover",
)
OF_PROCEDURE: dict[str, tuple[str, ...]] = {
    "partial": ("target", "min_clip"),
    "okx": ("clip_wait",),
    "hyperliquid": ("clip_wait", "first_clip", "large_position", "backstop_share"),
    "increments": ("step_size",),
    "dydx": ("spread_to_maintenance",),
}
RANKS = ("bitmex", "binance", "hyperliquid", "hyperliquid_side_aware", "contract_pro_rata")
IMPACTS = ("exponential", "linear", "square_root", "depth_curve")
POOLS = ("constant_product", "concentrated")
PRICES = {"AAA": 100.0, "BBB": 7.5}


@dataclass(frozen=True)
class RandomWorld:
    """Everything one run needs."""

    net: ct.Network
    shock: Shock
    model: ct.Cascade
    policies: tuple[Policy, ...]


def pick(rng: np.random.Generator, *words: str) -> str:
    """One of the words."""
    return str(rng.choice(list(words)))


def venue_rows(rng: np.random.Generator, names: list[str]) -> list[dict[str, Any]]:
    """Venues with random rules."""
    rows = []
    for name in names:
        rows.append(
            {
                "name": name,
                "insurance_fund": float(rng.choice([0.0, 50.0, 500.0])),
                "procedure": pick(rng, *PROCEDURES),
                "target": float(rng.choice([1.0, 1.5, 2.0])),
                "min_clip": float(rng.choice([0.0, 0.2, 0.7])),
                "fee": float(rng.choice([0.0, 0.002, 0.01])),
                "fee_to_fund": 0.5,
                "fee_to_keeper": 0.25,
                "fee_burned": float(rng.choice([0.0, 0.125])),
                "first_clip": float(rng.choice([0.2, 0.5])),
                "large_position": float(rng.choice([50.0, 100_000.0])),
                "clip_wait": float(rng.choice([0.0, 30.0, 120.0])),
                "backstop_share": float(rng.choice([0.25, 2.0 / 3.0])),
                "step_size": float(rng.choice([np.nan, 5.0, 40.0])),
                "spread_to_maintenance": float(rng.choice([0.1, 1.0])),
                "adl_trigger": pick(rng, "", "fund", "fund", "pool", "fund_drawdown"),
                "adl_ratio": float(rng.choice([0.1, 0.3])),
                "adl_window": float(rng.choice([300.0, 28_800.0])),
                "adl_rank": pick(rng, *RANKS),
                "adl_price": pick(rng, "", "bankruptcy", "mark", "previous_mark"),
                "rank_interval": float(rng.choice([0.0, 120.0])),
                "residual": pick(rng, "profit_pro_rata", "profit_queue", "socialise", "own_equity"),
                "mark": pick(rng, "last", "index", "weighted"),
                "throughput": float(rng.choice([np.nan, 30.0])),
                "customer_share": float(rng.choice([0.0, 0.5])),
                "call_ratio": float(rng.choice([1.2, 2.0])),
                "call_target": float(rng.choice([2.02, 3.0])),
                "call_delay": float(rng.choice([60.0, 180.0, 300.0])),
                "latency": float(rng.choice([0.0, 0.0, 60.0, 150.0])),
                "block_time": float(rng.choice([0.0, 12.0, 60.0])),
                "block_capacity": float(rng.choice([np.nan, 1.0, 4.0])),
            }
        )
    return rows


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """The rules of a venue that its procedure, its trigger, its mark and its blocks read."""
    read = OF_PROCEDURE.get(row["procedure"], ())
    unread = {name for names in OF_PROCEDURE.values() for name in names if name not in read}
    if row["adl_trigger"] == "":
        unread |= {"adl_rank", "adl_price", "rank_interval"}
    if row["adl_trigger"] not in ("pool", "fund_drawdown"):
        unread |= {"adl_ratio", "adl_window"}
    if row["block_time"] == 0.0:
        unread |= {"block_capacity"}
    return {name: value for name, value in row.items() if name not in unread}


def market_rows(
    rng: np.random.Generator, venues: list[str]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """A perp of every asset at every venue, spot at the first; and their depth."""
    markets: list[dict[str, object]] = []
    depth: list[dict[str, object]] = []
    for asset in PRICES:
        places = [(v, "perp") for v in venues] + [(venues[0], "spot")]
        for venue, kind in places:
            name = f"{asset}-{kind}-{venue}"
            markets.append(
                {
                    "name": name,
                    "venue": venue,
                    "asset": asset,
                    "kind": kind,
                    "schedule": "tiers" if kind == "perp" else "",
                    "impact": pick(rng, *(POOLS if kind == "pool" else IMPACTS)),
                    "fee": float(rng.choice([0.0, 0.0005, 0.003])),
                    "in_index": bool(rng.random() < 0.8),
                    "funding_interval": float(rng.choice([np.nan, 480.0, 900.0]))
                    if kind == "perp"
                    else np.nan,
                    "volume": 50_000.0,
                    "volatility": 0.05,
                    "permanent_share": float(rng.choice([0.0, 0.2, 1.0])),
                    "impact_half_life": float(rng.choice([np.nan, 60.0, 300.0])),
                    "capital_exponent": float(rng.choice([0.0, 1.0])),
                    "volatility_exponent": float(rng.choice([0.0, 0.3])),
                }
            )
            scale = float(rng.choice([300.0, 2_000.0, 20_000.0]))
            for side in ("bid", "ask"):
                depth += [
                    {
                        "market": name,
                        "side": side,
                        "band": band,
                        "amount": scale * times * rng.uniform(0.8, 1.2),
                    }
                    for band, times in ((0.01, 1.0), (0.05, 6.0), (0.3, 40.0))
                ]
    return markets, depth


def price_rules(
    rng: np.random.Generator, markets: list[dict[str, object]], venues: list[dict[str, object]]
) -> list[dict[str, object]]:
    """Pools at the last venue, rules of marks, indices, oracles, funding and fees; returns the depth of the pools."""
    depth: list[dict[str, object]] = []
    for asset in PRICES:
        name = f"{asset}-pool"
        pool = {"name": name, "venue": venues[-1]["name"], "asset": asset, "kind": "pool", "schedule": ""}
        markets.append({**markets[0], **pool, "impact": pick(rng, *POOLS)})
        money = float(rng.choice([10.0, 100.0, 1_000.0]))
        depth += [
            {"market": name, "side": side, "band": band, "amount": money * times}
            for side in ("bid", "ask")
            for band, times in ((0.01, 1.0), (0.3, 40.0))
        ]
    for market in markets:
        market["fee"] = float(rng.choice([0.0, 0.0005, 0.003]))
        market["in_index"] = bool(rng.random() < 0.8)
        perp = market["kind"] == "perp"
        market["funding_interval"] = float(rng.choice([np.nan, 480.0, 900.0])) if perp else np.nan
    for venue in venues:
        venue["mark"] = pick(rng, str(venue["mark"]), "median_binance", "median_hyperliquid")
        venue["mid_weight"] = float(rng.choice([0.0, 1.0, 3.0]))
        venue["index_deviation"] = float(rng.choice([np.nan, 0.001, 0.05]))
        venue["index_lag"] = float(rng.choice([0.0, 0.0, 90.0]))
        venue["oracle"] = pick(rng, "index", "local") if venue is venues[-1] else "index"
        venue["oracle_lag"] = float(rng.choice([0.0, 45.0, 120.0]))
        venue["oracle_threshold"] = float(rng.choice([0.0, 0.01, 0.1]))
        venue["oracle_heartbeat"] = float(rng.choice([np.nan, 240.0]))
        venue["funding_rule"] = pick(rng, "binance", "hyperliquid")
    return depth


def account_rows(rng: np.random.Generator, venues: list[str], n: int) -> dict[str, list[dict[str, object]]]:
    """Traders with cross and isolated accounts, some rows standing for several."""
    out: dict[str, list[dict[str, object]]] = {"nodes": [], "accounts": [], "balances": [], "positions": []}
    for i in range(n):
        trader, account = f"t{i // 2:03d}", f"a{i:03d}"
        if i % 2 == 0:
            out["nodes"].append(
                {"name": trader, "kind": "trader", "cash": float(rng.choice([0.0, 20.0, 500.0]))}
            )
        venue = str(rng.choice(venues))
        cross = rng.random() < 0.6
        out["accounts"].append(
            {
                "name": account,
                "owner": trader,
                "venue": venue,
                "mode": "cross" if cross else "isolated",
                "count": int(rng.choice([1, 1, 1, 3, 10])),
                "reaction": pick(rng, "top_up", "none"),
                "response": float(rng.choice([0.0, 0.5, 1.0])),
            }
        )
        assets = list(PRICES) if cross and rng.random() < 0.5 else [str(rng.choice(list(PRICES)))]
        gross = 0.0
        for asset in assets:
            notional = float(rng.lognormal(4.5, 1.0))
            side = 1.0 if rng.random() < 0.6 else -1.0
            entry = PRICES[asset] * float(rng.uniform(0.9, 1.1))
            gross += notional
            out["positions"].append(
                {
                    "account": account,
                    "market": f"{asset}-perp-{venue}",
                    "quantity": side * notional / PRICES[asset],
                    "entry_price": entry,
                }
            )
        out["balances"].append(
            {"account": account, "asset": "USD", "quantity": gross * float(rng.uniform(0.05, 0.5))}
        )
    return out


def strategy_rows(rng: np.random.Generator, venues: list[str]) -> dict[str, list[dict[str, object]]]:
    """A basis trader and an arbitrageur, and lenders who are owed money by both traders and institutions."""
    short = {"account": "basis", "market": f"AAA-perp-{venues[0]}", "quantity": -5.0, "entry_price": 100.0}
    return {
        "nodes": [
            {"name": "basis", "kind": "institution", "cash": 100.0},
            {"name": "arb", "kind": "institution", "cash": 400.0},
            {"name": "bank", "kind": "institution", "cash": 30.0},
            {
                "name": "fund",
                "kind": "institution",
                "cash": 60.0,
                "external_assets": 50.0,
                "external_liabilities": 70.0,
            },
        ],
        "accounts": [
            {"name": "basis", "owner": "basis", "venue": venues[0], "reaction": "none"},
            {"name": "arb1", "owner": "arb", "venue": venues[0], "reaction": "none"},
            {"name": "arb2", "owner": "arb", "venue": venues[-1], "reaction": "none"},
        ],
        "balances": [
            {"account": "basis", "asset": "USD", "quantity": float(rng.uniform(60.0, 200.0))},
            {"account": "arb1", "asset": "USD", "quantity": 200.0},
            {"account": "arb2", "asset": "USD", "quantity": 200.0},
        ],
        "positions": [short],
        "holdings": [{"node": "basis", "asset": "AAA", "quantity": 5.0}],
        "strategies": [
            {
                "name": "carry",
                "kind": "basis",
                "spot_node": "basis",
                "short_account": "basis",
                "asset": "AAA",
                "unwind": float(rng.choice([0.0, 120.0, 300.0])),
            },
            {
                "name": "cross",
                "kind": "arbitrage",
                "long_account": "arb1",
                "short_account": "arb2",
                "asset": "AAA",
                "rate": 0.01,
                "capital": 1_000.0,
            },
        ],
        "obligations": [
            {"debtor": "basis", "creditor": "bank", "amount": 250.0},
            {"debtor": "bank", "creditor": "fund", "amount": 200.0},
            {"debtor": "t000", "creditor": "bank", "amount": 40.0},
        ],
    }


def coin_rows(
    rng: np.random.Generator, accounts: list[dict[str, object]]
) -> dict[str, list[dict[str, object]]]:
    """Coins as collateral, and debts in coins, in some cross accounts."""
    balances, venues = [], sorted({str(row["venue"]) for row in accounts})
    for row in accounts:
        for asset, price in PRICES.items():
            if row.get("mode") == "cross" and rng.random() < 0.4:
                worth = float(rng.lognormal(2.5, 1.0)) * float(rng.choice([1.0, 1.0, -0.5]))
                balances.append({"account": row["name"], "asset": asset, "quantity": worth / price})
    rows = [
        {"venue": v, "asset": a, "weight": float(rng.choice([0.0, 0.5, 0.9, 1.0]))}
        for v in venues
        for a in PRICES
    ]
    return {"balances": balances, "collateral": rows}


def dip_buyer(tables: dict[str, Any], rng: np.random.Generator) -> None:
    """Somebody who buys AAA at V1 below a discount, on margin."""
    tables["nodes"] = [*tables["nodes"], {"name": "dip", "kind": "institution", "cash": 100.0}]
    account = {"name": "dip", "owner": "dip", "venue": "V1", "reaction": "none"}
    tables["accounts"] = [*tables["accounts"], account]
    tables["balances"] = [*tables["balances"], {"account": "dip", "asset": "USD", "quantity": 300.0}]
    row = {"name": "dip", "kind": "dip_buyer", "long_account": "dip", "asset": "AAA", "rate": 0.01}
    terms = {"discount": float(rng.choice([0.0, 0.05, 0.2])), "capital": float(rng.choice([500.0, 5_000.0]))}
    tables["strategies"] = [*tables["strategies"], row | terms]


def second_perp(tables: dict[str, Any], rng: np.random.Generator) -> None:
    """A second perp of AAA at V1, traded against the first one, and margin that such pairs are spared."""
    first = next(row for row in tables["markets"] if row["name"] == "AAA-perp-V1")
    tables["markets"] = [*tables["markets"], first | {"name": "AAA-twin-V1"}]
    resting = [row | {"market": "AAA-twin-V1"} for row in tables["depth"] if row["market"] == "AAA-perp-V1"]
    tables["depth"] = tables["depth"] + resting
    cross = {row["name"] for row in tables["accounts"] if row.get("mode") == "cross"}
    legs = [row for row in tables["positions"] if row["market"] == "AAA-perp-V1" and row["account"] in cross]
    twins = [
        leg | {"market": "AAA-twin-V1", "quantity": -float(rng.uniform(0.2, 1.5)) * float(leg["quantity"])}
        for leg in legs
    ]
    tables["positions"] = tables["positions"] + twins
    tables["venues"] = [
        row | {"portfolio_offset": float(rng.choice([0.0, 0.5, 1.0]))} for row in tables["venues"]
    ]


def owner_rows(rng: np.random.Generator, tables: dict[str, Any]) -> None:
    """Owners who trade when called, or raise money from accounts, holdings and loans; loans among them and lenders."""
    for account in tables["accounts"]:
        if account["reaction"] != "none":
            account["reaction"] = pick(rng, "top_up", "top_up", "deleverage", "hedge")
        account["top_up_from"] = pick(rng, "cash", "margin", "holdings", "loans")
        account["response"] = float(rng.choice([0.5, 1.0, 1.0]))
    for balance in tables["balances"]:
        if balance["asset"] == "USD":  # richer owners live to see a call
            balance["quantity"] = float(balance["quantity"]) * float(rng.choice([1.0, 1.5, 2.5]))
    traders = [row["name"] for row in tables["nodes"] if row["kind"] == "trader"]
    for trader in traders:
        for asset, price in PRICES.items():
            if rng.random() < 0.3:
                units = float(rng.choice([5.0, 40.0, 300.0])) / price
                tables["holdings"].append({"node": trader, "asset": asset, "quantity": units})
    for loan in tables["obligations"]:
        loan["callable"], loan["notice"] = bool(rng.random() < 0.5), float(rng.choice([0.0, 60.0, 200.0]))
    pairs = {(row["debtor"], row["creditor"]) for row in tables["obligations"]}
    for _ in range(int(rng.integers(0, 12))):
        debtor, creditor = pick(rng, *traders), pick(rng, *traders, "bank", "fund")
        if debtor != creditor and (debtor, creditor) not in pairs:
            pairs.add((debtor, creditor))
            loan = {"debtor": debtor, "creditor": creditor, "amount": float(rng.choice([5.0, 30.0, 90.0]))}
            tables["obligations"].append(
                {**loan, "callable": rng.random() < 0.8, "notice": float(rng.choice([0.0, 60.0, 200.0]))}
            )


TIERS = [
    {"schedule": "tiers", "floor": 0.0, "initial_rate": 0.02, "maintenance_rate": 0.01},
    {"schedule": "tiers", "floor": 100.0, "initial_rate": 0.05, "maintenance_rate": 0.025},
    {"schedule": "tiers", "floor": 400.0, "initial_rate": 0.2, "maintenance_rate": 0.1},
]


def random_net(
    rng: np.random.Generator,
    n: int,
    more: np.random.Generator,
    prices: np.random.Generator,
    loans: np.random.Generator,
    every: bool = False,
) -> ct.Network:
    """A network with all built mechanisms; the further generators draw what came after the first worlds, which stay.

    With `every`, nothing is left out.
    """
    venues = ["V1", "V2", "V3"][: int(rng.integers(2, 4))]
    markets, depth = market_rows(rng, venues)
    traders, strategies = account_rows(rng, venues, n), strategy_rows(rng, venues)
    names = {*traders, *strategies}
    tables: dict[str, Any] = {name: traders.get(name, []) + strategies.get(name, []) for name in names}
    if every or more.random() < 0.5:
        coins = coin_rows(more, traders["accounts"])
        tables["balances"], tables["collateral"] = tables["balances"] + coins["balances"], coins["collateral"]
    careful = every or more.random() < 0.7
    if careful:
        owner_rows(more, tables)
    exchanges = [{"name": v, "kind": "exchange", "cash": float(rng.choice([20.0, 2_000.0]))} for v in venues]
    tables["nodes"] = tables["nodes"] + exchanges
    assets = [{"name": "USD", "kind": "currency", "price": 1.0}]
    assets += [{"name": a, "kind": "coin", "price": p, "volatility": 0.05} for a, p in PRICES.items()]
    rules = venue_rows(rng, venues)
    for rule in rules if careful else ():
        rule["call_ratio"] = float(more.choice([1.2, 2.0, 6.0, 15.0]))
        rule["call_target"] = float(more.choice([1.01, 1.5])) * rule["call_ratio"]
    tables |= {"markets": markets, "depth": depth, "venues": [readable(rule) for rule in rules]}
    if every or more.random() < 0.25:
        second_perp(tables, more)
    if every or more.random() < 0.3:
        dip_buyer(tables, more)
    if every or prices.random() < 0.5:
        tables["depth"] += price_rules(prices, tables["markets"], tables["venues"])
    if every or loans.random() < 0.5:
        add_lenders(tables, loans, PRICES)
    return ct.Network(
        **tables, assets=assets, schedules=[{"name": "tiers"}], tiers=TIERS, rest_of_market="add"
    )


SCHEDULES: list[dict[str, object]] = [
    {"name": "tiers"},
    {"name": "sized", "form": "linear_in_size", "initial_slope": 0.004, "maintenance_slope": 0.002},
    {
        "name": "crowded",
        "form": "open_interest",
        "open_interest_lower": 500.0,
        "open_interest_upper": 4_000.0,
    },
]


def random_forms(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Now and then some perps whose margin grows with size, or with open interest."""
    return net if rng.random() < 0.6 else with_forms(rng, net)


def with_forms(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Some perps whose margin grows with size, or with open interest."""
    names = [str(row["name"]) for row in SCHEDULES]
    chosen = [pick(rng, *names) if kind == "perp" else "" for kind in net.markets["kind"]]
    one = [
        {"schedule": "sized", "floor": 0.0, "initial_rate": 0.02, "maintenance_rate": 0.01},
        {"schedule": "crowded", "floor": 0.0, "initial_rate": 0.05, "maintenance_rate": 0.03},
    ]
    schedule = net.markets["schedule"].where(net.markets["schedule"] != "tiers", chosen)
    return net.replace(
        schedules=SCHEDULES,
        tiers=[*net.tiers.to_dict("records"), *one],
        markets=net.markets.assign(schedule=schedule),
    )


def random_shock(rng: np.random.Generator) -> Shock:
    """Falls of 10 to 60 %, sometimes rises, over gap or minutes; sometimes depth or a default with it."""
    moves = {a: float(rng.choice([-1.0, -1.0, 0.5])) * float(rng.uniform(0.1, 0.6)) for a in PRICES}
    shock: Shock = ct.PriceShock(moves, over=float(rng.choice([0.0, 300.0, 900.0])))
    if rng.random() < 0.3:
        shock = shock + ct.DepthShock(-float(rng.uniform(0.2, 0.9)))
    if rng.random() < 0.15:
        shock = shock + ct.Default([pick(rng, "bank", "fund", "V2")])
    return shock


def random_backing(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """What stands behind every venue: liquid money against withdrawals, and layers of a central counterparty."""
    venues, n = net.venues, len(net.venues)
    return net.replace(
        venues=venues.assign(
            reserve_ratio=rng.choice([1.0, 1.0, 0.1, 0.5], n),
            illiquid_discount=rng.choice([0.0, 0.3], n),
            own_capital=rng.choice([0.0, 10.0, 100.0], n),
            default_fund=rng.choice([0.0, 0.0, 30.0, 300.0], n),
            assessment=rng.choice([0.0, 0.5, 2.0], n),
            replenish=rng.choice([0.0, 0.0, 0.1], n),
        )
    )


def random_events(rng: np.random.Generator, often: float = 0.25) -> list[Shock]:
    """Sometimes a run, an outage, minted tokens, dear gas or a wrong oracle besides."""
    known: list[Shock] = [
        ct.Withdrawal("V1", float(rng.uniform(0.1, 1.0)), over=float(rng.choice([0.0, 300.0]))),
        ct.Outage("V2", start=float(rng.choice([0.0, 60.0, 200.0])), length=240.0),
        ct.Mint("AAA", float(rng.uniform(1.0, 60.0)), at=float(rng.choice([0.0, 120.0]))),
        ct.GasShock(10.0, length=300.0),
        ct.OracleShock({"BBB": -0.2}, over=60.0, length=300.0),
    ]
    return [one for one in known if rng.random() < often]


def random_attack(rng: np.random.Generator, net: ct.Network, often: float = 0.3) -> list[Shock]:
    """Now and then somebody who pushes a price: a raid or a squeeze, with or without an end."""
    if rng.random() >= often:
        return []
    asset = pick(rng, *PRICES)
    spots = net.markets[(net.markets["asset"] == asset) & net.markets["kind"].isin(["spot", "pool"])]
    named = not spots["in_index"].any() or rng.random() < 0.3
    return [
        ct.Attack(
            asset,
            float(rng.choice([20.0, 200.0, 3_000.0])),
            markets=[pick(rng, *spots.index)] if named else None,
            over=float(rng.choice([0.0, 240.0])),
            start=float(rng.choice([0.0, 120.0])),
            buy_back=None if rng.random() < 0.3 else float(rng.choice([360.0, 900.0])),
            return_over=float(rng.choice([0.0, 300.0])),
            side="buy" if rng.random() < 0.3 else "sell",
            position=float(rng.choice([0.0, 500.0])),
        )
    ]


def random_policies(rng: np.random.Generator) -> tuple[Policy, ...]:
    """Up to three built-in policies."""
    known = known_policies(pick(rng, "mark", "index", "last"))
    chosen = rng.choice(len(known), size=int(rng.integers(0, 4)), replace=False)
    return tuple(known[int(i)] for i in chosen)


def known_policies(band: Any) -> list[Policy]:
    """Built-in policies with parameters that bite in small worlds; `band` is what the price band looks at."""
    return [
        ct.Halt(drop=0.05, window=300.0, length=180.0),
        ct.Halt(drop=0.1, window=np.inf, length=120.0, scope="all", times=2),
        ct.Halt(drop=0.08, length=120.0, scope="asset", reopening="window", reference="shock"),
        ct.PriceBand(below=0.04, above=0.04, reference=band),
        ct.LiquidationThrottle(share=0.4),
        ct.LiquidationThrottle(share=1.0, rate=2.0),
        ct.TieredMargin(factor=1.5, above=150.0),
        ct.MarginMultiplier(factor=1.3, response="violators"),
        ct.PartialLiquidation(target=1.3),
        ct.InsuranceFund(factor=2.0, amount=10.0),
        ct.AutoDeleveraging(),
        ct.SocialisedLoss(),
        ct.Halt(drop=0.06, length=180.0, auction=True, auction_depth=0.5, magnet=0.5, diversion=0.5),
        policies.MarketWideHalt(lengths=(180.0, 180.0, 300.0), auction_depth=0.3),
        policies.DynamicMargin(window=300.0, floor=0.8, cap=2.0),
        policies.OpenInterestMargin(lower=0.1, upper=2.0, most=1.8),
        policies.ConcentrationAddOn(share=0.02, rate=0.03),
        policies.CrossOrIsolated("isolated"),
        policies.CrossOrIsolated("cross"),
        policies.LeverageLimit(max_leverage=6.0, response="post"),
        policies.PositionLimit(share=0.1),
        policies.SlicedLiquidation(risk=0.2),
        policies.BackstopLiquidity(capital=5_000.0, discount=0.01),
        policies.FundReplenishment(rate=6.0),
        policies.FundReplenishment(rate=6.0, payer="outside"),
        policies.AdaptiveHaircuts(quantile=1.0),
        policies.FeeSplit(fee=0.02, to_fund=0.25, to_keeper=0.0, burned=0.5),
    ]


WORLDS_KEPT = 400
"""Worlds of a kind that a process remembers: all that 200 examples draw from; more would fill the memory."""


@lru_cache(WORLDS_KEPT)
def random_world(seed: int, n: int = 24) -> RandomWorld:
    """World number `seed`; nothing in it can be changed, so whoever asks gets the same one."""
    return kept(f"world-{seed}-{n}", lambda: make_world(seed, n))


def kept(name: str, make: Callable[[], Made]) -> Made:
    """What `make` gives, made by whichever process of a test run comes first."""
    folder = os.environ.get("CONTAGION_TEST_WORLDS")
    if not folder:
        return make()
    file = Path(folder) / f"{name}.pickle"
    if file.exists():
        loaded: Made = pickle.loads(file.read_bytes())
        return loaded
    found = make()
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as fresh:
        pickle.dump(found, fresh, protocol=pickle.HIGHEST_PROTOCOL)
    Path(fresh.name).replace(file)
    return found


def make_world(seed: int, n: int) -> RandomWorld:
    """Draw a world."""
    rng = np.random.default_rng(seed)
    net = random_net(rng, n, *(np.random.default_rng([seed, later]) for later in (1, 2, 3)))
    model = ct.Cascade(step=60.0, horizon=2400.0)
    more = np.random.default_rng([seed, 5])  # a stream of its own: worlds stay what they were
    net, events = random_backing(more, net), random_events(more)
    net = random_forms(np.random.default_rng([seed, 8]), net)
    net = random_issuers(np.random.default_rng([seed, 43]), net)
    net = random_delays(np.random.default_rng([seed, 45]), net)
    events += random_mint(np.random.default_rng([seed, 44]), net)
    net = random_futures(np.random.default_rng([seed, 31]), net)
    net = random_pools(np.random.default_rng([seed, 46]), net)
    events += random_attack(np.random.default_rng([seed, 41]), net)
    if not (net.venues["gas_used"] > 0.0).any():
        events = [event for event in events if not isinstance(event, ct.GasShock)]
    shock, policies = sum(events, random_shock(rng)), random_policies(rng)
    if "L" in net.venues.index:
        auction = net.venues.loc["L", "procedure"] == "auction"
        policies += lending_policies(np.random.default_rng([seed, 4]), auction)
    coins = (net.balances["asset"] != net.unit) & (net.balances["quantity"] > 0.0)
    if not coins.any():
        policies = tuple(one for one in policies if not isinstance(one, ct.AdaptiveHaircuts))
    return RandomWorld(net, shock, model, policies)
