"""Runs, outages, gas, oracles and minted tokens say what they do, add, scale, and stand on the clock of a run."""

import pickle

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, SchemaError, UnitError, ValueRangeError
from contagion.shocks import Attack, Default, GasShock, Mint, OracleShock, Outage, PriceShock, Withdrawal
from contagion.studies import builtins

ASSETS = ["BTC", "ETH", "USD"]
PRICES = [60_000.0, 3_000.0, 1.0]
VENUES = ["aave", "binance"]
TIMES = np.arange(0.0, 61.0, 10.0)
EACH = [
    Withdrawal("binance", 0.3, over=40.0),
    Outage("binance", start=10.0, length=30.0),
    GasShock(10.0, over=20.0, length=20.0),
    OracleShock({"ETH": -0.2}, venue="aave", over=20.0, length=20.0),
    Mint("ETH", 5.0, at=25.0),
    Attack("ETH", 3e4, start=10.0, over=20.0, buy_back=40.0, position={"m": -5e4}),
]


def compiled(shock, times=TIMES):
    return shock.compile(ASSETS, PRICES, ["m"], ["BTC"], times, "USD", VENUES)


class TestWithdrawal:
    def test_the_share_asked_for_grows_linearly_in_time_and_is_exact_at_its_end(self):
        found = compiled(Withdrawal("binance", 0.75, over=40.0))
        assert found.withdrawals[:, 1].tolist() == [0.0, 0.1875, 0.375, 0.5625, 0.75, 0.75, 0.75]
        assert found.withdrawals[:, 0].tolist() == [0.0] * 7
        assert found.end == 40.0

    def test_a_gap_hits_at_round_1(self):
        found = compiled(Withdrawal("aave", 0.5))
        assert found.withdrawals[:, 0].tolist() == [0.0] + [0.5] * 6
        assert found.end == 10.0
        assert Withdrawal("aave", 0.5, over=40.0).gap() == Withdrawal("aave", 0.5)

    def test_two_runs_leave_the_product_of_what_each_leaves(self):
        total = Withdrawal("aave", 0.5) + Withdrawal("aave", 0.5, over=20.0) + Withdrawal("binance", 0.25)
        assert compiled(total).withdrawals[:4].tolist() == [
            [0.0, 0.0],
            [0.625, 0.25],
            [0.75, 0.25],
            [0.75, 0.25],
        ]

    def test_twice_a_run_leaves_the_square(self):
        assert (2 * Withdrawal("aave", 0.5)).share == 0.75
        assert (3 * Withdrawal("aave", 1.0)).share == 1.0
        assert (0 * Withdrawal("aave", 1.0)).share == 0.0
        assert compiled(0 * Withdrawal("aave", 0.5)).end == 0.0

    def test_a_run_turned_round_is_refused(self):
        with pytest.raises(ValueRangeError, match=r"Withdrawal\.share"):
            -1 * Withdrawal("aave", 0.5)

    @pytest.mark.parametrize("share", [-0.1, 1.1, 30, float("nan")])
    def test_a_share_is_between_nothing_and_all(self, share):
        with pytest.raises(ValueRangeError, match=r"Withdrawal\.share"):
            Withdrawal("aave", share)

    def test_its_sentence_names_share_venue_and_time(self):
        assert (
            Withdrawal("FTX", 0.3, over=7200).describe()
            == "withdrawal of 30 % of the balances at FTX over 2 h"
        )


class TestOutage:
    def test_it_lasts_from_its_start_to_before_its_end(self):
        found = compiled(Outage("binance", start=10.0, length=30.0))
        assert found.outage[:, 1].tolist() == [False, True, True, True, False, False, False]
        assert not found.outage[:, 0].any()
        assert found.end == 40.0

    @pytest.mark.parametrize(
        ("start", "length", "rounds"),
        [
            (12.0, 5.0, [1]),
            (0.5, 0.25, [0]),
            (12.0, 50.0, [1, 2, 3, 4, 5, 6]),
            (19.0, 1.0, [1]),
            (55.0, 5.0, [5]),
        ],
    )
    def test_a_venue_is_out_in_every_round_that_the_outage_overlaps(self, start, length, rounds):
        found = compiled(Outage("binance", start, length))
        assert np.flatnonzero(found.outage[:, 1]).tolist() == rounds

    def test_an_outage_of_no_length_between_two_rounds_is_none(self):
        assert not compiled(Outage("binance", 12.0, 0.0)).outage.any()

    def test_ends_on_the_clock_are_met_in_spite_of_rounding(self):
        found = compiled(Outage("binance", start=0.3, length=0.3), np.arange(9) * 0.1)
        assert np.flatnonzero(found.outage[:, 1]).tolist() == [3, 4, 5]

    def test_outages_unite(self):
        total = Outage("binance", 0.0, 10.0) + Outage("binance", 20.0, 10.0) + Outage("aave", 10.0, 10.0)
        assert compiled(total).outage[:4].tolist() == [
            [False, True],
            [True, False],
            [False, True],
            [False, False],
        ]

    def test_twice_an_outage_is_twice_as_long(self):
        assert 2 * Outage("aave", 10.0, 30.0) == Outage("aave", 10.0, 60.0)

    def test_in_one_gap_it_takes_no_time(self):
        assert not compiled(Outage("binance", 10.0, 30.0).gap()).outage.any()

    def test_a_negative_time_is_refused_by_name(self):
        with pytest.raises(ValueRangeError, match=r"Outage\.start"):
            Outage("aave", start=-1.0)
        with pytest.raises(ValueRangeError, match=r"Outage\.length"):
            Outage("aave", length=-1.0)
        with pytest.raises(SchemaError, match=r"Outage\.venue"):
            Outage(3)


class TestGas:
    def test_it_rises_in_log_and_is_back_at_once(self):
        found = compiled(GasShock(16.0, over=20.0, length=20.0))
        assert found.gas.tolist() == [1.0, 4.0, 16.0, 16.0, 1.0, 1.0, 1.0]
        assert found.end == 40.0

    def test_for_good_is_the_default(self):
        assert compiled(GasShock(2.0)).gas.tolist() == [1.0] + [2.0] * 6
        assert compiled(GasShock(1.0)).end == 0.0

    def test_factors_multiply_and_scale_in_log(self):
        assert compiled(GasShock(2.0) + GasShock(3.0)).gas[-1] == 6.0
        assert (2 * GasShock(3.0)).factor == 9.0
        assert (-1 * GasShock(4.0)).factor == 0.25

    @pytest.mark.parametrize("factor", [0.0, -2.0, float("inf")])
    def test_a_factor_is_above_nothing(self, factor):
        with pytest.raises(ValueRangeError, match=r"GasShock\.factor"):
            GasShock(factor)

    def test_a_length_is_above_nothing(self):
        with pytest.raises(ValueRangeError, match=r"GasShock\.length"):
            GasShock(2.0, length=0.0)


class TestOracle:
    def test_only_the_oracle_of_the_venue_errs(self):
        found = compiled(OracleShock({"ETH": -0.75}, venue="aave", over=20.0, length=20.0))
        assert found.oracle[:, 0, 1].tolist() == [1.0, 0.5, 0.25, 0.25, 1.0, 1.0, 1.0]
        assert np.array_equal(found.oracle[:, 1], np.ones((7, 3)))
        assert np.array_equal(found.outside, np.tile(PRICES, (7, 1)))

    def test_without_a_venue_all_oracles_err(self):
        found = compiled(OracleShock({"ETH": -0.5, "BTC": 1.0}))
        assert found.oracle[-1].tolist() == [[2.0, 0.5, 1.0]] * 2

    def test_errors_multiply(self):
        total = OracleShock({"ETH": -0.5}) + OracleShock({"ETH": -0.5}, venue="aave")
        assert compiled(total).oracle[-1, :, 1].tolist() == [0.25, 0.5]

    def test_the_unit_is_always_reported_right(self):
        with pytest.raises(UnitError, match="unit of all money"):
            compiled(OracleShock({"USD": -0.1}))


class TestMint:
    def test_it_happens_in_the_first_round_that_is_not_before_its_time(self):
        assert compiled(Mint("ETH", 5.0)).mint == [(1, "ETH", 5.0)]
        assert compiled(Mint("ETH", 5.0, at=20.0)).mint == [(2, "ETH", 5.0)]
        assert compiled(Mint("ETH", 5.0, at=20.5)).mint == [(3, "ETH", 5.0)]

    def test_several_come_in_the_order_of_time(self):
        total = Mint("ETH", 5.0, at=30.0) + Mint("BTC", 1.0)
        assert compiled(total).mint == [(1, "BTC", 1.0), (3, "ETH", 5.0)]

    def test_twice_a_mint_is_twice_as_much_and_nothing_is_nothing(self):
        assert 2 * Mint("ETH", 5.0) == Mint("ETH", 10.0)
        assert compiled(0 * Mint("ETH", 5.0)).mint == []
        with pytest.raises(ValueRangeError, match=r"Mint\.quantity"):
            -1 * Mint("ETH", 5.0)

    def test_its_sentence_names_quantity_token_and_time(self):
        assert (
            Mint("USX", 2e6, at=60.0).describe() + "; " + Mint("USX", 2.5).describe()
            == "2,000,000 USX minted and sold, from 60 s on; 2.5 USX minted and sold, at once"
        )


class TestAttack:
    def test_it_ends_with_its_last_slice_or_with_the_last_that_is_traded_back(self):
        assert compiled(Attack("ETH", 1.0)).end == 10.0
        assert compiled(Attack("ETH", 1.0, start=10.0, over=20.0)).end == 30.0
        assert compiled(Attack("ETH", 1.0, buy_back=20.0, return_over=30.0)).end == 50.0
        assert compiled(Attack("ETH", 0.0, buy_back=20.0, position=1.0)).end == 0.0

    def test_twice_an_attack_has_twice_the_budget_and_the_same_position(self):
        once = Attack("ETH", 5.0, position={"m": -1.0})
        assert 2 * once == Attack("ETH", 10.0, position={"m": -1.0})
        assert compiled(0 * Attack("ETH", 5.0)).attacks == []
        assert compiled(0 * once).attacks == [Attack("ETH", 0.0, position={"m": -1.0})]
        with pytest.raises(ValueRangeError, match=r"Attack\.budget"):
            -1 * once

    def test_several_add(self):
        one, other = Attack("ETH", 5.0), Attack("BTC", 1.0, side="buy")
        assert compiled(one + PriceShock({"BTC": -0.1}) + other).attacks == [one, other]

    def test_its_sentence_says_what_is_traded_where_and_when(self):
        both = Attack("BTC", 5e7, over=600.0, buy_back=1800.0, return_over=60.0, position=2e8)
        assert (
            both.describe() == "50,000,000 of BTC sold over 10 min, bought back from 30 min on over 60 s, "
            "with a position of 200,000,000"
        )
        squeeze = Attack("BTC", 5.0, markets=["m"], start=30.0, side="buy", position={"m": -2e5})
        assert (
            squeeze.describe() == "5 of BTC bought at m from 30 s on at once, with positions of -200,000 in m"
        )

    @pytest.mark.parametrize(
        ("terms", "error", "where"),
        [
            ({"budget": -1.0}, ValueRangeError, "budget"),
            ({"budget": "1"}, SchemaError, "budget"),
            ({"over": -1.0}, ValueRangeError, "over"),
            ({"start": float("inf")}, ValueRangeError, "start"),
            ({"over": 30.0, "buy_back": 20.0}, ValueRangeError, "buy_back"),
            ({"side": "short"}, SchemaError, "side"),
            ({"markets": "m"}, SchemaError, "markets"),
            ({"markets": []}, SchemaError, "markets"),
            ({"markets": ["m", "m"]}, SchemaError, "markets"),
            ({"position": -1.0}, ValueRangeError, "position"),
            ({"position": {"m": "1"}}, SchemaError, "position"),
        ],
    )
    def test_terms_that_make_no_attack_are_refused(self, terms, error, where):
        with pytest.raises(error, match=rf"Attack\.{where}"):
            Attack(**{"asset": "ETH", "budget": 1.0} | terms)


class TestAll:
    def test_what_nothing_acts_on_has_one_neutral_row(self):
        found = compiled(PriceShock({"BTC": -0.1}) + Default(["x"]))
        assert found.withdrawals.tolist() == [[0.0, 0.0]]
        assert found.outage.tolist() == [[False, False]]
        assert found.gas.tolist() == [1.0]
        assert np.array_equal(found.oracle, np.ones((1, 2, 3)))
        assert found.mint == []

    @pytest.mark.parametrize("shock", EACH)
    def test_prices_and_depth_stand_still(self, shock):
        found = compiled(shock)
        assert np.array_equal(found.outside, np.tile(PRICES, (7, 1)))
        assert np.array_equal(found.depth, np.ones((7, 1)))
        assert found.defaults == []

    @pytest.mark.parametrize("shock", EACH)
    def test_a_shock_is_a_value(self, shock):
        assert pickle.loads(pickle.dumps(shock)) == shock
        assert hash(shock) == hash(pickle.loads(pickle.dumps(shock)))
        assert 1 * shock is shock
        assert shock.gap().gap() == shock.gap()
        assert not shock.describe().endswith(".")

    @pytest.mark.parametrize("shock", EACH)
    def test_a_sum_does_what_its_parts_do(self, shock):
        alone, found = compiled(shock), compiled(PriceShock({"BTC": -0.1}, over=0) + shock)
        for name in ("outage", "gas", "oracle"):
            assert np.array_equal(getattr(alone, name), getattr(found, name))
        assert np.allclose(alone.withdrawals, found.withdrawals, rtol=0, atol=1e-15)
        assert alone.mint == found.mint
        assert alone.attacks == found.attacks
        assert found.end == max(alone.end, 10.0)

    @pytest.mark.parametrize(
        ("shock", "nearest"),
        [
            (Withdrawal("binanse", 0.1), "binance"),
            (Outage("binanse"), "binance"),
            (OracleShock({"ETH": 0.1}, venue="aaave"), "aave"),
            (OracleShock({"ETHH": 0.1}), "ETH"),
            (Mint("ETHH", 1.0), "ETH"),
            (Attack("ETHH", 1.0), "ETH"),
        ],
    )
    def test_an_unknown_name_is_refused_with_the_nearest_one(self, shock, nearest):
        with pytest.raises(NetworkError, match=f"did you mean '{nearest}'"):
            compiled(shock)

    def test_where_venues_are_not_known_they_are_not_judged(self):
        Withdrawal("nowhere", 0.1).check(ASSETS, [], None)

    @pytest.mark.parametrize(
        "table",
        [
            {"kind": "Withdrawal", "venue": "V", "share": 0.2, "over": 60},
            {"kind": "outage", "venue": "V", "start": 10, "length": 60},
            {"kind": "gas_shock", "factor": 10, "length": 60},
            {"kind": "OracleShock", "changes": {"ETH": -0.1}, "venue": "V"},
            {"kind": "Mint", "token": "ETH", "quantity": 10, "at": 60},
            {"kind": "volatility_shock", "moves": {"ETH": 0.5}, "over": 60},
            {"kind": "attack", "asset": "ETH", "budget": 1e6, "over": 60, "buy_back": 90, "position": 5e6},
            {"kind": "Attack", "asset": "ETH", "budget": 1e6, "side": "buy", "position": {"ETH-PERP": 5}},
        ],
    )
    def test_a_study_names_them(self, table, tmp_path):
        made = builtins.shock(table, tmp_path)
        values = {name: value for name, value in table.items() if name != "kind"}
        assert made == type(made)(**values)
        assert getattr(ct, type(made).__name__) is type(made)
