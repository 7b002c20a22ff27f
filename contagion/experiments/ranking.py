"""Which nodes are systemically important, by which measure, and how sure is that when the network is not known?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import arguments
from contagion.experiments.importance import DEFAULT, Importance, Measure, called, measured
from contagion.measures.rankings import rank_correlation, tie_groups
from contagion.network.checks import require_rows
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.propagation.solvency.base import OnSheets
from contagion.propagation.solvency.distress import Furfine

__all__ = ["NodeRanking", "rank_nodes"]

CORRELATIONS = ("spearman", "kendall")


@dataclass(frozen=True, eq=False, repr=False)
class NodeRanking:
    """Importance of nodes by several measures, over one network or many; made by `rank_nodes`.

    Parameters
    ----------
    values : pandas.DataFrame
        Index network and node, a column per measure; money in `unit`, else shares and counts.
    ranks : pandas.DataFrame
        The same for ranks: 1 for the largest value, ties share the mean of their ranks.
    leading : pandas.DataFrame
        The same: whether fewer than `top` nodes have a larger value.
    correlations : pandas.DataFrame
        Index network, measure and other measure; Spearman's rho and Kendall's tau-b, NaN where a measure is the same
        for all nodes.
    top : int
        How many nodes lead.
    level : float
        Share of the networks that intervals cover.
    unit : str
        Unit of money.
    """

    values: pd.DataFrame
    ranks: pd.DataFrame
    leading: pd.DataFrame
    correlations: pd.DataFrame
    top: int
    level: float
    unit: str

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        return [str(name) for name in self.values.columns]

    @property
    def n_networks(self) -> int:
        """Number of networks."""
        return len(self.values.index.get_level_values("network").unique())

    @property
    def spearman(self) -> pd.DataFrame:
        """Spearman's rho of every pair of measures, mean over the networks that have one."""
        return self._matrix("spearman")

    @property
    def kendall(self) -> pd.DataFrame:
        """Kendall's tau-b of every pair of measures, mean over the networks that have one."""
        return self._matrix("kendall")

    def _matrix(self, which: str) -> pd.DataFrame:
        found = self.correlations[which].groupby(level=["measure", "other"]).mean().unstack("other")
        return found.loc[self.measures, self.measures]

    def to_frame(self) -> pd.DataFrame:
        """Return a row per measure and node: value and rank (medians) with the ends of their intervals, and in_top.

        An interval holds the level of the networks, in equal tails, at ranks and values that occur; in_top is the
        share of networks in which the node leads. Of one network the ends are the value itself.
        """
        parts = []
        for name in self.measures:
            value, rank = self._spread(self.values[name], "value"), self._spread(self.ranks[name], "rank")
            lead = self.leading[name].groupby(level="node").mean().rename("in_top")
            one = pd.concat([value, rank, lead], axis=1).sort_values(
                ["rank", "in_top"], ascending=[True, False]
            )
            parts.append(one.assign(measure=name).set_index("measure", append=True).swaplevel())
        return pd.concat(parts)

    def correlation_frame(self) -> pd.DataFrame:
        """Return a row per pair of measures: mean correlations, the ends of their intervals over networks, and a note.

        The note says which measure is the same for all nodes, and in how many networks: it orders nobody there, and has
        no correlation. Such networks are left out of the mean; where none is left it is NaN.
        """
        parts = []
        for which in CORRELATIONS:
            grouped = self.correlations[which].groupby(level=["measure", "other"], sort=False)
            ends = self._ends(grouped, which)
            parts.append(pd.concat([grouped.mean(), *ends], axis=1))
        found = pd.concat(parts, axis=1)
        notes = self._notes()
        found["note"] = ["; ".join(filter(None, (notes[one], notes[other]))) for one, other in found.index]
        order = {name: place for place, name in enumerate(self.measures)}
        return found[[order[one] < order[other] for one, other in found.index]]

    def _notes(self) -> dict[str, str]:
        """Where each measure is the same for all nodes; empty where nowhere."""
        flat = (self.ranks.groupby(level="network").nunique() == 1).sum()
        where = f" of {self.n_networks:,} networks, left out"
        return {
            name: f"{name} is the same for all nodes"
            + (f" in {count:,}{where}" if self.n_networks > 1 else "")
            if count
            else ""
            for name, count in zip(self.measures, flat, strict=True)
        }

    def _spread(self, values: pd.Series[Any], name: str) -> pd.DataFrame:
        grouped = values.groupby(level="node", sort=False)
        return pd.concat([grouped.median().rename(name), *self._ends(grouped, name)], axis=1)

    def _ends(self, grouped: Any, name: str) -> list[pd.Series[Any]]:
        tail = (1.0 - self.level) / 2.0
        low = grouped.quantile(tail, interpolation="lower").rename(f"{name}_low")
        return [low, grouped.quantile(1.0 - tail, interpolation="higher").rename(f"{name}_high")]

    def __repr__(self) -> str:
        first = self.to_frame().loc[self.measures[0]]
        leaders = ", ".join(str(name) for name in first.index[: self.top])
        others = f", {self.n_networks:,} networks" if self.n_networks > 1 else ""
        return f"{len(first):,} nodes by {', '.join(self.measures)}{others}; first by {self.measures[0]}: {leaders}"


def rank_nodes(
    net: Network | None = None,
    *,
    networks: Sequence[Network] | None = None,
    measures: Sequence[Measure] = DEFAULT,
    model: Any = None,
    top: int | None = None,
    level: float = 0.95,
) -> NodeRanking:
    """Rank nodes by several measures of systemic importance at once, with the correlations of the rankings.

    Parameters
    ----------
    net : Network, optional
        One network; or `networks`.
    networks : sequence of Network, optional
        Networks of the same nodes, such as those of `contagion.generate.reconstruct`: what is not known about the
        network then shows as intervals of ranks.
    measures : sequence of str or callable
        Names, or functions of a network that return a Series by node, larger is more important:

        - ``default_loss``, ``contagion_defaults``: money others lose, and how many more default, when the node alone
          defaults, by `model`; ``debtrank``: the same by linear DebtRank, as a share of all equity;
        - ``criticality``, ``impact_susceptibility``: `contagion.measures`;
        - ``debts``, ``claims`` (money inside the network), ``debts_concentration``, ``claims_concentration``
          (Herfindahl), ``degree``, ``core`` (member or not), ``core_number``: `contagion.network.topology`;
        - ``spectral_radius_drop``: by how much the spectral radius of claims over equity falls without the node.
    model : model of balance sheets, optional
        ``ct.Furfine()`` if not given. Furfine, ThresholdCascade and DebtRank let all nodes default in one batched call.
    top : int, optional
        How many nodes lead; default 5, or all of fewer.
    level : float, default 0.95
        Share of the networks that intervals cover.

    Returns
    -------
    NodeRanking
        Of all nodes but the rest of the market. Balance sheets are those at the opening.

    Raises
    ------
    InputError
        If an argument is refused, networks differ in their nodes, or a measure needs equity that a node lacks.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": x, "kind": "institution", "external_assets": 9.0} for x in "ABC"],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0},
    ...                  {"debtor": "A", "creditor": "C", "amount": 2.0},
    ...                  {"debtor": "B", "creditor": "C", "amount": 1.0}])
    >>> found = ct.rank_nodes(net, measures=("default_loss", "degree"))
    >>> found.to_frame().loc["default_loss", "value"].to_dict()
    {'A': 6.0, 'B': 1.0, 'C': 0.0}

    References
    ----------
    Alter, Craig, Raupach (2015), International Journal of Central Banking 11(S1). Battiston, Puliga, Kaushik, Tasca,
    Caldarelli (2012), Scientific Reports 2, 541. Craig, von Peter (2014), Journal of Financial Intermediation 23(3).
    """
    worlds = arguments.networks(net, networks)
    chosen = Furfine() if model is None else model
    if not isinstance(chosen, OnSheets):
        allowed = "a model of balance sheets, such as ct.Furfine()"
        raise SchemaError("reads no balance sheets", where="model", value=model, allowed=allowed)
    names = _names(measures)
    share = arguments.share("level", level)
    nodes = _nodes(worlds)
    leaders = _top(top, len(nodes))
    frames = []
    for world in worlds:
        require_rows(world, ("obligations",), "rank_nodes")
        one = Importance(world, chosen)
        columns = {name: measured(one, measure, name) for name, measure in zip(names, measures, strict=True)}
        frames.append(pd.DataFrame(columns, index=one.book.names).loc[nodes])
    return _ranking(frames, leaders, share, worlds[0].unit)


def _ranking(frames: Sequence[pd.DataFrame], top: int, level: float, unit: str) -> NodeRanking:
    """Ranks and correlations of every network, ties by rounding taken as ties."""
    groups = [frame.apply(tie_groups) for frame in frames]
    found = [rank_correlation(-group.astype(float)) for group in groups]
    leading = [group.rank(method="min") <= top for group in groups]
    index = pd.MultiIndex.from_product([frames[0].columns, frames[0].columns])
    pairs = [
        pd.DataFrame({which: getattr(one, which).to_numpy().ravel() for which in CORRELATIONS}, index=index)
        for one in found
    ]
    return NodeRanking(
        values=_stacked(frames),
        ranks=_stacked([one.ranks for one in found]),
        leading=_stacked(leading),
        correlations=pd.concat(pairs, keys=range(len(pairs)), names=["network", "measure", "other"]),
        top=top,
        level=level,
        unit=unit,
    )


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(list(frames), keys=range(len(frames)), names=["network", "node"])


def _names(measures: Sequence[Measure]) -> list[str]:
    if isinstance(measures, str) or not isinstance(measures, Sequence):
        raise SchemaError("is no list", where="measures", value=measures, allowed="names in a list or tuple")
    names = [called(measure, place) for place, measure in enumerate(measures)]
    if not names or len(set(names)) < len(names):
        raise ValueRangeError(
            "is empty or names one twice", where="measures", value=names, allowed="each once"
        )
    return names


def _nodes(worlds: Sequence[Network]) -> list[str]:
    """Nodes that are ranked: all that count, the same in every network."""
    listed = [[str(name) for name in net.nodes.index[~rest_of_market(net.nodes.index)]] for net in worlds]
    for place, names in enumerate(listed):
        odd = sorted(set(names) ^ set(listed[0]))
        if odd:
            what = f"and networks[0] differ in {len(odd)} nodes, one is {odd[0]!r}"
            raise SchemaError(what, where=f"networks[{place}]", allowed="networks of the same nodes")
    if len(listed[0]) < 2:
        raise ValueRangeError(
            "has nothing to rank", where="network", value=listed[0], allowed="two nodes or more"
        )
    return listed[0]


def _top(top: int | None, n: int) -> int:
    if top is None:
        return min(5, n)
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)):
        raise SchemaError("is no integer", where="top", value=top, allowed=f"1 to {n}")
    if not 1 <= top <= n:
        raise ValueRangeError("is out of range", where="top", value=top, allowed=f"1 to {n}")
    return int(top)
