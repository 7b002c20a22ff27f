"""A book of any size with three legs an account, without the cost of building a network of that size.

The arrays are those of a real network of 32 markets with one account; only what belongs to accounts and legs is
replaced. Lots are whole numbers and prices multiples of 2^-10, so that every way of adding them up gives the same bits.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

import contagion as ct
from contagion.propagation.cascade.build import build
from contagion.propagation.cascade.layout import Book, State
from contagion.propagation.cascade.rows import policy_rows
from contagion.propagation.cascade.state import Settings, allocate, reset
from contagion.shocks import ShockArrays

MARKETS = 32
LEGS = 3
RATES = np.array([0.005, 0.01, 0.025, 0.05])
FLOORS = np.array([0.0, 5e4, 5e5, 5e6])
FALL = 0.05


@dataclass(frozen=True)
class Synthetic:
    """The engine's arrays, and the same content as the naive line wants it."""

    book: Book
    state: State
    account: np.ndarray
    market: np.ndarray
    quantity: np.ndarray
    entry: np.ndarray
    cash: np.ndarray
    rates: np.ndarray
    amounts: np.ndarray


def prototype() -> tuple[Book, State]:
    """Return book and state of a network of 32 markets at one venue, with one account."""
    coins = [f"C{number:02d}" for number in range(MARKETS)]
    schedules = ["one", "two", "three"]
    net = ct.Network(
        nodes={"name": ["venue", "trader"], "kind": ["exchange", "trader"]},
        venues={"name": ["venue"]},
        assets={
            "name": ["USD", *coins],
            "kind": ["currency"] + ["coin"] * MARKETS,
            "price": [1.0] + [1024.0] * MARKETS,
            "volatility": [0.0] + [0.03] * MARKETS,
        },
        markets={
            "name": coins,
            "venue": ["venue"] * MARKETS,
            "asset": coins,
            "kind": ["perp"] * MARKETS,
            "schedule": [schedules[number % 3] for number in range(MARKETS)],
            "lot": [2.0**-20] * MARKETS,
        },
        depth=pd.DataFrame(
            [(coin, side, 0.01, 1e8) for coin in coins for side in ("ask", "bid")],
            columns=["market", "side", "band", "amount"],
        ),
        schedules={"name": schedules},
        tiers=pd.DataFrame(
            [
                (name, floor, 2 * rate * times, rate * times, np.nan)
                for name, times in zip(schedules, (1.0, 1.5, 2.0), strict=True)
                for floor, rate in zip(FLOORS, RATES, strict=True)
            ],
            columns=["schedule", "floor", "initial_rate", "maintenance_rate", "cap"],
        ),
        accounts={"name": ["account"], "owner": ["trader"], "venue": ["venue"]},
        balances={"account": ["account"], "asset": ["USD"], "quantity": [1e6]},
        positions={"account": ["account"], "market": ["C00"], "quantity": [1.0], "entry_price": [1024.0]},
        rest_of_market="add",
    )
    opening = build(net)
    rows, covered = policy_rows((), opening.names.markets, opening.units.scale)
    state = allocate(opening, rows, covered, 2)
    still = ShockArrays(
        outside=np.tile(opening.prices, (2, 1)),
        depth=np.ones((2, MARKETS)),
        defaults=[],
        observed=False,
        end=0.0,
    )
    settings = Settings(step=10.0, horizon=10.0, calls=False, skip=False)
    return opening.book, reset(state, opening, settings, still, 0, record=False)


def synthetic(n: int, seed: int = 0) -> Synthetic:
    """Return a book of `n` accounts with three legs each, after a fall of 5 % of every mark."""
    book, state = prototype()
    random = np.random.Generator(np.random.Philox(seed))
    legs = n * LEGS
    weights = 1.0 / np.arange(1, MARKETS + 1)
    account = np.repeat(np.arange(n), LEGS)
    market = random.choice(MARKETS, size=legs, p=weights / weights.sum())
    leverage = np.minimum(50.0, 1.0 + 1.5 * random.pareto(1.2, n))
    lots = np.maximum(1.0, np.rint(random.lognormal(1.5, 2.0, legs)))
    side = np.where(random.random(n) < 0.6, 1.0, -1.0)[account] * np.where(
        random.random(legs) < 0.15, -1.0, 1.0
    )
    quantity = side * lots
    entry = np.round(1024.0 * np.exp(0.02 * random.standard_normal(legs)) * 1024.0) / 1024.0
    gross = np.bincount(account, lots * 1024.0, n)
    cash = np.rint(gross / leverage)
    markets = state.markets.copy()
    markets["lot_scale"] = 1.0
    markets["mark"] = np.round(1024.0 * (1.0 - FALL) * 1024.0) / 1024.0
    tiers = tiers_of(book, markets)
    opened = (cash - np.bincount(account, quantity * entry, n)) if n else cash
    whole = np.rint(opened)
    cash = cash + (whole - opened)  # the engine's cash is an integer; the naive line gets the same
    return Synthetic(
        book=book._replace(
            indptr=np.arange(0, legs + 1, LEGS, dtype=book.indptr.dtype),
            leg_market=market.astype(book.leg_market.dtype),
            leg_account=account.astype(book.leg_account.dtype),
            tier_amount=tiers[2],
            hold_indptr=np.zeros(n + 1, dtype=book.hold_indptr.dtype),
            **{
                name: filled(book, name, n)
                for name in ("count", "venue", "exempt", "answers", "slope", "clock_of", "paired")
            },
        ),
        state=state._replace(
            quantity=quantity,
            cash=whole.astype(state.cash.dtype),
            markets=markets,
            due=np.full(n, np.inf),
            key=np.full(n, -np.inf),
            **{
                name: np.zeros(n, getattr(state, name).dtype)
                for name in ("equity", "requirement", "acting", "called", "selected", "calls")
            },
        ),
        account=account,
        market=market,
        quantity=quantity,
        entry=entry,
        cash=cash,
        rates=tiers[0],
        amounts=tiers[1],
    )


def filled(book: Book, name: str, n: int) -> np.ndarray:
    """Return `n` times the value that the one account has."""
    return np.full(n, getattr(book, name)[0])


def tiers_of(book: Book, markets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates and amounts per market, shape (32, 4), and the engine's amounts in quanta of one unit."""
    step = np.concatenate([[0.0], np.cumsum(FLOORS[1:] * np.diff(RATES))])
    scale = np.array([1.0, 1.5, 2.0])
    amounts = np.empty_like(book.tier_amount)
    rates_of, amounts_of = np.empty((MARKETS, 4)), np.empty((MARKETS, 4))
    for number, row in enumerate(markets):
        lines = slice(int(row["tier_first"]), int(row["tier_last"]))
        amounts[lines] = step * scale[number % 3]
        rates_of[number], amounts_of[number] = book.tier_rate[lines], amounts[lines]
    return rates_of, amounts_of, amounts
