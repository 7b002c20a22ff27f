"""Which of the shocks that break the system is the most likely one?

Under a normal or a Student t family the density of log returns falls with the Mahalanobis distance from no move, so the
most likely breaking shock is the breaking one nearest to it: the design point of reliability theory (Hasofer, Lind
1974) and the reverse stress test of Breuer et al. (2012), Systematic stress tests with entropic plausibility
constraints. Outcomes jump and are not monotone, so no gradient is used: the search starts at the nearest draws that
break and from the most likely direction of all, bisects along each ray, and then tries neighbours nearer than the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest, chi2, f

from contagion.errors import NetworkError, SchemaError
from contagion.experiments import checked
from contagion.experiments.arguments import check_workers, policy_sets
from contagion.experiments.conditions import Condition, evaluate
from contagion.experiments.families import EllipticalShocks
from contagion.families import moved
from contagion.network.network import Network
from contagion.propagation.run import check_model
from contagion.shocks import PriceShock, Shock, Shocks
from contagion.streams import check_seed, stream

if TYPE_CHECKING:
    from contagion.policies import Policy
    from contagion.propagation.run import Model, Prepared

__all__ = ["BreakingShock", "most_likely_break"]

Floats = npt.NDArray[np.float64]

STARTS: Final = 6
RAY: Final = 12
HALVINGS: Final = 12
NEIGHBOURS: Final = 16
NEARER: Final = 0.125  # neighbours w away (as an angle) are tried nearer than the best by this times w²


@dataclass(frozen=True, eq=False, repr=False)
class BreakingShock:
    """The most likely shock found that breaks the system, made by `most_likely_break`.

    Parameters
    ----------
    condition, family : str
        What was looked for, and the scenario model.
    moves : pandas.DataFrame
        Index asset; move (signed fraction), log_return, deviations (log return in scales of the asset). Empty if
        nothing broke.
    distance : float
        Mahalanobis distance from no move; NaN if nothing broke.
    beyond : float
        Probability that a draw of the family is at least as far away: an upper bound of the probability of breaking, if
        the shock is indeed the nearest one.
    share, share_low, share_high : float
        Share of the family's own scenarios that break, with its exact 95 % interval (Clopper, Pearson 1934).
    n : int
        Scenarios of the family that were run.
    runs : int
        Runs of the search in all.
    shock : Shock or None
        The shock, to run it again.
    """

    condition: str
    family: str
    moves: pd.DataFrame
    distance: float
    beyond: float
    share: float
    share_low: float
    share_high: float
    n: int
    runs: int
    shock: Shock | None

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        interval = f"95 % interval {self.share_low:.1%} to {self.share_high:.1%}"
        drawn = f"{self.share:.1%} of {self.n:,} scenarios break ({interval})"
        if self.shock is None:
            return f"{self.condition}: no shock that was tried breaks; {drawn}."
        worst = self.moves.reindex(self.moves["deviations"].abs().sort_values(ascending=False).index)[:3]
        parts = ", ".join(f"{name} {100.0 * move:+.1f} %" for name, move in worst["move"].items())
        return (
            f"{self.condition}: the most likely breaking shock found moves {parts} (largest in their own scales), "
            f"{self.distance:.2f} from no move; a draw is at least as far with probability {self.beyond:.2g}; {drawn}."
        )

    def __repr__(self) -> str:
        return f"Most likely breaking shock, {self.runs:,} runs\n  {self.sentence}"


def most_likely_break(
    net: Network,
    family: Any,
    model: Model | None = None,
    until: tuple[str, str, float] = ("venue_defaults", ">=", 1),
    policies: Policy | Sequence[Policy] = (),
    *,
    n: int = 200,
    rounds: int = 10,
    farthest: float = 8.0,
    seed: int = 0,
    n_jobs: int = 1,
) -> BreakingShock:
    """Find the most likely shock that breaks the system, under a family of scenarios.

    Parameters
    ----------
    net : Network
        The network.
    family : PriceShocks
        Made by ``PriceShocks.normal`` or ``student_t``: the density must fall with the distance.
    model : Model, optional
        How distress travels; ``ct.Cascade()`` if not given.
    until : (str, str, float)
        What breaking means: metric, one of >=, >, <=, <, limit.
    policies : policy or list of policies, optional
        Under which rules.
    n : int, default 200
        Scenarios of the family run first, for the share that breaks and for starting points.
    rounds : int, default 10
        Rounds of improvement, 16 neighbours each.
    farthest : float, default 8
        Mahalanobis distance at which rays end.
    seed : int, default 0
        Root seed.
    n_jobs : int, default 1
        Workers, as in `contagion.compare`.

    Returns
    -------
    BreakingShock
        The nearest breaking shock found. That no nearer one exists is not proved.

    Raises
    ------
    InputError
        For anything wrong with the arguments, before anything is computed.
    ScenarioError
        If a run failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> until = ("liquidated_accounts", ">=", 10)
    >>> model = ct.Cascade(step=900.0)
    >>> found = most_likely_break(net, ct.PriceShocks.normal(0.1), model, until, n=8, rounds=1)
    >>> found.distance > 0.0
    True
    """
    if not isinstance(net, Network):
        raise NetworkError(f"net is {net!r:.80}, of type {type(net).__name__}; give a ct.Network")
    if not isinstance(family, EllipticalShocks):
        allowed = "a family with a density, made by ct.PriceShocks.normal or ct.PriceShocks.student_t"
        raise SchemaError("has no density to search by", where="family", value=family, allowed=allowed)
    seed, model = check_seed(seed), check_model(model)
    check_workers(n_jobs)
    count, times = checked.count("n", n), checked.count("rounds", rounds, low=0)
    ends = checked.number("farthest", farthest, low=0.0)
    prepared = model.prepare(net, policy_sets({"given": policies})["given"])
    condition = Condition.make(until, prepared.metric_names)
    assets = moved(family, net)
    family.scenario(assets, 0, seed).check(
        net.assets.index, net.markets.index, net.nodes.index, net.unit, net.venues.index
    )
    search = _Search(
        prepared, family, condition, assets, _root(family.sampler.covariance(assets)), seed, n_jobs, [0]
    )
    own = family.draw(assets, count, seed).to_numpy() - _added(family, assets)
    broken = search.breaks(own)
    point = search.improved(search.start(search.whitened(own[broken]), ends), times)
    interval = binomtest(int(broken.sum()), count).proportion_ci(0.95, method="exact")
    return _found(search, point, condition, (float(broken.mean()), interval.low, interval.high), count)


@dataclass(frozen=True)
class _Search:
    """Whether points of the whitened space break; the same draws of the model at all of them."""

    prepared: Prepared
    family: EllipticalShocks
    condition: Condition
    assets: list[str]
    root: Floats
    seed: int
    n_jobs: int
    runs: list[int]

    def whitened(self, returns: Floats) -> Floats:
        """Log returns in the coordinates in which distance is Mahalanobis distance, shape (n, rank)."""
        return np.asarray(returns @ np.linalg.pinv(self.root).T, dtype=np.float64)

    def shock(self, returns: Floats) -> Shock:
        """The shock with these log returns, and what the family adds."""
        cut = np.clip(returns, -20.0, 20.0)
        moves = dict(zip(self.assets, np.expm1(cut).tolist(), strict=True))
        price = PriceShock(moves, over=self.family.over)
        return Shocks((price, *self.family.added)) if self.family.added else price

    def breaks(self, returns: Floats) -> npt.NDArray[np.bool_]:
        """Whether each row of log returns breaks the system."""
        if not len(returns):
            return np.zeros(0, dtype=np.bool_)
        shocks = [[self.shock(row)] for row in returns]
        self.runs[0] += len(shocks)
        values = evaluate(self.prepared, shocks, self.condition.metric, seed=self.seed, n_jobs=self.n_jobs)
        return self.condition.holds(values[:, 0])

    def start(self, broken: Floats, ends: float) -> Floats | None:
        """The nearest breaking point on the rays through the nearest draws that broke and of falls and rises of all."""
        near = broken[np.argsort(np.linalg.norm(broken, axis=1), kind="stable")][:STARTS]
        common = self.root.T @ np.ones(len(self.assets))  # the likeliest way to any given sum of log returns
        rays = [one / np.linalg.norm(one) for one in (*near, -common, common) if np.linalg.norm(one) > 0.0]
        steps = ends * np.arange(1, RAY + 1) / RAY
        points = np.array([step * ray for ray in rays for step in steps])
        found = self.breaks(points @ self.root.T).reshape(len(rays), RAY)
        best: Floats | None = near[0] if len(near) else None
        for ray, row in zip(rays, found, strict=True):
            if row.any():
                last = steps[int(np.argmax(row))]
                best = self._nearer(best, self._along(ray, last - ends / RAY, last))
        return best

    def improved(self, best: Floats | None, rounds: int) -> Floats | None:
        """Try neighbours of the best that are nearer; go along the ray of the one that breaks."""
        if best is None:
            return None
        source = stream(self.seed, "most likely break")
        width = 0.5
        for _ in range(rounds):
            distance = float(np.linalg.norm(best))
            turned = best / distance + width * source.standard_normal((NEIGHBOURS, len(best))) / math.sqrt(
                len(best)
            )
            reach = (1.0 - NEARER * width**2) * distance
            turned *= reach / np.linalg.norm(turned, axis=1, keepdims=True)
            found = turned[self.breaks(turned @ self.root.T)]
            if len(found):
                ray = found[0] / np.linalg.norm(found[0])
                best = self._nearer(best, self._along(ray, 0.0, reach))
            else:
                width /= 2.0
        return best

    def _along(self, ray: Floats, low: float, high: float) -> Floats:
        """Bisect along a ray whose point at `high` breaks."""
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            broken = bool(self.breaks((middle * ray)[np.newaxis, :] @ self.root.T)[0])
            low, high = (low, middle) if broken else (middle, high)
        return high * ray

    def _nearer(self, one: Floats | None, other: Floats) -> Floats:
        return other if one is None or np.linalg.norm(other) < np.linalg.norm(one) else one


def _root(covariance: Floats) -> Floats:
    """Return A with A Aᵀ = covariance, shape (n_assets, rank); directions without spread are left out."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values.max() * 1e-12
    if not kept.any():
        raise SchemaError("has no spread in any asset", where="family", remedy="give scales above 0")
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]), dtype=np.float64)


def _added(family: EllipticalShocks, assets: list[str]) -> Floats:
    total = np.zeros(len(assets))
    for shock in family.added:
        total = total + shock.log_returns(assets)
    return total


def _found(
    search: _Search, point: Floats | None, condition: Condition, share: tuple[float, float, float], n: int
) -> BreakingShock:
    returns = np.zeros(0) if point is None else search.root @ point
    spread = np.sqrt((search.root**2).sum(axis=1))[: len(returns)]
    names = search.assets if point is not None else []
    moves = pd.DataFrame(
        {
            "move": np.expm1(returns),
            "log_return": returns,
            "deviations": np.divide(returns, spread, out=np.zeros_like(returns), where=spread > 0.0),
        },
        index=pd.Index(names, name="asset", dtype=object),
    )
    distance = math.nan if point is None else float(np.linalg.norm(point))
    return BreakingShock(
        condition=condition.describe(),
        family=search.family.describe(),
        moves=moves,
        distance=distance,
        beyond=_beyond(distance, search.root.shape[1], search.family.sampler.df),
        share=share[0],
        share_low=share[1],
        share_high=share[2],
        n=n,
        runs=search.runs[0],
        shock=None if point is None else search.shock(returns),
    )


def _beyond(distance: float, rank: int, df: float | None) -> float:
    """Probability of a larger Mahalanobis distance: chi squared, or F for a Student t."""
    if math.isnan(distance):
        return math.nan
    square = distance**2
    return float(chi2.sf(square, rank) if df is None else f.sf(square / rank, rank, df))
