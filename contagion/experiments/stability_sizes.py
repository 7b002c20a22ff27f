"""How many banks must there be before theory holds? Contagion over the size of the system, and why it errs.

Theory of overlapping portfolios has no loops: a bank that is hit shares one asset with those who sold. Among finitely
many banks some pairs share two, and such a bank loses twice as much. The number of such pairs does not grow with the
system, so that the chance that the first failure is in one, and the false contagion that follows, fades as it grows. In
regular networks this is all; where degrees differ, several small losses of one bank add to it, and fade more slowly.

References
----------
Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46, for the model; the remark on small systems is
of this project.
"""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real
from contagion.experiments.stability_edges import critical_leverage, overlap_verdicts
from contagion.experiments.stability_maps import Study, axis, check_graph
from contagion.experiments.stability_networks import OverlapNetworks
from contagion.experiments.stability_pairs import chance_in_pair, expected_pairs, pairs_of
from contagion.experiments.stability_results import cell
from contagion.propagation.firesales.stability import whole

__all__ = ["SizeEffect", "contagion_by_size"]

NAN: Final = float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class SizeEffect:
    """Contagion over the number of banks, made by `contagion_by_size`.

    Parameters
    ----------
    title : str
        Which networks.
    table : pandas.DataFrame
        One row per leverage and number of banks: leverage, n_banks, probability (share of runs with contagion) with low
        and high (exact binomial interval), extent with extent_low and extent_high, contagious_runs; of infinitely many
        banks theory, theory_extent and regime; of_critical (leverage over the critical one); pairs (mean number of
        pairs of banks that share two assets) and expected_pairs (by formula); in_pair (share of runs in which the first
        failure is in such a pair) and expected_in_pair; probability_in_pair and probability_alone (of contagion if it
        is, and if not; nan without such runs); seed.
    critical_leverage : float
        Leverage above which contagion is possible among infinitely many banks, nan if it never is.
    fixed : dict of str to float
        The parameters that are the same everywhere.
    runs, seed : int
        Number of networks of each size, and the root seed.
    extent_threshold : float
        Share of banks above which failures count as contagion.
    confidence : float
        Coverage of the intervals.
    """

    title: str
    table: pd.DataFrame
    critical_leverage: float
    fixed: dict[str, float]
    runs: int
    seed: int
    extent_threshold: float
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return the table, a copy."""
        return self.table.copy()

    def card(self) -> list[tuple[str, str]]:
        """What was found, as label and text."""
        rows = [
            ("networks", ", ".join(f"{name} {value:g}" for name, value in self.fixed.items())
             + f"; {self.runs:,} of each size, seed {self.seed}"),
            ("edge", f"critical leverage {self.critical_leverage:.4g} for infinitely many banks"),
        ]  # fmt: skip
        for leverage, part in self.table.groupby("leverage"):
            ends = part.iloc[[0, -1]] if len(part) > 1 else part
            words = "; ".join(
                f"{one.probability:.1%} ({one.low:.1%} to {one.high:.1%}) with {one.n_banks:,} banks"
                for one in ends.itertuples()
            )
            rows.append((f"leverage {leverage:.4g}", f"{words}; theory {part['theory'].iloc[0]:.0%}"))
        return rows

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"Contagion by size: {self.title}",
                *(f"  {label:<16}{text}" for label, text in self.card()),
            ]
        )

    def _repr_html_(self) -> str:
        """The card for notebooks."""
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self.card()
        )
        return f"<table><caption>Contagion by size: {html.escape(self.title)}</caption>{body}</table>"


def contagion_by_size(
    n_banks: Any,
    leverage: Any,
    bank_degree: Any,
    banks_per_asset: Any = 1.0,
    *,
    graph: str = "regular",
    price_elasticity: float = 1.0536,
    runs: int = 200,
    seed: int = 0,
    extent_threshold: float = 0.05,
    confidence: float = 0.95,
) -> SizeEffect:
    """Contagion through overlapping portfolios over the number of banks, beside theory for infinitely many.

    Parameters
    ----------
    n_banks : sequence of int
        Numbers of banks; each over `banks_per_asset` must be whole.
    leverage : float or sequence of float
        Assets over equity, > 0; below the critical leverage contagion is false: it fades as the system grows.
    bank_degree, banks_per_asset : float
        Assets that a bank holds, and banks over assets, as in `overlap_stability_map`.
    graph : {"regular", "poisson"}
        All banks and all assets have equal degrees, or every bank holds every asset with the same probability.
    price_elasticity, runs, seed, extent_threshold, confidence
        As in `overlap_stability_map`; `runs` networks of each size.

    Returns
    -------
    SizeEffect
        Draw it with `contagion.plot.contagion_by_size`.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or a number of links or assets is not whole.

    Examples
    --------
    >>> found = contagion_by_size([50, 2000], 24.0, 5, runs=40, seed=1).to_frame()
    >>> found["theory"].tolist(), found["expected_pairs"].round(1).tolist(), found["probability"].tolist()
    ([0.0, 0.0], [66.4, 64.1], [1.0, 0.1])

    References
    ----------
    Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46.
    """
    check_graph(graph)
    levels = axis(leverage, "leverage", above=0.0)
    degree = real(bank_degree, "bank_degree", low=0.0)
    ratio = real(banks_per_asset, "banks_per_asset", above=0.0)
    elasticity = real(price_elasticity, "price_elasticity", low=0.0)
    sizes = [whole(size, "n_banks", least=1) for size in axis(n_banks, "n_banks", low=1.0).tolist()]
    studies = [Study.of(size, runs, seed, extent_threshold, confidence) for size in sizes]
    networks = [OverlapNetworks(graph, size, degree, ratio) for size in sizes]
    studies[0].affordable(len(sizes) * len(levels))
    critical = critical_leverage(networks[0], elasticity)
    rows = []
    for one in networks:
        found = one.extents(levels, elasticity, studies[0].runs, studies[0].seed)
        verdicts = overlap_verdicts(one, levels, elasticity)
        pairs = _pairs(one, studies[0])
        rows += [
            {
                "leverage": level,
                "n_banks": one.n_banks,
                **cell(found[:, place], studies[0].extent_threshold, studies[0].confidence),
                **asdict(verdicts[place]),
                "of_critical": level / critical,
                **_pair_columns(one, pairs, found[:, place] > studies[0].extent_threshold),
                "seed": one.seed(studies[0].seed),
            }
            for place, level in enumerate(levels.tolist())
        ]
    table = pd.DataFrame(rows).sort_values(["leverage", "n_banks"], ignore_index=True)
    return SizeEffect(
        title=f"overlapping portfolios ({graph})",
        table=table,
        critical_leverage=critical,
        fixed={"bank_degree": degree, "banks_per_asset": ratio, "price_elasticity": elasticity},
        runs=studies[0].runs,
        seed=studies[0].seed,
        extent_threshold=studies[0].extent_threshold,
        confidence=studies[0].confidence,
    )


def _pairs(networks: OverlapNetworks, study: Study) -> FloatArray:
    """Number of pairs of each network, and 1 where the first failure is in one, (2, runs)."""
    counted = [
        pairs_of(held, networks.n_assets, first) for held, first in networks.runs(study.runs, study.seed)
    ]
    return np.array(counted, dtype=np.float64).T


def _pair_columns(networks: OverlapNetworks, pairs: FloatArray, wide: Any) -> dict[str, float]:
    inside = pairs[1] > 0.0
    return {
        "pairs": float(pairs[0].mean()),
        "expected_pairs": expected_pairs(networks),
        "in_pair": float(inside.mean()),
        "expected_in_pair": chance_in_pair(networks),
        "probability_in_pair": float(wide[inside].mean()) if inside.any() else NAN,
        "probability_alone": float(wide[~inside].mean()) if not inside.all() else NAN,
    }
