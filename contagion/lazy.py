"""Names of a package inside this one that are imported on first use, so that touching the package stays cheap.

`import contagion` itself loads no module of its own, not even this one: it has these lines in its own file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["on_first_use"]


def on_first_use(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's `__getattr__`, which imports a name when it is asked for.

    Parameters
    ----------
    package
        Name of the package.
    homes
        Name -> module inside the package that defines it.

    Raises
    ------
    AttributeError
        By what is returned, if the package has no such name.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
