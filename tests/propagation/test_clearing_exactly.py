"""Clearing against exact rationals: all small networks, costs of default, layers of seniority."""

import os
import random
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from contagion.errors import InputError
from contagion.propagation.clearing import clearing_range, eisenberg_noe, rogers_veraart
from tests.oracles.clearing_pieces import by_seniority, costs_of_default

FULL = os.environ.get("HYPOTHESIS_PROFILE") == "full"
PARTS = (Fraction(0), Fraction(1, 2), Fraction(1))


def matrix_of(amounts, n):
    """A matrix with zero diagonal from its other entries, row by row."""
    entries = iter(amounts)
    return [[0 if i == j else next(entries) for j in range(n)] for i in range(n)]


def check_both_ends(liabilities, assets, debts, alpha, beta, senior):
    exact = costs_of_default(liabilities, assets, debts, alpha, beta, senior)
    found = clearing_range(
        *(
            [[float(x) for x in row] for row in liabilities],
            [float(e) for e in assets],
            [float(b) for b in debts],
        ),
        alpha=float(alpha),
        beta=float(beta),
        external_priority="senior" if senior else "pari_passu",
    )
    case = (liabilities, assets, debts, alpha, beta, senior)
    for (paid, failed), vector in zip(exact, (found.greatest, found.least), strict=True):
        ours = vector.interbank_payments if senior else vector.payments
        np.testing.assert_allclose(ours, [float(p) for p in paid], rtol=1e-12, atol=0, err_msg=str(case))
        assert vector.defaulted.tolist() == failed, (case, vector.fixed_point)
        assert vector.waves == [sorted(wave) for wave in vector.waves]
        assert sorted(node for wave in vector.waves for node in wave) == np.flatnonzero(failed).tolist()
    assert found.unique == (exact[0][0] == exact[1][0] and exact[0][1] == exact[1][1]), case
    assert found.greatest.unique == found.least.unique == found.unique


def all_small():
    """Every network of 3 nodes with debts and assets in {0, 1, 2}, every alpha and beta in {0, 1/2, 1}."""
    return product(product(range(3), repeat=9), PARTS, PARTS)


def test_networks_of_three_nodes_clear_as_in_exact_arithmetic():
    draw = random.Random(5)
    cases = all_small()
    if not FULL:
        cases = ((draw.choices(range(3), k=9), draw.choice(PARTS), draw.choice(PARTS)) for _ in range(1000))
    for amounts, alpha, beta in cases:
        check_both_ends(matrix_of(amounts[:6], 3), list(amounts[6:]), [0, 0, 0], alpha, beta, False)


def test_external_debts_of_either_rank_clear_as_in_exact_arithmetic():
    draw = random.Random(6)
    for _ in range(20_000 if FULL else 500):
        amounts, debts = draw.choices(range(3), k=9), draw.choices(range(3), k=3)
        alpha, beta, senior = draw.choice(PARTS), draw.choice(PARTS), draw.random() < 0.5
        check_both_ends(matrix_of(amounts[:6], 3), amounts[6:], debts, alpha, beta, senior)


def test_random_rationals_clear_as_in_exact_arithmetic():
    draw = random.Random(7)
    for place in range(400 if FULL else 40):
        n = 2 + place % (5 if FULL else 4)
        amounts = [Fraction(draw.choice([0, 0, draw.randint(1, 40)]), 8) for _ in range(n * (n - 1))]
        assets = [Fraction(draw.randint(0, 30), 8) for _ in range(n)]
        debts = [Fraction(draw.choice([0, draw.randint(0, 24)]), 8) for _ in range(n)]
        kept = [Fraction(draw.randint(0, 8), 8) for _ in range(2)]
        check_both_ends(matrix_of(amounts, n), assets, debts, *kept, draw.random() < 0.5)


def test_layers_of_seniority_clear_as_in_exact_arithmetic():
    draw = random.Random(8)
    for place in range(5_000 if FULL else 150):
        ranks = 1 + place % 3
        layers = [matrix_of(draw.choices(range(4), [4, 2, 1, 1], k=6), 3) for _ in range(ranks)]
        outside = [draw.choices(range(3), [3, 1, 1], k=3) for _ in range(ranks)]
        assets = draw.choices(range(5), k=3)
        exact = by_seniority(layers, assets, outside)
        for (paid, failed), point in zip(exact, ("greatest", "least"), strict=True):
            found = eisenberg_noe(
                external_assets=assets,
                liabilities_by_seniority=layers,
                external_liabilities_by_seniority=outside,
                fixed_point=point,
            )
            case = str((layers, assets, outside, point))
            expected = [float(p) for p in paid]
            np.testing.assert_allclose(found.payments, expected, rtol=1e-12, atol=1e-15, err_msg=case)
            assert found.defaulted.tolist() == failed, case
            total = np.sum(found.payments_by_seniority, axis=0)
            np.testing.assert_allclose(total, found.payments, rtol=1e-12, atol=1e-15)
            assert sorted(node for wave in found.waves for node in wave) == np.flatnonzero(failed).tolist()


@pytest.mark.parametrize("fixed_point", ["greatest", "least"])
def test_forced_defaults_bear_the_costs_though_they_could_pay(fixed_point):
    rule = {"alpha": 0.5, "beta": 0.25, "fixed_point": fixed_point}
    debts = [[0, 4, 0], [0, 0, 2], [3, 0, 0]]
    found = rogers_veraart(debts, [2, 9, 8], initial_defaults=[0], **rule)
    assert found.defaulted.tolist() == [True, False, False]
    assert found.payments.tolist() == [0.5 * 2 + 0.25 * 3, 2.0, 3.0]
    assert found.signed_equity.tolist() == [1.0, 9 - 2 + 1.75, 8 + 2 - 3.0]
    assert found.equity.tolist()[0] == 0.0
    rich = rogers_veraart(debts, [2, 9, 80], initial_defaults=[2], **rule)
    assert rich.payments.tolist() == [4.0, 2.0, 3.0]  # never more than is owed
    with pytest.raises(InputError, match="initial_defaults"):
        rogers_veraart(debts, [2, 9, 8], initial_defaults=[3])
