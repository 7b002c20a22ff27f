"""Which set of rules changed what, and how bad is the tail under each? The tables of a comparison.

Both read the long frame of a study: columns policy, scenario, network, status and one per metric, a row per
policy set and scenario. A row whose status is not "ok", or that is missing, is a scenario that failed: it is
never dropped silently but bounds the interval. A metric that is NaN in a run that went well has no value
there, and the note counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.concentration import carried, carried_note
from contagion.measures.intervals import Interval, es_difference, es_interval, joined, var_interval
from contagion.measures.paired import holm, paired_effects
from contagion.measures.proportions import share_interval
from contagion.measures.resampling import DRAWS, FEW_NETWORKS, between_networks
from contagion.measures.shortfall import check_level, tail_points

__all__ = ["EFFECT_COLUMNS", "TAIL_COLUMNS", "effects_table", "tail_table"]

KEYS: Final = ("policy", "scenario", "network", "status")

EFFECT_COLUMNS: Final = (
    "difference",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "helped",
    "unchanged",
    "harmed",
    "n",
    "note",
    "median_difference",
    "median_low",
    "median_high",
    "tail_difference",
    "tail_low",
    "tail_high",
    "between_networks",
    "harmed_low",
    "harmed_high",
    "carried_1",
    "carried_5",
)

TAIL_COLUMNS: Final = ("var", "var_low", "var_high", "es", "es_low", "es_high", "k", "note")


@dataclass(frozen=True, eq=False)
class _Panel:
    """One metric of a study as arrays; rows are policies in order of appearance, columns rising scenarios."""

    policies: list[str]
    networks: npt.NDArray[np.generic]
    values: npt.NDArray[np.float64]
    undefined: npt.NDArray[np.bool_]

    @property
    def n_networks(self) -> int:
        return len(np.unique(self.networks))


def effects_table(
    frame: pd.DataFrame,
    metric: str,
    against: str = "none",
    level: float = 0.95,
    seed: int = 0,
    headline: str = "system_loss",
    *,
    tail_level: float = 0.95,
) -> pd.DataFrame:
    """Return what each policy set changed against one of them, on the same scenarios.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns policy, scenario, network, status and the metrics.
    metric : str
        The metric, losses positive.
    against : str, default "none"
        The policy set that the others are compared with.
    level : float, default 0.95
        Coverage of the intervals.
    seed : int, default 0
        Root seed of the study.
    headline : str, default "system_loss"
        The metric that the study is about; the notes of every other one say "exploratory".
    tail_level : float, default 0.95
        Where the tail of `tail_difference` begins.

    Returns
    -------
    pandas.DataFrame
        Index policy, without `against`. difference (set minus `against`, negative is less loss), low, high,
        p_value, p_adjusted (Holm, over the sets of this table), helped, unchanged, harmed (shares), n, note;
        then median and tail (expected shortfall) differences with their intervals, and between_networks, the
        variance of the networks' mean differences; harmed_low and harmed_high, the interval of the probability of
        harm (`contagion.measures.share_interval`); carried_1 and carried_5, the part of the mean that the largest
        1 % and 5 % of scenarios carry (`contagion.measures.carried`), with a note above one half.
        ``frame.attrs`` holds metric, against, level, seed, draws.

    Raises
    ------
    SchemaError
        If a column, the metric or `against` does not exist, or a scenario comes twice.
    ValueRangeError
        If the frame is empty or a level is out of range.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": ["none", "halt"] * 30, "scenario": np.repeat(range(30), 2)})
    >>> frame = frame.assign(network=0, status="ok", system_loss=np.tile([4.0, 3.0], 30))
    >>> effects_table(frame, "system_loss").loc["halt", ["difference", "low", "high"]].tolist()
    [-1.0, -1.0, -1.0]
    """
    check_level(level), check_level(tail_level, "tail_level")
    panel = _panel(frame, metric)
    if against not in panel.policies:
        what = f"is no policy set{nearest(against, panel.policies)}"
        raise SchemaError(what, where="against", value=against, allowed=f"one of {', '.join(panel.policies)}")
    base = panel.policies.index(against)
    others = [i for i in range(len(panel.policies)) if i != base]
    undefined = panel.undefined[others] | panel.undefined[base]
    effects = (
        paired_effects(
            panel.values[others],
            panel.values[base],
            undefined=undefined,
            confidence=level,
            networks=panel.networks,
            seed=seed,
            key=(metric,),
        )
        if others
        else []
    )
    rows = []
    for i, left_out, effect in zip(others, undefined, effects, strict=True):
        differences = np.where(left_out, np.nan, panel.values[i] - panel.values[base])
        tail = _tail_difference(panel, i, base, ~left_out, tail_level, level, seed, metric)
        variance = between_networks(differences, panel.networks)
        harm = _harm(differences[~left_out], panel.networks[~left_out], level)
        few, more = carried(differences, 0.01), carried(differences, 0.05)
        own = joined(
            effect.note,
            carried_note(few, more),
            f"tail: {tail.note}" if tail.note else "",
            _network_note(panel, variance),
        )
        rows.append(
            {
                "difference": effect.difference,
                "low": effect.low,
                "high": effect.high,
                "p_value": effect.p_value,
                "p_adjusted": np.nan,
                "helped": effect.helped,
                "unchanged": effect.unchanged,
                "harmed": effect.harmed,
                "n": effect.n,
                "note": joined("" if metric == headline else "exploratory", own),
                "median_difference": effect.median,
                "median_low": effect.median_low,
                "median_high": effect.median_high,
                "tail_difference": tail.value,
                "tail_low": tail.low,
                "tail_high": tail.high,
                "between_networks": variance,
                "harmed_low": harm.low,
                "harmed_high": harm.high,
                "carried_1": few,
                "carried_5": more,
            }
        )
    table = _table(rows, EFFECT_COLUMNS, [panel.policies[i] for i in others], "n")
    table["p_adjusted"] = holm(table["p_value"].to_numpy())
    table.attrs = {"metric": metric, "against": against, "level": level, "seed": int(seed), "draws": DRAWS}
    return table


def tail_table(
    frame: pd.DataFrame, metric: str, level: float = 0.95, seed: int = 0, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return value at risk and expected shortfall of every policy set.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns policy, scenario, network, status and the metrics.
    metric : str
        The metric, losses positive; the tail is the upper one.
    level : float, default 0.95
        Where the tail begins.
    seed : int, default 0
        Root seed of the study.
    confidence : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Index policy; var, var_low, var_high, es, es_low, es_high, k (scenarios in the tail), note.
        ``frame.attrs`` holds metric, level, confidence, seed, draws.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `effects_table`.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": "none", "scenario": range(100), "network": 0, "status": "ok"})
    >>> tail_table(frame.assign(system_loss=range(1, 101)), "system_loss")["es"].tolist()
    [98.0]
    """
    check_level(level), check_level(confidence, "confidence")
    panel = _panel(frame, metric)
    rows = []
    for values, undefined in zip(panel.values, panel.undefined, strict=True):
        losses, networks = values[~undefined], panel.networks[~undefined]
        risk, shortfall, spread = _tail(losses, networks, level, confidence, seed, metric)
        left_out = (
            f"{int(undefined.sum()):,} scenarios have no value and are left out" if undefined.any() else ""
        )
        rows.append(
            {
                "var": risk.value,
                "var_low": risk.low,
                "var_high": risk.high,
                "es": shortfall.value,
                "es_low": shortfall.low,
                "es_high": shortfall.high,
                "k": tail_points(int(np.isfinite(losses).sum()), level),
                "note": joined(shortfall.note, risk.note, left_out, _network_note(panel, spread)),
            }
        )
    table = _table(rows, TAIL_COLUMNS, panel.policies, "k")
    table.attrs = {
        "metric": metric,
        "level": level,
        "confidence": confidence,
        "seed": int(seed),
        "draws": DRAWS,
    }
    return table


def _tail(
    losses: npt.NDArray[np.float64],
    networks: npt.NDArray[np.generic],
    level: float,
    confidence: float,
    seed: int,
    metric: str,
) -> tuple[Interval, Interval, float]:
    """Value at risk, expected shortfall, and the variance of the loss between networks."""
    if not len(losses):
        none = Interval(np.nan, np.nan, np.nan, "no scenario has a value")
        return none, none, np.nan
    risk = var_interval(losses, level, confidence=confidence, networks=networks, seed=seed, key=(metric,))
    shortfall = es_interval(losses, level, confidence=confidence, networks=networks, seed=seed, key=(metric,))
    return risk, shortfall, between_networks(losses, networks)


def _harm(differences: npt.NDArray[np.float64], networks: npt.NDArray[np.generic], level: float) -> Interval:
    """Probability of harm over scenarios that finished on both sides or failed, NaN."""
    if not len(differences):
        return Interval(np.nan, np.nan, np.nan)
    hits = np.where(np.isnan(differences), np.nan, differences > 0.0)
    return share_interval(hits, confidence=level, networks=networks)


def _tail_difference(
    panel: _Panel,
    policy: int,
    base: int,
    kept: npt.NDArray[np.bool_],
    tail_level: float,
    level: float,
    seed: int,
    metric: str,
) -> Interval:
    if not kept.any():
        return Interval(np.nan, np.nan, np.nan)
    return es_difference(
        panel.values[policy][kept],
        panel.values[base][kept],
        tail_level,
        confidence=level,
        networks=panel.networks[kept],
        seed=seed,
        key=(metric,),
    )


def _network_note(panel: _Panel, variance: float) -> str:
    n = panel.n_networks
    if n == 1:
        return ""
    scope = f"for these {n} networks" if n < FEW_NETWORKS else f"{n} networks resampled, then scenarios"
    return f"{scope}, variance between networks {variance:.3g}"


def _panel(frame: pd.DataFrame, metric: str) -> _Panel:
    """Return one metric of a long frame as arrays, or refuse the frame."""
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError("is no DataFrame", where="frame", value=frame)
    for column in (*KEYS, metric):
        if column not in frame.columns:
            raise SchemaError(
                f"has no column {column!r}{nearest(column, map(str, frame.columns))}", where="frame"
            )
    kind = frame[metric].dtype
    if metric in KEYS or not pd.api.types.is_any_real_numeric_dtype(kind):
        raise SchemaError(f"holds {kind}", where=f"metric {metric!r}", allowed="a column of numbers")
    if not len(frame):
        raise ValueRangeError("has no rows", where="frame", allowed="at least one scenario")
    rows, policies = pd.factorize(frame["policy"])
    columns, scenarios = pd.factorize(frame["scenario"], sort=True)
    if (rows < 0).any() or (columns < 0).any():
        raise SchemaError("has a row without policy or scenario", where="frame")
    if pd.Series(rows * len(scenarios) + columns).duplicated().any():
        raise SchemaError("has two rows for one policy and scenario", where="frame")
    shape = (len(policies), len(scenarios))
    numbers = frame[metric].to_numpy(dtype=np.float64, na_value=np.nan)
    ok = (frame["status"] == "ok").to_numpy(dtype=bool)
    values, undefined = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    values[rows, columns] = np.where(ok & np.isfinite(numbers), numbers, np.nan)
    undefined[rows, columns] = ok & ~np.isfinite(numbers)
    return _Panel(
        [str(name) for name in policies], _networks(frame, columns, len(scenarios)), values, undefined
    )


def _networks(frame: pd.DataFrame, columns: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.generic]:
    codes, _ = pd.factorize(frame["network"], sort=True)
    found = np.full(n, -1, dtype=np.intp)
    found[columns] = codes
    if (codes < 0).any() or (found[columns] != codes).any():
        raise SchemaError("has a scenario on no or on two networks", where="frame column network")
    return found


def _table(
    rows: list[dict[str, object]], columns: tuple[str, ...], policies: list[str], count: str
) -> pd.DataFrame:
    index = pd.Index(policies, name="policy", dtype=object)
    table = pd.DataFrame(rows, columns=list(columns), index=index)
    kinds = {
        name: "object" if name == "note" else "int64" if name == count else "float64" for name in columns
    }
    return table.astype(kinds)
