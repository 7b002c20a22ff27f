"""Where is traded and lent in the made crypto system? Assets, markets, books, tiers, venues and terms of collateral."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from contagion import facts

__all__ = [
    "BOOK",
    "COINS",
    "DOLLAR",
    "EXCHANGES",
    "ISSUERS",
    "LENDING",
    "OPENING",
    "POOLS",
    "STAKED",
    "UNIT",
    "VAULT",
    "interests",
    "lot_of",
    "market_tables",
    "price_of",
]

UNIT: Final = "USD"
COINS: Final = ("BTC", "ETH")
STAKED: Final = "stETH"
DOLLAR: Final = "dollar token"
VAULT: Final = "vault share"
ISSUERS: Final = {STAKED: "staking protocol", DOLLAR: "dollar issuer", VAULT: "vault"}
"""Tokens and the nodes that owe what they stand for."""
EXCHANGES: Final = ("exchange-a", "exchange-b")
LENDING: Final = "lending protocol"
POOLS: Final = "pools"
BOOK: Final = "Genesis loan book"
OPENING: Final = "2022-06-18"
"""The recorded fall whose peaks are the opening prices (table of facts `episodes`)."""
LOT_VALUE: Final = 1e-2
_SCHEDULES: Final = {"BTC": ("BTC", "2021"), "ETH": ("ETH", "early 2021")}
_LARGEST: Final = 5e9
"""Cap on the last tier, money: above every position here."""


def price_of(asset: str) -> float:
    """Return the opening price of an asset in money.

    Examples
    --------
    >>> round(price_of("stETH") / price_of("ETH"), 4)
    0.9781
    """
    if asset in (UNIT, DOLLAR):
        return 1.0
    if asset == VAULT:
        return price_of(STAKED)
    return facts.number("episodes", "peak", episode=OPENING, asset=asset)


def lot_of(asset: str) -> float:
    """Return the lot of an asset: the largest power of two of a unit that is worth at most a cent.

    Examples
    --------
    >>> 2 * lot_of("BTC") * price_of("BTC") > 0.01
    True
    """
    return float(2.0 ** np.floor(np.log2(LOT_VALUE / price_of(asset))))


def interests(settings: Mapping[str, float]) -> pd.DataFrame:
    """Return every derivative market: name, venue, asset, kind, and the money in its long positions."""
    second, eth, total = settings["second_venue"], settings["eth_interest"], settings["perp_open_interest"]
    at, of = dict(zip(EXCHANGES, (1.0 - second, second), strict=True)), {"BTC": 1.0 - eth, "ETH": eth}
    rows = [
        (f"{venue}:{asset}-PERP", venue, asset, "perp", total * at[venue] * of[asset])
        for venue in EXCHANGES
        for asset in COINS
    ]
    rows += [
        (
            f"{EXCHANGES[0]}:{asset}-JUN",
            EXCHANGES[0],
            asset,
            "future",
            settings["future_interest"] * of[asset],
        )
        for asset in COINS
    ]
    return pd.DataFrame(rows, columns=["name", "venue", "asset", "kind", "money"])


def market_tables(settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Return the tables assets, markets, depth, schedules, tiers, venues and collateral.

    Parameters
    ----------
    settings : mapping of str to float
        As of `read_assumptions`.
    """
    traded = interests(settings)
    spots = traded[traded["kind"] == "perp"].assign(
        kind="spot",
        name=lambda rows: rows["venue"] + ":" + rows["asset"] + "-SPOT",
        money=lambda rows: settings["spot_depth"] * rows["money"],
    )
    books = pd.concat([traded, spots], ignore_index=True)
    return {
        "assets": _assets(),
        "markets": _markets(books, settings),
        "depth": _depth(books, settings),
        "schedules": pd.DataFrame({"name": list(COINS), "form": "tiers"}),
        "tiers": _tiers(),
        "venues": _venues(traded, settings),
        "collateral": _collateral(settings),
    }


def _assets() -> pd.DataFrame:
    """Staked tokens follow ETH, shares of the vault follow staked tokens, a dollar token follows nothing."""
    names = [UNIT, *COINS, STAKED, DOLLAR, VAULT]
    return pd.DataFrame(
        {
            "name": names,
            "kind": ["currency", "coin", "coin", "token", "token", "token"],
            "price": [price_of(name) for name in names],
            "issuer": [ISSUERS.get(name, "") for name in names],
            "reference": [{STAKED: "ETH", VAULT: STAKED}.get(name, "") for name in names],
        }
    )


def _markets(books: pd.DataFrame, settings: Mapping[str, float]) -> pd.DataFrame:
    dated, spot = (books["kind"] == kind for kind in ("future", "spot"))
    table = books[["name", "venue", "asset", "kind"]].assign(
        lot=[lot_of(asset) for asset in books["asset"]],
        schedule=np.where(spot, "", books["asset"]),
        expiry=np.where(dated, settings["future_expiry"], np.nan),
        carry=np.where(dated, settings["future_carry"], 0.0),
        impact="exponential",
        fee=0.0,
    )
    token = {
        "name": f"{EXCHANGES[0]}:{DOLLAR}-SPOT",
        "venue": EXCHANGES[0],
        "asset": DOLLAR,
        "kind": "spot",
        "lot": lot_of(DOLLAR),
        "schedule": "",
        "expiry": np.nan,
        "carry": 0.0,
        "impact": "exponential",
        "fee": 0.0,
    }
    pool = {
        **token,
        "name": f"{POOLS}:{STAKED}",
        "venue": POOLS,
        "asset": STAKED,
        "kind": "pool",
        "lot": lot_of(STAKED),
        "impact": "constant_product",
        "fee": settings["pool_fee"],
    }
    return pd.concat([table, pd.DataFrame([token, pool])], ignore_index=True)


def _depth(books: pd.DataFrame, settings: Mapping[str, float]) -> pd.DataFrame:
    """The shape of the one measured book; bids within 1 % are the assumed share of the open interest."""
    shape = facts.values("depth", "resting")
    inner = shape[(shape["side"] == "bid") & (shape["band"] == 0.01)]["value"].iloc[0]
    rows = books[["name", "money"]].merge(shape[["side", "band", "value"]], how="cross")
    amount = settings["perp_depth"] * rows["money"] * rows["value"] / inner
    table = pd.DataFrame(
        {"market": rows["name"], "side": rows["side"], "band": rows["band"], "amount": amount}
    )
    pool = {"market": f"{POOLS}:{STAKED}", "band": 0.02, "amount": settings["pool_depth"]}
    token = {"market": f"{EXCHANGES[0]}:{DOLLAR}-SPOT", "band": 0.01, "amount": settings["dollar_depth"]}
    sides = pd.DataFrame([{**book, "side": side} for book in (pool, token) for side in ("bid", "ask")])
    return pd.concat([table, sides], ignore_index=True)


def _tiers() -> pd.DataFrame:
    """Maintenance rates as published in 2021; initial rates are twice that, the level at which accounts are called."""
    table = facts.load("tier_tables")
    frames = []
    for schedule, (asset, as_of) in _SCHEDULES.items():
        rows = table[(table["venue"] == "binance") & (table["asset"] == asset) & (table["as_of"] == as_of)]
        rate = rows["maintenance_rate"].to_numpy(float)
        cap = np.where(np.arange(len(rows)) == len(rows) - 1, _LARGEST, np.nan)
        columns = {"schedule": schedule, "floor": rows["floor"].to_numpy(float), "maintenance_rate": rate}
        frames.append(pd.DataFrame({**columns, "initial_rate": np.minimum(2.0 * rate, 1.0), "cap": cap}))
    return pd.concat(frames, ignore_index=True)


def _venues(traded: pd.DataFrame, settings: Mapping[str, float]) -> pd.DataFrame:
    money = traded.groupby("venue")["money"].sum()
    exchanges = [
        {
            "name": venue,
            "procedure": "partial",
            "adl_trigger": "fund",
            "insurance_fund": settings["exchange_fund"] * money[venue],
        }
        for venue in EXCHANGES
    ]
    loans = [
        {
            "name": LENDING,
            "procedure": "lending",
            "close_factor": 0.5,
            "full_close_health_factor": 0.95,
            "insurance_fund": settings["protocol_reserve"],
            "residual": "socialise",
        },
        {"name": BOOK, "procedure": "lending", "close_factor": 1.0, "residual": "socialise"},
    ]
    rows = pd.DataFrame([*exchanges, *loans, {"name": POOLS, "procedure": "close_out"}])
    defaults = {
        "insurance_fund": 0.0,
        "adl_trigger": "",
        "close_factor": 0.5,
        "residual": "profit_pro_rata",
    }
    return rows.fillna(defaults)


def _collateral(settings: Mapping[str, float]) -> pd.DataFrame:
    def terms(venue: str, asset: str, kind: str) -> dict[str, object]:
        return {
            "venue": venue,
            "asset": asset,
            "loan_to_value": settings[f"{kind}_ltv"],
            "liquidation_threshold": settings[f"{kind}_threshold"],
            "bonus": settings[f"{kind}_bonus"],
        }

    loop = {
        "category": "ETH-correlated",
        "category_loan_to_value": settings["loop_ltv"],
        "category_threshold": settings["loop_threshold"],
        "category_bonus": settings["loop_bonus"],
    }
    rows = [
        terms(LENDING, "BTC", "coin"),
        {**terms(LENDING, "ETH", "coin"), **loop},
        {**terms(LENDING, STAKED, "staked"), **loop},
        terms(LENDING, DOLLAR, "dollar"),
        *(terms(BOOK, asset, "secured") for asset in COINS),
    ]
    return pd.DataFrame(rows).fillna({"category": ""})
