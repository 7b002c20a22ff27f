"""Do intervals hold the truth as often as they say? Seeded simulation; a full run repeats more often.

Allowed are 93 to 97 % where an interval is offered plainly, 91 to 97 % where it is flagged "approximate", each
widened by three standard errors of the simulation. Samples are new in every repetition; 50 share bootstrap weights.
"""

import os

import numpy as np
import pandas as pd
import pytest
from scipy import signal, stats

from contagion.measures.exceedance import exceedance_table
from contagion.measures.factorial import contrasts
from contagion.measures.intervals import es_difference, es_interval, expected_shortfall, var_interval
from contagion.measures.market_based.tables import market_measures
from contagion.measures.paired import paired_effect, paired_effects
from contagion.measures.proportions import share_interval

REPETITIONS = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "full" else 500
SHARING = 50
"""Repetitions that share bootstrap weights."""
NOISE = 3.0 * np.sqrt(0.95 * 0.05 / REPETITIONS)

LAWS = {
    "normal": stats.norm(5.0, 1.0),
    "log-normal": stats.lognorm(1.0),
    "student 4": stats.t(4, loc=5.0),
    "pareto 3": stats.pareto(3.0),
}


def shortfall(law, level):
    """Expected shortfall of a law, by the midpoint rule on its quantiles."""
    points = level + (1.0 - level) * (np.arange(2_000_000) + 0.5) / 2_000_000
    return law.ppf(points).mean()


def covered(estimate, truth, draw):
    """Share of repetitions whose interval holds the truth."""
    hits = 0
    for repetition in range(REPETITIONS):
        interval = estimate(draw(np.random.Generator(np.random.PCG64(repetition))), repetition // SHARING)
        hits += interval.low <= truth <= interval.high
    return hits / REPETITIONS


def covered_rows(differences, truth):
    """Share of rows of differences whose mean effect's interval holds the truth; all have the same draws."""
    effects = paired_effects(differences, np.zeros(differences.shape[1]), seed=5)
    return np.mean([effect.low <= truth <= effect.high for effect in effects])


def within(share, low, high, noise=NOISE):
    return low - noise <= share <= high + noise


@pytest.mark.parametrize(("k", "low"), [(25, 0.91), (100, 0.93)])
@pytest.mark.parametrize("law", LAWS)
def test_expected_shortfall_is_covered_at_its_allowed_minimum(law, k, low):
    share = covered(
        lambda losses, seed: es_interval(losses, 0.9, seed=seed),
        shortfall(LAWS[law], 0.9),
        lambda source: LAWS[law].rvs(10 * k, random_state=source),
    )
    assert within(share, low, 0.97)


@pytest.mark.parametrize("law", LAWS)
def test_value_at_risk_is_covered(law):
    share = covered(
        lambda losses, seed: var_interval(losses, 0.95, seed=seed),
        LAWS[law].ppf(0.95),
        lambda source: LAWS[law].rvs(500, random_state=source),
    )
    assert within(share, 0.93, 0.97)


@pytest.mark.parametrize("law", LAWS)
def test_a_paired_difference_of_shortfalls_is_covered(law):
    def both(source):
        losses = LAWS[law].rvs(500, random_state=source)
        return losses, 0.8 * losses + 0.5 * source.standard_normal(500)

    draws = both(np.random.Generator(np.random.PCG64(10**6)))
    assert es_difference(draws[1], draws[0], 0.9).note == "approximate: k = 50 < 200"
    source = np.random.Generator(np.random.PCG64(10**7))
    many = LAWS[law].rvs(4_000_000, random_state=source)
    truth = expected_shortfall(0.8 * many + 0.5 * source.standard_normal(len(many)), 0.9) - shortfall(
        LAWS[law], 0.9
    )
    share = covered(lambda pair, seed: es_difference(pair[1], pair[0], 0.9, seed=seed), truth, both)
    assert within(share, 0.91, 0.97)


@pytest.mark.parametrize(("n", "low"), [(25, 0.91), (200, 0.93)])
@pytest.mark.parametrize("law", LAWS)
def test_a_mean_effect_is_covered_at_its_allowed_minimum(law, n, low):
    saved = LAWS[law].rvs((REPETITIONS, n), random_state=np.random.Generator(np.random.PCG64(n)))
    assert within(covered_rows(-saved, -LAWS[law].mean()), low, 0.97)


@pytest.mark.parametrize("networks", [4, 25])
def test_several_networks_are_covered_by_their_rule(networks):
    """Few networks: the truth is theirs. Many: it is that of the law the networks come from."""
    n = 300

    def draw(source):
        levels = np.linspace(-1.0, 1.0, networks) if networks < 20 else source.standard_normal(networks)
        return levels[np.arange(n) % networks] + source.standard_normal(n)

    share = covered(
        lambda gaps, seed: paired_effect(gaps, np.zeros(n), networks=np.arange(n) % networks, seed=seed),
        0.0,
        draw,
    )
    assert within(share, 0.93, 0.97)


def test_a_p_value_is_below_5_percent_in_5_percent_of_worlds_without_effect():
    differences = np.random.Generator(np.random.PCG64(4)).standard_normal((REPETITIONS, 100))
    effects = paired_effects(differences, np.zeros(100), seed=5)
    assert np.mean([effect.p_value <= 0.05 for effect in effects]) <= 0.07 + NOISE


def test_pairing_never_makes_the_mean_effect_less_certain():
    source = np.random.Generator(np.random.PCG64(3))
    losses = source.lognormal(size=500)
    saved = 0.7 * losses + 0.1 * source.lognormal(size=500)
    assert (saved - losses).var() <= saved.var() + losses.var()
    paired = paired_effect(saved, losses)
    apart = paired_effect(saved[::-1], losses)
    assert paired.high - paired.low <= apart.high - apart.low


def test_marginal_shortfall_and_delta_covar_are_covered_at_their_allowed_minimum():
    """Bivariate normal law: ΔCoVaR = ρ Φ⁻¹(q), MES = -ρ φ(Φ⁻¹(q)) / q."""
    rho, q, n = 0.6, 0.1, 250
    edge = stats.norm.ppf(q)
    truths = np.array([-rho * stats.norm.pdf(edge) / q, rho * edge])
    hits = np.zeros(2)
    for repetition in range(REPETITIONS):
        source = np.random.Generator(np.random.PCG64(repetition))
        firm = source.standard_normal(n)
        system = rho * firm + np.sqrt(1.0 - rho**2) * source.standard_normal(n)
        frame = pd.DataFrame({"firm": firm, "system": system})
        row = market_measures(frame, q=q, seed=repetition // SHARING).loc["firm"]
        lows, highs = row[["mes_low", "delta_covar_low"]], row[["mes_high", "delta_covar_high"]]
        hits += (lows.to_numpy(float) <= truths) & (truths <= highs.to_numpy(float))
    assert all(within(share, 0.91, 0.97) for share in hits / REPETITIONS)


def test_measures_of_days_that_cluster_are_covered_with_blocks():
    """Both series are autoregressive of order one with 0.6: closed forms as for independent days."""
    rho, q, n, past = 0.6, 0.1, 250, 0.6
    edge = stats.norm.ppf(q)
    truths = np.array([-rho * stats.norm.pdf(edge) / q, rho * edge])
    hits = np.zeros(2)
    for repetition in range(REPETITIONS):
        source = np.random.Generator(np.random.PCG64(repetition))
        steps = source.standard_normal((n + 50, 2)) @ np.array([[1.0, rho], [0.0, np.sqrt(1.0 - rho**2)]])
        days = signal.lfilter([np.sqrt(1.0 - past**2)], [1.0, -past], steps, axis=0)[50:]
        frame = pd.DataFrame(days, columns=["system", "firm"])
        row = market_measures(frame, q=q, block=5, seed=repetition // SHARING).loc["firm"]
        lows, highs = row[["mes_low", "delta_covar_low"]], row[["mes_high", "delta_covar_high"]]
        hits += (lows.to_numpy(float) <= truths) & (truths <= highs.to_numpy(float))
    assert all(within(share, 0.91, 0.97) for share in hits / REPETITIONS)


@pytest.mark.parametrize("law", LAWS)
def test_a_median_effect_is_covered(law):
    share = covered(
        lambda gaps, seed: var_interval(gaps, 0.5, seed=seed),
        LAWS[law].median(),
        lambda source: LAWS[law].rvs(200, random_state=source),
    )
    assert within(share, 0.93, 0.97)


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3])
def test_a_probability_over_many_networks_is_covered_however_alike_their_scenarios_are(spread):
    """Every network has its own probability, 0.2 on average; `spread` is the correlation within a network."""
    networks = np.arange(500) % 25
    size = (1.0 - spread) / spread

    def draw(source):
        return (source.random(500) < source.beta(0.2 * size, 0.8 * size, 25)[networks]).astype(float)

    share = covered(lambda hits, _: share_interval(hits, networks=networks), 0.2, draw)
    assert within(share, 0.91, 0.97)


def test_ignoring_that_scenarios_share_a_network_would_miss_too_often():
    networks = np.arange(500) % 25

    def draw(source):
        return (source.random(500) < source.beta(0.2 * 7 / 3, 0.8 * 7 / 3, 25)[networks]).astype(float)

    assert covered(lambda hits, _: share_interval(hits), 0.2, draw) < 0.7


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("measure", ["value at risk", "shortfall", "difference"])
def test_tails_over_many_networks_are_covered_whether_they_differ_or_not(measure, spread):
    """The truth is that of the law networks come from, which have means that spread."""
    networks = np.arange(500) % 25
    law = stats.norm(5.0, np.hypot(1.0, spread))
    other = stats.norm(4.0, np.hypot(0.8 * law.std(), 0.5))
    truths = {
        "value at risk": law.ppf(0.9),
        "shortfall": shortfall(law, 0.9),
        "difference": shortfall(other, 0.9) - shortfall(law, 0.9),
    }

    def draw(source):
        losses = 5.0 + spread * source.standard_normal(25)[networks] + source.standard_normal(500)
        return losses, 0.8 * losses + 0.5 * source.standard_normal(500)

    def estimate(pair, seed):
        options = {"networks": networks, "seed": seed}
        if measure == "difference":
            return es_difference(pair[1], pair[0], 0.9, **options)
        return (var_interval if measure == "value at risk" else es_interval)(pair[0], 0.9, **options)

    assert within(covered(estimate, truths[measure], draw), 0.93, 0.97)


def test_a_change_of_the_probability_of_exceeding_a_limit_is_covered():
    """The table's own difference, on one sample, is the mean effect that is repeated here."""
    losses = np.random.Generator(np.random.PCG64(1)).standard_normal((REPETITIONS, 200))
    changes = (losses > 1.0).astype(float) - (losses > 0.5)
    truth = stats.norm.sf(1.0) - stats.norm.sf(0.5)
    assert within(covered_rows(changes, truth), 0.93, 0.97)
    frame = frame_of(none=losses[0], rule=losses[0] - 0.5)
    row = exceedance_table(frame, "system_loss", 0.5, seed=5).loc["rule"]
    effect = paired_effect(changes[0], np.zeros(200), seed=5, key=("exceedance", "system_loss"))
    assert (row["difference_low"], row["difference_high"]) == (effect.low, effect.high)


def test_an_interaction_is_covered():
    """Losses in which two rules save 1 and 2 on average, and 0.5 less together."""
    source, shape = np.random.Generator(np.random.PCG64(2)), (REPETITIONS, 200)
    base, first, second = (
        source.lognormal(size=shape),
        source.exponential(1.0, shape),
        source.gamma(2.0, 1.0, shape),
    )
    both = base - first - second + source.exponential(0.5, shape)
    assert within(covered_rows(both - (base - first) - (base - second) + base, 0.5), 0.93, 0.97)
    sets = {"none": base[0], "a": (base - first)[0], "b": (base - second)[0], "a + b": both[0]}
    found = contrasts(frame_of(**sets), "system_loss", seed=5).loc["a × b"]
    effect = paired_effect(both[0] + base[0], sets["a"] + sets["b"], seed=5, key=("contrast", "system_loss"))
    assert [found["low"], found["high"]] == pytest.approx([effect.low, effect.high])


def frame_of(**sets):
    parts = [
        pd.DataFrame({"policy": name, "scenario": range(len(values)), "system_loss": values})
        for name, values in sets.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(network=0, status="ok")
