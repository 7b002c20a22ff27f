"""Futures and options in the tables: what they are worth at the opening, and which terms they need."""

import math
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, ValueRangeError
from contagion.markets import black_scholes
from contagion.network.contracts import Contracts, opening_prices
from contagion.network.equity import opening_account_equity

YEAR = 365 * 86_400.0
FUTURE = {"name": "ex:F", "kind": "future", "expiry": 0.25 * YEAR, "carry": 0.08}
OPTION = {
    "name": "ex:P90",
    "kind": "option",
    "expiry": 0.5 * YEAR,
    "strike": 90.0,
    "option_side": "put",
    "implied_volatility": 0.7,
    "carry": 0.04,
}


def tables(**markets: dict[str, Any]) -> dict[str, Any]:
    """One venue with a spot market and the contracts given."""
    return {
        "nodes": [
            {"name": "ex", "kind": "exchange", "cash": 1e6},
            *({"name": n, "kind": "trader"} for n in "ab"),
        ],
        "assets": [{"name": "USD", "kind": "currency", "price": 1.0}, {"name": "BTC", "price": 100.0}],
        "venues": [{"name": "ex", "margin": "scan"}],
        "schedules": [{"name": "plain"}],
        "tiers": [{"schedule": "plain", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05}],
        "markets": [
            {"venue": "ex", "asset": "BTC", "quote": "USD", "settle": "USD", **market}
            for market in ({"name": "ex:spot", "kind": "spot"}, *markets.values())
        ],
    }


def test_every_contract_opens_at_what_it_is_worth():
    net = ct.Network(**tables(future=FUTURE, option=OPTION))
    worth = float(black_scholes("put", 100.0, 90.0, 0.5, 0.7, rate=0.04).price)
    expected = {"ex:F": 100.0 * math.exp(0.02), "ex:P90": worth, "ex:spot": 100.0}
    assert dict(zip(net.index("markets"), opening_prices(net), strict=True)) == pytest.approx(
        expected, rel=1e-14
    )


def test_accounts_are_worth_what_their_contracts_are_worth():
    given = tables(future=FUTURE, option=OPTION)
    given["accounts"] = [
        {"name": "A", "owner": "a", "venue": "ex"},
        {"name": "B", "owner": "b", "venue": "ex"},
    ]
    given["balances"] = [{"account": name, "asset": "USD", "quantity": 1_000.0} for name in "AB"]
    given["positions"] = [
        {"account": "A", "market": "ex:F", "quantity": 2.0, "entry_price": 101.0},
        {"account": "B", "market": "ex:F", "quantity": -2.0, "entry_price": 101.0},
        {"account": "A", "market": "ex:P90", "quantity": -3.0, "entry_price": 12.0},
        {"account": "B", "market": "ex:P90", "quantity": 3.0, "entry_price": 12.0},
    ]
    equity = opening_account_equity(ct.Network(**given))
    put = float(black_scholes("put", 100.0, 90.0, 0.5, 0.7, rate=0.04).price)
    gain = 2.0 * (100.0 * math.exp(0.02) - 101.0) - 3.0 * (put - 12.0)
    assert equity.to_dict() == pytest.approx({"A": 1_000.0 + gain, "B": 1_000.0 - gain}, rel=1e-12)


def test_networks_of_spot_and_perpetual_markets_value_as_before_to_the_last_bit():
    net = ct.datasets.load("perp-venues")
    prices = net.column("assets", "price") * 0.8123
    assert np.array_equal(Contracts.of(net).prices(prices), prices[net.codes("markets", "asset")])


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("future", {"expiry": None}, r"column expiry.*is empty.*kind 'future' needs it"),
    ("option", {"expiry": None}, r"column expiry.*is empty.*kind 'option' needs it"),
    ("option", {"strike": None}, r"column strike.*is empty"),
    ("option", {"option_side": ""}, r"column option_side.*is empty.*call or put"),
    ("option", {"implied_volatility": None}, r"column implied_volatility.*is empty"),
    ("future", {"strike": 90.0}, r"column strike.*kind 'future', which does not read it"),
    ("future", {"hedge_market": "ex:spot"}, r"column hedge_market.*no option"),
    ("option", {"hedge_market": "ex:P90"}, r"column hedge_market.*can be hedged"),
    ("future", {"volatility_beta": 0.5}, r"column volatility_beta.*without an implied volatility"),
]


@pytest.mark.parametrize(("which", "cells", "message"), WRONG)
def test_contracts_with_wrong_terms_are_refused_by_row(which: str, cells: dict[str, Any], message: str):
    given = tables(future=FUTURE, option=OPTION)
    row = given["markets"][1 if which == "future" else 2]
    row.update(cells)
    with pytest.raises(NetworkError, match=message) as caught:
        ct.Network(**given)
    assert "np." not in str(caught.value)
    assert "nan" not in str(caught.value)


@pytest.mark.parametrize(
    "cells", [{"expiry": 0.0}, {"expiry": -5.0}, {"implied_volatility": -0.2}, {"strike": 0.0}]
)
def test_options_past_expiry_and_negative_volatilities_are_refused(cells: dict[str, float]):
    with pytest.raises(ValueRangeError, match=next(iter(cells))):
        ct.Network(**tables(option=OPTION | cells))


@pytest.mark.parametrize(("volatility", "warned"), [(5.0, False), (80.0, True)])
def test_a_volatility_that_looks_like_a_percentage_is_a_warning_by_row(volatility: float, warned: bool):
    found = ct.Network(**tables(option=OPTION | {"implied_volatility": volatility})).check()
    rows = found[found["code"] == "high-volatility"]
    assert len(rows) == warned
    if warned:
        row = rows.iloc[0]
        assert (row["severity"], row["table"]) == ("warning", "markets")
        assert "'ex:P90' has an implied_volatility of 80, which is 8,000% a year" in row["remedy"]
        assert "state a fraction: 0.8 is 80%" in row["remedy"]


def test_a_perpetual_has_no_carry():
    perp = {"name": "ex:perp", "kind": "perp", "carry": 0.1}
    with pytest.raises(NetworkError, match=r"column carry.*never expires"):
        ct.Network(**tables(perp=perp))


def test_options_need_a_venue_that_scans():
    given = tables(option=OPTION)
    given["venues"] = [{"name": "ex"}]
    with pytest.raises(NetworkError, match=r"lists options.*set margin to 'scan'"):
        ct.Network(**given)


def test_the_rest_of_the_market_enters_at_what_contracts_are_worth():
    given = tables(future=FUTURE, option=OPTION)
    given["accounts"] = [{"name": "A", "owner": "a", "venue": "ex"}]
    given["positions"] = [
        {"account": "A", "market": "ex:F", "quantity": 2.0, "entry_price": 101.0},
        {"account": "A", "market": "ex:P90", "quantity": -3.0, "entry_price": 12.0},
    ]
    net = ct.Network(**given, rest_of_market="add")
    rest = net.positions[net.positions["account"] != "A"].set_index("market")
    worth = dict(zip(net.index("markets"), opening_prices(net), strict=True))
    assert rest["entry_price"].to_dict() == {name: worth[name] for name in ("ex:F", "ex:P90")}
    assert rest["quantity"].to_dict() == {"ex:F": -2.0, "ex:P90": 3.0}
    assert opening_account_equity(net)["rest_of_market:ex"] == 500.0
