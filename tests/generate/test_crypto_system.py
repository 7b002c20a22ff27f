"""Tests of the made crypto system: the creditor network of June 2022 is the published one, and who fails with it."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion import datasets, facts
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate import crypto_system
from contagion.markets.options import black_scholes
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement
from contagion.propagation.cascade import codes

CLAIMS = {  # USD; Teneo filing via The Block, protocol.com, getblock.net
    "Genesis": 1.2e9,
    "Celsius": 75e6,
    "Equities First": 162e6,
    "FalconX": 65e6,
    "Deribit owner": 51e6,
    "CoinList": 35e6,
}
PUBLISHED = {
    "3ac_total_debt": 3.5e9,
    "3ac_creditors": 27,
    "3ac_genesis_loan": 2.36e9,
    "3ac_genesis_net_claim_after_collateral": 1.2e9,
    "3ac_voyager_claim_btc": 15_250,
    "3ac_voyager_claim_usdc": 350e6,
    "3ac_claim_of_celsius": 75e6,
    "3ac_claim_of_equities_first": 162e6,
    "3ac_claim_of_falconx": 65e6,
    "3ac_claim_of_deribit_owner": 51e6,
    "3ac_claim_of_coinlist": 35e6,
    "celsius_steth": 409_200,
}
MODEL = ct.Cascade(step=7200, horizon=14 * 86_400)
JUNE = datasets.scenario("june-2022")


@pytest.fixture(scope="module")
def net():
    return crypto_system(100, seed=3)


def failed(net, shock=JUNE):
    events = ct.run(net, shock, MODEL, seed=7).events
    return set(events.loc[events["kind"] == "node_default", "node"])


def owed_by_three_arrows(net):
    rows = net.obligations[net.obligations["debtor"] == "3AC"]
    return rows.set_index("creditor")["amount"]


def test_the_facts_are_the_published_ones_and_those_of_the_table_of_events():
    table = facts.load("crypto_system").query("status == 'fact'").set_index("name")
    assert table["value"].to_dict() == PUBLISHED
    events = facts.load("events").query("event == '2022-06-10'").set_index("name")
    same = ["value", "unit", "low", "high", "source"]
    pd.testing.assert_frame_equal(table[same], events.loc[table.index, same], check_names=False)


def test_three_arrows_owes_what_was_filed_to_twenty_seven_creditors(net):
    claims = owed_by_three_arrows(net)
    for name, money in CLAIMS.items():
        assert claims[name] == money
    assert claims["Voyager"] == pytest.approx(15_250 * 20_476.279 + 350e6)
    assert len(claims) == 27
    secured = net.balances.set_index(["account", "asset"])["quantity"]["3AC@Genesis loan book", "USD"]
    assert -secured == 2.36e9 - 1.2e9
    assert claims.sum() - secured == pytest.approx(3.5e9, rel=1e-12)


def test_every_fact_and_every_opening_price_is_read_back():
    net = datasets.load("crypto-system")
    assert datasets.tables_behind(net) == facts.CRYPTO_SYSTEM
    checked = datasets.check_facts(net)
    assert len(checked) == len(PUBLISHED) + 3
    assert checked["error"].abs().max() < 1e-12
    doubled = net.replace(obligations=net.obligations.assign(amount=2.0 * net.obligations["amount"]))
    assert (datasets.check_facts(doubled)["error"].abs() > 0.1).sum() == len(PUBLISHED) - 2
    unstaked = net.balances[net.balances["account"] != "Celsius@lending protocol"]
    assert (datasets.check_facts(net.replace(balances=unstaked))["error"] == np.inf).sum() == 1


def test_everybody_is_solvent_and_nobody_is_called_before_the_shock(net):
    assert (net.check()["severity"] == "note").all()
    equity = opening_equity(net)
    assert (equity >= 0.0).all()
    settings = facts.load("crypto_system").set_index("name")["value"]
    assert equity["3AC"] == pytest.approx(settings["arrows_equity"] * 3.5e9)
    assert equity["Voyager"] == pytest.approx(settings["voyager_equity"])
    assert equity["Celsius"] == pytest.approx(settings["celsius_equity"])
    assert equity["Genesis"] == pytest.approx(settings["genesis_equity"] + settings["parent_support"])
    ratio = net.venues["call_ratio"].reindex(net.accounts["venue"]).to_numpy()
    answers = (net.accounts["reaction"] != "none").to_numpy()
    room = opening_account_equity(net).to_numpy() - ratio * opening_requirement(net).to_numpy()
    assert (room[answers] > 0.0).all()


def test_tokens_are_backed_one_for_one_and_markets_net_to_zero(net):
    count = net.accounts["count"].reindex(net.balances["account"]).to_numpy()
    pledged = (net.balances["quantity"] * count).groupby(net.balances["asset"]).sum()
    held = net.holdings.groupby("asset")["quantity"].sum()
    backing = net.holdings.set_index(["node", "asset"])["quantity"]
    assert backing["vault", "stETH"] == held["vault share"]
    assert backing["staking protocol", "ETH"] == pledged["stETH"] + held["stETH"]
    assert net.nodes["external_assets"]["dollar issuer"] == pledged["dollar token"] + held["dollar token"]
    units = net.positions["quantity"] * net.accounts["count"].reindex(net.positions["account"]).to_numpy()
    assert (units.groupby(net.positions["market"]).sum() == 0.0).all()


def test_the_scenario_is_the_recorded_fall_with_the_discount_of_staked_ether_on_its_own(net):
    moves = np.exp(datasets.scenario("june-2022 prices").log_returns(["BTC", "ETH", "stETH"]))
    assert moves[0] == pytest.approx(17_722.149 / 31_567.156)
    assert moves[1] == pytest.approx(896.08466 / 1_911.3558)
    assert moves[1] * moves[2] == pytest.approx(836.80855 / 1_869.4261)
    assert net.assets["reference"].to_dict()["stETH"] == "ETH"
    with pytest.raises(SchemaError, match="june-2022"):
        datasets.scenario("june 2022")


def test_the_dealer_opens_with_the_delta_of_his_puts_and_hedges_it_while_prices_fall(net):
    units = net.positions.set_index(["account", "market"])["quantity"]
    years = 2_160_000 / (365 * 86_400)
    for asset in ("BTC", "ETH"):
        put = net.markets.loc[f"options exchange:{asset}-PUT"]
        written = -units["option dealer@options exchange", put.name]
        delta = black_scholes(
            "put", net.assets["price"][asset], put["strike"], years, put["implied_volatility"]
        ).delta
        short = -units["option dealer@exchange-a", f"exchange-a:{asset}-PERP"]
        assert short == pytest.approx(-float(delta) * written, rel=1e-6)
    day = ct.run(net, ct.PriceShock({"ETH": -0.1}, over=0), ct.Cascade(step=600, horizon=1800), seed=7)
    hedges = day.events[day.events["kind"] == "delta_hedge"]
    assert (hedges["lots"] < 0.0).any()
    assert set(hedges["node"]) == {"option dealer"}


def test_the_same_seed_gives_the_same_bits_and_no_seed_changes_the_creditors(net):
    assert crypto_system(100, seed=3).fingerprint == net.fingerprint
    other = crypto_system(100, seed=4)
    assert other.fingerprint != net.fingerprint
    assert owed_by_three_arrows(other).equals(owed_by_three_arrows(net))


def test_without_a_shock_nothing_happens_but_that_options_age(net):
    run = ct.run(net, ct.PriceShock({"ETH": 0.0}), ct.Cascade(step=7200, horizon=43_200), seed=7)
    assert set(run.events["kind"]) <= {"delta_hedge"}
    assert run.metrics[["liquidated_notional", "margin_called", "node_defaults", "bad_debt"]].eq(0.0).all()


def test_a_placebo_changes_nothing_at_all(net):
    model = ct.Cascade(step=86_400, horizon=14 * 86_400)
    found = ct.compare(net, JUNE, model, policies={}, n=2, seed=7).effects("system_loss")
    assert found.loc["placebo", ["difference", "low", "high"]].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("shock", [datasets.scenario("june-2022 prices"), JUNE])
def test_a_halt_of_all_markets_changes_nothing_in_the_timeless_limit(net, shock):
    """Hedgers of options wait for 300 rounds, and trade then what they would have traded at once."""
    static = ct.Cascade.static()
    free, halted = (
        static.prepare(net, policies).simulate(shock) for policies in ([], [ct.Halt(scope="all")])
    )
    for name in ("quantity", "cash", "node_cash", "holding", "deficit", "liquidated"):
        assert np.array_equal(getattr(free, name), getattr(halted, name)), name
    assert halted.clock["round"][0] > free.clock["round"][0] + 300
    assert (free.events["kind"] == codes.EVENT_DELTA_HEDGE).any()


def test_in_june_2022_celsius_and_voyager_fail_and_genesis_does_where_no_parent_pays(net):
    assert failed(net) == {"3AC", "Celsius", "Voyager"}
    assert failed(crypto_system(100, seed=3, parent_support=0)) == {"3AC", "Celsius", "Voyager", "Genesis"}


def test_voyager_fails_below_the_recovery_at_which_its_claim_costs_its_equity(net):
    claim, equity = 15_250 * 20_476.279 + 350e6, 2e8
    for coins in (0.5, 0.6, 0.7, 0.8):
        events = ct.run(crypto_system(100, seed=3, arrows_coins=coins), ct.Default(["3AC"]), MODEL).events
        defaults = events[events["kind"] == "node_default"].set_index("node")
        recovery = float(defaults["price"]["3AC"])
        assert ("Voyager" in defaults.index) == (claim * (1.0 - recovery) > equity)


def test_three_arrows_marked_every_round_would_have_failed_before_its_creditors_lost_much(net):
    events = ct.run(net, datasets.scenario("june-2022 prices"), MODEL, seed=7).events
    first = events[events["kind"] == "node_default"].set_index("node")
    assert first["price"]["3AC"] > 0.97
    assert "Voyager" not in first.index


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"n_accounts": 10}, ValueRangeError),
        ({"n_accounts": 2_000_000}, TooLargeError),
        ({"n_accounts": 200.0}, SchemaError),
        ({"parent_suport": 0.0}, SchemaError),
        ({"second_venue": 1.5}, ValueRangeError),
        ({"arrows_staked": 20e6}, ValueRangeError),
    ],
)
def test_bad_input_is_refused(given, error):
    with pytest.raises(error, match="crypto_system"):
        crypto_system(**given)
