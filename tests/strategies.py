"""Hypothesis strategies: small networks with venues, perpetual markets, accounts and obligations."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from hypothesis import strategies as st

import contagion as ct

Tables = dict[str, list[dict[str, Any]]]

PLAIN_NAMES = [
    "A",
    "b10",
    "b2",
    "NA",
    "None",
    "nan",
    "001",
    "1e5",
    "Ünal",
    "=cmd",
    "'quoted",
    "a,b",
    'say "x"',
]
HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    "x onerror=alert(1)",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\ttab",
    "\rreturn",
    "'=1",
    "../../x",
    "/etc/passwd",
    "\u202egnp.exe",
    "zero\u200bwidth",
    "$\\frac$",
    "{{7*7}}",
    "javascript:alert(1)",
    "\x1b[31mred",
    "CON",
    "%s",
    "{0.__class__}",
    "Robert'); DROP TABLE nodes;--",
    "\\u001b",
    "\ue000",
]


def amounts(low: float = 0.0, high: float = 2.0**40) -> st.SearchStrategy[float]:
    """Money: whole numbers that over-weight small ones, and fractions."""
    whole = st.integers(math.ceil(low), int(min(high, 2**40))).map(float)
    small = st.sampled_from([value for value in (0.0, 1.0, 2.0, 100.0) if low <= value <= high])
    return st.one_of(small, whole, st.floats(max(low, 1e-6) if low else 0.0, high, allow_subnormal=False))


def names(count: int) -> st.SearchStrategy[list[str]]:
    """Distinct names of every kind that a network accepts."""
    letters = st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc")),
        min_size=1,
        max_size=8,
    )
    one = st.one_of(st.sampled_from(PLAIN_NAMES), st.sampled_from(HOSTILE_NAMES), letters)
    return st.lists(one, min_size=count, max_size=count, unique_by=_folded)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


@st.composite
def network_tables(draw: st.DrawFn, *, max_accounts: int = 6, plain: bool = False) -> Tables:
    """Draw the tables of a valid network: nodes, obligations, venues, markets, accounts, balanced positions.

    Parameters
    ----------
    max_accounts
        Most pairs of accounts: each position has its opposite in another account.
    plain
        Whether names are simple.
    """
    traders, venues, banks, assets = (draw(st.integers(1, 3)) for _ in range(4))
    count = traders + venues + banks
    label = [f"n{place}" for place in range(count)] if plain else draw(names(count))
    nodes = [
        {
            "name": name,
            "kind": "trader"
            if place < traders
            else "exchange"
            if place < traders + venues
            else "institution",
            "cash": draw(amounts()),
            "external_assets": draw(amounts()),
        }
        for place, name in enumerate(label)
    ]
    trader, venue, bank = label[:traders], label[traders : traders + venues], label[traders + venues :]
    coins = [f"C{place}" for place in range(assets)]
    prices = {coin: draw(amounts(0.5, 1e5)) for coin in coins}
    tables: Tables = {
        "nodes": nodes,
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            *({"name": coin, "kind": "coin", "price": prices[coin], "volatility": 0.03} for coin in coins),
        ],
        "venues": [{"name": name, "insurance_fund": draw(amounts(0.0, 1e6))} for name in venue],
        "schedules": [{"name": "tiers"}],
        "tiers": [
            {"schedule": "tiers", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05},
            {"schedule": "tiers", "floor": 1e5, "initial_rate": 0.2, "maintenance_rate": 0.1},
        ],
        "obligations": draw(_obligations(banks=bank + venue)),
        "holdings": [
            {"node": name, "asset": draw(st.sampled_from(coins)), "quantity": draw(amounts(0.0, 100.0))}
            for name in draw(st.lists(st.sampled_from(label), unique=True, max_size=3))
        ],
    }
    tables["markets"] = [
        {"name": f"{place}:{coin}", "venue": name, "asset": coin, "schedule": "tiers", "kind": "perp"}
        for place, name in enumerate(venue)
        for coin in coins
    ]
    tables["depth"] = [
        {"market": market["name"], "side": side, "band": band, "amount": money}
        for market in tables["markets"]
        for side in ("bid", "ask")
        for band, money in ((0.01, 1e6), (0.05, 3e6))
    ]
    tables |= draw(_accounts(tables["markets"], trader, prices, max_accounts))
    return tables


@st.composite
def _obligations(draw: st.DrawFn, banks: list[str]) -> list[dict[str, Any]]:
    pairs = [(one, other) for one in banks for other in banks if one != other]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    return [{"debtor": one, "creditor": other, "amount": draw(amounts())} for one, other in chosen]


@st.composite
def _accounts(
    draw: st.DrawFn, markets: list[dict[str, Any]], owners: list[str], prices: dict[str, float], most: int
) -> Tables:
    """Draw pairs of accounts that hold opposite positions, with `count` and cross or isolated mode."""
    tables: Tables = {"accounts": [], "balances": [], "positions": []}
    for pair in range(draw(st.integers(0, most))):
        market, owner = draw(st.sampled_from(markets)), draw(st.sampled_from(owners))
        count, size = draw(st.integers(1, 3)), float(draw(st.integers(1, 64)))
        for side, sign in (("long", 1.0), ("short", -1.0)):
            name = f"a{pair}{side}"
            price = prices[market["asset"]]
            account = {
                "name": name,
                "owner": owner,
                "venue": market["venue"],
                "mode": draw(st.sampled_from(["cross", "isolated"])),
                "count": count,
                "reaction": draw(st.sampled_from(["none", "top_up"])),
            }
            leverage = draw(st.sampled_from([1.0, 2.0, 3.0, 5.0]))
            posted = {"account": name, "asset": "USD", "quantity": size * price / leverage}
            held = {"account": name, "market": market["name"], "quantity": sign * size, "entry_price": price}
            tables["accounts"].append(account)
            tables["balances"].append(posted)
            tables["positions"].append(held)
    return tables


def networks(*, max_accounts: int = 6, plain: bool = False) -> st.SearchStrategy[ct.Network]:
    """Valid networks with perpetual markets, accounts and obligations.

    Parameters
    ----------
    max_accounts
        Most pairs of accounts.
    plain
        Whether names are simple; by default they are of every kind that is accepted.
    """
    return network_tables(max_accounts=max_accounts, plain=plain).map(lambda tables: ct.Network(**tables))
