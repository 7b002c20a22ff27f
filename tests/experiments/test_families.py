"""Families draw the same scenario i for everybody, with the distribution that they announce."""

import pickle

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.experiments.families import LARGEST_LOG_RETURN, PriceShocks
from contagion.shocks import DepthShock, PricePath, PriceShock, Shocks

ASSETS = ["BTC", "ETH", "SOL"]
MATRIX = pd.DataFrame([[1.0, 0.9, 0.3], [0.9, 1.0, 0.5], [0.3, 0.5, 1.0]], index=ASSETS, columns=ASSETS)
RETURNS = pd.DataFrame(
    np.random.Generator(np.random.PCG64(1)).normal(0.0, 0.03, (60, 3)), columns=["SOL", "BTC", "ETH"]
)
FAMILIES = {
    "normal": PriceShocks.normal(0.1),
    "scales": PriceShocks.normal({"SOL": 0.3, "BTC": 0.1, "ETH": 0.2}, correlation=0.0),
    "matrix": PriceShocks.normal(0.1, MATRIX),
    "student": PriceShocks.student_t(4, 0.1),
    "student matrix": PriceShocks.student_t(3, 0.1, MATRIX),
    "betas": PriceShocks.normal(0.1, betas={"BTC": 1.0, "ETH": 1.3, "SOL": -0.5}, residual=0.02),
    "moving": PriceShocks.historical(RETURNS, block=5),
    "stationary": PriceShocks.historical(RETURNS, block=5, length=12, method="stationary"),
    "added": PriceShocks.normal(0.1) + DepthShock(-0.5) + PriceShock({"ETH": -0.1}, over=5),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
class TestEveryFamily:
    def test_the_first_scenarios_do_not_depend_on_how_many_are_drawn(self, family):
        assert family.draw(ASSETS, 20, 7).iloc[:6].equals(family.draw(ASSETS, 6, 7))

    def test_an_asset_gets_the_same_numbers_whichever_others_take_part(self, family):
        both = family.draw(ASSETS, 15, 7)
        for subset in (["ETH"], ["SOL", "BTC"], ["SOL", "ETH", "BTC"]):
            assert np.array_equal(family.draw(subset, 15, 7).to_numpy(), both[subset].to_numpy())

    def test_a_scenario_alone_is_the_row_of_the_draw(self, family):
        drawn = family.draw(ASSETS, 12, 7)
        for i in (0, 5, 11):
            shock = family.scenario(ASSETS, i, 7)
            assert shock.log_returns(ASSETS) == pytest.approx(drawn.iloc[i].to_numpy(), abs=1e-12)
            assert shock == family.scenario(ASSETS, i, 7)

    def test_columns_come_in_the_order_asked_for(self, family):
        drawn = family.draw(["SOL", "BTC"], 4, 0)
        assert list(drawn.columns) == ["SOL", "BTC"]
        assert drawn.index.tolist() == [0, 1, 2, 3] and drawn.index.name == "scenario"
        assert np.isfinite(drawn.to_numpy()).all()

    def test_another_seed_gives_other_numbers(self, family):
        assert not family.draw(ASSETS, 12, 7).equals(family.draw(ASSETS, 12, 8))

    def test_it_describes_itself_in_a_sentence_with_its_time_profile(self, family):
        assert "over 30 min" in family.describe() and "log returns" in family.describe()
        assert family.describe() in repr(family)

    def test_it_survives_pickling(self, family):
        assert pickle.loads(pickle.dumps(family)).draw(ASSETS, 3, 7).equals(family.draw(ASSETS, 3, 7))

    @pytest.mark.parametrize("n", [0, -1])
    def test_no_scenario_is_refused(self, family, n):
        with pytest.raises(ValueRangeError, match="n:"):
            family.draw(ASSETS, n, 7)

    @pytest.mark.parametrize("n", [1.0, True, "3", None])
    def test_a_number_of_scenarios_that_is_no_integer_is_refused(self, family, n):
        with pytest.raises(SchemaError, match="n:"):
            family.draw(ASSETS, n, 7)

    def test_bad_seeds_and_scenarios_are_refused(self, family):
        with pytest.raises(ValueRangeError, match="seed"):
            family.draw(ASSETS, 3, -1)
        with pytest.raises(SchemaError, match="seed"):
            family.scenario(ASSETS, 3, 1.0)
        with pytest.raises(TooLargeError, match="seed"):
            family.draw(ASSETS, 3, 2**200)
        with pytest.raises(ValueRangeError, match="scenario"):
            family.scenario(ASSETS, -1, 7)

    @pytest.mark.parametrize("assets", [[], "BTC", ["BTC", "BTC"], [1], [""]])
    def test_assets_are_a_list_of_different_names(self, family, assets):
        with pytest.raises(SchemaError, match="assets"):
            family.draw(assets, 3, 7)


class TestDistributions:
    def test_normal_draws_have_the_scale_and_correlation_announced(self):
        drawn = PriceShocks.normal({"BTC": 0.1, "ETH": 0.2}, correlation=0.6).draw(["BTC", "ETH"], 4000, 3)
        assert drawn.std().to_numpy() == pytest.approx([0.1, 0.2], rel=0.05)
        assert drawn.corr().iloc[0, 1] == pytest.approx(0.6, abs=0.04)
        assert drawn.mean().to_numpy() == pytest.approx([0.0, 0.0], abs=0.01)

    def test_the_default_correlation_is_four_fifths(self):
        assert PriceShocks.normal(0.1).draw(["BTC", "ETH"], 4000, 3).corr().iloc[0, 1] == pytest.approx(
            0.8, abs=0.03
        )

    def test_a_matrix_gives_its_correlations_pair_by_pair(self):
        drawn = PriceShocks.normal(0.1, MATRIX).draw(["SOL", "BTC", "ETH"], 4000, 3)
        assert np.abs((drawn.corr() - MATRIX.loc[drawn.columns, drawn.columns]).to_numpy()).max() < 0.05

    def test_a_singular_matrix_is_a_correlation_matrix(self):
        ones = pd.DataFrame(np.ones((3, 3)), index=ASSETS, columns=ASSETS)
        drawn = PriceShocks.normal(0.1, ones).draw(ASSETS, 50, 3)
        assert np.array_equal(drawn["BTC"].to_numpy(), drawn["SOL"].to_numpy())

    def test_student_draws_have_the_scale_parameter_and_heavy_tails(self):
        drawn = PriceShocks.student_t(4, 0.1).draw(["BTC"], 6000, 3)["BTC"].to_numpy() / 0.1
        assert np.quantile(drawn, [0.25, 0.75]) == pytest.approx([-0.7407, 0.7407], abs=0.04)
        assert np.mean(np.abs(drawn) > 4.604) == pytest.approx(0.01, abs=0.004)

    def test_student_assets_share_the_tail_even_without_correlation(self):
        drawn = PriceShocks.student_t(3, 0.1, 0.0).draw(["BTC", "ETH"], 4000, 3).abs()
        large = drawn > drawn.quantile(0.99)
        assert large.all(axis=1).mean() > 5 * 0.01**2

    def test_normal_and_student_families_share_the_normal_behind_them(self):
        normal = PriceShocks.normal(0.1).draw(["BTC", "ETH"], 30, 3)
        student = PriceShocks.student_t(4, 0.1).draw(["BTC", "ETH"], 30, 3)
        ratio = (student / normal).to_numpy()
        assert ratio[:, 0] == pytest.approx(ratio[:, 1])

    def test_with_betas_and_no_own_part_every_asset_moves_with_the_factor(self):
        drawn = PriceShocks.normal(0.1, betas={"BTC": 1.0, "ETH": 1.5}).draw(["BTC", "ETH"], 500, 3)
        assert drawn["ETH"].to_numpy() == pytest.approx(1.5 * drawn["BTC"].to_numpy())
        assert drawn["BTC"].std() == pytest.approx(0.1, rel=0.1)

    def test_the_own_part_beside_a_factor_adds_variance(self):
        drawn = PriceShocks.normal(0.1, betas={"BTC": 1.0}, residual={"BTC": 0.1}).draw(["BTC"], 4000, 3)
        assert drawn["BTC"].std() == pytest.approx(0.1 * np.sqrt(2), rel=0.05)

    def test_moving_blocks_are_sums_of_neighbouring_rows(self):
        drawn = PriceShocks.historical(RETURNS, block=5).draw(["BTC", "SOL"], 40, 3)
        sums = RETURNS[["BTC", "SOL"]].rolling(5).sum().dropna().to_numpy()
        gaps = np.abs(drawn.to_numpy()[:, np.newaxis] - sums[np.newaxis]).max(axis=2).min(axis=1)
        assert gaps.max() < 1e-12

    def test_events_longer_than_a_block_join_blocks(self):
        ones = pd.DataFrame({"BTC": np.full(7, 0.01)})
        for method in ("moving", "stationary"):
            family = PriceShocks.historical(ones, block=3, length=8, method=method)
            assert family.draw(["BTC"], 9, 3)["BTC"].to_numpy() == pytest.approx(np.full(9, 0.08))

    def test_stationary_blocks_have_the_mean_length_announced(self):
        ramp = pd.DataFrame({"BTC": np.arange(1000.0)})
        family = PriceShocks.historical(ramp, block=4, length=4000, method="stationary")
        rows = family.sampler._rows(ct.experiments.families.samplers.stream(3, "shock", 0))
        jumps = np.count_nonzero(np.diff(rows) % 1000 != 1)
        assert len(rows) / (jumps + 1) == pytest.approx(4.0, rel=0.1)

    def test_every_row_of_history_can_come(self):
        ramp = pd.DataFrame({"BTC": np.arange(5.0)})
        assert set(PriceShocks.historical(ramp).draw(["BTC"], 200, 3)["BTC"]) == {0.0, 1.0, 2.0, 3.0, 4.0}

    def test_draws_beyond_any_price_are_cut(self):
        drawn = PriceShocks.student_t(1, 50.0).draw(["BTC"], 200, 3)["BTC"]
        assert drawn.abs().max() == LARGEST_LOG_RETURN
        shocks = [PriceShocks.student_t(1, 50.0).scenario(["BTC"], i, 3) for i in range(200)]
        assert min(shock.moves["BTC"] for shock in shocks) > -1.0

    def test_a_scale_of_zero_moves_nothing(self):
        assert PriceShocks.student_t(4, 0.0).scenario(["BTC"], 0, 3).moves == {"BTC": 0.0}


class TestFixedAndAdded:
    def test_scenario_i_is_the_shock_i(self):
        shocks = [PriceShock({"BTC": -0.1 * k}, over=k) for k in range(1, 4)]
        family = PriceShocks.fixed(shocks)
        assert family.size == 3
        assert [family.scenario(["BTC"], i, 0) for i in range(3)] == shocks
        assert np.allclose(family.draw(["BTC"], 3, 0)["BTC"], np.log([0.9, 0.8, 0.7]))

    def test_a_single_shock_is_every_scenario(self):
        family = PriceShocks.fixed([PriceShock({"BTC": -0.1})])
        assert family.scenario(["BTC"], 99, 0) == family.scenario(["BTC"], 0, 1)
        assert family.draw(["BTC"], 5, 0)["BTC"].nunique() == 1
        assert "every scenario BTC -10.0 %" in family.describe()

    def test_more_scenarios_than_shocks_are_refused(self):
        family = PriceShocks.fixed([PriceShock({"BTC": -0.1}), PriceShock({"BTC": -0.2})])
        with pytest.raises(ValueRangeError, match="2 shocks"):
            family.draw(["BTC"], 3, 0)
        with pytest.raises(ValueRangeError, match="2 shocks"):
            family.scenario(["BTC"], 2, 0)
        assert family.describe().startswith("2 given shocks, the first: BTC -10.0 %")

    def test_paths_may_be_given_shocks(self):
        path = PricePath(pd.DataFrame({"BTC": [1.0, 0.5, 0.8]}))
        assert PriceShocks.fixed([path]).draw(["BTC", "ETH"], 1, 0).iloc[0].tolist() == [np.log(0.8), 0.0]

    @pytest.mark.parametrize("shocks", [[], [1], PriceShock({"BTC": -0.1}), None, "x"])
    def test_a_fixed_family_is_a_list_of_shocks(self, shocks):
        with pytest.raises(SchemaError, match=r"PriceShocks\.fixed"):
            PriceShocks.fixed(shocks)

    def test_what_is_added_happens_in_every_scenario(self):
        plain, depth = PriceShocks.normal(0.1), DepthShock(-0.5)
        for family in (plain + depth, depth + plain):
            shock = family.scenario(["BTC"], 3, 7)
            assert shock == Shocks((plain.scenario(["BTC"], 3, 7), depth))
            assert family.draw(["BTC"], 5, 7).equals(plain.draw(["BTC"], 5, 7))
            assert family.describe().endswith("; and depth of every market -50.0 % in one gap")
        assert plain.added == ()

    def test_a_price_move_that_is_added_is_part_of_the_returns(self):
        family = PriceShocks.normal(0.1) + PriceShock({"ETH": -0.5})
        plain = PriceShocks.normal(0.1).draw(["BTC", "ETH"], 5, 7)
        gap = (family.draw(["BTC", "ETH"], 5, 7) - plain).to_numpy()
        assert gap == pytest.approx(np.tile([0.0, np.log(0.5)], (5, 1)))

    def test_only_shocks_can_be_added(self):
        with pytest.raises(TypeError):
            PriceShocks.normal(0.1) + 1

    def test_the_time_profile_reaches_the_shock(self):
        assert PriceShocks.normal(0.1, over=90).scenario(["BTC"], 0, 0).over == 90.0
        assert PriceShocks.normal(0.1, over=0).describe().endswith(", in one gap")


class TestWords:
    def test_the_sentence_says_what_scale_means(self):
        assert "standard deviation 0.1, correlation 0.8" in PriceShocks.normal(0.1).describe()
        student = PriceShocks.student_t(4, 0.1).describe()
        assert "scale parameter (the standard deviation is 1.41 times as large) 0.1" in student
        assert "infinite" in PriceShocks.student_t(2, 0.1).describe()

    def test_matrices_and_history_are_told_apart_by_their_content(self):
        other = MATRIX.copy()
        other.iloc[0, 1] = other.iloc[1, 0] = 0.8
        assert PriceShocks.normal(0.1, MATRIX).describe() != PriceShocks.normal(0.1, other).describe()
        assert PriceShocks.historical(RETURNS).describe() != PriceShocks.historical(RETURNS * 2).describe()

    def test_betas_are_listed(self):
        assert "betas BTC 1, ETH 1.3, SOL -0.5, own part 0.02" in FAMILIES["betas"].describe()


class TestBadInput:
    @pytest.mark.parametrize("scale", [-0.1, float("nan"), float("inf"), {"BTC": -1.0}])
    def test_a_scale_is_finite_and_not_negative(self, scale):
        with pytest.raises(ValueRangeError, match="scale"):
            PriceShocks.normal(scale)

    @pytest.mark.parametrize("scale", [True, "0.1", None, {}, {1: 0.1}, {"BTC": "5%"}])
    def test_a_scale_is_a_number_or_a_mapping(self, scale):
        with pytest.raises(SchemaError, match="scale"):
            PriceShocks.student_t(4, scale)

    @pytest.mark.parametrize("df", [0.5, -1, float("nan"), float("inf")])
    def test_degrees_of_freedom_are_at_least_one(self, df):
        with pytest.raises(ValueRangeError, match="df"):
            PriceShocks.student_t(df, 0.1)

    @pytest.mark.parametrize("correlation", [-0.1, 1.1, float("nan")])
    def test_one_correlation_is_a_share(self, correlation):
        with pytest.raises(ValueRangeError, match="correlation"):
            PriceShocks.normal(0.1, correlation)

    def test_an_asset_that_is_not_covered_is_refused_with_the_nearest_name(self):
        for family in (
            PriceShocks.normal({"BTX": 0.1}),
            PriceShocks.normal(0.1, betas={"BTX": 0.1}),
            PriceShocks.historical(RETURNS.rename(columns={"BTC": "BTX"})),
            PriceShocks.normal(0.1, MATRIX.rename(index={"BTC": "BTX"}, columns={"BTC": "BTX"})),
        ):
            with pytest.raises(SchemaError, match=r"'BTC' \(did you mean 'BTX'"):
                family.draw(["BTC"], 3, 7)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda m: m.iloc[:2], SchemaError),
            (lambda m: m.rename(index={"BTC": "X"}), SchemaError),
            (lambda m: m * 2, ValueRangeError),
            (lambda m: m.where(m == 1.0, np.nan), ValueRangeError),
            (lambda m: m + np.triu(np.full((3, 3), 0.01), 1), ValueRangeError),
            (lambda m: m.astype(str), SchemaError),
            (lambda m: pd.DataFrame(), SchemaError),
        ],
    )
    def test_what_is_no_correlation_matrix_is_refused(self, change, error):
        with pytest.raises(error, match="correlation"):
            PriceShocks.normal(0.1, change(MATRIX))

    def test_a_matrix_that_no_variables_can_have_is_refused(self):
        bad = pd.DataFrame([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], index=ASSETS, columns=ASSETS)
        with pytest.raises(ValueRangeError, match="semidefinite"):
            PriceShocks.normal(0.1, bad)
        flat = pd.DataFrame([[1, 1, 0.5], [1, 1, 0.9], [0.5, 0.9, 1]], index=ASSETS, columns=ASSETS)
        with pytest.raises(ValueRangeError, match="semidefinite"):
            PriceShocks.normal(0.1, flat)

    def test_betas_and_correlations_exclude_each_other(self):
        with pytest.raises(SchemaError, match="contradicts betas"):
            PriceShocks.normal(0.1, 0.5, betas={"BTC": 1.0})
        with pytest.raises(SchemaError, match="needs betas"):
            PriceShocks.normal(0.1, residual=0.1)
        with pytest.raises(SchemaError, match="scale"):
            PriceShocks.normal({"BTC": 0.1}, betas={"BTC": 1.0})
        with pytest.raises(SchemaError, match="betas"):
            PriceShocks.normal(0.1, betas=1.0)

    @pytest.mark.parametrize(
        "returns", [None, pd.DataFrame(), RETURNS.astype(str), RETURNS.set_axis([0, 1, 2], axis=1)]
    )
    def test_history_is_a_frame_of_numbers(self, returns):
        with pytest.raises(SchemaError, match="returns"):
            PriceShocks.historical(returns)

    def test_a_gap_in_history_is_named_with_its_place(self):
        with pytest.raises(ValueRangeError, match="returns row 4, column 'BTC'"):
            PriceShocks.historical(
                RETURNS.mask((RETURNS.index.to_numpy() == 3)[:, np.newaxis] & (RETURNS.columns == "BTC"))
            )

    @pytest.mark.parametrize("options", [{"block": 0}, {"block": 61}, {"length": 0}, {"method": "movin"}])
    def test_blocks_are_within_history(self, options):
        with pytest.raises(ValueRangeError):
            PriceShocks.historical(RETURNS, **options)

    @pytest.mark.parametrize("options", [{"block": 2.0}, {"length": True}])
    def test_blocks_are_whole_numbers(self, options):
        with pytest.raises(SchemaError):
            PriceShocks.historical(RETURNS, **options)

    @pytest.mark.parametrize(("over", "error"), [(-1, ValueRangeError), ("30min", SchemaError)])
    def test_a_time_profile_is_a_number_of_seconds(self, over, error):
        with pytest.raises(error, match="over"):
            PriceShocks.normal(0.1, over=over)


def test_the_family_is_a_public_name_of_the_package():
    assert ct.PriceShocks is PriceShocks
