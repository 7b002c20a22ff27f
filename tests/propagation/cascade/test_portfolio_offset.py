"""Opposite legs on one asset spare margin where the venue says so: by hand."""

import numpy as np
import pytest

import contagion as ct

BOOK = {"venue": "V", "asset": "X", "kind": "perp", "schedule": "s", "lot": 2.0**-20, "impact": "linear"}


def network(offset: float, money: float) -> ct.Network:
    """One account, 4 long of X in one perp and 2 short in another, at 1024."""
    return ct.Network(
        nodes=[{"name": "V", "kind": "exchange", "cash": 1e6}, {"name": "t", "kind": "trader"}],
        assets=[{"name": "USD", "kind": "currency", "price": 1.0}, {"name": "X", "price": 1024.0}],
        venues=[{"name": "V", "mark": "last", "portfolio_offset": offset}],
        markets=[{"name": "near", **BOOK}, {"name": "far", **BOOK}],
        depth=[
            {"market": m, "side": side, "band": 0.5, "amount": 1e9}
            for m in ("near", "far")
            for side in ("bid", "ask")
        ],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.25, "maintenance_rate": 0.125}],
        accounts=[{"name": "a", "owner": "t", "venue": "V", "reaction": "none"}],
        balances=[{"account": "a", "asset": "USD", "quantity": money}],
        positions=[
            {"account": "a", "market": "near", "quantity": 4.0, "entry_price": 1024.0},
            {"account": "a", "market": "far", "quantity": -2.0, "entry_price": 1024.0},
        ],
        rest_of_market="add",
    )


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5, 1.0])
def test_the_margin_of_the_smaller_side_is_spared_by_the_offset(offset: float) -> None:
    # at 896: margin 1/8 of 4 x 896 and of 2 x 896, less the offset times the smaller; the pair has lost 2 x 128
    required = 448.0 + 224.0 - offset * 224.0
    for money, closed in ((required + 256.0, 0.0), (required + 256.0 - 2.0**-18, 1.0)):
        run = ct.run(
            network(offset, money),
            ct.PriceShock({"X": -0.125}, over=0.0),
            ct.Cascade(step=10.0, horizon=60.0),
        )
        assert run.metrics["liquidated_accounts"] == closed
    assert np.isclose(run.accounts.loc["a", "closing_equity"], money - 256.0, atol=1.0)
