"""Statistics over the rows of a study that need nothing but the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contagion.errors import ValueRangeError, nearest
from contagion.measures.controls import controls_table
from contagion.measures.exceedance import exceedance_table
from contagion.measures.factorial import contrasts
from contagion.measures.intervals import joined
from contagion.measures.tails import effects_table, tail_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from contagion.policies import Policy

__all__ = ["PRIMARY", "StudyTables", "check_word", "labelled", "untouched"]

PRIMARY = "system_loss"
"""The metric that a study is about if none is named."""


class StudyTables:
    """Part of `contagion.comparison.Comparison`: what needs its rows alone, from effects to controls."""

    policies: dict[str, list[Policy]]
    level: float
    seed: int
    provenance: dict[str, Any]
    table: pd.DataFrame

    if TYPE_CHECKING:

        @property
        def metric_names(self) -> list[str]:
            """Names of the metrics."""

        def _reached(self) -> pd.DataFrame: ...

    @property
    def metric(self) -> str:
        """The metric that the study is about, named before it ran; every other one is exploratory."""
        return str(self.provenance.get("metric", PRIMARY))

    def effects(self, metric: str | None = None, against: str = "none") -> pd.DataFrame:
        """Return what each set changed, with intervals over the paired scenarios.

        Parameters
        ----------
        metric : str, optional
            A column of `to_frame`; the metric that the study is about if not given. Others are exploratory.
        against : str, default "none"
            The set that the others are compared with.

        Returns
        -------
        pandas.DataFrame
            Index policy; difference = set minus `against`, so negative means less; low, high, p_value,
            p_adjusted (Holm over the sets), helped, unchanged, harmed (shares of scenarios), n, note; then the median
            and tail differences, the interval of harmed, and what the largest scenarios carry (`effects_table`).

        Raises
        ------
        ValueRangeError
            If the metric or the set does not exist.
        ScenarioError
            If the study was interrupted before any scenario ran under every set.
        """
        metric = self.metric if metric is None else metric
        check_word("metric", metric, self.metric_names)
        check_word("against", against, self.policies)
        return effects_table(self._reached(), metric, against, self.level, self.seed, self.metric)

    def tail(self, metric: str = "system_loss", level: float = 0.95) -> pd.DataFrame:
        """Return value at risk and expected shortfall of each set.

        Parameters
        ----------
        metric : str
            A column of `to_frame`, losses positive.
        level : float, default 0.95
            Where the tail begins.

        Returns
        -------
        pandas.DataFrame
            Index policy; var, var_low, var_high, es, es_low, es_high, k (scenarios in the tail), note.

        Raises
        ------
        ValueRangeError
            If the metric does not exist or the level is not between 0 and 1.
        """
        check_word("metric", metric, self.metric_names)
        table = tail_table(self._reached(), metric, level, self.seed, confidence=self.level)
        return labelled(table, metric, self.metric)

    def interactions(self, metric: str = "system_loss") -> pd.DataFrame:
        """Return main effects and interactions where the sets are a full factorial, made by `contagion.factorial`.

        Parameters
        ----------
        metric : str
            The metric.

        Returns
        -------
        pandas.DataFrame
            Index term (``"a"``, ``"b"``, ``"a × b"``, ...); order, effect, low, high, p_value, p_adjusted, n, note. An
            interaction is 0 where effects add up, and positive where two sets do the same work twice.

        Raises
        ------
        ValueRangeError
            If the metric does not exist, or a combination is missing.
        """
        check_word("metric", metric, self.metric_names)
        table = contrasts(self._reached(), metric, confidence=self.level, seed=self.seed)
        return labelled(table, metric, self.metric)

    def exceedance(self, metric: str, limit: float, against: str = "none") -> pd.DataFrame:
        """Return how probable it is under each set that a metric is above a limit, and what each set changes in it.

        Parameters
        ----------
        metric : str
            A column of `to_frame`.
        limit : float
            The limit, in the metric's unit; a value equal to it does not exceed it.
        against : str, default "none"
            The set that the others are compared with.

        Returns
        -------
        pandas.DataFrame
            Index policy; probability, low, high (exact, or with the effective number of scenarios from 20 networks on);
            difference (paired), difference_low, difference_high, p_value, p_adjusted (Holm), n, note.

        Raises
        ------
        SchemaError, ValueRangeError
            If the metric or the set does not exist, or the limit is no number.
        ScenarioError
            If the study was interrupted before any scenario ran under every set.
        """
        check_word("metric", metric, self.metric_names)
        check_word("against", against, self.policies)
        table = exceedance_table(
            self._reached(), metric, limit, against, confidence=self.level, seed=self.seed
        )
        return labelled(table, metric, self.metric)

    def controls(self) -> pd.DataFrame:
        """Return the outcome of every check whose result is known beforehand to be exactly 0.

        Returns
        -------
        pandas.DataFrame
            One row per control: control, policy, metric, n, unequal, largest, passed. The placebo must leave every
            metric alone, and a set without rules in force at the opening (no `Policy.opening`) must leave direct_loss
            alone. The note of a study says it where one failed.
        """
        return controls_table(self.table, self.metric_names, untouched(self.policies))


def untouched(policies: Mapping[str, Sequence[Policy]]) -> list[str]:
    """Return the sets with a policy, none of which changes the network at the opening."""
    return [
        name
        for name, chosen in policies.items()
        if chosen and name != "placebo" and not any(policy.overrides("opening") for policy in chosen)
    ]


def labelled(table: pd.DataFrame, metric: str, primary: str) -> pd.DataFrame:
    """Mark the notes of a table on another metric than the one that the study is about."""
    if metric != primary:
        table["note"] = [joined("exploratory", str(note)) for note in table["note"]]
    return table


def check_word(where: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a word that is none of the choices, with ValueRangeError."""
    allowed = list(choices)
    if value not in allowed:
        words = f"one of {', '.join(allowed)}{nearest(value, allowed)}"
        raise ValueRangeError("is unknown", where=where, value=value, allowed=words)
