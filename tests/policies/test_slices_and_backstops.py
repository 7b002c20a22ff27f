"""Slices of least cost, depth from a backstop, refilled funds, fees and haircuts, by hand and by the pure rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import contagion as ct
from contagion.errors import PolicyError
from contagion.markets import almgren_cost
from contagion.markets.pace import selling_time
from contagion.network.interest import resting_money
from contagion.policies import (
    AdaptiveHaircuts,
    BackstopLiquidity,
    FeeSplit,
    FundReplenishment,
    SlicedLiquidation,
)
from contagion.policies.costs import CostRates, Outlay
from contagion.propagation.cascade import codes, phases
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.packing import pack_state
from tests.propagation.cascade.coin_books import PRICE, coin_net
from tests.propagation.cascade.small import LOT, OPENING, OUTSIDE, ROUND, UNITS, Holder, Rules, gap, small_net
from tests.propagation.cascade.test_coins import network

DAY = 86_400.0


def state_of(net: ct.Network, *policies: ct.Policy, horizon: float = 600.0) -> State:
    """The final arrays after the fall to 960, in rounds of ten seconds."""
    return ct.Cascade(step=ROUND, horizon=horizon).prepare(net, policies).simulate(gap())


@pytest.mark.parametrize("order", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("risk", [0.3, 1.0, 3.0])
def test_the_selling_time_has_the_least_cost(order: float, risk: float) -> None:
    sigma, waiting = 200.0, 300.0  # basis points a day: behind the impact, and for a seller who waits

    def cost(log_days: float) -> float:
        days = math.exp(log_days)
        impact = float(almgren_cost(-order, 100.0, sigma, days).temporary_bp)
        return abs(impact) + risk * waiting * math.sqrt(days / 3.0)

    best = minimize_scalar(cost, bounds=(-25.0, 5.0), method="bounded", options={"xatol": 1e-10})
    found = selling_time(order, sigma, waiting, 0.142, 0.6, risk)
    assert math.log(found) == pytest.approx(best.x, abs=1e-4)
    assert cost(math.log(found)) <= best.fun * (1.0 + 1e-9)


def test_nothing_to_sell_takes_no_time_and_riskless_waiting_never_ends() -> None:
    assert selling_time(0.0, 1.0, 1.0, 0.1, 0.6, 1.0) == 0.0
    assert selling_time(0.1, 1.0, 1.0, 0.1, 0.6, 0.0) == math.inf


def test_the_first_slice_is_one_rounds_part_of_the_selling_time() -> None:
    market = {"volume": 1e8, "volatility": 0.5}
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, Rules(market=market))
    state = state_of(net, SlicedLiquidation(risk=0.05))
    running = math.log(OPENING / OUTSIDE) * math.sqrt(DAY / 300.0)
    seconds = DAY * selling_time(16.0 * OUTSIDE / 1e8, 0.5, max(running, 0.5), 0.142, 0.6, 0.05)
    assert seconds > ROUND
    events = state.events[: int(state.clock["n_events"][0])]
    first = events[events["kind"] == codes.EVENT_LIQUIDATION][0]
    assert abs(first["lots"]) == math.ceil(16.0 / LOT * (ROUND / seconds))


def test_a_market_that_states_no_volume_has_that_of_its_turnover() -> None:
    holder = {"a": Holder({"M": 16.0}, 1500.0, "isolated")}
    stated = small_net(holder)
    book = float(resting_money(stated)[0])
    given = small_net(holder, Rules(market={"volume": 20.0 * book}))
    first = state_of(stated, SlicedLiquidation(risk=0.01, turnover=20.0))
    second = state_of(given, SlicedLiquidation(risk=0.01))
    assert first.history.tobytes() == second.history.tobytes()
    assert first.history["sold"][1, 0] < state_of(stated).history["sold"][1, 0]


def test_a_backstop_deepens_a_book_that_is_far_below_outside_and_is_used_up() -> None:
    net = small_net(
        {"a": Holder({"M": 64.0}, 6000.0, "isolated"), "b": Holder({"M": 16.0}, 1600.0, "isolated")}
    )
    book = float(resting_money(net)[0])
    state = state_of(net, BackstopLiquidity(capital=book, discount=1.0 / 16.0))
    depth, last, outside = (state.history[name][:, 0] for name in ("depth", "last", "outside"))
    ran = int(state.clock["round"][0])
    below = last[:ran] <= outside[:ran] * (15.0 / 16.0)
    assert below.any() and (depth[:ran][~below] == 1.0).all()
    # the payer of as much as the book holds bears half of what the book has bought
    spent = state.history["sold"][: int(np.flatnonzero(below)[0]), 0].sum()
    assert depth[np.flatnonzero(below)[0]] == pytest.approx(1.0 + max(0.0, 1.0 - 0.5 * spent / book))


def test_a_backstop_costs_its_capital_for_the_whole_run() -> None:
    used = Outlay(seconds=365.25 * DAY)
    assert BackstopLiquidity(capital=500.0).cost(used, CostRates(capital=0.1)) == pytest.approx(50.0)


def bankrupt(fund: float) -> ct.Network:
    """An account of 16 units that the fall leaves below zero, and one that it does not reach."""
    holders = {"a": Holder({"M": 16.0}, 1025.0, "isolated"), "b": Holder({"M": 1.0}, 512.0, "isolated")}
    return small_net(holders, Rules({"insurance_fund": fund}))


@pytest.mark.parametrize("payer", ["venue", "outside"])
def test_a_fund_is_refilled_at_its_rate_up_to_its_level(payer: str) -> None:
    net = bankrupt(1000.0)
    policy = FundReplenishment(level=1.0, rate=7.2, payer=payer)  # type: ignore[arg-type]
    free, state = state_of(net), state_of(net, policy)
    paid = float(free.venues["fund_used"][0])
    assert paid > 0.0
    quantum = float(state.clock["quantum"][0])
    fund = state.rounds["fund_total"][: int(state.clock["round"][0])]
    most = 7.2 / 3600.0 * ROUND * 1000.0  # money a round
    rises = np.diff(fund)
    assert rises.max() == pytest.approx(min(most, paid * quantum))
    assert fund.max() <= 1000.0
    given = float(state.venues["replenished"][0])
    assert float(state.venues["fund"][0]) == 1000.0 / quantum - paid + given
    cash = float(state.node_cash[0] - free.node_cash[0])
    names = ct.Cascade(step=ROUND).prepare(net).opening.names.nodes
    assert names[0] == "V"
    assert cash == (-given if payer == "venue" else 0.0)
    assert float(free.clock["outside_paid"][0] - state.clock["outside_paid"][0]) == (
        0.0 if payer == "venue" else given
    )


def test_what_refilled_a_fund_is_money_locked_up() -> None:
    policy = FundReplenishment(level=1.0, rate=7.2, payer="outside")
    prepared = ct.Cascade(step=ROUND, horizon=600.0).prepare(bankrupt(1000.0), [policy])
    state = prepared.simulate(gap())
    given = float(state.venues["replenished"][0] * state.clock["quantum"][0])
    assert prepared.outlay(state).locked == given > 0.0


def test_fees_go_where_the_split_says() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1800.0, "isolated")})
    policy = FeeSplit(fee=1.0 / 64.0, to_fund=0.5, to_keeper=0.25, burned=0.25)
    row = state_of(net, policy).venues[0]
    money = int(row["fees"])
    assert money > 0 and int(row["fee_to_venue"]) <= 2
    assert int(row["keeper"]) == int(row["burned"]) == money // 4 and int(row["fund"]) == money // 2


def test_haircuts_follow_the_volatility_of_the_coin() -> None:
    # 2 coins at weight 3/4 against 1,100 of debt; at 960 they count for 1,440, at weight 1/2 for 960
    net = network(
        balances=[
            {"account": "a", "asset": "X", "quantity": 2.0},
            {"account": "a", "asset": "USD", "quantity": -1100.0},
        ]
    )
    window = 600.0
    running = math.log(1024.0 / 960.0) * math.sqrt(DAY / window)
    needed = 1.0 - 1100.0 / (2.0 * 960.0)  # haircut at which the coins just cover the debt
    quantile = needed / (running * math.sqrt(window / DAY))
    model, shock = ct.Cascade(step=10.0, horizon=60.0), ct.PriceShock({"X": 960.0 / 1024.0 - 1.0}, over=0.0)
    liquidated = []
    for factor in (0.0, 0.999, 1.001):
        policy = AdaptiveHaircuts(
            quantile=factor * quantile, horizon=window, window=window, illiquidity=0.0, floor=0.0
        )
        liquidated.append(ct.run(net, shock, model, [policy]).metrics["liquidated_accounts"])
    assert liquidated == [0.0, 0.0, 1.0]
    bounded = AdaptiveHaircuts(
        quantile=100.0, horizon=window, window=window, floor=0.8
    )  # 0.8 of 3/4 is enough
    assert ct.run(net, shock, model, [bounded]).metrics["liquidated_accounts"] == 0.0


def test_haircuts_where_nobody_holds_coins_are_refused() -> None:
    net = small_net({"a": Holder({"M": 1.0}, 1800.0)})
    with pytest.raises(
        PolicyError, match=r"AdaptiveHaircuts: no account holds coins; .* leave the policy out"
    ):
        ct.run(net, ct.PriceShock({"X": -0.05}), ct.Cascade(step=10.0, horizon=60.0), [AdaptiveHaircuts()])
    assert AdaptiveHaircuts(floor=1.0).opening(net) is net


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlicedLiquidation(risk=0.0),
        lambda: SlicedLiquidation(beta=0.0),
        lambda: BackstopLiquidity(capital=-1.0),
        lambda: BackstopLiquidity(discount=1.5),
        lambda: FundReplenishment(payer="nobody"),  # type: ignore[arg-type]
        lambda: FundReplenishment(level=-1.0),
        lambda: FeeSplit(fee=1.0),
        lambda: FeeSplit(to_fund=0.7, burned=0.7),
        lambda: AdaptiveHaircuts(floor=2.0),
        lambda: AdaptiveHaircuts(quantile=math.nan),
    ],
)
def test_rules_that_make_no_sense_are_refused(make: object) -> None:
    with pytest.raises(PolicyError):
        make()  # type: ignore[operator]


def test_a_split_that_gives_more_than_the_fee_with_the_venues_own_shares_is_refused() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1800.0, "isolated")}, Rules({"fee_to_fund": 0.9}))
    with pytest.raises(PolicyError):
        FeeSplit(burned=0.5).opening(net)


def test_units_of_the_small_world_are_what_the_tests_assume() -> None:
    assert (OPENING, OUTSIDE, UNITS) == (1024.0, 960.0, 1024.0)


@pytest.mark.parametrize("coins", [0.0, -40.0, -600.0])
def test_coins_that_the_books_of_a_coin_contract_have_paid_out_are_spent_too(coins: float) -> None:
    """A backstop as large as the book's own capital; half of what the two have paid out is the payer's."""
    net = coin_net("inverse", 1e6, 5.0, market={"impact_half_life": 60.0})
    prepared = ct.Cascade(step=ROUND, horizon=60.0).prepare(
        net, [BackstopLiquidity(capital=1.0, discount=0.0)]
    )
    state = prepared.blank(ct.PriceShock({"BTC": 0.0}))
    m = prepared.opening.names.markets.index("P")
    state.covered[0] = np.arange(len(state.markets)) == m
    scale = float(state.slots["lot_scale"][state.markets["coin_slot"][m]])
    state.markets["capital"][m] = state.policies["money"][0] = (
        1_000.0 * PRICE * scale
    )  # as much as 1 000 lots
    state.markets["provider_coins"][m] = coins
    phases.standing_row(prepared.opening.packed, pack_state(state), 0)
    assert state.markets["depth"][m] == pytest.approx(1.0 + (1.0 + coins / 2.0 / 1_000.0), rel=1e-12)
