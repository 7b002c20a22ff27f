"""Coins as collateral and debts in coins, followed by hand in worlds of short binary fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError
from contagion.network.equity import opening_account_equity, opening_haircuts, opening_requirement
from contagion.network.weights import balance_weights
from tests.propagation.cascade.lending import Loan, Protocol, lending_net

PRICE = 1024.0


def tables(**changed: Any) -> dict[str, Any]:
    """An exchange with a perp and a spot market of X, a protocol with spot, one trader and one lender."""
    book = {"impact": "linear", "permanent_share": 1.0, "impact_half_life": None, "capital_exponent": 0.0}
    depth = [
        {"market": m, "side": side, "band": 0.5, "amount": 512.0 * 1024.0}
        for m in ("X-perp", "X-spot", "Y-spot")
        for side in ("bid", "ask")
    ]
    base: dict[str, Any] = {
        "nodes": [
            {"name": "E", "kind": "exchange", "cash": 1e6},
            {"name": "P", "kind": "protocol", "cash": 1e6},
            {"name": "t", "kind": "trader"},
            {"name": "u", "kind": "trader"},
        ],
        "assets": [
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "price": PRICE},
            {"name": "Y", "price": 64.0},
        ],
        "venues": [{"name": "E", "mark": "last"}, {"name": "P"}],
        "markets": [
            {
                "name": "X-perp",
                "venue": "E",
                "asset": "X",
                "kind": "perp",
                "schedule": "s",
                "lot": 2.0**-20,
                **book,
            },
            {"name": "X-spot", "venue": "E", "asset": "X", "kind": "spot", "lot": 2.0**-20, **book},
            {"name": "Y-spot", "venue": "P", "asset": "Y", "kind": "spot", "lot": 2.0**-20, **book},
        ],
        "depth": depth,
        "schedules": [{"name": "s"}],
        "tiers": [{"schedule": "s", "floor": 0.0, "initial_rate": 0.125, "maintenance_rate": 0.0625}],
        "accounts": [{"name": "a", "owner": "t", "venue": "E", "reaction": "none"}],
        "balances": [],
        "positions": [],
        "collateral": [
            {"venue": "E", "asset": "X", "weight": 0.75},
            {"venue": "P", "asset": "X", "loan_to_value": 0.5, "liquidation_threshold": 0.75, "bonus": 0.125},
            {"venue": "P", "asset": "Y", "loan_to_value": 0.5, "liquidation_threshold": 0.5, "bonus": 0.125},
        ],
    }
    return base | changed


def network(**changed: Any) -> ct.Network:
    """The network, the other side of positions added."""
    return ct.Network(**tables(**changed), rest_of_market="add")


def fall(price: float, asset: str = "X") -> ct.PriceShock:
    """A gap of one asset to a price."""
    return ct.PriceShock({asset: price / (PRICE if asset == "X" else 64.0) - 1.0}, over=0.0)


def test_a_coin_counts_by_its_weight_and_is_worth_its_price() -> None:
    net = network(balances=[{"account": "a", "asset": "X", "quantity": 2.0}])
    assert opening_account_equity(net)["a"] == 2048.0
    assert opening_haircuts(net)["a"] == 512.0
    assert opening_requirement(net)["a"] == 512.0


def test_a_loan_against_coins_is_called_in_when_the_weighted_worth_falls_below_it() -> None:
    # 2 coins at weight 3/4 cover 1,216 of debt down to a price of 1,216 / 1.5
    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": 2.0},
            {"account": "a", "asset": "USD", "quantity": -1216.0},
        ]
    )
    edge = 1216.0 / 1.5
    for price, sold in ((np.nextafter(edge, np.inf), 0.0), (edge - 1.0, 2.0)):
        run = ct.run(net, fall(price), ct.Cascade(step=10.0, horizon=60.0))
        lots = -run.events.query("kind == 'liquidation' and account == 'a'")["lots"].sum() * 2.0**-20
        assert lots == sold


def test_coins_are_sold_in_the_spot_market_at_the_average_price_of_the_round() -> None:
    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": 2.0},
            {"account": "a", "asset": "USD", "quantity": -1216.0},
        ]
    )
    run = ct.run(net, fall(768.0), ct.Cascade(step=10.0, horizon=60.0))
    # the book holds 512 x 1,024 within half of the price: 1,536 of money moves it by 1,536 / 2^20 of the price
    moved = 2.0 * 768.0 / 2.0**20
    fill = 768.0 * (1.0 - moved / 2.0)
    row = run.events.query("kind == 'liquidation'").iloc[0]
    assert row["market"] == "X-spot"
    assert row["price"] == pytest.approx(fill, rel=1e-12)
    assert run.accounts.loc["a", "closing_equity"] == pytest.approx(2.0 * fill - 1216.0, abs=1e-4)
    assert run.accounts.loc["a", "deficit"] == 0.0


@pytest.mark.parametrize("latency", [0.0, 1e6])
def test_a_loan_that_keepers_have_not_touched_yet_leaves_the_orders_of_others_alone(latency: float) -> None:
    owed = [{"account": a, "asset": "USD", "quantity": -1216.0} for a in ("a", "b")]
    net = network(
        accounts=[
            {"name": "a", "owner": "t", "venue": "E", "reaction": "none"},
            {"name": "b", "owner": "u", "venue": "P", "reaction": "none"},
        ],
        balances=[*({"account": a, "asset": "X", "quantity": 2.0} for a in ("a", "b")), *owed],
        venues=[{"name": "E"}, {"name": "P", "procedure": "lending", "latency": latency}],
    )
    run = ct.run(net, fall(768.0), ct.Cascade(step=10.0, horizon=60.0))
    sold = run.events.query("kind == 'liquidation' and account == 'a'")
    assert sold["round"].tolist() == [1]  # the round of the fall
    assert sold["lots"].tolist() == [-2.0 * 2**20]
    assert run.rounds["deferred_notional"].sum() == 0.0


def test_what_the_coins_do_not_bring_is_a_deficit_of_the_venue() -> None:
    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": 2.0},
            {"account": "a", "asset": "USD", "quantity": -1216.0},
        ],
        venues=[{"name": "E", "insurance_fund": 1e5}, {"name": "P"}],
    )
    run = ct.run(net, fall(512.0), ct.Cascade(step=10.0, horizon=60.0))
    fill = 512.0 * (1.0 - 1024.0 / 2.0**21)
    assert run.metrics["bad_debt"] == pytest.approx(1216.0 - 2.0 * fill, abs=1e-4)
    assert run.metrics["fund_used"] == run.metrics["bad_debt"]


def test_a_debt_in_coins_is_bought_back_when_the_coin_rises() -> None:
    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": -1.0},
            {"account": "a", "asset": "USD", "quantity": 1536.0},
        ]
    )
    run = ct.run(net, fall(2048.0), ct.Cascade(step=10.0, horizon=60.0))
    bought = run.events.query("kind == 'liquidation' and account == 'a'")["lots"].sum() * 2.0**-20
    assert bought == 1.0
    assert run.metrics["bad_debt"] > 2048.0 - 1536.0


def test_positions_close_before_coins_and_coins_back_the_position() -> None:
    def end(coins: float) -> Any:
        net = network(
            balances=[
                {"account": "a", "asset": "USD", "quantity": 1024.0},
                *([{"account": "a", "asset": "X", "quantity": coins}] if coins else []),
            ],
            positions=[{"account": "a", "market": "X-perp", "quantity": 8.0, "entry_price": PRICE}],
        )
        return ct.run(net, fall(912.0), ct.Cascade(step=10.0, horizon=60.0))

    assert end(0.0).metrics["liquidated_accounts"] == 1.0
    assert end(1.0).metrics["liquidated_accounts"] == 0.0  # 1,024 - 896 + .75 x 912 covers 456 of maintenance
    sold = ct.run(
        network(
            balances=[
                {"account": "a", "asset": "USD", "quantity": 256.0},
                {"account": "a", "asset": "X", "quantity": 1.0},
            ],
            positions=[{"account": "a", "market": "X-perp", "quantity": 8.0, "entry_price": PRICE}],
        ),
        fall(896.0),
        ct.Cascade(step=10.0, horizon=120.0),
    )
    mine = sold.events.query("kind == 'liquidation' and account == 'a'")
    assert mine["market"].tolist() == ["X-perp", "X-spot"]
    assert mine["round"].tolist() == [1, 2]


def test_at_a_protocol_the_threshold_decides_and_a_health_factor_of_one_is_healthy() -> None:
    accounts = [{"name": "a", "owner": "t", "venue": "P", "reaction": "none"}]
    net = network(
        accounts=accounts,
        balances=[
            {"account": "a", "asset": "Y", "quantity": 32.0},
            {"account": "a", "asset": "USD", "quantity": -768.0},
        ],
    )
    assert (
        ct.run(net, fall(48.0, "Y"), ct.Cascade(step=10.0, horizon=60.0)).metrics["liquidated_accounts"]
        == 0.0
    )
    below = ct.run(net, fall(47.5, "Y"), ct.Cascade(step=10.0, horizon=60.0))
    assert below.metrics["liquidated_accounts"] == 1.0


def test_the_category_replaces_the_threshold_where_all_coins_share_it() -> None:
    rows = [
        {"venue": "P", "asset": name, "loan_to_value": 0.5, "liquidation_threshold": 0.5, "bonus": 0.1,
         "category": "x", "category_loan_to_value": 0.875, "category_threshold": 0.9375, "category_bonus": 0.01}
        for name in ("X", "Y")
    ]  # fmt: skip
    accounts = [
        {"name": n, "owner": o, "venue": "P", "reaction": "none"} for n, o in (("a", "t"), ("b", "u"))
    ]
    net = network(
        accounts=accounts,
        collateral=rows,
        balances=[
            {"account": "a", "asset": "X", "quantity": 1.0},
            {"account": "a", "asset": "Y", "quantity": -4.0},
            {"account": "b", "asset": "X", "quantity": 1.0},
        ],
    )
    assert opening_haircuts(net)["a"] == 64.0  # 1/16 of 1,024
    assert opening_haircuts(net)["b"] == 64.0
    plain = network(
        accounts=accounts,
        collateral=[{**rows[0]}, {**rows[1], "category": ""}],
        balances=net.balances,
    )
    assert opening_haircuts(plain)["a"] == 512.0


def test_call_levels_of_protocols_are_health_factors() -> None:
    net = network()
    assert net.venues["call_ratio"].to_dict() == {"E": 2.0, "P": 1.1}
    assert net.venues["call_target"].to_dict() == {"E": 3.0, "P": 1.25}


def test_a_borrower_is_called_at_the_health_factor_and_posts_to_the_target() -> None:
    accounts = [{"name": "a", "owner": "t", "venue": "P", "reaction": "top_up", "response": 1.0}]
    net = network(
        accounts=accounts,
        nodes=[
            *tables()["nodes"][:2],
            {"name": "t", "kind": "trader", "cash": 1e4},
            {"name": "u", "kind": "trader"},
        ],
        balances=[
            {"account": "a", "asset": "Y", "quantity": 32.0},
            {"account": "a", "asset": "USD", "quantity": -768.0},
        ],
        venues=[{"name": "E"}, {"name": "P", "call_delay": 20.0}],
    )
    run = ct.run(net, fall(50.0, "Y"), ct.Cascade(step=10.0, horizon=60.0))
    # threshold value 800, health factor 800 / 768 < 1.1; the target 1.25 asks for a debt of 640 at most
    assert run.metrics["margin_called"] == run.metrics["margin_posted"] == 768.0 - 640.0


def test_coins_without_a_row_of_collateral_are_refused_with_place_and_remedy() -> None:
    with pytest.raises(NetworkError, match=r"balances.*no collateral at 'E'.*add a row to collateral"):
        network(balances=[{"account": "a", "asset": "Y", "quantity": 1.0}])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"loan_to_value": 0.8, "liquidation_threshold": 0.7}, "threshold.*loan_to_value"),
        ({"loan_to_value": 0.8, "liquidation_threshold": 0.9, "bonus": 0.2}, "bonus"),
    ],
)
def test_unsound_collateral_is_refused(row: dict[str, float], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        network(collateral=[{"venue": "P", "asset": "Y", **row}])


def test_a_haircut_policy_changes_weights_by_venue_and_asset() -> None:
    class Stricter(ct.Policy):
        def haircuts(self, world: Any, weights: Any) -> Any:
            return 0.5 * weights

    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": 2.0},
            {"account": "a", "asset": "USD", "quantity": -1000.0},
        ]
    )
    still = ct.PriceShock({"Y": -0.01}, over=0.0)
    model = ct.Cascade(step=10.0, horizon=60.0)
    assert ct.run(net, still, model).metrics["liquidated_accounts"] == 0.0
    assert ct.run(net, still, model, policies=[Stricter()]).metrics["liquidated_accounts"] == 1.0


@pytest.mark.parametrize(
    ("balances", "weight"),
    [
        ({"ETH": 10.0, "BTC": -1.0}, 0.9375),
        ({"ETH": 10.0, "USD": -5000.0}, 0.8),
        ({"ETH": 10.0, "BTC": -1.0, "USD": -100.0}, 0.8),
        ({"ETH": 10.0, "BTC": -1.0, "USD": 100.0}, 0.9375),
    ],
)
def test_a_category_counts_for_those_who_owe_nothing_outside_it(
    balances: dict[str, float], weight: float
) -> None:
    shared: dict[str, Any] = {
        "category": "pair",
        "category_loan_to_value": 0.875,
        "category_threshold": 0.9375,
    }
    rules = Protocol(collateral={coin: shared | {"category_bonus": 0.0} for coin in ("ETH", "BTC")})
    net = lending_net({"a": Loan(balances)}, rules)
    found = dict(zip(net.balances["asset"], balance_weights(net), strict=True))
    assert found["ETH"] == weight
