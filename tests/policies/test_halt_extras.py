"""Reopening auctions, the magnet effect, diverted orders and market-wide levels, followed by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.markets import circuit_breaker_market_wide_halts
from contagion.policies import MarketWideHalt
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.small import OUTSIDE, ROUND, UNITS, Holder, Rules, gap, small_net

SELLER = {"a": Holder({"M": 16.0}, 1024.0 + 16.0 * 32.0, "isolated")}
LENGTH = 3 * ROUND
"""The outside price falls in round 1 and shuts the market in rounds 1 to 3; it opens in round 4."""


def state_of(
    net: ct.Network,
    *policies: ct.Policy,
    shock: ct.PriceShock | ct.PricePath | None = None,
    step: float = ROUND,
) -> State:
    """The final arrays with records, in rounds of ten seconds."""
    model = ct.Cascade(step=step, horizon=max(600.0, 60.0 * step))
    return model.prepare(net, policies).simulate(shock or gap(*sorted(set(net.markets["asset"]))))


def sales(state: State) -> pd.DataFrame:
    """Liquidations as rows of round, lots and price."""
    events = state.events[: int(state.clock["n_events"][0])]
    return pd.DataFrame(events[events["kind"] == codes.EVENT_LIQUIDATION])


def halt(**more: object) -> ct.Halt:
    """A halt that the outside fall of 6.25 % triggers once."""
    rules: dict[str, object] = {"drop": 0.05, "window": math.inf, "length": LENGTH, "times": 1, **more}
    return ct.Halt(**rules)  # type: ignore[arg-type]


def test_an_auction_fills_everybody_at_the_marginal_price() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")})
    plain, auction = sales(state_of(net, halt())), sales(state_of(net, halt(auction=True)))
    assert plain["round"].tolist() == auction["round"].tolist() == [4]
    fallen = 16.0 / UNITS
    assert plain["price"].tolist() == [OUTSIDE * (1.0 - 0.5 * fallen)]
    assert auction["price"].tolist() == [OUTSIDE * (1.0 - fallen)]


def test_only_the_round_of_reopening_is_an_auction() -> None:
    slow = {"throughput": 960.0 * 4.0 / ROUND}
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, Rules(slow))
    rows = sales(state_of(net, halt(auction=True)))
    first, second = rows["price"].tolist()[:2]
    lots = rows["lots"].abs().to_numpy() * 2.0**-20
    assert first == OUTSIDE * (1.0 - lots[0] / UNITS)
    assert second == OUTSIDE * (1.0 - (lots[0] + 0.5 * lots[1]) / UNITS)


def test_an_auction_brings_back_its_share_of_the_depth_that_had_left() -> None:
    market = {"volatility_exponent": 1.0, "volatility": 0.05, "depth_floor": 0.001}
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, Rules(market=market))
    plain, auction = (state_of(net, halt(auction=True, auction_depth=share)) for share in (0.0, 0.25))
    left = float(plain.history["depth"][4, 0])
    assert left < 0.5
    assert float(auction.history["depth"][4, 0]) == left + 0.25 * (1.0 - left)
    assert np.array_equal(plain.history["depth"][:4], auction.history["depth"][:4])


@pytest.mark.parametrize(("magnet", "depth"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_providers_withdraw_as_the_price_nears_the_trigger(magnet: float, depth: float) -> None:
    net = small_net({"a": Holder({"M": 16.0}, 16.0 * 900.0, "isolated")})
    state = state_of(net, ct.Halt(drop=0.125, window=math.inf, length=LENGTH, magnet=magnet))
    assert state.history["depth"][0, 0] == 1.0
    assert state.history["depth"][1, 0] == depth  # half of the way to the trigger


def test_a_share_of_the_waiting_orders_presses_on_the_open_market_until_it_can_trade() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, markets={"M": "X", "N": "X"})
    free, state = (state_of(net, halt(diversion=share, markets=("M",))) for share in (0.0, 0.5))
    moved = state.history["displacement"][:, 1]
    assert moved[1] == 0.0 and moved[2] == moved[3] == moved[4] == 8.0 / UNITS
    assert moved[5] == 0.0  # bought back once the market is open
    assert not free.history["displacement"][:, 1].any()
    for name in ("quantity", "cash", "node_cash"):
        assert np.array_equal(getattr(free, name), getattr(state, name)), name
    for name in ("provider_lots", "provider_cash"):
        assert np.array_equal(free.markets[name], state.markets[name]), name


def test_without_another_market_of_the_asset_nothing_is_diverted() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, markets={"M": "X", "N": "Y"})
    free, state = (state_of(net, halt(diversion=share, markets=("M",))) for share in (0.0, 1.0))
    assert free.history.tobytes() == state.history.tobytes()


def test_the_basket_is_the_mean_over_books_and_halts_every_market() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, markets={"M": "X", "N": "Y"})
    one = ct.PriceShock({"X": -1.0 / 16.0}, over=0.0)  # the basket falls by a thirty-second
    for drop, halted in ((1.0 / 32.0, True), (1.0 / 31.0, False)):
        policy = ct.Halt(drop=drop, length=LENGTH, scope="all", reference="basket", times=1)
        state = state_of(net, policy, shock=one)
        assert state.history["halted"][1].tolist() == [halted, halted]


def test_market_wide_levels_halt_as_the_published_rule_does() -> None:
    minutes = [0.0, 1.0, 2.0, 5.0, 16.0, 20.0, 40.0, 50.0, 60.0]
    levels = [100.0, 92.0, 85.0, 95.0, 95.0, 92.5, 86.5, 95.0, 79.0]
    path = pd.DataFrame({"X": np.repeat(levels, 2)}, index=np.repeat(minutes, 2))
    path.index = [60.0 * m + (0.0 if k % 2 == 0 else 59.0) for k, m in enumerate(path.index)]
    net = small_net({"a": Holder({"M": 16.0}, 16.0 * 900.0, "isolated")})
    policy = MarketWideHalt(auction=False)
    model = ct.Cascade(step=60.0, horizon=7200.0)
    state = model.prepare(net, [policy]).simulate(ct.PricePath(path))
    events = state.events[: int(state.clock["n_events"][0])]
    times = events["time"][events["kind"] == codes.EVENT_HALT] / 60.0
    seen = state.history["outside"][: int(state.clock["round"][0]), 0] / 1024.0 * 100.0
    expected = circuit_breaker_market_wide_halts(
        100.0, 600.0 + np.arange(len(seen)), seen, levels=[0.07, 0.13, 0.20], halt_min=15, last_halt_min=925
    )
    assert times.tolist() == (np.asarray(expected.time_min) - 600.0).tolist()
    assert np.asarray(expected.level).tolist() == [1, 2, 3]
    assert state.history["halted"][61 : len(seen), 0].all()  # the day is over


def test_extras_of_zero_change_no_bit() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, markets={"M": "X", "N": "X"})
    plain = state_of(net, halt())
    zero = state_of(net, halt(auction=False, auction_depth=0.0, magnet=0.0, diversion=0.0))
    for name in ("history", "ledger", "events", "cash", "quantity"):
        assert getattr(plain, name).tobytes() == getattr(zero, name).tobytes(), name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ct.Halt(magnet=1.5), r"Halt\.magnet"),
        (lambda: ct.Halt(diversion=-0.1), r"Halt\.diversion"),
        (lambda: ct.Halt(auction="yes"), r"Halt\.auction .*True, False"),
        (lambda: ct.Halt(auction_depth=0.5), "set auction=True"),
        (lambda: ct.Halt(reference="basket", reopening="window"), "halt_price"),
        (lambda: MarketWideHalt(levels=(0.1, 0.05), lengths=(1.0, 1.0)), "must rise"),
        (lambda: MarketWideHalt(levels=(0.1,)), "1 levels and 3 lengths"),
        (lambda: MarketWideHalt(levels=(0.1,), lengths=(-1.0,)), "at least 0"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(make: object, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        make()  # type: ignore[operator]
