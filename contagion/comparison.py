"""What did each set of rules change, in the same scenarios?

A `Comparison` is what `contagion.compare` returns: one row per policy set and scenario, the statistics of
the paired differences, what the rules cost and what they merely put off, and a way back to any single run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import ScenarioError, SchemaError, ValueRangeError
from contagion.families import Family, moved
from contagion.measures.panel import WEIGHT
from contagion.measures.study import StudyTables, check_word
from contagion.measures.weighted import weighted_quantile
from contagion.network.frame_files import FrameFiles
from contagion.policies.bills import bill
from contagion.policies.costs import CostRates

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.policies import Policy
    from contagion.propagation.run import Model
    from contagion.results import Run

__all__ = ["KEYS", "Comparison", "unweighted"]

KEYS = ("policy", "scenario", "network", "status")
"""Columns of `Comparison.to_frame` that say which run a row is; then comes `weight`, under importance sampling alone,
and every further column is a metric."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(FrameFiles, StudyTables):
    """The same scenarios under every policy set.

    Made by `contagion.compare`; the differences are paired, scenario by scenario.

    Parameters
    ----------
    policies : dict
        Name of a set -> its policies. Always holds "none" and "placebo".
    networks : tuple of Network
        Scenario i ran on network i mod their number.
    model : Model
        How distress travelled.
    family : Family
        Where the scenarios come from.
    n : int
        Scenarios asked for.
    seed : int
        Root seed of all draws.
    level : float
        Coverage of the intervals.
    scenarios : pandas.DataFrame
        One row per scenario: scenario, network, and the log return of each asset that moves.
    errors : pandas.DataFrame
        One row per failed run: policy, scenario, network, seed, message.
    note : str
        Empty, or what a reader must know: the study was interrupted, runs failed.
    provenance : dict
        What it takes to make the same numbers again.
    table : pandas.DataFrame
        What `to_frame` copies.
    outlays : pandas.DataFrame
        What each run used beyond the run of "none" on its scenario, row by row as in `table`: the fields of
        `contagion.policies.Outlay`.
    """

    policies: dict[str, list[Policy]]
    networks: tuple[Network, ...]
    model: Model
    family: Family
    n: int
    seed: int
    level: float
    scenarios: pd.DataFrame
    errors: pd.DataFrame
    note: str
    provenance: dict[str, Any]
    table: pd.DataFrame
    outlays: pd.DataFrame

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, in the order of the columns of `to_frame`."""
        return [str(name) for name in self.table.columns[len(KEYS) :] if name != WEIGHT]

    @property
    def weighted(self) -> bool:
        """Whether scenarios differ in weight."""
        return WEIGHT in self.table and not bool((self.table[WEIGHT] == 1.0).all())

    @property
    def missing(self) -> pd.DataFrame:
        """Runs that an interrupted study did not reach: columns policy, scenario."""
        keys = ["policy", "scenario"]
        wanted = pd.MultiIndex.from_product([list(self.policies), range(self.n)], names=keys)
        done = pd.MultiIndex.from_frame(self.table[keys])
        return wanted.difference(done, sort=False).to_frame(index=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per run: policy, scenario, network, status, then every metric.

        Under importance sampling (``family.tilted``) a column `weight` follows status; every statistic uses it.

        Returns
        -------
        pandas.DataFrame
            Sets in the order given, scenarios rising. Status is "ok", "error" or "timeout"; a run without numbers
            has NaN metrics and a line in `errors`. Text columns are objects, scenario and network int64, metrics
            float64.
        """
        return self.table.copy()

    def costs(self, rates: CostRates | None = None) -> pd.DataFrame:
        """Return the mean cost of each policy set and its parts, in the network's unit.

        Only what a set used beyond the run of "none" on the same scenario is billed, of it only what a policy
        of the set causes by its own rule, and each part once, however many policies cause it. A part is
        negative where the set uses less than no policy does.

        Parameters
        ----------
        rates : CostRates, optional
            Prices of what policies use; the defaults of `contagion.CostRates` if not given.

        Returns
        -------
        pandas.DataFrame
            Index policy; cost, and the parts that add up to it (`contagion.policies.bills.PARTS`, which `bill`
            explains); other is what policies of one's own charge on top. Parts are NaN for a model that does
            not say what a run used.
        """
        if rates is not None:
            return self._bills(rates)
        return self._usual_bills.copy()

    @property
    def deferred(self) -> pd.DataFrame:
        """What each set put off, beside what it seemed to save.

        Index policy; benefit (mean fall of system_loss against "none"), deferred_notional (mean money still
        to be sold at the horizon), extra (that, minus the same under "none") and halted_seconds (mean); NaN where the
        model has no such metric.
        """
        wanted = ["system_loss", "deferred_notional", "halted_seconds"]
        means, none = (found.reindex(columns=wanted) for found in (self._means(), self._means(1)))
        return pd.DataFrame(
            {
                "benefit": none["system_loss"] - means["system_loss"],
                "deferred_notional": means["deferred_notional"],
                "extra": means["deferred_notional"] - none["deferred_notional"],
                "halted_seconds": means["halted_seconds"],
            }
        )

    def representative(self, which: str = "median", metric: str = "system_loss", policy: str = "none") -> int:
        """Return the number of a typical or of a bad scenario.

        Parameters
        ----------
        which : {"median", "bad"}
            "median" is the scenario in the middle, "bad" the one with 5 % worse.
        metric : str
            What ranks the scenarios.
        policy : str
            Under which set.

        Returns
        -------
        int
            Number of a scenario that ran; of equals the first.

        Raises
        ------
        ValueRangeError
            If the word, the metric or the set does not exist.
        """
        shares = {"median": 0.5, "bad": 0.95}
        check_word("which", which, shares)
        check_word("metric", metric, self.metric_names)
        check_word("policy", policy, self.policies)
        rows = self.table[(self.table["policy"] == policy) & self.table[metric].notna()]
        if rows.empty:
            raise ValueRangeError(f"policy set {policy!r} has no scenario with a value of {metric!r}")
        ranked = rows.sort_values([metric, "scenario"], kind="stable")
        values = ranked[metric].to_numpy()
        if self.weighted:
            found = weighted_quantile(values, ranked[WEIGHT].to_numpy(), shares[which])
        else:
            found = values[int(np.ceil(shares[which] * len(ranked))) - 1]
        return int(ranked["scenario"].to_numpy()[np.searchsorted(values, found)])

    def rerun(self, policy: str, scenario: int) -> Run:
        """Run one scenario under one set again, with its full records.

        Parameters
        ----------
        policy : str
            Name of a set.
        scenario : int
            Number of a scenario.

        Returns
        -------
        Run
            Its metrics equal the row of `to_frame`, bit for bit. So `policy_cost`, which is measured from the
            run of "none", is the row's, where `contagion.run` has nothing to measure it from.

        Raises
        ------
        ValueRangeError
            If the set or the scenario does not exist.
        """
        check_word("policy", policy, self.policies)
        if not 0 <= scenario < self.n:
            allowed = f"a number from 0 to {self.n - 1}"
            raise ValueRangeError("is out of range", where="scenario", value=scenario, allowed=allowed)
        net = self.networks[scenario % len(self.networks)]
        shock = self.family.scenario(moved(self.family, net), scenario, self.seed)
        run = self.model.prepare(net, self.policies[policy]).run(shock, self.seed, scenario)
        return self._priced(run, policy, scenario)

    def caused(self, policy: str = "none", metric: str = "system_loss") -> pd.DataFrame:
        """Rank venues and nodes by the loss they caused, on average over the median and the bad scenario.

        Parameters
        ----------
        policy : str
            Under which set.
        metric : str
            What picks the two scenarios.

        Returns
        -------
        pandas.DataFrame
            Index name, largest first; kind, loss_caused (the network's unit), share of the sum.
        """
        numbers = [self.representative(which, metric, policy) for which in ("median", "bad")]
        runs = [self.rerun(policy, number) for number in numbers]
        kinds: dict[str, str] = {}
        for run in runs:
            kinds.update(run.nodes["kind"])
        losses = pd.concat([_caused_in(run) for run in runs], axis=1).fillna(0.0).mean(axis=1)
        frame = pd.DataFrame({"kind": pd.Series(kinds), "loss_caused": losses}).rename_axis("name")
        frame = frame.sort_index().sort_values("loss_caused", ascending=False, kind="stable")
        total = float(frame["loss_caused"].sum())
        frame["share"] = frame["loss_caused"] / total if total > 0 else 0.0
        return frame

    def __repr__(self) -> str:
        title, rows, notes = self._card()
        names = [name for name, *_ in rows]
        wide = max(map(len, ["policy", *names]))
        lines = [title, f"  {'policy':<{wide}}  {'mean loss':>12}  {'difference':>12}"]
        lines += [f"  {name:<{wide}}  {mean:>12}  {difference:>12}" for name, mean, difference in rows]
        return "\n".join([*lines, *(f"  {note}" for note in notes)])

    def _repr_html_(self) -> str:
        title, rows, notes = self._card()
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        head = "<tr><th>policy</th><th>mean loss</th><th>difference</th></tr>"
        below = "".join(f"<div>{escape(note)}</div>" for note in notes)
        return f"<div><b>{escape(title)}</b><table>{head}{body}</table>{below}</div>"

    @cached_property
    def _usual_bills(self) -> pd.DataFrame:
        """The bills at the default rates; the cost is the metric's mean where a model does not say what it used."""
        bills = self._bills(CostRates())
        if "policy_cost" in self.table and self.outlays["seconds"].isna().all():
            bills["cost"] = self._means()["policy_cost"]
        return bills

    def _bills(self, rates: CostRates) -> pd.DataFrame:
        """The bill of each set over the scenarios that ran under it and under "none", index policy."""
        bills = {}
        for name, policies in self.policies.items():
            rows = self._pairs(name)[0]
            load = rows[WEIGHT].to_numpy() if self.weighted else None
            bills[name] = bill(policies, self.outlays.loc[rows.index].to_numpy(), rates, load)
        return pd.DataFrame(bills).T.rename_axis("policy")

    def _priced(self, run: Run, policy: str, scenario: int) -> Run:
        """Return the run with the cost of its row, if the study reached it and its model says what it used."""
        mine = (self.table["policy"] == policy) & (self.table["scenario"] == scenario)
        rows = self.table[mine & (self.table["status"] == "ok") & self.outlays["seconds"].notna()]
        if rows.empty or "policy_cost" not in rows:
            return run
        metrics = run.metrics.copy()
        metrics["policy_cost"] = rows["policy_cost"].iloc[0]
        return replace(run, metrics=metrics)

    def _card(self) -> tuple[str, list[tuple[str, str, str]], list[str]]:
        """Return title, one row per set and the notes of the card."""
        unit = self.networks[0].unit
        means = self._means()["system_loss"]
        networks = f"{len(self.networks)} networks" if len(self.networks) > 1 else "1 network"
        title = f"Comparison of {len(self.policies)} policy sets: {self.n} scenarios on {networks}, {unit}"
        changes = means - self._means(1)["system_loss"]
        rows = [(name, _shown(means[name]), _shown(changes[name], "+")) for name in self.policies]
        notes = ["mean system_loss and its difference from none; intervals: .effects('system_loss')"]
        return title, rows, [*notes, self.note] if self.note else notes

    def _reached(self) -> pd.DataFrame:
        """Return the rows of the scenarios that an interrupted study reached under all sets, failed ones included."""
        counts = self.table.groupby("scenario")["policy"].transform("size")
        reached = self.table[counts == len(self.policies)]
        if reached.empty:
            raise ScenarioError(
                "the study was interrupted before any scenario ran under every policy set",
                remedy="run it again, or read to_frame()",
            )
        return reached

    def _means(self, side: int = 0) -> pd.DataFrame:
        """Mean of every metric over the pairs of each set, of its own runs or (side 1) of those of "none"."""
        names = self.metric_names
        rows = {name: self._mean(self._pairs(name)[side], names) for name in self.policies}
        return pd.DataFrame(rows).T.rename_axis("policy")

    def _mean(self, rows: pd.DataFrame, names: list[str]) -> pd.Series:
        """Mean of every metric over the rows that have it, each with its weight."""
        if not self.weighted:
            return rows[names].mean()
        load = rows[names].notna().mul(rows[WEIGHT], axis=0).sum()
        return rows[names].mul(rows[WEIGHT], axis=0).sum() / load.where(load > 0.0)

    @cached_property
    def _complete(self) -> npt.NDArray[np.bool_]:
        """Which rows are done, of scenarios that were reached under every set."""
        counts = self.table.groupby("scenario")["policy"].transform("size")
        return ((counts == len(self.policies)) & (self.table["status"] == "ok")).to_numpy(np.bool_)

    def _pairs(self, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows of a set and of "none", over the scenarios that ran under both."""
        of = self.table["policy"]
        own, none = (self.table[self._complete & (of == policy).to_numpy()] for policy in (name, "none"))
        return own[own["scenario"].isin(none["scenario"])], none[none["scenario"].isin(own["scenario"])]


def unweighted(thing: Any, what: str) -> None:
    """Refuse a family or a comparison whose scenarios carry weights, where `what` has no weighted version.

    Raises
    ------
    SchemaError
        If they do.
    """
    if getattr(thing, "weighted", False):
        raise SchemaError(
            "has scenarios that carry weights (importance sampling)",
            where=what,
            remedy="give the family without .tilted(...): this has no weighted version",
        )


def _shown(value: float, sign: str = "") -> str:
    return "–" if np.isnan(value) else f"{value:{sign},.4g}"


def _caused_in(run: Run) -> pd.Series:
    """Loss caused by each node of a run; a venue's is what its markets and its failure caused together."""
    nodes = run.nodes["loss_caused"]
    venues = run.venues["loss_caused"]
    return nodes.combine(venues, lambda a, b: a if np.isnan(b) else b) if len(venues) else nodes
