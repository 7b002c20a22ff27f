"""What is a study? Networks, a shock, a model and policy sets, checked and ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contagion.errors import PolicyError, ValueRangeError, nearest

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.experiments.reverse import ReverseStress
    from contagion.network.network import Network
    from contagion.policies import Policy
    from contagion.results import Run

__all__ = ["Source", "Study"]

MOST_NETWORKS: Final = 1000


@dataclass(frozen=True)
class Source:
    """Where the networks of a study come from.

    Parameters
    ----------
    place : str
        ``dataset`` (a bundled network), ``path`` (a folder) or ``generate`` (a generator).
    name : str
        Name of the dataset or generator, or the folder.
    count : int
        How many networks are drawn; a folder holds exactly one.
    seed : int or None
        Seed of the first network, the next ones count on; the study's seed by default.
    parameters : dict
        Parameters of the generator.
    """

    place: str
    name: str
    count: int = 1
    seed: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def generated(self) -> bool:
        """Whether a generator makes the networks, so that more of them can be drawn."""
        return self.place != "path"

    @property
    def leveraged(self) -> bool:
        """Whether the study can be repeated on markets of perpetual futures of other median leverage."""
        return self.generated and self.name in ("perp-venues", "perp_market")

    def drawn(self, count: int) -> Source:
        """Return the source with another number of networks.

        Parameters
        ----------
        count : int
            How many networks are drawn.

        Raises
        ------
        ValueRangeError
            If it is below 1, or the networks lie in a folder, which holds one.
        """
        most = MOST_NETWORKS if self.generated else 1
        if not 1 <= count <= most:
            raise ValueRangeError("is out of range", where="networks", value=count, allowed=f"1 to {most:,}")
        return replace(self, count=count)

    def load(self, seed: int) -> list[Network]:
        """Return the networks.

        Parameters
        ----------
        seed : int
            Seed of the first network where the source has none of its own.
        """
        from contagion import datasets, generate
        from contagion.network.network import Network

        first = seed if self.seed is None else self.seed
        if self.place == "path":
            return [Network.read(self.name)]
        if self.place == "dataset":
            return [datasets.load(self.name, seed=first + step) for step in range(self.count)]
        make = getattr(generate, self.name)
        return [make(**self.parameters, seed=first + step) for step in range(self.count)]


@dataclass(frozen=True)
class Study:
    """A study, read and checked: every part is an object, nothing has been run.

    Parameters
    ----------
    source : Source
        Where the networks come from.
    shock : Shock or family
        What hits.
    model : Model
        How distress travels.
    policies : dict
        Policy sets by name.
    n, seed, level, n_jobs, store, metric, timeout, max_error_rate
        As for ``contagion.compare``.
    """

    source: Source
    shock: Any
    model: Any
    policies: dict[str, list[Policy]]
    n: int | None = None
    seed: int = 0
    level: float = 0.95
    n_jobs: int = 1
    store: Path | None = None
    metric: str = "system_loss"
    timeout: float | None = None
    max_error_rate: float = 1.0

    @property
    def on_sheets(self) -> bool:
        """Whether the model is one of balance sheets."""
        from contagion.propagation.solvency.base import OnSheets

        return isinstance(self.model, OnSheets)

    def compare(self, *, progress: bool = False) -> Comparison:
        """Run every policy set over the scenarios.

        Parameters
        ----------
        progress : bool
            Show a progress bar.
        """
        from contagion.experiments.compare import compare

        return compare(
            None,
            self.shock,
            self.model,
            self.policies,
            n=self.n,
            seed=self.seed,
            n_jobs=self.n_jobs,
            networks=self.source.load(self.seed),
            store=self.store,
            progress=progress,
            level=self.level,
            metric=self.metric,
            timeout=self.timeout,
            max_error_rate=self.max_error_rate,
        )

    def reverse(
        self,
        direction: Mapping[str, float] | None = None,
        until: tuple[str, str, float] | None = None,
        **options: Any,
    ) -> ReverseStress:
        """Search on the study's first network for the sizes of a shock at which a condition changes.

        Parameters
        ----------
        direction : mapping of str to float, optional
            Log return of every asset, or of every node's external assets, per unit of size; if not given -1 for every
            asset that moves, and in a study of balance sheets for all external assets besides.
        until : (str, str, float), optional
            As in ``contagion.reverse_stress``; the first venue, in a study of balance sheets the first node that fails.
        **options
            As in ``contagion.reverse_stress``.
        """
        from contagion.experiments.reverse import reverse_stress
        from contagion.families import risky_assets

        net = self.source.drawn(1).load(self.seed)[0]
        along = dict.fromkeys(risky_assets(net), -1.0) if direction is None else direction
        if direction is None and self.on_sheets:
            along = {**along, **dict.fromkeys(net.nodes.index[net.nodes["external_assets"] > 0.0], -1.0)}
        if until is None:
            until = ("node_defaults" if self.on_sheets else "venue_defaults", ">=", 1)
        return reverse_stress(
            net, along, self.model, until, self.policies, seed=self.seed, n_jobs=self.n_jobs, **options
        )

    def run(self, policy: str = "none", scenario: int = 0) -> Run:
        """Run one scenario on its network, with full records.

        Parameters
        ----------
        policy : str
            Name of a policy set, or "none".
        scenario : int
            Number of the scenario; scenario i runs on network i mod their number.

        Raises
        ------
        PolicyError
            If there is no such policy set.
        ValueRangeError
            If the scenario is negative or beyond the last one of the study, or n is out of range.
        """
        from contagion.experiments.arguments import scenarios
        from contagion.families import moved

        sets = {"none": [], **self.policies}
        if policy not in sets:
            raise PolicyError(
                f"is no policy set of the study{nearest(policy, sets)}",
                where="policy",
                value=policy,
                allowed=", ".join(sets),
            )
        family, count = scenarios(self.shock, self.n)
        if not 0 <= scenario < count:
            what = "is negative" if scenario < 0 else f"is not in the study, which has n = {count:,}"
            allowed = f"0 to {count - 1:,}" if count > 1 else "0"
            raise ValueRangeError(what, where="scenario", value=scenario, allowed=allowed)
        networks = self.source.load(self.seed)
        net = networks[scenario % len(networks)]
        shock = family.scenario(moved(family, net), scenario, self.seed)
        tables = (net.assets, net.markets, net.nodes)
        shock.check(*(list(table.index) for table in tables), net.unit, list(net.venues.index))
        run: Run = self.model.prepare(net, sets[policy]).run(shock, self.seed, scenario)
        return run
