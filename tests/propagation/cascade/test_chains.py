"""Protocols on one chain share its blocks and the base fee of gas."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError
from tests.composed import joined
from tests.propagation.cascade.lending import Loan, Protocol, fall, lending_net

RULES = {"full_close_health_factor": 0.95, "block_time": 10.0, "block_capacity": 1.0}


def two_protocols(chain: str, *, other: dict[str, object] | None = None, **rules: object) -> ct.Network:
    """A loan of 800 against 1 ETH at P and one at Q, which have the same rules and chain."""
    rules = RULES | rules
    loan = Loan({"ETH": 1.0, "USD": -800.0})
    net = lending_net({"a": loan}, Protocol(venue={**rules, "chain": chain}))
    venue = {"name": "Q", "procedure": "lending", **rules, "chain": chain, **(other or {})}
    collateral = [{**row, "venue": "Q"} for row in net.collateral.to_dict("records")]
    return joined(
        net,
        {
            "nodes": [{"name": "Q", "kind": "protocol", "cash": 1e6}, {"name": "b", "kind": "trader"}],
            "venues": [venue],
            "collateral": collateral,
            "accounts": [{"name": "b", "owner": "b", "venue": "Q"}],
            "balances": [
                {"account": "b", "asset": name, "quantity": units} for name, units in loan.balances.items()
            ],
        },
    )


def rounds_of_liquidations(net: ct.Network) -> list[int]:
    run = ct.run(net, fall(0.25, "ETH"), ct.Cascade(step=10.0, horizon=600.0))
    return sorted(run.events.loc[run.events["kind"] == "liquidation", "round"].unique().tolist())


def test_on_one_chain_the_second_liquidation_waits_for_the_next_block():
    alone, shared = (rounds_of_liquidations(two_protocols(chain)) for chain in ("", "ethereum"))
    assert len(alone) == 1
    assert shared == [alone[0], alone[0] + 1]


def test_the_base_fee_follows_all_liquidations_of_the_chain():
    rules = {"block_capacity": 2.0, "gas_used": 1000.0, "gas_asset": "ETH", "gas_price": 20.0}
    fees = {}
    for chain in ("", "ethereum"):
        prepared = ct.Cascade(step=10.0, horizon=20.0).prepare(two_protocols(chain, **rules))
        state = prepared.simulate(fall(0.25, "ETH"))
        fees[chain] = state.venues["base_fee"][state.venues["chain"][:2]].tolist()
    # two of two places used: (1 + (2 - 1) / 8) for a block, then an empty one takes it down to the opening value
    assert fees[""] == [20.0, 20.0]
    assert fees["ethereum"][0] == fees["ethereum"][1]
    assert fees["ethereum"][0] in (20.0 * 1.125, max(20.0, 20.0 * 1.125 * 0.875))


@pytest.mark.parametrize(
    ("column", "other"),
    [("block_time", 12.0), ("block_capacity", 3.0), ("block_capacity", np.nan), ("gas_price", 9.0)],
)
def test_venues_on_one_chain_that_differ_are_errors_with_row_and_remedy(column, other):
    rules = {"gas_used": 1000.0, "gas_asset": "ETH"}
    with pytest.raises(NetworkError, match="on the same chain 'ethereum'") as caught:
        two_protocols("ethereum", other={column: other}, **rules)
    assert column in str(caught.value)
    assert f"give both the same {column}" in str(caught.value)
    assert two_protocols("", other={column: other}, **rules)
