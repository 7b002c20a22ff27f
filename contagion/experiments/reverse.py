"""How large must a shock be to break the system? A grid over its size, bisection where the outcome changes.

Outcomes are not monotone: a larger shock may close positions before the venue that would have failed. So every change
on the grid is reported, with the width within which its place is known; two changes between neighbouring sizes are not
seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, SchemaError, ValueRangeError
from contagion.experiments import checked
from contagion.experiments.arguments import check_workers, policy_sets
from contagion.experiments.conditions import Condition, evaluate
from contagion.network.network import Network
from contagion.policies import Policy
from contagion.propagation.run import check_model
from contagion.shocks import AssetShock, PriceShock, Shock
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.propagation.run import Model, Prepared

__all__ = ["ReverseStress", "reverse_stress"]

Floats = npt.NDArray[np.float64]

MOST_HALVINGS = 60
REFINE = ("first", "all", "none")


@dataclass(frozen=True, eq=False, repr=False)
class ReverseStress:
    """Sizes of a shock at which a condition begins or ceases to hold, made by `reverse_stress`.

    Parameters
    ----------
    condition : str
        What was looked for.
    metric, limit : str, float
        Its metric, and the limit that it meets.
    shock : str
        The shock of size 1.
    table : pandas.DataFrame
        One row per policy set and size looked at: policy, size, value (mean of the metric over the draws), share (of
        the draws in which the condition holds), holds (whether that is at least the share asked for), refined (by
        bisection).
    crossings : pandas.DataFrame
        One row per change: policy, size (middle of the bracket), low, high (the bracket), resolution (its width),
        begins (True: the condition holds above), refined, then the move of every shocked asset and node at `size`
        (signed fraction).
    unit : str
        Unit of money of the network.
    """

    condition: str
    metric: str
    limit: float
    shock: str
    table: pd.DataFrame
    crossings: pd.DataFrame
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return every size looked at: policy, size, value, share, holds, refined."""
        return self.table.copy()

    def sentences(self) -> list[str]:
        """What was found, one sentence per policy set."""
        return [self._sentence(name) for name in dict.fromkeys(self.table["policy"])]

    def _sentence(self, name: str) -> str:
        sizes = self.table[self.table["policy"] == name]
        span = f"sizes from {sizes['size'].min():g} to {sizes['size'].max():g}"
        rows = self.crossings[self.crossings["policy"] == name].to_dict("records")
        if not rows:
            word = "holds at every size looked at" if sizes["holds"].all() else "holds at no size looked at"
            return f"{name}: {self.condition} {word} ({span})."
        parts = []
        for row in rows:
            verb = "begins to hold" if row["begins"] else "ceases to hold"
            parts.append(
                f"{verb} at size {row['size']:.4g} (between {row['low']:.6g} and {row['high']:.6g}{_moves(row)})"
            )
        return f"{name}: {self.condition} {'; '.join(parts)}; {span}."

    def __repr__(self) -> str:
        return "\n".join(
            [f"Reverse stress: {self.shock}, times its size", *(f"  {s}" for s in self.sentences())]
        )


def reverse_stress(
    net: Network,
    direction: Mapping[str, float] | Shock,
    model: Model | None = None,
    until: tuple[str, str, float] = ("venue_defaults", ">=", 1),
    policies: Mapping[str, Policy | Sequence[Policy]] | Policy | Sequence[Policy] | None = None,
    *,
    sizes: tuple[float, float] = (0.0, 1.0),
    grid: int = 21,
    resolution: float = 1e-3,
    refine: str = "first",
    draws: int = 1,
    share: float = 0.5,
    over: float = 1800.0,
    seed: int = 0,
    n_jobs: int = 1,
) -> ReverseStress:
    """Find the sizes of a shock at which a condition begins, or ceases, to hold.

    Parameters
    ----------
    net : Network
        The network.
    direction : mapping of str to float, or Shock
        Log return of every asset per unit of size: ``{"BTC": -1.0, "ETH": -1.2}`` at size .2 are falls of 18.1 and
        21.3 %. A name that is no asset but a node stands for the value of its external assets. Or a shock, whose log
        changes are multiplied by the size.
    model : Model, optional
        How distress travels; ``ct.Cascade()`` if not given.
    until : (str, str, float), default ("venue_defaults", ">=", 1)
        Metric, one of >=, >, <=, <, and a limit in the metric's unit.
    policies : policy, list of policies, or mapping of names to them, optional
        Under which rules; of a mapping each set, and "none" besides.
    sizes : (float, float), default (0, 1)
        Between which sizes, rising, from 0.
    grid : int, default 21
        Sizes looked at first, evenly spaced, at least 2.
    resolution : float, default 1e-3
        Width of a bracket at which bisection ends, in units of size.
    refine : {"first", "all", "none"}
        Which brackets are bisected; the others stay as wide as the grid.
    draws : int, default 1
        Draws of the model's own chances (who answers a call) at every size, the same at all sizes.
    share : float, default 0.5
        The condition holds at a size if it holds in at least this share of its draws.
    over : float, default 1800
        Seconds over which a mapping's move happens, linear in log price.
    seed : int, default 0
        Root seed.
    n_jobs : int, default 1
        Workers, as in `contagion.compare`.

    Returns
    -------
    ReverseStress
        Every size looked at, and every crossing with its resolution.

    Raises
    ------
    InputError
        For anything wrong with the arguments, before anything is computed.
    ScenarioError
        If every run at a size failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> until = ("liquidated_accounts", ">=", 10)
    >>> found = reverse_stress(net, {"BTC": -1.0}, ct.Cascade(step=60.0), until, grid=5, resolution=0.05)
    >>> bool(found.crossings["begins"].iloc[0])
    True
    """
    if not isinstance(net, Network):
        raise NetworkError(f"net is {net!r:.80}, of type {type(net).__name__}; give a ct.Network")
    seed, model = check_seed(seed), check_model(model)
    check_workers(n_jobs)
    base = _shock(net, direction, over)
    low, high = _sizes(sizes)
    points, times = checked.count("grid", grid, low=2), checked.count("draws", draws)
    width = checked.number("resolution", resolution, low=0.0)
    least = checked.number("share", share, low=np.finfo(np.float64).tiny, high=1.0)
    if refine not in REFINE:
        raise ValueRangeError(
            "is unknown", where="refine", value=refine, allowed=f"one of {', '.join(REFINE)}"
        )
    sets = _sets(policies)
    ready = {name: model.prepare(net, chosen) for name, chosen in sets.items()}
    condition = Condition.make(until, next(iter(ready.values())).metric_names)
    tables, crossings = [], []
    for name, prepared in ready.items():
        search = _Search(prepared, base, condition, times, least, seed, n_jobs, {})
        search.look(np.linspace(low, high, points).tolist())
        found = search.brackets()
        chosen = {"first": found[:1], "all": found, "none": []}[refine]
        narrowed = [(search.narrowed(*one, width), True) if one in chosen else (one, False) for one in found]
        tables.append(search.table(name, points))
        crossings += [_crossing(name, search, bracket, refined, net, base) for bracket, refined in narrowed]
    return ReverseStress(
        condition=condition.describe(),
        metric=condition.metric,
        limit=condition.limit,
        shock=base.describe(),
        table=pd.concat(tables, ignore_index=True),
        crossings=_frame(crossings),
        unit=net.unit,
    )


@dataclass(frozen=True)
class _Search:
    """Values of the metric by size; every size is run once."""

    prepared: Prepared
    base: Shock
    condition: Condition
    draws: int
    share: float
    seed: int
    n_jobs: int
    seen: dict[float, Floats]

    def look(self, sizes: Sequence[float]) -> None:
        """Run the sizes that were not run yet, all draws of each."""
        new = [size for size in sizes if size not in self.seen]
        if new:
            shocks = [[self.base.scaled(size)] * self.draws for size in new]
            values = evaluate(
                self.prepared, shocks, self.condition.metric, seed=self.seed, n_jobs=self.n_jobs
            )
            self.seen.update(zip(new, values, strict=True))

    def fraction(self, size: float) -> float:
        """Share of the draws that ran in which the condition holds."""
        self.look([size])
        values = self.seen[size]
        return float(self.condition.holds(values).sum() / np.isfinite(values).sum())

    def holds(self, size: float) -> bool:
        """Whether the condition holds in enough draws."""
        return self.fraction(size) >= self.share

    def brackets(self) -> list[tuple[float, float]]:
        """Neighbouring sizes with different outcomes, rising."""
        return [(a, b) for a, b in pairwise(sorted(self.seen)) if self.holds(a) != self.holds(b)]

    def narrowed(self, low: float, high: float, width: float) -> tuple[float, float]:
        """Halve a bracket until it is as narrow as asked."""
        before = self.holds(low)
        for _ in range(MOST_HALVINGS):
            middle = 0.5 * (low + high)
            if high - low <= width or not low < middle < high:
                break
            low, high = (middle, high) if self.holds(middle) == before else (low, middle)
        return low, high

    def table(self, name: str, points: int) -> pd.DataFrame:
        """Every size looked at, rising."""
        first = set(list(self.seen)[:points])
        rows = [
            (name, size, float(np.nanmean(self.seen[size])), self.fraction(size), self.holds(size), size not in first)
            for size in sorted(self.seen)
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["policy", "size", "value", "share", "holds", "refined"])


def _shock(net: Network, direction: Mapping[str, float] | Shock, over: float) -> Shock:
    """Return the shock of size 1, checked against the network."""
    if isinstance(direction, Shock):
        shock = direction
    elif isinstance(direction, Mapping) and direction:
        logs = {str(name): checked.number(f"direction[{name!r}]", value) for name, value in direction.items()}
        shock = _moves_of(
            net, {name: float(np.expm1(value)) for name, value in logs.items()}, checked.seconds(over)
        )
    else:
        allowed = 'log returns per unit of size, such as {"BTC": -1.0}, or a shock'
        raise SchemaError("is no direction", where="direction", value=direction, allowed=allowed)
    shock.check(net.assets.index, net.markets.index, net.nodes.index, net.unit, net.venues.index)
    return shock


def _moves_of(net: Network, changes: Mapping[str, float], over: float) -> Shock:
    """Return the changes as a shock to prices, to the external assets of nodes, or to both."""
    nodes = {
        name: x for name, x in changes.items() if name in net.nodes.index and name not in net.assets.index
    }
    prices = {name: x for name, x in changes.items() if name not in nodes}
    if not nodes:
        return PriceShock(prices, over=over)
    return AssetShock(nodes) + PriceShock(prices, over=over) if prices else AssetShock(nodes)


def _sizes(sizes: Any) -> tuple[float, float]:
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or len(sizes) != 2:
        raise SchemaError("are no pair of numbers", where="sizes", value=sizes, allowed="such as (0.0, 1.0)")
    low, high = checked.number("sizes[0]", sizes[0], low=0.0), checked.number("sizes[1]", sizes[1], low=0.0)
    if not low < high:
        raise ValueRangeError("do not rise", where="sizes", value=sizes, allowed="low < high")
    return low, high


def _sets(policies: Any) -> dict[str, list[Policy]]:
    """Return the sets to search under; no placebo, whose runs are those of "none"."""
    if policies is None:
        return {"none": []}
    if isinstance(policies, Mapping):
        return {name: chosen for name, chosen in policy_sets(policies).items() if name != "placebo"}
    return {"policies": policy_sets({"policies": policies})["policies"]}


def _crossing(
    name: str, search: _Search, bracket: tuple[float, float], refined: bool, net: Network, base: Shock
) -> dict[str, Any]:
    low, high = bracket
    middle = 0.5 * (low + high)
    assets = [str(name) for name in net.assets.index[net.assets["kind"] != "currency"]]
    returns = base.scaled(middle).log_returns(assets)
    moves = {asset: float(np.expm1(one)) for asset, one in zip(assets, returns, strict=True) if one != 0.0}
    nodes = [str(name) for name in net.nodes.index]
    factors = base.scaled(middle).asset_factors(nodes)
    moves |= {node: float(one) - 1.0 for node, one in zip(nodes, factors, strict=True) if one != 1.0}
    return {
        "policy": name,
        "size": middle,
        "low": low,
        "high": high,
        "resolution": high - low,
        "begins": search.holds(high),
        "refined": refined,
        **moves,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["policy", "size", "low", "high", "resolution", "begins", "refined"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _moves(row: dict[Any, Any]) -> str:
    """Moves of at most three assets, in words."""
    fixed = {"policy", "size", "low", "high", "resolution", "begins", "refined"}
    moves = [(name, value) for name, value in row.items() if name not in fixed and np.isfinite(value)]
    more = f" and {len(moves) - 3} more" if len(moves) > 3 else ""
    return "".join(f", {name} {100.0 * value:+.1f} %" for name, value in moves[:3]) + more
