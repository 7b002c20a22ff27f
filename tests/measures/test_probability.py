"""The probability of being closed: closed form against simulation, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest

from contagion.errors import InputError, SchemaError, ValueRangeError
from contagion.measures.moments import covariance_of, lower_factor
from contagion.measures.passage import exit_probability
from contagion.measures.probability import probability_of_liquidation
from tests.measures.test_liquidation import market

DAY = 86_400.0


def chance(net, name="ax", **arguments):
    return probability_of_liquidation(net, DAY, **arguments).loc[name]


def test_a_long_is_closed_with_twice_the_chance_of_a_normal_beyond_its_price():
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 25.0})
    barrier = 95.0 / 99.0  # equity 25 - 5 (100 - p) = requirement p / 20
    expected = math.erfc(-math.log(barrier) / 0.03 / math.sqrt(2.0))
    found = chance(net)
    assert found["probability"] == pytest.approx(expected, rel=1e-12)
    assert (found["method"], found["assets"], found["standard_error"]) == ("analytic", 1, 0.0)
    assert chance(net, passage="end")["probability"] == pytest.approx(0.5 * expected, rel=1e-12)
    four_days = probability_of_liquidation(net, 4.0 * DAY, volatility={"BTC": 0.015})["probability"]["ax"]
    assert four_days == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("drift", ["log", "price"])
@pytest.mark.parametrize("passage", ["first", "end"])
def test_simulation_and_closed_form_agree_within_monte_carlo_error(drift, passage):
    positions = [
        ("x", "BTC", 5.0, 100.0),
        ("y", "BTC", -20.0, 100.0),
        ("z", "ETH", 300.0, 10.0),
        ("w", "ETH", -10.0, 10.0),
    ]
    net = market(positions, {"x": 25.0, "y": 150.0, "z": 180.0, "w": 9.0})
    exact = probability_of_liquidation(net, DAY, drift=drift, passage=passage)
    drawn = probability_of_liquidation(
        net, DAY, drift=drift, passage=passage, method="simulation", n=20_000, steps=64, seed=3
    )
    some = exact["probability"] > 1e-3
    assert some.sum() == 4
    gap = (drawn["probability"] - exact["probability"])[some] / drawn["standard_error"][some]
    assert (gap.abs() < 3.5).all()
    assert set(drawn["method"][some]) == {"simulation"}


def test_a_hedge_of_equal_size_fails_only_where_its_legs_move_apart():
    positions = [("x", "BTC", 10.0, 100.0), ("x", "ETH", -100.0, 10.0)]
    net = market(positions, {"x": 150.0})
    same = {"volatility": 0.04, "method": "simulation", "n": 20_000, "steps": 64, "seed": 1}
    assert chance(net, correlation=1.0, **same)["probability"] == 0.0
    # apart: 150 + 1000 x - 1000 / x = 10 x + (50 / x - 40), the requirements of two tiers
    barrier = (-190.0 + math.sqrt(190.0**2 + 4.0 * 990.0 * 1050.0)) / 1980.0
    exact = float(exit_probability(barrier, math.inf, 0.04, 1.0))
    apart = chance(net, correlation=-1.0, **same)
    assert abs(apart["probability"] - exact) < 3.5 * apart["standard_error"]


def test_opposite_moves_of_two_equal_positions_have_the_closed_form_of_a_cosine():
    one_rate = [{"schedule": "s", "floor": 0.0, "initial_rate": 0.2, "maintenance_rate": 0.1}]
    net = market([("x", "BTC", -1.0, 100.0), ("x", "ETH", -10.0, 10.0)], {"x": 20.5}, tiers=one_rate)
    barrier = np.arccosh(220.5 / 220.0)  # 220.5 = 110 e^t + 110 e^-t
    exact = float(exit_probability(math.exp(-barrier), math.exp(barrier), 0.05, 1.0))
    found = chance(net, volatility=0.05, correlation=-1.0, n=20_000, steps=256, seed=5)
    assert found["method"] == "simulation" and found["assets"] == 2
    assert abs(found["probability"] - exact) < 3.5 * found["standard_error"] + 2e-3


def test_finer_steps_do_not_change_the_answer():
    positions = [("x", "BTC", 5.0, 100.0), ("x", "ETH", 40.0, 10.0)]
    net = market(positions, {"x": 60.0})
    coarse, fine = (chance(net, n=20_000, steps=steps) for steps in (4, 128))
    error = math.hypot(coarse["standard_error"], fine["standard_error"])
    assert 0.02 < fine["probability"] < 0.9
    assert abs(coarse["probability"] - fine["probability"]) < 3.5 * error + 5e-3


def test_accounts_below_their_requirement_are_closed_and_those_without_positions_are_not():
    net = market([("x", "BTC", 10.0, 100.0)], {"x": 1.0, "y": 5.0})
    table = probability_of_liquidation(net, DAY)
    assert table.loc["ax", "probability"] == 1.0
    assert tuple(table.loc["ay", ["probability", "method", "assets"]]) == (0.0, "none", 0)


def test_an_account_far_from_its_requirement_needs_no_paths():
    net = market([("x", "BTC", 1.0, 100.0), ("x", "ETH", 1.0, 10.0)], {"x": 90.0})
    assert tuple(chance(net)[["probability", "method"]]) == (0.0, "bound")


def test_the_first_paths_and_other_assets_draws_stay_the_same():
    positions = [("x", "BTC", 5.0, 100.0), ("x", "ETH", 40.0, 10.0)]
    net = market(positions, {"x": 60.0})
    again = [chance(net, n=500, seed=4)["probability"] for _ in range(2)]
    assert again[0] == again[1] != chance(net, n=500, seed=5)["probability"]


def test_nothing_moves_without_volatility():
    net = market([("x", "BTC", 5.0, 100.0), ("y", "BTC", 5.0, 100.0)], {"x": 100.0, "y": 1.0})
    table = probability_of_liquidation(net, DAY, volatility=0.0)
    assert table.loc[["ax", "ay"], "probability"].tolist() == [0.0, 1.0]


def test_an_account_with_several_prices_has_no_closed_form():
    net = market([("x", "BTC", 5.0, 100.0), ("x", "ETH", 40.0, 10.0)], {"x": 60.0})
    with pytest.raises(SchemaError, match=r"account 'ax'.*depends on several prices.*auto"):
        probability_of_liquidation(net, DAY, method="analytic")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"horizon": 0.0}, ValueRangeError, "horizon"),
        ({"horizon": "day"}, SchemaError, "horizon"),
        ({"n": 1}, ValueRangeError, "n:"),
        ({"n": 10.0}, SchemaError, "n:"),
        ({"steps": 0}, ValueRangeError, "steps"),
        ({"seed": -1}, ValueRangeError, "seed"),
        ({"method": "analytical"}, InputError, "did you mean 'analytic'"),
        ({"passage": "last"}, InputError, "passage"),
        ({"volatility": {"BTCC": 0.1}}, SchemaError, "did you mean 'BTC'"),
        ({"volatility": {"BTC": -0.1}}, ValueRangeError, "volatility"),
        ({"correlation": 1.5}, ValueRangeError, "correlation"),
        (
            {"covariance": pd.DataFrame([[0.1]], ["BTC"], ["BTC"]), "correlation": 0.1},
            SchemaError,
            "covariance",
        ),
        (
            {"covariance": pd.DataFrame([[0.1]], ["ETH"], ["ETH"])},
            SchemaError,
            "no entry for the asset 'BTC'",
        ),
        ({"covariance": pd.DataFrame([[-0.1]], ["BTC"], ["BTC"])}, ValueRangeError, "negative eigenvalue"),
        ({"covariance": [[0.1]]}, SchemaError, "no DataFrame"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, error, words):
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 100.0})
    with pytest.raises(error, match=words):
        probability_of_liquidation(net, **({"horizon": DAY} | arguments))


def test_a_missing_volatility_is_refused_with_the_remedy():
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 100.0})
    net = net.replace(assets=net.assets.assign(volatility=float("nan")))
    with pytest.raises(SchemaError, match=r"'BTC' is not known.*volatility=\{'BTC'"):
        probability_of_liquidation(net, DAY)


def test_a_correlation_matrix_is_scaled_by_the_volatilities():
    net = market([], {"x": 1.0})
    matrix = pd.DataFrame([[1.0, 0.5], [0.5, 1.0]], ["ETH", "BTC"], ["ETH", "BTC"])
    found = covariance_of(net, ["BTC", "ETH"], correlation=matrix)
    np.testing.assert_allclose(found, [[0.0009, 0.0006], [0.0006, 0.0016]], rtol=1e-14)
    lower = lower_factor(found)
    np.testing.assert_allclose(lower @ lower.T, found, rtol=1e-14)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, 0.5], [0.5, 2.0]], "diagonal"),
        ([[1.0, 1.5], [1.5, 1.0]], "beyond"),
        ([[1.0, float("nan")], [float("nan"), 1.0]], "finite"),
    ],
)
def test_what_is_no_correlation_matrix_is_refused(matrix, words):
    net = market([], {"x": 1.0})
    with pytest.raises(ValueRangeError, match=words):
        covariance_of(net, ["BTC", "ETH"], correlation=pd.DataFrame(matrix, ["BTC", "ETH"], ["BTC", "ETH"]))
