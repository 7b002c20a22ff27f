"""Banks that target their leverage: identities, exact rationals, relabelling, refusals."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError, UnitError
from contagion.propagation.firesales.named import (
    duarte_eisenbach,
    greenwood_iterated,
    greenwood_landier_thesmar,
)

WEIGHTS = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.0, 0.7, 0.3]]
SHEET = ([100.0, 200.0, 50.0], [5.0, 8.0, 4.0], WEIGHTS, [-0.02, 0.0, -0.01], [2e-4, 1e-4, 5e-4])
ORDERS = ("pro_rata", "liquid_first")


@st.composite
def sheets(draw):
    """Assets, equity, weights, shock and impact of a few banks, with zeros and equal values."""
    banks, securities = draw(st.integers(1, 5)), draw(st.integers(1, 4))

    def numbers(values, *shape):
        size = int(np.prod(shape))
        return np.array(draw(st.lists(values, min_size=size, max_size=size))).reshape(shape)

    weights = numbers(st.sampled_from([0.0, 0.1, 0.25, 0.5]), banks, securities)
    return (
        numbers(st.floats(10.0, 1e3), banks),
        numbers(st.floats(0.5, 9.0), banks),
        weights,
        numbers(st.sampled_from([-0.1, -0.03, -0.01, 0.0, 0.02]), securities),
        numbers(st.sampled_from([0.0, 1e-6, 1e-5, 1e-4]), securities),
    )


def exactly(assets, equity, weights, shock, impact):
    """Sales, returns and aggregate vulnerability of one uncapped round in proportion, in fractions."""
    a, e, f, steep = ([Fraction(x) for x in values] for values in (assets, equity, shock, impact))
    m = [[Fraction(x) for x in row] for row in weights]
    banks, securities = range(len(a)), range(len(f))
    sold = [-a[n] * (a[n] - e[n]) / e[n] * sum(m[n][k] * f[k] for k in securities) for n in banks]
    by_asset = [sum(sold[n] * m[n][k] for n in banks) for k in securities]
    held = [sum(a[n] * m[n][k] for n in banks) for k in securities]
    vulnerability = sum(held[k] * steep[k] * by_asset[k] for k in securities) / sum(e)
    return by_asset, vulnerability


@given(sheets())
def test_one_round_is_that_of_exact_rationals(sheet):
    found = greenwood_landier_thesmar(*sheet)
    by_asset, vulnerability = exactly(*sheet)
    scale = sum(abs(float(x)) for x in by_asset) + 1.0
    assert found.sales_by_asset == pytest.approx([float(x) for x in by_asset], rel=1e-12, abs=1e-13 * scale)
    assert found.aggregate_vulnerability == pytest.approx(float(vulnerability), rel=1e-11, abs=1e-12)


@given(sheets(), st.sampled_from(ORDERS), st.booleans())
def test_systemicness_and_weighted_indirect_vulnerability_sum_to_aggregate_vulnerability(sheet, order, cap):
    found = greenwood_landier_thesmar(*sheet, selling_order=order, cap_sales_at_assets=cap)
    equity = np.asarray(sheet[1])
    weighted = (found.indirect_vulnerability * equity).sum() / equity.sum()
    limits = {"rel": 1e-11, "abs": 1e-12}
    assert found.systemicness.sum() == pytest.approx(found.aggregate_vulnerability, **limits)
    assert weighted == pytest.approx(found.aggregate_vulnerability, **limits)


@given(sheets())
def test_systemicness_is_connectedness_times_size_times_leverage_times_shock(sheet):
    found = greenwood_landier_thesmar(*sheet)
    assets, equity = np.asarray(sheet[0]), np.asarray(sheet[1])
    product = found.connectedness * assets / equity.sum() * (assets - equity) / equity * -found.bank_return
    assert found.systemicness == pytest.approx(product, rel=1e-11, abs=1e-13)


@given(sheets(), st.sampled_from(ORDERS))
def test_d1_without_impact_every_effect_of_the_second_round_is_exactly_0(sheet, order):
    found = greenwood_landier_thesmar(*sheet[:4], np.zeros(len(sheet[3])), selling_order=order)
    for name in ("price_return", "systemicness", "indirect_vulnerability", "aggregate_vulnerability"):
        assert not np.any(getattr(found, name)), name


@given(sheets())
def test_liquid_first_sells_at_most_what_is_held_and_the_cheapest_first(sheet):
    found = greenwood_landier_thesmar(*sheet, selling_order="liquid_first")
    assets, weights = np.asarray(sheet[0]), np.asarray(sheet[2])
    wanted = greenwood_landier_thesmar(*sheet).bank_sales
    has = assets * weights.sum(axis=1)
    leverage = (assets - sheet[1]) / sheet[1]
    demand = -assets * leverage * found.bank_return
    selling = demand > 0
    assert found.bank_sales[selling] == pytest.approx(np.minimum(demand, has)[selling], rel=1e-12)
    assert found.bank_sales[~selling] == pytest.approx(wanted[~selling], rel=1e-12)


def test_equal_impacts_are_sold_in_the_order_of_columns():
    found = greenwood_landier_thesmar(
        [100.0], [10.0], [[0.25, 0.25, 0.5]], [-0.04, 0.0, 0.0], [1e-4, 1e-4, 0.0],
        selling_order="liquid_first", securities=["z", "a", "m"],
    )  # fmt: skip
    assert found.sales_by_asset.tolist() == pytest.approx([0.0, 0.0, 9.0])
    found = greenwood_landier_thesmar(
        [100.0], [5.0], [[0.25, 0.25, 0.1]], [-0.08, 0.0, 0.0], [1e-4, 1e-4, 1e-3],
        selling_order="liquid_first", securities=["z", "a", "m"],
    )  # fmt: skip
    assert found.sales_by_asset.tolist() == pytest.approx([25.0, 13.0, 0.0])


@given(sheets())
def test_the_first_of_many_rounds_is_the_one_round(sheet):
    found = greenwood_iterated(*sheet, rounds=3)
    one = greenwood_landier_thesmar(*sheet).aggregate_vulnerability
    assert found.av_by_round[0] == pytest.approx(one, rel=1e-12, abs=1e-15)
    assert np.asarray(found.transfer_matrix) @ sheet[3] == pytest.approx(
        greenwood_landier_thesmar(*sheet).price_return, rel=1e-10, abs=1e-13
    )


@given(sheets())
def test_the_series_ends_at_its_sum_or_has_none(sheet):
    found = greenwood_iterated(*sheet, rounds=400)
    if not found.converges:
        assert found.cumulative_price_return is None
        assert found.cumulative_aggregate_vulnerability is None
    elif found.spectral_radius < 0.9:
        assert found.av_by_round.sum() == pytest.approx(
            found.cumulative_aggregate_vulnerability, rel=1e-9, abs=1e-12
        )


@given(sheets())
def test_the_product_of_three_is_aggregate_vulnerability(sheet):
    found, one = duarte_eisenbach(*sheet), greenwood_landier_thesmar(*sheet)
    assert found.aggregate_vulnerability == pytest.approx(one.aggregate_vulnerability, rel=1e-9, abs=1e-11)


def test_nothing_passed_on_never_diverges():
    found = greenwood_iterated(*SHEET[:4], [0.0, 0.0, 0.0], rounds=2)
    assert (found.spectral_radius, found.critical_impact_multiple) == (0.0, float("inf"))


def test_impact_at_the_critical_multiple_has_spectral_radius_1():
    multiple = greenwood_iterated(*SHEET, rounds=0).critical_impact_multiple
    again = greenwood_iterated(*SHEET[:4], np.array(SHEET[4]) * multiple, rounds=0)
    assert again.spectral_radius == pytest.approx(1.0, rel=1e-12)


def labelled(banks, securities):
    """The sheet of three banks as frames, in a given order."""
    rows, columns = ["A", "B", "C"], ["x", "y", "z"]
    return (
        pd.Series(SHEET[0], rows)[banks],
        pd.Series(SHEET[1], rows)[banks],
        pd.DataFrame(WEIGHTS, rows, columns).loc[banks, securities],
        pd.Series(SHEET[3], columns)[securities],
        pd.Series(SHEET[4], columns)[securities],
    )


@pytest.mark.parametrize("order", ORDERS)
def test_relabelling_permutes_the_answer_to_the_last_bit(order):
    first = greenwood_landier_thesmar(*labelled(list("ABC"), list("xyz")), selling_order=order)
    other = greenwood_landier_thesmar(*labelled(list("CAB"), list("yzx")), selling_order=order)
    assert first.to_frame().loc[list("CAB")].equals(other.to_frame())
    assert first.aggregate_vulnerability == other.aggregate_vulnerability
    assert first.price_return[[1, 2, 0]].tolist() == other.price_return.tolist()


def test_series_join_by_name_whatever_their_order():
    sheet = list(labelled(list("ABC"), list("xyz")))
    sheet[0] = sheet[0].iloc[::-1]
    assert greenwood_landier_thesmar(*sheet).bank_sales.tolist() == pytest.approx([22.8, 48.0, 1.725])


@pytest.mark.parametrize("order", ORDERS)
def test_many_scenarios_are_the_same_one_by_one(order):
    shocks = np.array([SHEET[3], [0.0, -0.05, 0.01], [0.0, 0.0, 0.0]])
    many = greenwood_landier_thesmar(*SHEET[:3], shocks, SHEET[4], selling_order=order)
    for row, shock in enumerate(shocks):
        one = greenwood_landier_thesmar(*SHEET[:3], shock, SHEET[4], selling_order=order)
        assert one.systemicness.tolist() == many.systemicness[row].tolist()
        assert one.aggregate_vulnerability == many.aggregate_vulnerability[row]
        assert np.array_equal(one.amplification, many.amplification[row], equal_nan=True)


REFUSED = {
    "equity": {1: [5.0, 0.0, 4.0]},
    "total_assets": {0: [100.0, 200.0]},
    "weights": {2: [[0.5, -0.1, 0.2], *WEIGHTS[1:]]},
    "shock": {3: [0.0, float("nan"), 0.0]},
    "price_impact": {4: [1e-4, -1e-4, 0.0]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_numbers_are_refused_by_name(name):
    sheet = list(SHEET)
    for place, values in REFUSED[name].items():
        sheet[place] = values
    for function in (greenwood_landier_thesmar, duarte_eisenbach):
        with pytest.raises(InputError, match=name):
            function(*sheet)


@pytest.mark.parametrize(
    ("labels", "word"),
    [({"banks": ["A", "B", "A"]}, "'A' is there twice"), ({"securities": ["x", "y"]}, "securities")],
)
def test_labels_that_do_not_fit_are_refused(labels, word):
    with pytest.raises(InputError, match=word):
        greenwood_landier_thesmar(*SHEET, **labels)


def test_a_mismatch_of_labels_lists_both_sides():
    sheet = list(labelled(list("ABC"), list("xyz")))
    sheet[3] = sheet[3].rename({"y": "w"})
    with pytest.raises(InputError, match=r"shock.*missing \['y'\], not expected \['w'\]"):
        greenwood_landier_thesmar(*sheet)


def test_arrays_are_not_joined_to_frames_by_position():
    sheet = list(labelled(list("ABC"), list("xyz")))
    sheet[1] = SHEET[1]
    with pytest.raises(InputError, match="equity: has no labels"):
        greenwood_landier_thesmar(*sheet)


def test_different_money_is_refused():
    with pytest.raises(UnitError, match="EUR bn"):
        greenwood_landier_thesmar(*SHEET, units={"total_assets": "EUR mn", "price_impact": "EUR bn"})
    with pytest.raises(UnitError, match="did you mean 'equity'"):
        greenwood_landier_thesmar(*SHEET, units={"equty": "EUR mn"})
