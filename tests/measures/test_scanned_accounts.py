"""Measures read from the tables treat accounts margined by scan right, or name them as left out."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion import measures
from contagion.markets import black_scholes
from contagion.measures.prior_risk import account_risk
from tests.propagation.cascade.listed import EXPIRY, SPOT, STRIKE, VOLATILITY, YEAR, Owner, listed_net
from tests.propagation.cascade.test_scans import by_hand

SIDES = ["fall", "rise"]
STRADDLE = {"call": -4.0, "put": -4.0}


def worth(kind: str, spot: float) -> float:
    return float(black_scholes(kind, spot, STRIKE, EXPIRY / YEAR, VOLATILITY).price)


def test_a_straddle_is_closed_on_both_sides_where_its_equity_is_its_scan() -> None:
    asked = by_hand(STRADDLE, SPOT, 0.0)
    net = listed_net({"a": Owner(STRADDLE, 1.5 * asked), "b": Owner({"perp": 2.0}, 500.0)})
    for scale in ("linear", "log"):
        moves = measures.liquidation_moves(net, {"X": 1.0}, scale=scale)
        for side, sign in (("fall", -1.0), ("rise", 1.0)):
            move = float(moves.loc["a", side])
            assert sign * move > 0.0
            spot = SPOT * (np.exp(move) if scale == "log" else 1.0 + move)
            lost = 4.0 * sum(worth(kind, spot) - worth(kind, SPOT) for kind in ("call", "put"))
            assert 1.5 * asked - lost == pytest.approx(by_hand(STRADDLE, spot, 0.0), rel=1e-9)
    # a perpetual needs .16 of its notional: 500 - 2 x (1024 - p) = 2 x .16 x p
    price = (2.0 * SPOT - 500.0) / (2.0 * (1.0 - 0.16))
    moves = measures.liquidation_moves(net, {"X": 1.0})
    assert float(moves.loc["b", "fall"]) == pytest.approx(price / SPOT - 1.0, rel=1e-9)
    assert np.isnan(moves.loc["b", "rise"])


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_accounts_scanned_together_are_closed_where_each_is_alone(scale: str) -> None:
    owners = {f"a{i}": Owner(STRADDLE, (1.2 + 0.1 * i) * by_hand(STRADDLE, SPOT, 0.0)) for i in range(12)}
    owners["long"] = Owner({"call": 1.0, "perp": -2.0}, 900.0)
    together = measures.liquidation_moves(listed_net(owners), {"X": 1.0}, scale=scale)
    for name, owner in owners.items():
        alone = measures.liquidation_moves(listed_net({name: owner}), {"X": 1.0}, scale=scale)
        found, wanted = (frame.loc[name, SIDES].to_numpy(np.float64) for frame in (together, alone))
        assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)


def test_measures_of_linear_positions_name_the_accounts_they_leave_out() -> None:
    net = listed_net({"a": Owner(STRADDLE, 1e4), "b": Owner({"perp": 2.0}, 1e4)})
    net = net.replace(assets=net.assets.assign(volatility=[0.0, 0.03]))
    tables = [
        measures.probability_of_liquidation(net, 3600.0, n=50),
        measures.liquidation_probability(net, 3600.0),
        measures.liquidation_map(net),
        measures.liquidation_prices(net),
        measures.liquidity_adjusted_requirement(net),
        measures.cascade_slopes(net),
        measures.open_interest_above(net),
        measures.money_to_next_cluster(net),
    ]
    for table in tables:
        assert table.attrs["note"].startswith("3 accounts margined by scan are left out: ")
        assert "'a'" in table.attrs["note"] or " a," in table.attrs["note"]
    assert tables[0].loc[["a", "b"], "probability"].isna().all()
    assert tables[1].loc[["a", "b"]].isna().all(axis=None)
    assert tables[4].loc[["a", "b"]].isna().all(axis=None)
    assert tables[2].empty
    snapshots = ct.monitor({"now": net, "before": net}, n=10)
    assert snapshots.attrs["note"] == (
        f"snapshot 'now': {tables[2].attrs['note']}; snapshot 'before': {tables[2].attrs['note']}"
    )


def test_value_at_risk_values_options_anew_in_every_scenario() -> None:
    import pandas as pd

    net = listed_net({"a": Owner(STRADDLE, 1e4), "b": Owner({"perp": 2.0}, 1e4)})
    returns = pd.DataFrame({"X": np.log([0.5, 0.8, 1.0, 1.25, 2.0])})
    table = account_risk(net, returns, accounts=["a", "b"], level=0.8)
    lost = [
        4.0 * sum(worth(k, SPOT * x) - worth(k, SPOT) for k in ("call", "put"))
        for x in (0.5, 0.8, 1, 1.25, 2)
    ]
    assert table.loc["a", "es"] == pytest.approx(max(lost), rel=1e-12)
    assert table.loc["b", "es"] == pytest.approx(2.0 * 0.5 * SPOT, rel=1e-12)
    assert measures.system_risk(net, returns, level=0.8).loc["direct_loss", "es"] >= max(lost)
