"""Fire sales: one engine (`engine`), the published models on it by name (`named`), closed forms of forced selling.

The parts of the model `FireSale` (responses and rules of impact) are names of this package, imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contagion.propagation.firesales.model import FireSale as FireSale
    from contagion.propagation.firesales.responses import AllOnDefault as AllOnDefault
    from contagion.propagation.firesales.responses import CapitalRatio as CapitalRatio
    from contagion.propagation.firesales.responses import LeverageBands as LeverageBands
    from contagion.propagation.firesales.responses import LeverageTarget as LeverageTarget
    from contagion.propagation.firesales.responses import LeverageThreshold as LeverageThreshold
    from contagion.propagation.firesales.rules import FloorRule as FloorRule
    from contagion.propagation.firesales.rules import LinearRule as LinearRule
    from contagion.propagation.firesales.rules import ShareRule as ShareRule
    from contagion.propagation.firesales.rules import SquareRootRule as SquareRootRule
    from contagion.propagation.firesales.rules import UnitRule as UnitRule

_HOMES = {
    "AllOnDefault": "responses",
    "CapitalRatio": "responses",
    "FireSale": "model",
    "FloorRule": "rules",
    "LeverageBands": "responses",
    "LeverageTarget": "responses",
    "LeverageThreshold": "responses",
    "LinearRule": "rules",
    "ShareRule": "rules",
    "SquareRootRule": "rules",
    "UnitRule": "rules",
}

__all__ = [
    "AllOnDefault",
    "CapitalRatio",
    "FireSale",
    "FloorRule",
    "LeverageBands",
    "LeverageTarget",
    "LeverageThreshold",
    "LinearRule",
    "ShareRule",
    "SquareRootRule",
    "UnitRule",
]

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
