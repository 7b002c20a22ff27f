"""The length of a round is part of the answer, and a shrinking one."""

from __future__ import annotations

import contagion as ct

FALLS = {"BTC": -0.15, "ETH": -0.20, "SOL": -0.25, "XRP": -0.30, "DOGE": -0.35, "AAVE": -0.50}


def test_halving_the_step_twice_from_a_minute_changes_system_loss_less_and_less() -> None:
    """The change shrinks, and the last one is below 10 %."""
    run = ct.run(
        ct.datasets.load("perp-venues"), ct.PriceShock(FALLS, over=1800.0), ct.Cascade(step=60.0), seed=7
    )
    table = ct.check_step(run).loc["system_loss"]
    first, second = abs(table["half"] - table["value"]), abs(table["quarter"] - table["half"])
    assert second < first
    assert abs(table["change_quarter"]) < 0.10
    assert not table["flagged"]


def test_running_volatility_of_a_smooth_path_does_not_depend_on_the_step() -> None:
    """Depth at the end of an orderly fall is the same for short and long rounds."""
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    markets = net.markets.assign(capital_exponent=0.0, impact_coefficient=0.0, volatility_exponent=1.0)
    depths = []
    for step in (60.0, 10.0):
        run = ct.run(
            net.replace(markets=markets), ct.PriceShock({"BTC": -0.15}, over=1800.0), ct.Cascade(step=step)
        )
        during = run.paths[(run.paths["time"] == 1200.0) & (run.paths["market"] == "binance:BTC-PERP")]
        depths.append(float(during["depth"].iloc[0]))
    assert depths[0] < 0.2
    assert abs(depths[0] - depths[1]) < 1e-9
