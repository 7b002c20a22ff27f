"""Which number varies? A column of the network, a field of a policy, or one of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from contagion.errors import ContagionError, SchemaError, ValueRangeError, nearest
from contagion.experiments.wholes import is_whole
from contagion.families import moved
from contagion.network.schema import TABLES

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.network.network import Network
    from contagion.policies import Policy

__all__ = ["Parameter", "find_parameter"]

AROUND = 4.0
"""Without bounds a search goes from a quarter of the present value to four times it, where that is allowed."""
CLOSE = 0.01
"""A bound that is not allowed is replaced by an allowed value at most this share away from one that is not."""
CONTROLS = ("none", "placebo")


@dataclass(frozen=True)
class Parameter:
    """One number of a study that can be set.

    Parameters
    ----------
    cmp
        The study.
    name
        As it was asked for.
    kind
        ``column``, ``field`` or ``model``.
    owner, item
        Table and column; set and field; ``model`` and field.
    policy
        The set whose effect is looked at.
    relative
        Whether a value multiplies the column.
    """

    cmp: Comparison
    name: str
    kind: str
    owner: str
    item: str
    policy: str
    relative: bool

    @property
    def unit(self) -> str:
        """Unit of a value, where the schema states one."""
        if self.kind != "column" or self.relative:
            return "times" if self.relative else ""
        column = next(one for one in TABLES[self.owner].columns if one.name == self.item)
        return "s" if column.unit in ("s", "seconds") else column.unit

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers alone."""
        if self.kind == "column":
            return False
        owners = [self.cmp.model] if self.kind == "model" else self.cmp.policies[self.owner]
        return any(is_whole(owner, self.item) for owner in owners if hasattr(owner, self.item))

    def concerns(self, policies: str) -> bool:
        """Whether a set's runs depend on the value."""
        return self.kind != "field" or policies == self.owner

    def at(self, value: float, policies: str) -> tuple[Sequence[Network], Any, list[Policy]]:
        """Networks, model and policies of a set with the value in place."""
        worlds, model, chosen = self.cmp.networks, self.cmp.model, self.cmp.policies[policies]
        if self.whole:
            value = self._whole(value)
        if self.kind == "column":
            worlds = tuple(self._changed(world, value) for world in worlds)
        elif self.kind == "model":
            model = replace(model, **{self.item: value})  # type: ignore[type-var]
        elif policies == self.owner:
            chosen = [_with(policy, self.item, value) for policy in chosen]
        return worlds, model, chosen

    def shock(self, scenario: int) -> Any:
        """The shock of a scenario of the study."""
        world = self.cmp.networks[scenario % len(self.cmp.networks)]
        return self.cmp.family.scenario(moved(self.cmp.family, world), scenario, self.cmp.seed)

    def bounds(self, given: tuple[float, float] | None) -> tuple[float, float]:
        """Where to look, checked."""
        if given is None:
            now = 1.0 if self.relative else self._present()
            if not (math.isfinite(now) and now > 0.0):
                raise ValueRangeError(
                    "has no present value above 0 to look around",
                    where=self.name,
                    value=now,
                    remedy="give bounds=(low, high)",
                )
            low, high = now / AROUND, now * AROUND
            if self.whole:
                low, high = float(math.ceil(low)), float(math.floor(high))
            return self._allowed(now, low), self._allowed(now, high)
        low, high = (float(end) for end in given)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueRangeError("are no rising pair of numbers", where="bounds", value=given)
        for end in (low, high):
            refusal = self.refusal(end)
            if refusal:
                raise ValueRangeError(
                    f"hold a value that {self.name} cannot have ({refusal})",
                    where="bounds",
                    value=end,
                    remedy="give bounds within its range",
                )
        return low, high

    def refusal(self, value: float) -> str:
        """Why the network, the policy or the model refuses a value; empty if none does."""
        try:
            worlds, model, policies = self.at(value, self.policy)
            for place, world in enumerate(worlds):
                ready = model.prepare(world, policies)
                if hasattr(ready, "shock_arrays"):
                    ready.shock_arrays(self.shock(place))
        except ContagionError as error:
            return str(error)
        return ""

    def _allowed(self, now: float, end: float) -> float:
        """The end, or the value nearest to it, seen from the present one, that is not refused."""
        if not self.refusal(end) or self.refusal(now):
            return end
        good, bad = now, end
        if now < 1.0 < end and not self.refusal(1.0):
            good = 1.0  # shares end at 1
        while abs(bad - good) > CLOSE * max(abs(bad), abs(good)):
            middle = 0.5 * (good + bad)
            if self.whole:
                middle = float(math.floor(middle) if good < bad else math.ceil(middle))
                if middle == good:
                    break
            good, bad = (good, middle) if self.refusal(middle) else (middle, bad)
        return good

    def _whole(self, value: float) -> int:
        """The value as a whole number, or refused."""
        if not float(value).is_integer():
            raise ValueRangeError("is no whole number", where=self.name, value=value)
        return int(value)

    def _present(self) -> float:
        """What the parameter is now: the median of a column."""
        if self.kind == "column":
            return float(
                np.nanmedian([getattr(w, self.owner)[self.item].median() for w in self.cmp.networks])
            )
        if self.kind == "model":
            return float(getattr(self.cmp.model, self.item))
        return float(
            next(getattr(p, self.item) for p in self.cmp.policies[self.owner] if hasattr(p, self.item))
        )

    def _changed(self, world: Network, value: float) -> Network:
        table = getattr(world, self.owner)
        column = table[self.item] * value if self.relative else value
        changes: dict[str, Any] = {self.owner: table.assign(**{self.item: column})}
        return world.replace(**changes)


def find_parameter(cmp: Comparison, name: str, policy: str | None, relative: bool) -> Parameter:
    """Find what a dotted name means in a study.

    Raises
    ------
    SchemaError, ValueRangeError
        If it means nothing, or several things.
    """
    if not isinstance(name, str) or name.count(".") != 1:
        raise SchemaError(
            "is no dotted name",
            where="parameter",
            value=name,
            allowed='such as "markets.impact_half_life" or "halt.length"',
        )
    owner, item = name.split(".")
    if owner in cmp.policies:
        _check_field(cmp, owner, item)
        return Parameter(cmp, name, "field", owner, item, policy or owner, relative=False)
    if owner == "model":
        numbers = [f.name for f in fields(cmp.model) if _is_number(getattr(cmp.model, f.name))]  # type: ignore[arg-type]
        _check_known(item, numbers, "parameter", name)
        return Parameter(cmp, name, "model", owner, item, policy or _only(cmp), relative=False)
    _check_known(owner, [*cmp.policies, "model", *TABLES], "parameter", name)
    columns = [column.name for column in TABLES[owner].columns if column.kind == "number"]
    _check_known(item, columns, "parameter", name)
    return Parameter(cmp, name, "column", owner, item, policy or _only(cmp), relative)


def _only(cmp: Comparison) -> str:
    """The one set of a study that is no control."""
    names = [name for name in cmp.policies if name not in CONTROLS]
    if len(names) != 1:
        raise ValueRangeError(
            "is not given, and the study has several sets" if names else "is not given, and the study has no set",
            where="policy", value=None, allowed=", ".join(names) or "a study with a policy set",
        )  # fmt: skip
    return names[0]


def _check_field(cmp: Comparison, owner: str, item: str) -> None:
    having = [policy for policy in cmp.policies[owner] if _is_number(getattr(policy, item, None))]
    if len(having) == 1:
        return
    known = [f.name for p in cmp.policies[owner] for f in fields(p) if _is_number(getattr(p, f.name))]
    if not having:
        _check_known(item, known, "parameter", f"{owner}.{item}")
    raise ValueRangeError(
        f"is a field of {len(having)} policies of the set", where="parameter", value=f"{owner}.{item}",
        remedy="make a set in which one policy has it",
    )  # fmt: skip


def _check_known(word: str, known: Sequence[str], where: str, name: str) -> None:
    if word not in known:
        raise ValueRangeError(
            f"is unknown{nearest(word, known)}",
            where=where,
            value=name,
            allowed=", ".join(known) or "nothing",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with(policy: Policy, item: str, value: float) -> Policy:
    """The policy with the value, if it has such a number."""
    return replace(policy, **{item: value}) if _is_number(getattr(policy, item, None)) else policy
