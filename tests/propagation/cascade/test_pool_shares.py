"""Shares of a constant-product pool as tokens: k = x y to the quantum, impermanent loss, and what falls with them.

The pool holds 100 ETH at 100 and 10 000 of money, behind 100 shares at 200.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError
from contagion.markets.pools import constant_product_swap
from tests.propagation.cascade.issuers import DEEP

TO_QUARTER = ct.PriceShock({"ETH": -0.75}, over=0.0)
FLAT = {"permanent_share": 1.0, "capital_exponent": 0.0, "volatility_exponent": 0.0}


def pool_net(seller: float = 0.0, kind: str = "pool_share", **assets: Any) -> ct.Network:
    """The pool at D; at V one account pledges 40 shares, and perhaps one pledges ETH."""
    accounts = [{"name": "lp", "owner": "lp", "venue": "V", "reaction": "none"}]
    balances = [
        {"account": "lp", "asset": "LP", "quantity": 40.0},
        {"account": "lp", "asset": "USD", "quantity": -60.0 * 40.0},
    ]
    if seller:
        accounts += [{"name": "s", "owner": "s", "venue": "V", "reaction": "none"}]
        balances += [
            {"account": "s", "asset": "ETH", "quantity": seller},
            {"account": "s", "asset": "USD", "quantity": -24.0 * seller},
        ]
    share = {"name": "LP", "kind": kind, "price": 200.0, "issuer": "D", "reference": "ETH", **assets}
    spot = {"lot": 2.0**-20, "asset": "LP", "kind": "spot", **DEEP}
    return ct.Network(
        nodes=[
            {"name": "D", "kind": "protocol", "cash": 10_000.0},
            {"name": "V", "kind": "exchange", "cash": 1e6},
            *({"name": name, "kind": "trader"} for name in ("h", "lp", "s")),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "ETH", "kind": "coin", "price": 100.0},
            share,
        ],
        venues=[{"name": "D"}, {"name": "V"}],
        markets=[
            {
                "name": "pool",
                "venue": "D",
                "asset": "ETH",
                "kind": "pool",
                "impact": "constant_product",
                "lot": 2.0**-20,
                **FLAT,
            },
            {"name": "LP-spot", "venue": "V", **spot},
        ],
        depth=[
            {"market": "pool", "side": "bid", "band": 0.75, "amount": 10_000.0},  # 1 / sqrt(1/4) - 1 = 1
            {"market": "pool", "side": "ask", "band": 0.75, "amount": 10_000.0},
            *({"market": "LP-spot", "side": side, "band": 0.5, "amount": 2.0**24} for side in ("bid", "ask")),
        ],
        holdings=[
            {"node": "D", "asset": "ETH", "quantity": 100.0},
            {"node": "h", "asset": "LP", "quantity": 60.0},
        ],
        accounts=accounts,
        balances=balances,
        collateral=[{"venue": "V", "asset": a, "weight": 0.9} for a in ("ETH", "LP")],
    )


def played(net: ct.Network, shock: Any = TO_QUARTER) -> ct.Run:
    """Rounds of ten seconds."""
    return ct.run(net, shock, ct.Cascade(step=10.0, horizon=300.0))


def at_end(run: ct.Run, node: str) -> tuple[Fraction, Fraction]:
    """Units of ETH and money that a node holds at the end, from the opening and the ledger."""
    legs = run.ledger[run.ledger["account"] == f"cash:{node}"]
    quantum = Fraction(1, 2 ** int(run.provenance["quantum"].split(" ")[0].removeprefix("2^-")))
    coins = int(legs["amount"][legs["instrument"] == "holding:ETH"].sum())
    money = int(legs["amount"][legs["instrument"] == "money"].sum())
    return 100 + Fraction(coins, 2**20), 10_000 + money * quantum


@pytest.mark.parametrize("price", [25.0, 400.0, 81.0, 100.0, 7.3])
def test_the_pool_follows_its_curve_and_its_shares_the_root_of_the_price(price: float) -> None:
    run = played(pool_net(), ct.PriceShock({"ETH": price / 100.0 - 1.0}, over=0.0))
    coins, money = at_end(run, "D")
    exact = math.sqrt(1e6 / price)
    assert float(coins) == pytest.approx(exact, abs=2.0**-20)
    assert abs(coins * money - 10**6) < coins * Fraction(2, 2**20)  # the product stays, to the quantum
    assert run.paths[run.paths["market"] == "LP-spot"]["outside"].iloc[-1] == pytest.approx(
        20.0 * math.sqrt(price)
    )
    traded = run.events[run.events["kind"] == "pool"]
    if price == 100.0:
        assert traded.empty
    else:
        assert float(traded["price"].iloc[0]) == pytest.approx(math.sqrt(100.0 * price), rel=1e-6)
        assert traded["lots"].iloc[0] * 2.0**-20 == pytest.approx(exact - 100.0, abs=2.0**-20)
    assert (run.events["kind"] != "issuer").all()


def test_what_the_pool_loses_to_arbitrageurs_is_its_impermanent_loss() -> None:
    """100 ETH at 25 and 10 000 would be 12 500; 200 ETH and 5 000 are 10 000: 2 sqrt(r) / (1 + r) - 1 = -1/5."""
    run = played(pool_net())
    assert at_end(run, "D") == (200, 5_000)
    told = run.losses.set_index(["node", "channel"])["money"]
    assert told["D", "pools"] == 2_500.0
    assert told["D", "pools"] / 12_500.0 == pytest.approx(1.0 - 2.0 * math.sqrt(0.25) / 1.25)
    edge = run.contagion_graph().get_edge_data("market:pool", "D", "cost: pools")
    assert edge["weight"] == 2_500.0


def test_who_sells_into_the_pool_lowers_the_shares_that_others_have_pledged_elsewhere() -> None:
    """200 coins into 200 x 5 000 leave 400 x 2 500 at 6.25: the shares, owed 100 each, are worth 50.

    The account that owes 60 on each of its shares stands at 90 before, and at 45 two rounds later.
    """
    run = played(pool_net(seller=200.0))
    sold = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "s")]
    swap = constant_product_swap(200.0, 5_000.0, 200.0, fee=0.0)
    assert sold["money"].sum() == pytest.approx(float(swap.amount_out), abs=1e-3) == pytest.approx(2_500.0)
    assert at_end(run, "D") == (400, 2_500)
    fall = run.events[run.events["kind"] == "issuer"].iloc[0]
    assert (fall["round"], fall["node"]) == (2, "D")
    assert fall["price"] == pytest.approx(math.sqrt(6.25 / 25.0), rel=1e-9) == pytest.approx(0.5)
    closed = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "lp")]
    assert closed["round"].iloc[0] == 3
    assert closed["price"].iloc[0] == pytest.approx(50.0, rel=1e-3)
    calm = played(pool_net(seller=200.0, kind="token", issuer="", reference=""))
    assert (calm.events["account"] != "lp").all()
    lost = [
        told["weight"]
        for source, target, told in run.contagion_graph().edges(data=True)
        if (source, target, told["channel"]) == ("D", "h", "issuer")
    ]
    assert lost == [pytest.approx(60.0 * 50.0, rel=1e-6)]


def test_shares_that_a_pool_cannot_stand_for_are_refused() -> None:
    net, model = pool_net(), ct.Cascade()

    def refuse(words: str, changed: ct.Network) -> None:
        with pytest.raises(NetworkError, match=words) as caught:
            model.prepare(changed)
        assert "LP" in str(caught.value) or "D" in str(caught.value)

    refuse("0 pools with impact constant_product", net.replace(assets=net.assets.assign(reference="")))
    elsewhere = net.assets["issuer"].replace("D", "V")
    refuse("0 pools with impact constant_product", net.replace(assets=net.assets.assign(issuer=elsewhere)))
    refuse("holds 100", net.replace(assets=net.assets.assign(price=net.assets["price"].replace(100.0, 90.0))))
    poor = net.nodes["cash"].replace(10_000.0, 9_000.0)
    refuse("shares of its pools stand for 10,000.00", net.replace(nodes=net.nodes.assign(cash=poor)))
    thin = net.depth.assign(amount=np.where(net.depth["market"] == "pool", 9_000.0, net.depth["amount"]))
    refuse("reserves of 18,000.00", net.replace(depth=thin))
