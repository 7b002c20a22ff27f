"""What policies use while prices move, and who pays: each number followed by hand in a small world."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.network.asked import margin_by_market, margins_asked
from contagion.network.equity import opening_requirement
from contagion.policies import (
    AdaptiveHaircuts,
    Auction,
    AutoDeleveraging,
    BackstopLiquidity,
    CloseFactor,
    CrossOrIsolated,
    DynamicMargin,
    FeeSplit,
    IndexDesign,
    Outlay,
    PartialLiquidation,
    Procedure,
    Rulebook,
    SocialisedLoss,
)
from contagion.policies.costs import SECONDS_A_YEAR, CostRates
from contagion.propagation.cascade.codes import EVENT_LIQUIDATION
from tests.propagation.cascade.small import OPENING, OUTSIDE, RATE, ROUND, Holder, Rules, gap, small_net
from tests.propagation.cascade.test_coins import network as coin_network
from tests.propagation.cascade.test_portfolio_offset import network as offset_network

RATES = CostRates()
MODEL = ct.Cascade(step=ROUND, horizon=600.0)


def used(net: ct.Network, *policies: ct.Policy, shock: Any = None) -> Outlay:
    """What one run used, after a check that it bills what its policies say."""
    return MODEL.prepare(net, policies).measure(shock or gap(), 0, 0)[1]


def moving() -> tuple[ct.PricePath, pd.DataFrame]:
    """Outside prices that move in every round up to the horizon, little enough to leave the margin alone."""
    times = np.arange(0.0, 601.0, ROUND)
    prices = 1024.0 * (1.0 + 0.01 * np.sin(times / 40.0) * (times > 30.0))
    frame = pd.DataFrame({"X": prices}, index=times)
    return ct.PricePath(frame), frame


def test_margin_that_rises_in_the_run_is_asked_for_on_the_opening_book() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 8000.0, "isolated", count=2)})
    shock, prices = moving()
    policy = DynamicMargin(window=60.0, floor=1.0, cap=3.0, calm=0.2)
    times = ct.margin_path(policy, prices)["X"]
    margin = 2.0 * 16.0 * OPENING * RATE
    found = used(net, policy, shock=shock)
    wanted = margin * float((times - times.iloc[0]).sum()) * ROUND
    assert 1.0 < times.max() < 3.0
    assert found.asked_value == pytest.approx(wanted, rel=1e-9)
    assert policy.cost(found, RATES) == pytest.approx(0.10 * wanted / SECONDS_A_YEAR, rel=1e-9)
    assert used(net, shock=shock).asked_value == 0.0


def test_a_policy_of_ones_own_that_raises_margin_is_billed_for_it() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 8000.0, "isolated")})

    class Later(ct.Policy):
        def requirement(self, world: Any, multiplier: Any) -> Any:
            return multiplier * (2.0 if world.time >= 300.0 else 1.0)

    found = used(net, Later(), shock=moving()[0])
    assert found.asked_value == pytest.approx(16.0 * OPENING * RATE * 310.0)
    assert Later().cost(found, RATES) == pytest.approx(RATES.asking(found)) and found.asked_value > 0.0


def test_coins_that_count_for_less_are_margin_asked_of_their_owners() -> None:
    net = coin_network(balances=[{"account": "a", "asset": "X", "quantity": 2.0}])  # at weight 3/4
    policy = AdaptiveHaircuts(quantile=100.0, horizon=60.0, window=60.0, illiquidity=0.0, floor=0.5)
    prepared = MODEL.prepare(net, [policy])
    state = prepared.simulate(gap())
    after = int(state.clock["round"][0]) - 1  # rounds since the fall, which all see it in their window
    found = prepared.outlay(state)
    assert 0 < after <= 6
    assert found.asked_value == pytest.approx(2.0 * OPENING * 0.5 * 0.75 * after * ROUND)
    assert policy.cost(found, RATES) == pytest.approx(0.10 * found.asked_value / SECONDS_A_YEAR)


@pytest.mark.parametrize(("burned", "kept"), [(1.0, 0.0), (0.25, 0.5)])
def test_fees_that_are_burned_or_go_to_keepers_are_what_venue_and_fund_give_up(
    burned: float, kept: float
) -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1800.0, "isolated")}, Rules({"fee": 1.0 / 64.0}))
    run = ct.run(net, gap(), MODEL)
    fees = run.metrics["liquidation_cost_fee"]
    policy = FeeSplit(to_fund=0.0, to_keeper=kept, burned=burned)
    assert used(net).paid_away == 0.0 and fees > 0.0
    assert policy.cost(used(net, policy), RATES) == pytest.approx((burned + kept) * fees, abs=1e-6)
    assert FeeSplit(to_fund=1.0).cost(used(net, FeeSplit(to_fund=1.0)), RATES) == 0.0


def deleveraged(**venue: Any) -> ct.Network:
    """A long of 64 that ends 24 a unit below its bankruptcy price, and the short that won; a book that never moves."""
    still = {"impact_coefficient": 0.0}
    holders = {"loser": Holder({"M": 64.0}, 64.0 * 40.0), "winner": Holder({"M": -64.0}, 1e6)}
    return small_net(holders, Rules({"adl_trigger": "fund", **venue}, still, rate=1.0 / 64.0))


def test_winners_who_are_cut_forgo_the_mark_and_are_billed_as_those_whose_profit_is_taken() -> None:
    net, lost = deleveraged(adl_price="bankruptcy"), 64.0 * 24.0
    cut, shared = used(net), used(net, SocialisedLoss("profit_pro_rata"))
    assert cut.forgone == pytest.approx(lost) and cut.haircut == 0.0
    assert shared.haircut == pytest.approx(lost) and shared.forgone == shared.deleveraged == 0.0
    notional = 5e-4 * 64.0 * (OUTSIDE + 24.0)
    for policy, sign in ((SocialisedLoss("profit_pro_rata"), -1.0), (AutoDeleveraging(), 1.0)):
        base = (
            net
            if sign < 0.0
            else net.replace(
                venues=net.venues.assign(adl_trigger="", adl_price="", residual="profit_pro_rata")
            )
        )
        cmp = ct.compare(base, gap(), MODEL, {"other": [policy]}, n=1)
        costs = cmp.costs().loc["other"]
        assert costs["forgone"] == pytest.approx(sign * lost) and costs["seized"] == pytest.approx(
            -sign * lost
        )
        assert costs["cost"] == pytest.approx(sign * notional)


def test_a_venue_that_stops_deleveraging_is_billed_what_replaces_it() -> None:
    net = deleveraged(residual="profit_pro_rata", adl_price="bankruptcy")
    sets: dict[str, list[ct.Policy]] = {
        "off": [AutoDeleveraging(trigger="none")],
        "book": [Rulebook("close_out")],
    }
    bills = ct.compare(net, gap(), MODEL, sets, n=1).costs()
    costs = bills.loc["off"]
    pd.testing.assert_series_equal(bills.loc["book"], costs, check_names=False)
    assert costs["seized"] == pytest.approx(64.0 * 24.0) and costs["forgone"] == pytest.approx(-64.0 * 24.0)
    assert costs["deleveraged"] == pytest.approx(-5e-4 * 64.0 * (OUTSIDE + 24.0))


def test_isolated_accounts_need_the_margin_that_offsets_spared() -> None:
    net = offset_network(0.5, 1e5)
    spared = 0.5 * 0.125 * 2.0 * OPENING
    whole = 0.125 * 6.0 * OPENING
    assert margins_asked(net).sum() == pytest.approx(whole - spared)
    assert margin_by_market(net).tolist() == pytest.approx([spared, 0.125 * 4.0 * OPENING])  # far, near
    policy = CrossOrIsolated("isolated")
    found = used(net, policy)
    assert found.required == pytest.approx(spared)
    assert policy.cost(found, RATES) == pytest.approx(0.10 * spared * 600.0 / SECONDS_A_YEAR)
    assert used(offset_network(0.0, 1e5), policy).required == 0.0


def test_without_offsets_the_margin_of_positions_is_that_of_accounts() -> None:
    net = small_net({"a": Holder({"M": 16.0, "N": -4.0}, 9000.0)}, markets={"M": "X", "N": "Y"})
    assert margins_asked(net).sum() == pytest.approx(opening_requirement(net)["a"])


def test_positions_that_a_venue_takes_over_bind_its_capital() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1536.0)})
    policy = Procedure("takeover")
    # taken over in the round at 10 s, at the mark of 960; sold in the next
    assert used(net, policy).inventory_value == pytest.approx(16.0 * OUTSIDE * ROUND)
    assert policy.cost(used(net, policy), RATES) == pytest.approx(0.10 * 16.0 * 960.0 * 10.0 / SECONDS_A_YEAR)
    assert Procedure("close_out").cost(used(net, Procedure("close_out")), RATES) == 0.0


def test_a_backstop_loses_its_share_of_what_books_buy_above_the_final_price() -> None:
    holders = {"a": Holder({"M": 64.0}, 6000.0, "isolated"), "b": Holder({"M": 32.0}, 6000.0, "isolated")}
    net = small_net(holders, Rules(market={"permanent_share": 1.0}))
    path = [OPENING, OUTSIDE, 940.0, 940.0, 800.0, 800.0]
    shock = ct.PricePath(pd.DataFrame({"X": path}, index=np.arange(6) * ROUND))
    policy = BackstopLiquidity(capital=1e9, discount=0.01)
    prepared = MODEL.prepare(net, [policy])
    state = prepared.simulate(shock)
    ran = int(state.clock["round"][0])
    events = state.events[: int(state.clock["n_events"][0])]
    depth, lost = state.history["depth"][:ran, 0], 0.0
    for event in events[events["kind"] == EVENT_LIQUIDATION]:
        at = int(round(event["time"] / ROUND))
        share = 1.0 - 1.0 / depth[at]  # of the book that round; nothing else changes its depth
        lost += share * abs(event["lots"]) * 2.0**-20 * (event["price"] - 800.0)
    found = prepared.outlay(state)
    assert lost > 0.0 and found.backstop_loss == pytest.approx(lost, rel=1e-6)
    assert policy.cost(found, RATES) == pytest.approx(0.10 * 1e9 * 600.0 / SECONDS_A_YEAR + lost, rel=1e-6)


@pytest.mark.parametrize("policy", [CloseFactor(0.5), Auction(), FeeSplit(burned=1.0)])
def test_what_keepers_keep_and_what_is_burned_is_billed(policy: ct.Policy) -> None:
    assert policy.cost(Outlay(seconds=1.0, paid_away=7.0), RATES) == 7.0


@pytest.mark.parametrize("policy", [PartialLiquidation(), IndexDesign(lag=1.0), Procedure("partial")])
def test_a_policy_that_costs_nobody_money_says_why(policy: ct.Policy) -> None:
    assert "costs nobody money" in policy.describe()
    assert "costs nobody money" not in Procedure("takeover").describe()
