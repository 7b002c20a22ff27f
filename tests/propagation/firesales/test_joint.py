"""Joint fixed points of clearing, price and margin against brute force, clearing alone, hand calculations, refusals."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from contagion.errors import InputError
from contagion.propagation.clearing import eisenberg_noe
from contagion.propagation.firesales.joint import cifuentes_ferrucci_shin
from contagion.propagation.firesales.joint_margins import paddrik_rajan_young

BANKS = {
    "interbank_liabilities": [[0, 6.0, 2.0], [3.0, 0, 5.0], [4.0, 1.0, 0]],
    "external_liabilities": [9.0, 10.5, 12.0],
    "cash": [2.0, 1.5, 3.0],
    "illiquid": [9.4, 12.0, 9.0],
    "min_capital_ratio": 0.1,
    "price_elasticity": 0.001,
}
CALLS = {
    "margin_due": [[0, 10.0, 4.0, 0], [6.0, 0, 3.0, 8.0], [2.0, 12.0, 0, 1.0], [9.0, 3.0, 5.0, 0]],
    "liquidity_buffer": [1.0, 2.0, 3.0, 0.5],
    "initial_margin": [[0, 2.0, 1.0, 0], [1.0, 0, 0.5, 1.0], [0.5, 1.0, 0, 0.2], [1.0, 0.5, 0.5, 0]],
    "stress_factor": 1.0,
}


@st.composite
def sheets(draw):
    """Small balance sheets in halves."""
    n = draw(st.integers(1, 5))
    amounts = st.integers(0, 12).map(lambda k: k / 2)
    rows = [[0.0 if i == j else draw(amounts) for j in range(n)] for i in range(n)]
    vectors = [draw(st.lists(amounts, min_size=n, max_size=n)) for _ in range(3)]
    return {
        "interbank_liabilities": rows,
        "external_liabilities": vectors[0],
        "cash": vectors[1],
        "illiquid": vectors[2],
        "min_capital_ratio": draw(st.sampled_from([0.0, 0.07, 0.2, 1.0])),
        "price_elasticity": draw(st.sampled_from([0.0, 0.003, 0.03, 0.3])),
    }


def image(price, keys):
    """The price after the sales at a price, clearing by its own module; sums by hand."""
    units, cash = np.array(keys["illiquid"]), np.array(keys["cash"])
    due = np.array(keys["interbank_liabilities"])
    found = eisenberg_noe(due, price * units + cash, keys["external_liabilities"])
    claims = due.T @ found.recovery
    ratio, sold = keys["min_capital_ratio"], 0.0
    for i, held in enumerate(units):
        worth = found.signed_equity[i]
        if found.defaulted[i] or worth <= 1e-13:
            sold += held
        elif ratio > 0:
            sold += min(max(held - (worth / ratio - claims[i]) / price, 0.0), held)
    return math.exp(-keys["price_elasticity"] * sold)


@given(sheets())
def test_both_ends_are_fixed_points_of_clearing_and_price_and_in_order(keys):
    found = cifuentes_ferrucci_shin(**keys)
    floor = math.exp(-keys["price_elasticity"] * sum(keys["illiquid"]))
    assert floor <= found.worst_price + 1e-15 <= found.price + 2e-15 <= 1.0 + 2e-15
    for price, sales in ((found.price, found.sales), (found.worst_price, found.worst_sales)):
        assert (sales >= 0).all() and (sales <= keys["illiquid"]).all()
        assert price == pytest.approx(math.exp(-keys["price_elasticity"] * sales.sum()), abs=1e-12)
    assert (found.worst_payments <= found.payments + 1e-12).all()
    assert (found.worst_sales >= found.sales - 1e-9).all()


@given(sheets())
def test_nobody_finds_a_price_outside_the_two_ends(keys):
    found = cifuentes_ferrucci_shin(**keys)
    for step in range(1, 12):
        above = found.price + (1.0 - found.price) * step / 12
        assert above - image(above, keys) >= -1e-12
        floor = math.exp(-keys["price_elasticity"] * sum(keys["illiquid"]))
        below = floor + (found.worst_price - floor) * (1 - step / 12)
        assert image(below, keys) - below >= -1e-12


@given(sheets())
def test_d1_without_price_impact_the_payments_are_those_of_clearing_alone(keys):
    found = cifuentes_ferrucci_shin(**{**keys, "price_elasticity": 0.0})
    alone = eisenberg_noe(
        keys["interbank_liabilities"],
        np.array(keys["illiquid"]) + keys["cash"],
        keys["external_liabilities"],
    )
    assert found.price == found.worst_price == 1.0
    assert found.unique
    assert (found.payments == alone.payments).all()
    assert found.net_worth == pytest.approx(alone.equity, abs=1e-12)


@given(sheets(), st.sampled_from([0.5, 2.0, 5.0]))
def test_d3_a_thinner_market_never_has_a_higher_price(keys, factor):
    thick = cifuentes_ferrucci_shin(**keys)
    thin = cifuentes_ferrucci_shin(**{**keys, "price_elasticity": keys["price_elasticity"] * (1 + factor)})
    assert thin.price <= thick.price + 1e-12
    assert thin.worst_price <= thick.worst_price + 1e-12


def test_d4_one_bank_sells_until_its_ratio_holds_at_the_price_it_makes():
    keys = {
        "interbank_liabilities": [[0.0]],
        "external_liabilities": [95.0],
        "cash": [0.0],
        "illiquid": [100.0],
        "min_capital_ratio": 0.08,
        "price_elasticity": 0.0004,
    }
    found = cifuentes_ferrucci_shin(**keys)
    price, sold = found.price, found.sales[0]
    assert 0 < sold < 100
    assert (100 * price - 95) / (price * (100 - sold)) == pytest.approx(0.08, rel=1e-9)
    assert price == pytest.approx(math.exp(-0.0004 * sold), rel=1e-12)


def test_solvent_banks_without_a_ratio_sell_nothing_and_banks_at_the_ratio_neither():
    found = cifuentes_ferrucci_shin(**{**BANKS, "min_capital_ratio": 0.0, "price_elasticity": 1.0})
    assert (found.price, found.sales.tolist(), found.defaults) == (1.0, [0.0, 0.0, 0.0], [])
    exact = cifuentes_ferrucci_shin(
        [[0.0]], [0.9], [0.3], [0.7], min_capital_ratio=1 / 7, price_elasticity=2.0
    )
    assert (exact.price, exact.sales.tolist()) == (1.0, [0.0])


def test_a_bank_in_default_sells_everything():
    found = cifuentes_ferrucci_shin([[0.0]], [9.0], [1.0], [5.0], min_capital_ratio=0.1, price_elasticity=0.1)
    assert found.defaults == [0]
    assert found.price == math.exp(-0.5)
    assert found.payments[0] == pytest.approx(1.0 + 5.0 * math.exp(-0.5))
    assert found.net_worth[0] == 0.0


def test_labelled_banks_are_joined_by_name_and_their_order_changes_no_bit():
    names = ["b", "a", "c"]
    frame = pd.DataFrame(BANKS["interbank_liabilities"], index=names, columns=names)
    series = {key: pd.Series(BANKS[key], index=names) for key in ("external_liabilities", "cash", "illiquid")}
    rule = {"min_capital_ratio": 0.1, "price_elasticity": 0.02}
    one = cifuentes_ferrucci_shin(frame, **series, **rule)
    turned = ["c", "b", "a"]
    two = cifuentes_ferrucci_shin(
        frame.loc[turned, turned], **{key: values[names[::-1]] for key, values in series.items()}, **rule
    )
    assert one.price == two.price and one.worst_price == two.worst_price
    assert one.to_frame().loc[turned].equals(two.to_frame())
    plain = cifuentes_ferrucci_shin(**{**BANKS, **rule})
    assert one.payments == pytest.approx(plain.payments, rel=1e-12)
    with pytest.raises(InputError, match="'z'"):
        cifuentes_ferrucci_shin(frame, **{**series, "cash": series["cash"].rename({"a": "z"})}, **rule)


def test_a_market_without_any_depth_sells_for_nothing_at_the_worst_end():
    found = cifuentes_ferrucci_shin(**{**BANKS, "price_elasticity": 1e6})
    assert (found.price, found.worst_price) == (0.0, 0.0)
    assert found.sales.tolist() == BANKS["illiquid"]
    calm = cifuentes_ferrucci_shin(**{**BANKS, "illiquid": [10.0, 12.0, 9.0], "price_elasticity": 1e6})
    assert (calm.price, calm.worst_price) == (1.0, 0.0)


def test_sparse_debts_give_the_same_bits_as_full_ones():
    full = cifuentes_ferrucci_shin(**BANKS)
    thin = cifuentes_ferrucci_shin(
        **{**BANKS, "interbank_liabilities": csr_array(np.array(BANKS["interbank_liabilities"]))}
    )
    assert (thin.price, thin.sales.tolist()) == (full.price, full.sales.tolist())
    full = paddrik_rajan_young(**CALLS)
    thin = paddrik_rajan_young(
        **{**CALLS, **{key: csr_array(np.array(CALLS[key])) for key in ("margin_due", "initial_margin")}}
    )
    assert (thin.payments == full.payments).all()


@pytest.mark.parametrize("mismatch", [["A", "A", "C"], ["A", "B", "D"]])
def test_duplicate_and_foreign_labels_are_named(mismatch):
    names = ["A", "B", "C"]
    frame = pd.DataFrame(BANKS["interbank_liabilities"], index=names, columns=mismatch)
    own = {key: dict(zip(names, BANKS[key], strict=True)) for key in list(BANKS)[1:4]}
    with pytest.raises(InputError, match=f"'{mismatch[0] if mismatch[0] == mismatch[1] else 'D'}'"):
        cifuentes_ferrucci_shin(frame, **own, min_capital_ratio=0.1, price_elasticity=0.1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("interbank_liabilities", [[1.0, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ("interbank_liabilities", [[0, -1.0, 0], [0, 0, 0], [0, 0, 0]]),
        ("interbank_liabilities", [[0, 1.0, 0]]),
        ("external_liabilities", [1.0, 2.0]),
        ("external_liabilities", None),
        ("cash", [-1.0, 0.0, 0.0]),
        ("illiquid", [1.0, math.nan, 0.0]),
        ("min_capital_ratio", 1.1),
        ("price_elasticity", -0.1),
    ],
)
def test_banks_that_make_no_sense_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        cifuentes_ferrucci_shin(**{**BANKS, key: value})


def stressed(paid, keys, exact=float):
    """Stress of everybody and the payments that follow, entry by entry."""
    due, margin = keys["margin_due"], keys["initial_margin"]
    n = len(due)
    stress, after = [], []
    for i in range(n):
        owed = sum((exact(x) for x in due[i]), exact(0))
        covered = sum(
            (paid[k][i] + min(exact(margin[k][i]), exact(due[k][i]) - paid[k][i]) for k in range(n)),
            exact(0),
        )
        stress.append(max(exact(0), owed - covered - exact(keys["liquidity_buffer"][i])))
        part = exact(keys["stress_factor"]) * stress[i]
        after.append([max(exact(0), exact(x) - part * exact(x) / owed) if owed else exact(0) for x in due[i]])
    return stress, after


@st.composite
def calls(draw):
    """Small networks of margin calls, in halves."""
    n = draw(st.integers(1, 5))
    amounts = st.integers(0, 8).map(lambda k: k / 2)
    square = [[[0.0 if i == j else draw(amounts) for j in range(n)] for i in range(n)] for _ in range(2)]
    return {
        "margin_due": square[0],
        "initial_margin": square[1],
        "liquidity_buffer": draw(st.lists(amounts.map(lambda x: x / 4), min_size=n, max_size=n)),
        "stress_factor": draw(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5])),
    }


@given(calls())
def test_payments_are_the_limit_of_plain_iteration_from_full_payment(keys):
    found = paddrik_rajan_young(**keys)
    paid = [[float(x) for x in row] for row in keys["margin_due"]]
    for _ in range(4000):
        stress, after = stressed(paid, keys)
        if after == paid:
            break
        paid = after
    assert found.payments == pytest.approx(np.array(paid), abs=2e-4)
    exact = [[Fraction(float(x)) for x in row] for row in found.payments]
    stress, after = stressed(exact, keys, Fraction)
    assert found.stress == pytest.approx(np.array([float(x) for x in stress]), abs=1e-10)
    assert found.payments == pytest.approx(np.array([[float(x) for x in row] for row in after]), abs=1e-10)
    assert found.total_deficiency == pytest.approx(
        np.sum(keys["margin_due"]) - found.payments.sum(), abs=1e-10
    )


@given(calls())
def test_all_stress_passed_on_without_initial_margin_is_clearing(keys):
    found = paddrik_rajan_young(
        keys["margin_due"],
        keys["liquidity_buffer"],
        keys["initial_margin"],
        stress_factor=1.0,
        use_initial_margin=False,
    )
    alone = eisenberg_noe(keys["margin_due"], keys["liquidity_buffer"])
    assert found.payments.sum(axis=1) == pytest.approx(alone.payments, abs=1e-10)


@given(calls())
def test_the_deficiency_grows_with_the_factor_and_falls_with_initial_margin(keys):
    more = paddrik_rajan_young(**{**keys, "stress_factor": keys["stress_factor"] + 0.25}).total_deficiency
    less = paddrik_rajan_young(**{**keys, "use_initial_margin": False}).total_deficiency
    found = paddrik_rajan_young(**keys).total_deficiency
    assert found <= more + 1e-10
    assert found <= less + 1e-10


def test_a_ring_with_a_tiny_leak_is_drained_exactly():
    found = paddrik_rajan_young([[0, 1.0, 0], [1.0, 0, 1e-9], [0, 0, 0]], [0.0, 0.0, 0.0], stress_factor=1.0)
    assert found.payments == pytest.approx(np.zeros((3, 3)), abs=1e-12)


def test_labelled_calls_are_joined_by_name():
    names = ["z", "y", "x", "w"]
    due = pd.DataFrame(CALLS["margin_due"], index=names, columns=names)
    margin = pd.DataFrame(CALLS["initial_margin"], index=names, columns=names).loc[
        sorted(names), sorted(names)
    ]
    buffer = dict(zip(names, CALLS["liquidity_buffer"], strict=True))
    found = paddrik_rajan_young(due, buffer, margin, stress_factor=1.0)
    plain = paddrik_rajan_young(**CALLS)
    assert found.payments == pytest.approx(plain.payments, rel=1e-12)
    assert found.to_frame().loc["w", "x"] == pytest.approx(plain.payments[3, 2])
    with pytest.raises(InputError, match="initial_margin"):
        paddrik_rajan_young(due, buffer, CALLS["initial_margin"], stress_factor=1.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("margin_due", [[1.0]]),
        ("margin_due", [[0, -1.0], [0, 0]]),
        ("liquidity_buffer", [1.0]),
        ("liquidity_buffer", None),
        ("liquidity_buffer", [-1.0, 0, 0, 0]),
        ("initial_margin", [[0.0]]),
        ("initial_margin", [[0, -1.0, 0, 0], [0] * 4, [0] * 4, [0] * 4]),
        ("stress_factor", -0.5),
        ("stress_factor", math.inf),
        ("use_initial_margin", "yes"),
    ],
)
def test_calls_that_make_no_sense_are_refused_by_name(key, value):
    with pytest.raises(InputError, match=key):
        paddrik_rajan_young(**{**CALLS, key: value})
