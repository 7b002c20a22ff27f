"""Bootstrap weights: Poisson for one network, within networks for few, of networks for many."""

import numpy as np
import pytest
from scipy import stats

from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.measures import resampling
from contagion.measures.resampling import DRAWS, Resampling, between_networks, central, samples


def drawn(n, networks=None, kept=None, seed=3, key=("loss",)):
    scheme = Resampling.make(n, networks, seed, key)
    blocks = list(scheme.blocks(np.arange(n) if kept is None else np.asarray(kept)))
    return np.vstack([weights for weights, _ in blocks]), np.concatenate([totals for _, totals in blocks])


class TestWeights:
    def test_there_are_999_draws(self):
        weights, totals = drawn(40)
        assert weights.shape == (DRAWS, 40) and totals.shape == (DRAWS,)

    def test_one_network_has_poisson_weights(self):
        weights, totals = drawn(200)
        assert weights.mean() == pytest.approx(1.0, abs=0.01)
        assert weights.var() == pytest.approx(1.0, abs=0.02)
        assert np.array_equal(weights.sum(axis=1), totals)

    def test_scenarios_that_are_not_kept_count_in_the_total_alone(self):
        weights, totals = drawn(500, kept=[3, 8, 400])
        assert weights.shape == (DRAWS, 3)
        assert totals.mean() == pytest.approx(500.0, abs=3.0)
        assert totals.std() == pytest.approx(np.sqrt(500.0), rel=0.1)

    def test_below_20_networks_every_network_keeps_its_number_of_scenarios(self):
        networks = np.arange(90) % 4
        weights, totals = drawn(90, networks)
        for network in range(4):
            assert (weights[:, networks == network].sum(axis=1) == (networks == network).sum()).all()
        assert (totals == 90.0).all()

    def test_within_networks_weights_vary_like_draws_with_replacement(self):
        weights, _ = drawn(100, np.arange(100) % 2)
        assert weights.mean() == pytest.approx(1.0, abs=0.01)
        assert weights.var() == pytest.approx(1.0 - 1.0 / 50.0, abs=0.02)

    def test_from_20_networks_on_whole_networks_come_and_go(self):
        networks = np.arange(100) % 20
        weights, totals = drawn(100, networks)
        sums = np.stack([weights[:, networks == network].sum(axis=1) for network in range(20)])
        assert set(np.unique(sums) % 5) == {0.0}
        assert (sums == 0.0).mean() == pytest.approx((1 - 1 / 20) ** 20, abs=0.02)
        assert (totals == 100.0).all()

    def test_unequal_networks_make_the_total_vary(self):
        networks = np.r_[np.arange(25), np.zeros(25, dtype=int)]
        weights, totals = drawn(50, networks)
        assert np.array_equal(weights.sum(axis=1), totals)
        assert totals.std() > 1.0

    def test_kept_scenarios_of_few_networks_have_binomial_weights(self):
        networks = np.arange(400) % 4
        weights, totals = drawn(400, networks, kept=[0, 1, 5])
        assert weights.shape == (DRAWS, 3) and (totals == 400.0).all()
        assert weights.mean() == pytest.approx(1.0, abs=0.06)

    def test_many_networks_are_drawn_whole_so_that_the_mean_varies_as_their_means_do(self):
        networks = np.arange(600) % 30
        weights, totals = drawn(600, networks)
        by_network = weights.reshape(DRAWS, 20, 30)
        assert (by_network == by_network[:, :1]).all() and (totals == 600.0).all()
        values = np.random.Generator(np.random.PCG64(1)).standard_normal(600)
        means = np.array([values[networks == one].mean() for one in range(30)])
        assert (weights @ values / 600.0).var() == pytest.approx(means.var() / 30.0, rel=0.1)


class TestDeterminism:
    @pytest.mark.parametrize("networks", [None, np.arange(60) % 3, np.arange(60) % 30])
    def test_the_size_of_blocks_changes_no_number(self, networks, monkeypatch):
        first = drawn(60, networks)
        monkeypatch.setattr(resampling, "BLOCK_VALUES", 60 * 7)
        again = drawn(60, networks)
        assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])

    @pytest.mark.parametrize("networks", [None, np.arange(60) % 3, np.arange(60) % 30])
    def test_seed_and_key_choose_the_weights(self, networks):
        first = drawn(60, networks)[0]
        assert np.array_equal(first, drawn(60, networks)[0])
        assert not np.array_equal(first, drawn(60, networks, seed=4)[0])
        assert not np.array_equal(first, drawn(60, networks, key=("other",))[0])

    def test_names_of_networks_do_not_matter_only_their_order(self):
        by_number = drawn(60, np.arange(60) % 3)[0]
        assert np.array_equal(by_number, drawn(60, np.array(["a", "b", "c"])[np.arange(60) % 3])[0])


class TestRules:
    def test_many_networks_widen_intervals_to_those_of_student_and_p_values_follow(self):
        many, few = Resampling.make(40, np.arange(40) % 20, 0), Resampling.make(40, np.arange(40) % 19, 0)
        one = Resampling.make(40, None, 0)
        assert few.level(0.95) == one.level(0.95) == 0.95 and few.p_value(0.01) == 0.01
        expanded = 2.0 * stats.norm.cdf(-np.sqrt(20.0 / 19.0) * stats.t.ppf(0.975, 19))
        assert many.level(0.95) == pytest.approx(1.0 - expanded) and 0.03 < expanded < 0.035
        assert many.p_value(expanded) == pytest.approx(0.05) and many.p_value(1.0) == 1.0

    def test_few_scenarios_per_network_are_refused(self):
        assert Resampling.make(36, np.arange(36) % 4, 0).refusal == "9 scenarios per network < 10"
        assert Resampling.make(40, np.arange(40) % 4, 0).refusal == ""

    def test_one_or_many_networks_need_no_number_of_scenarios_each(self):
        assert Resampling.make(5, None, 0).refusal == ""
        assert Resampling.make(20, np.arange(20), 0).refusal == ""

    def test_networks_are_one_per_scenario(self):
        with pytest.raises(SchemaError, match="networks"):
            Resampling.make(5, [0, 1], 0)

    @pytest.mark.parametrize(
        ("seed", "error"), [(-1, ValueRangeError), (1.5, SchemaError), (2**129, TooLargeError)]
    )
    def test_bad_seeds_are_refused(self, seed, error):
        with pytest.raises(error, match="seed"):
            Resampling.make(5, None, seed)

    @pytest.mark.parametrize("k", [25, 50, 500])
    @pytest.mark.parametrize("networks", [1, 4, 30])
    def test_kept_values_hold_the_tail_of_every_draw(self, k, networks):
        n = 20 * k
        labels = np.sort(np.arange(n) % networks)
        scheme = Resampling.make(n, labels, 0)
        kept = np.arange(scheme.reach(k))
        for weights, totals in scheme.blocks(kept):
            assert (weights.sum(axis=1) > 0.05 * totals).all()


def test_variance_between_networks_is_that_of_their_means():
    values = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 10.0])
    networks = np.array([0, 0, 1, 1, 2, 2])
    assert between_networks(values, networks) == pytest.approx(np.var([1.5, 4.0, 8.0], ddof=1))
    assert between_networks([1.0, np.nan, 3.0, 5.0], [0, 0, 1, 1]) == pytest.approx(
        np.var([1.0, 4.0], ddof=1)
    )
    assert np.isnan(between_networks([1.0, 2.0], [0, 0]))
    assert np.isnan(between_networks([np.nan, 2.0], [0, 1]))


def test_the_central_share_lies_between_exact_order_statistics():
    draws = np.arange(1.0, 1000.0)[::-1]
    assert central(draws, 0.95) == (25.0, 975.0)
    assert central(draws, 0.99) == (5.0, 995.0)
    assert central(draws, 0.9999) == (1.0, 999.0)


def test_samples_are_one_finite_number_or_nan_per_scenario():
    assert samples([1, 2]).dtype == np.float64
    assert np.isnan(samples([1.0, np.nan])[1])
    assert samples([True, False]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("bad", [[[1.0]], ["a"], [1j], 3.0])
def test_samples_of_another_kind_are_refused(bad):
    with pytest.raises(SchemaError, match="losses"):
        samples(bad)


@pytest.mark.parametrize("bad", [[], [1.0, float("inf")], [-float("inf")]])
def test_samples_are_there_and_not_infinite(bad):
    with pytest.raises(ValueRangeError, match="losses"):
        samples(bad)
