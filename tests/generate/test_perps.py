"""Tests of the made market: facts met, positions net to zero, everybody healthy, assumptions obeyed."""

import numpy as np
import pandas as pd
import pytest

from contagion import facts
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate import perp_market
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement


@pytest.fixture(scope="module")
def net():
    return perp_market(5_000, seed=3)


def legs(net):
    """Positions with venue, asset, owner and money of the whole row."""
    held = net.positions.join(net.accounts[["owner", "venue", "count"]], on="account")
    held["asset"] = net.markets["asset"].reindex(held["market"]).to_numpy()
    price = net.assets["price"].reindex(held["asset"]).to_numpy()
    return held.assign(money=held["quantity"] * held["count"] * price)


def leverage(net):
    money = (
        legs(net)
        .assign(money=lambda held: held["money"].abs() / held["count"])
        .groupby("account")["money"]
        .sum()
    )
    return money / opening_account_equity(net).reindex(money.index)


def test_there_are_four_venues_with_six_perps_each_and_two_with_spot(net):
    kinds = net.markets.groupby(["venue", "kind"]).size().unstack(fill_value=0)
    assert kinds["perp"].tolist() == [6, 6, 6, 6]
    assert sorted(kinds["spot"]) == [0, 0, 6, 6]
    assert len(net.accounts) == 5_000


def test_nothing_is_to_be_found_and_nobody_is_near_a_call(net):
    assert net.check().empty
    equity, required = opening_account_equity(net), opening_requirement(net)
    ratio = net.venues["call_ratio"].reindex(net.accounts["venue"]).to_numpy()
    assert (equity >= 1.04 * ratio * required).all()
    assert (equity >= 2.49 * required).all()


def test_positions_net_to_exactly_zero_lots_in_every_market(net):
    lot = net.markets["lot"].reindex(net.positions["market"]).to_numpy()
    lots = net.positions["quantity"].to_numpy() / lot
    assert (lots == np.rint(lots)).all()
    whole = lots.astype(np.int64) * net.accounts["count"].reindex(net.positions["account"]).to_numpy()
    total = pd.Series(whole).groupby(net.positions["market"].to_numpy()).sum()
    assert len(total) == 24
    assert (total == 0).all()


def test_a_lot_is_a_power_of_two(net):
    mantissa, _ = np.frexp(net.markets["lot"].to_numpy())
    assert (mantissa == 0.5).all()


def test_open_interest_is_split_as_the_facts_say(net):
    held = legs(net)
    longs = held[held["money"] > 0]
    by_venue, by_asset = longs.groupby("venue")["money"].sum(), longs.groupby("asset")["money"].sum()
    for row in facts.values("open_interest", "open_interest").itertuples():
        assert by_venue[row.venue] == pytest.approx(row.value, rel=1e-6)
    for row in facts.values("open_interest", "asset_share").itertuples():
        assert by_asset[row.asset] / by_asset.sum() == pytest.approx(row.value, rel=1e-6)


def test_shorts_are_split_between_speculators_basis_traders_and_makers(net):
    held = legs(net)
    kind = held["owner"].str.split("-").str[0]
    shorts = held[held["money"] < 0].groupby(kind)["money"].sum()
    share = shorts / shorts.sum()
    assert share["trader"] == pytest.approx(0.25, rel=1e-6)
    assert share["basis"] == pytest.approx(0.30, rel=1e-6)
    assert share["maker"] == pytest.approx(0.45, rel=1e-6)


def test_no_account_passes_the_leverage_or_the_cap_of_its_tiers(net):
    held = legs(net).assign(each=lambda rows: rows["money"].abs() / rows["count"])
    held["schedule"] = net.markets["schedule"].reindex(held["market"]).to_numpy()
    used = 0.0
    for schedule, rows in held.groupby("schedule"):
        tiers = net.tiers[net.tiers["schedule"] == schedule].sort_values("floor")
        place = np.searchsorted(tiers["floor"].to_numpy(), rows["each"].to_numpy(), side="left") - 1
        used = pd.Series(
            rows["each"].to_numpy() * tiers["initial_rate"].to_numpy()[place], rows["account"]
        ).add(used, fill_value=0.0)
        cap = tiers["cap"].iloc[-1]
        assert np.isnan(cap) or (rows["each"] <= cap).all()
    initial = used.groupby(level=0).sum()
    assert (initial <= 0.8001 * opening_account_equity(net).reindex(initial.index)).all()


def test_profits_at_the_opening_add_up_to_zero_in_every_market(net):
    held = legs(net)
    profit = held["money"] - held["quantity"] * held["count"] * held["entry_price"]
    assert (
        profit.groupby(held["market"]).sum().abs() < 1e-6 * held.groupby("market")["money"].apply(np.ptp)
    ).all()
    assert profit.abs().max() > 0


def test_every_institution_and_venue_opens_with_positive_equity(net):
    equity = opening_equity(net)
    assert (equity[net.nodes["kind"] != "trader"] > 0).all()
    assert (net.venues["insurance_fund"] > 0).all()
    assert (net.nodes["cash"] >= 0).all()


def test_lenders_and_makers_are_as_thin_as_assumed(net):
    equity = opening_equity(net)
    lenders, makers = equity.index.str.startswith("lender-"), equity.index.str.startswith("maker-")
    claims = net.obligations.groupby("creditor")["amount"].sum()
    owed = net.obligations.groupby("debtor")["amount"].sum()
    assert (equity[lenders] / claims).dropna().to_numpy() == pytest.approx(0.06, rel=1e-6)
    assert (equity[makers] / owed).dropna().to_numpy() == pytest.approx(0.10, rel=1e-6)
    assert lenders.sum() == 10
    assert makers.sum() == 40


def test_basis_traders_hold_the_coins_they_are_short(net):
    basis = net.strategies[net.strategies["kind"] == "basis"]
    held = net.holdings.set_index(["node", "asset"])["quantity"]
    short = (
        legs(net)
        .assign(units=lambda rows: -rows["quantity"] * rows["count"])
        .set_index(["account", "asset"])["units"]
    )
    assert len(basis) == 360
    for row in basis.itertuples():
        assert held[row.spot_node, row.asset] == short[row.short_account, row.asset]


def test_arbitrage_accounts_are_flat_and_stand_at_two_venues(net):
    arbitrage = net.strategies[(net.strategies["kind"] == "arbitrage") & (net.strategies["spot_node"] == "")]
    venue = net.accounts["venue"]
    assert (venue[arbitrage["long_account"]].to_numpy() != venue[arbitrage["short_account"]].to_numpy()).all()
    assert not net.positions["account"].str.startswith("arbitrage").any()
    assert (arbitrage["capital"] > 0).all()


def test_isolated_accounts_and_long_speculators_have_the_assumed_shares():
    net = perp_market(20_000, seed=5)
    speculators = net.accounts[net.accounts["owner"].str.startswith("trader-")]
    assert (speculators["mode"] == "cross").mean() == pytest.approx(0.65, abs=0.02)
    held = legs(net)
    single = held[held["account"].isin(speculators.index[speculators["mode"] == "isolated"])]
    assert (single["money"] > 0).mean() == pytest.approx(0.62, abs=0.02)
    cash = net.nodes["cash"].reindex(speculators["owner"]).to_numpy()
    assert (cash == 0).mean() == pytest.approx(0.35, abs=0.02)


def test_the_market_is_the_same_with_few_rows_and_many():
    thresholds = np.array([3.0, 5.0, 10.0])

    def shares(n):
        net = perp_market(n, seed=1)
        held = legs(net)
        longs = held[held["money"] > 0].groupby("account")["money"].sum()
        own = leverage(net).reindex(longs.index)
        return np.array([longs[own > x].sum() / longs.sum() for x in thresholds]), net.accounts["count"].sum()

    few, accounts_few = shares(4_000)
    many, accounts_many = shares(40_000)
    assert np.abs(few - many).max() < 0.06
    assert accounts_few == pytest.approx(accounts_many, rel=0.1)


def test_wanted_shares_above_leverages_are_reached():
    wanted = {3: 0.55, 5: 0.35, 10: 0.15, 20: 0.04}
    net = perp_market(10_000, seed=2, leverage_shares=wanted)
    held = legs(net)
    longs = held[held["money"] > 0].groupby("account")["money"].sum()
    own = leverage(net).reindex(longs.index)
    for threshold, share in wanted.items():
        assert longs[own > threshold].sum() / longs.sum() == pytest.approx(share, abs=0.006)
    assert net.check().empty


def test_more_leverage_and_less_open_interest_are_obeyed():
    low, high = (
        leverage(perp_market(2_000, seed=4, leverage_median=median)).median() for median in (3.0, 8.0)
    )
    assert high > 1.5 * low
    small = perp_market(2_000, seed=4, open_interest=9.9e9)
    assert legs(small)["money"].clip(lower=0).sum() == pytest.approx(9.9e9, rel=1e-6)
    assert small.check().empty


def test_coins_that_move_more_are_held_with_less_leverage():
    def of_volatility(elasticity):
        made = perp_market(10_000, seed=6, volatility_elasticity=elasticity)
        held = legs(made).query("owner.str.startswith('trader') and money > 0")
        own = held.assign(leverage=leverage(made).reindex(held["account"]).to_numpy())
        equity = (own["money"] / own["leverage"]).groupby(own["asset"]).sum()
        usual = own.groupby("asset")["money"].sum() / equity
        return usual["DOGE"] / usual["BTC"]

    assert of_volatility(-0.7) < 0.9
    assert of_volatility(0.0) == pytest.approx(1.0, abs=0.15)


def test_the_defaults_of_the_signature_are_those_of_the_facts(net):
    assert facts.number("population", "leverage_median") == 5.0
    same = perp_market(5_000, seed=3, leverage_median=5.0, speculators_long=0.62)
    assert same.fingerprint == net.fingerprint


def test_same_seed_same_bits_and_global_random_state_is_left_alone(net):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert perp_market(5_000, seed=3).fingerprint == net.fingerprint
    assert perp_market(5_000, seed=4).fingerprint != net.fingerprint
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_market_is_whole(seed):
    net = perp_market(300, seed=seed)
    assert len(net.accounts) == 300
    assert net.check().empty


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ValueRangeError, "n_accounts: 100 is too few; at least 292", {"n_accounts": 100}),
        (TooLargeError, "n_accounts: 10000000 is too large", {"n_accounts": 10_000_000}),
        (SchemaError, "n_accounts: 1000.0 is no whole number", {"n_accounts": 1000.0}),
        (SchemaError, "did you mean 'leverage_sd'", {"leverage_ds": 1.0}),
        (SchemaError, "makers: '40' is no number", {"makers": "40"}),
        (ValueRangeError, "makers: 1 is too few", {"makers": 1}),
        (ValueRangeError, "speculators_long: 1.5 is no share", {"speculators_long": 1.5}),
        (ValueRangeError, "size_sd: nan is not finite", {"size_sd": float("nan")}),
        (ValueRangeError, "leverage_median: 0.0 is too small", {"leverage_median": 0.0}),
        (ValueRangeError, "open_interest: -1.0 is out of range", {"open_interest": -1.0}),
        (SchemaError, "open_interest: '9' is no number", {"open_interest": "9"}),
        (SchemaError, "leverage_shares: 0.5 is no mapping", {"leverage_shares": 0.5}),
        (SchemaError, "leverage_shares: 'x' is no number", {"leverage_shares": {3: "x"}}),
        (ValueRangeError, "does not fall", {"leverage_shares": {3: 0.2, 5: 0.4}}),
        (ValueRangeError, "leverage not above 1", {"leverage_shares": {0.5: 0.2}}),
        (ValueRangeError, "cannot be reached", {"leverage_shares": {50: 0.9}}),
        (ValueRangeError, "seed: -1 is negative", {"seed": -1}),
    ],
)
def test_bad_arguments_are_refused(error, message, arguments):
    with pytest.raises(error, match=message):
        perp_market(**{"n_accounts": 1_000, **arguments})
