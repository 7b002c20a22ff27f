"""Pools as markets: forced sales meet their curve, and what is no pool is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError
from contagion.markets.pools import concentrated_liquidity_amounts, constant_product_swap
from contagion.propagation.cascade.build import build

BAND, MONEY = 0.01, 1e4
RESERVE = MONEY / (1.0 / math.sqrt(1.0 - BAND) - 1.0)  # money side at the reference price


def pledged(units: float, impact: str = "constant_product", **market: Any) -> ct.Network:
    """One account with coins as collateral and a debt, and one pool in which they are sold."""
    return ct.Network(
        nodes=[{"name": "V", "kind": "exchange", "cash": 1e9}, {"name": "t", "kind": "trader"}],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": 100.0},
        ],
        venues=[{"name": "V"}],
        markets=[
            {
                "name": "pool",
                "venue": "V",
                "asset": "X",
                "kind": "pool",
                "impact": impact,
                "lot": 2.0**-20,
                "permanent_share": 1.0,
                "capital_exponent": 0.0,
                **market,
            }
        ],
        depth=[
            {"market": "pool", "side": "bid", "band": BAND, "amount": MONEY},
            {"market": "pool", "side": "bid", "band": 0.05, "amount": 6 * MONEY},
            {"market": "pool", "side": "ask", "band": 0.05, "amount": 6 * MONEY},
        ],
        collateral=[{"venue": "V", "asset": "X", "weight": 0.9}],
        accounts=[{"name": "t", "owner": "t", "venue": "V", "reaction": "none"}],
        balances=[
            {"account": "t", "asset": "X", "quantity": units},
            {"account": "t", "asset": "USD", "quantity": -85.0 * units},
        ],
    )


def sales(net: ct.Network) -> Any:
    """Forced sales after a fall of a tenth at once."""
    run = ct.run(net, ct.PriceShock({"X": -0.1}, over=0.0), ct.Cascade(step=10.0, horizon=300.0))
    return run, run.events[run.events["kind"] == "liquidation"]


@pytest.mark.parametrize("units", [1.0, 256.0, 16_384.0])
def test_a_forced_sale_to_a_pool_is_the_swap_of_its_reserves(units: float) -> None:
    run, found = sales(pledged(units))
    swap = constant_product_swap(RESERVE / 90.0, RESERVE, units, fee=0.0)
    assert found["money"].sum() == pytest.approx(swap.amount_out, rel=1e-12, abs=2.0**-20)
    assert found["price"].iloc[0] == pytest.approx(swap.execution_price, rel=1e-12)
    last = run.paths[run.paths["market"] == "pool"]["last"].iloc[-1]
    assert last == pytest.approx(swap.spot_price_after, rel=1e-12)
    assert run.markets.loc["pool", "kind"] == "pool"


def test_a_concentrated_pool_takes_what_its_range_holds_and_defers_the_rest() -> None:
    units = 16_384.0
    run, found = sales(pledged(units, "concentrated"))
    liquidity = RESERVE / math.sqrt(90.0)
    room = concentrated_liquidity_amounts(90.0 * 0.95, 90.0, liquidity).amount0
    assert room < units
    assert found["money"].sum() == pytest.approx(
        concentrated_liquidity_amounts(90.0 * 0.95, 90.0, liquidity).amount1, abs=2.0**-6 * 90.0
    )
    assert run.paths[run.paths["market"] == "pool"]["last"].iloc[-1] == pytest.approx(90.0 * 0.95, rel=1e-9)
    assert run.metrics["deferred_notional"] == pytest.approx((units - room) * 85.5, rel=1e-3)


def test_the_provider_of_a_pool_has_its_reserves_as_capital() -> None:
    both = build(pledged(1.0))
    assert both.markets["capital"][0] / both.units.scale == pytest.approx(2.0 * RESERVE, rel=1e-12)
    ranged = build(pledged(1.0, "concentrated"))
    held = concentrated_liquidity_amounts(100.0, 105.0, RESERVE / 10.0).amount0 * 100.0
    held += concentrated_liquidity_amounts(95.0, 100.0, RESERVE / 10.0).amount1
    assert ranged.markets["capital"][0] / ranged.units.scale == pytest.approx(held, rel=1e-12)


def test_a_pool_whose_liquidity_leaves_moves_no_price_but_the_next_trade_moves_it_more() -> None:
    net = pledged(256.0)
    fall = ct.PriceShock({"X": -0.1}, over=0.0)
    model = ct.Cascade(step=10.0, horizon=300.0)
    run = ct.run(net, fall + ct.DepthShock(-0.5, over=0.0), model)
    swap = constant_product_swap(0.5 * RESERVE / 90.0, 0.5 * RESERVE, 256.0, fee=0.0)
    sold = run.events[run.events["kind"] == "liquidation"]
    assert sold["price"].iloc[0] == pytest.approx(swap.execution_price, rel=1e-12)
    calm = ct.run(net, ct.DepthShock(-0.5, over=0.0), model)
    assert (calm.paths["last"] == 100.0).all()


def test_a_pool_is_a_member_of_the_index_unless_it_is_left_out() -> None:
    fall = ct.PriceShock({"X": -0.1}, over=0.0)
    for member in (True, False):
        run = ct.run(pledged(16_384.0, in_index=member), fall, ct.Cascade(step=10.0, horizon=300.0))
        path = run.paths[run.paths["market"] == "pool"]
        assert np.allclose(path["index"], path["last"] if member else path["outside"], rtol=1e-15, atol=0.0)
        assert path["last"].iloc[-1] < path["outside"].iloc[-1]


@pytest.mark.parametrize(
    ("kind", "impact"),
    [
        ("pool", "exponential"),
        ("pool", "depth_curve"),
        ("spot", "constant_product"),
        ("spot", "concentrated"),
    ],
)
def test_only_pools_are_priced_as_pools(kind: str, impact: str) -> None:
    with pytest.raises(PolicyError, match="is the impact of a market of kind") as caught:
        pledged(1.0, impact, kind=kind)
    assert caught.value.issues[["code", "table", "row"]].to_numpy().tolist() == [
        ["pool-impact", "markets", 1]
    ]
    assert caught.value.issues["remedy"].str.contains("kind|impact").all()


def test_a_pool_pays_no_funding() -> None:
    with pytest.raises(PolicyError, match="only perpetuals pay funding"):
        pledged(1.0, funding_interval=3600.0)


def test_a_pool_without_reserves_is_refused_with_the_row_to_add() -> None:
    net = pledged(1.0)
    for side in ("bid", "ask"):
        with pytest.raises(NetworkError, match=f"'pool' has no depth on its {side} side .add rows to depth"):
            ct.Cascade().prepare(net.replace(depth=net.depth[net.depth["side"] != side]))
    with pytest.raises(PolicyError, match="amounts must be finite and > 0"):
        net.replace(depth=net.depth.assign(amount=0.0))
    with pytest.raises(NetworkError, match="a bid band of 1 has no end; give bands below 1"):
        ct.Cascade().prepare(net.replace(depth=net.depth.assign(band=[0.5, 0.5, 1.0])))
