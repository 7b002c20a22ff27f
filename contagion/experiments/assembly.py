"""From what came back to a `Comparison`: tables, errors, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.comparison import KEYS, Comparison
from contagion.errors import ScenarioError
from contagion.experiments.charges import charge
from contagion.experiments.tasks import ERROR, MISSING, STATUS, TIMEOUT, Outcome
from contagion.measures.controls import controls_note, controls_table
from contagion.measures.panel import WEIGHT
from contagion.measures.study import untouched
from contagion.measures.weighted import effective_size
from contagion.policies.bills import OUTLAY

if TYPE_CHECKING:
    from contagion.policies import Policy

__all__ = ["assembled", "drawn_scenarios"]


def assembled(
    outcome: Outcome,
    sets: dict[str, list[Policy]],
    networks: tuple[Any, ...],
    metric_names: Sequence[str],
    notes: Sequence[str] = (),
    **rest: Any,
) -> Comparison:
    """Price what came back, and return it as a comparison.

    Parameters
    ----------
    outcome : Outcome
        Raw rows; changed in place.
    sets : dict
        Policy sets in the order of the outcome.
    networks : tuple of Network
        The networks.
    metric_names : sequence of str
        Names of the metrics, in the order of the outcome.
    notes : sequence of str
        What else a reader must know.
    **rest
        The other parts of a `Comparison`.

    Raises
    ------
    ScenarioError
        If every single run failed.
    """
    names = list(sets)
    charge(outcome, list(sets.values()), metric_names, names.index("none"))
    _check_some_ran(outcome)
    metrics = tuple(metric_names)
    table = _table(outcome, names, len(networks), metrics)
    controls = controls_note(controls_table(table, metrics, untouched(sets)))
    family = rest["family"]
    told = [getattr(family, "caution", "")]
    if getattr(family, "weighted", False):
        weights = np.asarray(family.weights(rest["n"], rest["seed"]), dtype=np.float64)
        table.insert(len(KEYS), WEIGHT, weights[table["scenario"].to_numpy()])
        size = effective_size(weights)
        told.append(f"importance sampling: effective sample size {size:,.0f} of {rest['n']:,} scenarios")
    return Comparison(
        policies=sets,
        networks=networks,
        errors=_errors(outcome, names, len(networks), rest["seed"]),
        note="; ".join(filter(None, [_note(outcome, names), controls, *notes, *told])),
        table=table,
        outlays=_outlays(outcome),
        **rest,
    )


def _check_some_ran(outcome: Outcome) -> None:
    done = outcome.status != MISSING
    if done.any() and (outcome.status[done] >= ERROR).all():
        first = outcome.messages[min(outcome.messages)]
        raise ScenarioError(f"all {int(done.sum()):,} runs failed; the first of them: {first}")


def _table(outcome: Outcome, names: list[str], n_networks: int, metrics: tuple[str, ...]) -> pd.DataFrame:
    policy, scenario = np.nonzero(outcome.status)
    words = np.array(STATUS, dtype=object)
    keys = pd.DataFrame(
        {
            "policy": pd.Series(np.array(names, dtype=object)[policy], dtype=object),
            "scenario": scenario.astype(np.int64),
            "network": (scenario % n_networks).astype(np.int64),
            "status": pd.Series(words[outcome.status[policy, scenario]], dtype=object),
        },
        columns=list(KEYS),
    )
    rows = outcome.metrics[policy, scenario, : len(metrics)]
    values = pd.DataFrame(rows, columns=list(metrics))
    return pd.concat([keys, values], axis=1)


def _outlays(outcome: Outcome) -> pd.DataFrame:
    policy, scenario = np.nonzero(outcome.status)
    return pd.DataFrame(outcome.metrics[policy, scenario, -len(OUTLAY) :], columns=list(OUTLAY))


def _errors(outcome: Outcome, names: list[str], n_networks: int, seed: int) -> pd.DataFrame:
    rows = [(names[p], i, i % n_networks, seed, outcome.messages[p, i]) for p, i in sorted(outcome.messages)]
    return pd.DataFrame(rows, columns=["policy", "scenario", "network", "seed", "message"])


def drawn_scenarios(names: Sequence[list[str]], family: Any, n: int, seed: int) -> pd.DataFrame:
    """Return scenario, network and the log returns; assets that a network lacks are NaN in its rows.

    Parameters
    ----------
    names : sequence of list of str
        Assets that move, of each network.
    family : Family
        Where the scenarios come from.
    n, seed : int
        How many, and the root seed.
    """
    nothing = pd.DataFrame(index=pd.RangeIndex(n, name="scenario"))
    draws = {
        assets: family.draw(list(assets), n, seed) if assets else nothing
        for assets in dict.fromkeys(map(tuple, names))
    }
    parts = [draws[tuple(assets)].iloc[place :: len(names)] for place, assets in enumerate(names)]
    returns: pd.DataFrame = pd.concat(
        [part.set_axis(range(place, n, len(names))) for place, part in enumerate(parts)]
    )
    numbers = np.arange(n, dtype=np.int64)
    keys = pd.DataFrame({"scenario": numbers, "network": numbers % len(names)})
    return pd.concat([keys, returns.sort_index()], axis=1)


def _note(outcome: Outcome, names: list[str]) -> str:
    notes = []
    if outcome.interrupted or (outcome.status == MISSING).any():
        done, total = int((outcome.status != MISSING).sum()), outcome.status.size
        word = "interrupted" if outcome.interrupted else "incomplete"
        notes.append(f"{word}: {done:,} of {total:,} runs are done, the rest is in .missing")
    if outcome.messages:
        counts = (outcome.status >= ERROR).sum(axis=1).tolist()
        sets = ", ".join(f"{name!r} {count:,}" for name, count in zip(names, counts, strict=True) if count)
        notes.append(f"{len(outcome.messages):,} runs failed and have no numbers ({sets}), see .errors")
    late = int((outcome.status == TIMEOUT).sum())
    if late:
        notes.append(f"{late:,} of them took longer than their time")
    return "; ".join(notes)
