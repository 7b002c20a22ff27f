"""Does the answer depend on the length of a round?

The step is part of a cascade's answer: a long round hides what prices do inside it. Halving it twice shows
how far the headline numbers still move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.errors import ValueRangeError, nearest

if TYPE_CHECKING:
    from contagion.results import Run

__all__ = ["HEADLINE", "LARGEST_CHANGE", "check_step"]

HEADLINE = (
    "system_loss",
    "forced_cost",
    "liquidated_notional",
    "adl_notional",
    "bad_debt",
    "price_drop_max",
)
"""Metrics that a report shows first."""

LARGEST_CHANGE = 0.10
"""A headline metric that moves by a larger share when the step is halved is flagged."""


def check_step(run: Run, metric: str = "system_loss") -> pd.DataFrame:
    """Run the same scenario with half and a quarter of the step.

    Parameters
    ----------
    run : Run
        A run of a model with a step.
    metric : str, default "system_loss"
        The metric shown first; the other headline metrics follow.

    Returns
    -------
    pandas.DataFrame
        Index metric; value, half, quarter (the metric at the step, at half and at a quarter of it),
        change_half and change_quarter (what each halving added, as a share of the value before it), flagged
        (the last change is above 10 %). ``frame.attrs["step"]`` is the step of the run in seconds.

    Raises
    ------
    ValueRangeError
        If the model has no step, as in the static limit, or the metric does not exist.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> run = ct.run(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=60.0))
    >>> list(check_step(run).columns)
    ['value', 'half', 'quarter', 'change_half', 'change_quarter', 'flagged']
    """
    step = _step(run.model)
    names = [str(name) for name in run.metrics.index]
    if metric not in names:
        hint = nearest(metric, names)
        raise ValueRangeError(
            "is unknown", where="metric", value=metric, allowed=f"a metric of the run{hint}"
        )
    shown = list(dict.fromkeys([metric, *(name for name in HEADLINE if name in names)]))
    half, quarter = (_metrics_at(run, step / parts)[shown] for parts in (2.0, 4.0))
    frame = pd.DataFrame({"value": run.metrics[shown], "half": half, "quarter": quarter}).astype("float64")
    frame["change_half"] = _change(frame["value"], frame["half"])
    frame["change_quarter"] = _change(frame["half"], frame["quarter"])
    frame["flagged"] = frame["change_quarter"].abs() > LARGEST_CHANGE
    frame.attrs["step"] = step
    return frame.rename_axis("metric")


def _step(model: Any) -> float:
    """Return the model's step in seconds, or refuse a model without a clock."""
    step = getattr(model, "step", None)
    if step is None or getattr(model, "is_static", False):
        raise ValueRangeError("has no step", where="run.model", value=model, allowed="a model with a clock")
    return float(step)


def _metrics_at(run: Run, step: float) -> pd.Series[float]:
    """Return the metrics of the same scenario with rounds of `step` seconds."""
    model = replace(run.model, step=step)
    seed, scenario = int(run.provenance["seed"]), int(run.provenance.get("scenario", 0))
    prepared = model.prepare(run.network, list(run.policies))
    return pd.Series(prepared.metrics(run.shock, seed, scenario), index=list(prepared.metric_names))


def _change(before: pd.Series[float], after: pd.Series[float]) -> np.ndarray:
    """Return the change as a share of what was before; 0 where both are 0, infinite where only that is."""
    start, change = before.to_numpy(), (after - before).to_numpy()
    share = np.full(change.shape, np.inf)
    np.divide(change, np.abs(start), out=share, where=start != 0.0)
    return np.where(change == 0.0, 0.0, share)
