"""Which policy to choose? Candidates are searched on some scenarios, the winner is confirmed on others.

The best of many candidates looks better than it is: part of its lead is luck in the scenarios of the search (the
winner's curse). So its effect is measured again on scenarios that the search has never seen, and the difference is
shown. Only the held-out interval is a finding.

References
----------
Capen, Clapp, Campbell (1971), Competitive bidding in high-risk situations; Hastie, Tibshirani, Friedman (2009), The
Elements of Statistical Learning, section 7.10.2, on selection inside and outside of the sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import qmc

from contagion.errors import PolicyError, SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.experiments.arguments import policy_sets
from contagion.experiments.compare import compare
from contagion.experiments.wholes import is_whole, whole_at
from contagion.network.network import Network
from contagion.policies import Policy
from contagion.policies.costs import CostRates
from contagion.streams import check_seed, key64, stream

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.propagation.run import Model

__all__ = ["Choice", "candidates", "optimise_policy"]

Floats = npt.NDArray[np.float64]

CONTROLS: Final = ("none", "placebo")


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """The best of several candidates, and what is left of it on new scenarios; made by `optimise_policy`.

    Parameters
    ----------
    winner : str
        The candidate with the largest net benefit in the search, or "none" if none has one above 0.
    table : pandas.DataFrame
        Index policy, best first: benefit (mean fall of the metric against "none", search scenarios), cost (mean cost in
        money), net (benefit minus `weight` times cost), frontier (no other candidate has more benefit at no more cost).
    confirmation : pandas.Series
        Of the winner: benefit_search, benefit, low, high (interval), curse (search minus held-out), cost, net, helped,
        harmed (shares), p_value, n; all but the first on the held-out scenarios. NaN where "none" won.
    search, held_out : Comparison
        The two studies; held_out is None where "none" won.
    metric, unit : str
        What was lowered, and the unit of money.
    """

    winner: str
    table: pd.DataFrame
    confirmation: pd.Series
    search: Comparison
    held_out: Comparison | None
    metric: str
    unit: str

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        one = self.confirmation
        if self.held_out is None:
            return f"None of {len(self.table)} candidates lowers mean {self.metric} by more than it costs."
        interval = f"{one['low']:.4g} to {one['high']:.4g}" if np.isfinite(one["low"]) else "no interval"
        return (
            f"{self.winner} won among {len(self.table)} candidates with a benefit of {one['benefit_search']:.4g} in "
            f"the search; on {one['n']:.0f} new scenarios it is {one['benefit']:.4g} ({interval}) {self.unit}, at a "
            f"cost of {one['cost']:.4g}; winner's curse {one['curse']:.4g}."
        )

    def __repr__(self) -> str:
        return f"Choice of a policy\n  {self.sentence}"


def candidates(
    kind: type[Policy], ranges: Mapping[str, tuple[float, float]], n: int = 16, seed: int = 0, **fixed: Any
) -> dict[str, list[Policy]]:
    """Return policies of one kind whose parameters fill a box evenly.

    Parameters
    ----------
    kind : class of policies
        Such as ``contagion.Halt``.
    ranges : mapping of str to (float, float)
        Parameter -> its range.
    n : int, default 16
        How many.
    seed : int, default 0
        Root seed of the shift of the Sobol sequence.
    **fixed
        Parameters that do not vary.

    Returns
    -------
    dict of str to list of Policy
        Sets by name, such as ``"Halt drop=0.07 length=310"``. A parameter that takes whole numbers gets them, each with
        an equal part of the range; where they leave fewer than n different sets, there are fewer.

    Raises
    ------
    SchemaError, ValueRangeError, PolicyError
        If the class is no policy, a parameter is unknown, or a range does not rise.

    Examples
    --------
    >>> import contagion as ct
    >>> sets = candidates(ct.Halt, {"drop": (0.02, 0.2), "length": (60.0, 900.0)}, n=4)
    >>> len(sets)
    4
    """
    if not (isinstance(kind, type) and issubclass(kind, Policy)):
        raise SchemaError("is no class of policies", where="kind", value=kind, allowed="such as ct.Halt")
    if not isinstance(ranges, Mapping) or not ranges:
        raise SchemaError("holds no range", where="ranges", value=ranges, allowed="{'drop': (0.02, 0.2)}")
    known = list(getattr(kind, "__dataclass_fields__", {}))
    ends = []
    for name, pair in ranges.items():
        if name not in known:
            what = f"is no parameter of {kind.__name__}{nearest(name, known)}"
            raise PolicyError(what, where="ranges", value=name, allowed=", ".join(known))
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise SchemaError("is no pair", where=f"ranges[{name!r}]", value=pair, allowed="(low, high)")
        low, high = (checked.number(f"ranges[{name!r}]", end) for end in pair)
        if not low < high:
            raise ValueRangeError(
                "does not rise", where=f"ranges[{name!r}]", value=pair, allowed="low < high"
            )
        if is_whole(kind, name) and not (low.is_integer() and high.is_integer()):
            what = f"is no range of whole numbers, which {kind.__name__}.{name} takes"
            raise ValueRangeError(what, where=f"ranges[{name!r}]", value=pair, allowed="such as (1, 5)")
        ends.append((low, high))
    count = checked.count("n", n)
    shift = stream(check_seed(seed), "candidates").random(len(ends))
    grid = qmc.Sobol(len(ends), scramble=False).random_base2(max(1, (count - 1).bit_length()))[:count]
    shares = (grid + shift) % 1.0
    sets: dict[str, list[Policy]] = {}
    for row in shares:
        values = {
            name: whole_at(low, high, float(share))
            if is_whole(kind, name)
            else low + (high - low) * float(share)
            for name, (low, high), share in zip(ranges, ends, row, strict=True)
        }
        words = " ".join(f"{name}={value:.4g}" for name, value in values.items())
        sets[f"{kind.__name__} {words}"] = [kind(**values, **fixed)]
    return sets


def optimise_policy(
    net: Network | None,
    shock: Any,
    model: Model | None = None,
    policies: Mapping[str, Any] | None = None,
    *,
    metric: str = "system_loss",
    weight: float = 1.0,
    budget: float | None = None,
    rates: CostRates | None = None,
    n: int = 200,
    held_out: int = 200,
    seed: int = 0,
    n_jobs: int = 1,
    networks: Sequence[Network] | None = None,
    level: float = 0.95,
    progress: bool = False,
) -> Choice:
    """Search candidates for the largest benefit less cost, and confirm the winner on scenarios of its own.

    Parameters
    ----------
    net, shock, model, n_jobs, networks, level, progress
        As in `contagion.compare`; the shock is a family, which must have as many scenarios as are asked for.
    policies : mapping of str to policies
        The candidates by name, at least one; `candidates` makes many of one kind.
    metric : str, default "system_loss"
        What is to be lowered, in money where it is weighed against cost.
    weight : float, default 1
        Weight of a unit of cost against a unit of benefit; 0: cost does not count.
    budget : float, optional
        Largest mean cost of a winner, in money.
    rates : CostRates, optional
        Prices of what policies use.
    n, held_out : int, default 200
        Scenarios of the search, and of the confirmation; at least 25 of the latter for an interval.
    seed : int, default 0
        Root seed of the search; the held-out scenarios have a seed of their own that follows from it.

    Returns
    -------
    Choice
        Every candidate, the frontier, the winner, and its effect on held-out scenarios.

    Raises
    ------
    InputError
        For anything wrong with the arguments, before anything is computed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> sets = {"early": [ct.Halt(drop=0.05)], "late": [ct.Halt(drop=0.2)]}
    >>> family = ct.PriceShocks.normal(0.1)
    >>> found = optimise_policy(net, family, ct.Cascade(step=900.0), sets, n=4, held_out=4)
    >>> sorted(found.table.index)
    ['early', 'late']
    """
    seed = check_seed(seed)
    sets = {name: chosen for name, chosen in policy_sets(policies).items() if name not in CONTROLS}
    if not sets:
        raise ValueRangeError(
            "holds no candidate", where="policies", value=policies, allowed="at least one set"
        )
    share = checked.number("weight", weight, low=0.0)
    most = None if budget is None else checked.number("budget", budget, low=0.0)
    checked.count("held_out", held_out)
    options: dict[str, Any] = {"n_jobs": n_jobs, "networks": networks, "level": level, "progress": progress}
    search = compare(net, shock, model, sets, n=n, seed=seed, **options)
    table = _ranked(search, list(sets), metric, share, rates)
    allowed = table if most is None else table[table["cost"] <= most]
    unit = search.networks[0].unit
    if not len(allowed) or not allowed["net"].iloc[0] > 0.0:
        nothing = pd.Series(np.nan, index=list(CONFIRMED))
        return Choice("none", table, nothing, search, None, metric, unit)
    winner = str(allowed.index[0])
    other = key64(seed, "held out")
    confirm = compare(net, shock, model, {winner: sets[winner]}, n=held_out, seed=other, **options)
    found = _confirmed(confirm, winner, metric, share, rates, float(table["benefit"].to_dict()[winner]))
    return Choice(winner, table, found, search, confirm, metric, unit)


CONFIRMED: Final = (
    "benefit_search", "benefit", "low", "high", "curse", "cost", "net", "helped", "harmed", "p_value", "n",
)  # fmt: skip


def _ranked(
    cmp: Comparison, names: list[str], metric: str, weight: float, rates: CostRates | None
) -> pd.DataFrame:
    benefit = -cmp.effects(metric).loc[names, "difference"]
    cost = cmp.costs(rates).loc[names, "cost"]
    table = pd.DataFrame({"benefit": benefit, "cost": cost})
    known = table["cost"].notna()
    if weight > 0.0 and not known.all():
        raise ValueRangeError(
            "has no cost to weigh",
            where="policies",
            value=str(table.index[~known][0]),
            remedy="give weight=0",
        )
    table["net"] = table["benefit"] - (weight * table["cost"] if weight > 0.0 else 0.0)
    table["frontier"] = _frontier(table["benefit"].to_numpy(), table["cost"].fillna(0.0).to_numpy())
    return table.sort_values("net", ascending=False, kind="stable").rename_axis("policy")


def _frontier(benefit: Floats, cost: Floats) -> npt.NDArray[np.bool_]:
    """Whether no other candidate has at least the benefit at no more cost, and one of both strictly better."""
    better = (benefit[:, np.newaxis] >= benefit) & (cost[:, np.newaxis] <= cost)
    strictly = (benefit[:, np.newaxis] > benefit) | (cost[:, np.newaxis] < cost)
    return np.asarray(~(better & strictly).any(axis=0), dtype=np.bool_)


def _confirmed(
    cmp: Comparison, winner: str, metric: str, weight: float, rates: CostRates | None, searched: float
) -> pd.Series:
    effect = cmp.effects(metric).loc[[winner]].to_dict("records")[0]
    cost = float(cmp.costs(rates)["cost"].to_dict()[winner])
    benefit = -effect["difference"]
    numbers = {
        "benefit_search": searched,
        "benefit": benefit,
        "low": -effect["high"],
        "high": -effect["low"],
        "curse": searched - benefit,
        "cost": cost,
        "net": benefit - (weight * cost if weight > 0.0 else 0.0),
        "helped": effect["helped"],
        "harmed": effect["harmed"],
        "p_value": effect["p_value"],
        "n": float(effect["n"]),
    }
    return pd.Series(numbers, name=winner)
