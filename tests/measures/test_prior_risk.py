"""Losses, deficits and funds in one move of prices: by hand, and against a run without contagion."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import expected_shortfall, value_at_risk
from contagion.measures.prior_risk import account_risk, fund_risk, system_risk
from tests.measures.test_liquidation import market


def moves(*btc, eth=0.0):
    """Log returns of BTC, and of ETH, one row per scenario."""
    return pd.DataFrame({"BTC": np.log1p(btc), "ETH": np.log1p(np.full(len(btc), eth))})


def two_traders(fund=0.0, counts=None):
    """x is long 10 at 100 with 300, y short 10 with 100; z holds 50 ETH at 10 with 100."""
    positions = [("x", "BTC", 10.0, 100.0), ("y", "BTC", -10.0, 100.0), ("z", "ETH", 50.0, 10.0)]
    net = market(positions, {"x": 300.0, "y": 100.0, "z": 100.0}, counts=counts)
    return net.replace(venues=net.venues.assign(insurance_fund=fund))


def test_the_loss_of_an_account_is_that_of_its_positions():
    table = account_risk(two_traders(), moves(-0.5, -0.1, 0.0, 0.3), level=0.5)
    assert table.loc["ax", "equity"] == 300.0
    assert table.loc["ax", "es"] == pytest.approx((500.0 + 100.0) / 2.0)
    assert table.loc["ax", "var"] == pytest.approx(0.0, abs=1e-9)
    assert table.loc["ay", "es"] == pytest.approx(300.0 / 2.0)
    assert table.loc[["ax", "ay", "az"], "deficit_probability"].tolist() == [0.25, 0.25, 0.0]
    assert table.loc["ax", ["k", "note"]].tolist() == [2, "no interval: name the accounts"]


@pytest.mark.parametrize("level", [0.9, 0.95, 0.973])
def test_the_estimators_are_those_of_the_samples(level):
    rng = np.random.default_rng(3)
    drawn = pd.DataFrame(rng.normal(0.0, 0.1, (400, 2)), columns=["BTC", "ETH"])
    table = account_risk(two_traders(), drawn, level=level)
    losses = -1000.0 * np.expm1(drawn["BTC"].to_numpy())
    assert table.loc["ax", "es"] == pytest.approx(expected_shortfall(losses, level), rel=1e-12)
    assert table.loc["ax", "var"] == pytest.approx(value_at_risk(losses, level), rel=1e-12)
    assert table.loc["ay", "es"] == pytest.approx(expected_shortfall(-losses, level), rel=1e-12)


def test_named_accounts_have_intervals_and_their_refusals():
    rng = np.random.default_rng(4)
    drawn = pd.DataFrame(rng.normal(0.0, 0.1, (4_000, 2)), columns=["BTC", "ETH"])
    named = account_risk(two_traders(), drawn, accounts=["az", "ax"])
    every = account_risk(two_traders(), drawn)
    assert list(named.index) == ["az", "ax"]
    np.testing.assert_allclose(named["es"], every.loc[["az", "ax"], "es"], rtol=1e-12)
    assert ((named["es_low"] < named["es"]) & (named["es"] < named["es_high"])).all()
    few = account_risk(two_traders(), drawn.iloc[:100], accounts=["ax"])
    assert few["es_low"].isna().all() and few["note"].iloc[0].startswith("no interval: k = 5 < 25")


def test_normal_losses_have_the_closed_form():
    # a small volatility: the loss is 1000 sigma z, with VaR 1.6449 and ES 2.0627 standard deviations at 95 per cent
    table = account_risk(two_traders(), n=20_000, volatility=1e-3, horizon=4 * 86_400.0)
    assert table.loc["ax", "var"] == pytest.approx(2.0 * 1.6449, rel=0.03)
    assert table.loc["ax", "es"] == pytest.approx(2.0 * 2.0627, rel=0.03)


def test_deficits_are_what_is_owed_beyond_margin_against_the_fund():
    # BTC falls by half: x owes 200 of its 3 accounts; BTC up 30 per cent: y owes 200
    net = two_traders(fund=500.0, counts={"x": 3})
    table = fund_risk(net, moves(-0.5, 0.3, 0.0, 0.0), level=0.5)
    assert table.loc["V", "fund"] == 500.0
    assert table.loc["V", "es"] == pytest.approx((600.0 + 200.0) / 2.0)
    assert table.loc["V", "exhausted"] == 0.25
    assert table.loc["V", "uncovered_mean"] == pytest.approx(100.0 / 4.0)
    # exact binomial interval of 1 in 4: the roots of (1 - p)^4 = 0.975 and p^4 + 4 p^3 (1 - p) = ...
    assert table.loc["V", "exhausted_low"] == pytest.approx(1.0 - 0.975**0.25, rel=1e-9)
    high = table.loc["V", "exhausted_high"]
    assert (1.0 - high) ** 4 + 4.0 * high * (1.0 - high) ** 3 == pytest.approx(0.025, rel=1e-9)


def test_shares_of_none_and_all_have_one_sided_intervals():
    none = fund_risk(two_traders(fund=1e9), moves(-0.5, 0.3)).loc["V"]
    assert (none["exhausted"], none["exhausted_low"]) == (0.0, 0.0)
    assert none["exhausted_high"] == pytest.approx(1.0 - 0.025**0.5)
    every = fund_risk(two_traders(), moves(-0.5, -0.6)).loc["V"]
    assert (every["exhausted"], every["exhausted_high"]) == (1.0, 1.0)
    assert every["exhausted_low"] == pytest.approx(0.025**0.5)


def test_the_system_adds_up_venues_and_nodes():
    net = two_traders(fund=150.0)
    table = system_risk(net, moves(-0.5, 0.0), level=0.5)
    assert table.loc["direct_loss", "es"] == pytest.approx(500.0)
    assert table.loc["deficit", "es"] == pytest.approx(200.0)
    assert table.loc["uncovered", "es"] == pytest.approx(50.0)
    assert list(table.index) == ["direct_loss", "deficit", "uncovered"]


def test_the_direct_loss_is_that_of_a_run_with_the_same_move():
    net = two_traders()
    found = system_risk(net, moves(-0.2, eth=-0.1), level=0.5).loc["direct_loss", "es"]
    run = ct.run(net, ct.PriceShock({"BTC": -0.2, "ETH": -0.1}), ct.Cascade(), seed=1)
    assert found == pytest.approx(run.metrics["direct_loss"], rel=1e-5)


def test_holdings_count_in_the_system():
    net = two_traders()
    net = net.replace(holdings=pd.DataFrame([{"node": "x", "asset": "ETH", "quantity": 7.0}]))
    assert system_risk(net, moves(0.0, eth=-0.5), level=0.5).loc["direct_loss", "es"] == pytest.approx(
        250.0 + 35.0
    )


def test_a_family_draws_the_scenarios_of_a_comparison():
    family = ct.PriceShocks.normal({"BTC": 0.1, "ETH": 0.2})
    drawn = family.draw(["BTC", "ETH"], 50, 9)
    by_family = account_risk(two_traders(), family, n=50, seed=9)
    pd.testing.assert_frame_equal(by_family, account_risk(two_traders(), drawn))


@pytest.mark.parametrize("function", [account_risk, fund_risk, system_risk])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"level": 1.0}, ValueRangeError, "level"),
        ({"confidence": 0.0}, ValueRangeError, "confidence"),
        ({"n": 0}, ValueRangeError, "n:"),
        ({"seed": -1}, ValueRangeError, "seed"),
        ({"horizon": 0.0}, ValueRangeError, "horizon"),
        ({"scenarios": 7}, SchemaError, "draws no returns"),
        ({"scenarios": pd.DataFrame({"BTC": [0.1]})}, SchemaError, "no column for the asset 'ETH'"),
        ({"scenarios": moves()}, ValueRangeError, "no rows"),
        (
            {"scenarios": pd.DataFrame({"BTC": [np.nan], "ETH": [0.0]})},
            ValueRangeError,
            "row 1, column 'BTC'",
        ),
        ({"scenarios": pd.DataFrame({"BTC": ["a"], "ETH": [0.0]})}, SchemaError, "column 'BTC'"),
    ],
)
def test_bad_input_is_refused_by_name(function, arguments, error, words):
    with pytest.raises(error, match=words):
        function(two_traders(), **arguments)


@pytest.mark.parametrize("accounts", [["axx"], [], ["ax", "ax"]])
def test_accounts_must_be_different_names_of_the_network(accounts):
    with pytest.raises(SchemaError, match="accounts"):
        account_risk(two_traders(), moves(0.1), accounts=accounts)


def test_a_network_without_accounts_owes_nothing():
    net = ct.Network(nodes=[{"name": "A"}])
    assert account_risk(net).empty and fund_risk(net).empty
    assert system_risk(net)["es"].tolist() == [0.0, 0.0, 0.0]
