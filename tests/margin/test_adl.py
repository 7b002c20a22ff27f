"""Deleveraging takes profit and nothing else; rankings, triggers, socialised loss; refusals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import margin
from contagion.errors import InputError, PolicyError
from tests.oracles.liquidations import seized_along

money = st.integers(-1000, 1000).map(float)
accounts = st.lists(st.tuples(money, money), min_size=0, max_size=8)
budgets = st.one_of(st.integers(0, 3000).map(float), st.floats(0, 3000))


def split(rows):
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


@given(accounts, budgets, st.randoms(use_true_random=False))
def test_a_queue_is_emptied_from_its_head(rows, budget, random):
    balance, profit = split(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    order = order[: random.randint(0, len(rows))]
    found = margin.adl_queue(balance, profit, order, budget=budget)
    exact, rest = seized_along(profit, order, budget)
    assert found.seized.tolist() == pytest.approx([float(taken) for taken in exact], abs=1e-9)
    assert found.unfunded == pytest.approx(float(rest), abs=1e-9)
    assert ((found.haircut >= 0) & (found.haircut <= 1)).all()


@given(accounts, budgets, st.sampled_from(["queue", "pro_rata"]))
def test_deleveraging_never_takes_principal_and_raises_what_there_is(rows, budget, rule):
    balance, profit = split(rows)
    if rule == "queue":
        found = margin.adl_queue(balance, profit, range(len(rows)), budget=budget)
    else:
        found = margin.adl_pro_rata(balance, profit, budget=budget)
    gains = np.maximum(profit, 0)
    assert ((found.seized >= 0) & (found.seized <= gains)).all()
    assert (found.equity_after >= np.minimum(balance, balance + profit)).all()
    assert found.seized.sum() == pytest.approx(min(budget, gains.sum()), abs=1e-9)
    assert found.unfunded == pytest.approx(max(budget - gains.sum(), 0), abs=1e-9)
    assert found.deficit == np.maximum(-(balance + profit), 0).sum()


@given(accounts, st.integers(0, 8).map(lambda n: n / 4))
def test_severity_is_a_share_of_the_deficit(rows, severity):
    balance, profit = split(rows)
    found = margin.adl_pro_rata(balance, profit, severity=severity)
    same = margin.adl_pro_rata(balance, profit, budget=severity * found.deficit)
    assert found.budget == same.budget == severity * found.deficit
    assert np.array_equal(found.seized, same.seized)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 16).map(lambda n: n / 16)), min_size=1, max_size=8),
    st.integers(0, 300),
)
def test_water_filling_raises_the_budget_or_all_that_the_caps_allow(rows, budget):
    weight, cap = split(rows)
    found = margin.adl_pro_rata_capped(weight, cap, budget=budget)
    most = float((weight * cap).sum())
    assert (found.haircut <= cap).all()
    assert found.seized.sum() == pytest.approx(min(budget, most), rel=1e-12, abs=1e-12)
    assert found.unfunded == pytest.approx(max(budget - most, 0), abs=1e-12)
    assert np.array_equal(found.haircut, np.minimum(found.eta, cap))
    if budget > most:
        assert found.eta == cap.max()


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 500))
def test_contracts_are_closed_in_one_proportion(sizes, quantity):
    found = margin.adl_contract_pro_rata(np.array(sizes, dtype=float), quantity=quantity)
    assert found.closed.sum() == pytest.approx(min(quantity, sum(sizes)), abs=1e-9)
    assert (found.closed <= np.array(sizes)).all()
    assert found.unfilled == max(quantity - sum(sizes), 0)


@given(st.lists(money, max_size=8), st.integers(0, 3000), st.integers(0, 1000))
def test_a_socialised_loss_is_paid_by_fund_then_profits_then_nobody(profits, loss, fund):
    found = margin.socialised_loss(np.array(profits), loss=loss, insurance_fund=fund)
    assert found.fund_pays == min(loss, fund)
    assert found.fund_pays + found.clawback.sum() + found.uncovered == pytest.approx(loss, abs=1e-9)
    assert ((found.clawback >= 0) & (found.clawback <= np.maximum(profits, 0))).all()
    assert 0 <= found.rate <= 1


ranked = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=8
)


@given(ranked, st.integers(1, 9))
def test_rankings_are_stable_orders_of_their_scores(rows, mark):
    side, entry, other = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    bitmex = margin.adl_rank_bitmex(mark, side, entry, other)
    binance = margin.adl_rank_binance(side * (mark - entry), other + 1, entry)
    for found in (bitmex, binance):
        wanted = sorted(range(len(rows)), key=lambda k: -found.score[k])  # sorted is stable
        assert found.order.tolist() == wanted
    lamps = [5 - math.floor(Fraction(5 * rank, len(rows))) for rank in range(len(rows))]
    assert binance.lamps[binance.order].tolist() == lamps
    for form in ("literal", "side_aware"):
        found = margin.adl_rank_hyperliquid(mark, side, other, entry, other + 1, form=form)
        winners = [k for k in range(len(rows)) if side[k] * (mark - entry[k]) > 0]
        assert found.in_profit.tolist() == winners
        assert found.order.tolist() == sorted(winners, key=lambda k: -found.index[k])


@given(ranked, st.integers(1, 9))
def test_the_bitmex_score_of_a_profit_grows_and_of_a_loss_shrinks_with_leverage(rows, mark):
    side, entry, bankrupt = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = margin.adl_rank_bitmex(mark, side, entry, bankrupt)
    for k, (s, e, b) in enumerate(rows):
        pnl = Fraction(s * (mark - e), e)
        if mark == b:
            assert found.effective_leverage[k] == math.inf
        else:
            leverage = Fraction(mark, abs(mark - b))
            assert found.score[k] == pytest.approx(float(pnl * leverage if pnl > 0 else pnl / leverage))


def test_both_forms_of_the_index_agree_on_longs_and_turn_shorts_around():
    rows = ([1, -1], [2, 2], [80, 125], [50, 50])
    literal = margin.adl_rank_hyperliquid(100, *rows, form="literal")
    aware = margin.adl_rank_hyperliquid(100, *rows, form="side_aware")
    assert literal.index.tolist() == [5.0, 3.2]
    assert aware.index.tolist() == [5.0, 5.0]


def test_the_pool_trigger_is_strict_in_the_ratio_and_includes_an_empty_pool():
    found = margin.adl_trigger_pool([4, 4, 0, 4], [4, 4, 4, 0], [-1, -1.25, 0, -9], 0, trigger_ratio=-0.25)
    assert found.adl.tolist() == [False, True, True, False]
    assert found.pnl_ratio.tolist()[:3] == [-0.25, -0.3125, 0.0]
    assert math.isnan(found.pnl_ratio[3])


def test_the_drawdown_trigger_acts_at_its_limit_and_forgets_what_left_the_window():
    history = ([0, 100, 200], [100.0, 80.0, 60.0])
    at = margin.adl_trigger_fund_drawdown(*history, window_s=100, drawdown_limit=0.25)
    assert (at.peak, at.drawdown, at.adl) == (80.0, 0.25, True)
    assert margin.adl_trigger_fund_drawdown(*history, window_s=200, drawdown_limit=0.25).peak == 100.0
    assert not margin.adl_trigger_fund_drawdown(*history, window_s=99.9, drawdown_limit=0.25).adl
    empty = margin.adl_trigger_fund_drawdown([0, 1], [0, 0], window_s=9, drawdown_limit=0.25)
    assert (empty.drawdown, empty.adl) == (0.0, False)


@pytest.mark.parametrize(
    ("rule", "arguments", "mentions"),
    [
        ("adl_queue", {"queue_order": [0, 0]}, "queue_order"),
        ("adl_queue", {"queue_order": [2]}, "queue_order"),
        ("adl_queue", {"queue_order": [0.5]}, "queue_order"),
        ("adl_queue", {"queue_order": [0], "budget": -1}, "budget"),
        ("adl_pro_rata", {"unrealized_pnl": [1]}, "unrealized_pnl"),
        ("adl_pro_rata", {"wallet_balance": ["x", 1]}, "wallet_balance"),
        ("adl_pro_rata", {"budget": None, "severity": -1}, "severity"),
    ],
)
def test_bad_accounts_are_refused_by_name(rule, arguments, mentions):
    good = {"wallet_balance": [1, 2], "unrealized_pnl": [1, 2], "budget": 1}
    with pytest.raises(InputError, match=mentions):
        getattr(margin, rule)(**{**good, **arguments})


@pytest.mark.parametrize(
    ("rule", "arguments", "mentions"),
    [
        (margin.adl_pro_rata_capped, {"weight": [-1], "cap": [1], "budget": 1}, "weight"),
        (margin.adl_pro_rata_capped, {"weight": [1], "cap": [-1], "budget": 1}, "cap"),
        (margin.adl_contract_pro_rata, {"size": [-1], "quantity": 1}, "size"),
        (margin.adl_contract_pro_rata, {"size": [1], "quantity": -1}, "quantity"),
        (margin.socialised_loss, {"realized_profit": [1], "loss": -1, "insurance_fund": 1}, "loss"),
        (margin.socialised_loss, {"realized_profit": [1], "loss": 1, "insurance_fund": -1}, "insurance_fund"),
        (
            margin.adl_rank_binance,
            {"unrealized_pnl": [1], "collateral": [0], "margin_ratio": [1]},
            "collateral",
        ),
        (
            margin.adl_rank_bitmex,
            {"mark_price": 0, "side": [1], "entry_price": [1], "bankruptcy_price": [1]},
            "mark_price",
        ),
    ],
)
def test_bad_numbers_are_refused_by_name(rule, arguments, mentions):
    with pytest.raises(InputError, match=mentions):
        rule(**arguments)


def test_unknown_forms_falling_times_and_two_budgets_are_refused():
    with pytest.raises(InputError, match="form"):
        margin.adl_rank_hyperliquid(1, [1], [1], [1], [1], form="printed")
    with pytest.raises(InputError, match="account_value"):
        margin.adl_rank_hyperliquid(1, [1], [1], [1], [0], form="literal")
    with pytest.raises(InputError, match=r"time_s\[1\]"):
        margin.adl_trigger_fund_drawdown([2, 1], [1, 1], window_s=1, drawdown_limit=0.3)
    with pytest.raises(InputError, match="time_s"):
        margin.adl_trigger_fund_drawdown([], [], window_s=1, drawdown_limit=0.3)
    for budgets_given in ({}, {"severity": 1, "budget": 1}):
        with pytest.raises(PolicyError, match="severity and budget"):
            margin.adl_pro_rata([1], [1], **budgets_given)
