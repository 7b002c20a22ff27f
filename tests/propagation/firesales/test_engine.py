"""The engine with parts put together freely, scenarios side by side, and money in other units."""

import math
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import pytest

from contagion.holdings import read_holdings
from contagion.propagation.firesales.engine import Sale, clear, fixed_point, follow, opening
from contagion.propagation.firesales.impacts import ExponentialInShare, FlooredExponential, LinearImpact
from contagion.propagation.firesales.named import (
    breuer_summer_urosevic,
    cont_schaanning,
    cont_schaanning_overlap,
    greenwood_landier_thesmar,
    leverage_bands,
)
from contagion.propagation.firesales.responses import (
    AllOnDefault,
    CapitalRatio,
    LeverageThreshold,
    SetFractions,
)

HELD = [[60.0, 30.0], [0.0, 80.0], [20.0, 20.0]]


def test_a_threshold_with_the_liquid_sold_first_sells_the_same_money_of_other_things():
    holdings = read_holdings(HELD, "holdings")
    sheet, state = opening(holdings, equity=np.array([4.0, 20.0, 1.0]), illiquid=np.array([10.0, 0.0, 0.0]))
    response = LeverageThreshold(20.0, 15.0)
    sales = {}
    for order, rank in (("pro_rata", None), ("liquid_first", np.array([1.0, 0.0]))):
        sale = Sale(sheet, response, LinearImpact(np.array([1e-3, 1e-4])), rank=rank)
        cleared = clear(sale, state, response.act(state))
        sales[order] = cleared.sold.entries()[:, 0].tolist()
        assert cleared.sales.sum() == pytest.approx(40.0 + 25.0)
        assert cleared.after.held.entries().min() >= 0.0
    assert sales["pro_rata"] == pytest.approx([40 / 90 * 60, 40 / 90 * 30, 0.0, 12.5, 12.5])
    assert sales["liquid_first"] == [10.0, 30.0, 0.0, 5.0, 20.0]


def test_cash_debts_paid_back_and_losses_account_for_all_that_was_held():
    holdings = read_holdings(HELD, "holdings")
    for rank, proceeds in product((None, np.array([0.0, 1.0])), ("kept", "repaid")):
        sheet, state = opening(holdings, equity=np.array([4.0, 2.0, 1.0]))
        impact = FlooredExponential(np.array([0.2, 0.0]), np.array([100.0, 300.0]))
        sale = Sale(sheet, LeverageThreshold(20.0, 15.0), impact, 0.5, rank, proceeds=proceeds)
        lost = np.zeros(3)
        for cleared, _ in islice(follow(sale, state), 4):
            lost = lost + cleared.loss[:, 0]
            kept = cleared.after.held.against(cleared.after.price)[:, 0]
            money = cleared.after.cash[:, 0] - cleared.after.loan[:, 0]
            assert kept + money + lost == pytest.approx(np.sum(HELD, axis=1), rel=1e-12)


def test_everything_on_default_spreads_by_hand():
    holdings = read_holdings([[10.0, 0.0], [10.0, 10.0], [0.0, 10.0]], "holdings")
    elasticity, total = np.array([1.0, 1.0]), np.array([20.0, 20.0])
    one = 10.0 * (1.0 - math.exp(-0.5))  # half of a security is sold
    equity = np.array([[-1.0, -1.0], [one + 0.01, one - 0.01], [one - 0.01, one - 0.01]])
    sheet, state = opening(holdings, 2, equity=equity)
    sale = Sale(sheet, AllOnDefault(), ExponentialInShare(elasticity, total))
    found = fixed_point(sale, state, most_sales=False)
    assert found.action.failing.T.tolist() == [[True, False, False], [True, True, True]]
    all_sold = 1.0 - math.exp(-1.0)
    falls = [[1.0 - math.exp(-0.5), 0.0], [all_sold, all_sold]]
    assert pytest.approx(np.array(falls)) == found.fall.T


def test_an_order_in_two_parts_at_linear_impact_moves_prices_as_one():
    holdings = read_holdings(HELD, "holdings")
    parts = []
    for share in (0.2, 0.1):
        sheet, state = opening(holdings)
        sale = Sale(sheet, SetFractions(np.full(3, share)), LinearImpact(np.array([1e-3, 1e-4])))
        parts.append(clear(sale, state, sale.response.act(state)).fall)
    assert parts[0] == pytest.approx(2.0 * parts[1], rel=1e-15)


def scaled(sheet, names, factor):
    """The sheet with some of its arguments in other money."""
    return sheet | {name: np.asarray(sheet[name]) * factor for name in names}


@pytest.mark.parametrize("factor", [0.25, 4.0, 1024.0])
def test_f3_money_in_powers_of_two_changes_no_bit(factor):
    held = {"holdings": HELD, "equity": [4.0, 2.0, 1.0], "average_daily_volume": [5.0, 50.0]}
    deep = held | {
        "illiquid_holdings": [[1.0], [20.0], [3.0]],
        "illiquid_stress": [0.01],
        "price": [1.0, 1.0],
        "price_floor": [0.5, 0.1],
        "volatility": [0.02, 0.03],
    }
    money = ("holdings", "equity", "average_daily_volume")
    one = cont_schaanning(**deep)
    two = cont_schaanning(**scaled(deep, (*money, "illiquid_holdings"), factor))
    assert (one.total_loss * factor).tolist() == two.total_loss.tolist()
    assert one.final_price.tolist() == two.final_price.tolist()

    book = {"holdings": HELD, "illiquid_assets": [10.0, 0.0, 5.0], "equity": [4.0, 5.0, 1.0]}
    rule = {"max_leverage": 20.0, "impact_scale": 1.0}
    volume = np.array([500.0, 900.0])
    ends = [
        breuer_summer_urosevic(
            **scaled(book, book, by),
            market={"volatility": [0.1, 0.2], "average_daily_volume": volume * by},
            **rule,
        )
        for by in (1.0, factor)
    ]
    assert ends[0].price_return_upper.tolist() == ends[1].price_return_upper.tolist()

    bands = {
        "holdings": HELD,
        "cash": [1.0, 0.0, 2.0],
        "total_assets": [100.0, 90.0, 50.0],
        "loan": [50.0, 40.0, 20.0],
        "other_liabilities": [46.0, 45.0, 27.0],
    }
    limits = {
        "price_impact": 0.02,
        "min_ratio": 0.03,
        "trigger_ratio": 0.05,
        "target_ratio": 0.06,
        "steps": 4,
    }
    steps = [leverage_bands(**scaled(bands, bands, by), shock=[-0.01, 0.0], **limits) for by in (1.0, factor)]
    assert steps[0].final_price.tolist() == steps[1].final_price.tolist()
    assert (steps[0].total_loss * factor).tolist() == steps[1].total_loss.tolist()

    depth, sold = np.array([100.0, 30.0]), [0.5, 0.0, 1.0]
    losses = [
        cont_schaanning_overlap(np.array(HELD) * by, depth * by, sold).first_round_loss
        for by in (1.0, factor)
    ]
    assert (losses[0] * factor).tolist() == losses[1].tolist()

    sheet = ([100.0, 90.0, 50.0], [5.0, 6.0, 2.0], [[0.6, 0.3], [0.0, 0.8], [0.4, 0.4]], [-0.02, 0.0])
    rounds = [
        greenwood_landier_thesmar(
            np.array(sheet[0]) * by, np.array(sheet[1]) * by, *sheet[2:], np.array([1e-4, 2e-4]) / by
        )
        for by in (1.0, factor)
    ]
    assert rounds[0].systemicness.tolist() == rounds[1].systemicness.tolist()


@dataclass(frozen=True)
class HalfAllowed:
    """Lets half of all sales happen; an outside buyer takes a quarter of those of the first security."""

    def let(self, number, state, units):
        bought = np.zeros_like(units)
        bought[0] = 0.25
        return np.full_like(units, 0.5), bought


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_a_desk_rations_sales_and_spares_the_price_what_an_outsider_buys(weight):
    holdings = read_holdings([[100.0, 50.0]], "holdings")
    sheet, state = opening(holdings)
    impact = LinearImpact(np.array([1e-3, 1e-3]))
    sale = Sale(sheet, SetFractions(np.array([0.8])), impact, weight, desk=HalfAllowed())
    cleared, _ = next(follow(sale, state))
    assert cleared.units[:, 0].tolist() == [40.0, 20.0]
    assert cleared.bought[:, 0].tolist() == [10.0, 0.0]
    assert cleared.fall[:, 0] == pytest.approx([0.03, 0.02], rel=1e-12)
    assert cleared.after.held.entries()[:, 0].tolist() == [60.0, 30.0]
    by_hand = 0.03 * (60.0 + weight * 30.0) + 0.02 * (30.0 + weight * 20.0)  # ten go at the old price
    assert cleared.loss[0, 0] == pytest.approx(by_hand, rel=1e-12)
    assert -cleared.after.loan[0, 0] == pytest.approx(60.0 - weight * (0.03 * 30.0 + 0.02 * 20.0), rel=1e-12)


def test_who_is_forced_sells_everything_in_the_first_round_whatever_its_leverage():
    holdings = read_holdings([[100.0], [100.0]], "holdings")
    sheet, state = opening(holdings, equity=np.array([50.0, 50.0]))
    state = replace(state, forced=np.array([[True], [False]]))
    sale = Sale(sheet, LeverageThreshold(20.0, 15.0), LinearImpact(np.array([1e-4])))
    cleared, _ = next(follow(sale, state))
    assert cleared.action.fraction[:, 0].tolist() == [1.0, 0.0]
    assert cleared.after.in_default[:, 0].tolist() == [True, False]


def test_a_threshold_pays_back_out_of_cash_before_it_sells():
    holdings = read_holdings([[90.0], [90.0], [90.0]], "holdings")
    _, state = opening(holdings, equity=np.full(3, 4.0), cash=np.array([0.0, 10.0, 30.0]))
    action = LeverageThreshold(20.0, 15.0).act(state)
    # down to 60 of assets: 30 sold; 40 to pay, 10 out of cash; 60 to pay, 30 out of cash
    assert action.paid[:, 0].tolist() == [0.0, 10.0, 30.0]
    assert action.demand[:, 0] == pytest.approx([30.0, 30.0, 30.0])


def test_a_capital_ratio_counts_cash_as_nothing_and_claims_in_full():
    holdings = read_holdings([[50.0]] * 4, "holdings")
    _, state = opening(
        holdings,
        equity=np.array([5.0, 7.0, 10.0, 0.0]),
        illiquid=np.full(4, 30.0),
        cash=np.full(4, 25.0),
    )
    action = CapitalRatio(0.1).act(state)
    # equity allows 50, 70, 100 of risky assets where 80 are; without equity all goes
    assert action.demand[:, 0] == pytest.approx([30.0, 10.0, 0.0, 50.0])
