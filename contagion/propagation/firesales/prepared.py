"""A network made ready for many scenarios of one fire sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from contagion.policies.base import Policy
from contagion.policies.costs import Outlay
from contagion.propagation.firesales.desk import PolicyDesk
from contagion.propagation.firesales.sales import Sales
from contagion.propagation.solvency.book import Listener
from contagion.propagation.solvency.outcome import Outcome, Steps
from contagion.propagation.solvency.prepared import PreparedSheets

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from contagion.network import Network
    from contagion.propagation.firesales.model import FireSale
    from contagion.results import Run
    from contagion.shocks import Shock

__all__ = ["PreparedFireSale"]


class PreparedFireSale(PreparedSheets):
    """Balance sheets and portfolios of a network under a set of policies, ready for shocks."""

    def __init__(self, model: FireSale, net: Network, policies: Sequence[Policy]) -> None:
        super().__init__(model, net, policies)
        self.sales = Sales(model, self.book)
        self.listener = Listener(net, type(model).__name__, frozenset({"depth"}))
        if model.at_fixed_point:
            PolicyDesk.refuse(self.policies, model.rounds)

    def with_cash(self, money: npt.NDArray[np.float64]) -> PreparedFireSale:
        """The same with so much more cash at the opening, shape (n,), for quick trials."""
        richer = cast("PreparedFireSale", super().with_cash(money))
        richer.sales = Sales(self.sales.model, richer.book)
        return richer

    def solve(self, steps: Steps) -> Outcome:
        """What happens on the sheets after shock and interventions, policies acting in the rounds."""
        return self.sales.solve(steps, self.policies, told=False)

    def depth_factors(self, shock: Shock) -> npt.NDArray[np.float64] | None:
        """Depth of each asset's spot markets after a shock over that before, mean by volume; None if it stays."""
        return self.sales.market.depth_factors(shock)

    def outlay(self, steps: Steps, outcome: Outcome) -> Outlay:
        """What a run used, with sales held back and what outsiders bought."""
        used = super().outlay(steps, outcome)
        desk = self.sales.desk_of(outcome)
        if desk is None:
            return used
        course = self.sales.course_of(outcome)
        return replace(
            used,
            locked=used.locked + float(desk.paid.sum()),
            deferred_value=desk.deferred * desk.round_length,
            backstop_loss=used.backstop_loss + desk.loss(course.price),
        )

    def run(self, shock: Shock, seed: int = 0, scenario: int = 0) -> Run:
        """One scenario with its tables."""
        from contagion.propagation.firesales.tables import make_run

        steps, end = self.follow(shock)
        outcome = self.sales.solve(steps, self.policies)
        return make_run(self, shock, seed, scenario, steps, outcome, self.measured(steps, end))
