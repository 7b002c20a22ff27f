"""How much arbitrage capital may open under tiers of initial margin, and what a closed account realised."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

import contagion as ct
from contagion.propagation.cascade import arbitrage
from contagion.propagation.cascade.outcome import quantile
from tests.propagation.cascade.books import PRICE, one_market

BOOK = SimpleNamespace(
    tier_floor=np.array([0.0, 1_000.0, 5_000.0]),
    tier_top=np.array([1_000.0, 5_000.0, 20_000.0]),
    tier_initial=np.array([0.05, 0.10, 0.25]),
)


def plain(name: str) -> Callable[..., float]:
    """A kernel as the Python function that was compiled."""
    kernel = getattr(arbitrage, name)
    return getattr(kernel, "py_func", kernel)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernels call is plain Python too: their book and market are no records here."""
    monkeypatch.setattr(arbitrage, "affordable", plain("affordable"))
    monkeypatch.setattr(arbitrage, "lot_money", plain("lot_money"))


def market(multiplier: float = 1.0) -> SimpleNamespace:
    """A market whose schedule is the three tiers above."""
    rest = {"crowding": 0.0, "initial_slope": 0.0, "mark": 1.0, "lot_scale": 1.0, "inverse": False}
    return SimpleNamespace(tier_first=0, tier_last=3, multiplier=multiplier, **rest)


@pytest.mark.parametrize(
    ("free", "most"),
    [
        (0.0, 0.0),
        (20.0, 400.0),  # 5 % of 400
        (50.0, 1_000.0),  # the first tier, full
        (80.0, 1_000.0),  # a notional of 1,000.01 would need 10 %
        (120.0, 1_200.0),
        (600.0, 5_000.0),  # 25 % of anything above 5,000 is more than 1,250
        (2_500.0, 10_000.0),
        (9_000.0, 20_000.0),  # the cap of the last tier
    ],
)
@pytest.mark.usefixtures("interpreted")
def test_free_margin_opens_up_to_the_tier_that_it_can_pay_for(free: float, most: float) -> None:
    found = plain("largest_notional")(BOOK, market(), free)
    assert found == pytest.approx(most, rel=1e-12)
    assert plain("initial")(BOOK, market(), found) <= free * (1 + 1e-12)


@pytest.mark.usefixtures("interpreted")
def test_a_boundary_pays_the_rate_of_the_lower_tier() -> None:
    assert plain("initial")(BOOK, market(), 1_000.0) == 50.0
    assert plain("initial")(BOOK, market(), 1_001.0) == pytest.approx(100.1)


@pytest.mark.usefixtures("interpreted")
def test_a_raised_requirement_raises_initial_margin_too() -> None:
    assert plain("initial")(BOOK, market(2.0), 400.0) == 40.0
    assert plain("largest_notional")(BOOK, market(2.0), 40.0) == 400.0


def closed_by(net: ct.Network, move: float) -> ct.Run:
    """A jump of the outside price, in one round."""
    return ct.run(net, ct.PriceShock({"X": move}, over=0.0), ct.Cascade(step=60.0))


def test_coverage_of_a_long_is_the_price_it_got_over_the_price_it_owed() -> None:
    net = one_market([(10.0, 900.0)], depth=2.0**50)
    run = closed_by(net, -0.25)
    assert run.metrics["coverage_mean"] == pytest.approx(0.75 * PRICE / 900.0, rel=1e-6)


def test_coverage_of_a_short_is_its_money_over_the_cost_at_its_trigger() -> None:
    net = one_market([(-10.0, 1_200.0)], depth=2.0**50)
    run = closed_by(net, 0.5)
    assert run.metrics["coverage_mean"] == pytest.approx(1_200.0 / (1.5 * PRICE), rel=1e-6)


def test_coverage_and_time_to_close_count_accounts_not_rows() -> None:
    net = one_market([(1.0, 1_000.0), (1.0, 900.0)], depth=2.0**50)
    accounts = net.accounts.copy()
    accounts.loc["a0000", "count"] = 3
    positions = net.positions.copy()
    rest = positions["account"].str.startswith("rest_of_market")
    positions.loc[rest, "quantity"] = -4.0
    net = net.replace(accounts=accounts, positions=positions)
    run = closed_by(net, -0.25)
    assert run.metrics["liquidated_accounts"] == 4
    assert run.metrics["coverage_mean"] == pytest.approx(0.75 * PRICE * (3 / 1_000 + 1 / 900) / 4, rel=1e-6)


def test_time_to_close_is_the_order_statistic_over_accounts() -> None:
    seconds, numbers = np.array([300.0, 60.0, 120.0]), np.array([1, 5, 4])
    assert quantile(seconds, numbers, 0.5) == 60.0
    assert quantile(seconds, numbers, 0.51) == 120.0
    assert quantile(seconds, numbers, 0.9) == 120.0
    assert quantile(seconds, numbers, 0.95) == 300.0
    assert math.isnan(quantile(seconds[:0], numbers[:0], 0.5))
