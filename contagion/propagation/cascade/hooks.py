"""How policies written in Python take part in a round: the read-only world they see, and what becomes of their answers.

References
----------
design page, section 4: hooks, each the identity by default; sets compose in list order, caps by minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import PolicyError
from contagion.policies.base import Policy
from contagion.policies.world import World
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import BY_INJECTION, INJECTED, MONEY, NODE, OUTSIDE
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.packing import pack_state
from contagion.propagation.cascade.worlds import world_of

EVENT_INJECTION = 2  # told as a top-up from outside


CALLED = ("requirement", "haircuts", "marks", "orders", "limits", "status", "cash", "waterfall")
"""Hooks that the cascade calls."""


def is_python(policy: Policy) -> bool:
    """Whether the policy has hooks of its own that the cascade must call between the phases."""
    return any(policy.overrides(hook) for hook in CALLED)


class Hooks:
    """The Python policies of one run, with a memo for each place in the list."""

    def __init__(self, opening: Opening, policies: Sequence[Policy]) -> None:
        self.opening = opening
        self.policies = tuple(policies)
        self.memos: list[dict[str, Any]] = [{} for _ in policies]
        self.python = [p for p, policy in enumerate(policies) if is_python(policy)]

    def world(self, state: State, p: int) -> World:
        """The world as it stands, for the policy in place `p`."""
        return world_of(self.opening, state, self.memos[p])

    def checked(self, p: int, hook: str, answer: object, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """The answer of a hook as floats of the right shape."""
        policy = self.policies[p]
        try:
            values = np.asarray(answer, dtype=float)
        except (TypeError, ValueError):
            values = np.full(1, np.nan)
        if values.shape != shape or np.isnan(values).any():
            raise PolicyError(
                f"{type(policy).__name__}.{hook} returned {str(answer)[:80]!r}; expected numbers of "
                f"shape {shape} without nan"
            )
        return values

    def marks(self, state: State) -> None:
        """Let policies change the marks."""
        for p in self.python:
            if self.policies[p].overrides("marks"):
                world = self.world(state, p)
                marks = self.checked(
                    p, "marks", self.policies[p].marks(world, world.mark.copy()), world.mark.shape
                )
                if (marks <= 0).any():
                    raise PolicyError(
                        f"{type(self.policies[p]).__name__}.marks returned a price that is not above 0"
                    )
                state.markets["mark"] = marks

    def requirement(self, state: State, p: int) -> None:
        """Multiply the maintenance margin per market."""
        if self.policies[p].overrides("requirement"):
            before = state.markets["multiplier"].copy()
            answer = self.policies[p].requirement(self.world(state, p), before.copy())
            multiplier = self.checked(p, "requirement", answer, before.shape)
            if (multiplier < 0).any():
                raise PolicyError(
                    f"{type(self.policies[p]).__name__}.requirement returned a negative multiplier"
                )
            state.markets["multiplier"] = multiplier

    def haircuts(self, state: State) -> None:
        """Let policies change the weights of coins, venue by asset; coins that a venue does not know have 0."""
        if not any(self.policies[p].overrides("haircuts") for p in self.python):
            return
        slots = state.slots
        weights = np.zeros((len(state.venues), len(state.index)))
        np.maximum.at(weights, (slots["venue"], slots["asset"]), slots["weight"])
        before = weights.copy()
        for p in self.python:
            if self.policies[p].overrides("haircuts"):
                answer = self.policies[p].haircuts(self.world(state, p), weights.copy())
                weights = self.checked(p, "haircuts", answer, weights.shape)
                if ((weights < 0) | (weights > 1)).any():
                    raise PolicyError(
                        f"{type(self.policies[p]).__name__}.haircuts returned a weight outside [0, 1]"
                    )
        scale = np.divide(weights, before, out=np.ones_like(weights), where=before > 0)
        changed = scale[slots["venue"], slots["asset"]] * slots["weight"]
        same = weights == before
        slots["weight"] = np.where(
            same[slots["venue"], slots["asset"]], slots["weight"], np.minimum(changed, 1.0)
        )

    def cash(self, state: State) -> None:
        """Let policies bring in money from an outside payer."""
        for p in self.python:
            if not self.policies[p].overrides("cash"):
                continue
            none = np.zeros(len(state.node_cash))
            answer = self.policies[p].cash(self.world(state, p), none.copy())
            money = self.checked(p, "cash", answer, none.shape)
            if (money < 0).any():
                raise PolicyError(f"{type(self.policies[p]).__name__}.cash returned a negative injection")
            packed = pack_state(state)
            for n in np.flatnonzero(money > 0):
                quanta = int(np.rint(money[n] * self.opening.units.scale))
                note(packed, EVENT_INJECTION, -1, int(n), -1, -1, 0.0, np.nan, float(quanta))
                state.node_cash[n] += quanta
                state.clock["outside_paid"] -= quanta
                state.counters[INJECTED] += quanta
                post(packed, NODE, int(n), BY_INJECTION, MONEY, quanta)
                post(packed, OUTSIDE, 0, BY_INJECTION, MONEY, -quanta)

    def status(self, state: State, p: int) -> None:
        """Shut the markets that the policy wants shut."""
        if self.policies[p].overrides("status"):
            world = self.world(state, p)
            shut = self.checked(p, "status", self.policies[p].status(world), world.mark.shape) != 0.0
            state.markets["shut"] |= shut

    def limits(self, state: State, p: int) -> None:
        """Narrow the price limits."""
        if self.policies[p].overrides("limits"):
            lower, upper = state.markets["lower"].copy(), state.markets["upper"].copy()
            answer = self.policies[p].limits(self.world(state, p), lower.copy(), upper.copy())
            both = self.checked(p, "limits", answer, (2, lower.size))
            state.markets["lower"] = np.maximum(lower, both[0])
            state.markets["upper"] = np.minimum(upper, both[1])

    def orders(self, state: State, p: int) -> None:
        """Cap the orders; fractions of a lot are rounded up, answers cut to [0, what is left]."""
        if self.policies[p].overrides("orders"):
            cap = np.stack([state.markets["cap_sell"], state.markets["cap_buy"]])
            answer = self.checked(
                p, "orders", self.policies[p].orders(self.world(state, p), cap.copy()), cap.shape
            )
            allowed = np.clip(np.ceil(answer), 0.0, cap)
            state.markets["cap_sell"], state.markets["cap_buy"] = allowed[0], allowed[1]

    def waterfall(self, state: State) -> None:
        """Let policies limit the layers that pay this round's deficits."""
        deficits = state.venues["deficit"] / self.opening.units.scale
        if not deficits.any():
            return
        for p in self.python:
            if self.policies[p].overrides("waterfall"):
                layers = np.stack([state.venues["fund"] / self.opening.units.scale, deficits])
                answer = self.policies[p].waterfall(self.world(state, p), deficits.copy(), layers.copy())
                allowed = np.clip(self.checked(p, "waterfall", answer, layers.shape), 0.0, None)
                limits = np.floor(allowed * self.opening.units.scale)
                state.venues["fund_limit"] = np.minimum(state.venues["fund_limit"], limits[0])
                state.venues["residual_limit"] = np.minimum(state.venues["residual_limit"], limits[1])
