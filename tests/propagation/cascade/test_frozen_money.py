"""A failed exchange that pays out late: frozen money is its owner's, and answers no call until it is paid."""

import math

import pytest

import contagion as ct
from contagion.results import Run
from tests.propagation.cascade.small import LOT, OPENING, RATE, gap

DEEP = {"impact": "linear", "impact_coefficient": 0.0, "capital_exponent": 0.0, "volatility_exponent": 0.0}


def net(delay: float) -> ct.Network:
    """T has 200 at V, which owes 200 to the world outside too, and a position at W that is called when X falls."""
    return ct.Network(
        nodes=[
            {"name": "V", "kind": "exchange", "external_liabilities": 200.0, "external_assets": 250.0},
            {"name": "W", "kind": "exchange", "cash": 1e6},
            {"name": "T", "kind": "institution"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": OPENING},
        ],
        venues=[
            {"name": "V", "payout_delay": delay},
            {"name": "W", "mark": "last", "call_ratio": 2.0, "call_target": 2.5, "call_delay": 30.0},
        ],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 2 * RATE, "maintenance_rate": RATE}],
        markets=[{"name": "M", "venue": "W", "asset": "X", "schedule": "s", "lot": LOT, **DEEP}],
        depth=[{"market": "M", "side": side, "band": 0.5, "amount": 1e6} for side in ("bid", "ask")],
        accounts=[
            {"name": "v", "owner": "T", "venue": "V"},
            {"name": "w", "owner": "T", "venue": "W", "response": 1.0},
        ],
        balances=[
            {"account": "v", "asset": "USD", "quantity": 200.0},
            {"account": "w", "asset": "USD", "quantity": 154.0},
        ],
        positions=[{"account": "w", "market": "M", "quantity": 1.0, "entry_price": OPENING}],
        rest_of_market="add",
    )


def play(delay: float, horizon: float = 600.0) -> Run:
    return ct.run(net(delay), gap() + ct.Default(["V"]), ct.Cascade(step=10.0, horizon=horizon))


def test_half_of_the_balance_is_lost_at_once_whether_the_rest_is_frozen_or_not():
    for delay in (0.0, 20.0, 100.0):
        run = play(delay)
        assert run.events.set_index("kind").loc["node_default", "price"] == 0.5
        assert run.nodes.loc["T", "loss"] == 100.0


def test_money_that_is_paid_in_time_answers_the_call_and_frozen_money_does_not():
    # called at 10, 40 and 70 s, answers are due 30 s later; 60 is missing to 2.5 times the requirement of 60
    found = {}
    for delay in (0.0, 30.0, 31.0, 100.0):
        events = play(delay).events
        arrived = events[events["kind"] == "top_up"]
        found[delay] = arrived[["time", "money"]].to_numpy().tolist()
    assert found == {0.0: [[40.0, 60.0]], 30.0: [[40.0, 60.0]], 31.0: [[70.0, 60.0]], 100.0: []}


def test_a_payout_is_an_event_and_the_run_waits_for_it():
    run = play(200.0)
    paid = run.events[run.events["kind"] == "payout"]
    assert paid[["time", "account", "node", "venue", "money"]].to_numpy().tolist() == [
        [210.0, "v", "T", "V", 100.0]
    ]
    assert run.metrics["frozen"] == 100.0
    assert play(0.0).metrics["frozen"] == 0.0


def test_a_payout_beyond_the_horizon_is_not_waited_for_and_stays_the_owners():
    run = play(10_000.0)
    assert run.metrics["rounds"] < 30
    assert "payout" not in set(run.events["kind"])
    assert run.accounts.loc["v", "closing_equity"] == 100.0
    assert run.nodes.loc["T", "loss"] == 100.0


def test_the_graph_tells_who_waits_for_whose_money():
    for delay, money in ((200.0, 100.0), (10_000.0, 100.0)):
        edges = play(delay).contagion_graph().edges(data=True)
        found = [(a, b, data["weight"]) for a, b, data in edges if data["channel"] == "freeze"]
        assert found == [("V", "T", money)]
    assert not [
        1 for _, _, data in play(0.0).contagion_graph().edges(data=True) if data["channel"] == "freeze"
    ]


def test_frozen_money_cannot_be_withdrawn():
    shock = gap() + ct.Default(["V"]) + ct.Withdrawal("V", 1.0, over=100.0)
    run = ct.run(net(300.0), shock, ct.Cascade(step=10.0, horizon=600.0))
    after = run.events[(run.events["kind"] == "withdrawal") & (run.events["round"] > 1)]
    assert after.empty


def test_the_timeless_limit_freezes_nothing():
    run = ct.run(net(300.0), gap() + ct.Default(["V"]), ct.Cascade.static())
    assert run.metrics["frozen"] == 0.0
    assert math.isclose(run.nodes.loc["T", "loss"], 100.0)


@pytest.mark.parametrize("delay", [0.0, 20.0, 10_000.0])
def test_the_ledger_sums_to_zero(delay):
    ledger = play(delay).ledger
    assert (ledger.groupby(["round", "instrument"])["amount"].sum() == 0).all()
