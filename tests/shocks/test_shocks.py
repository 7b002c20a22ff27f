"""Shocks say what they do, add, scale, and stand on the clock of a run as arrays."""

import pickle
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, SchemaError, UnitError, ValueRangeError
from contagion.shocks import Default, DepthShock, PricePath, PriceShock, Shock, Shocks

ASSETS = ["BTC", "ETH", "USD"]
PRICES = [60_000.0, 3_000.0, 1.0]
MARKETS = ["binance:BTC", "binance:ETH", "bybit:BTC"]
MARKET_ASSETS = ["BTC", "ETH", "BTC"]
TIMES = np.arange(0.0, 61.0, 10.0)


def compiled(shock, times=TIMES):
    return shock.compile(ASSETS, PRICES, MARKETS, MARKET_ASSETS, times, "USD")


def path(prices=(100.0, 90.0, 95.0), index=(0.0, 20.0, 40.0), name="BTC", **options):
    return PricePath(pd.DataFrame({name: list(prices)}, index=list(index)), **options)


class TestPriceShock:
    def test_the_move_is_linear_in_log_price_and_exact_at_its_end(self):
        arrays = compiled(PriceShock({"BTC": -0.5}, over=40.0))
        assert np.allclose(arrays.outside[:, 0], 60_000.0 * 0.5 ** np.array([0, 0.25, 0.5, 0.75, 1, 1, 1]))
        assert arrays.outside[4:, 0].tolist() == [30_000.0] * 3

    def test_row_0_is_the_opening_and_assets_without_a_move_stand_still(self):
        arrays = compiled(PriceShock({"BTC": -0.37}, over=40.0))
        assert arrays.outside[0].tolist() == PRICES
        assert np.array_equal(arrays.outside[:, 1:], np.tile(PRICES[1:], (7, 1)))
        assert np.array_equal(arrays.depth, np.ones((7, 3)))
        assert arrays.defaults == [] and not arrays.observed

    def test_a_gap_hits_at_round_1(self):
        arrays = compiled(PriceShock({"BTC": -0.15}, over=0))
        assert arrays.outside[:, 0].tolist() == [60_000.0] + [60_000.0 * 0.85] * 6

    def test_the_gap_of_a_shock_is_the_same_move_at_once(self):
        assert PriceShock({"BTC": -0.15}).gap() == PriceShock({"BTC": -0.15}, over=0)

    def test_it_ends_when_the_move_is_over_and_never_starts_without_one(self):
        assert compiled(PriceShock({"BTC": -0.1}, over=1800)).end == 1800.0
        assert compiled(PriceShock({"BTC": -0.1}, over=3)).end == 10.0
        assert compiled(PriceShock({"BTC": -0.1}, over=0)).end == 10.0
        assert compiled(PriceShock({"BTC": 0.0}, over=1800)).end == 0.0

    def test_the_default_profile_is_half_an_hour(self):
        assert PriceShock({"BTC": -0.1}).over == 1800.0

    def test_the_order_of_moves_does_not_matter(self):
        one, other = PriceShock({"ETH": -0.1, "BTC": -0.2}), PriceShock({"BTC": -0.2, "ETH": -0.1})
        assert one == other and hash(one) == hash(other) and one.describe() == other.describe()

    def test_what_was_given_can_change_without_changing_the_shock(self):
        moves = {"BTC": -0.1}
        shock = PriceShock(moves)
        moves["BTC"] = -0.9
        assert shock.moves == {"BTC": -0.1}

    def test_its_sentence_holds_the_time_profile(self):
        shock = PriceShock({"BTC": -0.15, "ETH": 0.02}, over=45)
        assert shock.describe() == "BTC -15.0 %, ETH +2.0 % over 45 s, linear in log price"

    def test_a_long_list_of_moves_is_cut_in_the_sentence(self):
        shock = PriceShock({f"A{i:02d}": -0.1 for i in range(12)}, over=0)
        assert shock.describe().endswith("A07 -10.0 %, and 4 more in one gap")

    def test_a_study_with_a_single_time_is_allowed(self):
        assert compiled(PriceShock({"BTC": -0.1}, over=0), np.zeros(1)).outside.tolist() == [PRICES]


class TestPricePath:
    def test_moves_are_relative_to_the_first_row_and_linear_in_log_price(self):
        arrays = compiled(path(prices=(100.0, 81.0, 90.0)))
        expected = 60_000.0 * np.array([1.0, 0.9, 0.81, np.sqrt(0.81 * 0.9), 0.9, 0.9, 0.9])
        assert np.allclose(arrays.outside[:, 0], expected, rtol=1e-14)
        assert np.array_equal(arrays.outside[:, 1:], np.tile(PRICES[1:], (7, 1)))

    def test_times_count_from_the_first_row(self):
        assert path(index=(500.0, 520.0, 540.0)) == path()

    @pytest.mark.parametrize(
        "index",
        [
            pd.to_datetime(["2025-10-10 21:00:00", "2025-10-10 21:00:20", "2025-10-10 21:00:40"]),
            pd.to_datetime(["2025-10-10 21:00:00", "2025-10-10 21:00:20", "2025-10-10 21:00:40"], utc=True),
            pd.to_timedelta([0, 20, 40], unit="s"),
            pd.Index([datetime(2025, 1, 1, 0, 0, s, tzinfo=UTC) for s in (0, 20, 40)], dtype=object),
            pd.Index([datetime(2025, 1, 1, 0, 0, s) for s in (0, 20, 40)], dtype=object),
            pd.Index([0, 20, 40]),
            pd.Index([0, 20, 40], dtype="Int64"),
        ],
    )
    def test_timestamps_timedeltas_and_seconds_are_the_same_clock(self, index):
        assert PricePath(pd.DataFrame({"BTC": [100.0, 90.0, 95.0]}, index=index)) == path()

    def test_it_ends_with_the_last_move(self):
        assert compiled(path()).end == 40.0
        assert compiled(path(prices=(100.0, 90.0, 90.0))).end == 20.0
        assert compiled(path(prices=(100.0, 90.0), index=(0, 1))).end == 10.0
        assert compiled(path(prices=(5.0, 5.0, 5.0))).end == 0.0

    def test_its_gap_is_the_whole_way_at_once(self):
        gap = path(observed=True).gap()
        assert gap.observed
        assert compiled(gap).outside[:, 0] == pytest.approx([60_000.0] + [57_000.0] * 6)
        assert gap.gap() == gap
        assert "in one gap: BTC -5.0 %" in gap.describe()
        assert compiled(gap).end == 10.0

    def test_the_sentence_says_whether_the_path_was_observed(self):
        assert path().describe().startswith("path of 3 prices over 40 s")
        assert path(observed=True).describe().startswith("observed path")
        assert "lowest -10.0 %" in repr(path())

    def test_the_stored_frame_can_not_be_changed(self):
        given = pd.DataFrame({"BTC": [100.0, 90.0]}, index=[0, 10])
        shock = PricePath(given)
        given.iloc[1, 0] = 5.0
        assert shock.frame.iloc[1, 0] == 90.0
        with pytest.raises(ValueError, match="read-only"):
            shock.frame.to_numpy()[1, 0] = 5.0

    def test_whole_numbers_and_nullable_numbers_are_prices(self):
        frame = pd.DataFrame({"BTC": pd.array([100, 90, 95], dtype="Int64")}, index=[0.0, 20.0, 40.0])
        assert PricePath(frame) == path()

    def test_equality_sees_content_and_kind(self):
        assert path() != path(observed=True)
        assert path() != path(prices=(100.0, 90.0, 96.0))
        assert hash(path()) == hash(path())
        assert path() != "path"


class TestDefaultAndDepth:
    def test_failing_nodes_come_sorted_and_the_run_lasts_to_round_1(self):
        arrays = compiled(Default(["Genesis", "Alameda"]))
        assert arrays.defaults == ["Alameda", "Genesis"]
        assert arrays.end == 10.0
        assert np.array_equal(arrays.outside, np.tile(PRICES, (7, 1)))

    def test_the_order_of_failing_nodes_does_not_matter(self):
        assert Default(["b", "a"]) == Default(("a", "b"))

    def test_one_number_changes_the_depth_of_every_market_at_round_1(self):
        arrays = compiled(DepthShock(-0.9))
        assert arrays.depth[0].tolist() == [1.0] * 3
        assert np.allclose(arrays.depth[1:], 0.1)
        assert arrays.end == 10.0

    def test_an_entry_for_a_market_goes_before_the_entry_for_its_asset(self):
        arrays = compiled(DepthShock({"BTC": -0.5, "bybit:BTC": 1.0}))
        assert arrays.depth[-1].tolist() == [0.5, 1.0, 2.0]

    def test_depth_changes_linearly_in_log_over_a_time(self):
        arrays = compiled(DepthShock(-0.75, over=40))
        assert np.allclose(arrays.depth[:, 0], 0.25 ** np.array([0, 0.25, 0.5, 0.75, 1, 1, 1]))
        assert arrays.end == 40.0
        assert DepthShock(-0.75, over=40).gap() == DepthShock(-0.75)

    def test_no_change_of_depth_ends_at_once(self):
        assert compiled(DepthShock(0.0, over=600)).end == 0.0

    def test_sentences_name_nodes_and_markets(self):
        assert Default(["b", "a"]).describe() == "default of a, b"
        assert DepthShock(-0.9, over=600).describe() == "depth of every market -90.0 % over 10 min"
        assert DepthShock({"BTC": -0.5}).describe() == "depth of BTC -50.0 % in one gap"

    def test_one_change_for_all_differs_from_a_market_of_that_name(self):
        assert hash(DepthShock(-0.5)) != hash(DepthShock({"every market": -0.5}))


class TestSums:
    def test_price_moves_multiply_and_nodes_unite(self):
        total = PriceShock({"BTC": -0.5}, over=0) + PriceShock({"BTC": -0.5, "ETH": 1.0}, over=0)
        total = total + Default(["a"]) + (Default(["a", "b"]) + DepthShock(-0.5)) + DepthShock(-0.5)
        arrays = compiled(total)
        assert arrays.outside[-1].tolist() == [15_000.0, 6_000.0, 1.0]
        assert arrays.depth[-1].tolist() == [0.25] * 3
        assert arrays.defaults == ["a", "b"]
        assert len(total.parts) == 6 and not any(isinstance(part, Shocks) for part in total.parts)

    def test_a_sum_with_an_observed_path_is_observed(self):
        assert compiled(path(observed=True) + DepthShock(-0.5)).observed
        assert not compiled(path() + DepthShock(-0.5)).observed

    def test_the_sum_ends_with_its_last_part(self):
        assert compiled(PriceShock({"BTC": -0.1}, over=30) + DepthShock(-0.5, over=50)).end == 50.0

    def test_the_builtin_sum_works(self):
        assert sum([PriceShock({"BTC": -0.1}), DepthShock(-0.5)]) == PriceShock({"BTC": -0.1}) + DepthShock(
            -0.5
        )
        assert sum([DepthShock(-0.5)]) == DepthShock(-0.5)

    def test_the_sentence_joins_the_parts(self):
        total = PriceShock({"BTC": -0.1}) + Default(["x"])
        assert total.describe() == "BTC -10.0 % over 30 min, linear in log price; default of x"

    def test_the_gap_of_a_sum_puts_every_part_into_one_gap(self):
        total = PriceShock({"BTC": -0.1}) + DepthShock(-0.5, over=60) + Default(["x"])
        assert total.gap() == PriceShock({"BTC": -0.1}, over=0) + DepthShock(-0.5) + Default(["x"])

    @pytest.mark.parametrize("other", [1, "a", None, [DepthShock(-0.5)]])
    def test_only_shocks_can_be_added(self, other):
        with pytest.raises(TypeError):
            PriceShock({"BTC": -0.1}) + other
        with pytest.raises(TypeError):
            other + PriceShock({"BTC": -0.1})

    def test_log_returns_are_those_of_the_whole_way(self):
        total = PriceShock({"BTC": -0.5}) + path(prices=(100.0, 50.0, 200.0), index=(0, 1, 2))
        assert total.log_returns(["BTC", "ETH"]) == pytest.approx([0.0, 0.0], abs=1e-15)
        assert PriceShock({"ETH": -0.5}).log_returns(["BTC", "ETH"]).tolist() == [0.0, np.log(0.5)]


class TestScaling:
    def test_twice_a_move_is_twice_the_log_return(self):
        assert (2 * PriceShock({"BTC": -0.5})).moves["BTC"] == pytest.approx(-0.75)
        assert (PriceShock({"BTC": -0.5}) * 0.5).moves["BTC"] == pytest.approx(np.sqrt(0.5) - 1)
        assert (-1 * PriceShock({"BTC": -0.5})).moves["BTC"] == pytest.approx(1.0)

    def test_a_path_scales_around_its_first_row(self):
        scaled = 2 * path(prices=(100.0, 50.0, 200.0))
        assert scaled.frame["BTC"].to_numpy() == pytest.approx([100.0, 25.0, 400.0])

    def test_depth_scales_in_log_and_defaults_stay(self):
        total = 2 * (DepthShock(-0.5) + DepthShock({"BTC": -0.5}, over=9) + Default(["x"]))
        assert compiled(total).depth[-1] == pytest.approx([0.0625, 0.25, 0.0625])
        assert compiled(total).defaults == ["x"]

    def test_the_time_profile_stays(self):
        assert (3 * PriceShock({"BTC": -0.1}, over=77)).over == 77.0

    @pytest.mark.parametrize("shock", [PriceShock({"BTC": -0.137}), DepthShock(-0.3), path(), Default(["x"])])
    def test_once_a_shock_is_the_shock_itself(self, shock):
        assert 1 * shock is shock and shock * 1.0 is shock

    def test_nothing_of_a_shock_moves_nothing(self):
        assert compiled(0 * PriceShock({"BTC": -0.9})).end == 0.0
        assert np.array_equal(compiled(0 * path()).outside, np.tile(PRICES, (7, 1)))

    @pytest.mark.parametrize("factor", [float("nan"), float("inf"), 10**400])
    def test_a_factor_must_be_finite(self, factor):
        with pytest.raises(ValueRangeError, match="factor"):
            factor * PriceShock({"BTC": -0.1})

    @pytest.mark.parametrize("factor", [True, "2", None])
    def test_a_factor_must_be_a_number(self, factor):
        with pytest.raises(SchemaError, match="factor"):
            PriceShock({"BTC": -0.1}) * factor

    @pytest.mark.parametrize("factor", [1e6, -1e6])
    def test_a_shock_scaled_out_of_range_is_refused(self, factor):
        with pytest.raises(ValueRangeError):
            factor * PriceShock({"BTC": -0.1})
        with pytest.raises(ValueRangeError):
            factor * path()


class TestFitWithTheNetwork:
    @pytest.mark.parametrize("shock", [PriceShock({"BTX": -0.1}), path(name="BTX")])
    def test_an_unknown_asset_is_refused_with_the_nearest_name(self, shock):
        with pytest.raises(NetworkError, match=r"'BTX' is no asset .*did you mean 'BTC'"):
            shock.check(ASSETS, MARKETS, ["x"], "USD")
        with pytest.raises(NetworkError, match="BTX"):
            compiled(shock)

    @pytest.mark.parametrize("shock", [PriceShock({"USD": -0.1}), path(name="USD")])
    def test_the_unit_does_not_move(self, shock):
        with pytest.raises(UnitError, match="unit of all money"):
            compiled(shock)

    def test_unknown_nodes_and_markets_are_refused(self):
        with pytest.raises(NetworkError, match=r"'Genesys' is no node .*'Genesis'"):
            Default(["Genesys"]).check(ASSETS, MARKETS, ["Genesis"])
        with pytest.raises(NetworkError, match=r"'bybit:BTX' is no market or asset .*'bybit:BTC'"):
            DepthShock({"bybit:BTX": -0.5}).check(ASSETS, MARKETS, [])

    def test_every_fault_is_listed_at_once(self):
        total = PriceShock({"XX": -0.1, "USD": 0.1}) + DepthShock({"YY": -0.1}) + Default(["ZZ"])
        with pytest.raises(InputError) as caught:
            total.check(ASSETS, MARKETS, ["a"], "USD")
        assert len(caught.value.issues) == 4
        assert all(name in str(caught.value) for name in ("XX", "USD", "YY", "ZZ"))

    def test_what_fits_passes(self):
        total = PriceShock({"BTC": -0.1}) + DepthShock({"ETH": -0.5, "bybit:BTC": -0.1}) + Default(["a"])
        total.check(ASSETS, MARKETS, ["a"], "USD")
        DepthShock(-0.5).check([], [], [])


class TestSeries:
    def test_a_series_of_moves_is_a_mapping_of_moves(self):
        moves = {"ETH": -0.2, "BTC": -0.1}
        assert PriceShock(pd.Series(moves)) == PriceShock(moves)
        assert DepthShock(pd.Series(moves)) == DepthShock(moves)
        assert hash(PriceShock(pd.Series(moves))) == hash(PriceShock(moves))

    def test_an_empty_series_a_repeated_name_and_a_frame_are_refused(self):
        with pytest.raises(SchemaError, match="is empty"):
            PriceShock(pd.Series(dtype=float))
        with pytest.raises(SchemaError, match="'BTC' is given twice"):
            PriceShock(pd.Series([-0.1, -0.2], index=["BTC", "BTC"]))
        with pytest.raises(SchemaError, match="is no name"):
            PriceShock(pd.Series([-0.1]))
        with pytest.raises(SchemaError, match="is no mapping"):
            PriceShock(pd.DataFrame({"BTC": [-0.1]}))


class TestBadInput:
    @pytest.mark.parametrize(
        "moves", [{}, [], None, "BTC", [("BTC", -0.1)], {1: -0.1}, {"": -0.1}, {None: 0.1}]
    )
    def test_moves_are_a_mapping_of_names_that_is_not_empty(self, moves):
        with pytest.raises(SchemaError, match=r"PriceShock\.moves"):
            PriceShock(moves)

    @pytest.mark.parametrize("move", [True, "5%", "-0.1", None, 1j, np.bool_(True)])
    def test_a_move_is_a_number(self, move):
        with pytest.raises(SchemaError, match="is no number"):
            PriceShock({"BTC": move})
        with pytest.raises(SchemaError, match="is no number"):
            DepthShock({"BTC": move})

    @pytest.mark.parametrize("move", [float("nan"), float("inf"), -float("inf"), -1, -1.0, -15, 10**400])
    def test_a_move_is_finite_and_leaves_something(self, move):
        with pytest.raises(ValueRangeError, match="'BTC'"):
            PriceShock({"BTC": move})
        with pytest.raises(ValueRangeError):
            DepthShock(move)

    def test_a_move_in_percent_is_explained(self):
        with pytest.raises(ValueRangeError, match=r"is -0\.15, not -15"):
            PriceShock({"BTC": -15})

    @pytest.mark.parametrize("over", [-1, float("nan"), float("inf")])
    def test_a_time_profile_is_finite_and_not_negative(self, over):
        with pytest.raises(ValueRangeError, match="over"):
            PriceShock({"BTC": -0.1}, over=over)
        with pytest.raises(ValueRangeError, match="over"):
            DepthShock(-0.1, over=over)

    @pytest.mark.parametrize("over", ["30min", None, True])
    def test_a_time_profile_is_a_number(self, over):
        with pytest.raises(SchemaError, match="over"):
            PriceShock({"BTC": -0.1}, over=over)

    @pytest.mark.parametrize("nodes", ["Genesis", b"x", [], None, 3, ["a", "a"], [""], [1], ["a", None]])
    def test_defaults_are_a_list_of_different_names(self, nodes):
        with pytest.raises(SchemaError, match="Default"):
            Default(nodes)

    @pytest.mark.parametrize("change", [{}, "x", None, True])
    def test_a_change_of_depth_is_a_number_or_a_mapping(self, change):
        with pytest.raises(SchemaError, match="DepthShock"):
            DepthShock(change)

    @pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
    def test_prices_of_a_path_are_finite_and_positive(self, price):
        with pytest.raises(ValueRangeError, match=r"column 'BTC'.*in row 2"):
            path(prices=(100.0, price, 90.0))

    def test_every_bad_column_is_named(self):
        frame = pd.DataFrame({"BTC": [1.0, 0.0], "ETH": ["1", "2"], "SOL": [1.0, np.nan]}, index=[0, 1])
        with pytest.raises(ValueRangeError) as caught:
            PricePath(frame)
        assert all(name in str(caught.value) for name in ("BTC", "ETH", "SOL"))

    @pytest.mark.parametrize(
        "column",
        [["1", "2"], [True, False], [1j, 2j], [None, "a"], pd.to_datetime(["2025-01-01", "2025-01-02"])],
    )
    def test_columns_of_a_path_hold_numbers(self, column):
        with pytest.raises(SchemaError, match="column 'BTC'"):
            PricePath(pd.DataFrame({"BTC": column}, index=[0, 1]))

    @pytest.mark.parametrize(
        "frame",
        [
            None,
            {"BTC": [1, 2]},
            pd.DataFrame(),
            pd.DataFrame({"BTC": [1.0]}),
            pd.DataFrame(index=[0, 1]),
            pd.DataFrame([[1.0, 2.0], [1.0, 2.0]], columns=["BTC", "BTC"]),
            pd.DataFrame([[1.0], [2.0]]),
        ],
    )
    def test_a_path_is_a_frame_of_named_columns_and_two_rows(self, frame):
        with pytest.raises(SchemaError, match="PricePath"):
            PricePath(frame)

    @pytest.mark.parametrize(
        "index",
        [
            [0.0, 20.0, 10.0],
            [0.0, 10.0, 10.0],
            [0.0, float("nan"), 10.0],
            [0.0, 1.0, float("inf")],
            pd.to_datetime(["2025-01-02", "2025-01-01", "2025-01-03"]),
            pd.to_datetime(["2025-01-02", None, "2025-01-03"]),
            [datetime(2025, 1, 1), datetime(2025, 1, 2, tzinfo=UTC), datetime(2025, 1, 3)],
            [
                datetime(2025, 1, d, tzinfo=zone)
                for d, zone in ((1, UTC), (2, ZoneInfo("Asia/Tokyo")), (3, UTC))
            ],
        ],
    )
    def test_times_that_do_not_rise_or_mix_zones_are_refused(self, index):
        frame = pd.DataFrame({"BTC": [100.0, 90.0, 95.0]}, index=pd.Index(index))
        with pytest.raises(UnitError, match="PricePath index"):
            PricePath(frame)

    @pytest.mark.parametrize("index", [["a", "b", "c"], [True, False, True], [(0, 1), (0, 2), (0, 3)]])
    def test_times_of_another_kind_are_refused(self, index):
        frame = pd.DataFrame({"BTC": [100.0, 90.0, 95.0]}, index=pd.Index(index))
        with pytest.raises(SchemaError, match="PricePath index"):
            PricePath(frame)

    @pytest.mark.parametrize("observed", ["yes", 1, None])
    def test_observed_is_true_or_false(self, observed):
        with pytest.raises(SchemaError, match="observed"):
            path(observed=observed)


def test_every_shock_survives_pickling():
    total = PriceShock({"BTC": -0.1}) + path() + Default(["x"]) + DepthShock({"BTC": -0.5})
    copy = pickle.loads(pickle.dumps(total))
    assert copy == total and hash(copy) == hash(total)
    assert np.array_equal(compiled(copy).outside, compiled(total).outside)


def test_shocks_are_public_names_of_the_package():
    for name in ("PriceShock", "PricePath", "Default", "DepthShock"):
        assert issubclass(getattr(ct, name), Shock)


def test_a_shock_of_ones_own_needs_three_methods():
    class Silence(Shock):
        def gap(self):
            return self

        def describe(self):
            return "nothing happens"

        def scaled(self, factor):
            return self

    arrays = compiled(Silence() + PriceShock({"BTC": -0.5}, over=0))
    assert arrays.outside[-1].tolist() == [30_000.0, 3_000.0, 1.0]
    assert compiled(Silence()).end == 0.0
    Silence().check([], [], [])
