"""A halt of one of two markets: who feels it, who does not, and why it is not neutral for hedged accounts."""

from __future__ import annotations

import math

import numpy as np
import pytest

import contagion as ct
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.small import ROUND, Holder, Rules, gap, play, small_net

TWO_ASSETS = {"M": "X", "N": "Y"}
ONE_ASSET = {"M": "X", "N": "X"}
FUND = Rules({"insurance_fund": 1e5})
THIN = Rules(
    {"insurance_fund": 1e5}, rate=1.0 / 32.0
)  # for hedged books, whose requirement is that of both legs
ISOLATED = {
    "m0": Holder({"M": 16.0}, 1900.0, "isolated"),
    "m1": Holder({"M": 8.0}, 1100.0, "isolated"),
    "n0": Holder({"N": 16.0}, 1900.0, "isolated"),
    "n1": Holder({"N": 8.0}, 1100.0, "isolated"),
}


def halt(market: str, drop: float = 0.05, length: float = 3 * ROUND) -> ct.Halt:
    """A halt of one market at a fall since the opening; the outside fall alone is 6.25 %."""
    return ct.Halt(drop=drop, window=math.inf, length=length, markets=(market,), times=1)


def state_of(net: ct.Network, model: ct.Cascade, *policies: ct.Policy) -> State:
    """The final arrays after both assets have fallen to 960 at once."""
    assets = sorted(set(net.markets["asset"]))
    return model.prepare(net, policies).simulate(gap(*assets))


@pytest.mark.parametrize("model", [ct.Cascade(step=ROUND, horizon=600.0), ct.Cascade.static()])
def test_isolated_accounts_of_the_other_market_are_untouched_bit_for_bit(model: ct.Cascade) -> None:
    net = small_net(ISOLATED, FUND, TWO_ASSETS)
    length = 3.0 if model.is_static else 3 * ROUND
    free, halted = state_of(net, model), state_of(net, model, halt("M", length=length))
    names = model.prepare(net).opening.names
    there = [names.accounts.index(name) for name in ("n0", "n1")]
    m, n = names.markets.index("M"), names.markets.index("N")
    assert halted.markets["halted_seconds"][m] > 0.0 and halted.markets["halted_seconds"][n] == 0.0
    for name in ("cash", "closed_at", "first_trigger", "liquidated", "deficit"):
        assert getattr(free, name)[there].tobytes() == getattr(halted, name)[there].tobytes(), name
    for name in free.markets.dtype.names or ():
        assert np.array_equal(free.markets[name][n], halted.markets[name][n], equal_nan=True), name
    shared = min(int(free.clock["round"][0]), int(halted.clock["round"][0]))
    for name in free.history.dtype.names or ():
        assert np.array_equal(free.history[name][:shared, n], halted.history[name][:shared, n]), name
    # and the accounts that must wait do wait
    waiting = names.accounts.index("m0")
    assert halted.closed_at[waiting] > free.closed_at[waiting]


def test_the_metrics_of_a_halted_isolated_book_are_those_of_the_free_one() -> None:
    """Nothing decays and outside stands still: waiting changes times only."""
    net = small_net(ISOLATED, FUND, TWO_ASSETS)
    free, halted = play(net, shock=gap("X", "Y")), play(net, halt("M"), shock=gap("X", "Y"))
    for name in ("system_loss", "liquidated_notional", "forced_cost", "price_drop_max", "branching_ratio"):
        assert free.metrics[name] == halted.metrics[name], name
    assert halted.metrics["fill_rate"] < 1.0


def fills(run: ct.Run, account: str = "c") -> list[tuple[float, str, float]]:
    """When, where and at which price an account was sold."""
    rows = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == account)]
    return [(row.time, row.market, row.price) for row in rows.itertuples()]


def cross(money: float) -> ct.Network:
    """One cross account of 16 units in each of two markets on two assets."""
    return small_net({"c": Holder({"M": 16.0, "N": 16.0}, money)}, FUND, TWO_ASSETS)


def test_a_cross_account_sells_its_other_leg_while_one_is_halted() -> None:
    """3000 - 2048 = 952 is below 1920; without N's leg 3000 - 1144 - 1024 = 832 is below 960: M goes on reopening."""
    free, halted = (play(cross(3000.0), *set_, shock=gap("X", "Y")) for set_ in ((), (halt("M"),)))
    assert fills(free) == [(10.0, "M", 952.5), (10.0, "N", 952.5)]
    assert fills(halted) == [(10.0, "N", 952.5), (40.0, "M", 952.5)]
    assert (
        free.accounts["closing_equity"]["c"] == halted.accounts["closing_equity"]["c"] == 3000.0 - 2 * 1144.0
    )
    assert (free.accounts["closed_at"]["c"], halted.accounts["closed_at"]["c"]) == (10.0, 40.0)
    assert halted.metrics["deferred_notional"] == 0.0
    # asked for: both legs at 10 s, one at 20, 30 and 40; filled: two
    assert halted.metrics["fill_rate"] == 2 / 5


def test_a_cross_account_that_the_other_leg_makes_well_keeps_the_halted_one() -> None:
    """3500 - 2048 = 1452 is below 1920; without N's leg 3500 - 1144 - 1024 = 1332 covers 960."""
    free, halted = (play(cross(3500.0), *set_, shock=gap("X", "Y")) for set_ in ((), (halt("M"),)))
    assert len(fills(free)) == 2
    assert fills(halted) == [(10.0, "N", 952.5)]
    assert halted.metrics["liquidated_notional"] == 16 * 952.5
    assert math.isnan(halted.accounts["closed_at"]["c"])


def hedged(money: float) -> ct.Network:
    """A seller `b` of 64 units of M, and `h`, long 16 of M against a short of 16 of N on the same asset."""
    holders = {
        "b": Holder({"M": 64.0}, 6000.0, "isolated"),
        "h": Holder({"M": 16.0, "N": -16.0}, money),
    }
    return small_net(holders, THIN, ONE_ASSET)


def test_a_hedged_account_loses_its_hedge_to_a_halt_of_one_leg() -> None:
    """b takes M to 900 in round 1: h has 1600 - 1984 + 1024 = 640 and needs 930.

    Free, both legs go in round 2: M at 892.5, N bought at 967.5. With M halted at 900 only the short is bought back:
    1600 - 1984 + 16 * 56.5 = 520 covers 450, and h is left with the long leg alone.
    """
    free, halted = play(hedged(1600.0)), play(hedged(1600.0), halt("M", drop=0.1))
    assert fills(free, "h") == [(20.0, "M", 892.5), (20.0, "N", 967.5)]
    assert free.accounts["closing_equity"]["h"] == 1600.0 - 16 * 131.5 + 16 * 56.5
    assert fills(halted, "h") == [(20.0, "N", 967.5)]
    assert halted.accounts["closing_equity"]["h"] == 520.0
    assert halted.metrics["halted_seconds"] > 0.0


def test_a_hedged_account_that_stays_too_weak_sells_the_halted_leg_on_reopening() -> None:
    """With 1500 it has 420 against 450 after its short is bought back."""
    free, halted = play(hedged(1500.0)), play(hedged(1500.0), halt("M", drop=0.1))
    assert fills(halted, "h") == [(20.0, "N", 967.5), (50.0, "M", 892.5)]
    assert free.accounts["closing_equity"]["h"] == halted.accounts["closing_equity"]["h"] == 300.0


SCATTERED = {
    "d": Holder({"N": 8.0}, 800.0, "isolated"),  # closed at 945, not at 960
    "e": Holder({"M": 64.0, "N": 16.0}, 7500.0),  # closed at 960 already
    "h": Holder({"M": 16.0, "N": -16.0}, 1600.0),  # closed when M stands at 900
}


def test_in_the_static_limit_a_halt_of_one_market_is_not_neutral_for_opposite_legs() -> None:
    """The limit of the negative control: h buys in N what e sells there, if the halt lets the two meet.

    Free: e sells 16 of N (to 945), so d must sell 8 while h buys 16: the book ends at 960 (1 - 8/1024) = 952.5.
    With N halted e's 16 wait for h's 16: no flow, N stays at 960 and d keeps its position.
    """
    net, model = small_net(SCATTERED, THIN, ONE_ASSET), ct.Cascade.static()
    free = ct.run(net, gap(), model)
    halted = ct.run(net, gap(), model, [halt("N", length=3.0)])
    assert set(free.accounts.index[free.accounts["closed_at"].notna()]) == {"d", "e", "h"}
    assert set(halted.accounts.index[halted.accounts["closed_at"].notna()]) == {"e", "h"}
    assert (free.markets["closing_price"]["N"], halted.markets["closing_price"]["N"]) == (952.5, 960.0)
    # M, where all legs are on one side, ends where it ended
    assert free.markets["closing_price"]["M"] == halted.markets["closing_price"]["M"] == 885.0


def test_in_the_static_limit_a_halt_of_both_markets_is_neutral_for_the_same_accounts() -> None:
    net, model = small_net(SCATTERED, THIN, ONE_ASSET), ct.Cascade.static()
    every = ct.Halt(drop=0.05, window=math.inf, length=3.0, scope="all", times=1)
    free, halted = state_of(net, model), state_of(net, model, every)
    assert halted.markets["halted_seconds"].min() > 0.0
    for name in ("quantity", "cash", "node_cash"):
        assert np.array_equal(getattr(free, name), getattr(halted, name)), name
    for name in ("permanent", "last", "mark", "provider_lots", "provider_cash"):
        assert np.array_equal(free.markets[name], halted.markets[name]), name
