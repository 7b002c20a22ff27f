"""What did prices do in falls that happened? Recorded moves from peak to trough, as shocks.

The table of facts `episodes` holds peak and trough of each recorded asset and how long the fall took, with sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion import facts
from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.experiments.families import PriceShocks
from contagion.shocks import PriceShock, Shock
from contagion.shocks.words import span

__all__ = ["Episode", "EpisodeShocks", "episode", "recorded"]

Array = npt.NDArray[np.float64]

LEADERS = ("BTC", "ETH")
"""Assets whose recorded move stands for those of others where `others` is not 0, the first recorded one."""


@dataclass(frozen=True)
class Episode:
    """A fall that happened.

    Parameters
    ----------
    name : str
        Its date.
    moves : dict of str to float
        Recorded asset -> signed fraction from peak to trough.
    seconds : float
        From peak to trough.
    """

    name: str
    moves: dict[str, float]
    seconds: float

    def shock(self, assets: Iterable[str] | None, others: float) -> PriceShock:
        """Return the fall of the given assets, or of the recorded ones.

        Parameters
        ----------
        assets : iterable of str or None
            Which assets.
        others : float
            Log return of an asset without a record, in those of BTC, or of ETH where BTC is not recorded.
        """
        leader = next((np.log1p(self.moves[name]) for name in LEADERS if name in self.moves), 0.0)
        other = float(np.expm1(others * leader))
        names = self.moves if assets is None else assets
        return PriceShock({name: self.moves.get(name, other) for name in names}, over=self.seconds)


@dataclass(frozen=True, eq=False, repr=False)
class EpisodeShocks(PriceShocks):
    """Falls that happened, one scenario each."""

    falls: tuple[Episode, ...]
    others: float

    @property
    def named(self) -> frozenset[str]:
        """Assets of which a fall is recorded."""
        return frozenset().union(*(one.moves for one in self.falls))

    @property
    def size(self) -> int | None:
        """Number of episodes."""
        return len(self.falls)

    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        return np.array([self._shock(list(assets), i, seed).log_returns(assets) for i in scenarios])

    def _shock(self, assets: list[str], i: int, seed: int) -> Shock:
        if 1 < len(self.falls) <= i:
            allowed = f"the family holds {len(self.falls):,} episodes, numbered from 0"
            raise ValueRangeError("is too large", where="scenario", value=i, allowed=allowed)
        return self.falls[i if len(self.falls) > 1 else 0].shock(assets, self.others)

    def _words(self) -> str:
        told = ", ".join(f"{one.name} ({span(one.seconds)})" for one in self.falls)
        rest = f"others {self.others:g} times BTC" if self.others else "others stand still"
        return f"log returns of recorded falls from peak to trough: {told}; {rest}"


def recorded() -> dict[str, Episode]:
    """Return every recorded episode by its name, oldest first.

    Examples
    --------
    >>> round(recorded()["2020-03-12"].moves["BTC"], 4)
    -0.5233
    """
    table = facts.load("episodes")
    found = {}
    for name, rows in table.groupby("episode", sort=True):
        told = {(str(a), str(n)): float(v) for a, n, v in rows[["asset", "name", "value"]].to_numpy()}
        moves = {a: told[a, "trough"] / value - 1.0 for (a, n), value in told.items() if n == "peak"}
        moves.update({a: value for (a, n), value in told.items() if n == "move"})
        found[str(name)] = Episode(str(name), dict(sorted(moves.items())), told["", "duration"])
    return found


def chosen(names: Sequence[str] | None) -> tuple[Episode, ...]:
    """Return the episodes of these names, all if None, or refuse unknown names with SchemaError."""
    known = recorded()
    wanted = list(known) if names is None else checked.names(names, "episodes", "such as ['2020-03-12']")
    for name in wanted:
        if name not in known:
            hint = nearest(name, known)
            raise SchemaError(
                f"is no recorded episode{hint}", where="episodes", value=name, allowed=", ".join(known)
            )
    return tuple(known[name] for name in wanted)


def episode(name: str, assets: Sequence[str] | None = None, *, others: float = 0.0) -> PriceShock:
    """Return a fall that happened, as a shock: recorded moves from peak to trough over the recorded time.

    Parameters
    ----------
    name : str
        Date of an episode in the table of facts `episodes`: 2020-03-12, 2021-05-19, 2022-05-12, 2022-06-18,
        2022-11-09, 2023-03-10, 2024-08-05, 2025-02-03 or 2025-10-10.
    assets : sequence of str, optional
        Which assets move; the recorded ones if not given. A network must know each of them.
    others : float, default 0
        Log return of an asset without a record, in those of BTC (of ETH where BTC is not recorded); an assumption.

    Returns
    -------
    PriceShock
        The moves, linear in log price. ``contagion.facts.load("episodes")`` has sources and ranges.

    Raises
    ------
    SchemaError, ValueRangeError
        If the episode is unknown, or a parameter is of another kind.

    Examples
    --------
    >>> episode("2020-03-12").describe()
    'BTC -52.3 %, ETH -55.8 % over 26 h, linear in log price'
    """
    if not isinstance(name, str):
        raise SchemaError("is no text", where="episode", value=name, allowed='such as "2020-03-12"')
    names = None if assets is None else checked.names(assets)
    return chosen([name])[0].shock(names, checked.number("others", others))
