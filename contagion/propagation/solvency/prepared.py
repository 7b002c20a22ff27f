"""A network made ready for many scenarios of one model of balance sheets."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from contagion.errors import InputError, PolicyError
from contagion.network.checks import require_rows
from contagion.policies.base import Policy
from contagion.policies.bills import set_cost
from contagion.policies.costs import SECONDS_A_YEAR, CostRates, Outlay
from contagion.propagation.solvency.book import Book, Listener, Sheets
from contagion.propagation.solvency.heirs import origins_of
from contagion.propagation.solvency.interventions import intervene
from contagion.propagation.solvency.opening import open_network
from contagion.propagation.solvency.outcome import METRICS, Outcome, Steps, closing, measured

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.results import Run
    from contagion.shocks import Shock

__all__ = ["PreparedSheets", "SheetModel"]

Floats = npt.NDArray[np.float64]


class SheetModel(Protocol):
    """What is asked of a model of balance sheets."""

    @property
    def horizon(self) -> float:
        """Seconds over which money that policies lock up is priced."""
        ...

    @property
    def own_metrics(self) -> tuple[str, ...]:
        """Names of the metrics that only this model has."""
        ...

    @property
    def edges(self) -> tuple[str, ...]:
        """Tables of which at least one must have rows."""
        ...

    @property
    def hooks(self) -> tuple[str, ...]:
        """Hooks of policies that have a meaning here, among convert and support."""
        ...

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """Table -> columns that the model reads."""
        ...

    def check(self, net: Network) -> None:
        """Refuse a network that the model cannot start from."""
        ...

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """What happens on the sheets after shock and interventions."""
        ...

    def describe(self) -> str:
        """One plain sentence."""
        ...


class PreparedSheets:
    """Balance sheets of a network under a set of policies, ready for shocks."""

    def __init__(self, model: SheetModel, net: Network, policies: Sequence[Policy]) -> None:
        name = type(model).__name__
        require_rows(net, model.edges, name)
        self.model, self.network, self.policies = model, net, tuple(policies)
        self.opened = open_network(net, self.policies, model.reads, model.hooks, name)
        self._check()
        self.book = Book(self.opened, net, origins_of(net, self.policies))
        self.listener = Listener(net, name)
        self.metric_names = (*METRICS, *model.own_metrics)
        self.pledged = _pledged(self.policies, net)
        built_in = "contagion.policies."
        self.compiled = not any(
            policy.overrides(hook) and not type(policy).__module__.startswith(built_in)
            for policy in self.policies
            for hook in model.hooks
        )

    def _check(self) -> None:
        """Refuse what the model cannot start from, before the policies or because of them."""
        self.model.check(self.network)
        try:
            self.model.check(self.opened)
        except InputError as error:
            names = ", ".join(policy.name for policy in self.policies)
            raise PolicyError(f"after {names}: {error}") from error

    def with_cash(self, money: Floats) -> PreparedSheets:
        """The same with so much more cash at the opening, shape (n,), for quick trials.

        Tables of the network stay as they are: not for models that read equity from them (shares in issuers).
        """
        richer = copy(self)
        richer.book = self.book.with_cash(money)
        return richer

    def follow(self, shock: Shock) -> tuple[Steps, Outcome]:
        """Shock the sheets, let policies step in, and solve."""
        self.listener.check(shock)
        shocked, forced, factors = self.book.after(shock), self.book.forced(shock), self.book.moves(shock)
        depth = self.depth_factors(shock)

        def without(sheets: Sheets) -> Floats:
            nothing = np.zeros(len(sheets.names))
            plain = Steps(
                self.book.opening, shocked, sheets, forced, nothing, nothing, nothing, nothing, factors, depth
            )
            return self.solve(plain).equity

        steps = intervene(self.book.opening, shocked, forced, self.policies, without, factors, depth)
        return steps, self.solve(steps)

    def depth_factors(self, shock: Shock) -> Floats | None:
        """Depth of markets after a shock over that before, for models that have markets."""
        return None

    def solve(self, steps: Steps) -> Outcome:
        """What happens on the sheets after shock and interventions."""
        return self.model.solve(self.book, steps)

    def outlay(self, steps: Steps, outcome: Outcome) -> Outlay:
        """What a run used: money locked up, given up and paid before the shock, loans that were not repaid."""
        _, repaid = closing(steps, outcome)
        return Outlay(
            seconds=self.model.horizon,
            locked=self.pledged.locked + float(steps.lent.sum()),
            turned_away=self.pledged.turned_away,
            paid_away=self.pledged.paid_away,
            haircut=float(np.maximum(steps.given - steps.stake, 0.0).sum()),
            backstop_loss=float((steps.lent - repaid).sum()),
        )

    def metrics(self, shock: Shock, seed: int = 0, scenario: int = 0) -> Floats:
        """Metrics of one scenario, shape ``(n_metrics,)``."""
        return self.measure(shock, seed, scenario)[0]

    def measure(self, shock: Shock, seed: int = 0, scenario: int = 0) -> tuple[Floats, Outlay]:
        """Metrics of one scenario and what was used in it."""
        steps, outcome = self.follow(shock)
        return self.measured(steps, outcome), self.outlay(steps, outcome)

    def measured(self, steps: Steps, outcome: Outcome) -> Floats:
        """Metrics of a solved scenario, the policies' cost included."""
        cost = set_cost(self.policies, self.outlay(steps, outcome), CostRates())
        return measured(self.book, steps, outcome, self.model.own_metrics, cost)

    def run(self, shock: Shock, seed: int = 0, scenario: int = 0) -> Run:
        """One scenario with its tables."""
        from contagion.propagation.solvency.records import make_run

        steps, outcome = self.follow(shock)
        return make_run(self, shock, seed, scenario, steps, outcome, self.measured(steps, outcome))


def _pledged(policies: Sequence[Policy], net: Network) -> Outlay:
    """What the openings used up, policy by policy."""
    locked = turned_away = paid_away = 0.0
    for policy in policies:
        after = policy.opening(net)
        used = policy.commitment(net, after)
        locked, turned_away = locked + used.locked, turned_away + used.turned_away
        paid_away += used.paid_away
        net = after
    return Outlay(seconds=SECONDS_A_YEAR, locked=locked, turned_away=turned_away, paid_away=paid_away)
