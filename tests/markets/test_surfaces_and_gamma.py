"""Surfaces by hand, shocks, arbitrage that is found where it was put; books of options by level of the price."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from contagion import markets
from contagion.errors import InputError
from contagion.propagation.firesales.feedback import gamma_feedback

GRID = np.linspace(-0.5, 0.5, 21)
EXPIRIES = np.array([0.1, 0.25, 1.0, 2.0])
left = st.just(0.0) | st.floats(1e-8, 2.0)


def volatilities(surface, grid=GRID, years=EXPIRIES):
    return surface.volatility(np.exp(grid), 1.0, years[:, None])


def test_total_variance_is_linear_between_expiries_and_volatility_flat_outside():
    surface = markets.VolatilitySurface([0.8, 0.5], years=[0.25, 1.0])
    between = (0.5 * 0.8**2 * 0.25 + 0.5 * 0.5**2 * 1.0) / 0.625
    found = surface.level([0.0, 0.1, 0.25, 0.625, 1.0, 5.0])
    assert found.tolist() == pytest.approx([0.8, 0.8, 0.8, math.sqrt(between), 0.5, 0.5])


@given(st.floats(0.2, 2.0), st.floats(-0.2, 0.2), st.floats(0.0, 0.2), st.floats(0.5, 2.0), left)
def test_skew_and_smile_are_in_log_moneyness_over_the_root_of_time(level, skew, smile, ratio, years):
    surface = markets.VolatilitySurface(level, skew=skew, smile=smile, lowest=0.0)
    x = math.log(ratio) / math.sqrt(years) if years > 0.0 else 0.0
    expected = max(level + skew * x + smile * x * x, 0.0)
    assert surface.volatility(100.0 * ratio, 100.0, years) == pytest.approx(expected, rel=1e-12)


def test_shocks_move_level_and_tilt_and_leave_the_surface_as_it_was():
    calm = markets.VolatilitySurface([0.5, 0.4], years=[0.1, 1.0], skew=-0.1)
    stressed = calm.shocked(factor=2.0, level=0.1, tilt=-0.2)
    assert stressed.levels == (1.1, 0.9)
    assert stressed.skew == pytest.approx(-0.3)
    assert calm.levels == (0.5, 0.4)
    assert calm.shocked() == calm
    down, up = volatilities(stressed, np.array([-0.2, 0.2])).T - volatilities(calm, np.array([-0.2, 0.2])).T
    assert (down > up).all()
    assert calm.shocked(level=-3.0).levels == (0.01, 0.01)


@given(st.floats(0.1, 2.0), st.floats(0.0, 1.0))
def test_a_flat_surface_and_one_whose_variance_rises_have_no_arbitrage(level, more):
    flat = markets.VolatilitySurface(level)
    assert markets.surface_arbitrage(volatilities(flat), GRID, EXPIRIES).empty
    rising = markets.VolatilitySurface([level, level + more], years=[0.1, 2.0])
    assert markets.surface_arbitrage(volatilities(rising), GRID, EXPIRIES).empty


def test_variance_that_falls_with_time_is_found_at_its_expiry():
    falling = markets.VolatilitySurface([0.8, 0.2], years=[0.25, 1.0])
    found = markets.surface_arbitrage(volatilities(falling), GRID, EXPIRIES)
    assert set(found["kind"]) == {"calendar"}
    assert found["years"].unique().tolist() == [1.0]
    assert found["amount"].tolist() == pytest.approx([0.8**2 * 0.25 - 0.2**2] * len(GRID))


def test_one_strike_too_dear_makes_one_butterfly_worth_less_than_nothing():
    sigma = np.full((1, len(GRID)), 0.5)
    sigma[0, 12] += 0.02
    found = markets.surface_arbitrage(sigma, GRID, [0.25])
    assert found[["kind", "log_moneyness"]].to_numpy().tolist() == [["butterfly", pytest.approx(GRID[12])]]

    def call(k, s):
        upper = -GRID[k] / (s * 0.5) + 0.25 * s
        return norm.cdf(upper) - math.exp(GRID[k]) * norm.cdf(upper - 0.5 * s)

    low, mid, high = np.exp(GRID[11:14])
    weight = (mid - low) / (high - low)
    dear = call(12, 0.52) - (1 - weight) * call(11, 0.5) - weight * call(13, 0.5)
    assert found["amount"].item() == pytest.approx(dear, rel=1e-9)


def test_a_skew_too_steep_for_its_expiry_sells_higher_strikes_above_lower_ones():
    steep = markets.VolatilitySurface(0.5, skew=1.5)
    found = markets.surface_arbitrage(volatilities(steep), GRID, EXPIRIES)
    assert "vertical" in set(found["kind"])
    assert 0.1 in set(found["years"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: markets.VolatilitySurface([0.5, -0.1], years=[0.1, 0.2]), r"levels\[1\]: -0\.1 is negative"),
        (lambda: markets.VolatilitySurface([0.5, 0.1], years=[0.2, 0.1]), "years: .* do not rise"),
        (
            lambda: markets.VolatilitySurface([0.5, 0.1]),
            "levels: has 2 entries; one, or one per entry of years",
        ),
        (lambda: markets.VolatilitySurface(0.5).volatility(1.0, 1.0, -1.0), "years: -1.0 is past expiry"),
        (lambda: markets.surface_arbitrage([[0.5]], [0.0, 0.1], [1.0]), "volatility: has shape"),
        (lambda: markets.surface_arbitrage([[0.5, 0.5]], [0.1, 0.0], [1.0]), "log_moneyness: do not rise"),
    ],
)
def test_what_is_no_surface_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_gain_of_the_loop_is_that_of_hedgers_of_short_calls():
    loop = gamma_feedback(100, 102, 0.6, 20 / 365, 1.5, short_calls=500, impact=0.01)
    profile = markets.gamma_profile(
        "call", -500.0, 102.0, 20 / 365, 0.6, spot=100.0, levels=[100.0, loop.final_price], impact=0.01
    )
    assert profile.loop_gain[0] == pytest.approx(loop.loop_gain, rel=1e-12)
    assert profile.gamma[0] == pytest.approx(-500 * loop.gamma, rel=1e-12)
    # the loop ends where outside move and hedging together give the price: S = S0 + move + impact trade
    assert loop.final_price == pytest.approx(100 + 1.5 + 0.01 * profile.hedge_trade[1], rel=1e-12)


@given(
    st.lists(st.tuples(st.sampled_from(["call", "put"]), st.floats(-5, 5), st.floats(50, 150)), min_size=1)
)
def test_a_book_is_the_sum_of_its_options_and_hedging_follows_gamma(rows):
    kind, held, strike = (list(column) for column in zip(*rows, strict=True))
    levels = np.array([80.0, 100.0, 120.0])
    book = markets.gamma_profile(kind, held, strike, 0.2, 0.5, spot=100.0, levels=levels, impact=0.1)
    each = [markets.black_scholes(kind, level, strike, 0.2, 0.5) for level in levels]
    value = [math.fsum(np.array(held) * one.price) for one in each]
    assert book.value.tolist() == pytest.approx(value, abs=1e-9)
    delta = [math.fsum(np.array(held) * one.delta) for one in each]
    assert book.hedge_trade.tolist() == pytest.approx([delta[1] - d for d in delta], abs=1e-12)
    assert book.dollar_gamma.tolist() == pytest.approx((book.gamma * levels**2 * 0.01).tolist())
    assert book.loop_gain.tolist() == pytest.approx((-0.1 * book.gamma).tolist())
    near = markets.gamma_profile(kind, held, strike, 0.2, 0.5, spot=100.0, levels=[99.99])
    assert near.hedge_trade[0] == pytest.approx(0.01 * near.gamma[0], abs=1e-4 * sum(map(abs, held)) + 1e-12)


def test_a_hedger_short_of_gamma_sells_into_a_fall_and_one_long_of_it_buys():
    terms = (["call", "put"], 100.0, 0.1, 0.8)
    short = markets.gamma_profile(
        terms[0], [-10.0, -10.0], *terms[1:], spot=100.0, levels=[90.0, 110.0], impact=0.0
    )
    assert short.hedge_trade[0] < 0.0 < short.hedge_trade[1]
    assert (short.loop_gain == 0.0).all()
    long = markets.gamma_profile(terms[0], [10.0, 10.0], *terms[1:], spot=100.0, levels=[90.0, 110.0])
    assert long.hedge_trade.tolist() == pytest.approx((-short.hedge_trade).tolist())
    with pytest.raises(InputError, match=r"years\[1\]: -0\.1 is past expiry"):
        markets.gamma_profile("call", 1.0, 1.0, [0.1, -0.1], 0.2, spot=1.0, levels=[1.0])
