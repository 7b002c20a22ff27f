"""Which mechanism makes the loss? Margin calls, deleveraging, unwinding, arbitrage and defaults, on and off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.experiments import arguments
from contagion.experiments.attribute import check_metric
from contagion.experiments.coalitions import REST, Game, intervals, shock_of, total_and_rest
from contagion.measures.shapley import first_in, leave_one_out, shapley_values
from contagion.network.network import Network
from contagion.policies import Policy
from contagion.propagation.run import check_model
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.families import Family
    from contagion.propagation.run import Prepared
    from contagion.shocks import Shock

__all__ = ["attribute_stages"]

RULES = {"first_in": first_in, "last_in": leave_one_out, "shapley": shapley_values}


def attribute_stages(
    net: Network,
    shock: Family | Shock | Sequence[Shock],
    model: Any = None,
    *,
    stages: Sequence[str] | None = None,
    metric: str = "system_loss",
    policies: Sequence[Policy] | Policy = (),
    n: int | None = None,
    seed: int = 0,
    level: float = 0.95,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Share the loss of the system among the stages of a model.

    Every combination of the stages runs on every scenario; stages of the model that are not named stay on.

    Parameters
    ----------
    net, shock, metric, policies, n, seed, level, n_jobs
        As in `contagion.attribute`.
    model : Cascade, optional
        A model with `stages`; ``ct.Cascade()`` if not given.
    stages : sequence of str, optional
        Which stages to share among; all that are on in the model if not given.

    Returns
    -------
    pandas.DataFrame
        Index stage: first_in (what the stage adds to none of them), last_in (what goes when it alone is switched off)
        and shapley (mean over all orders), each with _low and _high, in the metric's unit, and share (shapley as
        part of the total). The last row ``rest`` is what remains without any of them; the shapley column sums to the
        total. A negative number: the stage spares loss, as margin calls may. ``attrs`` holds metric, total, rest,
        n, seed.

    Raises
    ------
    SchemaError, ValueRangeError
        If an argument is of the wrong type or out of range, the model has no stages, or a stage is not on.
    NetworkError
        If the shock lets nodes fail and "defaults" is among the stages, since without them nobody can.
    ScenarioError
        If the metric has no value in a run.

    References
    ----------
    Shorrocks (2013), "Decomposition procedures for distributional analysis: a unified framework based on the Shapley
    value", Journal of Economic Inequality 11, for first-in, last-in and Shapley contributions.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> table = ct.attribute_stages(net, ct.PriceShock({"BTC": -0.3}), ct.Cascade.static())
    >>> list(table.index)
    ['unwinding', 'defaults', 'rest']
    """
    if not isinstance(net, Network):
        raise SchemaError("is no network", where="net", value=net, allowed="a ct.Network")
    seed = check_seed(seed)
    ready: Any = check_model(model)
    _, count = arguments.scenarios(shock, n)
    arguments.check_workers(n_jobs)
    chosen = tuple([policies] if isinstance(policies, Policy) else policies)
    on = _check_stages(ready, stages)
    confidence, scenario = arguments.share("level", level), shock_of(net, shock, seed)

    def prepare(coalition: int) -> tuple[Prepared, Callable[[int], Shock]]:
        off = {stage for bit, stage in enumerate(on) if not coalition >> bit & 1}
        kept = replace(ready, stages=tuple(stage for stage in ready.stages if stage not in off))
        return kept.prepare(net, chosen), scenario

    game = Game(on, prepare, metric, count, seed, n_jobs)
    check_metric(prepare(game.everybody)[0], metric)
    return _table(game, confidence)


def _check_stages(model: Any, stages: Sequence[str] | None) -> tuple[str, ...]:
    if not is_dataclass(model) or not hasattr(model, "stages"):
        raise SchemaError(
            "has no stages to switch off", where="model", value=model, allowed="a model such as ct.Cascade()"
        )
    on = tuple(model.stages)
    wanted = on if stages is None else stages
    if isinstance(wanted, str) or not len(wanted) or len(set(wanted)) < len(wanted):
        raise SchemaError("is no list of stages", where="stages", value=stages, allowed=", ".join(on))
    for stage in wanted:
        if stage not in on:
            words = f"one that is on in the model: {', '.join(on)}{nearest(stage, on)}"
            raise ValueRangeError("is not on", where="stages", value=stage, allowed=words)
    return tuple(wanted)


def _table(game: Game, confidence: float) -> pd.DataFrame:
    worths = game.worths(range(game.everybody + 1))
    total, rest = total_and_rest(game)
    columns: dict[str, pd.Series] = {}
    for name, rule in RULES.items():
        found = intervals(game.players, rule(worths), confidence, game.seed)
        columns[name] = found["contribution"]
        columns[f"{name}_low"], columns[f"{name}_high"] = found["low"], found["high"]
        note = found["note"]
    table = pd.DataFrame(columns)
    table.loc[REST] = rest if game.n == 1 else np.nan
    table.loc[REST, list(RULES)] = rest
    table["share"] = table["shapley"] / total if total else 0.0
    table["note"] = [*note, "without any of these stages"]
    table = table.rename_axis("stage")
    table.attrs = {"metric": game.metric, "total": total, "rest": rest, "n": game.n, "seed": game.seed}
    return table
