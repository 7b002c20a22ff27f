"""What does theory say in each cell of a stability map, and where does it change?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pandas as pd

from contagion.arrays import FloatArray
from contagion.experiments.stability_networks import OverlapNetworks
from contagion.experiments.stability_results import borders
from contagion.propagation.firesales.stability import caccioli_regular, gai_kapadia_window
from contagion.propagation.firesales.stability_branching import PoissonOverlap
from contagion.propagation.firesales.stability_claims import gai_kapadia_theory

__all__ = [
    "Verdict",
    "claims_edges",
    "claims_verdicts",
    "critical_leverage",
    "overlap_edges",
    "overlap_verdicts",
]

NAN: Final = float("nan")
SAME: Final = 1e-6


@dataclass(frozen=True)
class Verdict:
    """What theory says of infinitely many banks; nan where it does not say."""

    theory: float
    theory_extent: float
    regime: str


def overlap_verdicts(networks: OverlapNetworks, leverages: FloatArray, elasticity: float) -> list[Verdict]:
    """Theory of overlapping portfolios at each leverage."""
    if networks.graph == "regular":
        return [_regular(networks, leverage, elasticity) for leverage in leverages.tolist()]
    place = networks.bank_degree, networks.banks_per_asset, elasticity
    found = [_probability(*place, leverage) for leverage in leverages.tolist()]
    return [Verdict(chance, NAN, "unstable" if chance > 0.0 else "stable") for chance in found]


@lru_cache(maxsize=32)
def _poisson(degree: float, ratio: float, elasticity: float) -> PoissonOverlap:
    return PoissonOverlap.of(degree, ratio, price_elasticity=elasticity)


@lru_cache(maxsize=4096)
def _probability(degree: float, ratio: float, elasticity: float, leverage: float) -> float:
    """Chance of contagion in random overlaps; the same for any number of banks, and so kept."""
    return _poisson(degree, ratio, elasticity).contagion_probability(leverage)


@lru_cache(maxsize=512)
def _critical(degree: float, ratio: float, elasticity: float) -> float | None:
    """Critical leverage of random overlaps, kept as well."""
    return _poisson(degree, ratio, elasticity).critical_leverage()


def _regular(networks: OverlapNetworks, leverage: float, elasticity: float) -> Verdict:
    """All spread or none does: in a regular network all banks are alike."""
    regime = caccioli_regular(
        networks.bank_degree, networks.banks_per_asset, price_elasticity=elasticity, leverage=leverage
    ).regime
    chance, extent = {"stable": (0.0, NAN), "unstable": (1.0, 1.0)}.get(str(regime), (NAN, NAN))
    return Verdict(chance, extent, str(regime))


def critical_leverage(networks: OverlapNetworks, elasticity: float) -> float:
    """Leverage above which contagion is possible among infinitely many banks, nan if it never is."""
    if networks.graph == "poisson":
        found = _critical(networks.bank_degree, networks.banks_per_asset, elasticity)
    else:
        own = caccioli_regular(networks.bank_degree, networks.banks_per_asset, price_elasticity=elasticity)
        found = own.critical_leverage if own.offspring_later >= 1 else None
    return NAN if found is None else found


def overlap_edges(
    x: str, columns: list[OverlapNetworks], leverages: FloatArray, elasticity: float
) -> pd.DataFrame:
    """Critical leverage of each column and, for random graphs, the least diversification or crowding."""
    rows: list[tuple[str, float, float]] = [
        ("critical leverage", float(getattr(one, x)), critical_leverage(one, elasticity)) for one in columns
    ]
    if columns[0].graph == "poisson" and elasticity > 0.0:
        degree, ratio = columns[0].bank_degree, columns[0].banks_per_asset
        least = 1.0 / math.sqrt(ratio) if x == "bank_degree" else _inverse(degree**2)
        ends = borders(leverages)
        rows += [(f"least {WORDS[x]}", least, float(end)) for end in (ends[0], ends[-1])]
    return pd.DataFrame(rows, columns=["edge", x, "leverage"])


WORDS: Final = {"bank_degree": "diversification", "banks_per_asset": "crowding"}


def _inverse(value: float) -> float:
    return 1.0 / value if value > 0.0 else NAN


def claims_verdicts(mean_degree: float, capitals: FloatArray, claims: float) -> list[Verdict]:
    """Theory of random claims at each capital."""
    found = [gai_kapadia_theory(mean_degree, capital, claims) for capital in capitals.tolist()]
    return [Verdict(one.contagion_probability, one.extent, one.regime) for one in found]


def claims_edges(mean_degrees: FloatArray, capitals: FloatArray, claims: float) -> pd.DataFrame:
    """Border of the window of contagion: up its lower edge, along its top, down its upper edge.

    The largest number of debtors of which one can bring a bank down is whole: the edges are steps.
    """
    low, high = float(borders(capitals)[0]), float(borders(capitals)[-1])
    furthest = float(borders(mean_degrees)[-1])
    lower: list[tuple[str, float, float]] = []
    upper: list[tuple[str, float, float]] = []
    most = max(3, int(claims / high))  # the first whose step is not all above the map
    while claims / most > low:
        window = gai_kapadia_window(0.5 * (claims / most + claims / (most + 1)), claims)
        top, bottom = min(claims / most, high), max(claims / (most + 1), low)
        if bottom < top:
            for capital in (top, bottom):
                lower.append(("lower edge", _edge(window.window_lower), capital))
                upper.append(("upper edge", _edge(window.window_upper), capital))
        if _edge(window.window_upper) > furthest and _edge(window.window_lower) < 1.0 + SAME:
            lower.append((*lower[-1][:2], low))
            break
        most += 1
    across: list[tuple[str, float, float]] = []
    if lower and lower[0][2] < high:
        across = [("top", lower[0][1], lower[0][2]), ("top", upper[0][1], upper[0][2])]
    return pd.DataFrame([*lower[::-1], *across, *upper], columns=["edge", "mean_degree", "capital"])


def _edge(value: Any) -> float:
    return NAN if value is None else float(value)
