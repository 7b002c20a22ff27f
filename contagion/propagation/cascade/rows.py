"""From a list of policies to the parameter rows that the compiled rounds read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import PolicyError
from contagion.policies.base import RUNTIME_HOOKS, Policy
from contagion.propagation.cascade.codes import (
    BACKSTOP,
    BAND,
    BAND_REFERENCES,
    HAIRCUTS,
    HALT,
    HALT_REFERENCES,
    INTEREST_MARGIN,
    PYTHON,
    REOPENINGS,
    REPLENISHMENT,
    SCOPES,
    SLICES,
    THROTTLE,
    VOLATILITY_MARGIN,
)
from contagion.propagation.cascade.hooks import CALLED, is_python
from contagion.propagation.cascade.tables import POLICY

KINDS = {
    "halt": HALT,
    "band": BAND,
    "throttle": THROTTLE,
    "volatility_margin": VOLATILITY_MARGIN,
    "interest_margin": INTEREST_MARGIN,
    "backstop": BACKSTOP,
    "replenishment": REPLENISHMENT,
    "slices": SLICES,
    "haircuts": HAIRCUTS,
}
IN_MONEY = ("rate", "money")
WORDS = {"scope": SCOPES, "reopening": REOPENINGS}
REFERENCES = {"halt": HALT_REFERENCES, "band": BAND_REFERENCES}


def is_heard(policy: Policy, changed: set[str], reads: Sequence[str]) -> bool:
    """Whether the cascade notices the policy: a called hook, a table it reads, or the placebo."""
    if type(policy) is Policy or changed & set(reads) or set(policy.tables) & set(reads):
        return True
    return is_python(policy) or type(policy).rows is not Policy.rows


def check_heard(policy: Policy, changed: set[str], reads: Sequence[str]) -> None:
    """Refuse a policy that cannot change anything here, or acts in the rounds of other models only."""
    if policy.models and "Cascade" not in policy.models:
        raise PolicyError(
            f"{type(policy).__name__}: it acts in the rounds of {', '.join(policy.models)}, and Cascade has others; "
            "ct.LiquidationThrottle slows forced orders here, ct.BackstopLiquidity buys"
        )
    if not is_heard(policy, changed, reads):
        deaf = [hook for hook in RUNTIME_HOOKS if policy.overrides(hook) and hook not in CALLED]
        why = (
            f"its hook {deaf[0]} is not called by Cascade"
            if deaf
            else "it overrides no hook and changes no table"
        )
        raise PolicyError(
            f"{type(policy).__name__}: {why}; the cascade calls {', '.join(CALLED)} and opening"
        )


def policy_rows(
    policies: Sequence[Policy], markets: Sequence[str], scale: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Rows of built-in run-time policies and of Python ones, in list order, and the markets that each covers."""
    rows: list[np.void] = []
    covered: list[tuple[bool, ...]] = []
    for place, policy in enumerate(policies):
        if is_python(policy):
            row = np.zeros(1, POLICY)[0]
            row["kind"], row["place"] = PYTHON, place
            rows.append(row)
            covered.append((True,) * len(markets))
        for given in policy.rows(markets):
            rows.append(_row(dict(given), place, scale))
            chosen: Any = given["covered"]
            covered.append(tuple(chosen))
    return np.array(rows, POLICY), np.asarray(covered, dtype=np.bool_).reshape(len(rows), len(markets))


def _row(given: dict[str, object], place: int, scale: float) -> np.void:
    """One parameter row in codes and quanta."""
    kind = str(given["kind"])
    row = np.zeros(1, POLICY)[0]
    row["kind"], row["place"] = KINDS[kind], place
    for name, value in given.items():
        if name in ("kind", "covered"):
            continue
        if name == "reference":
            row[name] = REFERENCES[kind][str(value)]
        elif name in WORDS:
            row[name] = WORDS[name][str(value)]
        else:
            row[name] = float(str(value)) * (scale if name in IN_MONEY else 1.0)
    return row
