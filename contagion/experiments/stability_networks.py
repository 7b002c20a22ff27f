"""How far does one failure spread on random networks? Runs of one column of a map, on the same networks for all cells.

With the seed of a column, run r draws the network and the first failure that `caccioli_poisson`,
`caccioli_regular_simulation` or `gai_kapadia_simulation` draw in their run r.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ValueRangeError
from contagion.propagation.firesales import stability_graphs as graphs
from contagion.propagation.firesales.stability import holders_of, whole
from contagion.propagation.firesales.stability_kernels import claims_failures, overlap_failures
from contagion.propagation.firesales.stability_simulation import assets_of, check_links
from contagion.streams import key64, stream

__all__ = ["GRAPHS", "ClaimsNetworks", "OverlapNetworks"]

GRAPHS: Final = ("poisson", "regular")


@dataclass(frozen=True)
class OverlapNetworks:
    """Random overlapping portfolios: `graph` is ``poisson`` or ``regular``, the numbers as in the simulations."""

    graph: str
    n_banks: int
    bank_degree: float
    banks_per_asset: float

    def __post_init__(self) -> None:
        """Check that such networks exist."""
        if self.graph == "regular":
            holders_of(whole(self.bank_degree, "bank_degree", least=1), self.banks_per_asset)
        assets_of(self.n_banks, self.banks_per_asset, self.bank_degree)
        check_links(self.n_banks * self.bank_degree)

    @property
    def n_assets(self) -> int:
        """Number of assets."""
        return assets_of(self.n_banks, self.banks_per_asset, self.bank_degree)

    def seed(self, root: int) -> int:
        """Seed of these networks in a study."""
        key = (self.graph, self.n_banks, self.bank_degree.hex(), self.banks_per_asset.hex())
        return key64(root, "stability of overlaps", *key)

    def draw(self, random: np.random.Generator) -> graphs.Links:
        """Who holds what, once."""
        if self.graph == "regular":
            return graphs.regular_portfolios(self.n_banks, self.n_assets, int(self.bank_degree), random)
        probability = self.bank_degree / self.n_assets
        return graphs.random_portfolios(self.n_banks, self.n_assets, probability, random)

    def runs(self, number: int, root: int) -> Iterator[tuple[graphs.Links, int]]:
        """Network and first failure of each run."""
        return _runs(self.draw, self.n_banks, number, self.seed(root))

    def extents(self, leverages: FloatArray, elasticity: float, runs: int, root: int) -> FloatArray:
        """Share of banks that fails in each run at each leverage, (runs, n_leverages)."""

        def spread(held: graphs.Links, first: int) -> list[int]:
            turned = held.turned(self.n_assets)
            links = (held.start, held.column, turned.start, turned.column)
            return [overlap_failures(*links, first, elasticity, 1.0 / leverage) for leverage in leverages]

        failed = [spread(*one) for one in self.runs(runs, root)]
        return np.array(failed, dtype=np.float64) / self.n_banks


@dataclass(frozen=True)
class ClaimsNetworks:
    """Random claims between banks, as in `gai_kapadia_simulation`."""

    n_banks: int
    mean_degree: float

    def __post_init__(self) -> None:
        """Check that such networks exist."""
        if self.mean_degree > self.n_banks - 1:
            raise ValueRangeError(
                "is out of range",
                where="mean_degree",
                value=self.mean_degree,
                allowed=f"at most the {self.n_banks - 1} other banks",
            )
        check_links(self.n_banks * self.mean_degree)

    def seed(self, root: int) -> int:
        """Seed of these networks in a study."""
        return key64(root, "stability of claims", self.n_banks, self.mean_degree.hex())

    def draw(self, random: np.random.Generator) -> graphs.Links:
        """Who owes whom, once."""
        return graphs.random_debts(self.n_banks, self.mean_degree / (self.n_banks - 1), random)

    def runs(self, number: int, root: int) -> Iterator[tuple[graphs.Links, int]]:
        """Network and first failure of each run."""
        return _runs(self.draw, self.n_banks, number, self.seed(root))

    def extents(self, capitals: FloatArray, claims: float, runs: int, root: int) -> FloatArray:
        """Share of banks that fails in each run at each capital, (runs, n_capitals)."""

        def spread(debts: graphs.Links, first: int) -> list[int]:
            debtors = np.bincount(debts.column, minlength=self.n_banks).astype(np.int64)
            links = (debts.start, debts.column, debtors)
            return [claims_failures(*links, first, claims, capital) for capital in capitals]

        failed = [spread(*one) for one in self.runs(runs, root)]
        return np.array(failed, dtype=np.float64) / self.n_banks


def _runs(
    draw: Callable[[np.random.Generator], graphs.Links], n_banks: int, runs: int, seed: int
) -> Iterator[tuple[graphs.Links, int]]:
    """Network and first failure of each run."""
    for run in range(runs):
        first = int(stream(seed, "first failure", run).integers(n_banks))
        yield draw(stream(seed, "contagion network", run)), first
