"""What would other rules have changed? The same scenarios under every policy set.

Shocks and every other draw are keyed by seed, purpose and scenario, so a policy set added, removed or moved
changes no other set's numbers, and differences between sets are paired. "none" and the placebo take part in
every study: the placebo is a policy that does nothing, and its effects must be exactly 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import contagion
from contagion.comparison import Comparison
from contagion.errors import NetworkError
from contagion.experiments import arguments
from contagion.experiments.assembly import assembled, drawn_scenarios
from contagion.experiments.drawing import MOST_KEPT, Drawing
from contagion.experiments.manifest import Manifest, identity_of, package_versions, python_version, words_of
from contagion.experiments.memory import check_memory
from contagion.experiments.runner import Group, Outcome, run_groups
from contagion.experiments.store import open_store, store_folder
from contagion.experiments.writer import Shelf, chunk_size
from contagion.families import moved
from contagion.measures.study import PRIMARY, check_word
from contagion.policies.bills import OUTLAY
from contagion.propagation.run import check_model
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.experiments.arguments import PolicySets
    from contagion.families import Family
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
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
    timeout: float | None = None,
    max_error_rate: float = 1.0,
    level: float = 0.95,
    metric: str = PRIMARY,
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
        written in Python. The numbers do not depend on it. Inside ``joblib.parallel_config`` with a backend,
        such as ``backend="dask"``, the same call runs there (a cluster must be trusted: its wire is pickle).
    networks : sequence of Network, optional
        Scenario i runs on network i mod their number.
    store : str or path, optional
        A folder that keeps finished rows: the same study goes on there after a crash, and with a larger n. It is
        made if it is not there. A row that failed is kept like any other.
    progress : bool, default False
        Show a bar with the time left on standard error.
    timeout : float, optional
        Seconds a scenario may take; its row has status "timeout" then. A run in compiled code or in a thread of a
        cluster is not cut short, but has no numbers if it comes back late.
    max_error_rate : float, default 1.0
        Share of the runs that may fail or take too long before the study ends with an error.
    level : float, default 0.95
        Coverage of the intervals.
    metric : str, default "system_loss"
        The metric that the study is about, named before it runs and part of its provenance: p-values are adjusted
        within a metric, and tables of every other one say "exploratory".

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
        If n, n_jobs, timeout, max_error_rate or level is out of range, or the metric does not exist.
    NetworkError
        If a shock names an asset, a market or a node that a network lacks.
    PolicyError
        If "none" or "placebo" is given another meaning, or a policy can't act in this model.
    TooLargeError
        If the workers would need more memory than there is.
    ScenarioError
        If every single run failed, or more than `max_error_rate` allows.
    StudyMismatchError
        If the store holds another study; the message names the field that differs.
    CorruptResultError
        If the store's manifest is damaged, or the study did not give the same numbers twice.
    ContagionError
        If the store cannot be written, for instance because the disk is full; what is finished is kept.

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
    family, n = arguments.scenarios(shock, n, weights=True)
    arguments.check_workers(n_jobs)
    level = arguments.share("level", level)
    timeout, max_error_rate = arguments.limits(timeout, max_error_rate)
    folder = None if store is None else store_folder(store)
    model = check_model(model)
    sets = arguments.policy_sets(policies)
    shocks = _shocks(worlds, family, n, seed)
    prepared = _prepared(worlds, model, list(sets.values()))
    check_memory(prepared, n_jobs)
    metric_names = prepared[0][0].metric_names
    check_word("metric", metric, metric_names)
    outcome = Outcome.empty(len(sets), n, len(metric_names))
    provenance = _provenance(worlds, family, model, sets, n, seed, level, metric)
    shelf = None
    if folder is not None:
        columns = {"metrics": metric_names, "outlays": OUTLAY}
        identity = identity_of(worlds, family, model, sets, seed, level, columns, metric)
        words = {name: provenance[name] for name in ("shock", "model", "policies")}
        manifest = Manifest(identity, {**_labels(worlds, prepared, sets, n, family), "words": words})
        shelf = Shelf(open_store(folder.absolute(), manifest), list(sets))
        shelf.fill(outcome)
    run_groups(
        _groups(prepared, shocks, n),
        outcome,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        timeout=timeout,
        max_error_rate=max_error_rate,
        shelf=shelf,
    )
    if shelf is not None:
        shelf.store.clean()
    if outcome.interrupted and not outcome.status.any():
        raise KeyboardInterrupt
    return assembled(
        outcome,
        sets,
        worlds,
        metric_names,
        shelf.store.report if shelf else (),
        model=model,
        family=family,
        n=n,
        seed=seed,
        level=level,
        scenarios=drawn_scenarios([moved(family, world) for world in worlds], family, n, seed),
        provenance=provenance,
    )


def _shocks(worlds: tuple[Network, ...], family: Family, n: int, seed: int) -> list[Sequence[Any]]:
    """Draw every scenario before any run, see that it fits the network it hits, and return those of each network."""
    found: list[Sequence[Any]] = []
    for place, world in enumerate(worlds):
        names_moved = moved(family, world)
        if not names_moved and getattr(family, "size", None) is None:
            raise NetworkError(
                "has nothing that the family moves",
                where="net" if len(worlds) == 1 else f"networks[{place}]",
                value=words_of(family),
                allowed="assets other than currencies, or external assets for ct.AssetShocks",
                remedy="ct.AssetShocks(family) moves external assets of nodes",
            )
        drawing = Drawing(family, names_moved, range(place, n, len(worlds)), seed)
        names = (
            tuple(world.assets.index),
            tuple(world.markets.index),
            frozenset(world.nodes.index),
            world.unit,
            frozenset(world.venues.index),
        )
        kept = []
        for shock in drawing:
            shock.check(*names)
            if n <= MOST_KEPT:
                kept.append(shock)
        found.append(tuple(kept) if n <= MOST_KEPT else drawing)
    return found


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


def _groups(prepared: list[list[Prepared]], shocks: list[Sequence[Any]], n: int) -> list[Group]:
    groups = []
    for policy, row in enumerate(prepared):
        for place, ready in enumerate(row):
            scenarios = range(place, n, len(row))
            if scenarios:
                groups.append(Group(policy, ready, scenarios, shocks[place]))
    return groups


def _labels(
    worlds: tuple[Network, ...],
    prepared: list[list[Prepared]],
    sets: dict[str, list[Policy]],
    n: int,
    family: Family,
) -> dict[str, Any]:
    """What a store says beside the identity of a study."""
    return {
        "policies": list(sets),
        "n": n,
        "chunk": {
            name: chunk_size(worlds, row[0].compiled) for name, row in zip(sets, prepared, strict=True)
        },
        "units": [world.unit for world in worlds],
        "assets": [moved(family, world) for world in worlds],
        "python": python_version(),
        **({"weighted": True} if getattr(family, "weighted", False) else {}),
    }


def _provenance(
    worlds: tuple[Network, ...],
    family: Family,
    model: Model,
    sets: dict[str, list[Policy]],
    n: int,
    seed: int,
    level: float,
    metric: str,
) -> dict[str, Any]:
    return {
        "networks": [world.fingerprint for world in worlds],
        "shock": words_of(family),
        "model": words_of(model),
        "policies": {name: [repr(policy) for policy in chosen] for name, chosen in sets.items()},
        "n": n,
        "seed": seed,
        "level": level,
        "metric": metric,
        "contagion": contagion.__version__,
        "python": python_version(),
        "packages": package_versions(),
    }
