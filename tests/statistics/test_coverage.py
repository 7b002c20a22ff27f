"""Do intervals hold the truth as often as they say? Seeded simulation; a full run repeats more often.

Allowed are 93 to 97 % where an interval is offered plainly, 91 to 97 % where it is flagged "approximate", each
widened by three standard errors of the simulation. Order statistics of a discrete rank may cover a little more.
"""

import os

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from contagion.measures.intervals import es_difference, es_interval, expected_shortfall, var_interval
from contagion.measures.market_based.tables import market_measures
from contagion.measures.paired import paired_effect

REPETITIONS = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "full" else 60
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
        interval = estimate(draw(np.random.Generator(np.random.PCG64(repetition))), repetition)
        hits += interval.low <= truth <= interval.high
    return hits / REPETITIONS


def within(share, low, high):
    return low - NOISE <= share <= high + NOISE


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
    assert within(share, 0.93, 0.98)


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
    share = covered(
        lambda saved, seed: paired_effect(-saved, np.zeros(n), seed=seed),
        -LAWS[law].mean(),
        lambda source: LAWS[law].rvs(n, random_state=source),
    )
    assert within(share, low, 0.97)


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
    assert within(share, 0.91, 0.98)


def test_a_p_value_is_below_5_percent_in_5_percent_of_worlds_without_effect():
    hits = 0
    for repetition in range(REPETITIONS):
        source = np.random.Generator(np.random.PCG64(repetition))
        hits += paired_effect(source.standard_normal(100), np.zeros(100), seed=repetition).p_value <= 0.05
    assert hits / REPETITIONS <= 0.07 + NOISE


def test_pairing_never_makes_the_mean_effect_less_certain():
    source = np.random.Generator(np.random.PCG64(3))
    losses = source.lognormal(size=500)
    saved = 0.7 * losses + 0.1 * source.lognormal(size=500)
    assert (saved - losses).var() <= saved.var() + losses.var()
    paired = paired_effect(saved, losses)
    apart = paired_effect(saved[::-1], losses)
    assert paired.high - paired.low <= apart.high - apart.low


def test_marginal_shortfall_and_delta_covar_are_covered_at_their_allowed_minimum(monkeypatch):
    """Bivariate normal law: ΔCoVaR = ρ Φ⁻¹(q), MES = -ρ φ(Φ⁻¹(q)) / q."""
    monkeypatch.setattr("contagion.measures.resampling.DRAWS", 199)
    rho, q, n = 0.6, 0.05, 500
    edge = stats.norm.ppf(q)
    truths = np.array([-rho * stats.norm.pdf(edge) / q, rho * edge])
    hits = np.zeros(2)
    for repetition in range(REPETITIONS):
        source = np.random.Generator(np.random.PCG64(repetition))
        firm = source.standard_normal(n)
        system = rho * firm + np.sqrt(1.0 - rho**2) * source.standard_normal(n)
        row = market_measures(pd.DataFrame({"firm": firm, "system": system}), q=q, seed=repetition).loc[
            "firm"
        ]
        lows, highs = row[["mes_low", "delta_covar_low"]], row[["mes_high", "delta_covar_high"]]
        hits += (lows.to_numpy(float) <= truths) & (truths <= highs.to_numpy(float))
    assert all(within(share, 0.91, 0.97) for share in hits / REPETITIONS)
