"""What does every coalition of players make, and whose doing is it? Every coalition, or sampled orders.

A game knows how to run a scenario with some players in it. Coalitions are numbered by bits as in
`contagion.measures.shapley`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import ScenarioError
from contagion.families import moved
from contagion.measures.paired import paired_effect
from contagion.measures.shapley import shapley_values
from contagion.shocks import Shock
from contagion.streams import stream

if TYPE_CHECKING:
    from contagion.families import Family
    from contagion.network.network import Network
    from contagion.propagation.run import Prepared

__all__ = [
    "EXACT_PLAYERS",
    "METHODS",
    "REST",
    "Game",
    "contributions",
    "intervals",
    "shock_of",
    "total_and_rest",
]

Array = npt.NDArray[np.float64]

EXACT_PLAYERS: Final = 10
"""Up to so many players every coalition is run; above, orders are sampled."""

METHODS: Final = ("shapley", "leave_one_out", "first_in")
REST: Final = "rest"


@dataclass(frozen=True, eq=False)
class Game:
    """Players, and what happens when some of them take part.

    Parameters
    ----------
    players : tuple of str
        Their names, in order of their bits.
    prepare : callable
        From a coalition to the prepared model in which it takes part, and what its scenarios are hit by.
    metric : str
        What is attributed.
    n : int
        Number of scenarios.
    seed : int
        Root seed of runs and orders.
    n_jobs : int
        Threads.
    """

    players: tuple[str, ...]
    prepare: Callable[[int], tuple[Prepared, Callable[[int], Shock]]]
    metric: str
    n: int
    seed: int
    n_jobs: int = 1
    _known: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def everybody(self) -> int:
        """The coalition of all players."""
        return (1 << len(self.players)) - 1

    def run(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Run every (coalition, scenario) that has not run yet, all scenarios of a coalition together."""
        from joblib import Parallel, delayed

        missing: dict[int, list[int]] = {}
        for coalition, scenario in sorted(set(wanted) - set(self._known)):
            missing.setdefault(coalition, []).append(scenario)
        work = Parallel(n_jobs=self.n_jobs, prefer="threads")
        rows = work(delayed(self._worths)(coalition, numbers) for coalition, numbers in missing.items())
        for (coalition, numbers), values in zip(missing.items(), rows, strict=True):
            self._known.update({(coalition, i): value for i, value in zip(numbers, values, strict=True)})

    def worths(self, coalitions: Iterable[int]) -> Array:
        """Return the metric of some coalitions in every scenario, shape (n_coalitions, n)."""
        chosen = list(coalitions)
        self.run((coalition, i) for coalition in chosen for i in range(self.n))
        return np.array([[self._known[coalition, i] for i in range(self.n)] for coalition in chosen])

    def _worths(self, coalition: int, scenarios: list[int]) -> list[float]:
        ready, shock = self.prepare(coalition)
        place = ready.metric_names.index(self.metric)
        found = [float(ready.metrics(shock(i), self.seed, i)[place]) for i in scenarios]
        for scenario, value in zip(scenarios, found, strict=True):
            if not np.isfinite(value):
                inside = [name for bit, name in enumerate(self.players) if coalition >> bit & 1]
                raise ScenarioError(
                    f"{self.metric} has no value in scenario {scenario} with {', '.join(inside) or 'no player'}",
                    remedy="attribute a metric that every run has, such as system_loss",
                )
        return found


def shock_of(net: Network, given: Family | Shock | Sequence[Shock], seed: int) -> Callable[[int], Shock]:
    """Return what hits the network in every scenario; what is no family needs no assets that move."""
    if isinstance(given, Shock):
        return lambda scenario: given
    if isinstance(given, Sequence):
        return lambda scenario: given[scenario]
    assets = moved(given, net)
    return lambda scenario: given.scenario(assets, scenario, seed)


def total_and_rest(game: Game) -> tuple[float, float]:
    """Return the mean metric with everybody and with nobody."""
    both = game.worths([game.everybody, 0]).mean(axis=1)
    return float(both[0]), float(both[1])


def contributions(game: Game, method: str, permutations: int, level: float) -> pd.DataFrame:
    """Return what every player contributes, as `intervals` does."""
    if method == "shapley" and len(game.players) > EXACT_PLAYERS:
        table = intervals(game.players, _sampled(game, permutations), level, game.seed)
        words = "orders = " if game.n == 1 else "n = "
        return table.assign(note=table["note"].str.replace("n = ", words, regex=False))
    return intervals(game.players, _exact(game, method), level, game.seed)


def intervals(players: tuple[str, ...], rows: Array, level: float, seed: int) -> pd.DataFrame:
    """Return mean contributions with intervals.

    Parameters
    ----------
    players : tuple of str
        Names.
    rows : numpy.ndarray
        Contributions, one column per independent scenario or order, shape (n_players, m).
    level : float
        Coverage of the intervals.
    seed : int
        Root seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Index player: contribution, low, high, note. A single column has no sampling error.
    """
    zeros = np.zeros(rows.shape[1])
    table = []
    for name, row in zip(players, rows, strict=True):
        mean = float(row.mean())
        if len(row) == 1:
            table.append((mean, mean, mean, "one scenario: no sampling error"))
            continue
        effect = paired_effect(row, zeros, confidence=level, seed=seed, key=("attribution", name))
        table.append((mean, effect.low, effect.high, effect.note))
    index = pd.Index(players, name="player", dtype=object)
    return pd.DataFrame(table, columns=["contribution", "low", "high", "note"], index=index)


def _exact(game: Game, method: str) -> Array:
    """Contributions per scenario, shape (n_players, n)."""
    k, everybody = len(game.players), game.everybody
    if method == "shapley":
        return np.asarray(shapley_values(game.worths(range(1 << k))), dtype=np.float64)
    if method == "leave_one_out":
        coalitions = [everybody, *(everybody ^ (1 << player) for player in range(k))]
        worths = game.worths(coalitions)
        return np.asarray(worths[0] - worths[1:], dtype=np.float64)
    worths = game.worths([0, *(1 << player for player in range(k))])
    return np.asarray(worths[1:] - worths[0], dtype=np.float64)


def _sampled(game: Game, permutations: int) -> Array:
    """Contributions in sampled orders: means per scenario, or, if there is one scenario, order by order.

    Every scenario has the same number of orders, so that contributions sum exactly to what they explain.
    """
    k, each = len(game.players), -(-permutations // game.n)
    paths = []
    for draw in range(each * game.n):
        order = stream(game.seed, "order", draw).permutation(k)
        paths.append([0, *np.cumsum(1 << order.astype(np.int64)).tolist()])
    game.run((coalition, draw % game.n) for draw, path in enumerate(paths) for coalition in path)
    gained = np.zeros((k, each * game.n))
    for draw, path in enumerate(paths):
        for before, after in pairwise(path):
            player = (after ^ before).bit_length() - 1
            gained[player, draw] = game._known[after, draw % game.n] - game._known[before, draw % game.n]
    return gained if game.n == 1 else gained.reshape(k, each, game.n).mean(axis=1)
