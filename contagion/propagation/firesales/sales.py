"""From balance sheets after a shock to the end of a fire sale, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import diags_array
from scipy.sparse.linalg import eigsh

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE
from contagion.errors import NetworkError, SchemaError
from contagion.policies.base import Policy
from contagion.propagation.firesales.courses import Course, ended_course, fixed_course, followed_course
from contagion.propagation.firesales.desk import PolicyDesk
from contagion.propagation.firesales.engine import Sale
from contagion.propagation.firesales.impacts import Impact, LinearImpact, bounded, thinned
from contagion.propagation.firesales.market import Market, by_name
from contagion.propagation.firesales.own_responses import checked
from contagion.propagation.firesales.portfolios import InProportion
from contagion.propagation.firesales.responses import (
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    Response,
    State,
)
from contagion.propagation.solvency.book import Book, Sheets
from contagion.propagation.solvency.outcome import Outcome, Steps

if TYPE_CHECKING:
    from contagion.propagation.firesales.model import FireSale

__all__ = ["Sales", "Told"]

DENSE = 400


@dataclass(frozen=True)
class Told:
    """A sale and the desk through which policies acted."""

    course: Course
    desk: PolicyDesk | None = None


class Sales:
    """A network's portfolios under one model of fire sales.

    Parameters
    ----------
    model : FireSale
        The parts.
    book : Book
        Balance sheets at the opening.
    """

    def __init__(self, model: FireSale, book: Book) -> None:
        self.model, self.book, self.market = model, book, Market.of(book.net)
        most = np.inf if model.weights == "frozen" else 1.0  # falls of a series add up
        self.impact: Impact = bounded(model.impact.on(self.market), most)
        self.total_assets = np.asarray(book.opening.assets + book.claims.claimed)
        self.response = self._bound(model.response)
        self.sale = Sale(
            table=self.market.table,
            response=self.response,
            impact=self.impact,
            settlement_weight=model.settled_at,
            rank=self.rank(),
            frozen=model.weights == "frozen",
            delayed=isinstance(model.response, LeverageBands),
            proceeds="kept" if isinstance(model.response, LeverageBands) else "repaid",
        )

    def at_depth(self, factors: FloatArray | None) -> Sales:
        """The same in markets whose depth has changed by these factors, one an asset."""
        if factors is None:
            return self
        other = copy(self)
        other.impact = thinned(self.impact, factors)
        other.sale = replace(self.sale, impact=other.impact, rank=other.rank())
        other.__dict__.pop("distance", None)
        return other

    def solve(self, steps: Steps, policies: Sequence[Policy] = (), *, told: bool = True) -> Outcome:
        """What happens after shock and interventions, policies acting in the rounds; the steps are told, or the end."""
        with by_name(self.market):
            return self.at_depth(steps.depth_factors)._solved(steps, policies, told)

    def _solved(self, steps: Steps, policies: Sequence[Policy], told: bool) -> Outcome:
        model = self.model
        if model.clearing is not None:
            from contagion.propagation.firesales.joint_sales import joint_outcome

            return joint_outcome(self, model.clearing, steps)
        start, other = self.start(steps), None
        acting = PolicyDesk.needed(policies) and not model.at_fixed_point
        desk = PolicyDesk(policies, self.market, model.round_length) if acting else None
        course = self._course(start, desk) if told or desk or self.sale.frozen else self._end(start)
        if desk is not None and desk.idle:  # to the last bit what happens without policies
            course = self._course(start, None) if told or self.sale.frozen else self._end(start)
        if model.at_fixed_point:
            other = ended_course(self.sale, start, "least" if model.most_sales else "most")
        return self.outcome(steps, course, other, desk)

    @staticmethod
    def course_of(outcome: Outcome) -> Course:
        """The sale behind an outcome."""
        told = outcome.course
        assert isinstance(told, Told)
        return told.course

    @staticmethod
    def desk_of(outcome: Outcome) -> PolicyDesk | None:
        """The desk through which policies acted, if any did."""
        told = outcome.course
        assert isinstance(told, Told)
        return told.desk

    def _course(self, start: State, desk: PolicyDesk | None) -> Course:
        if self.model.at_fixed_point:
            return fixed_course(self.sale, start, most_sales=self.model.most_sales)
        sale = self.sale if desk is None else replace(self.sale, desk=desk)
        rounds = self.model.rounds if isinstance(self.model.rounds, int) else None
        return followed_course(self.market, sale, start, rounds)

    def _end(self, start: State) -> Course:
        rounds = self.model.rounds
        if rounds is None:
            rounds = "least" if self.model.at_fixed_point else "until_no_sales"
        return ended_course(self.sale, start, rounds)

    def start(self, steps: Steps) -> State:
        """Balance sheets after the shock as the engine reads them."""
        sheets, n = steps.helped, len(steps.helped.names)
        factors = self.market.factors(steps.price_factors)
        struck = np.where(steps.forced, np.maximum(steps.shocked.equity, 0.0), 0.0)
        worth = self.market.holdings.matrix @ factors
        prices = self.book.prices * steps.price_factors
        cash = np.maximum(0.0, self.book.cash + steps.lent + self.market.currencies(prices))
        assets = sheets.assets + sheets.claims.claimed - struck
        gain = steps.shocked.assets - steps.opening.assets - (worth - self.market.held)
        equity = sheets.equity - struck
        equity = np.where(
            np.abs(equity) <= TOLERANCE * sheets.size, 0.0, equity
        )  # rounding of the sheets is no loss
        frozen = self.sale.frozen
        columns: dict[str, Any] = {
            "price": np.ones(len(factors)) if frozen else factors,
            "move": factors - 1.0,
            "equity": equity,
            "cash": cash,
            "loan": sheets.debts,
            "illiquid": assets - cash - worth,
            "other_debt": sheets.claims.owed,
            "gain": gain,
            "in_default": np.zeros(n, dtype=np.bool_),
            "forced": steps.forced,
        }
        held = InProportion(self.market.table, np.ones((n, 1)))
        return State(held=held, **{name: values[:, None] for name, values in columns.items()})

    def outcome(self, steps: Steps, course: Course, other: Course | None, desk: PolicyDesk | None) -> Outcome:
        """The end in the words of models of balance sheets."""
        sheets = steps.helped
        failed = steps.forced | course.failed | (course.equity < -TOLERANCE * sheets.size)
        other_loss = np.nan if other is None else self.limited_loss(steps, other.equity)
        return Outcome(
            equity=course.equity,
            defaulted=np.asarray(failed),
            wave=self._waves(steps, course, failed),
            recovery=np.ones(len(failed)),
            rounds=course.rounds,
            metrics={**self.metrics(steps, course), "claims_loss": self.forced_loss(steps), "interaction_loss": 0.0,
                     "other_end_loss": other_loss},
            columns=self.columns(course),
            losses=np.cumsum([0.0, *(step.loss.sum() for step in course.steps)]).tolist(),
            course=Told(course, desk),
        )  # fmt: skip

    def metrics(self, steps: Steps, course: Course) -> dict[str, float]:
        """The model's own metrics that every kind of sale has."""
        counted = self.book.counted
        lost = float(course.loss[counted].sum())
        had = float(np.maximum(steps.opening.equity, 0.0)[counted].sum())
        shocked = self.market.factors(steps.price_factors)
        fall = np.divide(shocked - course.price, shocked, out=np.zeros_like(shocked), where=shocked > 0.0)
        weight = self.market.total * shocked
        return {
            "fire_sale_loss": lost,
            "aggregate_vulnerability": lost / had if had > 0.0 else np.nan,
            "sales": float(np.maximum(course.sales, 0.0).sum()),
            "worst_fall": float(fall.max()),
            "mean_fall": float((weight * fall).sum() / weight.sum()) if weight.sum() > 0.0 else 0.0,
            "banks_selling": float((course.sales > TOLERANCE * self.market.held).sum()),
            "rounds_with_sales": float(course.rounds_with_sales),
            "distance_to_divergence": self.distance,
        }

    def columns(self, course: Course) -> dict[str, Any]:
        """Values per node for `run.nodes`."""
        steps, n = course.steps, len(course.equity)
        first = steps[0].leverage if steps else np.full(n, np.nan)
        return {
            "held": self.market.held,
            "sold": course.sales,
            "leverage_before": first,
            "leverage_after": course.leverage,
            "price_loss": course.loss,
            "price_loss_caused": sum((step.caused(self.market.table) for step in steps), np.zeros(n)),
        }

    def limited_loss(self, steps: Steps, equity: FloatArray) -> float:
        """Loss of equity of all that count beyond the shock, loans repaid, limited liability at the end, money."""
        left = np.maximum(equity, 0.0)
        lost = np.maximum(steps.shocked.equity - (left - np.minimum(steps.lent, left)), 0.0)
        real = lost > TOLERANCE * steps.opening.size
        return float(lost[real & self.book.counted].sum())

    def forced_loss(self, steps: Steps) -> float:
        """Equity of the nodes that the shock lets fail, lost with neither prices nor payments, money."""
        return float(np.maximum(steps.shocked.equity, 0.0)[steps.forced & self.book.counted].sum())

    @cached_property
    def distance(self) -> float:
        """Factor on impact at which targeting leverage diverges; NaN for other parts."""
        if not (isinstance(self.model.response, LeverageTarget) and isinstance(self.impact, LinearImpact)):
            return np.nan
        own = self.response
        assert isinstance(own, LeverageTarget) and own.total_assets is not None and own.equity is not None
        gear = (
            (own.total_assets - own.equity)
            / own.equity
            / np.where(own.total_assets > 0, own.total_assets, 1.0)
        )
        root = np.sqrt(self.impact.price_impact)
        half = self.market.holdings.matrix @ diags_array(root)
        pairs = (half.T @ diags_array(gear) @ half).tocsr()
        n = len(root)
        found = (
            np.abs(np.linalg.eigvalsh(pairs.toarray())).max()
            if n <= DENSE
            else np.abs(eigsh(pairs, k=1, which="LM", return_eigenvectors=False, v0=np.ones(n)))[0]
        )
        return 1.0 / float(found) if found > 0.0 else np.inf

    def _bound(self, response: Response) -> Response:
        """A response with what it needs of the opening sheets; at fixed points worthless holdings count as sold too."""
        if self.model.at_fixed_point and isinstance(response, LeverageThreshold):
            return replace(response, worthless_too=True)
        if not isinstance(response, LeverageTarget):
            return checked(response)
        capped = response.capped or self.model.weights == "current"
        if response.total_assets is not None or response.equity is not None:
            for name in ("total_assets", "equity"):
                if np.shape(getattr(response, name)) != self.market.held.shape:
                    raise SchemaError(
                        f"has the shape {np.shape(getattr(response, name))}",
                        where=f"LeverageTarget.{name}",
                        allowed=f"one number for each of {len(self.market.held)} nodes",
                        remedy="leave out both: those of the network are taken",
                    )
            return checked(replace(response, capped=capped))
        holds = self.market.held > 0.0
        equity = self.book.opening.equity
        wrong = np.flatnonzero(holds & (equity <= 0.0))
        if len(wrong):
            names = ", ".join(repr(str(self.book.names[place])) for place in wrong[:5])
            raise NetworkError(
                f"{len(wrong)} nodes that hold assets have no equity: {names}",
                where="nodes",
                allowed="equity above 0, from which leverage is targeted",
                remedy="more cash or external_assets, or a LeverageThreshold",
            )
        return replace(
            response,
            total_assets=np.where(holds, self.total_assets, 1.0),
            equity=np.where(holds, equity, 1.0),
            capped=capped,
        )

    def rank(self) -> FloatArray | None:
        """Rank of every asset: the smallest fall by the same small sale first, ties by name; None: in proportion."""
        if self.model.order != "liquid_first":
            return None
        n = len(self.market.names)
        small = 1e-6 * float(self.market.total.sum()) / n
        fall = self.impact.fall(np.full((n, 1), small), np.ones((n, 1)))[:, 0]
        rank = np.empty(n)
        rank[np.argsort(fall, kind="stable")] = np.arange(n)
        return rank

    def _waves(self, steps: Steps, course: Course, failed: Any) -> Any:
        """Round in which each node fails; 0 by the shock alone."""
        wave = np.where(failed, max(course.rounds, 1), -1).astype(np.int64)
        limit = -TOLERANCE * steps.helped.size
        for number, step in reversed(list(enumerate(course.steps, start=1))):
            wave[failed & (step.failed | (step.equity < limit))] = number
        wave[failed & steps.fundamental] = 0
        return wave

    def at_prices(self, steps: Steps, fall: FloatArray) -> tuple[Steps, FloatArray]:
        """Sheets when prices fell further by these shares after the shock, and what each node lost by it, money."""
        shocked = self.market.factors(steps.price_factors)
        lost = self.market.holdings.matrix @ (shocked * fall)
        sheets = steps.helped
        poorer = Sheets(sheets.names, sheets.claims, sheets.assets - lost, sheets.debts)
        return replace(steps, helped=poorer), lost
