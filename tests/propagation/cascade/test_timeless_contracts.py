"""In the timeless limit nothing expires: a dated future without carry is a perpetual."""

import pandas as pd
import pytest

import contagion as ct
from tests.propagation.cascade.small import Holder, Rules, gap, small_net

BOOK = {
    "a": Holder({"M": 64.0}, 4_000.0),
    "b": Holder({"M": 32.0}, 3_000.0),
    "c": Holder({"M": -48.0}, 9_000.0),
}
DATED = {"kind": "future", "expiry": 15.0}


@pytest.mark.parametrize("carry", [0.0, 0.25])
def test_in_the_timeless_limit_a_future_never_expires(carry: float) -> None:
    net = small_net(BOOK, Rules(market=DATED | {"carry": carry}))
    run = ct.run(net, gap(), ct.Cascade.static())
    assert "expiry" not in set(run.events["kind"])
    assert run.metrics["liquidated_accounts"] > 0.0


def test_in_the_timeless_limit_a_future_without_carry_is_a_perpetual() -> None:
    runs = [ct.run(small_net(BOOK, Rules(market=terms)), gap(), ct.Cascade.static()) for terms in (DATED, {})]
    pd.testing.assert_series_equal(runs[0].metrics, runs[1].metrics, check_exact=True)
    pd.testing.assert_frame_equal(runs[0].ledger, runs[1].ledger, check_exact=True)


def test_with_a_clock_it_is_paid_out_at_the_index() -> None:
    run = ct.run(small_net(BOOK, Rules(market=DATED)), gap(), ct.Cascade(step=10.0, horizon=60.0))
    paid = run.events[run.events["kind"] == "expiry"]
    assert paid["round"].tolist() == [2]
    assert paid["price"].tolist() == [960.0]
