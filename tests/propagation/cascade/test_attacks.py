"""Attacks on a price, followed by hand: what triggers, what is gained, what never pays, what is refused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contagion as ct
from contagion.errors import NetworkError, TooLargeError
from contagion.results import Run
from tests.propagation.cascade.small import LOT, OPENING, Holder, Rules, play, small_net

PAIR = {"long": Holder({"M": 16.0}, 16.0 * 124.0), "short": Holder({"M": -16.0}, 1e5)}
"""The long is liquidated below a mark of 960: 124 + 960 - 1024 = 960 / 16 a unit."""


def spot_net(
    holders: Mapping[str, Holder] = PAIR, mark: str = "index", more: tuple[str, ...] = (), **rules: Any
) -> ct.Network:
    """A perp `M` and a spot market `S` on X, and more of them; selling u units lowers a price by u / 1024."""
    names = ["M", "S", *more]
    net = small_net(holders, Rules(market=rules), dict.fromkeys(names, "X"))
    kinds = ["perp", *["spot"] * (len(names) - 1)]
    markets = net.markets.assign(kind=kinds, schedule=["s", *[""] * (len(names) - 1)])
    depth = net.depth.assign(amount=OPENING * 1024.0 * 2.0**-6)
    return net.replace(markets=markets, depth=depth, venues=net.venues.assign(mark=mark))


def attack(units: float, **terms: Any) -> ct.Attack:
    """An attack on X with so many coins."""
    return ct.Attack("X", units * OPENING, **terms)


def trades(run: Run) -> list[tuple[float, str, float, float]]:
    """Time, market, units (negative: sold) and price of what the attacker does."""
    found = run.events[run.events["kind"] == "attack"]
    return list(zip(found["time"], found["market"], found["lots"] * LOT, found["price"], strict=True))


class TestTrigger:
    def test_the_money_that_reaches_the_first_liquidation_price_triggers_it_and_one_lot_less_does_not(self):
        net = spot_net()
        assert play(net, shock=attack(64.0)).metrics["liquidated_accounts"] == 0.0
        run = play(net, shock=attack(64.0 + LOT))
        assert run.accounts.loc["long", "first_trigger"] == 20.0
        assert run.metrics["liquidated_notional"] == pytest.approx(16.0 * 1016.0)

    def test_a_squeeze_triggers_the_shorts(self):
        holders = {"long": Holder({"M": 16.0}, 1e5), "short": Holder({"M": -16.0}, 16.0 * 132.0)}
        # 132 + 1024 - p < p / 16 above p = 1088
        assert play(spot_net(holders), shock=attack(64.0, side="buy")).metrics["liquidated_accounts"] == 0.0
        run = play(spot_net(holders), shock=attack(64.0 + LOT, side="buy"))
        assert run.metrics["liquidated_notional_short"] > 0.0

    def test_it_adds_to_a_fall_outside(self):
        net, fall = spot_net(), ct.PriceShock({"X": -1.0 / 32.0}, over=0)
        assert play(net, shock=fall).metrics["liquidated_accounts"] == 0.0
        assert play(net, shock=fall + attack(48.0)).metrics["liquidated_accounts"] == 1.0


class TestProfit:
    def test_a_raid_earns_on_its_position_what_the_mark_has_fallen(self):
        run = play(spot_net(), shock=attack(64.0, buy_back=40.0, position={"M": -8.0 * OPENING}))
        assert trades(run) == [(10.0, "S", -64.0, 992.0), (40.0, "S", 64.0, 992.0)]
        found = run.metrics[["attack_received", "attack_spent", "attack_profit"]]
        assert found.tolist() == [64.0 * 992.0, 64.0 * 992.0, 8.0 * 64.0]

    def test_what_was_traded_of_the_budget_is_told_at_opening_prices_and_not_what_is_traded_back(self):
        run = play(spot_net(), shock=attack(64.0, buy_back=40.0))
        assert run.metrics["attack_traded"] == 64.0 * OPENING
        assert play(spot_net(), shock=attack(64.0, side="buy")).metrics["attack_traded"] == 64.0 * OPENING
        banded = play(spot_net(), ct.PriceBand(below=0.02), shock=attack(64.0, over=0.0, buy_back=40.0))
        part = banded.metrics["attack_traded"]
        assert 0.0 < part < 64.0 * OPENING
        sold = sum(-units for _, _, units, _ in trades(banded) if units < 0.0)
        assert part == sold * OPENING

    def test_he_stands_outside_in_the_graph_and_hits_the_market_with_all_that_he_trades_there(self):
        graph = play(spot_net(), shock=attack(64.0, buy_back=40.0)).contagion_graph()
        told = graph.get_edge_data("outside", "market:S", "attack")
        assert (told["weight"], told["channel"]) == (2.0 * 64.0 * 992.0, "attack")

    def test_coins_still_owed_are_valued_at_the_outside_price(self):
        run = play(spot_net(), shock=attack(64.0, position={"M": -8.0 * OPENING}))
        assert run.metrics["attack_profit"] == 64.0 * 992.0 - 64.0 * 1024.0 + 8.0 * 64.0
        squeeze = play(spot_net(), shock=attack(64.0, side="buy"))
        assert squeeze.metrics["attack_profit"] == -64.0 * 1056.0 + 64.0 * 1024.0

    def test_the_forced_sales_that_follow_are_part_of_the_gain(self):
        holders = {**PAIR, "long": Holder({"M": 16.0}, 16.0 * 86.5)}  # liquidated below 1000
        run = play(
            spot_net(holders, mark="weighted"), shock=attack(64.0, buy_back=40.0, position=8.0 * OPENING)
        )
        # the mark halves the way: 992 after the push, 984 once 16 units are sold at 1008 at last
        assert run.metrics["liquidated_accounts"] == 1.0
        assert run.metrics["attack_profit"] == 8.0 * 40.0

    def test_who_sells_ahead_of_a_forced_sale_and_buys_back_after_it_earns_without_a_position(self):
        holders = {
            "borrower": Holder({}, -60.0 * 1000.0),
            "long": Holder({"M": 1.0}, 1e4),
            "short": Holder({"M": -1.0}, 1e4),
        }
        net = spot_net(holders)
        coins = [{"account": "borrower", "asset": "X", "quantity": 64.0}]
        weight = [{"venue": "V", "asset": "X", "weight": 15.0 / 16.0}]
        net = net.replace(balances=[*net.balances.to_dict("records"), *coins], collateral=weight)
        assert play(net, shock=attack(16.0)).metrics["liquidated_accounts"] == 0.0
        # 64 coins owing 60,000 must be sold below 1000, and are, between 992 and 928
        run = play(net, shock=attack(32.0, buy_back=30.0))
        assert trades(run) == [(10.0, "S", -32.0, 1008.0), (30.0, "S", 32.0, 944.0)]
        assert run.metrics["attack_profit"] == 32.0 * (1008.0 - 944.0)

    def test_fees_of_the_market_are_paid_and_kept_by_its_provider(self):
        run = play(spot_net(fee=2.0**-6), shock=attack(64.0, buy_back=40.0))
        fee = 64.0 * 992.0 * 2.0**-6
        assert run.metrics["attack_profit"] == -2.0 * fee
        assert run.metrics["forced_cost"] == 0.0
        paid = run.ledger[(run.ledger["kind"] == "fee") & (run.ledger["account"] == "provider:S")]
        assert (paid["amount"] / run.ledger["amount"].abs().max()).sum() == pytest.approx(
            2.0 * fee / 63_488.0
        )

    def test_a_position_of_a_number_is_short_in_the_deepest_perp_for_a_raid_and_long_for_a_squeeze(self):
        for side, sign in (("sell", -1.0), ("buy", 1.0)):
            number = play(spot_net(), shock=attack(32.0, side=side, position=4096.0))
            named = play(spot_net(), shock=attack(32.0, side=side, position={"M": sign * 4096.0}))
            assert number.metrics["attack_profit"] == named.metrics["attack_profit"]


class TestPace:
    def test_equal_slices_and_nothing_before_the_start(self):
        run = play(spot_net(), shock=attack(64.0, start=10.0, over=40.0, buy_back=60.0, return_over=20.0))
        times = [(time, units) for time, _, units, _ in trades(run)]
        assert times == [
            (20.0, -16.0),
            (30.0, -16.0),
            (40.0, -16.0),
            (50.0, -16.0),
            (70.0, 32.0),
            (80.0, 32.0),
        ]

    def test_slices_of_times_that_are_no_whole_rounds_end_in_time(self):
        run = ct.run(spot_net(), attack(64.0, over=0.3), ct.Cascade(step=0.1, horizon=1.0))
        times = [time for time, _, _, _ in trades(run)]
        assert times == pytest.approx([0.1, 0.2, 0.3], abs=1e-12)

    def test_what_a_price_limit_holds_back_waits_and_is_given_up_at_the_return(self):
        band = ct.PriceBand(below=2.0**-5, above=0.5, reference="mark")
        run = play(spot_net(), band, shock=attack(128.0, buy_back=30.0))
        found = trades(run)
        assert [time for time, *_ in found] == [10.0, 20.0, 30.0]
        sold = sum(units for _, _, units, _ in found[:2])
        assert found[2][2] == -sold < 128.0
        assert run.metrics["attack_profit"] == pytest.approx(0.0, abs=1e-5)

    def test_a_halted_market_takes_nothing(self):
        run = play(spot_net(), shock=attack(64.0) + ct.Outage("V", start=0.0, length=40.0))
        assert [time for time, *_ in trades(run)] == [40.0]

    def test_a_run_goes_on_for_as_long_as_trades_are_to_come(self):
        run = play(spot_net(), shock=attack(8.0, buy_back=400.0, return_over=100.0))
        assert trades(run)[-1][0] == 500.0
        with pytest.raises(ct.errors.ValueRangeError, match="goes on after the last round"):
            play(spot_net(), shock=attack(8.0, buy_back=400.0, return_over=300.0))

    def test_the_return_never_shares_a_round_with_the_last_slice(self):
        run = play(spot_net(), shock=attack(8.0, buy_back=5.0))
        assert [time for time, *_ in trades(run)] == [10.0, 20.0]

    def test_coins_are_split_by_what_rests_in_each_market_of_the_index_or_in_those_named(self):
        net = spot_net(more=("T",))
        net = net.replace(
            depth=net.depth.assign(amount=net.depth["amount"].where(net.depth["market"] != "T", 3.0 * 2**10))
        )
        run = play(net, shock=attack(38.0))
        assert {market: units for _, market, units, _ in trades(run)} == {"S": -32.0, "T": -6.0}
        run = play(net, shock=attack(38.0, markets=["T"]))
        assert {market: units for _, market, units, _ in trades(run)} == {"T": -38.0}

    def test_in_the_timeless_limit_it_is_one_gap_without_return(self):
        run = ct.run(spot_net(), attack(72.0, over=60.0, buy_back=100.0), ct.Cascade.static())
        assert [units for _, _, units, _ in trades(run)] == [-72.0]
        assert run.metrics["liquidated_accounts"] == 1.0


class TestNothing:
    def test_an_attack_without_money_changes_no_bit_but_the_gain_of_its_position(self):
        gap = ct.PriceShock({"X": -0.25}, over=0)
        plain = play(spot_net(), shock=gap)
        for nothing in (ct.Attack("X", 0.0), 0 * attack(8.0)):
            found = play(spot_net(), shock=gap + nothing)
            pd.testing.assert_series_equal(plain.metrics, found.metrics)
            pd.testing.assert_frame_equal(plain.ledger, found.ledger)
            pd.testing.assert_frame_equal(plain.paths, found.paths)
        held = play(spot_net(), shock=gap + ct.Attack("X", 0.0, buy_back=5e3, position=4.0 * OPENING))
        assert held.metrics["attack_profit"] == 4.0 * 256.0
        pd.testing.assert_frame_equal(plain.ledger, held.ledger)
        pd.testing.assert_frame_equal(plain.paths, held.paths)

    def test_without_attack_its_metrics_are_nothing(self):
        found = play(spot_net()).metrics
        assert not found[["attack_spent", "attack_received", "attack_profit"]].any()

    def test_money_and_coins_come_from_outside_and_balance(self):
        run = play(spot_net(fee=2.0**-9), shock=attack(64.0, over=30.0, buy_back=60.0))
        sums = run.ledger.groupby(["round", "instrument"])["amount"].sum()
        assert not sums.any()
        theirs = run.ledger[run.ledger["account"] == "outside"].groupby("instrument")["amount"].sum()
        assert theirs["holding:X"] == 0
        assert theirs["money"] * LOT == pytest.approx(run.metrics["attack_profit"])


@given(
    units=st.floats(1.0, 500.0),
    over=st.sampled_from([0.0, 40.0, 90.0]),
    wait=st.floats(0.0, 200.0),
    return_over=st.sampled_from([0.0, 40.0, 120.0]),
    half_life=st.sampled_from([np.nan, 15.0, 60.0, 300.0]),
    permanent=st.integers(0, 64).map(lambda part: part / 64.0),
    side=st.sampled_from(["sell", "buy"]),
)
def test_a_round_trip_that_liquidates_nobody_never_pays(
    units, over, wait, return_over, half_life, permanent, side
):
    # Alfonsi, Fruth and Schied (2010): exponential impact whose volume recovers admits no profitable round trip
    holders = {"long": Holder({"M": 1.0}, 1e4), "short": Holder({"M": -1.0}, 1e4)}
    net = spot_net(holders, impact="exponential", impact_half_life=half_life, permanent_share=permanent)
    shock = attack(units, over=over, buy_back=over + wait, return_over=return_over, side=side)
    run = play(net, shock=shock)
    assert run.metrics["liquidated_accounts"] == 0.0
    assert run.metrics["attack_spent"] > 0.0 < run.metrics["attack_received"]
    assert run.metrics["attack_profit"] <= 40 * 2.0**-20  # money is rounded to quanta, trade by trade


class TestRefused:
    def test_an_asset_without_an_index(self):
        with pytest.raises(NetworkError, match=r"Attack\.asset.*'X' has no spot market in its index"):
            play(small_net(PAIR), shock=ct.Attack("X", 1.0))

    def test_a_market_that_is_no_spot_market_of_the_asset(self):
        with pytest.raises(NetworkError, match=r"Attack\.markets.*'M' is no spot market of X.*S"):
            play(spot_net(), shock=ct.Attack("X", 1.0, markets=["M"]))

    def test_a_misspelt_market_with_the_nearest_one(self):
        net = spot_net(more=("SPOT",))
        with pytest.raises(NetworkError, match=r"Attack\.markets.*did you mean 'SPOT'"):
            play(net, shock=ct.Attack("X", 1.0, markets=["SPOTT"]))
        with pytest.raises(NetworkError, match=r"Attack\.position.*is no market"):
            play(net, shock=ct.Attack("X", 1.0, position={"N": 1.0}))

    def test_more_than_can_be_counted(self):
        with pytest.raises(TooLargeError, match=r"Attack\.budget"):
            play(spot_net(), shock=ct.Attack("X", 1e15))

    def test_by_models_of_balance_sheets(self):
        net = spot_net().replace(obligations=[{"debtor": "long", "creditor": "short", "amount": 1.0}])
        with pytest.raises(NetworkError, match="attacks on a price"):
            ct.run(net, ct.Attack("X", 1.0), ct.Clearing())
