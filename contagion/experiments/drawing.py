"""Scenarios that are drawn when they are needed, so that the memory of a study does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, overload

if TYPE_CHECKING:
    from contagion.families import Family

__all__ = ["MOST_KEPT", "Drawing"]

MOST_KEPT: Final = 20_000
"""Up to so many scenarios their shocks are kept (about 20 MB); beyond it each is drawn once per policy set."""


class Drawing(Sequence[Any]):
    """The shocks of some scenarios of a family, each drawn when it is asked for; a slice draws nothing.

    Parameters
    ----------
    family : Family
        Where they come from.
    assets : list of str
        Assets that move.
    scenarios : range
        Their numbers.
    seed : int
        Root seed.

    Examples
    --------
    >>> import contagion as ct
    >>> drawing = Drawing(ct.PriceShocks.normal(scale=0.1), ["BTC"], range(0, 100, 2), 7)
    >>> len(drawing[10:20]), drawing[10:20][0].moves == drawing.family.scenario(["BTC"], 20, 7).moves
    (10, True)
    """

    def __init__(self, family: Family, assets: list[str], scenarios: range, seed: int) -> None:
        self.family, self.assets, self.scenarios, self.seed = family, assets, scenarios, seed

    def __len__(self) -> int:
        return len(self.scenarios)

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> Drawing: ...

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return Drawing(self.family, self.assets, self.scenarios[place], self.seed)
        return self.family.scenario(self.assets, self.scenarios[place], self.seed)
