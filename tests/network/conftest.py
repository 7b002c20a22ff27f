"""A small network with every kind of row."""

from __future__ import annotations

from typing import Any

import pytest

import contagion as ct

Tables = dict[str, list[dict[str, Any]]]


def small_tables() -> Tables:
    """One exchange, two traders, a bank; a perp with tiers and depth; two balanced accounts; one obligation."""
    return {
        "nodes": [
            {"name": "ex", "kind": "exchange", "cash": 100.0},
            {"name": "t1", "kind": "trader"},
            {"name": "t2", "kind": "trader", "cash": 5.0},
            {"name": "bank", "kind": "institution", "cash": 10.0},
        ],
        "obligations": [{"debtor": "ex", "creditor": "bank", "amount": 20.0}],
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "BTC", "kind": "coin", "price": 100.0, "volatility": 0.03},
        ],
        "holdings": [{"node": "bank", "asset": "BTC", "quantity": 0.1}],
        "venues": [{"name": "ex", "insurance_fund": 10.0}],
        "schedules": [{"name": "s"}],
        "tiers": [
            {"schedule": "s", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05},
            {"schedule": "s", "floor": 1e3, "initial_rate": 0.2, "maintenance_rate": 0.1, "cap": 1e6},
        ],
        "markets": [{"name": "ex:BTC", "venue": "ex", "asset": "BTC", "schedule": "s"}],
        "depth": [
            {"market": "ex:BTC", "side": "bid", "band": 0.01, "amount": 1e3},
            {"market": "ex:BTC", "side": "ask", "band": 0.01, "amount": 1e3},
        ],
        "accounts": [
            {"name": "a1", "owner": "t1", "venue": "ex"},
            {"name": "a2", "owner": "t2", "venue": "ex", "count": 2},
        ],
        "balances": [
            {"account": "a1", "asset": "USD", "quantity": 50.0},
            {"account": "a2", "asset": "USD", "quantity": 50.0},
        ],
        "positions": [
            {"account": "a1", "market": "ex:BTC", "quantity": 2.0, "entry_price": 100.0},
            {"account": "a2", "market": "ex:BTC", "quantity": -1.0, "entry_price": 100.0},
        ],
    }


@pytest.fixture
def tables() -> Tables:
    """Fresh tables of the small network, free to be changed."""
    return small_tables()


@pytest.fixture
def net() -> ct.Network:
    """The small network."""
    return ct.Network(**small_tables())
