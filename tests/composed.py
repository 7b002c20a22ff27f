"""Tokens of issuers for the random worlds: held, pledged, minted, issued against each other; they follow coins."""

from __future__ import annotations

from typing import Any

import numpy as np

import contagion as ct
from contagion.shocks import Shock

TOKENS = {"TA": ("issuer-A", "AAA", 100.0), "TB": ("issuer-B", "", 1.0)}
"""Token -> issuer, what its price follows, opening price."""


def random_issuers(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Now and then two issuers, thinly backed by coins and each other's tokens, and those who hold what they issue."""
    return net if rng.random() >= 0.35 else with_issuers(rng, net)


def with_issuers(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Two issuers, thinly backed by coins and each other's tokens, and those who hold what they issue."""
    venues = [name for name in net.venues.index if name != "L"]
    holders = [*rng.choice(net.nodes.index[net.nodes["kind"] == "trader"], 2, replace=False), "bank"]
    assets, nodes, holdings, markets, depth = [], [], [], [], []
    for token, (issuer, follows, price) in TOKENS.items():
        reference = follows if rng.random() < 0.7 else ""
        row = {"name": token, "kind": "token", "price": price, "volatility": 0.05, "reference": reference}
        assets.append({**row, "issuer": issuer})
        nodes.append({"name": issuer, "kind": "institution"})
        for node in holders:
            if rng.random() < 0.7:
                holdings.append(
                    {"node": node, "asset": token, "quantity": float(rng.choice([20.0, 90.0])) / price}
                )
        market = {
            "name": f"{token}-spot",
            "venue": venues[0],
            "asset": token,
            "kind": "spot",
            "impact": "exponential",
        }
        markets.append({**market, "volatility": 0.05, "permanent_share": 0.2, "impact_half_life": 300.0})
        money = float(rng.choice([300.0, 5_000.0]))
        depth += [
            {"market": f"{token}-spot", "side": side, "band": band, "amount": money * times}
            for side in ("bid", "ask")
            for band, times in ((0.01, 1.0), (0.3, 40.0))
        ]
    for token, (issuer, _, price) in TOKENS.items():  # each holds some of the other's
        if rng.random() < 0.6:
            other = next(other for other, (who, _, _) in TOKENS.items() if who != issuer)
            holdings.append({"node": issuer, "asset": other, "quantity": 30.0 / TOKENS[other][2]})
        if rng.random() < 0.3:
            holdings.append({"node": issuer, "asset": token, "quantity": 10.0 / price})
    balances, collateral = _pledges(rng, net)
    more: dict[str, list[dict[str, Any]]] = {
        "assets": assets, "nodes": nodes, "holdings": holdings, "markets": markets, "depth": depth,
        "balances": balances, "collateral": collateral,
    }  # fmt: skip
    return _backed(rng, joined(net, more))


def joined(net: ct.Network, more: dict[str, list[dict[str, Any]]]) -> ct.Network:
    """The network with more rows in some tables; what they do not state is the schema's default."""
    tables: dict[str, Any] = {}
    for name, rows in more.items():
        old = getattr(net, name)
        old = old.reset_index() if old.index.name else old
        tables[name] = [*old.to_dict("records"), *rows]
    return net.replace(**tables)


def _pledges(rng: np.random.Generator, net: ct.Network) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cross accounts that hold tokens, and what their venues count of them."""
    seen = net.venues.index[net.venues["oracle"] == "index"].difference(
        ["L"]
    )  # elsewhere nobody tells their price
    cross = net.accounts[
        (net.accounts["mode"] == "cross") & ~net.accounts.index.str.startswith(("rest", "inventory"))
    ]
    balances: list[dict[str, Any]] = []
    venues: set[tuple[str, str]] = set()
    for name, row in cross.iterrows():
        for token, (_, _, price) in TOKENS.items():
            if row["venue"] in seen and rng.random() < 0.25:
                worth = float(rng.choice([30.0, 120.0])) * float(rng.choice([1.0, 1.0, 1.0, -0.3]))
                balances.append({"account": name, "asset": token, "quantity": worth / price})
                venues.add((str(row["venue"]), token))
    weights = [float(rng.choice([0.5, 0.9, 1.0])) for _ in sorted(venues)]
    collateral = [
        {"venue": v, "asset": a, "weight": w} for (v, a), w in zip(sorted(venues), weights, strict=True)
    ]
    return balances, collateral


def _backed(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Issuers get coins, claims and cash worth a little more than what they owe in tokens."""
    price = net.assets["price"]
    count = net.accounts["count"]
    rows, loans = [], []
    cash = net.nodes["cash"].copy()
    for token, (issuer, _, _) in TOKENS.items():
        held = net.holdings[net.holdings["asset"] == token]
        pledged = net.balances[net.balances["asset"] == token]
        units = held["quantity"].sum() + (pledged["quantity"] * count[pledged["account"]].to_numpy()).sum()
        own = net.holdings[(net.holdings["node"] == issuer)]
        has = (own["quantity"] * price[own["asset"]].to_numpy()).sum()
        missing = max(1.0, 1.02 * max(0.0, units) * price[token] - has)
        coins = missing * float(rng.choice([0.2, 0.9]))
        rows.append({"node": issuer, "asset": "AAA", "quantity": coins / price["AAA"]})
        cash[issuer] = missing - coins + 1.0
        if rng.random() < 0.4:  # who owes others too can fail
            loans.append({"debtor": issuer, "creditor": "bank", "amount": 25.0})
            cash[issuer] += 25.0
    return joined(net, {"holdings": rows, "obligations": loans}).replace(nodes=net.nodes.assign(cash=cash))


def random_pools(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Now and then a venue with a pool of AAA whose shares some hold and some have pledged."""
    if rng.random() >= 0.25:
        return net
    price = float(net.assets.loc["AAA", "price"])
    reserve, share = float(rng.choice([400.0, 4_000.0])), 50.0
    holders = rng.choice(net.nodes.index[net.nodes["kind"] == "trader"], 2, replace=False)
    held = {str(name): float(rng.choice([0.05, 0.2])) * reserve for name in holders}
    held["bank"] = 0.1 * reserve
    seen = net.venues.index[net.venues["oracle"] == "index"].difference(["L"])
    cross = net.accounts[(net.accounts["mode"] == "cross") & net.accounts["venue"].isin(seen)]
    cross = cross[~cross.index.str.startswith(("rest", "inventory"))]
    pledged = [
        {"account": name, "asset": "LP", "quantity": 0.05 * reserve / share / int(row["count"])}
        for name, row in cross.iterrows()
        if rng.random() < 0.2
    ][:6]
    venues = sorted({str(net.accounts.loc[row["account"], "venue"]) for row in pledged})
    worth = sum(held.values()) + sum(
        row["quantity"] * share * int(net.accounts.loc[row["account"], "count"]) for row in pledged
    )
    pool = {"name": "AAA-pool-D", "venue": "D", "asset": "AAA", "kind": "pool", "impact": "constant_product"}
    spot = {"name": "LP-spot", "venue": str(net.venues.index[0]), "asset": "LP", "kind": "spot"}
    spot["impact"] = "exponential"
    lots = net.markets["lot"][(net.markets["asset"] == "AAA") & net.markets["kind"].isin(["spot", "pool"])]
    pool["lot"] = float(lots.iloc[0]) if len(lots) else np.nan
    rules = {"permanent_share": 0.2, "impact_half_life": 300.0}
    bid = {"side": "bid", "band": 0.75, "amount": reserve}
    more: dict[str, list[dict[str, Any]]] = {
        "nodes": [{"name": "D", "kind": "protocol", "cash": 0.5 * worth + float(rng.choice([0.0, 100.0]))}],
        "assets": [{"name": "LP", "kind": "pool_share", "price": share, "issuer": "D", "reference": "AAA"}],
        "venues": [{"name": "D"}],
        "markets": [pool | rules, spot | rules | {"volatility": 0.05}],
        "depth": [bid | {"market": "AAA-pool-D"}, bid | {"market": "AAA-pool-D", "side": "ask"}]
        + [
            bid | {"market": "LP-spot", "side": side, "band": 0.01, "amount": 50.0} for side in ("bid", "ask")
        ],
        "holdings": [{"node": node, "asset": "LP", "quantity": money / share} for node, money in held.items()]
        + [{"node": "D", "asset": "AAA", "quantity": 1.001 * 0.5 * worth / price}],
        "balances": pledged,
        "collateral": [{"venue": v, "asset": "LP", "weight": float(rng.choice([0.5, 0.9]))} for v in venues],
    }
    return joined(net, more)


def random_mint(rng: np.random.Generator, net: ct.Network, often: float = 0.3) -> list[Shock]:
    """Now and then tokens that nobody backs."""
    if "TA" not in net.assets.index or rng.random() >= often:
        return []
    return [
        ct.Mint(
            str(rng.choice(list(TOKENS))), float(rng.uniform(0.5, 40.0)), at=float(rng.choice([0.0, 120.0]))
        )
    ]


def random_delays(rng: np.random.Generator, net: ct.Network) -> ct.Network:
    """Now and then venues that pay out late when they fail, and venues with blocks that share a chain."""
    venues = net.venues
    if rng.random() < 0.6:
        venues = venues.assign(payout_delay=rng.choice([90.0, 600.0, 1e6], len(venues)))
    blocks = venues["block_time"] > 0.0
    if rng.random() < 0.3 and blocks.sum() > 1:
        first = venues[blocks].iloc[0]
        for column in ("block_time", "block_capacity"):
            venues = venues.assign(**{column: venues[column].where(~blocks, first[column])})
        venues = venues.assign(chain=np.where(blocks, "chain", ""))
    return net if venues is net.venues else net.replace(venues=venues)
