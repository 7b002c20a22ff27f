"""Banks over a limit of leverage: the rules in plain loops, floors, both ends, relabelling, refusals."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from contagion.errors import ConvergenceError, InputError, UnitError
from contagion.propagation.firesales.named import breuer_summer_urosevic, cont_schaanning

SHEET = {
    "holdings": [[90.0, 0.0], [30.0, 40.0], [0.0, 50.0]],
    "illiquid_holdings": [[10.0, 0.0], [0.0, 20.0], [5.0, 5.0]],
    "illiquid_stress": [0.2, 0.0],
    "equity": [4.0, 3.0, 2.0],
    "price": [1.0, 2.0],
    "price_floor": [0.5, 0.0],
    "average_daily_volume": [50.0, 5.0],
    "volatility": [0.02, 0.05],
}


@st.composite
def sheets(draw):
    """Banks near the limit, some without holdings or equity."""
    banks, securities = draw(st.integers(1, 4)), draw(st.integers(1, 3))

    def numbers(values, *shape):
        size = int(np.prod(shape))
        return np.array(draw(st.lists(values, min_size=size, max_size=size))).reshape(shape)

    return {
        "holdings": numbers(st.sampled_from([0.0, 20.0, 50.0, 90.0]), banks, securities),
        "illiquid_holdings": numbers(st.sampled_from([0.0, 10.0, 40.0]), banks, 2),
        "illiquid_stress": numbers(st.sampled_from([0.0, 0.05, 0.2]), 2),
        "equity": numbers(st.sampled_from([-1.0, 0.0, 1.0, 3.0, 6.0]), banks),
        "price": numbers(st.sampled_from([1.0, 2.0]), securities),
        "price_floor": numbers(st.sampled_from([0.0, 0.5]), securities),
        "average_daily_volume": numbers(st.sampled_from([0.01, 5.0, 500.0]), securities),
        "volatility": numbers(st.sampled_from([0.02, 0.1]), securities),
    }


def by_loops(sheet, weight, rounds, limit=33.3, target=31.635):
    """Loss of every bank and prices, by the rules as they are written."""
    held = [list(map(float, row)) for row in sheet["holdings"]]
    banks, securities = range(len(held)), range(len(held[0]))
    first = list(map(float, sheet["price"]))
    depth = [0.4 * v / s * math.sqrt(20) for v, s in zip(sheet["average_daily_volume"], sheet["volatility"])]  # noqa: B905
    scale = [(1 - sheet["price_floor"][k] / first[k]) * depth[k] for k in securities]
    rest, own = [], []
    for n in banks:
        pairs = list(zip(sheet["illiquid_holdings"][n], sheet["illiquid_stress"], strict=True))
        rest.append(sum(x * (1 - e) for x, e in pairs))
        own.append(max(sheet["equity"][n] - sum(x * e for x, e in pairs), 0.0))
    price, lost = list(first), [0.0 for _ in banks]
    for _ in range(rounds):
        sold = []
        for n in banks:
            value = sum(held[n])
            leverage = (value + rest[n]) / own[n] if own[n] > 0 else math.inf
            acts = leverage > limit and value > 0
            sold.append(min(max((value + rest[n] - target * own[n]) / value, 0.0), 1.0) if acts else 0.0)
        q = [sum(sold[n] * held[n][k] for n in banks) for k in securities]
        fall = [
            (1 - sheet["price_floor"][k] / price[k]) * (1 - math.exp(-q[k] / scale[k]))
            if price[k] > 0
            else 0.0
            for k in securities
        ]
        for n in banks:
            loss = (1 - (1 - weight) * sold[n]) * sum(held[n][k] * fall[k] for k in securities)
            lost[n] += loss
            own[n] = max(own[n] - loss, 0.0)
            held[n] = [held[n][k] * (1 - sold[n]) * (1 - fall[k]) for k in securities]
        price = [price[k] * (1 - fall[k]) for k in securities]
    return lost, price


@given(sheets(), st.sampled_from([0.0, 0.5, 1.0]))
def test_rounds_follow_the_rules_as_they_are_written(sheet, weight):
    found = cont_schaanning(**sheet, settlement_weight=weight, max_rounds=2)
    lost, price = by_loops(sheet, weight, len(found.rounds))
    assert found.total_loss == pytest.approx(lost, rel=1e-9, abs=1e-9)
    assert found.final_price == pytest.approx(price, rel=1e-9, abs=1e-9)


@given(sheets())
def test_d2_prices_only_fall_and_never_below_the_floor(sheet):
    found = cont_schaanning(**sheet)
    path = np.array([sheet["price"], *(one.price_after for one in found.rounds)])
    assert (np.diff(path, axis=0) <= 0).all()
    assert (path >= sheet["price_floor"]).all()
    assert not found.rounds[-1].delever_fraction.any()
    assert len(found.rounds) == found.rounds_with_sales + 1


@given(sheets())
def test_settling_at_the_new_price_loses_at_least_as_much_in_a_round(sheet):
    old, new = (cont_schaanning(**sheet, settlement_weight=w, max_rounds=1).total_loss for w in (0.0, 1.0))
    assert (new >= old).all()


def test_without_a_breach_there_is_one_round_of_zeros():
    found = cont_schaanning(**SHEET | {"equity": [40.0, 30.0, 20.0]})
    (only,) = found.rounds
    assert not only.sales_by_asset.any() and not only.loss.any() and not only.price_return.any()
    assert found.final_price.tolist() == SHEET["price"]
    assert only.holdings_after.toarray().tolist() == SHEET["holdings"]


def test_a_bank_at_the_limit_does_not_act_and_one_without_equity_sells_all():
    sheet = SHEET | {"illiquid_stress": [0.0, 0.0], "equity": [10.0, 3.0, 0.0]}
    found = cont_schaanning(**sheet, max_leverage=10.0, target_leverage=9.0, max_rounds=1)
    assert found.rounds[0].leverage.tolist() == [10.0, 30.0, math.inf]
    assert found.rounds[0].delever_fraction.tolist() == [0.0, (90 - 27) / 70, 1.0]


def test_in_a_deep_market_the_first_loss_is_overlap_times_fractions():
    sheet = SHEET | {"average_daily_volume": [5e7, 5e6], "price_floor": [0.0, 0.0]}
    one = cont_schaanning(**sheet, settlement_weight=1.0, max_rounds=1)
    held = np.array(SHEET["holdings"])
    overlap = held / one.depth @ held.T
    assert one.total_loss == pytest.approx(overlap @ one.rounds[0].delever_fraction, rel=1e-6)


def test_amplification_is_all_loss_over_the_first():
    found = cont_schaanning(**SHEET)
    assert found.shock_loss.tolist() == [2.0, 0.0, 1.0]
    assert found.amplification == pytest.approx(1 + found.total_loss.sum() / 3.0)
    assert math.isnan(cont_schaanning(**SHEET | {"illiquid_stress": [0.0, 0.0]}).amplification)


def test_a_target_at_the_limit_never_ends_and_says_so(monkeypatch):
    monkeypatch.setattr("contagion.propagation.firesales.deleveraging.ENDLESS", 20)
    with pytest.raises(ConvergenceError, match="round 20"):
        cont_schaanning(**SHEET, target_leverage=33.3)


def test_sparse_holdings_give_the_same_bits():
    sparse = cont_schaanning(**SHEET | {"holdings": csr_array(np.array(SHEET["holdings"]))})
    assert sparse.total_loss.tolist() == cont_schaanning(**SHEET).total_loss.tolist()


REFUSED = {
    "holdings": [[-1.0, 0.0], [30.0, 40.0], [0.0, 50.0]],
    "illiquid_holdings": [[10.0], [20.0]],
    "illiquid_stress": [1.2, 0.0],
    "equity": [4.0, math.nan, 2.0],
    "price": [1.0, 0.0],
    "price_floor": [0.5, 2.0],
    "average_daily_volume": [50.0, 0.0],
    "volatility": [0.0, 0.05],
    "settlement_weight": 1.5,
    "max_leverage": 0.0,
    "depth_coefficient": 0.0,
    "horizon_days": -1.0,
    "max_rounds": 2.5,
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_numbers_are_refused_by_name(name):
    with pytest.raises(InputError, match=name):
        cont_schaanning(**SHEET | {name: REFUSED[name]})


def test_different_money_is_refused():
    with pytest.raises(UnitError, match="USD"):
        cont_schaanning(**SHEET, units={"holdings": "EUR", "average_daily_volume": "USD"})


BOOK = {
    "holdings": [[145.0, 10.0], [435.0, 0.0], [300.0, 55.0], [0.0, 0.0]],
    "illiquid_assets": [1170.0, 1245.0, 1190.0, 7.0],
    "equity": [28.0, 80.0, 65.0, -3.0],
    "market": {"securities": ["x", "y"], "volatility": [1.0, 0.5], "average_daily_volume": [45000.0, 9000.0]},
    "securities": ["x", "y"],
}


@pytest.mark.parametrize("leverage", [5.0, 20.0, 30.0, 40.0])
def test_both_ends_are_prices_that_follow_from_their_sales(leverage):
    found = breuer_summer_urosevic(**BOOK, max_leverage=leverage, impact_scale=0.7)
    held, market = np.array(BOOK["holdings"]), BOOK["market"]
    for end in ("lower", "upper"):
        fall = -getattr(found, f"price_return_{end}")
        value, own = held @ (1 - fall), np.array(BOOK["equity"]) - held @ fall
        sold = np.zeros(4)
        for n in range(3):
            room = leverage * own[n]
            if BOOK["equity"][n] <= 0 or own[n] <= 0 or room < BOOK["illiquid_assets"][n]:
                sold[n] = 1.0
            elif room <= value[n] + BOOK["illiquid_assets"][n]:
                sold[n] = 1.0 - (room - BOOK["illiquid_assets"][n]) / value[n]
        impact = (
            np.array(market["volatility"]) * 0.7 * np.sqrt(held.T @ sold / market["average_daily_volume"])
        )
        assert fall == pytest.approx(np.minimum(impact, 1.0), abs=1e-11)
        assert getattr(found, f"delever_fraction_{end}") == pytest.approx(sold, abs=1e-9)
        assert getattr(found, f"fire_sale_loss_{end}") == pytest.approx((held @ fall).sum())
    assert (found.price_return_upper <= found.price_return_lower).all()


def test_d1_without_impact_prices_stay_and_both_ends_agree():
    found = breuer_summer_urosevic(**BOOK, max_leverage=20.0, impact_scale=0.0)
    assert not found.price_return_upper.any()
    assert found.unique and found.fire_sale_loss_upper == 0.0
    assert found.banks_selling_lower > 0


def test_prices_of_zero_are_an_answer():
    found = breuer_summer_urosevic(**BOOK, max_leverage=5.0, impact_scale=50.0)
    assert found.price_return_upper.tolist() == [-1.0, -1.0]
    assert found.banks_selling_upper == 3


def test_the_market_is_joined_by_name_and_order_does_not_matter():
    names = pd.Index(list("dbca"))
    frame = pd.DataFrame(BOOK["holdings"], names, ["x", "y"])
    sheet = [frame, pd.Series(BOOK["illiquid_assets"], names), pd.Series(BOOK["equity"], names)]
    market = pd.DataFrame(BOOK["market"]).set_index("securities")
    rule = {"max_leverage": 30.0, "impact_scale": 0.7}
    first = breuer_summer_urosevic(*sheet, market, **rule)
    again = breuer_summer_urosevic(frame.iloc[::-1, ::-1], *sheet[1:], market.iloc[::-1], **rule)
    assert first.price_return_lower.tolist() == again.price_return_lower[::-1].tolist()
    assert first.delever_fraction_upper.tolist() == again.delever_fraction_upper[::-1].tolist()


@pytest.mark.parametrize(
    ("market", "word"),
    [
        ({"securities": ["x", "z"]}, r"missing \['y'\], not expected \['z'\]"),
        ({"securities": ["x", "x"]}, "'x' is there twice"),
        ({"securities": ["x", "y", "z"]}, "volatility"),
        ({"volatility": [1.0, 0.0]}, "volatility"),
        ({"average_daily_volume": [1.0, -1.0]}, "average_daily_volume"),
    ],
)
def test_a_market_that_does_not_fit_is_refused(market, word):
    with pytest.raises(InputError, match=word):
        breuer_summer_urosevic(
            **BOOK | {"market": BOOK["market"] | market}, max_leverage=30.0, impact_scale=1.0
        )


def test_a_market_with_labels_is_not_joined_to_holdings_without():
    with pytest.raises(InputError, match="labels"):
        breuer_summer_urosevic(**BOOK | {"securities": None}, max_leverage=30.0, impact_scale=1.0)
