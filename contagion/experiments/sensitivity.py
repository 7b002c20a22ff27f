"""Which numbers matter? Screening after Morris, shares of variance after Sobol, over named parameters of a study.

All points use the same scenarios (common random numbers): what is left is the parameters' doing. A value is the mean of
a metric under a policy set, or of its change from another set.

References
----------
Morris (1991), Factorial sampling plans for preliminary computational experiments; Campolongo, Cariboni, Saltelli
(2007) for mu*. Sobol (2001), Global sensitivity indices for nonlinear mathematical models; Saltelli et al. (2010),
Variance based sensitivity analysis of model output (estimators, as in `scipy.stats.sobol_indices`); Cranley, Patterson
(1976) for the random shift of the Sobol sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import qmc

from contagion.errors import ValueRangeError
from contagion.experiments import checked, pick_freeze
from contagion.experiments.points import Points
from contagion.streams import stream

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["morris", "sobol"]

Floats = npt.NDArray[np.float64]

LEVELS: Final = 4
DRAWS: Final = 499


def morris(
    cmp: Comparison,
    ranges: Sequence[tuple[str, float, float]],
    *,
    metric: str = "system_loss",
    policy: str = "none",
    against: str = "",
    trajectories: int = 10,
    n: int | None = None,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Screen parameters by elementary effects: which of them move the result at all, and which interact?

    Parameters
    ----------
    cmp : Comparison
        The study: its networks, family of shocks, model, policy sets and seed are used again.
    ranges : sequence of (str, float, float)
        Parameters and their ranges, named as for `contagion.phase_diagram`.
    metric : str, default "system_loss"
        Whose mean.
    policy : str, default "none"
        Under which set.
    against : str, optional
        Set whose value is taken away, so that the effect of the policies is screened.
    trajectories : int, default 10
        Walks through the four levels of every parameter; (number of parameters + 1) points each.
    n : int, optional
        Scenarios of each point, at most 16 if not given.
    n_jobs : int, default 1
        Threads.

    Returns
    -------
    pandas.DataFrame
        Index parameter, in the order given; mu (mean elementary effect over the whole range, in the metric's unit),
        mu_star (mean size), sigma (standard deviation: curvature or interaction), mu_star_se (standard error),
        trajectories.

    Raises
    ------
    SchemaError, ValueRangeError
        If a parameter, the metric or a set is unknown, or a number is out of range.
    ScenarioError
        If every scenario of a point failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=900.0), {"halt": [ct.Halt(drop=0.1)]})
    >>> found = morris(cmp, [("shock.size", 0.5, 1.5)], trajectories=2)
    >>> list(found.columns)
    ['mu', 'mu_star', 'sigma', 'mu_star_se', 'trajectories']
    """
    points = _points(cmp, ranges, policy, metric, against, n, n_jobs)
    count = checked.count("trajectories", trajectories, low=2)
    walks = _walks(len(points.axes), count, cmp.seed)
    values = points.means(_placed(points, walks.reshape(-1, len(points.axes)))).reshape(count, -1)
    effects = np.full((count, len(points.axes)), np.nan)
    for walk, path, found in zip(range(count), walks, values, strict=True):
        steps = np.diff(path, axis=0)
        moved = np.abs(steps).argmax(axis=1)
        effects[walk, moved] = np.diff(found) / steps[np.arange(len(moved)), moved]
    sizes = np.abs(effects)
    table = pd.DataFrame(
        {
            "mu": effects.mean(axis=0),
            "mu_star": sizes.mean(axis=0),
            "sigma": effects.std(axis=0, ddof=1),
            "mu_star_se": sizes.std(axis=0, ddof=1) / np.sqrt(count),
            "trajectories": count,
        },
        index=pd.Index([axis.name for axis in points.axes], name="parameter"),
    )
    table.attrs = {"metric": metric, "policy": policy, "against": against, "n": points.n, "seed": cmp.seed}
    return table


def sobol(
    cmp: Comparison,
    ranges: Sequence[tuple[str, float, float]],
    *,
    metric: str = "system_loss",
    policy: str = "none",
    against: str = "",
    points: int = 64,
    n: int | None = None,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Split the variance of a result over independent parameters, each uniform on its range.

    Parameters
    ----------
    cmp, ranges, metric, policy, against, n, n_jobs
        As in `morris`.
    points : int, default 64
        Base points, a power of 2; (number of parameters + 2) times as many points are run.

    Returns
    -------
    pandas.DataFrame
        Index parameter, in the order given; first (share of the variance that goes when the parameter alone is known),
        total (share that stays while it alone is unknown), first_se, total_se (bootstrap standard errors), points.
        Estimates may leave [0, 1] by a few standard errors.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `morris`, or if `points` is no power of 2 of at least 8.
    ScenarioError
        If every scenario of a point failed, or the result is the same at all points.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=900.0), {"halt": [ct.Halt(drop=0.1)]})
    >>> found = sobol(cmp, [("shock.size", 0.5, 1.5)], points=8)
    >>> list(found.columns)
    ['first', 'first_se', 'total', 'total_se', 'points']
    """
    plan = _points(cmp, ranges, policy, metric, against, n, n_jobs)
    count = checked.count("points", points, low=8)
    if count & (count - 1):
        raise ValueRangeError("is no power of 2", where="points", value=count, allowed="8, 16, 32, ...")
    k = len(plan.axes)
    a, b = np.split(_shifted(2 * k, count, cmp.seed), 2, axis=1)
    mixed = []
    for place in range(k):
        one = a.copy()
        one[:, place] = b[:, place]
        mixed.append(one)
    values = plan.means(_placed(plan, np.concatenate([a, b, *mixed]))).reshape(k + 2, count).T
    names, draws = [axis.name for axis in plan.axes], stream(cmp.seed, "sobol")
    table = pick_freeze.shares_table(
        values, names, pick_freeze.saltelli, draws, DRAWS, index="parameter", metric=metric
    ).assign(points=count)
    table.attrs = {"metric": metric, "policy": policy, "against": against, "n": plan.n, "seed": cmp.seed}
    return table


def _points(
    cmp: Comparison, ranges: Any, policy: str, metric: str, against: str, n: int | None, n_jobs: int
) -> Points:
    if isinstance(ranges, str) or not isinstance(ranges, Sequence) or not len(ranges):
        raise ValueRangeError(
            "holds no parameter", where="ranges", value=ranges, allowed='such as [("shock.size", 0.5, 1.5)]'
        )
    places = [(f"ranges[{place}]", one) for place, one in enumerate(ranges)]
    return Points.make(cmp, places, policy=policy, metric=metric, n=n, n_jobs=n_jobs, against=against)


def _placed(points: Points, shares: Floats) -> Floats:
    """Shares of the way from low to high as values of the parameters."""
    columns = [
        [axis.at(share) for share in own] if axis.whole else axis.low + (axis.high - axis.low) * own
        for axis, own in zip(points.axes, shares.T, strict=True)
    ]
    return np.column_stack(columns).astype(np.float64)


def _walks(k: int, count: int, seed: int) -> Floats:
    """Random walks over four levels: every parameter moves once, by 2/3 of its range; shape (count, k + 1, k)."""
    step = LEVELS / (2.0 * (LEVELS - 1))
    walks = np.empty((count, k + 1, k))
    for walk in range(count):
        source = stream(seed, "morris", walk)
        start = source.integers(0, LEVELS // 2, k) / (LEVELS - 1)
        up = source.random(k) < 0.5
        path = np.where(up, start, start + step)
        walks[walk, 0] = path
        for place, moved in enumerate(source.permutation(k), start=1):
            path = path.copy()
            path[moved] = start[moved] + (step if up[moved] else 0.0)
            walks[walk, place] = path
    return walks


def _shifted(k: int, count: int, seed: int) -> Floats:
    """A Sobol sequence in k dimensions, shifted at random modulo 1."""
    shift = stream(seed, "sobol shift").random(k)
    return np.asarray((qmc.Sobol(k, scramble=False).random(count) + shift) % 1.0, dtype=np.float64)
