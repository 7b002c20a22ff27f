"""What a report needs beyond the numbers at hand: two runs in full, the negative control, other steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from contagion.errors import ContagionError
from contagion.experiments.load import Absent
from contagion.experiments.steps import check_step
from contagion.reporting.material import NONE, Control, Material, Story

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.results import Run

COMPARED = (
    "direct_loss",
    "system_loss",
    "system_gain",
    "forced_cost",
    "liquidated_notional",
    "liquidated_accounts",
    "bad_debt",
    "fund_used",
    "price_drop_max",
    "node_defaults",
)

AT_LEAST = "a system loss that is at least as large"


def of_comparison(comparison: Comparison, leverage_band: pd.DataFrame | None) -> Material:
    """Return what a report on a comparison is written from.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    leverage_band : DataFrame or None
        The study at other leverages, if it was computed.
    """
    if not whole(comparison):
        return Material(
            tuple(comparison.networks), comparison=comparison, stories=(), leverage_band=leverage_band
        )
    load = ", by their weight," if comparison.weighted else ""
    stories = (
        _story(comparison, "median", "median scenario", f"Half of all scenarios{load} have {AT_LEAST}"),
        _story(comparison, "bad", "bad scenario", f"One scenario in twenty{load} has {AT_LEAST}"),
    )
    return Material(
        networks=tuple(comparison.networks),
        comparison=comparison,
        stories=stories,
        control=negative_control(stories[-1].run),
        step_check=_steps(stories[0].run),
        leverage_band=leverage_band,
    )


def whole(comparison: Comparison) -> bool:
    """Return whether a comparison can be run again; one read from a folder may lack networks or code.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    """
    parts = (*comparison.networks, comparison.model, comparison.family)
    return not any(isinstance(part, Absent) for part in parts)


def of_run(run: Run, leverage_band: pd.DataFrame | None) -> Material:
    """Return what a report on one run is written from.

    Parameters
    ----------
    run : Run
        The run.
    leverage_band : DataFrame or None
        The study at other leverages, if it was computed.
    """
    return Material(
        networks=(run.network,),
        comparison=None,
        stories=(Story("run", "It is the only one in this report.", run),),
        control=negative_control(run),
        step_check=_steps(run),
        leverage_band=leverage_band,
    )


def _story(comparison: Comparison, which: str, label: str, rank: str) -> Story:
    scenario = comparison.representative(which, "system_loss", NONE)
    choice = f"{rank} under the rules as they stand (scenario {scenario})."
    return Story(label, choice, comparison.rerun(NONE, scenario))


def negative_control(run: Run) -> Control | None:
    """Run a scenario in the static limit with and without a halt of all markets and return the differences.

    Parameters
    ----------
    run : Run
        Its network and shock are used.

    Returns
    -------
    Control or None
        Nothing where the model has no static limit.
    """
    from contagion.policies import Halt

    static = getattr(type(run.model), "static", None)
    if static is None:
        return None
    free, halted = (_metrics(run, static(), policies) for policies in ([], [Halt(scope="all")]))
    both_missing = free.isna() & halted.isna()
    gaps = (halted - free).mask(both_missing, 0.0)
    return Control({name: float(gaps[name]) for name in COMPARED if name in gaps.index})


def _metrics(run: Run, model: Any, policies: list[Any]) -> pd.Series:
    prepared = model.prepare(run.network, policies)
    seed, scenario = int(run.provenance["seed"]), int(run.provenance.get("scenario", 0))
    return pd.Series(
        prepared.metrics(run.shock, seed, scenario), index=list(prepared.metric_names), dtype=float
    )


def _steps(run: Run) -> pd.DataFrame | None:
    try:
        return check_step(run)
    except ContagionError:  # a model without a clock has no step to halve
        return None
