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

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
import pandas as pd

from contagion.errors import ScenarioError, SchemaError, ValueRangeError, nearest
from contagion.experiments import checked, pick_freeze
from contagion.experiments.arguments import check_workers, policy_sets, scenarios
from contagion.experiments.inputs import NetworkDraws
from contagion.experiments.runner import StopFlag, run_chunk
from contagion.families import moved
from contagion.network.network import Network
from contagion.propagation.run import check_model
from contagion.streams import check_seed, stream

if TYPE_CHECKING:
    from contagion.policies import Policy
    from contagion.propagation.run import Model, Prepared

__all__ = ["variance_split"]

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
    count = checked.count("n", n, low=LEAST)
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
    values = np.array(rows)
    draws = stream(seed, "variance split")
    table = pick_freeze.shares_table(
        values, names, pick_freeze.jansen, draws, DRAWS, index="source", metric=metric
    )
    table = table.assign(variance=pick_freeze.variance_of(values), n=count)
    table.attrs = {"seed": int(seed), "draws": DRAWS}
    return table


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
        shock = self.family.scenario(moved(self.family, net), 0, self.seed)
        shock.check(net.assets.index, net.markets.index, net.nodes.index, net.unit, net.venues.index)

    def row(self, place: int, names: Sequence[str]) -> list[float]:
        """Return f(A), f(B), then f(A with one source of B) for every source."""
        mine = dict.fromkeys(SOURCES, place)
        other = dict.fromkeys(SOURCES, self.n + place)
        points = [mine, other, *({**mine, name: other[name]} for name in names)]
        ready = cache(self._ready)  # points of a row share networks
        return [self._value(ready(point["network"], point["parameters"]), point["shock"]) for point in points]

    def _network(self, network: int, parameters: int) -> Network:
        if isinstance(self.networks, Network):
            return self.networks
        return self.networks.at(network, parameters)

    def _ready(self, network: int, parameters: int) -> tuple[Network, list[Prepared]]:
        """Return a network, and what runs on it: under the policies and, for changes, under none."""
        net = self._network(network, parameters)
        sets = [self.policies, []] if self.against else [self.policies]
        return net, [self.model.prepare(net, chosen) for chosen in sets]

    def _value(self, ready: tuple[Network, list[Prepared]], scenario: int) -> float:
        net, prepared = ready
        shock = self.family.scenario(moved(self.family, net), scenario, self.seed)
        value, *without = (self._run(one, shock, scenario) for one in prepared)
        return value - sum(without)

    def _run(self, prepared: Prepared, shock: Any, scenario: int) -> float:
        rows = run_chunk(prepared, [shock], [scenario], self.seed, StopFlag())
        if rows.messages[0]:
            raise ScenarioError(f"draw {scenario} failed under {shock.describe()}: {rows.messages[0]}")
        return float(rows.metrics[0, prepared.metric_names.index(self.metric)])
