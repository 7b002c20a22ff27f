"""What does it take to make a run again?"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.policies.base import Policy
    from contagion.shocks import Shock

__all__ = ["provenance"]

PACKAGES = ("numpy", "pandas", "numba", "networkx", "scipy")


def provenance(
    net: Network, model: Any, shock: Shock, policies: Sequence[Policy], seed: int, scenario: int, **more: Any
) -> dict[str, Any]:
    """What is needed to make the run again: fingerprint, model, shock, policies, seed, versions, and `more`."""
    from contagion import __version__

    return {
        "contagion": __version__,
        "network": net.fingerprint,
        "model": repr(model),
        "shock": shock.describe(),
        "policies": [policy.describe() for policy in policies],
        "seed": seed,
        "scenario": scenario,
        **more,
        "python": platform.python_version(),
        "packages": dict(_versions()),
    }


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Packages that results depend on, and their versions; looked up once."""
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "unknown"))
    return tuple(found)
