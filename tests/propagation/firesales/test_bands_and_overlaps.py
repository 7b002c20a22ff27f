"""Bands of capital ratios and overlaps of portfolios: by hand, in plain loops, boundaries, relabelling, refusals."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from contagion.errors import InputError
from contagion.propagation.firesales.named import cont_schaanning_overlap, leverage_bands

BOOK = {
    "holdings": [[60.0, 0.0], [20.0, 30.0], [0.0, 40.0]],
    "cash": [2.0, 5.0, 0.0],
    "total_assets": [100.0, 100.0, 100.0],
    "loan": [40.0, 3.0, 50.0],
    "other_liabilities": [55.0, 92.0, 44.0],
    "shock": [-0.02, -0.01],
}
RULE = {"price_impact": 0.05, "min_ratio": 0.03, "trigger_ratio": 0.045, "target_ratio": 0.05, "steps": 5}


def by_loops(book, rule, reference=0.05):
    """Defaults, share sold and prices of each step by the rules as they are written."""
    units = [list(row) for row in book["holdings"]]
    banks, securities = range(len(units)), range(len(units[0]))
    total = [sum(units[n][k] for n in banks) for k in securities]
    cash, loan = list(book["cash"]), list(book["loan"])
    rest = [book["total_assets"][n] - sum(units[n]) - cash[n] for n in banks]
    price = [1 + move for move in book["shock"]]
    beta = -math.log(1 - rule["price_impact"]) / reference
    gone, fresh, pending, sold, path = set(), set(), {}, 0.0, []
    for _ in range(rule["steps"]):
        pending |= dict.fromkeys(fresh, 1.0)
        orders = {n: [share * units[n][k] for k in securities] for n, share in pending.items()}
        volume = [sum(orders[n][k] for n in orders) for k in securities]
        new = [
            price[k] * math.exp(-beta * volume[k] / total[k]) if total[k] else price[k] for k in securities
        ]
        for n in orders:
            cash[n] += sum(orders[n][k] * (price[k] + new[k]) / 2 for k in securities)
            units[n] = [units[n][k] - orders[n][k] for k in securities]
        price, sold, pending, fresh = new, sold + sum(volume), {}, set()
        for n in banks:
            if n in gone:
                continue
            worth = sum(units[n][k] * price[k] for k in securities)
            assets = cash[n] + rest[n] + worth
            equity = assets - loan[n] - book["other_liabilities"][n]
            if equity / assets < rule["min_ratio"]:
                gone.add(n)
                fresh.add(n)
            elif equity / assets < rule["trigger_ratio"]:
                need = max(0.0, assets - equity / rule["target_ratio"])
                paid = max(0.0, min(need, cash[n], loan[n]))
                loan[n] -= paid
                cash[n] -= paid
                if cash[n] < need - paid and worth > 0:
                    pending[n] = min(need - paid - cash[n], worth) / worth
        path.append((len(fresh), sold / max(sum(total), 1e-300), price))
    return path


@st.composite
def books(draw):
    """Banks with capital ratios around the bands."""
    banks = draw(st.integers(1, 4))

    def numbers(values, size):
        return draw(st.lists(values, min_size=size, max_size=size))

    loan = numbers(st.sampled_from([0.0, 3.0, 40.0, 60.0]), banks)
    own = numbers(st.sampled_from([2.0, 3.5, 4.5, 5.5, 8.0]), banks)
    return {
        "holdings": [numbers(st.sampled_from([0.0, 10.0, 40.0]), 2) for _ in range(banks)],
        "cash": numbers(st.sampled_from([0.0, 1.0, 10.0]), banks),
        "total_assets": [100.0] * banks,
        "loan": loan,
        "other_liabilities": [100.0 - e - debt for e, debt in zip(own, loan, strict=True)],
        "shock": numbers(st.sampled_from([0.0, -0.013, -0.05]), 2),
    }


@given(books(), st.sampled_from([0.0, 0.013, 0.2]), st.sampled_from([0.047, 1.0]))
def test_steps_follow_the_rules_as_they_are_written(book, impact, trigger):
    rule = RULE | {"price_impact": impact, "trigger_ratio": trigger}
    found, path = leverage_bands(**book, **rule), by_loops(book, rule)
    assert found.defaults_per_step.tolist() == [step[0] for step in path]
    assert found.fraction_sold_by_step == pytest.approx([step[1] for step in path], rel=1e-9, abs=1e-12)
    assert found.price_by_step == pytest.approx(np.array([step[2] for step in path]), rel=1e-9)
    assert (np.diff(found.price_by_step, axis=0) <= 0).all()
    assert (found.fraction_sold_by_step <= 1 + 1e-12).all()


@given(books())
def test_equity_is_what_is_left_of_the_balance_sheet(book):
    found = leverage_bands(**book, **RULE)
    before = np.array(book["total_assets"]) - book["loan"] - book["other_liabilities"]
    assert found.equity + found.total_loss == pytest.approx(before, abs=1e-9)
    assert (found.total_loss >= found.shock_loss - 1e-12).all()


@given(books())
def test_d1_without_impact_prices_stay_after_the_shock(book):
    found = leverage_bands(**book, **RULE | {"price_impact": 0.0})
    assert found.final_price.tolist() == [1.0 + move for move in book["shock"]]
    assert found.total_loss.tolist() == found.shock_loss.tolist()


def test_above_the_trigger_nobody_sells():
    found = leverage_bands(**BOOK | {"other_liabilities": [40.0, 80.0, 30.0]}, **RULE)
    assert not found.fraction_sold_by_step.any() and found.total_defaults == 0


def test_ratios_at_the_limits_do_nothing():
    at = BOOK | {"shock": [0.0, 0.0], "loan": [50.0] * 3, "other_liabilities": [45.0] * 3}
    rule = RULE | {"min_ratio": 0.05, "trigger_ratio": 0.05, "target_ratio": 0.06}
    found = leverage_bands(**at, **rule)
    assert found.total_defaults == 0 and not found.fraction_sold_by_step.any()


def test_orders_of_the_last_step_never_clear():
    found = leverage_bands(**BOOK, **RULE | {"steps": 1})
    assert found.fraction_sold_by_step.tolist() == [0.0]
    assert found.final_price.tolist() == [0.98, 0.99]
    assert leverage_bands(**BOOK, **RULE | {"steps": 0}).final_price.tolist() == [0.98, 0.99]


def test_few_defaults_are_no_systemic_event():
    rows = {name: [values[0]] * 30 for name, values in BOOK.items() if name != "shock"}
    rows["other_liabilities"] = [59.5] + [40.0] * 29
    found = leverage_bands(**rows, shock=[0.0, 0.0], **RULE | {"price_impact": 0.0})
    assert (found.total_defaults, found.systemic_share) == (1, 0.0)


def test_bands_do_not_depend_on_the_order_of_banks():
    names = pd.Index(["c", "a", "b"])
    frame = pd.DataFrame(BOOK["holdings"], names, ["x", "y"])
    rows = [pd.Series(BOOK[name], names) for name in ("cash", "total_assets", "loan", "other_liabilities")]
    shock = {"x": -0.02, "y": -0.01}
    first = leverage_bands(frame, *rows, shock, **RULE)
    again = leverage_bands(frame.iloc[[2, 0, 1], [1, 0]], *rows, shock, **RULE)
    assert first.final_price.tolist() == again.final_price[::-1].tolist()
    assert first.to_frame().iloc[[2, 0, 1]].equals(again.to_frame())


REFUSED = {
    "holdings": [[60.0, 0.0], [20.0, -30.0], [0.0, 40.0]],
    "cash": [2.0, -5.0, 0.0],
    "total_assets": [100.0, 100.0],
    "loan": [40.0, math.inf, 50.0],
    "other_liabilities": [55.0, -1.0, 44.0],
    "shock": [-1.1, 0.0],
    "price_impact": 1.0,
    "min_ratio": -0.1,
    "trigger_ratio": 0.02,
    "target_ratio": 0.02,
    "reference_share": 0.0,
    "steps": -1,
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_numbers_are_refused_by_name(name):
    with pytest.raises(InputError, match=name):
        leverage_bands(**BOOK | RULE | {name: REFUSED[name]})


def test_impact_may_differ_between_securities():
    found = leverage_bands(**BOOK, **RULE | {"price_impact": [0.0, 0.05]})
    assert found.final_price[0] == 0.98 and found.final_price[1] < 0.99


HELD = np.array([[40.0, 10.0, 0.0, 5.0], [20.0, 30.0, 10.0, 0.0], [0.0, 25.0, 60.0, 15.0]])
DEPTH = np.array([1000.0, 400.0, 250.0, 100.0])


@pytest.mark.parametrize("held", [HELD, HELD[:, :2], np.vstack([HELD, HELD[::-1]]), HELD[:1]])
def test_the_spectrum_is_that_of_the_overlaps_whatever_the_shape(held):
    depth = DEPTH[: held.shape[1]]
    found = cont_schaanning_overlap(held, depth, np.ones(len(held)))
    values, vectors = np.linalg.eigh(held / depth @ held.T)
    assert found.eigenvalues == pytest.approx(values, abs=1e-12)
    assert found.overlap == pytest.approx(held / depth @ held.T, rel=1e-13)
    assert (found.overlap == found.overlap.T).all()
    assert found.principal_eigenvector == pytest.approx(
        vectors[:, -1] * np.sign(vectors[:, -1].sum()), abs=1e-9
    )
    assert found.first_round_loss == pytest.approx(found.overlap @ np.ones(len(held)))


@given(st.lists(st.sampled_from([0.0, 1.0, 7.0, 50.0]), min_size=12, max_size=12))
def test_a_full_sale_by_one_hurts_the_others_by_its_overlaps(numbers):
    found = cont_schaanning_overlap(np.reshape(numbers, (3, 4)), DEPTH, [0.0, 0.0, 0.0])
    off = found.overlap - np.diag(np.diag(found.overlap))
    assert found.loss_inflicted_on_others == pytest.approx(off.sum(axis=0), abs=1e-12)
    assert not found.first_round_loss.any()
    assert (found.eigenvalues >= -1e-12).all()


def test_a_bank_that_shares_nothing_hurts_nobody_exactly():
    held = [[0.1, 0.0], [0.0, 0.7], [0.0, 0.3]]
    found = cont_schaanning_overlap(held, [3.0, 7.0], [1.0, 0.0, 0.0])
    assert found.loss_inflicted_on_others[0] == 0.0
    assert found.first_round_loss[1:].tolist() == [0.0, 0.0]


def test_measures_of_a_thousand_banks_need_no_full_matrix():
    rng = np.random.default_rng(3)
    held = csr_array(np.where(rng.random((1000, 20)) < 0.02, 5.0, 0.0))
    found = cont_schaanning_overlap(held, np.full(20, 100.0), np.ones(1000))
    index = found.indirect_contagion_index
    assert np.linalg.norm(index) == pytest.approx(1.0) and index.sum() > 0
    assert found.overlap_matrix @ index == pytest.approx(found.eigenvalues[-1] * index, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("market_depth", [1.0, 0.0]),
        ("delever_fraction", [0.0, 1.5]),
        ("holdings", [[1.0, math.nan], [0.0, 1.0]]),
    ],
)
def test_bad_overlaps_are_refused_by_name(name, values):
    sheet = {"holdings": [[1.0, 2.0], [0.0, 1.0]], "market_depth": [1.0, 2.0], "delever_fraction": [0.0, 1.0]}
    with pytest.raises(InputError, match=name):
        cont_schaanning_overlap(**sheet | {name: values})
