"""The picture of how forced fills were executed: one row per venue and asset, in per cent of the trigger mark."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError
from contagion.measures.executions import execution_table


def made_run(n=200, venues=("Aster", "Bourse"), assets=("BTC", "ETH", "SOL"), seed=1):
    """A run of which only the fills are there."""
    rng = np.random.default_rng(seed)
    basis = rng.gamma(1.5, 0.03, n) - 0.01
    fills = pd.DataFrame(
        {
            "venue": rng.choice(venues, n),
            "asset": rng.choice(assets, n),
            "notional": rng.lognormal(14.0, 1.0, n),
            "liquidation_basis": basis,
            "coverage": np.where(rng.random(n) < 0.5, 1.0 - basis, np.nan),
            "delay": 0.0,
            "fill_rate": 1.0,
            "time_to_close": np.where(rng.random(n) < 0.5, rng.gamma(2.0, 300.0, n), np.nan),
        }
    )
    return SimpleNamespace(
        liquidations=fills,
        liquidation_basis=lambda by=("venue", "asset"): execution_table(fills, by),
        metrics={"liquidation_basis_mean": float("nan") if n == 0 else 0.035},
        network=SimpleNamespace(unit="USD"),
        rounds=pd.DataFrame(),
        contagion_graph=None,
    )


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_each_venue_and_asset_is_a_row_with_most_money_on_top():
    run = made_run()
    ax = ct.plot.liquidation_basis(run)
    ax.figure.canvas.draw()
    basis = run.liquidation_basis().xs("liquidation_basis", level="quantity")
    order = basis["notional"].sort_values(ascending=False).index
    labels = {
        tick: label.get_text() for tick, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    }
    assert [labels[row] for row in sorted(labels, reverse=True)] == [f"{v} · {a}" for v, a in order]


def test_bars_and_notches_stand_at_the_weighted_quantiles_in_per_cent():
    run = made_run()
    ax = ct.plot.liquidation_basis(run)
    basis = run.liquidation_basis().xs("liquidation_basis", level="quantity")
    basis = basis.sort_values("notional", ascending=False, kind="stable")
    boxes = [patch for patch in ax.patches if patch.get_height() < 1.0]
    np.testing.assert_allclose([box.get_x() for box in boxes], 100.0 * basis["p25"])
    np.testing.assert_allclose([box.get_x() + box.get_width() for box in boxes], 100.0 * basis["p75"])
    lines, notches = ax.collections
    np.testing.assert_allclose([part[:, 0] for part in lines.get_segments()], 100.0 * basis[["p5", "p95"]])
    np.testing.assert_allclose([part[0, 0] for part in notches.get_segments()], 100.0 * basis["p50"])
    assert ax.get_xlabel().endswith("(%)")


@pytest.mark.parametrize(
    ("quantity", "times", "unit"),
    [("coverage", 100.0, "%"), ("delay", 1.0, "s"), ("fill_rate", 100.0, "%"), ("time_to_close", 1.0, "s")],
)
def test_another_quantity_is_drawn_in_its_unit(quantity, times, unit):
    run = made_run()
    ax = ct.plot.liquidation_basis(run, quantity=quantity)
    table = run.liquidation_basis().xs(quantity, level="quantity")
    table = table.sort_values("notional", ascending=False, kind="stable")
    boxes = [patch for patch in ax.patches if patch.get_height() < 1.0]
    np.testing.assert_allclose([box.get_x() for box in boxes], times * table["p25"])
    notches = ax.collections[1]
    np.testing.assert_allclose([part[0, 0] for part in notches.get_segments()], times * table["p50"])
    assert ax.get_xlabel().endswith(f"({unit})")
    mean = times * (table["mean"] * table["notional"]).sum() / table["notional"].sum()
    assert any(f"mean over all fills {mean:.2f} {unit}" in text for text in texts(ax))


@pytest.mark.parametrize(("rounds", "size", "unit"), [(30.0, 3_600.0, "hours"), (900.0, 86_400.0, "days")])
def test_long_times_are_in_hours_or_days(rounds, size, unit):
    run = made_run()
    run.liquidations["time_to_close"] *= rounds
    ax = ct.plot.liquidation_basis(run, quantity="time_to_close")
    table = run.liquidation_basis().xs("time_to_close", level="quantity")
    table = table.sort_values("notional", ascending=False, kind="stable")
    notches = [part[0, 0] for part in ax.collections[1].get_segments()]
    np.testing.assert_allclose(notches, table["p50"] / size)
    assert ax.get_xlabel().endswith(f"({unit})")
    assert any(text.startswith("mean over all fills") and f" {unit} ·" in text for text in texts(ax))


def test_venues_without_a_closed_account_have_no_time_to_close():
    run = made_run()
    run.liquidations.loc[run.liquidations["venue"] == "Aster", "time_to_close"] = np.nan
    ax = ct.plot.liquidation_basis(run, quantity="time_to_close")
    assert len(ax.get_yticks()) == 3
    run.liquidations["time_to_close"] = np.nan
    ax = ct.plot.liquidation_basis(run, quantity="time_to_close")
    assert "no forced fill closed an account" in texts(ax)


def test_a_quantity_that_is_not_measured_is_refused():
    with pytest.raises(SchemaError, match="did you mean 'time_to_close'"):
        ct.plot.liquidation_basis(made_run(), quantity="time_to_closing")


def test_money_fills_and_coverage_are_written_beside_each_row():
    run = made_run(n=1, venues=("Aster",), assets=("BTC",))
    run.liquidations["coverage"] = 0.875
    written = texts(ct.plot.liquidation_basis(run))
    assert "87.5 %" in written and "1" in written and "coverage" in written
    run.liquidations["coverage"] = np.nan
    assert "–" in texts(ct.plot.liquidation_basis(run))


def test_rows_beyond_the_most_are_counted():
    ax = ct.plot.liquidation_basis(made_run(), most=2)
    assert len(ax.get_yticks()) == 2
    assert any("4 more with" in text for text in texts(ax))


def test_a_run_without_forced_fills_says_so():
    ax = ct.plot.liquidation_basis(made_run(n=0))
    assert "nobody was forced to trade" in texts(ax)


def test_hostile_names_are_drawn_as_they_are():
    ax = ct.plot.liquidation_basis(made_run(venues=("$\\frac{1}{2}$",), assets=("<b>",)))
    ax.figure.canvas.draw()
    assert all(not label.get_parse_math() for label in ax.get_yticklabels())


def test_what_is_no_run_is_refused():
    with pytest.raises(SchemaError, match="is no run"):
        ct.plot.liquidation_basis(7)
