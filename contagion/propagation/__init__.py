"""How distress travels: cascades, fire sales, clearing, distress, valuation.

Modules are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contagion.propagation import cascade as cascade
    from contagion.propagation import clearing as clearing
    from contagion.propagation import crossholdings as crossholdings
    from contagion.propagation import defaults as defaults
    from contagion.propagation import distress as distress
    from contagion.propagation import firesales as firesales
    from contagion.propagation import neva as neva
    from contagion.propagation import single_defaults as single_defaults
    from contagion.propagation import valuations as valuations

_MODULES = (
    "cascade",
    "clearing",
    "crossholdings",
    "defaults",
    "distress",
    "firesales",
    "neva",
    "single_defaults",
    "valuations",
)

__all__ = list(_MODULES)

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return list(__all__)
