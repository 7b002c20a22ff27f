"""Equity against fire sales: no allocation on a grid is better, judged by the published model itself."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from contagion.errors import InputError
from contagion.propagation.firesales.named import greenwood_landier_thesmar
from contagion.propagation.firesales.recapitalisation import best_recapitalisation


def banks(seed: int, n: int = 3, k: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    assets = rng.uniform(50.0, 300.0, n)
    return {
        "total_assets": assets,
        "equity": assets * rng.uniform(0.02, 0.15, n),
        "weights": rng.dirichlet(np.ones(k + 1), n)[:, :k],
        "shock": -rng.uniform(0.0, 0.1, k),
        "price_impact": rng.uniform(1e-5, 1e-4, k),
    }


def loss_with(sheet: dict[str, np.ndarray], money: np.ndarray, use: str) -> float:
    """Loss through sales in the published model after the money is in: debts paid back, or cash beside the rest."""
    assets = sheet["total_assets"]
    repaid = np.minimum(money, assets - sheet["equity"]) if use == "debts" else np.zeros_like(money)
    after = assets + money - repaid
    changed = {
        **sheet,
        "total_assets": after,
        "equity": sheet["equity"] + money,
        "weights": sheet["weights"] * (assets / after)[:, None],
    }
    return greenwood_landier_thesmar(**changed).aggregate_vulnerability * float(changed["equity"].sum())


@pytest.mark.parametrize("use", ["debts", "cash"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [1.0, 20.0, 400.0])
def test_no_allocation_on_a_grid_costs_less(seed, budget, use):
    sheet = banks(seed)
    found = best_recapitalisation(**sheet, budget=budget, use=use)
    assert found.loss_before == pytest.approx(loss_with(sheet, np.zeros(3), use), rel=1e-12)
    assert found.loss_after == pytest.approx(loss_with(sheet, found.amounts, use), rel=1e-9, abs=1e-12)
    assert found.spent <= budget * (1.0 + 1e-12)
    steps = np.linspace(0.0, 1.0, 13)
    grid = [budget * np.array([x, y, 1.0 - x - y]) for x, y in product(steps, steps) if x + y <= 1.0]
    least = min(loss_with(sheet, money, use) for money in grid)
    assert found.loss_after <= least + 1e-12 * found.loss_before


@pytest.mark.parametrize("use", ["debts", "cash"])
def test_one_more_unit_averts_what_it_says(use):
    sheet, step = banks(3), 1e-4
    lower, upper = (best_recapitalisation(**sheet, budget=10.0 + d, use=use) for d in (-step, step))
    middle = best_recapitalisation(**sheet, budget=10.0, use=use)
    assert middle.marginal == pytest.approx((lower.loss_after - upper.loss_after) / (2 * step), rel=1e-5)


def test_money_goes_where_assets_are_large_against_equity_and_then_evenly():
    # two banks alike but for equity of 5 and 10: kappa is the same, so equity is levelled first
    alike = {
        "total_assets": [100.0, 100.0],
        "weights": [[1.0], [1.0]],
        "shock": [-0.02],
        "price_impact": [1e-4],
    }
    found = best_recapitalisation(equity=[5.0, 10.0], budget=9.0, **alike)
    np.testing.assert_allclose(found.amounts, [7.0, 2.0], rtol=1e-9)
    # kappa = 2 * 100 * 1e-4 * 200 = 4, and 4 / 12 ** 2 is averted by one more unit
    assert found.marginal == pytest.approx(4.0 / 144.0, rel=1e-9)
    assert found.loss_after == pytest.approx(2 * 4.0 * (1 / 12 - 1 / 100), rel=1e-9)


def test_money_beyond_all_debts_is_kept():
    found = best_recapitalisation([10.0], [4.0], [[1.0]], [-0.1], [1e-3], budget=50.0)
    assert (found.spent, found.loss_after, found.marginal) == (6.0, 0.0, 0.0)


def test_nobody_gets_money_where_nothing_can_be_averted():
    for change in ({"price_impact": [0.0, 0.0]}, {"shock": [0.0, 0.0]}, {"shock": [0.1, 0.1]}):
        found = best_recapitalisation(**{**banks(1), **change}, budget=5.0)
        assert found.spent == 0.0
        assert found.loss_after == found.loss_before


def test_scenarios_share_one_allocation():
    sheet = banks(2)
    both = np.stack([sheet["shock"], [-0.08, 0.0]])
    found = best_recapitalisation(**{**sheet, "shock": both}, budget=8.0)
    means = [
        np.mean([loss_with({**sheet, "shock": row}, money, "debts") for row in both])
        for money in (found.amounts, *(8.0 * np.eye(3)), np.full(3, 8.0 / 3.0))
    ]
    assert found.loss_after == pytest.approx(means[0], rel=1e-9)
    assert means[0] == min(means)


def test_labels_follow_and_permute():
    sheet = banks(4)
    names, wares = pd.Index(["x", "y", "z"]), pd.Index(["s", "t"])
    labelled = {
        "total_assets": pd.Series(sheet["total_assets"], names),
        "equity": pd.Series(sheet["equity"], names)[["z", "x", "y"]],
        "weights": pd.DataFrame(sheet["weights"], names, wares),
        "shock": dict(zip(wares, sheet["shock"], strict=True)),
        "price_impact": pd.Series(sheet["price_impact"], wares),
    }
    plain = best_recapitalisation(**sheet, budget=12.0)
    found = best_recapitalisation(**labelled, budget=12.0)
    np.testing.assert_array_equal(found.amounts, plain.amounts)
    assert found.to_frame().index.tolist() == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"budget": -1.0}, "budget"), ({"use": "debt"}, "use"), ({"equity": [0, 1, 1]}, "equity")],
)
def test_what_makes_no_sense_is_refused_by_name(change, named):
    with pytest.raises(InputError, match=named):
        best_recapitalisation(**{**banks(0), "budget": 1.0, **change})
