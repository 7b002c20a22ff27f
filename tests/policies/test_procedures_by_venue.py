"""Procedures and rulebooks for all venues leave those alone that cannot follow them, and say so when nobody can."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError
from contagion.policies import Procedure, Rulebook
from contagion.policies.base import Policy
from tests.propagation.cascade.hedgers import Hedged, hedged_net
from tests.whole_worlds import whole_world


def procedures(policy: Policy, net: ct.Network) -> dict[str, str]:
    """What venues do under a policy."""
    return {str(name): str(word) for name, word in policy.opening(net).venues["procedure"].items()}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Procedure("okx"), {"O": "close_out", "P": "okx"}),
        (Rulebook("bitmex"), {"O": "close_out", "P": "takeover"}),
        (Procedure("partial"), {"O": "partial", "P": "partial"}),
    ],
)
def test_a_venue_that_scans_keeps_its_procedure_where_it_cannot_follow(policy, expected) -> None:
    assert procedures(policy, hedged_net(Hedged(-1.0))) == expected


def test_a_venue_with_contracts_in_coins_keeps_its_procedure_where_it_cannot_follow() -> None:
    net = whole_world(12).net
    coins = set(net.markets["venue"][net.markets["settle"] != net.unit])
    kept = coins | {"L", "O", "Q"}  # one lends, two scan
    after = procedures(Procedure("okx"), net)
    assert coins and set(after) - kept
    assert after == {name: word if name in kept else "okx" for name, word in net.venues["procedure"].items()}
    assert procedures(Procedure("ladder"), net) == {
        name: word if name in {"L", "O", "Q"} else "ladder" for name, word in net.venues["procedure"].items()
    }


def test_a_venue_that_is_named_must_follow() -> None:
    with pytest.raises(NetworkError, match=r"column procedure, 'O': 'okx' needs tiers"):
        Procedure("okx", venues=("O", "P")).opening(hedged_net(Hedged(-1.0)))


@pytest.mark.parametrize("policy", [Procedure("okx"), Rulebook("binance")])
def test_a_procedure_that_no_venue_can_follow_is_refused_by_name(policy: Policy) -> None:
    net = hedged_net(Hedged(-1.0, other={"spot_node": "dealer"}))
    scanned = net.replace(venues=net.venues.assign(margin="scan"), markets=net.markets.assign(schedule=""))
    with pytest.raises(
        PolicyError, match=f"{type(policy).__name__}: no venue can follow '.*': 'O' asks margin"
    ):
        policy.opening(scanned)
