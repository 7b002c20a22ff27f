"""Is this a study that can be run? Every argument of a sweep is checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from contagion.comparison import unweighted
from contagion.errors import PolicyError, SchemaError, ValueRangeError
from contagion.experiments.families import PriceShocks
from contagion.network.network import Network
from contagion.policies import Policy
from contagion.shocks import Shock

if TYPE_CHECKING:
    from contagion.families import Family

__all__ = ["PolicySets", "check_workers", "limits", "networks", "policy_sets", "scenarios", "share"]

DEFAULT_SCENARIOS = 1000
MOST_SCENARIOS = 10_000_000

PolicySets = Mapping[str, Policy | Sequence[Policy]]
"""Name of a policy set -> one policy or a list of them."""


def networks(net: Network | None, several: Sequence[Network] | None) -> tuple[Network, ...]:
    """Return the networks of a study: the one, or the several that stand in its place.

    Raises
    ------
    SchemaError
        If both or neither are given, or one of them is no network.
    ValueRangeError
        If the list is empty.
    """
    if (net is None) == (several is None):
        raise SchemaError(
            "a study needs either net, one network, or networks, a list of them",
            remedy="give net, or net=None and networks=[...]",
        )
    if isinstance(several, Network) or not (several is None or isinstance(several, Iterable)):
        allowed = "a list of networks; one alone is given as net"
        raise SchemaError("is no list", where="networks", value=several, allowed=allowed)
    worlds = [net] if several is None else list(several)
    if not worlds:
        raise ValueRangeError("is empty", where="networks", value=worlds, allowed="at least one network")
    found = []
    for place, world in enumerate(worlds):
        if not isinstance(world, Network):
            where = "net" if several is None else f"networks[{place}]"
            raise SchemaError("is no network", where=where, value=world, allowed="a ct.Network")
        found.append(world)
    return tuple(found)


def scenarios(
    shock: Family | Shock | Sequence[Shock] | None, n: object = None, *, weights: bool = False
) -> tuple[Family, int]:
    """Return the family behind a study's shocks and the number of its scenarios.

    Parameters
    ----------
    shock : family, Shock or sequence of Shock
        A family draws; one shock hits in every scenario; of a sequence scenario i is the i-th.
    n : int, optional
        Number of scenarios; 1000 for a family that draws, else as many as there are shocks.
    weights : bool, default False
        Whether scenarios may carry weights: whoever says so uses them in every estimate.

    Returns
    -------
    family : Family
        Has `draw` and `scenario`.
    n : int
        Number of scenarios.

    Raises
    ------
    SchemaError
        If the shock is none, n no integer, or scenarios carry weights that would not be used.
    ValueRangeError
        If n is below 1, or above the length of a sequence.
    """
    if isinstance(shock, Shock):
        return PriceShocks.fixed([shock]), _count(1 if n is None else n, MOST_SCENARIOS)
    if isinstance(shock, Sequence) and not isinstance(shock, (str, bytes)):
        for place, one in enumerate(shock):
            if not isinstance(one, Shock):
                raise SchemaError("is no shock", where=f"shock[{place}]", value=one, allowed="a shock")
        if not shock:
            raise ValueRangeError("is empty", where="shock", value=shock, allowed="at least one shock")
        return PriceShocks.fixed(list(shock)), _count(len(shock) if n is None else n, len(shock))
    if shock is None or not (hasattr(shock, "draw") and hasattr(shock, "scenario")):
        raise SchemaError(
            "is no shock",
            where="shock",
            value=shock,
            allowed="a family such as ct.PriceShocks.normal(scale=0.1), a shock, or a list of shocks",
        )
    if not weights:
        unweighted(shock, "shock")
    size = getattr(shock, "size", None)
    default, most = (
        (size, MOST_SCENARIOS if size == 1 else size) if size else (DEFAULT_SCENARIOS, MOST_SCENARIOS)
    )
    return shock, _count(default if n is None else n, most)


def _count(n: object, most: int) -> int:
    number = _integer("n", n, "a number of scenarios, such as n=500")
    if not 1 <= number <= most:
        raise ValueRangeError("is out of range", where="n", value=number, allowed=f"1 to {most:,} scenarios")
    return number


def check_workers(n_jobs: object) -> None:
    """Refuse a number of workers that is no integer or 0.

    Raises
    ------
    SchemaError, ValueRangeError
        If it is no integer; if it is 0.
    """
    allowed = "1, 2, ... workers, or -1 for one per core"
    if _integer("n_jobs", n_jobs, allowed) == 0:
        raise ValueRangeError("is out of range", where="n_jobs", value=n_jobs, allowed=allowed)


def limits(timeout: object, max_error_rate: object) -> tuple[float | None, float]:
    """Return the seconds a scenario may take and the share of runs that may fail.

    Raises
    ------
    SchemaError, ValueRangeError
        If one is no number; if the time is not above 0, or the share not from 0 to 1.
    """
    seconds = None if timeout is None else _number("timeout", timeout, "seconds above 0, such as timeout=60")
    if seconds is not None and not 0.0 < seconds < math.inf:
        raise ValueRangeError("is out of range", where="timeout", value=seconds, allowed="seconds above 0")
    allowed = "a share from 0 to 1, such as 0.05"
    rate = _number("max_error_rate", max_error_rate, allowed)
    if not 0.0 <= rate <= 1.0:
        raise ValueRangeError("is out of range", where="max_error_rate", value=rate, allowed=allowed)
    return seconds, rate


def _number(name: str, value: object, allowed: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where=name, value=value, allowed=allowed)
    return float(value)


def _integer(name: str, value: object, allowed: str) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise SchemaError("is no integer", where=name, value=value, allowed=allowed)
    return int(value)


def share(name: str, value: object) -> float:
    """Return a number strictly between 0 and 1.

    Raises
    ------
    SchemaError, ValueRangeError
        If it is no number; if it is out of range.
    """
    allowed = "a share between 0 and 1, such as 0.95"
    number = _number(name, value, allowed)
    if not 0.0 < number < 1.0:
        raise ValueRangeError("is out of range", where=name, value=number, allowed=allowed)
    return number


def policy_sets(policies: PolicySets | None) -> dict[str, list[Policy]]:
    """Return every policy set as a list: "none" first, the given ones in their order, the placebo last.

    Raises
    ------
    SchemaError
        If a name is no text, or a set holds something else than policies.
    PolicyError
        If "none" holds policies, or "placebo" anything but ``ct.Policy()``.
    """
    if policies is not None and not isinstance(policies, Mapping):
        raise SchemaError(
            "is no mapping of names to policies",
            where="policies",
            value=policies,
            allowed='such as {"halt": [ct.Halt(drop=0.1)]}',
        )
    sets: dict[str, list[Policy]] = {"none": []}
    for name, chosen in (policies or {}).items():
        if not isinstance(name, str) or not name:
            raise SchemaError("is no name", where="policies", value=name, allowed="a text, not empty")
        sets[name] = _policy_list(name, chosen)
    if sets["none"]:
        raise PolicyError(
            "is the baseline and stays empty",
            where="policies",
            value="none",
            remedy="give the set another name",
        )
    placebo = sets.pop("placebo", [Policy()])
    if [type(policy) for policy in placebo] != [Policy]:
        raise PolicyError(
            "is the control and holds ct.Policy() alone",
            where="policies",
            value="placebo",
            remedy="give the set another name",
        )
    return {**sets, "placebo": placebo}


def _policy_list(name: str, chosen: object) -> list[Policy]:
    where = f"policy set {name!r}"
    policies = [chosen] if isinstance(chosen, Policy) else chosen
    if isinstance(policies, (str, bytes)) or not isinstance(policies, Sequence):
        raise SchemaError("is no list of policies", where=where, value=chosen, allowed="a policy or a list")
    found = []
    for place, policy in enumerate(policies):
        if not isinstance(policy, Policy):
            remedy = f"write {policy.__name__}()" if isinstance(policy, type) else ""
            raise SchemaError(
                "is no policy", where=f"{where}[{place}]", value=policy, allowed="a ct.Policy", remedy=remedy
            )
        found.append(policy)
    return found
