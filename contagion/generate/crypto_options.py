"""Who sold insurance against the fall? Puts on both coins, their buyers, and a dealer who hedges what he wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from contagion.generate.crypto_creditors import whole
from contagion.generate.crypto_markets import COINS, EXCHANGES, UNIT, lot_of, price_of
from contagion.generate.crypto_people import shared, units
from contagion.generate.institutions import Institutions
from contagion.markets.options import DAYS_PER_YEAR, black_scholes

__all__ = ["DEALER", "OPTIONS", "option_markets", "option_tables"]

OPTIONS: Final = "options exchange"
DEALER: Final = "option dealer"
_STEP: Final = {"BTC": 1_000.0, "ETH": 50.0}
"""Strikes are multiples of it, money."""


def _strike(asset: str, settings: Mapping[str, float]) -> float:
    return float(np.rint(settings["option_strike"] * price_of(asset) / _STEP[asset])) * _STEP[asset]


def _put(asset: str, settings: Mapping[str, float]) -> tuple[float, float]:
    """Value and delta of one put at the opening."""
    years = settings["future_expiry"] / (86_400.0 * DAYS_PER_YEAR)
    found = black_scholes(
        "put", price_of(asset), _strike(asset, settings), years, settings["option_volatility"]
    )
    return float(found.price), float(found.delta)


def _written(asset: str, settings: Mapping[str, float]) -> float:
    """Money in the coins that the puts on an asset insure."""
    share = {"BTC": 1.0 - settings["eth_interest"], "ETH": settings["eth_interest"]}
    return settings["option_interest"] * share[asset]


def option_markets(settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Return rows of markets, depth and venues: a put on each coin, hedged in the perpetual of the first exchange."""
    markets = pd.DataFrame(
        {
            "name": [f"{OPTIONS}:{asset}-PUT" for asset in COINS],
            "venue": OPTIONS,
            "asset": list(COINS),
            "kind": "option",
            "option_side": "put",
            "strike": [_strike(asset, settings) for asset in COINS],
            "expiry": settings["future_expiry"],
            "implied_volatility": settings["option_volatility"],
            "hedge_market": [f"{EXCHANGES[0]}:{asset}-PERP" for asset in COINS],
            "lot": [lot_of(asset) for asset in COINS],
        }
    )
    amount = [settings["option_depth"] * _written(asset, settings) for asset in COINS]
    book = pd.DataFrame({"market": markets["name"], "band": 0.05, "amount": amount})
    venue = {"name": OPTIONS, "margin": "scan", "procedure": "close_out"}
    fund = settings["exchange_fund"] * settings["option_interest"]
    return {
        "markets": markets,
        "depth": pd.concat([book.assign(side=side) for side in ("bid", "ask")], ignore_index=True),
        "venues": pd.DataFrame([{**venue, "insurance_fund": fund}]),
    }


def option_tables(settings: Mapping[str, float], n: int, seed: int, out: Institutions) -> None:
    """Add about `n` rows of accounts that bought puts, and the dealer with his book, hedge and money."""
    count, money, hedge = int(settings["people"]), 0.0, 0.0
    book, leg = f"{DEALER}@{OPTIONS}", f"{DEALER}@{EXCHANGES[0]}"
    cash = settings["exchange_capital"] * settings["option_interest"]
    out.add("nodes", name=[OPTIONS], kind="exchange", cash=cash)
    for asset in COINS:
        rows, written = max(4, round(n / 2)), _written(asset, settings)
        (value, delta), market = _put(asset, settings), f"{OPTIONS}:{asset}-PUT"
        held = units(shared(written, rows, settings, seed, "put", asset), price_of(asset), asset, count)
        name = [f"insured-{asset}-{k:03d}" for k in range(1, rows + 1)]
        account = [f"{one}@{OPTIONS}" for one in name]
        sold = float(held.sum()) * count
        short = whole(-delta * sold, asset)
        out.add("nodes", name=name, kind="trader")
        out.add("accounts", name=account, owner=name, venue=OPTIONS, count=count, reaction="none")
        out.add("balances", account=account, asset=UNIT, quantity=2.0 * value * held)
        out.add("positions", account=account, market=market, quantity=held, entry_price=value)
        out.add("positions", account=[book], market=market, quantity=-sold, entry_price=value)
        perp = f"{EXCHANGES[0]}:{asset}-PERP"
        out.add("positions", account=[leg], market=perp, quantity=-short, entry_price=price_of(asset))
        strategy = {"name": [f"{DEALER}:{asset}"], "kind": "hedge", "asset": asset}
        out.add("strategies", **strategy, long_account=book, short_account=leg)
        money += settings["dealer_margin"] * written
        hedge += short * price_of(asset) / settings["hedger_leverage"]
    out.add("nodes", name=[DEALER], kind="institution", cash=settings["dealer_cash"] * money)
    out.add("accounts", name=[book, leg], owner=DEALER, venue=[OPTIONS, EXCHANGES[0]], response=1.0)
    out.add("balances", account=[book, leg], asset=UNIT, quantity=[money, hedge])
