"""The spectral radius against closed forms and all eigenvalues."""

import numpy as np
import pytest
from scipy.sparse import block_diag, csr_array

from contagion.errors import InputError
from contagion.network.spectral import spectral_radius


def ring(weights):
    n = len(weights)
    return csr_array((np.asarray(weights, dtype=float), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))


@pytest.mark.parametrize("n", [1, 2, 3, 40, 99, 140])
def test_all_eigenvalues_agree(n):
    draw = np.random.default_rng(n)
    matrix = np.where(draw.random((n, n)) < 4 / n, draw.random((n, n)), 0.0)
    wanted = np.abs(np.linalg.eigvals(matrix)).max()
    assert spectral_radius(matrix) == pytest.approx(wanted, rel=1e-11, abs=1e-14)
    assert spectral_radius(csr_array(matrix)) == spectral_radius(matrix)


@pytest.mark.parametrize("n", [3, 1000, 20_000])
def test_a_ring_has_the_geometric_mean_of_its_weights(n):
    weights = np.random.default_rng(0).uniform(0.5, 2.0, n)
    assert spectral_radius(ring(weights)) == pytest.approx(np.exp(np.log(weights).mean()), rel=1e-11)


def test_a_star_has_the_root_of_the_sum_of_both_ways():
    n = 1_000
    away, back = np.arange(1.0, n), np.full(n - 1, 0.5)
    star = csr_array(
        (
            np.concatenate([away, back]),
            (
                np.concatenate([np.zeros(n - 1, int), np.arange(1, n)]),
                np.concatenate([np.arange(1, n), np.zeros(n - 1, int)]),
            ),
        ),
        shape=(n, n),
    )
    assert spectral_radius(star) == pytest.approx(np.sqrt(0.5 * away.sum()), rel=1e-12)


def test_without_a_cycle_it_is_exactly_0_however_large_the_entries():
    assert spectral_radius(np.triu(np.full((50, 50), 1e9), 1)) == 0.0
    assert spectral_radius(np.zeros((3, 3))) == 0.0
    assert spectral_radius([[2.5]]) == 2.5


def test_parts_do_not_mix():
    both = block_diag([ring([0.5, 0.5]), ring([3.0, 3.0, 3.0]), ring([1.0] * 400)])
    assert spectral_radius(both) == pytest.approx(3.0, rel=1e-13)


def test_the_complete_network_has_n_minus_1():
    assert spectral_radius(np.ones((700, 700)) - np.eye(700)) == pytest.approx(699.0, rel=1e-13)


@pytest.mark.parametrize("bad", [[[0.0, -1.0], [1.0, 0.0]], [[0.0, np.nan], [1.0, 0.0]], np.ones((2, 3))])
def test_other_matrices_are_refused(bad):
    with pytest.raises(InputError):
        spectral_radius(bad)
