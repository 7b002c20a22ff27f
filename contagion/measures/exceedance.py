"""How probable is it that a metric passes a limit, and does a set of rules change that?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.intervals import Interval, joined
from contagion.measures.paired import holm, paired_effect
from contagion.measures.panel import weights_of
from contagion.measures.proportions import share_interval
from contagion.measures.weighted import exceedance_interval, weighted_effects

__all__ = ["EXCEEDANCE_COLUMNS", "exceedance_table"]

EXCEEDANCE_COLUMNS = (
    "probability",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "p_adjusted",
    "n",
    "note",
)


def exceedance_table(
    frame: pd.DataFrame,
    metric: str,
    limit: float,
    against: str = "none",
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how probable it is under every set that a metric is above a limit.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns policy, scenario, network, status and the metric, and weight where scenarios carry one.
    metric : str
        The metric.
    limit : float
        The limit, in the metric's unit; a value equal to it does not exceed it.
    against : str, default "none"
        The set that the others are compared with.
    confidence : float, default 0.95
        Coverage of the intervals.
    seed : int, default 0
        Root seed of the study.

    Returns
    -------
    pandas.DataFrame
        Index policy. probability with its interval (`contagion.measures.share_interval`); difference of the
        probabilities on the same scenarios with interval and p-value (`contagion.measures.paired_effects`), NaN for
        `against` itself; p_adjusted (Holm over the sets); n scenarios with a value; note. A scenario that failed
        widens the intervals to its best and worst case, one whose metric has no value is left out.

    Raises
    ------
    SchemaError, ValueRangeError
        If the metric or the set does not exist, or the limit is no number.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": ["none", "halt"] * 40, "scenario": np.repeat(range(40), 2)})
    >>> frame = frame.assign(network=0, status="ok", system_loss=np.tile([4.0, 3.0], 40))
    >>> exceedance_table(frame, "system_loss", 3.5)["probability"].tolist()
    [1.0, 0.0]
    """
    if isinstance(limit, bool) or not isinstance(limit, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where="limit", value=limit, allowed="a number in the metric's unit")
    if np.isnan(limit):
        raise ValueRangeError("is no number", where="limit", value=limit)
    policies = [str(name) for name in dict.fromkeys(frame["policy"])]
    if metric not in frame.columns or against not in policies:
        where, value = ("against", against) if metric in frame.columns else ("metric", metric)
        raise SchemaError("does not exist", where=where, value=value)
    values, defined = _sides(frame, metric, policies)
    networks = frame.drop_duplicates("scenario").set_index("scenario")["network"].loc[values.index].to_numpy()
    weights = weights_of(frame, values.index)
    above = values.gt(limit).astype(np.float64).where(values.notna())
    rows = []
    for name in policies:
        own = defined[name].to_numpy()
        share = (
            _share(above[name].to_numpy()[own], weights, own, networks, confidence, seed, metric)
            if own.any()
            else None
        )
        row: dict[str, object] = dict.fromkeys(EXCEEDANCE_COLUMNS, np.nan)
        row |= {"n": int(above[name].notna().sum()), "note": "no scenario has a value"}
        if share is not None:
            row |= {"probability": share.value, "low": share.low, "high": share.high, "note": share.note}
        if name != against and share is not None:
            row |= _difference(
                above, defined, name, against, networks, weights, confidence, (seed, metric), str(row["note"])
            )
        rows.append(row)
    table = pd.DataFrame(
        rows, columns=list(EXCEEDANCE_COLUMNS), index=pd.Index(policies, name="policy", dtype=object)
    )
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=np.float64))
    table = table.astype(dict.fromkeys(EXCEEDANCE_COLUMNS[:-2], "float64"))
    table.attrs = {
        "metric": metric,
        "limit": float(limit),
        "against": against,
        "confidence": confidence,
        "seed": int(seed),
    }
    return table


def _share(
    hits: np.ndarray,
    weights: np.ndarray | None,
    own: np.ndarray,
    networks: np.ndarray,
    confidence: float,
    seed: int,
    metric: str,
) -> Interval:
    """Share of the scenarios that are above; by the bootstrap where scenarios carry weights, else exact."""
    if weights is None:
        return share_interval(hits, confidence=confidence, networks=networks[own])
    key = ("exceedance", metric)
    return exceedance_interval(
        hits, 0.5, weights[own], confidence=confidence, networks=networks[own], seed=seed, key=key
    )


def _sides(frame: pd.DataFrame, metric: str, policies: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values by scenario and set, NaN where there is none; and where there is one or the scenario failed."""
    ok = frame["status"] == "ok"
    wide = frame.assign(value=frame[metric].where(ok), lost=~ok)
    values = wide.pivot(index="scenario", columns="policy", values="value")[policies]
    ran = wide.assign(ran=ok).pivot(index="scenario", columns="policy", values="ran")[policies]
    failed = ran.isna() | ~ran.fillna(False).astype(bool)
    return values, failed | values.notna()


def _difference(
    above: pd.DataFrame,
    defined: pd.DataFrame,
    name: str,
    against: str,
    networks: np.ndarray,
    weights: np.ndarray | None,
    confidence: float,
    key: tuple[int, str],
    note: str,
) -> dict[str, object]:
    both = (defined[name] & defined[against]).to_numpy()
    if not both.any():
        return {}
    options: dict[str, Any] = {"networks": networks[both], "seed": key[0], "key": ("exceedance", key[1])}
    options["confidence"] = confidence
    mine, base = above[name].to_numpy()[both], above[against].to_numpy()[both]
    if weights is None:
        effect = paired_effect(mine, base, **options)
    else:
        effect = weighted_effects([mine], base, weights[both], **options)[0]
    return {
        "difference": effect.difference,
        "difference_low": effect.low,
        "difference_high": effect.high,
        "p_value": effect.p_value,
        "note": joined(note, f"difference: {effect.note}" if effect.note else ""),
    }
