"""Valuation functions against integrals of what a claim pays, and against one another."""

import numpy as np
import pytest

from contagion.balance_sheets import balance_sheets
from contagion.errors import InputError
from contagion.propagation.neva import neva
from contagion.propagation.valuations import BlackCox, EisenbergNoe, Furfine, FurfineMerton, Merton
from contagion.propagation.valuations.diffusion import (
    black_cox_default_probability,
    merton_default_probability,
    merton_value,
)
from tests.oracles import valuation as oracle

GRID = [
    (equity, assets, due, sigma, recovery)
    for equity in (-6.0, -0.5, 0.0, 0.3, 2.0, 9.9, 10.0, 12.0)
    for assets in (10.0,)
    for due in (1.0, 8.0, 30.0)
    for sigma in (0.05, 0.4)
    for recovery in (0.0, 0.6, 1.0)
]


def column(*values):
    return [np.array([value], dtype=float) for value in values]


@pytest.mark.parametrize(("equity", "assets", "due", "sigma", "recovery"), GRID)
def test_a_claim_is_worth_the_mean_of_what_it_pays_at_maturity(equity, assets, due, sigma, recovery):
    found = merton_value(*column(equity, assets, due, sigma, recovery))[0]
    assert found == pytest.approx(oracle.merton_value(equity, assets, due, sigma, recovery), abs=1e-10)
    default = merton_default_probability(*column(equity, assets, sigma))[0]
    exogenous = 1.0 - (1.0 - recovery) * default
    assert exogenous == pytest.approx(oracle.furfine_merton_value(equity, assets, sigma, recovery), abs=1e-10)


@pytest.mark.parametrize("equity", [0.2, 1.0, 4.0, 9.0])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.5])
def test_default_at_any_time_is_the_first_passage_of_external_assets(equity, sigma):
    found = black_cox_default_probability(*column(equity, 10.0, sigma))[0]
    assert found == pytest.approx(oracle.black_cox_probability(equity, 10.0, sigma), abs=1e-9)
    assert found >= merton_default_probability(*column(equity, 10.0, sigma))[0]


def test_default_at_any_time_is_certain_without_equity_and_never_beyond_all_assets():
    edge = np.nextafter(10.0, 0.0)
    equity = np.array([-3.0, 0.0, 1e-12, edge, 10.0, 11.0])
    found = black_cox_default_probability(equity, np.full(6, 10.0), np.full(6, 0.2))
    assert found[:2].tolist() == [1.0, 1.0]
    assert found[2] == pytest.approx(1.0, abs=1e-11)
    assert found[3:].tolist() == [0.0, 0.0, 0.0]


def test_values_never_fall_in_equity_and_stay_between_0_and_1():
    equity = np.linspace(-50.0, 15.0, 4001)
    same = [np.full(4001, value) for value in (10.0, 40.0, 0.3, 0.7)]
    merton = merton_value(equity, *same)
    assert (np.diff(merton) >= -1e-15).all()
    assert merton.min() >= 0.0
    assert merton.max() <= 1.0
    assert (np.diff(black_cox_default_probability(equity, same[0], same[2])) <= 1e-15).all()


def test_tiny_debts_keep_their_value_in_range():
    found = merton_value(*column(0.5, 10.0, 1e-12, 0.2, 1.0))[0]
    chance = merton_default_probability(*column(0.5, 10.0, 0.2))[0]
    assert found == pytest.approx(1.0 - chance, abs=1e-12)


def test_nobody_holds_a_claim_on_who_owes_nothing():
    assert merton_value(*column(-3.0, 10.0, 0.0, 0.2, 0.5))[0] == 1.0


def test_a_built_in_valuation_can_be_called_by_a_users_own():
    def mostly(equity, books):
        return 0.9 * Furfine(0.4)(equity, books) + 0.1

    debts, assets = [[0, 4, 0], [0, 0, 3], [2, 0, 0]], [1, 2, 3]
    assert neva(debts, assets, valuation=mostly).valuation == pytest.approx([0.46, 1.0, 1.0], abs=1e-15)


@pytest.mark.parametrize("kind", [Merton, FurfineMerton, BlackCox])
def test_vectors_are_joined_by_name(kind):
    import pandas as pd

    names = ["b", "a"]
    debts = pd.DataFrame([[0.0, 2.0], [1.0, 0.0]], index=names, columns=names)
    assets = pd.Series({"a": 4.0, "b": 5.0})
    sigma, recovery = pd.Series({"a": 0.3, "b": 0.1}), {"a": 0.5, "b": 0.2}
    named = neva(debts, assets, valuation=kind(sigma, recovery=recovery))
    plain = neva(debts.to_numpy(), [5.0, 4.0], valuation=kind([0.1, 0.3], recovery=[0.2, 0.5]))
    assert named.sigma.tolist() == [0.1, 0.3]
    assert named.signed_equity == pytest.approx(plain.signed_equity, abs=1e-14)
    assert named.to_frame().loc["a", "signed_equity"] == named.signed_equity[1]


def test_face_value_without_anything_at_risk():
    sheets = balance_sheets([[0, 1], [1, 0]], [1, 1])
    assert sheets.equity.tolist() == [1.0, 1.0]
    found = neva([[0, 1], [1, 0]], [1, 1], valuation=EisenbergNoe())
    assert found.losses.tolist() == [0.0, 0.0]
    assert found.rounds == 1
    assert found.residual == 0.0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": [0.1, -0.1]}, "sigma"),
        ({}, "sigma"),
        ({"sigma": 0.1, "sigma_equity": 0.1}, "sigma"),
        ({"sigma_equity": 0.0}, "sigma"),
        ({"sigma": 0.1, "recovery": 1.1}, "recovery"),
        ({"sigma": 0.1, "recovery": -0.1}, "recovery"),
        ({"sigma": [0.1, 0.1, 0.1]}, "length"),
    ],
)
@pytest.mark.parametrize("kind", [Merton, FurfineMerton, BlackCox])
def test_parameters_are_refused_by_name(kind, options, word):
    with pytest.raises(InputError, match=word):
        neva([[0, 1], [1, 0]], [3, 3], valuation=kind(**options))
