"""From which leverage on does one failure spread through random overlapping portfolios? Theory, for ever more banks.

Near the first failure a large random network has no loops: an asset that begins to fall was reached through one seller,
and its other holders were unharmed. Whether a holder fails then depends only on the degrees of the holders of that one
asset, and each holder of degree j that fails makes j - 1 further assets fall. This is a branching process whose types
are the degrees of sellers; contagion is possible where its mean matrix has a spectral radius above 1.

Holders of an asset fail in the order of their degrees, because few holdings make each of them weigh more. A holder of
degree j fails if, for all degrees m <= j, the sales of the seller and of all holders of degrees below m are enough to
fail degree m. Means over the holders of an asset are taken over drawn assets, from a stream that no seed of a study
moves.

References
----------
Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46, for the model and the idea of a branching
matrix by degrees; this matrix, which follows the sales within one asset to their end, is derived for this project.
Harris (1963), "The theory of branching processes", chapter 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real
from contagion.errors import ConvergenceError
from contagion.propagation.firesales.stability import SLACK, whole
from contagion.streams import stream

__all__ = ["OverlapBranching", "PoissonOverlap", "caccioli_poisson_theory"]

ASSETS: Final = 4096
MANY_DEGREES: Final = 68.0
CLOSE: Final = 1e-8
MOST_STEPS: Final = 5_000
LARGEST_LEVERAGE: Final = 1e9
LARGEST_DEGREE: Final = 1e3
LARGEST_RATIO: Final = 1e9


@dataclass(frozen=True)
class OverlapBranching:
    """Theory of random overlapping portfolios at one leverage.

    `branching_number` is the spectral radius of the mean matrix, `regime` ``unstable`` where it exceeds 1, else
    ``stable``; `contagion_probability` the chance that the failure of a random bank spreads without end.
    """

    branching_number: float
    regime: str
    contagion_probability: float


def caccioli_poisson_theory(
    mean_bank_degree: Any,
    banks_per_asset: Any,
    *,
    price_elasticity: Any,
    leverage: Any,
    assets: Any = None,
) -> OverlapBranching:
    """Whether, and how likely, one failure spreads where every bank holds every asset with the same probability.

    Parameters
    ----------
    mean_bank_degree
        Assets that a bank holds on average, 0 to 1,000.
    banks_per_asset
        Banks over assets in the system, above 0 and up to 1e9.
    price_elasticity
        Fall of the log price if all of an asset is sold, >= 0.
    leverage
        Assets over equity, > 0.
    assets
        Assets drawn for the means over holders; default 4,096, fewer above a mean degree of 20, where each has many
        holders and time grows with the square of the degree.

    Returns
    -------
    OverlapBranching
        For infinitely many banks; `caccioli_poisson` simulates finitely many.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = caccioli_poisson_theory(4.0, 1.0, price_elasticity=1.0536, leverage=20.0)
    >>> found.regime, round(found.contagion_probability, 2)
    ('unstable', 0.97)
    """
    overlap = PoissonOverlap.of(
        mean_bank_degree, banks_per_asset, price_elasticity=price_elasticity, assets=assets
    )
    chosen = real(leverage, "leverage", above=0.0)
    number = overlap.branching_number(chosen)
    regime = "unstable" if number > 1.0 else "stable"
    return OverlapBranching(number, regime, overlap.contagion_probability(chosen))


@dataclass(frozen=True, eq=False)
class PoissonOverlap:
    """Random overlapping portfolios of infinitely many banks, made by `PoissonOverlap.of`.

    Parameters
    ----------
    mean_bank_degree, banks_per_asset, price_elasticity : float
        As in `caccioli_poisson_theory`.
    law : numpy.ndarray, shape (n_degrees,)
        Probability that a bank has 0, 1, ... assets besides the one through which it was found.
    holders : numpy.ndarray, shape (n_drawn, n_degrees)
        Of each asset drawn, how many holders besides the seller have degree 1, 2, ...
    """

    mean_bank_degree: float
    banks_per_asset: float
    price_elasticity: float
    law: FloatArray
    holders: NDArray[np.int64]

    @classmethod
    def of(
        cls, mean_bank_degree: Any, banks_per_asset: Any, *, price_elasticity: Any, assets: Any = None
    ) -> PoissonOverlap:
        """Check the parameters and draw assets with their holders.

        Raises
        ------
        InputError
            If a number is not finite or out of range.
        """
        degree = real(mean_bank_degree, "mean_bank_degree", low=0.0, high=LARGEST_DEGREE)
        ratio = real(banks_per_asset, "banks_per_asset", above=0.0, high=LARGEST_RATIO)
        elasticity = real(price_elasticity, "price_elasticity", low=0.0)
        degrees = int(degree + 8.0 * math.sqrt(degree) + 12.0)
        usual = max(1, int(ASSETS * min(1.0, (MANY_DEGREES / degrees) ** 2)))
        drawn = usual if assets is None else whole(assets, "assets", least=1)
        law = _poisson(degree, degrees)
        random = stream(0, "assets of the branching theory", degree.hex(), ratio.hex())
        return cls(degree, ratio, elasticity, law, random.poisson(degree * ratio * law, (drawn, len(law))))

    def branching_number(self, leverage: float) -> float:
        """Spectral radius of the mean number of falling assets, by degree of seller and of the next one."""
        needed = self._needed_shares(leverage)
        n = len(needed)
        if n == 0:
            return 0.0
        sold, held = self._sold_and_held(n)
        weight = 1.0 / np.arange(1.0, n + 1.0)
        means = np.empty((n, n))
        for j in range(n):  # a holder of degree j + 1 beside the drawn ones
            first = needed[: j + 1]
            least = ((first * (held + weight[j]) - sold[:, : j + 1]) / (1.0 - first)).max(axis=1)
            chance = (least[:, None] < weight[None, :]).mean(axis=0)
            means[:, j] = self.mean_bank_degree * self.banks_per_asset * self.law[j] * j * chance
        return float(np.abs(np.linalg.eigvals(means)).max())

    def critical_leverage(self, accuracy: float = 5e-4) -> float | None:
        """Assets over equity above which contagion is possible, None if it never is.

        Parameters
        ----------
        accuracy
            Relative width at which the search ends. With 4,096 drawn assets the edge itself is known within about
            1 %, see the tests.
        """
        if self.mean_bank_degree**2 * self.banks_per_asset <= 1.0 or self.price_elasticity == 0.0:
            return None
        low, high = 1.0, 2.0
        while self.branching_number(high) <= 1.0:
            low, high = high, 2.0 * high
            if high > LARGEST_LEVERAGE:
                return None
        while high > low * (1.0 + accuracy):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self.branching_number(middle) > 1.0 else (middle, high)
        return math.sqrt(low * high)

    def contagion_probability(self, leverage: float) -> float:
        """Chance that the failure of a random bank makes assets fall without end, 0 where it cannot.

        Raises
        ------
        ConvergenceError
            If the chances of dying out do not settle.
        """
        if self.branching_number(leverage) <= 1.0:
            return 0.0
        ends = self._dies_out(leverage)
        first = _poisson(self.mean_bank_degree, len(ends) + 1)
        return float(1.0 - (first * np.concatenate([[1.0], ends ** np.arange(1.0, len(ends) + 1.0)])).sum())

    def _dies_out(self, leverage: float) -> FloatArray:
        """Chance that a falling asset leads to finitely many others, by degree of its seller, (n_degrees,)."""
        needed = self._needed_shares(leverage)
        n, n_degrees = len(needed), len(self.law)
        sold, held = self._sold_and_held(n)
        least = np.maximum.accumulate((needed * held - sold) / (1.0 - needed), axis=1)
        weight = 1.0 / np.arange(1.0, n_degrees + 1.0)
        failing = np.array([np.count_nonzero(least < one, axis=1) for one in weight])
        more = self.holders[:, :n] * np.arange(n)
        row = np.arange(len(more))[None, :]
        logs = np.zeros((len(more), n + 1))
        ends, before = np.zeros(n), 0.0  # only sellers of the degrees that fail come up again
        for step in range(1, MOST_STEPS + 1):
            np.cumsum(more * np.log(np.maximum(ends, 1e-300)), axis=1, out=logs[:, 1:])
            chance = np.exp(logs)
            after: FloatArray = chance[row, failing[:n]].mean(axis=1)
            change = after - ends
            size = float(np.abs(change).max())
            if size < CLOSE:
                found: FloatArray = chance[row, failing].mean(axis=1)
                return found
            rate = size / before if step % 8 == 0 and size < before else 0.0  # a longer step, short of 1
            ends, before = np.minimum(ends + change / (1.0 - rate), 0.5 + 0.5 * after), size
        raise ConvergenceError("chances of dying out did not settle", round=MOST_STEPS, gap=size)

    def _needed_shares(self, leverage: float) -> FloatArray:
        """Share of an asset that must be sold to fail its holders of degree 1, 2, ..., as far as below 1."""
        degree = np.arange(1.0, len(self.law) + 1.0)
        left = 1.0 - degree * (1.0 / leverage + SLACK)
        degrees = int(np.count_nonzero(left > math.exp(-self.price_elasticity)))
        logs: FloatArray = np.log(left[:degrees])
        logs /= -self.price_elasticity if degrees else 1.0
        return logs

    def _sold_and_held(self, n: int) -> tuple[FloatArray, FloatArray]:
        """What holders of lower degrees than 1, 2, ..., n hold of each drawn asset, and all of them together."""
        amounts = self.holders / np.arange(1.0, len(self.law) + 1.0)
        below: FloatArray = np.cumsum(amounts[:, :n], axis=1) - amounts[:, :n]
        return below, amounts.sum(axis=1, keepdims=True)


def _poisson(mean: float, n: int) -> FloatArray:
    """Probabilities of 0 to n - 1 under Poisson's law."""
    count = np.arange(n)
    logs = np.array([math.lgamma(k + 1.0) for k in range(n)])
    law: FloatArray = (count == 0).astype(np.float64)
    if mean > 0.0:
        np.exp(count * math.log(mean) - mean - logs, out=law)
    return law
