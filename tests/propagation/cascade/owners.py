"""Two venues without impact and owners with several accounts, holdings and loans: worlds to follow by hand.

X falls from 1024 to 960 and stays there. An account of 16 units with 2500 has 1476 then; it needs 960 and is called
below 1920, for 3 * 960 = 2880: it is 1404 short. The answer is due at 30, and spot trades at 960 without impact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import contagion as ct
from tests.propagation.cascade.small import LOT, OPENING, OUTSIDE, UNITS, play

SHORT_OF = 1404.0
RATE = 1.0 / 16.0
VENUE = {"mark": "last", "call_ratio": 2.0, "call_target": 3.0, "call_delay": 20.0}


@dataclass(frozen=True)
class Account:
    """An account: its owner, venue, units of X, money; what its owner does when called."""

    owner: str
    units: float
    money: float
    venue: str = "V"
    top_up_from: str = "cash"
    reaction: str = "top_up"
    count: int = 1
    mode: str = "cross"


@dataclass(frozen=True)
class Loan:
    """A claim of `creditor` on `debtor`."""

    debtor: str
    creditor: str
    amount: float
    notice: float = 0.0
    callable: bool = True


@dataclass(frozen=True)
class Town:
    """Who lives there: accounts, cash and outside assets by node, units of X held by node, loans, venue rules."""

    accounts: Mapping[str, Account]
    cash: Mapping[str, float] = field(default_factory=dict)
    outside: Mapping[str, float] = field(default_factory=dict)
    holdings: Mapping[str, float] = field(default_factory=dict)
    loans: Sequence[Loan] = ()
    venue: Mapping[str, Any] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    spot: Mapping[str, Any] = field(default_factory=dict)


def build_town(town: Town) -> ct.Network:
    """Perps M at V and N at W, both on X, and a spot market S at W."""
    owners = {account.owner for account in town.accounts.values()}
    lenders = {name for loan in town.loans for name in (loan.debtor, loan.creditor)}
    nodes = sorted(owners | lenders | {*town.cash, *town.outside, *town.holdings})
    book = {"impact": "linear", "impact_coefficient": 0.0, "permanent_share": 1.0, "lot": LOT}
    book |= {"impact_half_life": float("nan"), "capital_exponent": 0.0, "volatility_exponent": 0.0}
    perp = {"asset": "X", "schedule": "s", **book, **town.market}
    amount = OUTSIDE * UNITS * 2.0**-6
    perps = {"V": "M", "W": "N"}
    return ct.Network(
        nodes=[
            *({"name": venue, "kind": "exchange", "cash": 1e6} for venue in perps),
            *(
                {
                    "name": name,
                    "kind": "trader",
                    "cash": town.cash.get(name, 0.0),
                    "external_assets": town.outside.get(name, 0.0),
                }
                for name in nodes
            ),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": OPENING},
        ],
        venues=[{"name": venue, **VENUE, **town.venue} for venue in perps],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 2 * RATE, "maintenance_rate": RATE}],
        markets=[
            *({"name": market, "venue": venue, **perp} for venue, market in perps.items()),
            {"name": "S", "venue": "W", "asset": "X", "kind": "spot", **book, **town.spot},
        ],
        depth=[
            {"market": market, "side": side, "band": 2.0**-6, "amount": amount}
            for market in ("M", "N", "S")
            for side in ("bid", "ask")
        ],
        accounts=[
            {
                "name": name,
                "owner": it.owner,
                "venue": it.venue,
                "mode": it.mode,
                "count": it.count,
                "response": 1.0,
                "reaction": it.reaction,
                "top_up_from": it.top_up_from,
            }
            for name, it in town.accounts.items()
        ],
        balances=[
            {"account": name, "asset": "USD", "quantity": it.money} for name, it in town.accounts.items()
        ],
        positions=[
            {"account": name, "market": perps[it.venue], "quantity": it.units, "entry_price": OPENING}
            for name, it in town.accounts.items()
            if it.units
        ],
        holdings=[{"node": node, "asset": "X", "quantity": units} for node, units in town.holdings.items()],
        obligations=[vars(loan) for loan in town.loans],
        rest_of_market="add",
    )


def live(town: Town, **how: Any) -> ct.Run:
    """The fall, in rounds of ten seconds."""
    return play(build_town(town), **how)


def moves(run: ct.Run, kind: str) -> list[tuple[float, str, float]]:
    """Time, account (or node) and money of all events of a kind."""
    rows = run.events[run.events["kind"] == kind]
    return [(row.time, row.account or row.node, row.money) for row in rows.itertuples()]
