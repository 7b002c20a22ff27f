"""What would other rules have changed? The same scenarios under every policy set.

Shocks and every other draw are keyed by seed, purpose and scenario, so a policy set added, removed or moved
changes no other set's numbers, and differences between sets are paired. "none" and the placebo take part in
every study: the placebo is a policy that does nothing, and its effects must be exactly 0.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import contagion
from contagion.comparison import KEYS, Comparison, risky_assets
from contagion.errors import ScenarioError
from contagion.experiments import arguments
from contagion.experiments.charges import charge
from contagion.experiments.runner import ERROR, MISSING, Group, Outcome, run_groups
from contagion.policies.bills import OUTLAY
from contagion.propagation.run import check_model
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.comparison import Family
    from contagion.experiments.arguments import PolicySets
    from contagion.network.network import Network
    from contagion.policies import Policy
    from contagion.propagation.run import Model, Prepared
    from contagion.shocks import Shock

__all__ = ["compare"]


def compare(
    net: Network | None = None,
    shock: Family | Shock | Sequence[Shock] | None = None,
    model: Model | None = None,
    policies: PolicySets | None = None,
    *,
    n: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    networks: Sequence[Network] | None = None,
    progress: bool = False,
    level: float = 0.95,
) -> Comparison:
    """Run the same scenarios under every policy set.

    Parameters
    ----------
    net : Network
        The network; give `networks` in its place for several.
    shock : family of shocks, Shock or sequence of Shock
        Scenario i is the i-th draw of a family, the i-th shock of a sequence, or the one shock.
    model : Model, optional
        How distress travels; ``ct.Cascade()`` if not given.
    policies : mapping of str to policies, optional
        Name of a set -> a policy or a list of them. "none" (no policy) and "placebo" (``[ct.Policy()]``)
        are added.
    n : int, optional
        Number of scenarios; 1000 for a family, all for a sequence, 1 for one shock.
    seed : int, default 0
        Root seed of every draw.
    n_jobs : int, default 1
        Workers, -1 is one per core: threads where the rounds are compiled, processes where a policy is
        written in Python. The numbers do not depend on it.
    networks : sequence of Network, optional
        Scenario i runs on network i mod their number.
    progress : bool, default False
        Show a bar with the time left on standard error.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Comparison
        One row per set and scenario, and the statistics over them. Ctrl-C returns what is done, with a note.
        `policy_cost` prices what a set used beyond the run of "none" on the same scenario, each part once,
        at the default rates; a set that saves more than it uses has a negative one.

    Raises
    ------
    SchemaError
        If an argument is of the wrong type.
    ValueRangeError
        If n, n_jobs or level is out of range.
    NetworkError
        If a shock names an asset, a market or a node that a network lacks.
    PolicyError
        If "none" or "placebo" is given another meaning, or a policy can't act in this model.
    ScenarioError
        If every single run failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> family = ct.PriceShocks.student_t(df=4, scale=0.1)
    >>> cmp = ct.compare(net, family, ct.Cascade(step=60.0), {"halt": [ct.Halt(drop=0.1)]}, n=4, seed=7)
    >>> float(cmp.effects("system_loss").loc["placebo", "difference"])
    0.0
    """
    seed = check_seed(seed)
    worlds = arguments.networks(net, networks)
    family, n = arguments.scenarios(shock, n)
    arguments.check_workers(n_jobs)
    level = arguments.share("level", level)
    model = check_model(model)
    sets = arguments.policy_sets(policies)
    shocks = _shocks(worlds, family, n, seed)
    prepared = _prepared(worlds, model, list(sets.values()))
    metric_names = prepared[0][0].metric_names
    outcome = Outcome.empty(len(sets), n, len(metric_names))
    run_groups(_groups(prepared, shocks, n), outcome, seed=seed, n_jobs=n_jobs, progress=progress)
    if outcome.interrupted and not outcome.status.any():
        raise KeyboardInterrupt
    charge(outcome, list(sets.values()), metric_names, list(sets).index("none"))
    _check_some_ran(outcome)
    table = _table(outcome, list(sets), len(worlds), metric_names)
    return Comparison(
        policies=sets,
        networks=worlds,
        model=model,
        family=family,
        n=n,
        seed=seed,
        level=level,
        scenarios=_scenarios(worlds, family, n, seed),
        errors=_errors(outcome, list(sets), len(worlds), seed),
        note=_note(outcome, list(sets)),
        provenance=_provenance(worlds, family, model, sets, n, seed, level),
        table=table,
        outlays=_outlays(outcome),
    )


def _shocks(worlds: tuple[Network, ...], family: Family, n: int, seed: int) -> list[Any]:
    """Draw every scenario before any run, and see that the shocks fit the networks they hit."""
    assets = [risky_assets(world) for world in worlds]
    names = [
        (
            tuple(world.assets.index),
            tuple(world.markets.index),
            frozenset(world.nodes.index),
            world.unit,
            frozenset(world.venues.index),
        )
        for world in worlds
    ]
    shocks = []
    for i in range(n):
        place = i % len(worlds)
        shock = family.scenario(assets[place], i, seed)
        shock.check(*names[place])
        shocks.append(shock)
    return shocks


def _prepared(worlds: tuple[Network, ...], model: Model, sets: list[list[Policy]]) -> list[list[Prepared]]:
    """Open every set once on every network, row by set; a model may let sets share what openings leave alone."""
    rows: list[list[Prepared]] = [[] for _ in sets]
    for world in worlds:
        first = model.prepare(world, sets[0])
        under = getattr(first, "under", None)
        rows[0].append(first)
        for row, chosen in zip(rows[1:], sets[1:], strict=True):
            row.append(under(chosen) if under else model.prepare(world, chosen))
    return rows


def _groups(prepared: list[list[Prepared]], shocks: list[Any], n: int) -> list[Group]:
    groups = []
    for policy, row in enumerate(prepared):
        for place, ready in enumerate(row):
            scenarios = tuple(range(place, n, len(row)))
            if scenarios:
                groups.append(Group(policy, ready, scenarios, tuple(shocks[i] for i in scenarios)))
    return groups


def _check_some_ran(outcome: Outcome) -> None:
    done = outcome.status != MISSING
    if done.any() and (outcome.status[done] == ERROR).all():
        first = outcome.messages[min(outcome.messages)]
        raise ScenarioError(f"all {int(done.sum()):,} runs failed; the first of them: {first}")


def _table(outcome: Outcome, names: list[str], n_networks: int, metrics: tuple[str, ...]) -> pd.DataFrame:
    policy, scenario = np.nonzero(outcome.status)
    words = np.array(["missing", "ok", "error"], dtype=object)
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


def _scenarios(worlds: tuple[Network, ...], family: Family, n: int, seed: int) -> pd.DataFrame:
    """Return scenario, network and the log returns; assets that a network lacks are NaN in its rows."""
    names = [risky_assets(world) for world in worlds]
    draws = {tuple(assets): family.draw(assets, n, seed) for assets in names}
    parts = [draws[tuple(assets)].iloc[place :: len(worlds)] for place, assets in enumerate(names)]
    returns = pd.concat([part.set_axis(range(place, n, len(worlds))) for place, part in enumerate(parts)])
    numbers = np.arange(n, dtype=np.int64)
    keys = pd.DataFrame({"scenario": numbers, "network": numbers % len(worlds)})
    return pd.concat([keys, returns.sort_index()], axis=1)


def _note(outcome: Outcome, names: list[str]) -> str:
    notes = []
    if outcome.interrupted:
        done, total = int((outcome.status != MISSING).sum()), outcome.status.size
        notes.append(f"interrupted: {done:,} of {total:,} runs are done, the rest is in .missing")
    if outcome.messages:
        counts = (outcome.status == ERROR).sum(axis=1).tolist()
        sets = ", ".join(f"{name!r} {count:,}" for name, count in zip(names, counts, strict=True) if count)
        notes.append(f"{len(outcome.messages):,} runs failed and have no numbers ({sets}), see .errors")
    return "; ".join(notes)


def _provenance(
    worlds: tuple[Network, ...],
    family: Family,
    model: Model,
    sets: dict[str, list[Policy]],
    n: int,
    seed: int,
    level: float,
) -> dict[str, Any]:
    return {
        "networks": [world.fingerprint for world in worlds],
        "shock": _words(family),
        "model": _words(model),
        "policies": {name: [repr(policy) for policy in chosen] for name, chosen in sets.items()},
        "n": n,
        "seed": seed,
        "level": level,
        "contagion": contagion.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in ("numpy", "scipy", "pandas", "numba", "networkx")},
    }


def _words(thing: Any) -> str:
    describe = getattr(thing, "describe", None)
    return str(describe()) if callable(describe) else repr(thing)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
