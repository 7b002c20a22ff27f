"""Which set of rules changed what, and how bad is the tail under each? The tables of a comparison.

Both read the long frame of a study: columns policy, scenario, network, status and one per metric, a row per
policy set and scenario. A row whose status is not "ok", or that is missing, is a scenario that failed: it is
never dropped silently but bounds the interval. A metric that is NaN in a run that went well has no value
there, and the note counts it. Where the frame has a column weight, every number is that of the weighted sample.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, nearest
from contagion.measures.concentration import carried, carried_note
from contagion.measures.intervals import Interval, es_difference, es_interval, joined, var_interval
from contagion.measures.paired import PairedEffect, holm, paired_effects
from contagion.measures.panel import Panel, panel
from contagion.measures.proportions import share_interval
from contagion.measures.resampling import DRAWS, FEW_NETWORKS, between_networks
from contagion.measures.shortfall import check_level, tail_points
from contagion.measures.weighted import exceedance_interval, weighted_carried, weighted_effects
from contagion.measures.weighted_tails import (
    tail_size,
    weighted_between_networks,
    weighted_es_difference,
    weighted_es_interval,
    weighted_var_interval,
)

__all__ = ["EFFECT_COLUMNS", "TAIL_COLUMNS", "effects_table", "tail_table"]

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
    found = panel(frame, metric)
    if against not in found.policies:
        what = f"is no policy set{nearest(against, found.policies)}"
        raise SchemaError(what, where="against", value=against, allowed=f"one of {', '.join(found.policies)}")
    base = found.policies.index(against)
    others = [i for i in range(len(found.policies)) if i != base]
    undefined = found.undefined[others] | found.undefined[base]
    effects = (
        _effects(found, others, base, undefined, confidence=level, seed=seed, key=(metric,)) if others else []
    )
    rows = []
    for i, left_out, effect in zip(others, undefined, effects, strict=True):
        differences = np.where(left_out, np.nan, found.values[i] - found.values[base])
        tail = _tail_difference(found, i, base, ~left_out, tail_level, level, seed, metric)
        variance = _between(found, differences)
        harm = _harm(found, differences, ~left_out, level, seed, metric)
        few, more = (_carried(found, differences, share) for share in (0.01, 0.05))
        own = joined(
            effect.note,
            carried_note(few, more),
            f"tail: {tail.note}" if tail.note else "",
            _network_note(found, variance),
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
    table = _table(rows, EFFECT_COLUMNS, [found.policies[i] for i in others], "n")
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
        Index policy; var, var_low, var_high, es, es_low, es_high, k (scenarios in the tail; with
        weights, its effective sample size), note.
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
    found = panel(frame, metric)
    rows = []
    for values, undefined in zip(found.values, found.undefined, strict=True):
        risk, shortfall, spread, k = _tail(found, values, ~undefined, level, confidence, seed, metric)
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
                "k": k,
                "note": joined(shortfall.note, risk.note, left_out, _network_note(found, spread)),
            }
        )
    table = _table(rows, TAIL_COLUMNS, found.policies, "k")
    table.attrs = {
        "metric": metric,
        "level": level,
        "confidence": confidence,
        "seed": int(seed),
        "draws": DRAWS,
    }
    return table


def _effects(
    found: Panel, others: list[int], base: int, undefined: npt.NDArray[np.bool_], **options: Any
) -> list[PairedEffect]:
    """What the other sets changed, with weights where scenarios carry them."""
    rows, against = found.values[others], found.values[base]
    options = {"undefined": undefined, "networks": found.networks, **options}
    if found.weights is None:
        return paired_effects(rows, against, **options)
    return weighted_effects(rows, against, found.weights, **options)


def _between(found: Panel, values: npt.NDArray[np.float64]) -> float:
    """Return the variance between the networks' means."""
    if found.weights is None:
        return between_networks(values, found.networks)
    return weighted_between_networks(values, found.networks, found.weights)


def _tail(
    found: Panel,
    values: npt.NDArray[np.float64],
    kept: npt.NDArray[np.bool_],
    level: float,
    confidence: float,
    seed: int,
    metric: str,
) -> tuple[Interval, Interval, float, int]:
    """Value at risk, expected shortfall, variance of the loss between networks, scenarios in the tail."""
    losses = values[kept]
    if not len(losses):
        none = Interval(np.nan, np.nan, np.nan, "no scenario has a value")
        return none, none, np.nan, 0
    options: dict[str, Any] = {"networks": found.networks[kept], "seed": seed, "key": (metric,)}
    options["confidence"] = confidence
    if found.weights is None:
        risk, shortfall = (make(losses, level, **options) for make in (var_interval, es_interval))
        k = tail_points(int(np.isfinite(losses).sum()), level)
    else:
        load = found.weights[kept]
        risk = weighted_var_interval(losses, load, level, **options)
        shortfall = weighted_es_interval(losses, load, level, **options)
        k = int(tail_size(losses, load, level))
    return risk, shortfall, _between(found, np.where(kept, values, np.nan)), k


def _harm(
    found: Panel,
    differences: npt.NDArray[np.float64],
    kept: npt.NDArray[np.bool_],
    level: float,
    seed: int,
    metric: str,
) -> Interval:
    """Probability of harm over scenarios that finished on both sides or failed, NaN."""
    if not kept.any():
        return Interval(np.nan, np.nan, np.nan)
    chosen, networks = differences[kept], found.networks[kept]
    if found.weights is None:
        hits = np.where(np.isnan(chosen), np.nan, chosen > 0.0)
        return share_interval(hits, confidence=level, networks=networks)
    load, key = found.weights[kept], ("harm", metric)
    return exceedance_interval(chosen, 0.0, load, confidence=level, networks=networks, seed=seed, key=key)


def _carried(found: Panel, differences: npt.NDArray[np.float64], share: float) -> float:
    """Part of the mean effect that the largest scenarios make."""
    if found.weights is None:
        return carried(differences, share)
    return weighted_carried(differences, found.weights, share)


def _tail_difference(
    found: Panel,
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
    options: dict[str, Any] = {"networks": found.networks[kept], "seed": seed, "key": (metric,)}
    options["confidence"] = level
    own, against = found.values[policy][kept], found.values[base][kept]
    if found.weights is None:
        return es_difference(own, against, tail_level, **options)
    return weighted_es_difference(own, against, found.weights[kept], tail_level, **options)


def _network_note(found: Panel, variance: float) -> str:
    n = found.n_networks
    if n == 1:
        return ""
    scope = f"for these {n} networks" if n < FEW_NETWORKS else f"{n} networks resampled whole"
    return f"{scope}, variance between networks {variance:.3g}"


def _table(
    rows: list[dict[str, object]], columns: tuple[str, ...], policies: list[str], count: str
) -> pd.DataFrame:
    index = pd.Index(policies, name="policy", dtype=object)
    table = pd.DataFrame(rows, columns=list(columns), index=index)
    kinds = {
        name: "object" if name == "note" else "int64" if name == count else "float64" for name in columns
    }
    return table.astype(kinds)
