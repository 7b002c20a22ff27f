"""Is what cannot be changed unchanged? Differences whose size is known beforehand: exactly 0.

The placebo, a set that does nothing, must leave every metric of every scenario alone. The negative control is a metric
that a set cannot reach: direct_loss values the opening book at the outside prices of the end, so no rule that only acts
during a run may move it. A difference there, however small, says that sets did not meet the same scenarios.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

__all__ = ["CONTROL_COLUMNS", "UNREACHABLE", "controls_note", "controls_table"]

CONTROL_COLUMNS = ("control", "policy", "metric", "n", "unequal", "largest", "passed")

UNREACHABLE = "direct_loss"
"""The metric that no rule can change that leaves the network as it is at the opening."""


def controls_table(
    frame: pd.DataFrame, metrics: Sequence[str], untouched: Iterable[str], against: str = "none"
) -> pd.DataFrame:
    """Return every control of a study with its outcome.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns policy, scenario, status and the metrics.
    metrics : sequence of str
        Metrics that the placebo must leave alone.
    untouched : iterable of str
        Sets whose rules leave the network as it is at the opening.
    against : str, default "none"
        The set without rules.

    Returns
    -------
    pandas.DataFrame
        One row per control: control ("placebo" or "negative control"), policy, metric, n (scenarios that ran on both
        sides), unequal (how many of them differ in a bit), largest (the largest difference), passed.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": ["none", "placebo"], "scenario": 0, "status": "ok", "bad_debt": [2.0, 2.5]})
    >>> controls_table(frame, ["bad_debt"], []).loc[0, ["unequal", "largest"]].tolist()
    [1.0, 0.5]
    """
    ok = frame[frame["status"] == "ok"]
    sides = {str(name): rows.set_index("scenario") for name, rows in ok.groupby("policy")}
    wanted = [("placebo", "placebo", metric) for metric in metrics]
    if UNREACHABLE in metrics:
        wanted += [("negative control", name, UNREACHABLE) for name in untouched]
    rows = []
    for control, policy, metric in wanted:
        if policy in sides and against in sides:
            rows.append((control, policy, metric, *_outcome(sides[policy][metric], sides[against][metric])))
    table = pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))
    return table.astype({"n": "int64", "unequal": "int64", "largest": "float64", "passed": "bool"})


def controls_note(table: pd.DataFrame) -> str:
    """Return what a reader must know where controls failed, else nothing."""
    failed = table[~table["passed"]]
    if failed.empty:
        return ""
    named = ", ".join(
        f"{row.control} {row.policy!r} changed {row.metric}" for row in failed.head(3).itertuples()
    )
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"no effect here can be trusted, for controls failed: {named}{more}"


def _outcome(own: pd.Series, base: pd.Series) -> tuple[int, int, float, bool]:
    own, base = own.align(base, join="inner")
    same = (own == base) | (own.isna() & base.isna())
    gaps = (own - base).abs().to_numpy(dtype=np.float64)
    largest = float(np.nan_to_num(gaps[~same.to_numpy()], nan=np.inf).max(initial=0.0))
    return len(own), int((~same).sum()), largest, bool(same.all())
