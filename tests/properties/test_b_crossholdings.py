"""Cross-holdings against exact rationals (B9), least and greatest (B4, B5), sums, units, names, stacks (F)."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.propagation.crossholdings import elliott_golub_jackson, suzuki
from contagion.propagation.dependency import dependency_matrix, failure_rounds
from tests.oracles.crossholdings import exact_dependency, failures, suzuki_greatest, suzuki_least, suzuki_map

PARTS = st.sampled_from([0, 0, 0, 1, 2, 5, 8])


def fractions(draw, n, top):
    """Sixteenths by column whose sums are at most `top` sixteenths."""
    matrix = [[Fraction(0)] * n for _ in range(n)]
    for j in range(n):
        left = top
        for i in range(n):
            if i != j:
                part = min(draw(PARTS), left)
                left -= part
                matrix[i][j] = Fraction(part, 16)
        if n > 1 and top == 16 and draw(st.booleans()):
            matrix[(j + 1) % n][j] += Fraction(left, 16)
    return matrix


@st.composite
def firms(draw):
    """Holdings of shares and debts, debts and assets of up to four firms."""
    n = draw(st.integers(1, 4))
    amounts = st.lists(st.sampled_from([0, 0, 1, 1, 2, 3, 7]), min_size=n, max_size=n)
    shares, debts = fractions(draw, n, 15), fractions(draw, n, 16)
    return shares, debts, [Fraction(x) for x in draw(amounts)], [Fraction(x) for x in draw(amounts)]


@st.composite
def organisations(draw):
    """Holdings, assets, thresholds and costs of up to four organisations."""
    n = draw(st.integers(1, 4))

    def quarters(top):
        return [Fraction(x, 4) for x in draw(st.lists(st.integers(0, 4 * top), min_size=n, max_size=n))]

    return fractions(draw, n, 12), quarters(4), quarters(3), quarters(2)


def floats(values):
    return np.array(values, dtype=np.float64)


@given(firms())
def test_b9_firms_are_valued_as_in_exact_arithmetic(world):
    found = suzuki(*map(floats, world))
    exact = suzuki_greatest(*world)
    debt = world[2]
    assert suzuki_map(*world, exact) == exact
    assert found.total_assets == pytest.approx(floats(exact), rel=1e-12, abs=1e-13)
    assert found.defaulted.tolist() == [t < d for t, d in zip(exact, debt, strict=True)]
    assert found.debt_value == pytest.approx(floats([min(t, d) for t, d in zip(exact, debt, strict=True)]))


@given(firms())
def test_b5_the_least_values_are_those_that_nothing_can_be_taken_from(world):
    found = suzuki(*map(floats, world), fixed_point="least")
    exact = suzuki_least(*world)
    greatest = suzuki_greatest(*world)
    assert suzuki_map(*world, exact) == exact
    assert found.total_assets == pytest.approx(floats(exact), rel=1e-12, abs=1e-13)
    assert found.defaulted.tolist() == [t < d for t, d in zip(exact, world[2], strict=True)]
    assert found.unique == (exact == greatest)
    shares, debts, debt, assets = map(floats, world)
    total = np.zeros(len(debt))
    for _ in range(300):
        total = assets + shares @ np.maximum(total - debt, 0.0) + debts @ np.minimum(total, debt)
    assert (total <= found.total_assets + 1e-9).all()


@given(firms())
def test_b4_valuing_again_changes_nothing_and_nothing_is_created(world):
    shares, debts, debt, assets = map(floats, world)
    found = suzuki(shares, debts, debt, assets)
    again = assets + shares @ found.equity + debts @ found.debt_value
    assert again == pytest.approx(found.total_assets, rel=1e-12, abs=1e-13)
    outside = (1 - shares.sum(axis=0)) @ found.equity + (1 - debts.sum(axis=0)) @ found.debt_value
    assert outside == pytest.approx(assets.sum(), rel=1e-12, abs=1e-12)


@given(firms(), st.integers(-40, 40))
def test_f_money_in_another_unit_scales_firms_bit_for_bit(world, power):
    shares, debts, debt, assets = map(floats, world)
    unit = 2.0**power
    plain, scaled = suzuki(shares, debts, debt, assets), suzuki(shares, debts, debt * unit, assets * unit)
    assert (scaled.equity == plain.equity * unit).all()
    assert (scaled.debt_value == plain.debt_value * unit).all()
    assert (scaled.defaulted == plain.defaulted).all()


@given(firms(), st.randoms())
def test_f_named_firms_have_the_same_bits_in_any_order(world, random):
    shares, debts, debt, assets = map(floats, world)
    names = [f"firm {k}" for k in range(len(debt))]
    mixed = random.sample(names, len(names))
    matrices = [pd.DataFrame(matrix, names, names) for matrix in (shares, debts)]
    vectors = [pd.Series(vector, names) for vector in (debt, assets)]
    plain = suzuki(*matrices, *vectors)
    other = suzuki(*(matrix.loc[mixed, mixed] for matrix in matrices), *vectors)
    assert other.to_frame().loc[names].equals(plain.to_frame())


@given(organisations())
def test_b9_failures_are_those_of_the_least_and_largest_consistent_set(world):
    holdings, assets, thresholds, costs = world
    outcomes = failures(*world)
    given_ = {"thresholds": floats(thresholds), "failure_costs": floats(costs)}
    for case, (_, failed, values) in (("best", outcomes[0]), ("worst", outcomes[-1])):
        found = elliott_golub_jackson(floats(assets), floats(holdings), case=case, **given_)
        assert found.failed.tolist() == list(failed)
        assert found.values == pytest.approx(floats(values), rel=1e-12, abs=1e-13)
        assert found.dependency_matrix == pytest.approx(floats(exact_dependency(holdings)), abs=1e-14)


@given(organisations())
def test_b5_the_best_case_fails_nobody_that_the_worst_spares_and_no_value_is_lost_but_costs(world):
    holdings, assets, thresholds, costs = map(floats, world)
    best, worst = (
        elliott_golub_jackson(assets, holdings, thresholds=thresholds, failure_costs=costs, case=case)
        for case in ("best", "worst")
    )
    assert not (best.failed & ~worst.failed).any()
    for found in (best, worst):
        assert found.values.sum() == pytest.approx(assets.sum() - costs[found.failed].sum(), abs=1e-12)
        assert (
            sorted(k for wave in found.waves + found.releases for k in wave)
            == np.flatnonzero(found.wave >= 0).tolist()
        )
    assert (best.failed == (best.wave >= 0)).all()
    assert (worst.failed == (worst.wave < 0)).all()


@given(organisations(), st.integers(-40, 40), st.randoms())
def test_f_units_and_order_of_organisations_change_nothing(world, power, random):
    holdings, assets, thresholds, costs = map(floats, world)
    unit, n = 2.0**power, len(assets)
    plain = elliott_golub_jackson(assets, holdings, thresholds=thresholds, failure_costs=costs)
    scaled = elliott_golub_jackson(
        assets * unit, holdings, thresholds=thresholds * unit, failure_costs=costs * unit
    )
    assert (scaled.values == plain.values * unit).all()
    assert (scaled.wave == plain.wave).all()
    order = random.sample(range(n), n)
    bare = elliott_golub_jackson(
        assets[order],
        holdings[np.ix_(order, order)],
        thresholds=thresholds[order],
        failure_costs=costs[order],
    )
    assert bare.wave.tolist() == plain.wave[order].tolist()
    assert bare.values == pytest.approx(plain.values[order], rel=1e-12, abs=1e-13)
    names = [f"n{k}" for k in range(n)]
    mixed = [names[k] for k in order]
    frame = pd.DataFrame(holdings, names, names)
    vectors = {
        "asset_values": pd.Series(assets, names),
        "thresholds": pd.Series(thresholds, names),
        "failure_costs": pd.Series(costs, names),
    }
    named = elliott_golub_jackson(cross_holdings=frame.loc[mixed, mixed], **vectors)
    same = elliott_golub_jackson(cross_holdings=frame, **vectors)
    assert named.to_frame().loc[names].equals(same.to_frame())


@pytest.mark.parametrize("n", [1, 3, 17, 60])
@pytest.mark.parametrize("worst", [False, True])
def test_f_a_stack_of_cases_has_the_bits_of_each_case_alone(n, worst):
    rng = np.random.default_rng(n)
    holdings = rng.random((7, n, n)) * (rng.random((7, n, n)) < 0.3)
    holdings[:, np.arange(n), np.arange(n)] = 0.0
    holdings *= 0.7 / np.maximum(holdings.sum(axis=1, keepdims=True), 1e-9)
    dependency = dependency_matrix(holdings)
    assets = rng.random((7, n))
    limits = 0.98 * np.einsum("...ij,...j->...i", dependency, rng.random((7, n)))
    stacked = failure_rounds(dependency, assets, limits, 0.3 * limits, worst=worst)
    for k in range(7):
        alone = failure_rounds(
            dependency_matrix(holdings[k]), assets[k], limits[k], 0.3 * limits[k], worst=worst
        )
        for many, one in zip(stacked, alone, strict=True):
            assert many[k].tobytes() == one.tobytes()
