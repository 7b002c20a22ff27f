"""Which rules do lending protocols have, where are their coins traded, and who issues tokens? Tables from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from contagion import facts
from contagion.generate.pledges import COINS, UNIT, Group, price_of, terms_table
from contagion.network.schema import TABLES

__all__ = ["LOT_VALUE", "protocol_tables"]

LOT_VALUE = 1e-2
"""A lot is the largest power of two of a coin that is worth at most this much money."""
_KINDS = {"ETH": "coin", "WBTC": "token", "wstETH": "claim"}
ISSUED: Final = MappingProxyType({"wstETH": "ETH", "WBTC": "WBTC"})
"""Tokens and the coins that their issuers hold as capital."""
_IMPACT = (
    "impact_coefficient",
    "permanent_share",
    "impact_half_life",
    "depth_floor",
    "capital_exponent",
    "volatility_exponent",
)


def protocol_tables(groups: list[Group], settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Return the tables nodes, accounts, holdings, assets, markets, depth, venues and collateral, without borrowers.

    Parameters
    ----------
    groups : list of Group
        Who deposits what, for the terms that are needed and the sizes of issuers.
    settings : mapping of str to float
        As of `read_assumptions`.
    """
    return {
        **_institutions(groups, settings),
        "assets": _assets(),
        "markets": _markets(settings),
        "depth": _depth(),
        "venues": _venues(),
        "collateral": terms_table(),
    }


def _assets() -> pd.DataFrame:
    volatility = [facts.number("reserves", "volatility", asset=coin) for coin in COINS]
    return pd.DataFrame(
        {
            "name": [UNIT, *COINS],
            "kind": ["currency", *(_KINDS[coin] for coin in COINS)],
            "price": [price_of(asset) for asset in (UNIT, *COINS)],
            "volatility": [0.0, *volatility],
        }
    )


def _books() -> pd.DataFrame:
    """Venue and asset of every order book and pool, and the money resting within a band."""
    rows = facts.values("reserves", "resting")
    return rows.assign(market=rows["venue"] + ":" + rows["asset"]).reset_index(drop=True)


def _markets(settings: Mapping[str, float]) -> pd.DataFrame:
    books = _books()
    pool = (books["venue"] == "pools").to_numpy()
    price = np.array([price_of(asset) for asset in books["asset"]])
    fee = facts.number("protocols", "fee", venue="pools")
    return pd.DataFrame(
        {
            "name": books["market"],
            "venue": books["venue"],
            "asset": books["asset"],
            "kind": np.where(pool, "pool", "spot"),
            "impact": np.where(pool, "constant_product", "exponential"),
            "fee": np.where(pool, fee, 0.0),
            "lot": 2.0 ** np.floor(np.log2(LOT_VALUE / price)),
            "volume": 24.0 * settings["volume"] * books["value"],
            **{column: settings[column] for column in _IMPACT},
        }
    )


def _depth() -> pd.DataFrame:
    """Asks as deep as bids: only those were counted."""
    books = _books()
    sides = [books.assign(side=side) for side in ("bid", "ask")]
    rows = pd.concat(sides, ignore_index=True)
    return rows[["market", "side", "band", "value"]].rename(columns={"value": "amount"})


def _venues() -> pd.DataFrame:
    """Every parameter that the facts name, else the schema's default."""
    rows = facts.load("protocols")
    table = rows.pivot(index="venue", columns="name", values="value")
    columns = {column.name: column for column in TABLES["venues"].columns if column.name in table}
    out = pd.DataFrame(index=table.index)
    for name, column in columns.items():
        filled = table[name].where(table[name].notna(), column.default)
        out[name] = filled if column.kind == "word" else pd.to_numeric(filled)
    lending = table["gas_used"].notna()
    out["gas_asset"] = np.where(lending, "ETH", "")
    return out.rename_axis(index="name", columns=None).reset_index()


def _institutions(groups: list[Group], settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Venues with their own cash, keepers with theirs, and issuers of tokens with own coins as capital.

    Keepers have an account at every venue, issuers one at the pools; what keepers earn in a cascade is counted by
    protocol, not in these accounts.
    """
    kinds = facts.values("protocols", "kind")
    venues = kinds["venue"].tolist()
    capital = facts.values("protocols", "capital").set_index("venue")["value"].astype(float)
    keepers = [f"keeper-{number + 1:02d}" for number in range(int(settings["keepers"]))]
    issuers = [f"issuer-{token}" for token in ISSUED]
    nodes = pd.DataFrame(
        {
            "name": [*venues, *keepers, *issuers],
            "kind": [*kinds["value"], *["institution"] * (len(keepers) + len(issuers))],
            "cash": [
                *capital.reindex(venues),
                *[settings["keeper_cash"]] * len(keepers),
                *[0.0] * len(issuers),
            ],
        }
    )
    money = [sum(group.value for group in groups if group.held == token) for token in ISSUED]
    coins = [
        settings["issuer_capital"] * value / price_of(coin)
        for value, coin in zip(money, ISSUED.values(), strict=True)
    ]
    places = [(keeper, venue) for keeper in keepers for venue in venues] + [
        (name, "pools") for name in issuers
    ]
    accounts = pd.DataFrame(places, columns=["owner", "venue"])
    return {
        "nodes": nodes,
        "holdings": pd.DataFrame({"node": issuers, "asset": list(ISSUED.values()), "quantity": coins}),
        "accounts": accounts.assign(name=accounts["owner"] + "@" + accounts["venue"], reaction="none"),
    }
