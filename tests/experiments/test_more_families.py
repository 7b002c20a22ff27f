"""Filtered history, jumps, quasi-random points, episodes: the same scenario i for everybody, and moments."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import contagion as ct
from contagion import facts
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import quasi
from contagion.experiments.episodes import recorded
from contagion.experiments.filtered import fitted, variances
from contagion.experiments.plain import plain, revive

from .conftest import ClosedForm, Scaled, small_network

ASSETS = ["BTC", "ETH", "SOL"]
MATRIX = pd.DataFrame([[1.0, 0.9, 0.3], [0.9, 1.0, 0.5], [0.3, 0.5, 1.0]], index=ASSETS, columns=ASSETS)
STEADY = {name: {"omega": 1e-5, "alpha": 0.1, "beta": 0.85} for name in ASSETS}


def garch(n, omega, alpha, beta, seed):
    """A GARCH(1,1) path, step by step."""
    source = np.random.Generator(np.random.PCG64(seed))
    spread, path = omega / (1.0 - alpha - beta), []
    for _ in range(n):
        path.append(math.sqrt(spread) * source.standard_normal())
        spread = omega + alpha * path[-1] ** 2 + beta * spread
    return np.array(path)


RETURNS = pd.DataFrame({name: garch(150, 1e-5, 0.1, 0.85, place) for place, name in enumerate(ASSETS)})
FAMILIES = {
    "filtered": ct.PriceShocks.filtered(RETURNS, 5, parameters=STEADY),
    "fitted": ct.PriceShocks.filtered(RETURNS, 3, volatility=0.05),
    "jump": ct.PriceShocks.jump(0.05, 0.7, -0.1, {"BTC": 0.1, "ETH": 0.2, "SOL": 0.0}, jump_correlation=0.5),
    "jump matrix": ct.PriceShocks.jump(0.05, 2.0, -0.1, 0.1, MATRIX),
    "quasi": ct.PriceShocks.quasi(ASSETS, 0.1),
    "quasi student": ct.PriceShocks.quasi(ASSETS, 0.1, df=4.0),
    "quasi matrix": ct.PriceShocks.quasi(ASSETS, 0.1, MATRIX, df=3.0),
    "quasi betas": ct.PriceShocks.quasi(
        ASSETS, 0.1, betas={"BTC": 1.0, "ETH": 1.2, "SOL": 2.0}, residual=0.1
    ),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
class TestEveryFamily:
    @given(seed=st.integers(0, 2**64), few=st.integers(1, 12), more=st.integers(0, 9))
    @settings(max_examples=8)
    def test_the_first_scenarios_do_not_depend_on_how_many_are_drawn(self, family, seed, few, more):
        assert family.draw(ASSETS, few + more, seed).iloc[:few].equals(family.draw(ASSETS, few, seed))

    @given(seed=st.integers(0, 2**64), assets=st.permutations(ASSETS), size=st.integers(1, 3))
    @settings(max_examples=8)
    def test_an_asset_gets_the_same_numbers_whichever_others_take_part(self, family, seed, assets, size):
        chosen = assets[:size]
        assert family.draw(chosen, 6, seed).equals(family.draw(ASSETS, 6, seed)[chosen])

    @given(seed=st.integers(0, 2**64), i=st.integers(0, 11))
    @settings(max_examples=8)
    def test_a_scenario_alone_is_the_row_of_the_draw(self, family, seed, i):
        row = family.draw(ASSETS, 12, seed).iloc[i].to_numpy()
        assert family.scenario(ASSETS, i, seed).log_returns(ASSETS) == pytest.approx(row, abs=1e-12)

    def test_another_seed_gives_other_numbers(self, family):
        assert not family.draw(ASSETS, 12, 7).equals(family.draw(ASSETS, 12, 8))

    def test_it_is_the_same_after_pickling_and_after_a_store(self, family):
        for again in (pickle.loads(pickle.dumps(family)), revive(plain(family))):
            assert again.draw(ASSETS, 3, 7).equals(family.draw(ASSETS, 3, 7))

    def test_it_says_what_it_draws_and_over_which_time(self, family):
        assert "log returns" in family.describe() and "over 30 min" in family.describe()


@pytest.mark.parametrize("name", ["filtered", "jump", "quasi student"])
def test_a_study_does_not_depend_on_workers_on_n_or_on_other_sets(name):
    net, family = small_network(), FAMILIES[name]
    sets = {"half": [Scaled(0.5)], "double": [Scaled(2.0)]}
    whole = ct.compare(net, family, ClosedForm(), sets, n=40, seed=7)
    part = ct.compare(net, family, ClosedForm(), {"half": [Scaled(0.5)]}, n=23, seed=7, n_jobs=2)
    mine = whole.to_frame().query("policy == 'half' and scenario < 23").reset_index(drop=True)
    assert part.to_frame().query("policy == 'half'").reset_index(drop=True).equals(mine)
    assert part.scenarios.equals(whole.scenarios.iloc[:23])
    assert ("no independent draws" in whole.note) is name.startswith("quasi")


class TestFiltered:
    def test_variances_follow_the_recursion(self):
        returns = RETURNS["BTC"].to_numpy()
        expected = [float(np.mean(returns**2))]
        for value in returns:
            expected.append(2e-5 + 0.2 * value**2 + 0.7 * expected[-1])
        assert variances(returns, 2e-5, 0.2, 0.7) == pytest.approx(expected, rel=1e-12)

    def test_an_event_is_followed_by_hand(self):
        family = ct.PriceShocks.filtered(
            RETURNS, 3, parameters=STEADY, volatility={"BTC": 0.04, "ETH": 0.05, "SOL": 0.06}
        )
        values = RETURNS["ETH"].to_numpy()
        residuals = values / np.sqrt(variances(values, 1e-5, 0.1, 0.85)[:-1])
        rows = ct.experiments.families.samplers.stream(7, "shock", 4).integers(150, size=3)
        spread, total = 0.05**2, 0.0
        for row in rows:
            move = math.sqrt(spread) * residuals[row]
            total, spread = total + move, 1e-5 + 0.1 * move**2 + 0.85 * spread
        assert family.draw(["ETH"], 5, 7)["ETH"].iloc[4] == pytest.approx(total, rel=1e-12)

    def test_the_volatility_of_today_is_what_the_last_row_leads_to(self):
        values = RETURNS["SOL"].to_numpy()
        today = FAMILIES["filtered"].sampler.volatility["SOL"]
        assert today**2 == pytest.approx(variances(values, 1e-5, 0.1, 0.85)[-1])

    def test_the_cross_section_of_a_row_stays_together(self):
        twice = pd.DataFrame({"A": RETURNS["BTC"], "B": 2.0 * RETURNS["BTC"]})
        given_ = {
            "A": {"omega": 0.0, "alpha": 0.06, "beta": 0.94},
            "B": {"omega": 0.0, "alpha": 0.06, "beta": 0.94},
        }
        drawn = ct.PriceShocks.filtered(twice, 4, parameters=given_).draw(["A", "B"], 40, 3)
        assert drawn["B"].to_numpy() == pytest.approx(2.0 * drawn["A"].to_numpy())

    def test_the_fit_finds_the_parameters_of_a_long_path(self):
        omega, alpha, beta = fitted(garch(12_000, 1e-5, 0.08, 0.9, 11))
        assert alpha == pytest.approx(0.08, abs=0.015) and beta == pytest.approx(0.9, abs=0.02)
        assert omega / (1.0 - alpha - beta) == pytest.approx(5e-4, rel=0.15)

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_no_neighbour_of_the_fit_is_likelier(self, seed):
        path = garch(400, 1e-5, 0.15, 0.75, seed)

        def likelihood(omega, alpha, beta):
            spread = float(np.mean(path**2))
            total = 0.0
            for value in path:
                total -= 0.5 * (math.log(2.0 * math.pi * spread) + value**2 / spread)
                spread = omega + alpha * value**2 + beta * spread
            return total

        best = np.array(fitted(path))
        found = likelihood(*best)
        assert found >= likelihood(1e-5, 0.15, 0.75)
        for place in range(3):
            for factor in (0.9, 1.1):
                other = best.copy()
                other[place] *= factor
                if other[1] + other[2] < 1.0:
                    assert likelihood(*other) <= found + 1e-3

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"parameters": {"BTX": STEADY["BTC"]}}, SchemaError, "did you mean 'BTC'"),
            ({"parameters": {"BTC": {"omega": 1.0}}}, SchemaError, "omega, alpha and beta"),
            ({"parameters": {"BTC": {"omega": 0.0, "alpha": 0.2, "beta": 0.9}}}, ValueRangeError, "above 1"),
            ({"parameters": {"BTC": {"omega": -1.0, "alpha": 0.2, "beta": 0.1}}}, ValueRangeError, "omega"),
            ({"parameters": 1.0}, SchemaError, "parameters"),
            ({"length": 0}, ValueRangeError, "length"),
            ({"volatility": {"BTC": 0.1}}, SchemaError, "'ETH'"),
        ],
    )
    def test_bad_input_is_refused_with_its_place(self, options, error, words):
        with pytest.raises(error, match=words):
            ct.PriceShocks.filtered(RETURNS, **options)

    def test_too_short_a_history_needs_parameters(self):
        with pytest.raises(ValueRangeError, match=r"column 'BTC'.*50 rows.*at least 100"):
            ct.PriceShocks.filtered(RETURNS.iloc[:50])
        assert ct.PriceShocks.filtered(RETURNS.iloc[:50], parameters=STEADY).draw(["BTC"], 2, 0).shape == (
            2,
            1,
        )


class TestJumps:
    def test_moments_are_the_closed_forms(self):
        scale, rate, mean, spread = 0.05, 0.8, -0.1, 0.06
        drawn = ct.PriceShocks.jump(scale, rate, mean, spread).draw(["BTC"], 30_000, 3)["BTC"].to_numpy()
        cumulants = [
            rate * mean,
            scale**2 + rate * (mean**2 + spread**2),
            rate * (mean**3 + 3 * mean * spread**2),
            rate * (mean**4 + 6 * mean**2 * spread**2 + 3 * spread**4),
        ]
        error = math.sqrt(cumulants[1] / len(drawn))
        assert drawn.mean() == pytest.approx(cumulants[0], abs=4 * error)
        for k, noise in ((2, 0.04), (3, 0.1), (4, 0.2)):
            assert stats.kstat(drawn, k) == pytest.approx(cumulants[k - 1], rel=noise)

    def test_jumps_are_common_and_their_sizes_correlated_as_announced(self):
        family = ct.PriceShocks.jump(0.0, 3.0, 0.0, 0.1, jump_correlation=0.4)
        drawn = family.draw(["BTC", "ETH"], 8000, 3)
        assert ((drawn["BTC"] == 0.0) == (drawn["ETH"] == 0.0)).all()
        assert (drawn["BTC"] == 0.0).mean() == pytest.approx(math.exp(-3.0), abs=0.01)
        assert drawn.corr().iloc[0, 1] == pytest.approx(0.4, abs=0.04)

    def test_without_jumps_it_is_the_normal_family_bit_for_bit(self):
        none = ct.PriceShocks.jump(0.1, 0.0, -0.1, 0.1).draw(ASSETS, 20, 7)
        assert np.array_equal(none.to_numpy(), ct.PriceShocks.normal(0.1).draw(ASSETS, 20, 7).to_numpy())

    @pytest.mark.parametrize(("rate", "correlation"), [(-1.0, 1.0), (2000.0, 1.0), (1.0, 1.5)])
    def test_numbers_out_of_range_are_refused(self, rate, correlation):
        with pytest.raises(ValueRangeError, match=r"intensity|jump_correlation"):
            ct.PriceShocks.jump(0.1, rate, -0.1, jump_correlation=correlation)


class TestQuasi:
    def test_every_dimension_of_a_power_of_two_fills_equal_boxes_equally(self):
        sampler = FAMILIES["quasi matrix"].sampler
        points = sampler._points(range(64), 7)
        boxes = np.sort((points * 64).astype(int), axis=0)
        assert (boxes == np.arange(64)[:, np.newaxis]).all()

    def test_moments_are_nearer_to_the_truth_than_those_of_independent_draws(self):
        def misses(family):
            return [abs(float(family.draw(["BTC"], 256, seed)["BTC"].std()) - 0.1) for seed in range(20)]

        assert np.mean(misses(FAMILIES["quasi"])) < 0.5 * np.mean(misses(ct.PriceShocks.normal(0.1)))

    def test_quantiles_and_correlations_are_those_announced(self):
        drawn = FAMILIES["quasi matrix"].draw(ASSETS, 4096, 3)
        for name in ASSETS:
            found = np.quantile(drawn[name] / 0.1, [0.05, 0.25, 0.5, 0.75, 0.95])
            assert found == pytest.approx(stats.t(3).ppf([0.05, 0.25, 0.5, 0.75, 0.95]), abs=0.05)
        ranks = ct.PriceShocks.quasi(ASSETS, 0.1, MATRIX).draw(ASSETS, 4096, 3).corr()
        assert np.abs((ranks - MATRIX).to_numpy()).max() < 0.01

    def test_an_asset_it_was_not_made_for_is_refused(self):
        with pytest.raises(SchemaError, match=r"'BTX' \(did you mean 'BTC'"):
            FAMILIES["quasi"].draw(["BTX"], 3, 0)
        with pytest.raises(SchemaError, match="no entry for the asset 'SOL'"):
            ct.PriceShocks.quasi(ASSETS, {"BTC": 0.1, "ETH": 0.1})

    def test_points_beyond_the_sequence_are_refused(self, monkeypatch):
        with pytest.raises(ValueRangeError, match="beyond the end"):
            FAMILIES["quasi"].scenario(["BTC"], 2**30, 0)
        monkeypatch.setattr(quasi, "BITS", 20)  # the last point of 30 bits takes a walk through a billion
        with pytest.raises(ValueRangeError, match="beyond the end"):
            FAMILIES["quasi"].scenario(["BTC"], 2**20, 0)
        assert FAMILIES["quasi"].scenario(["BTC"], 2**20 - 1, 0).moves["BTC"] > -1.0

    def test_a_comparison_says_that_scenarios_are_not_independent(self):
        assert "no independent draws" in FAMILIES["quasi"].caution
        assert ct.PriceShocks.normal(0.1).caution == ""


class TestEpisodes:
    def test_moves_are_trough_over_peak_of_the_table(self):
        known = recorded()
        assert known["2020-03-12"].moves == {"BTC": 3782.13 / 7934.52 - 1.0, "ETH": 86.0 / 194.61 - 1.0}
        assert known["2025-10-10"].seconds == 1800.0 and known["2025-02-03"].moves == {"ETH": -0.3}

    def test_prices_that_two_tables_state_are_the_same(self):
        events = facts.load("events").set_index(["event", "name"])["value"]
        table = facts.load("episodes").set_index(["episode", "asset", "name"])["value"]
        assert table["2020-03-12", "BTC", "trough"] == events["2020-03-12", "btc_low"]
        assert table["2021-05-19", "ETH", "trough"] == events["2021-05-19", "eth_low"]
        assert table["2024-08-05", "BTC", "peak"] == events["2024-08-05", "btc_high_4_august"]
        assert table["2025-10-10", "BTC", "trough"] == events["2025-10-10", "btc_index_low_of_21:20_utc"]

    def test_every_row_has_a_source_or_a_reason_and_a_range(self):
        table = facts.load("episodes")
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        assert not table.duplicated(["episode", "asset", "name"]).any()
        fact = table["status"] == "fact"
        assert (table.loc[fact, "source"] != "").all() and (table.loc[~fact, "reason"] != "").all()
        durations = table[table["name"] == "duration"]
        assert set(durations["episode"]) == set(table["episode"]) and (durations["unit"] == "s").all()

    def test_assets_without_a_record_stand_still_or_follow_the_leader(self):
        still = ct.episode("2020-03-12", ["BTC", "SOL"])
        assert still.moves["SOL"] == 0.0 and still.over == 93_600.0
        follows = ct.episode("2020-03-12", ["SOL"], others=1.5)
        assert 1.0 + follows.moves["SOL"] == pytest.approx((3782.13 / 7934.52) ** 1.5)
        without = ct.episode("2025-02-03", ["BTC"], others=1.0)
        assert without.moves["BTC"] == pytest.approx(-0.3)

    def test_the_family_is_every_episode_once(self):
        family = ct.PriceShocks.episodes()
        drawn = family.draw(["BTC", "ETH"], family.size, 0)
        assert drawn["ETH"].lt(0.0).all() and len(drawn) == len(recorded())
        two = ct.PriceShocks.episodes(["2024-08-05", "2020-03-12"])
        assert two.scenario(["BTC"], 0, 0) == ct.episode("2024-08-05", ["BTC"])
        with pytest.raises(ValueRangeError, match="2 episodes"):
            two.scenario(["BTC"], 2, 0)

    @pytest.mark.parametrize("name", ["2020-03-13", 7, None, ""])
    def test_an_unknown_episode_is_refused(self, name):
        with pytest.raises(SchemaError, match="episode"):
            ct.episode(name)


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "jump", "scale": 0.1, "intensity": 1, "jump_mean": -0.1},
        {"kind": "PriceShocks.quasi", "assets": ASSETS, "scale": 0.1, "df": 4},
        {"kind": "filtered", "returns": "r.csv", "parameters": STEADY, "length": 4},
        {"kind": "episodes", "names": ["2020-03-12"]},
        {"kind": "episode", "name": "2020-03-12", "assets": ["BTC"]},
    ],
    ids=lambda table: table["kind"],
)
def test_a_study_knows_the_kind(table, tmp_path):
    from contagion.studies.builtins import shock

    RETURNS.to_csv(tmp_path / "r.csv")
    made = shock(table, tmp_path)
    assert "BTC" in made.describe() or "log returns" in made.describe()
