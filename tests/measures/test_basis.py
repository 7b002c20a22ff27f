"""Basis of markets by round, of a system and across venues, against the pure formula and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.markets.basis import fair_future, relative_basis
from contagion.measures import basis_spillover, basis_table, systemic_basis

YEAR = 365.0 * 86_400.0
TERMS = pd.DataFrame(
    {
        "kind": ["perp", "future", "spot", "option"],
        "venue": ["V", "W", "W", "W"],
        "expiry": [np.nan, 90.0, np.nan, 90.0],
        "carry": [0.0, 50.0, 0.0, 50.0],
    },
    index=["P", "F", "S", "O"],
)


def paths(n: int = 5) -> pd.DataFrame:
    """Rounds of a minute: the index stands at 100, markets apart from it."""
    last = {"P": 101.0, "F": 99.0, "S": 100.0, "O": 7.0}
    return pd.DataFrame(
        [
            {"round": r, "time": 60.0 * r, "market": name, "last": price + r, "index": 100.0}
            for r in range(n)
            for name, price in last.items()
        ]
    )


def wide(widths: dict[str, list[float]]) -> pd.DataFrame:
    """A basis table with one perp a venue."""
    return pd.DataFrame(
        [
            {"round": r, "time": 10.0 * r, "venue": v, "market": f"{v}-perp", "kind": "perp", "basis": width}
            for v, found in widths.items()
            for r, width in enumerate(found)
        ]
    )


def test_fair_value_is_the_index_or_the_forward_price_of_the_pure_formula() -> None:
    found = basis_table(paths(), TERMS).set_index(["market", "round"])
    assert set(found.loc["P", "fair"]) == set(found.loc["S", "fair"]) == {100.0}
    for r in range(3):
        fair = fair_future(100.0, max(0.0, 90.0 - 60.0 * r) / YEAR, rate=50.0)
        assert found.loc[("F", r), "fair"] == pytest.approx(fair, rel=1e-15)
        assert found.loc[("F", r), "basis"] == pytest.approx(relative_basis(99.0 + r, fair), rel=1e-12)
    assert found.loc[("P", 0), "basis"] == pytest.approx(0.01, rel=1e-12)


def test_a_future_has_rows_until_the_round_in_which_it_expires_and_an_option_has_none() -> None:
    """It expires at 90 s, between the rounds of 60 and 120 s; in that of 120 s nothing is left of the carry."""
    found = basis_table(paths(), TERMS)
    assert found.loc[found["market"] == "F", "round"].tolist() == [0, 1, 2]
    assert found.loc[(found["market"] == "F") & (found["round"] == 2), "fair"].tolist() == [100.0]
    assert set(found["market"]) == {"P", "F", "S"}


def test_systemic_basis_weighs_derivatives_and_forgets_what_has_expired() -> None:
    table = basis_table(paths(), TERMS).assign(
        basis=lambda rows: np.where(rows["market"] == "P", 0.02, -0.06)
    )
    assert systemic_basis(table).round(12).tolist() == [0.04, 0.04, 0.04, 0.02, 0.02]
    weights = pd.Series({"P": 3.0, "F": 1.0})
    assert systemic_basis(table, weights).round(12).tolist() == [0.03, 0.03, 0.03, 0.02, 0.02]
    assert systemic_basis(table, pd.Series({"P": 0.0, "F": 1.0})).isna().tolist() == [False] * 3 + [True] * 2
    with pytest.raises(SchemaError, match="no weight of 'P'"):
        systemic_basis(table, pd.Series({"F": 1.0}))
    with pytest.raises(ValueRangeError, match="no weight"):
        systemic_basis(table, pd.Series({"P": -1.0, "F": 1.0}))


def test_a_venue_that_repeats_another_a_round_later_is_explained_by_it_entirely() -> None:
    rng = np.random.default_rng(5)
    leads = rng.random(400)
    found = basis_spillover(wide({"A": leads.tolist(), "B": [0.0, *leads[:-1].tolist()]}))
    assert found.loc["B", "from_others"] == pytest.approx(1.0, abs=1e-12)
    assert found.loc["A", "from_others"] < 0.02
    assert found["n"].tolist() == [399, 399]
    assert found.loc["A", "widest"] == leads.max()
    assert found.loc["B", "time"] == 10.0 * (int(leads[:-1].argmax()) + 1)


def test_the_share_is_the_partial_r_squared_of_a_regression_by_hand() -> None:
    rng = np.random.default_rng(6)
    own, other = rng.random(30), rng.random(30)
    found = basis_spillover(wide({"A": own.tolist(), "B": (-other).tolist()})).loc["A"]
    change, residuals = np.diff(own), []
    for columns in ([own[:-1]], [own[:-1], other[:-1]]):
        centred = [column - column.mean() for column in columns]
        gram = np.array([[a @ b for b in centred] for a in centred])
        slope = np.linalg.solve(gram, [a @ (change - change.mean()) for a in centred])
        residuals.append(
            ((change - change.mean() - sum(s * c for s, c in zip(slope, centred, strict=True))) ** 2).sum()
        )
    assert found["from_others"] == pytest.approx(1.0 - residuals[1] / residuals[0], rel=1e-9)
    assert found["correlation"] == pytest.approx(np.corrcoef(change, np.diff(other))[0, 1], rel=1e-9)


def test_what_cannot_be_told_is_nan() -> None:
    assert basis_spillover(wide({"A": [0.0, 0.1, 0.2]}))[["from_others", "correlation"]].isna().all(axis=None)
    flat = basis_spillover(wide({"A": [0.1] * 9, "B": [0.0, 0.1, 0.0] * 3}))
    assert np.isnan(flat.loc["A", "from_others"]) and np.isnan(flat.loc["A", "correlation"])


def test_missing_columns_and_unknown_markets_are_named() -> None:
    with pytest.raises(SchemaError, match="no column 'index'"):
        basis_table(paths().drop(columns="index"), TERMS)
    with pytest.raises(SchemaError, match="no row for 'F'"):
        basis_table(paths(), TERMS.drop(index="F"))
    with pytest.raises(SchemaError, match="no column 'time'"):
        basis_spillover(pd.DataFrame({"round": [0]}))


def test_the_basis_of_a_run_has_the_peaks_and_ends_of_its_markets() -> None:
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    run = ct.run(net, ct.PriceShock({"BTC": -0.3}, over=300.0), ct.Cascade(step=30.0, horizon=900.0))
    table = run.basis
    derivatives = run.markets[run.markets["kind"].isin(["perp", "future"])]
    peaks = table.groupby("market")["basis"].agg(lambda basis: basis.abs().max())
    assert peaks.loc[derivatives.index].to_numpy() == pytest.approx(
        derivatives["basis_peak"].to_numpy(), rel=1e-9
    )
    assert run.metrics["basis_peak"] == derivatives["basis_peak"].max() > 0.0
    last = table.groupby("market").last()["basis"].reindex(run.markets.index)
    assert run.markets["basis_closing"].equals(last.rename("basis_closing"))
    depth = net.depth.groupby("market")["amount"].max()
    assert systemic_basis(table, depth).max() <= run.metrics["basis_peak"]
    assert set(basis_spillover(table).index) == set(derivatives["venue"])


def test_a_model_without_an_index_has_no_basis() -> None:
    net = ct.Network(
        nodes=[{"name": "a", "cash": 1.0}, {"name": "b", "cash": 1.0}],
        obligations=[{"debtor": "a", "creditor": "b", "amount": 1.0}],
    )
    assert ct.run(net, ct.Default(["a"]), ct.Clearing()).basis.empty


@pytest.mark.parametrize("measure", [systemic_basis, basis_spillover])
def test_a_run_in_the_place_of_its_table_is_refused_with_a_remedy(measure) -> None:
    with pytest.raises(SchemaError, match=r"no table.*run\.basis"):
        measure(object())
