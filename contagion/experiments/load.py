"""Results that lie in a folder, as a comparison again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from contagion.errors import ContagionError, InputError, ScenarioError, StudyMismatchError
from contagion.experiments import arguments, episodes, filtered, jumps, quasi, tilts
from contagion.experiments.assembly import assembled, drawn_scenarios
from contagion.experiments.manifest import MANIFEST, Manifest
from contagion.experiments.plain import revive
from contagion.experiments.store import Store, store_folder
from contagion.experiments.tasks import Outcome
from contagion.experiments.writer import Shelf
from contagion.policies import Policy

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.network.network import Network

__all__ = ["Absent", "StoredPolicy", "load_results"]

FAMILIES: Final = (episodes, filtered, jumps, quasi, tilts)
"""Modules of families that nothing else loads: only classes of loaded modules are made again."""

AGAIN: Final = "call contagion.compare again with this store: what is finished is not run again"


class Absent:
    """Stands for a part of a study that a folder of results does not hold.

    Parameters
    ----------
    what : str
        What is missing.
    remedy : str
        How to get it.
    **known
        What is known of it all the same.
    """

    caution = ""
    weighted = False  # a study whose scenarios carry weights is not read without its family

    def __init__(self, what: str, remedy: str, **known: Any) -> None:
        self.__dict__.update(known, _what=what, _remedy=remedy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ContagionError(f"{self._what} is not in the folder of results", remedy=self._remedy)

    def __repr__(self) -> str:
        return f"<{self._what}, not in the folder of results>"


@dataclass(frozen=True, repr=False)
class StoredPolicy(Policy):
    """A policy of one's own whose code a folder of results does not hold.

    Parameters
    ----------
    label : str
        Name of its class.
    """

    label: str = ""

    def opening(self, net: Network) -> Network:
        """Refuse: what it changes is in its code."""
        raise ContagionError(f"the code of {self.label} is not in the folder of results", remedy=AGAIN)

    def cost(self, outlay: Any, rates: Any) -> float:
        """Refuse: what it costs is in its code."""
        raise ContagionError(f"the code of {self.label} is not in the folder of results", remedy=AGAIN)

    def __repr__(self) -> str:
        return f"<{self.label}, not in the folder of results>"


def load_results(
    folder: str | os.PathLike[str],
    net: Network | None = None,
    *,
    networks: Sequence[Network] | None = None,
) -> Comparison:
    """Return the comparison whose rows lie in a folder, after a look at every byte of them.

    Parameters
    ----------
    folder : str or path
        What ``contagion.compare(..., store=folder)`` wrote.
    net : Network, optional
        The network of the study, for `rerun`, `caused` and reports; a folder of results holds none.
    networks : sequence of Network, optional
        The networks of a study on several, in their order.

    Returns
    -------
    Comparison
        Its table, effects, tails and costs are those of the study. Nothing is run and nothing is written. Rows that
        are not there are in `missing`, with a note.

    Raises
    ------
    InputError
        If there are no results in the folder.
    CorruptResultError
        If a bit of them has changed; running the study again with this store puts that chunk aside and mends it.
    StudyMismatchError
        If a network is not the one of the study.
    ScenarioError
        If the folder holds no finished row yet.

    Examples
    --------
    >>> import tempfile
    >>> import contagion as ct
    >>> net, place = ct.generate.perp_market(n_accounts=300, seed=1), tempfile.mkdtemp()
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=600.0), store=place)
    >>> load_results(place).to_frame().equals(cmp.to_frame())
    True
    """
    path = store_folder(folder)
    if not (path / MANIFEST).is_file():
        raise InputError(
            "holds no results", where=f"folder {path.name!r}", remedy="give the folder of a store"
        )
    manifest = Manifest.read(path / MANIFEST)
    identity, labels = manifest.identity, manifest.labels
    worlds = _networks(manifest, net, networks)
    sets = {name: _policies(identity["policies"][name]["plain"]) for name in labels["policies"]}
    metric_names = identity["columns"]["metrics"]
    outcome = Outcome.empty(len(sets), int(labels["n"]), len(metric_names))
    shelf = Shelf(Store(path, manifest), list(sets))
    shelf.fill(outcome, repair=False)
    if not outcome.status.any():
        raise ScenarioError("the folder of results holds no finished row", remedy=AGAIN)
    family, seed = _part(identity["shock"], "the family of shocks"), int(identity["seed"])
    if labels.get("weighted") and isinstance(family, Absent):
        raise ScenarioError(
            "the scenarios carry weights, and their family is not in the folder", remedy=AGAIN
        )
    return assembled(
        outcome,
        sets,
        worlds,
        metric_names,
        shelf.store.report,
        model=_part(identity["model"], "the model"),
        family=family,
        n=int(labels["n"]),
        seed=seed,
        level=float(identity["level"]),
        scenarios=_scenarios(labels, family, seed),
        provenance=_provenance(manifest),
    )


def _networks(manifest: Manifest, net: Network | None, several: Sequence[Network] | None) -> tuple[Any, ...]:
    told = manifest.identity["networks"]
    if net is None and several is None:
        remedy = "load_results(folder, net=...), or networks=[...] for several"
        units = manifest.labels["units"]
        return tuple(
            Absent("the network", remedy, unit=unit, fingerprint=print_)
            for unit, print_ in zip(units, told, strict=True)
        )
    worlds = arguments.networks(net, several)
    given = [world.fingerprint for world in worlds]
    if len(given) != len(told):
        raise StudyMismatchError(f"the study has {len(told)} networks, not {len(given)}", where="networks")
    for place, (mine, yours) in enumerate(zip(told, given, strict=True)):
        if mine != yours:
            raise StudyMismatchError(
                f"has the fingerprint {yours[:12]}, the study's network {mine[:12]}",
                where="net" if several is None else f"networks[{place}]",
                remedy="give the network that the study ran on, unchanged",
            )
    return worlds


def _policies(told: list[Any]) -> list[Policy]:
    found: list[Policy] = []
    for one in told:
        try:
            found.append(revive(one))
        except (LookupError, TypeError, ValueError):
            found.append(StoredPolicy(str(one.get("class", "a policy")).rsplit(":", 1)[-1]))
    return found


def _part(told: Any, what: str) -> Any:
    _load_own_classes()
    try:
        return revive(told)
    except (LookupError, TypeError, ValueError):
        name = str(told.get("class", what)).rsplit(":", 1)[-1] if isinstance(told, dict) else what
        return Absent(f"the code of {name}", AGAIN, caution="", weighted=False)


def _load_own_classes() -> None:
    """Load the modules of the package's families, shocks and models; nothing is imported by a name in a file."""
    from contagion import policies, shocks  # noqa: F401
    from contagion.experiments import episodes, families, filtered, jumps, quasi, samplers  # noqa: F401
    from contagion.propagation.cascade import model  # noqa: F401


def _scenarios(labels: Mapping[str, Any], family: Any, seed: int) -> pd.DataFrame:
    """What was drawn; scenario and network alone where the family is not in the folder."""
    n, assets = int(labels["n"]), labels["assets"]
    if isinstance(family, Absent):
        return pd.DataFrame({"scenario": range(n), "network": [i % len(assets) for i in range(n)]}).astype(
            "int64"
        )
    return drawn_scenarios(assets, family, n, seed)


def _provenance(manifest: Manifest) -> dict[str, Any]:
    identity, labels, words = manifest.identity, manifest.labels, manifest.labels["words"]
    return {
        "networks": identity["networks"],
        "shock": words["shock"],
        "model": words["model"],
        "policies": {name: words["policies"][name] for name in labels["policies"]},
        "n": labels["n"],
        "seed": int(identity["seed"]),
        "level": identity["level"],
        "metric": identity["metric"],
        "contagion": identity["engine"],
        "python": labels["python"],
        "packages": identity["packages"],
    }
