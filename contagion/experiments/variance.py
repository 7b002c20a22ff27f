"""How much of the spread of a result comes from the shock, from the network, from the parameters?

Every run has three numbers: of the draw of the shock (with the model's own chances), of the network and of the
uncertain inputs. Two sets of draws A and B, and for every source the set A with that source taken from B, give the
shares of the variance (pick and freeze): with f the metric, the total share of a source is
E[(f(A) - f(A, source of B))^2] / 2V, all that goes when it is known last; the first share is
1 - E[(f(B) - f(A, source of B))^2] / 2V, all that goes when it is known alone. Their difference is interaction.

References
----------
Jansen (1999), Analysis of variance designs for model output; Saltelli et al. (2010), Variance based sensitivity
analysis of model output, table 2; Sobol (2001) for groups of inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.comparison import risky_assets
from contagion.errors import ScenarioError, SchemaError, ValueRangeError, nearest
from contagion.experiments import samplers
from contagion.experiments.arguments import check_workers, policy_sets, scenarios
from contagion.experiments.inputs import NetworkDraws
from contagion.experiments.runner import StopFlag, run_chunk
from contagion.network.network import Network
from contagion.propagation.run import check_model
from contagion.streams import check_seed, stream

if TYPE_CHECKING:
    from contagion.policies import Policy
    from contagion.propagation.run import Model

__all__ = ["variance_split"]

Floats = npt.NDArray[np.float64]

SOURCES: Final = ("shock", "network", "parameters")
DRAWS: Final = 999
LEAST: Final = 16


def variance_split(
    networks: Network | NetworkDraws,
    family: Any,
    model: Model | None = None,
    policies: Policy | Sequence[Policy] = (),
    *,
    metric: str = "system_loss",
    against: bool = False,
    n: int = 128,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Split the variance of a metric into shock, network and parameters.

    Parameters
    ----------
    networks : Network or NetworkDraws
        One network (nothing but the shock varies then), or what `contagion.draw_networks` returned.
    family : family of shocks
        Where the shocks come from.
    model : Model, optional
        How distress travels; ``ct.Cascade()`` if not given.
    policies : policy or list of policies, optional
        Under which rules.
    metric : str, default "system_loss"
        Whose variance.
    against : bool, default False
        Split the variance of the change that the policies make, in place of the metric's.
    n : int, default 128
        Base draws, at least 16; (2 + number of sources) n runs.
    seed : int, default 0
        Root seed.
    n_jobs : int, default 1
        Threads.

    Returns
    -------
    pandas.DataFrame
        Index source (shock, network, parameters, as far as they vary); first, total (shares of the variance), first_se,
        total_se (bootstrap standard errors), variance (of the metric, money squared or its unit squared), n. Estimates
        may leave [0, 1] by a few standard errors.

    Raises
    ------
    InputError
        For anything wrong with the arguments, before anything is computed.
    ScenarioError
        If a run failed: a variance without it would mislead.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> nets = ct.draw_networks(net, {"markets.impact_half_life": (60.0, 1800.0)}, n=2)
    >>> found = variance_split(nets, ct.PriceShocks.normal(0.1), ct.Cascade(step=900.0), n=16)
    >>> list(found.index)
    ['shock', 'parameters']
    """
    seed, model = check_seed(seed), check_model(model)
    check_workers(n_jobs)
    count = samplers.count("n", n, low=LEAST)
    if not isinstance(networks, Network | NetworkDraws):
        allowed = "a ct.Network, or what ct.draw_networks returned"
        raise SchemaError("is neither", where="networks", value=networks, allowed=allowed)
    drawn, _ = scenarios(family, 1)
    sets = policy_sets({"given": policies})
    names = [SOURCES[0], *_varying(networks)]
    design = _Design(networks, drawn, model, sets["given"], metric, against, count, seed)
    design.check()
    rows = joblib.Parallel(n_jobs=n_jobs, prefer="threads")(
        joblib.delayed(design.row)(place, names) for place in range(count)
    )
    return _shares(np.array(rows), names, seed)


def _varying(networks: Network | NetworkDraws) -> list[str]:
    if isinstance(networks, Network):
        return []
    found = [] if isinstance(networks._source.source, Network) else ["network"]
    return [*found, "parameters"] if len(networks.parameters.columns) else found


class _Design:
    """Runs of the pick-and-freeze design, a base draw at a time."""

    def __init__(
        self,
        networks: Network | NetworkDraws,
        family: Any,
        model: Model,
        policies: list[Policy],
        metric: str,
        against: bool,
        n: int,
        seed: int,
    ) -> None:
        self.networks, self.family, self.model, self.policies = networks, family, model, policies
        self.metric, self.against, self.n, self.seed = metric, against, n, seed

    def check(self) -> None:
        """Refuse an unknown metric, or a family that does not fit, before anything is run."""
        net = self._network(0, 0)
        known = list(self.model.prepare(net, self.policies).metric_names)
        if self.metric not in known:
            what = f"is unknown{nearest(self.metric, known)}"
            raise ValueRangeError(what, where="metric", value=self.metric, allowed=", ".join(known))
        shock = self.family.scenario(risky_assets(net), 0, self.seed)
        shock.check(net.assets.index, net.markets.index, net.nodes.index, net.unit, net.venues.index)

    def row(self, place: int, names: Sequence[str]) -> list[float]:
        """Return f(A), f(B), then f(A with one source of B) for every source."""
        mine = dict.fromkeys(SOURCES, place)
        other = dict.fromkeys(SOURCES, self.n + place)
        points = [mine, other, *({**mine, name: other[name]} for name in names)]
        return [self._value(point) for point in points]

    def _network(self, network: int, parameters: int) -> Network:
        if isinstance(self.networks, Network):
            return self.networks
        return self.networks.at(network, parameters)

    def _value(self, point: Mapping[str, int]) -> float:
        net = self._network(point["network"], point["parameters"])
        shock = self.family.scenario(risky_assets(net), point["shock"], self.seed)
        value = self._run(net, shock, point["shock"], self.policies)
        return value - self._run(net, shock, point["shock"], []) if self.against else value

    def _run(self, net: Network, shock: Any, scenario: int, policies: Sequence[Policy]) -> float:
        prepared = self.model.prepare(net, policies)
        rows = run_chunk(prepared, [shock], [scenario], self.seed, StopFlag())
        if rows.messages[0]:
            raise ScenarioError(f"draw {scenario} failed under {shock.describe()}: {rows.messages[0]}")
        return float(rows.metrics[0, prepared.metric_names.index(self.metric)])


def _shares(values: Floats, names: Sequence[str], seed: int) -> pd.DataFrame:
    """Return shares and their bootstrap errors from f(A), f(B) and f(A, source of B), shape (n, 2 + n_sources)."""
    if not np.isfinite(values).all():
        raise ScenarioError(
            "the metric has no value in some draw", remedy="take a metric that always has one"
        )
    shares, variance = _jansen(values)
    if variance == 0.0:
        raise ScenarioError("the metric is the same in every draw: there is no variance to split")
    source = stream(seed, "variance split")
    again = np.array([_jansen(values[source.integers(0, len(values), len(values))])[0] for _ in range(DRAWS)])
    errors = np.nanstd(again, axis=0, ddof=1)
    table = pd.DataFrame(
        {
            "first": shares[0],
            "first_se": errors[0],
            "total": shares[1],
            "total_se": errors[1],
            "variance": variance,
            "n": len(values),
        },
        index=pd.Index(list(names), name="source"),
    )
    table.attrs = {"seed": int(seed), "draws": DRAWS}
    return table


def _jansen(values: Floats) -> tuple[Floats, float]:
    """First and total shares, shape (2, n_sources), and the variance."""
    variance = float(np.var(values[:, :2], ddof=1))
    if variance == 0.0:
        return np.full((2, values.shape[1] - 2), np.nan), 0.0
    a, b, mixed = values[:, [0]], values[:, [1]], values[:, 2:]
    first = 1.0 - ((b - mixed) ** 2).mean(axis=0) / (2.0 * variance)
    total = ((a - mixed) ** 2).mean(axis=0) / (2.0 * variance)
    return np.stack([first, total]), variance
