"""Strategies whose legs do not exist, are in the wrong markets, or do not offset: errors with row and remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError

Tables = dict[str, Any]
CASH: dict[str, Any] = {
    "name": "carry",
    "kind": "basis",
    "spot_node": "o",
    "short_account": "s",
    "asset": "X",
}
PAIR: dict[str, Any] = {
    "name": "pair",
    "kind": "basis",
    "long_account": "l",
    "short_account": "s",
    "asset": "X",
}


def market(name: str, **cells: Any) -> Tables:
    """A market of X at V, which scans, or elsewhere."""
    row = {"name": name, "venue": "V", "asset": "X"} | cells
    return row | ({"schedule": "s"} if row["venue"] == "W" else {})


def tables(strategy: Tables, long: float = 3.0, short: float = -4.0, held: float = 4.0) -> Tables:
    """Every kind of market at V, a perp at W; `l` is long the first, `s` short the second, `o` holds X."""
    option = {"strike": 8.0, "option_side": "call", "implied_volatility": 0.5, "expiry": 900.0}
    markets = [
        market("perp"),
        market("dated", kind="future", expiry=900.0),
        market("spot", kind="spot"),
        market("option", kind="option", **option),
        market("elsewhere", venue="W"),
        market("other", asset="Y"),
    ]
    positions = [("l", "perp", long), ("s", "dated", short)]
    return {
        "nodes": [
            {"name": "V", "kind": "exchange", "cash": 1e6},
            {"name": "W", "kind": "exchange", "cash": 1e6},
            {"name": "o", "cash": 1e6},
        ],
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "price": 8.0},
            {"name": "Y", "price": 8.0},
        ],
        "holdings": [{"node": "o", "asset": "X", "quantity": held}] if held else [],
        "venues": [{"name": "V", "margin": "scan"}, {"name": "W"}],
        "schedules": [{"name": "s"}],
        "tiers": [{"schedule": "s", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05}],
        "markets": markets,
        "depth": [
            {"market": row["name"], "side": side, "band": 0.01, "amount": 1e4}
            for row in markets
            for side in ("bid", "ask")
        ],
        "accounts": [{"name": name, "owner": "o", "venue": "V", "reaction": "none"} for name in "ls"],
        "balances": [{"account": name, "asset": "USD", "quantity": 1e3} for name in "ls"],
        "positions": [
            {"account": account, "market": name, "quantity": units, "entry_price": 8.0}
            for account, name, units in positions
            if units
        ],
        "strategies": [
            {"name": "a", "kind": "dip_buyer", "long_account": "l", "asset": "X", "discount": 0.1},
            strategy,
        ],
        "rest_of_market": "add",
    }


def findings(strategy: Tables, **changes: Any) -> list[tuple[str, int, str]]:
    """Errors of `check` as code, row and text."""
    found = ct.Network(**tables(strategy, **changes)).check()
    errors = found[found["severity"] == "error"]
    return [(row.code, row.row, row.remedy) for row in errors.itertuples()]


def test_legs_that_offset_each_other_are_no_finding() -> None:
    assert findings(CASH | {"short_market": "dated"}) == []
    assert findings(CASH | {"short_market": "dated", "long_market": "spot"}, held=100.0) == []
    assert findings(PAIR | {"short_market": "dated"}, long=4.0) == []
    assert findings(PAIR | {"short_market": "dated", "ratio": 2.0}, long=8.0) == []


@pytest.mark.parametrize(
    ("strategy", "pattern"),
    [
        ({"short_market": "other"}, r"strategies row 2, column short_market.*trades 'Y'.*a market of 'X'"),
        ({"short_market": "option"}, "is a market of kind 'option'.*kind perp or future"),
        ({"short_market": "spot"}, "is a market of kind 'spot'"),
        ({"short_market": "elsewhere"}, "trades at 'W'.*a market of 'V'"),
        ({"short_market": "nowhere"}, "nowhere"),
        ({"long_market": "dated"}, "is a market of kind 'future'.*kind spot or pool"),
    ],
)
def test_a_leg_in_a_market_that_cannot_hold_it_is_an_error_that_names_the_row(
    strategy: Tables, pattern: str
) -> None:
    with pytest.raises(NetworkError, match=pattern):
        ct.Network(**tables(CASH | strategy))


@pytest.mark.parametrize(
    ("strategy", "column", "left"),
    [
        (CASH | {"short_market": "dated", "rate": 0.5}, "rate", "at its default, 0.01"),
        (CASH | {"short_market": "dated", "discount": 0.1}, "discount", "empty"),
        (PAIR | {"kind": "arbitrage", "short_market": "dated", "discount": 0.1}, "discount", "empty"),
        (
            PAIR | {"kind": "arbitrage", "short_market": "dated", "unwind": 9.0},
            "unwind",
            "at its default, 300.0",
        ),
    ],
)
def test_a_value_that_the_kind_of_a_strategy_does_not_read_is_an_error_by_row(
    strategy: Tables, column: str, left: str
) -> None:
    pattern = rf"strategies row 2, column {column}.*kind is '{strategy['kind']}'.*leave it {left}"
    with pytest.raises(NetworkError, match=pattern) as caught:
        ct.Network(**tables(strategy))
    assert "np." not in str(caught.value)


def test_a_market_of_a_leg_that_does_not_exist_is_an_error() -> None:
    dip = {"name": "dip", "kind": "dip_buyer", "long_account": "l", "asset": "X", "discount": 0.1}
    with pytest.raises(NetworkError, match="is named, but there is no such leg"):
        ct.Network(**tables(dip | {"short_market": "dated"}))


def test_a_market_that_has_expired_at_the_opening_is_no_market() -> None:
    given = tables(CASH | {"short_market": "dated"})
    given["markets"][1]["expiry"] = 0.0
    with pytest.raises(InputError, match="markets row 2, column expiry"):
        ct.Network(**given)


def test_one_account_may_trade_two_markets_but_not_one_against_itself() -> None:
    given = PAIR | {"kind": "arbitrage", "long_account": "s"}
    ct.Network(**tables(given | {"long_market": "perp", "short_market": "dated"}))
    ct.Network(**tables(given | {"short_market": "dated"}))
    for same in ({}, {"long_market": "perp"}, {"long_market": "dated", "short_market": "dated"}):
        with pytest.raises(NetworkError, match=r"is both legs.*long_market"):
            ct.Network(**tables(given | same))


@pytest.mark.parametrize(
    ("strategy", "changes", "code", "text"),
    [
        (CASH | {"short_market": "dated"}, {"held": 0.0}, "missing-leg", "add the row to holdings"),
        (CASH | {"short_market": "dated"}, {"short": 0.0}, "missing-leg", "holds no position"),
        (CASH, {}, "missing-leg", "account 's' in 'perp', holds no position"),
        (CASH | {"short_market": "dated"}, {"short": 4.0}, "wrong-side", "is on the other side"),
        (PAIR | {"short_market": "dated"}, {"long": -4.0}, "wrong-side", "'l' in 'perp'"),
        (CASH | {"short_market": "dated"}, {"held": 3.0}, "unmatched-legs", "3 units long"),
        (PAIR | {"short_market": "dated"}, {"long": 3.0}, "unmatched-legs", "80% to 125%"),
        (PAIR | {"short_market": "dated", "ratio": 2.0}, {"long": 4.0}, "unmatched-legs", "is 8"),
    ],
)
def test_a_basis_trade_without_a_leg_that_offsets_the_other_does_not_run(
    strategy: Tables, changes: dict[str, Any], code: str, text: str
) -> None:
    found = findings(strategy, **changes)
    assert [(row[0], row[1]) for row in found] == [(code, 2)]
    assert text in found[0][2]
    with pytest.raises(NetworkError, match=f"strategies row 2: {code}"):
        ct.Cascade().prepare(ct.Network(**tables(strategy, **changes)), ())


def test_the_bounds_of_what_offsets_belong_to_it() -> None:
    pair = PAIR | {"short_market": "dated"}
    assert findings(pair, long=3.2) == findings(pair, long=5.0) == []
    assert [row[0] for row in findings(pair, long=5.01)] == ["unmatched-legs"]


def test_a_position_is_the_leg_of_one_basis_trade() -> None:
    given = tables(PAIR | {"short_market": "dated"}, long=4.0)
    given["strategies"].append(given["strategies"][1] | {"name": "second"})
    found = ct.Network(**given).check()
    assert found["code"].tolist()[0] == "shared-leg"
    assert found["row"].tolist()[0] == 3


def test_an_account_without_a_perp_and_without_a_named_market_has_no_leg() -> None:
    given = tables(PAIR | {"kind": "arbitrage", "short_market": "dated"})
    given["markets"] = [row for row in given["markets"] if row["name"] != "perp"]
    given["depth"] = [row for row in given["depth"] if row["market"] != "perp"]
    given["positions"] = [row for row in given["positions"] if row["market"] != "perp"]
    given["strategies"] = given["strategies"][1:]
    found = ct.Network(**given).check()
    assert found[["code", "row"]].to_numpy().tolist()[0] == ["missing-leg", 1]
    assert "name the long_market" in found["remedy"][0]


@pytest.mark.parametrize("strategy", [PAIR | {"short_market": "dated"}, CASH | {"short_market": "dated"}])
def test_legs_of_two_owners_are_a_warning_by_row(strategy: Tables) -> None:
    given = tables(strategy, long=4.0)
    given["nodes"].append({"name": "p", "cash": 1e6})
    given["accounts"][1]["owner"] = "p"
    found = ct.Network(**given).check()
    told = found[found["severity"] == "warning"]
    assert told[["code", "table", "row"]].to_numpy().tolist() == [["other-owner", "strategies", 2]]
    assert "belong to 'o' and to 'p' (name accounts of one owner" in told["remedy"].iloc[0]


def test_lots_that_are_no_multiples_of_each_other_are_refused_for_arbitrage() -> None:
    """Three tenths against two tenths; a multiple, an automatic lot and a basis trade, which rounds by itself, pass."""
    given = PAIR | {"kind": "arbitrage", "long_market": "perp", "short_market": "dated"}
    for lots, refused in (
        ((0.3, 0.2), True),
        ((0.2, 0.3), True),
        ((0.6, 0.2), False),
        ((0.3, np.nan), False),
    ):
        rows = tables(given)
        for market_row, lot in zip(rows["markets"], lots, strict=False):
            market_row["lot"] = lot
        found = ct.Network(**rows).check()
        texts = found.loc[found["code"] == "unmatched-lots"]
        assert len(texts) == refused
        if refused:
            assert texts["row"].tolist() == [2]
            assert "'perp'" in texts["remedy"].iloc[0] and "leave them empty" in texts["remedy"].iloc[0]
    basis = tables(PAIR | {"short_market": "dated"}, long=4.0)
    basis["markets"][0]["lot"], basis["markets"][1]["lot"] = 0.3, 0.2
    found = ct.Network(**basis).check()
    assert "unmatched-lots" not in set(found["code"])
