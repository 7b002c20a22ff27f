"""Importance of nodes against hand calculations, closed forms and power series."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.claims import Claims
from contagion.errors import InputError
from contagion.measures import criticality, impact_susceptibility, rank_correlation

DEBTS = [[0, 8, 1], [1, 0, 2], [0, 5, 0]]
EQUITY = [2, 4, 2]


def exponential(matrix, terms=60):
    """The power series in rationals."""
    n = len(matrix)
    total = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    power = total
    for k in range(1, terms):
        power = [[sum(power[i][m] * matrix[m][j] for m in range(n)) / k for j in range(n)] for i in range(n)]
        total = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(total, power, strict=True)]
    return total


def susceptibility(debts, equity, binary):
    n = len(debts)
    impact = [[min(Fraction(1), Fraction(debts[i][j]) / equity[j]) for j in range(n)] for i in range(n)]
    if binary:
        impact = [[Fraction(int(x == 1)) for x in row] for row in impact]
    walks = exponential(impact)
    direct = [sum(impact[i][j] for i in range(n)) for j in range(n)]
    reach = [sum(walks[i][j] for i in range(n) if i != j) for j in range(n)]
    return [float(r / d) if d else 0.0 for r, d in zip(reach, direct, strict=True)]


def test_three_banks_by_hand():
    found = criticality(DEBTS, equity=EQUITY)
    assert found.criticality.tolist() == [1.5, 1.5, 1.0]
    assert found.vulnerability.toarray().tolist() == [[0, 0.5, 0], [2, 0, 1.25], [0.5, 1, 0]]
    wanted = np.abs(np.linalg.eigvals(found.vulnerability.toarray())).max()
    assert found.spectral_radius == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_susceptibility_is_the_power_series_in_rationals(seed, binary):
    draw = np.random.default_rng(seed)
    debts = np.where(draw.random((4, 4)) < 0.6, draw.integers(1, 9, (4, 4)), 0)
    np.fill_diagonal(debts, 0)
    equity = draw.integers(1, 9, 4)
    found = impact_susceptibility(debts, equity=equity, binary=binary)
    wanted = susceptibility(debts.tolist(), equity.tolist(), binary)
    assert found.impact_susceptibility == pytest.approx(wanted, rel=1e-12)
    assert found.impact_fluidity == pytest.approx(np.mean(wanted), rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_a_ring_of_full_impacts_is_reached_by_every_walk_but_the_closed_ones(n):
    ring = np.roll(np.eye(n), 1, axis=1)
    found = impact_susceptibility(ring, equity=np.ones(n))
    closed = sum(1 / math.factorial(k) for k in range(0, 40, n))
    assert found.impact_susceptibility == pytest.approx(np.full(n, math.e - closed), rel=1e-13)
    assert criticality(ring, equity=np.ones(n)).spectral_radius == pytest.approx(1.0, rel=1e-14)


def test_without_links_everything_is_0():
    none = Claims.from_edges([], n=2)
    assert criticality(none, equity=[1, 1]).criticality.tolist() == [0.0, 0.0]
    assert criticality(none, equity=[1, 1]).spectral_radius == 0.0
    assert impact_susceptibility(none, equity=[1, 1]).impact_susceptibility.tolist() == [0.0, 0.0]
    assert impact_susceptibility([[0.0]], [1.0]).impact_fluidity == 0.0


def test_names_stay_with_their_values():
    names = ["z", "a", "m"]
    frame = pd.DataFrame(DEBTS, index=names, columns=names, dtype=float)
    equity = {"a": 4.0, "m": 2.0, "z": 2.0}
    found = criticality(frame, equity=equity)
    assert found.to_frame()["criticality"].to_dict() == {"z": 1.5, "a": 1.5, "m": 1.0}
    assert (
        found.vulnerability.toarray().tolist()
        == criticality(DEBTS, equity=EQUITY).vulnerability.toarray().tolist()
    )
    reached = impact_susceptibility(frame, equity=equity, binary=True)
    plain = impact_susceptibility(DEBTS, equity=EQUITY, binary=True)
    assert reached.impact_susceptibility == pytest.approx(plain.impact_susceptibility, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: criticality(DEBTS, equity=[2, 0, 2]), "equity"),
        (lambda: impact_susceptibility(DEBTS, equity=[2, -1, 2]), "equity"),
        (lambda: impact_susceptibility(DEBTS, equity=EQUITY, binary=2), "binary"),
        (lambda: impact_susceptibility(Claims.from_edges([], n=5001), equity=np.ones(5001)), "5000"),
        (lambda: criticality([[0, -1], [0, 0]], [1, 1]), "negative"),
        (lambda: rank_correlation([[1, 2]]), "measures"),
        (lambda: rank_correlation(pd.DataFrame({"a": [1.0]})), "two nodes"),
        (lambda: rank_correlation(pd.DataFrame({"a": [1.0, np.nan]})), "finite"),
        (lambda: rank_correlation(pd.DataFrame({"a": ["x", "y"]})), "numbers"),
    ],
)
def test_what_is_wrong_is_named(call, word):
    with pytest.raises(InputError, match=word):
        call()


def test_rankings_with_ties_by_hand():
    frame = pd.DataFrame({"a": [4, 3, 2, 1], "b": [4, 4, 1, 1], "c": [1, 2, 3, 4], "d": [5, 5, 5, 5]})
    found = ct.measures.rank_correlation(frame)
    assert found.ranks["b"].tolist() == [1.5, 1.5, 3.5, 3.5]
    # ranks 1 2 3 4 against 1.5 1.5 3.5 3.5: covariance 4, variances 5 and 4
    assert found.spearman.loc["a", "b"] == pytest.approx(4 / math.sqrt(20), rel=1e-14)
    # four pairs concordant, two tied in b: 4 / sqrt(6 * 4)
    assert found.kendall.loc["a", "b"] == pytest.approx(4 / math.sqrt(24), rel=1e-14)
    assert found.spearman.loc["a", "c"] == pytest.approx(-1.0)
    assert found.kendall.loc["a", "c"] == pytest.approx(-1.0)
    assert found.spearman.loc["a", "a"] == 1.0
    assert found.spearman["d"].isna().all()
    assert found.kendall["d"].isna().all()
    assert found.notes.to_dict() == {"a": "", "b": "", "c": "", "d": "d is the same for all 4 nodes"}


def test_an_exponential_beyond_double_precision_is_refused():
    with pytest.raises(InputError, match="spectral radius"):
        impact_susceptibility(np.ones((700, 700)) - np.eye(700), equity=np.ones(700))


def test_a_debt_as_large_as_equity_counts_whatever_the_rounding():
    owed = [[0, 0.3, 0], [0, 0, 0.3], [0, 0, 0]]
    assert 0.3 < 0.1 + 0.2
    found = impact_susceptibility(owed, equity=[1, 0.1 + 0.2, 0.3], binary=True)
    assert found.impact_susceptibility.tolist() == pytest.approx([0.0, 1.0, 1.5])
    assert criticality(np.zeros((2, 2)), [1, 1]).criticality.dtype == np.float64
