"""Where does one failure bring down many? Maps of contagion, simulated cell by cell beside the edges of theory.

The cells of a column, that is of one degree or crowding, are runs on the same networks, drawn from a seed that belongs
to that column: what leverage or capital does shows within each network, and a further cell shifts nobody's draws.

References
----------
Caccioli, Shrestha, Moore, Farmer (2014), "Stability analysis of financial contagion due to overlapping portfolios",
Journal of Banking & Finance 46. Gai, Kapadia (2010), "Contagion in financial networks", Proceedings of the Royal
Society A 466.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real, reals
from contagion.errors import SchemaError, TooLargeError, ValueRangeError, nearest
from contagion.experiments.stability_edges import (
    Verdict,
    claims_edges,
    claims_verdicts,
    overlap_edges,
    overlap_verdicts,
)
from contagion.experiments.stability_networks import GRAPHS, ClaimsNetworks, OverlapNetworks
from contagion.experiments.stability_results import StabilityMap, cell, with_verdicts
from contagion.measures.shortfall import check_level
from contagion.propagation.firesales.stability import whole
from contagion.streams import check_seed

__all__ = ["Study", "axis", "check_graph", "claims_stability_map", "overlap_stability_map"]

MOST_BANKS: Final = 1_000_000
MOST_CASCADES: Final = 10_000_000


def overlap_stability_map(
    leverage: Any,
    bank_degree: Any,
    banks_per_asset: Any = 1.0,
    *,
    n_banks: int = 1000,
    graph: str = "poisson",
    price_elasticity: float = 1.0536,
    runs: int = 100,
    seed: int = 0,
    extent_threshold: float = 0.05,
    confidence: float = 0.95,
) -> StabilityMap:
    """Contagion through overlapping portfolios, over leverage and diversification or crowding.

    One bank fails and sells everything; whoever then loses more than its equity sells everything, too.

    Parameters
    ----------
    leverage : sequence of float
        Assets over equity, > 0: the vertical axis.
    bank_degree : float or sequence of float
        Diversification: assets that a bank holds, on average (``poisson``) or exactly (``regular``).
    banks_per_asset : float or sequence of float
        Crowding: banks over assets in the system, > 0. One of the two may be a sequence: the horizontal axis.
    n_banks : int, default 1000
        Number of banks, to 1,000,000; ``n_banks / banks_per_asset`` must be whole.
    graph : {"poisson", "regular"}
        Every bank holds every asset with the same probability, or all banks and all assets have equal degrees.
    price_elasticity : float, default 1.0536
        Fall of the log price if all of an asset is sold, >= 0; by default the price falls by 10 % if 10 % is sold.
    runs : int, default 100
        Networks per column.
    seed : int, default 0
        Root seed.
    extent_threshold : float, default 0.05
        Share of banks above which failures count as contagion.
    confidence : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    StabilityMap
        Draw it with `contagion.plot.stability_map`. Edges: ``critical leverage`` and, for ``poisson``, ``least``
        diversification or crowding, below which no leverage makes contagion possible. Theory of ``regular`` is that of
        `caccioli_regular`, of ``poisson`` that of `caccioli_poisson_theory`.

    Raises
    ------
    InputError
        If a number is not finite or out of range, given twice, or a number of links or assets is not whole.

    Examples
    --------
    >>> found = overlap_stability_map([5.0, 20.0], [2.0, 4.0], n_banks=200, runs=20, seed=1)
    >>> found.to_frame()["regime"].tolist()
    ['stable', 'unstable', 'stable', 'unstable']

    References
    ----------
    Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46.
    """
    check_graph(graph)
    study = Study.of(n_banks, runs, seed, extent_threshold, confidence)
    levels = axis(leverage, "leverage", above=0.0)
    degrees = axis(bank_degree, "bank_degree", low=0.0)
    ratios = axis(banks_per_asset, "banks_per_asset", above=0.0)
    if len(degrees) > 1 and len(ratios) > 1:
        raise ValueRangeError(
            "vary both",
            where="bank_degree, banks_per_asset",
            allowed="a sequence for one of them, a number for the other",
        )
    elasticity = real(price_elasticity, "price_elasticity", low=0.0)
    x, other = ("banks_per_asset", "bank_degree") if len(ratios) > 1 else ("bank_degree", "banks_per_asset")
    networks = [
        OverlapNetworks(graph, study.n_banks, degree, ratio)
        for degree in degrees.tolist()
        for ratio in ratios.tolist()
    ]
    study.affordable(len(networks) * len(levels))
    columns = [
        _Column(
            getattr(one, x),
            one.seed(study.seed),
            overlap_verdicts(one, levels, elasticity),
            one.extents(levels, elasticity, study.runs, study.seed),
        )
        for one in networks
    ]
    return study.map(
        f"overlapping portfolios ({graph})",
        (x, "leverage"),
        _table(columns, (x, "leverage"), levels, study),
        overlap_edges(x, networks, levels, elasticity),
        {other: float(getattr(networks[0], other)), "price_elasticity": elasticity},
        worse_upwards=True,
    )


def claims_stability_map(
    mean_degree: Any,
    capital: Any,
    *,
    interbank_assets: float = 0.2,
    n_banks: int = 1000,
    runs: int = 100,
    seed: int = 0,
    extent_threshold: float = 0.05,
    confidence: float = 0.95,
) -> StabilityMap:
    """Contagion through claims between banks, over the mean number of debtors and capital.

    One bank defaults; whoever then loses more than its capital on claims defaults, too.

    Parameters
    ----------
    mean_degree : sequence of float
        Mean number of debtors and creditors, from 0 to ``n_banks - 1``: the horizontal axis.
    capital : sequence of float
        Share of total assets, in [0, 1]: the vertical axis.
    interbank_assets : float, default 0.2
        Share of total assets, in [0, 1], spread evenly over the debtors of a bank. The default is that of Gai and
        Kapadia.
    n_banks : int, default 1000
        Number of banks, 2 to 1,000,000.
    runs, seed, extent_threshold, confidence
        As in `overlap_stability_map`.

    Returns
    -------
    StabilityMap
        Draw it with `contagion.plot.stability_map`. Edges: ``lower edge``, ``top`` and ``upper edge`` of the window of
        contagion, from `gai_kapadia_window`.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or given twice.

    Examples
    --------
    >>> found = claims_stability_map([0.5, 3.0], [0.04, 0.08], n_banks=200, runs=20, seed=1)
    >>> found.to_frame()["regime"].tolist()
    ['stable', 'stable', 'unstable', 'stable']

    References
    ----------
    Gai, Kapadia (2010), Proceedings of the Royal Society A 466.
    """
    study = Study.of(n_banks, runs, seed, extent_threshold, confidence, least=2)
    degrees = axis(mean_degree, "mean_degree", low=0.0)
    levels = axis(capital, "capital", low=0.0, high=1.0)
    claims = real(interbank_assets, "interbank_assets", low=0.0, high=1.0)
    networks = [ClaimsNetworks(study.n_banks, degree) for degree in degrees.tolist()]
    study.affordable(len(networks) * len(levels))
    columns = [
        _Column(
            one.mean_degree,
            one.seed(study.seed),
            claims_verdicts(one.mean_degree, levels, claims),
            one.extents(levels, claims, study.runs, study.seed),
        )
        for one in networks
    ]
    return study.map(
        "claims between banks",
        ("mean_degree", "capital"),
        _table(columns, ("mean_degree", "capital"), levels, study),
        claims_edges(degrees, levels, claims),
        {"interbank_assets": claims},
        worse_upwards=False,
    )


@dataclass(frozen=True)
class Study:
    """What is asked of every cell, checked."""

    n_banks: int
    runs: int
    seed: int
    extent_threshold: float
    confidence: float

    @classmethod
    def of(
        cls, n_banks: Any, runs: Any, seed: Any, extent_threshold: Any, confidence: Any, least: int = 1
    ) -> Study:
        """Check the numbers.

        Raises
        ------
        InputError
            If one is no number or out of range.
        """
        banks = whole(n_banks, "n_banks", least=least)
        if banks > MOST_BANKS:
            raise TooLargeError(
                "is too large", where="n_banks", value=banks, allowed=f"{least} to {MOST_BANKS:,}"
            )
        return cls(
            banks,
            whole(runs, "runs", least=1),
            check_seed(seed),
            real(extent_threshold, "extent_threshold", low=0.0, high=1.0),
            check_level(confidence, "confidence"),
        )

    def affordable(self, cells: int) -> None:
        """Refuse more cascades than anybody would wait for.

        Raises
        ------
        TooLargeError
            If there are more than ten million.
        """
        if cells * self.runs > MOST_CASCADES:
            raise TooLargeError(
                "are too many cascades",
                where="cells * runs",
                value=cells * self.runs,
                allowed=f"at most {MOST_CASCADES:,}",
            )

    def map(
        self,
        title: str,
        axes: tuple[str, str],
        table: pd.DataFrame,
        edges: pd.DataFrame,
        fixed: dict[str, float],
        *,
        worse_upwards: bool,
    ) -> StabilityMap:
        """A map with the numbers of this study."""
        return StabilityMap(
            title, *axes, table=table, edges=edges, fixed=fixed, worse_upwards=worse_upwards, **asdict(self)
        )


@dataclass(frozen=True)
class _Column:
    """One column of a map: its place and seed, theory per cell, and the share that failed per run and cell."""

    x: float
    seed: int
    theory: Sequence[Verdict]
    extents: FloatArray


def _table(
    columns: Sequence[_Column], axes: tuple[str, str], levels: FloatArray, study: Study
) -> pd.DataFrame:
    """One row per cell, columns of the map after one another."""
    rows = [
        {
            axes[0]: column.x,
            axes[1]: float(level),
            **cell(column.extents[:, place], study.extent_threshold, study.confidence),
            **asdict(column.theory[place]),
            "seed": column.seed,
        }
        for column in columns
        for place, level in enumerate(levels)
    ]
    return with_verdicts(pd.DataFrame(rows), *axes)


def axis(
    values: Any, name: str, *, low: float = -math.inf, high: float = math.inf, above: float = -math.inf
) -> FloatArray:
    """Values of an axis of a map, rising; limits as in `contagion.arrays.real`.

    Raises
    ------
    InputError
        If one is no number or out of range, there is none, or one is given twice.
    """
    found = np.atleast_1d(reals(values, name, low=low, high=high, above=above))
    if found.ndim != 1 or not len(found):
        raise SchemaError(f"has shape {found.shape}", where=name, allowed="a number or a list of numbers")
    if len(np.unique(found)) < len(found):
        raise ValueRangeError("holds a number twice", where=name, value=values, allowed="each number once")
    return np.sort(found)


def check_graph(graph: Any) -> None:
    """Refuse an unknown kind of graph.

    Raises
    ------
    SchemaError
        If it is neither ``poisson`` nor ``regular``.
    """
    if graph not in GRAPHS:
        hint = nearest(str(graph), GRAPHS)
        raise SchemaError(f"is no graph{hint}", where="graph", value=graph, allowed=", ".join(GRAPHS))
