"""Random networks of cross-holdings: the compiled waves against those of single networks, shapes, draws, refusals."""

import numpy as np
import pytest

from contagion import streams
from contagion.errors import InputError
from contagion.experiments import integration
from contagion.experiments.integration import integration_experiment
from contagion.propagation.crossholdings import elliott_golub_jackson


def drawn(seed, n, draw, degree, part):
    """Holdings of one draw and who is hit, from the same numbers."""
    generator = streams.stream(seed, "cross-holdings", draw)
    hit = int(generator.integers(n))
    links = generator.random((n, n)) < degree / (n - 1)
    np.fill_diagonal(links, False)
    held = links.sum(axis=0)
    return np.where(links, part / np.maximum(held, 1), 0.0), hit


@pytest.mark.parametrize(("part", "cost", "drop"), [(0.5, 1.0, 1.0), (0.2, 0.3, 1.0), (0.9, 1.0, 0.4)])
def test_each_network_fails_as_it_does_alone(part, cost, drop):
    n, draws, degrees, thetas = 9, 12, [1.0, 3.0], [0.8, 0.95]
    found = integration_experiment(
        n, degree=degrees, integration=part, theta=thetas, failure_cost=cost, drop=drop, n_draws=draws, seed=5
    ).to_frame()
    for row in found.itertuples():
        failed, others = [], []
        for draw in range(draws):
            holdings, hit = drawn(5, n, draw, row.degree, part)
            left = np.where(np.arange(n) == hit, 1.0 - drop, 1.0)
            alone = elliott_golub_jackson(
                left,
                holdings,
                thresholds=row.theta
                * elliott_golub_jackson(1, holdings, thresholds=0, failure_costs=0).values,
                failure_costs=np.minimum(cost, left),
            )
            failed.append(alone.n_failed)
            others.append(alone.n_failed > int(alone.failed[hit]))
        assert row.share_failing == pytest.approx(np.mean(failed) / n, rel=1e-14)
        assert row.first_failure == np.mean(np.array(failed) > 0)
        assert row.contagion == np.mean(others)


def test_diversification_first_spreads_failures_and_then_stops_them():
    found = integration_experiment(40, degree=[0, 0.5, 2.5, 20], n_draws=40).to_frame()
    share = found["share_failing"].tolist()
    assert share[0] == share[3] == 1 / 40
    assert share[0] < share[1] < share[2]
    assert share[2] > 0.3
    assert (found["share_failing_low"] < found["share_failing"]).all()
    assert (found["share_failing"] < found["share_failing_high"]).all()
    assert found["first_failure"].tolist() == [1.0] * 4


def test_integration_passes_losses_on_and_shields_from_ones_own():
    found = integration_experiment(
        40, degree=3, integration=[0, 0.5, 0.97], theta=0.8, n_draws=40, drop=0.25
    ).to_frame()
    assert found["first_failure"].tolist()[0] == 1.0
    assert found["first_failure"].tolist()[2] == 0.0
    assert np.isnan(found["share_after_failure"].tolist()[2])
    assert found["contagion"].tolist()[0] == 0.0


def test_nothing_lost_is_nobody_failed_and_no_cost_is_no_second_wave():
    assert integration_experiment(20, drop=0.0, n_draws=5).to_frame()["share_failing"].max() == 0.0
    kinds = integration_experiment(20, degree=3, failure_cost=[0.0, 1.0], theta=0.95, n_draws=20).to_frame()
    assert kinds["share_failing"][0] < kinds["share_failing"][1]


def test_a_draw_is_the_same_in_any_grid_number_and_batch(monkeypatch):
    wide = integration_experiment(
        15, degree=[1, 2, 4], integration=[0.3, 0.6], theta=[0.9, 0.95], n_draws=8, seed=3
    )
    alone = integration_experiment(15, degree=2, integration=0.6, theta=0.95, n_draws=8, seed=3).to_frame()
    rows = (
        wide.to_frame().query("degree == 2 and integration == 0.6 and theta == 0.95").reset_index(drop=True)
    )
    assert rows.equals(alone)
    monkeypatch.setattr(integration, "CELLS_AT_ONCE", 3 * 15**2)
    again = integration_experiment(15, degree=2, integration=0.6, theta=0.95, n_draws=8, seed=3).to_frame()
    assert again.equals(alone)
    other = integration_experiment(15, degree=2, integration=0.6, theta=0.95, n_draws=8, seed=4).to_frame()
    assert not other.equals(alone)
    assert "most fail" in repr(wide)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 1}, "n: 1 is too small"),
        ({"n": 10.0}, "n.*whole"),
        ({"n": 10**6}, "too large"),
        ({"n_draws": 0}, "n_draws"),
        ({"degree": 30}, "degree.*out of range"),
        ({"degree": [2, 2]}, "degree.*twice"),
        ({"integration": 1.0}, "integration.*out of range"),
        ({"integration": []}, "integration.*shape"),
        ({"theta": -0.1}, "theta.*negative"),
        ({"failure_cost": 1.5}, "failure_cost"),
        ({"drop": np.nan}, "drop.*finite"),
        ({"seed": -1}, "seed"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_bad_grids_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        integration_experiment(**{"n": 20, "n_draws": 3, **change})
