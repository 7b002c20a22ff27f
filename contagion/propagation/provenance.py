"""What does it take to make a run again?"""

from __future__ import annotations

import platform
from collections.abc import Sequence
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

    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
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
        "packages": found,
    }
