"""The section on the network where margin is scanned, or where contracts settle in coins."""

import pytest

import contagion as ct
from contagion.measures import open_interest_above
from contagion.reporting.blocks import Paragraph, Table
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import network, scenarios
from tests.propagation.cascade.coin_books import coin_net
from tests.propagation.cascade.listed import SPOT, Owner, listed_net


def identifiers(net):
    return [type(block).__name__ for block in network.write(Material((net,), None, ())).blocks]


def test_the_network_is_drawn_where_all_accounts_are_margined_by_scan():
    net = listed_net({"a": Owner({"put": -2.0, "perp": 3.0}, 5_000.0)})
    assert open_interest_above(net)["share"].isna().all()
    assert identifiers(net).count("Figure") == 2


def test_the_network_is_written_where_contracts_settle_in_coins():
    written = network.write(Material((coin_net("inverse", 1_000.0, 0.3),), None, ())).blocks
    texts = [block.text for block in written if isinstance(block, Paragraph)]
    assert any("settle in coins" in text for text in texts)


def test_open_interest_of_a_venue_is_what_its_contracts_are_worth():
    inverse = network.venues(coin_net("inverse", 1_000.0, 0.3))
    assert float(inverse["open_interest"]["V"]) == pytest.approx(1_000.0, rel=1e-12)
    net = listed_net({"a": Owner({"put": 2.0, "perp": 3.0}, 5_000.0)})
    premium = float(ct.markets.black_scholes("put", SPOT, SPOT, 1.0 / 16.0, 0.5).price)
    found = float(network.venues(net)["open_interest"]["V"])
    assert found == pytest.approx(3.0 * SPOT + 2.0 * premium, rel=1e-12)


def test_outside_moves_are_those_of_the_asset_not_of_an_option_on_it():
    net = listed_net({"a": Owner({"put": 2.0, "perp": 3.0}, 500_000.0)})
    run = ct.run(net, ct.PriceShock({"X": -0.2}, over=0), ct.Cascade(step=60, horizon=120))
    material = Material((net,), None, (Story("run", "the only one", run),))
    blocks = [block for block in scenarios.write(material).blocks if isinstance(block, Table)]
    assert [float(row[1].parts[0].value) for row in blocks[-1].rows] == [pytest.approx(-0.2, rel=1e-12)]
