"""Opposite positions on one asset at a venue that spares margin for them."""

import numpy as np
import pytest

import contagion as ct
from contagion.measures.closing import liquidity_adjusted_requirement
from contagion.measures.liquidation import liquidation_moves
from contagion.measures.probability import probability_of_liquidation
from tests.measures.test_liquidation import market

ONE_RATE = [{"schedule": "s", "floor": 0.0, "initial_rate": 0.2, "maintenance_rate": 0.1}]


def joined(*frames):
    return [row for frame in frames for row in frame.to_dict("records")]


def hedged(long, short, cash, offset):
    """Long one BTC market and short another at one venue, both at 100, requirement 10 per cent."""
    net = market([("x", "BTC", long, 100.0)], {"x": cash}, tiers=ONE_RATE)
    twin = net.markets.reset_index().query("name == 'BTC'").assign(name="BTC2")
    depth = net.depth.query("market == 'BTC'").assign(market="BTC2")
    positions = net.positions[net.positions["account"] == "ax"]
    other = positions.assign(market="BTC2", quantity=-short)
    tables = {
        name: table for name, table in net.tables.items() if name not in ("nodes", "accounts", "balances")
    }
    rest = ("rest_of_market:V",)
    return ct.Network(
        nodes=net.nodes.drop(index=list(rest), errors="ignore").reset_index(),
        accounts=net.accounts.drop(index=list(rest), errors="ignore").reset_index(),
        balances=net.balances[net.balances["account"] == "ax"],
        assets=tables["assets"].reset_index(),
        schedules=tables["schedules"].reset_index(),
        tiers=tables["tiers"],
        venues=tables["venues"].assign(portfolio_offset=offset).reset_index(),
        markets=joined(net.markets.reset_index(), twin),
        depth=joined(net.depth, depth),
        positions=joined(positions, other),
        rest_of_market="add",
    )


@pytest.mark.parametrize(("offset", "required"), [(0.0, 90.0), (0.5, 75.0), (1.0, 60.0)])
def test_the_smaller_side_is_spared(offset, required):
    found = liquidity_adjusted_requirement(hedged(6.0, 3.0, 200.0, offset)).loc["ax"]
    assert found["requirement"] == pytest.approx(required)


def test_the_price_of_liquidation_knows_the_offset():
    # 100 + 6 p - 3 p - 300 = 0.6 p + 0.5 * 0.3 p below: 3 p - 200 = 0.75 p
    for scale, expected in (("linear", 200.0 / 2.25 / 100.0 - 1.0), ("log", np.log(200.0 / 2.25 / 100.0))):
        found = liquidation_moves(hedged(6.0, 3.0, 100.0, 0.5), scale=scale)["fall"]["ax"]
        assert found == pytest.approx(expected, rel=1e-12)


def test_simulation_and_closed_form_agree_with_offsets():
    net = hedged(6.0, 3.0, 120.0, 0.5)
    exact = probability_of_liquidation(net, 16 * 86_400.0).loc["ax"]
    drawn = probability_of_liquidation(net, 16 * 86_400.0, method="simulation", n=20_000, steps=64).loc["ax"]
    assert exact["method"] == "analytic" and 0.001 < exact["probability"] < 0.9
    assert abs(drawn["probability"] - exact["probability"]) < 3.5 * drawn["standard_error"]
    without = probability_of_liquidation(hedged(6.0, 3.0, 120.0, 0.0), 16 * 86_400.0).loc["ax"]
    assert without["probability"] > exact["probability"]
