"""What does a network say once for all? Networks are frozen, so what follows from one alone is computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["once"]

T = TypeVar("T")


def once(function: Callable[[Network], T]) -> Callable[[Network], T]:
    """Return a function of a network that is computed at most once per network; callers get copies.

    What is kept goes with the network and is not stored or sent with it.
    """
    key = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def kept(net: Network) -> T:
        store: dict[str, Any] = net.__dict__.setdefault("_once", {})
        if key not in store:
            store[key] = function(net)
        value: T = store[key]
        return value.copy() if hasattr(value, "copy") else value

    return kept
