"""Who failed has caused what creditors and customers are not paid."""

import pytest

import contagion as ct
from tests.propagation.cascade.issuers import HALF, issuing_net
from tests.propagation.cascade.test_runs_outages_and_mints import PAIR, Rules, play, poor, small_net


def test_every_debtor_of_a_chain_has_caused_what_it_does_not_pay():
    # A pays 50 of 100; B, which gets 30, 30 of 45
    nodes = {"A": (0.0, 100.0, {}), "B": (0.0, 0.0, {}), "C": (0.0, 0.0, {}), "D": (0.0, 0.0, {})}
    net = issuing_net(nodes, {}, loans=[("A", "B", 60.0), ("A", "C", 40.0), ("B", "D", 45.0)])
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    caused = run.nodes["loss_caused"]
    assert caused[["A", "B", "C", "D"]].tolist() == pytest.approx([50.0, 15.0, 0.0, 0.0], abs=1e-6)
    told = run.contagion_graph().edges(data=True)
    edges = [(a, b, data["weight"]) for a, b, data in told if data["channel"] == "default"]
    assert sorted((a, b) for a, b, _ in edges) == [("A", "B"), ("A", "C"), ("B", "D")]
    assert sum(weight for *_, weight in edges) == pytest.approx(caused.sum(), rel=1e-12)


def test_a_venue_has_caused_what_its_customers_are_not_paid():
    net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25, "illiquid_discount": 0.5})))
    run = play(net, shock=ct.Withdrawal("V", 0.5))
    assert run.metrics["system_loss"] == 750.0
    assert run.nodes["loss_caused"]["V"] == run.venues["loss_caused"]["V"] == 750.0
    assert run.nodes["loss_caused"].drop("V").eq(0.0).all()
