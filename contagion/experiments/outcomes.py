"""What became of each node in each scenario? Equity before and after, as simulated returns for system measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.comparison import Comparison, unweighted
from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.families import moved
from contagion.results import Run

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NodeOutcomes", "node_outcomes", "runs_of"]

SYSTEM = "system"
SYSTEMIC = ("exchange", "protocol", "institution")


@dataclass(frozen=True, eq=False)
class NodeOutcomes:
    """Equity of nodes over scenarios, in the network's unit; rows are scenarios, columns nodes.

    Parameters
    ----------
    opening, closing : pandas.DataFrame
        Equity before the shock and at the end.
    system_opening, system_closing : pandas.Series
        The same of all nodes that count together, chosen or not, index scenario.
    networks : numpy.ndarray
        Network of every scenario, shape (n,).
    """

    opening: pd.DataFrame
    closing: pd.DataFrame
    system_opening: pd.Series
    system_closing: pd.Series
    networks: npt.NDArray[np.int64]

    @property
    def returns(self) -> pd.DataFrame:
        """Change of equity as a share of opening equity, per node, and of all that count in ``system``.

        Nodes whose opening equity is not positive in some scenario have no return and are left out.
        """
        kept = self.opening.columns[(self.opening > 0.0).all()]
        returns = self.closing[kept] / self.opening[kept] - 1.0
        return returns.assign(**{SYSTEM: self.system_closing / self.system_opening - 1.0})


def node_outcomes(
    source: Comparison | Sequence[Run], policy: str = "none", nodes: Sequence[str] | None = None
) -> NodeOutcomes:
    """Return opening and closing equity of nodes in every scenario of a study, or in every run of a list.

    A study keeps no tables of nodes, so its scenarios run again under one policy set, in this process.

    Parameters
    ----------
    source : Comparison or sequence of Run
        Where the scenarios come from; of a study those that ran under the set.
    policy : str, default "none"
        Which set of a study.
    nodes : sequence of str, optional
        Which nodes; all exchanges, protocols and institutions that count if not given.

    Returns
    -------
    NodeOutcomes
        Its `returns` go into `contagion.measures.market_measures`, its `closing` into `ses_table`.

    Raises
    ------
    SchemaError
        If the source is something else or the runs have no table of equities.
    ValueRangeError
        If there is no run, or a set or a node does not exist.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> runs = [ct.run(net, ct.PriceShock({"BTC": -x}), ct.Cascade.static()) for x in (0.0, 0.2)]
    >>> returns = ct.node_outcomes(runs).returns
    >>> bool(returns["system"][1] < returns["system"][0])
    True
    """
    closing, opening, totals, networks = [], [], [], []
    for scenario, network, run in runs_of(source, policy):
        table = run.nodes
        if not {"opening_equity", "closing_equity", "counted"} <= set(table.columns):
            raise SchemaError("has no table of equities", where=f"run {scenario}", value=type(run).__name__)
        rows = _chosen(table, nodes)
        opening.append(table.loc[rows, "opening_equity"].rename(scenario))
        closing.append(table.loc[rows, "closing_equity"].rename(scenario))
        counted = table.loc[table["counted"], ["opening_equity", "closing_equity"]].sum()
        totals.append((scenario, float(counted.iloc[0]), float(counted.iloc[1])))
        networks.append(network)
    if not totals:
        raise ValueRangeError("holds no run", where="source", allowed="at least one scenario that ran")
    sums = pd.DataFrame(totals, columns=["scenario", "opening", "closing"]).set_index("scenario")
    return NodeOutcomes(
        opening=_wide(opening),
        closing=_wide(closing),
        system_opening=sums["opening"],
        system_closing=sums["closing"],
        networks=np.asarray(networks, dtype=np.int64),
    )


def runs_of(source: Comparison | Sequence[Run], policy: str) -> Iterator[tuple[int, int, Run]]:
    """Yield scenario, number of the network and run, one after another; errors as in `node_outcomes`."""
    if isinstance(source, Comparison):
        unweighted(source, "source")
        yield from _again(source, policy)
        return
    if not isinstance(source, Sequence) or not all(isinstance(run, Run) for run in source):
        raise SchemaError("is neither a comparison nor a list of runs", where="source", value=source)
    fingerprints: dict[str, int] = {}
    for scenario, run in enumerate(source):
        yield scenario, fingerprints.setdefault(run.network.fingerprint, len(fingerprints)), run


def _again(study: Comparison, policy: str) -> Iterator[tuple[int, int, Run]]:
    if policy not in study.policies:
        words = f"one of {', '.join(study.policies)}{nearest(policy, study.policies)}"
        raise ValueRangeError("is unknown", where="policy", value=policy, allowed=words)
    table = study.to_frame()
    ran = table[(table["policy"] == policy) & (table["status"] == "ok")]
    ready = [study.model.prepare(net, study.policies[policy]) for net in study.networks]
    assets = [moved(study.family, net) for net in study.networks]
    for scenario, network in zip(ran["scenario"].tolist(), ran["network"].tolist(), strict=True):
        shock = study.family.scenario(assets[network], scenario, study.seed)
        yield scenario, network, ready[network].run(shock, study.seed, scenario)


def _chosen(table: pd.DataFrame, nodes: Sequence[str] | None) -> list[str]:
    if nodes is None:
        return [str(name) for name in table.index[table["counted"] & table["kind"].isin(SYSTEMIC)]]
    known = [str(name) for name in table.index]
    for name in nodes:
        if name not in table.index:
            raise ValueRangeError(f"is no node{nearest(name, known)}", where="nodes", value=name)
    return list(nodes)


def _wide(rows: list[pd.Series]) -> pd.DataFrame:
    """Rows of scenarios; nodes that not every network has are left out."""
    return pd.concat(rows, axis=1, join="inner").T.rename_axis(index="scenario", columns="node")
