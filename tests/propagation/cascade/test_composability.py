"""Bad debt at one protocol liquidates loans at another that took its shares: calculated by hand."""

from fractions import Fraction

import pytest

import contagion as ct
from tests.composed import joined
from tests.propagation.cascade.lending import LOT, Loan, Protocol, fall, lending_net

SHARES, OWED = 1024.0, 700.0


def shared_pool(issuer: str = "P") -> ct.Network:
    """P has lent 800 of a pool of 1024 against 1 ETH; a depositor owes 700 at Q against all the shares of the pool."""
    rules = {"full_close_health_factor": 0.95, "residual": "own_equity"}
    net = lending_net({"a": Loan({"ETH": 1.0, "USD": -800.0})}, Protocol(venue=rules, cash=0.0))
    nodes = net.nodes.assign(external_assets=[SHARES if name == "P" else 0.0 for name in net.nodes.index])
    spot = {row["name"]: row for row in net.markets.reset_index().to_dict("records")}["ETH-USD"]
    depth = [row for row in net.depth.to_dict("records") if row["market"] == "ETH-USD"]
    asked = {"loan_to_value": 0.75, "liquidation_threshold": 0.8, "bonus": 0.0625}
    return joined(
        net.replace(nodes=nodes),
        {
            "nodes": [{"name": "Q", "kind": "protocol", "cash": 1e6}, {"name": "d", "kind": "trader"}],
            "assets": [{"name": "pool", "kind": "token", "price": 1.0, "issuer": issuer}],
            "venues": [{"name": "Q", "procedure": "lending", **rules}],
            "markets": [{**spot, "name": "pool-USD", "asset": "pool", "lot": LOT}],
            "depth": [{**row, "market": "pool-USD"} for row in depth],
            "collateral": [{"venue": "Q", "asset": "pool", **asked}],
            "accounts": [{"name": "d", "owner": "d", "venue": "Q"}],
            "balances": [
                {"account": "d", "asset": "pool", "quantity": SHARES},
                {"account": "d", "asset": "USD", "quantity": -OWED},
            ],
        },
    )


def test_bad_debt_haircuts_depositors_and_liquidates_what_they_owe_elsewhere():
    run = ct.run(shared_pool(), fall(0.5, "ETH"), ct.Cascade(step=10.0, horizon=600.0))
    # ETH at 512 repays 512 / 1.0625 of 800: the rest is bad debt of the pool
    left = 800 - 512 / Fraction(17, 16)
    rate = (1024 - left) / 1024
    issuer = run.events[run.events["kind"] == "issuer"].iloc[0]
    assert (issuer["node"], issuer["market"]) == ("P", "pool-USD")
    assert issuer["price"] == pytest.approx(float(rate), abs=1e-6)
    # shares worth 0.8 of that do not cover 700: they are seized, and repay their worth over the bonus
    hit = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "d")].iloc[0]
    assert hit["round"] == issuer["round"] + 1
    missing = 700 - 1024 * rate / Fraction(17, 16)
    assert run.venues.loc["Q", "bad_debt"] == pytest.approx(float(missing), abs=1e-3)
    assert run.venues.loc["P", "bad_debt"] == pytest.approx(float(left), abs=1e-3)
    assert run.metrics["issuer_loss"] == pytest.approx(float(left), abs=1e-3)
    # the pool goes on: all it owes are shares
    assert run.metrics["venue_defaults"] == 0.0
    ledger = run.ledger
    assert (ledger.groupby(["round", "instrument"])["amount"].sum() == 0).all()


def test_without_an_issuer_the_loss_stays_where_it_was_made():
    run = ct.run(shared_pool(issuer=""), fall(0.5, "ETH"), ct.Cascade(step=10.0, horizon=600.0))
    assert run.metrics["issuer_loss"] == 0.0
    assert run.venues.loc["Q", "bad_debt"] == 0.0
    assert "d" not in set(run.events["account"])
