"""Who should be given a limited sum before a shock, so that least is lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import real, word
from contagion.errors import ConvergenceError, SchemaError, ValueRangeError, nearest
from contagion.experiments import arguments
from contagion.experiments.injection_greedy import Trial, fill
from contagion.experiments.injection_leverage import leverages, targets_leverage, vulnerability
from contagion.experiments.injection_programme import PROGRAMME_LOSSES, Payments, payments_after, solve
from contagion.families import moved
from contagion.network.network import Network
from contagion.policies.capital import RULES, CapitalInjection, chosen_nodes
from contagion.propagation.solvency.base import OnSheets
from contagion.propagation.solvency.clearing import Clearing
from contagion.propagation.solvency.outcome import closing, worths
from contagion.propagation.solvency.prepared import PreparedSheets
from contagion.results import money
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.families import Family
    from contagion.shocks import Shock

__all__ = ["OptimalInjection", "optimal_injection"]

Floats = npt.NDArray[np.float64]
DRAWN = 100
ACCURACY = 1e-9
EXACT = "linear programme, exact"
CONVEX = "convex programme, exact"
GREEDY = "greedy, no bound"
BOUNDED = "greedy, bound without default costs"


@dataclass(frozen=True, eq=False, repr=False)
class OptimalInjection:
    """What `optimal_injection` found.

    Parameters
    ----------
    policy : CapitalInjection
        Amounts per node, for `ct.run` and `ct.compare`; only nodes that get something.
    loss_before, loss_after : float
        Mean loss over the scenarios without and with the policy, money, as `ct.run` measures it.
    bound : float
        No allocation of the budget leaves a smaller mean loss over these scenarios; NaN where nothing is known.
    marginal : float
        What one more unit of budget would avert; NaN unless the result is exact.
    method : str
        ``linear programme, exact``; ``convex programme, exact``; ``greedy, bound without default costs``; or ``greedy,
        no bound``.
    loss : tuple of str
        Metrics that make up the loss.
    budget, spent : float
        Money allowed and used: money that averts nothing is kept.
    n : int
        Number of scenarios.
    unit : str
        Unit of money.
    table : pandas.DataFrame
        A row per node: amount; what of its debts inside is unpaid, what it loses and the share of scenarios in which it
        fails, each before and after.
    """

    policy: CapitalInjection
    loss_before: float
    loss_after: float
    bound: float
    marginal: float
    method: str
    loss: tuple[str, ...]
    budget: float
    spent: float
    n: int
    unit: str
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the table per node, a copy; mean values over the scenarios, money."""
        return self.table.copy()

    def __repr__(self) -> str:
        helped = int((self.table["amount"] > 0.0).sum())
        least = (
            "" if np.isnan(self.bound) else f", at least {money(self.bound, self.unit)} for any allocation"
        )
        return (
            f"{money(self.spent, self.unit)} of {money(self.budget, self.unit)} into {helped} nodes ({self.method}): "
            f"{' + '.join(self.loss)} falls from {money(self.loss_before, self.unit)} to "
            f"{money(self.loss_after, self.unit)}{least}; {self.n:,} scenario{'s' * (self.n != 1)}"
        )


def optimal_injection(
    net: Network,
    shock: Family | Shock | Sequence[Shock],
    model: Any = None,
    *,
    budget: float,
    n: int | None = None,
    seed: int = 0,
    nodes: Sequence[str] | None = None,
    loss: str | Sequence[str] | None = None,
    use: Literal["cash", "debts"] = "cash",
) -> OptimalInjection:
    """Share a budget of capital among nodes before a shock, so that the mean loss is smallest.

    Parameters
    ----------
    net : Network
        The network.
    shock : Shock, sequence of Shock or family
        One scenario, several of equal weight, or a family from which `n` are drawn. The result is best for these
        scenarios; check it on others of the family with `ct.compare` and another seed.
    model : model of balance sheets, optional
        ``ct.Clearing()`` if not given.
    budget : float
        Money at the most, at least 0.
    n : int, optional
        Scenarios; default 100 for a family without end, else all.
    seed : int, default 0
        Root seed of the scenarios.
    nodes : sequence of str, optional
        Who may receive money; default all venues and institutions.
    loss : str or sequence of str, optional
        Metrics of the model whose sum is to be small, money. Default for clearing: all unpaid debts, inside the network
        and outside (``("unpaid", "external_loss")``); for one round of a fire sale that targets leverage
        ``fire_sale_loss``; for other models ``system_loss``.
    use : {"cash", "debts"}
        As in `CapitalInjection`: the money is kept, or pays back external liabilities first.

    Returns
    -------
    OptimalInjection
        For greatest clearing without default costs, one seniority and external creditors pari passu, with unpaid debts
        as loss and money that is kept, the optimum by a linear programme; it also bounds clearing with default costs
        from below. Nodes whose assets after the shock are negative and that may receive money make it inexact.

        For `FireSale.greenwood_landier_thesmar` in proportion and without a cap, shocks that take no equity, and
        `fire_sale_loss` (or `aggregate_vulnerability`, if the whole budget averts something), the optimum of a convex
        programme: `contagion.propagation.firesales.recapitalisation`.

        Otherwise greedy: each step gives where most is averted per unit of money; never worse than the rules of
        `CapitalInjection` (equal, equity, debts) with the whole budget.

    Raises
    ------
    InputError
        If an argument is none of these; the message names it.
    ConvergenceError
        If the solver fails, or the model contradicts it.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 5.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 1.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> found = ct.optimal_injection(net, ct.AssetShock({"A": -0.4}), budget=10.0)
    >>> found.policy.amounts, found.loss_before, found.loss_after, found.method
    ({'A': 1.0}, 1.0, 0.0, 'linear programme, exact')

    References
    ----------
    Eisenberg, Noe (2001), Management Science 47(2), lemma 4. Li, Lin, Peleato-Inarrea, Pollak (2014), arXiv 1410.2570.
    Demange (2018), Management Science 64(2). Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
    """
    if not isinstance(net, Network):
        raise SchemaError("is no network", where="net", value=net, allowed="a ct.Network")
    chosen = Clearing() if model is None else model
    if not isinstance(chosen, OnSheets):
        allowed = "a model of balance sheets, such as ct.Clearing()"
        raise SchemaError("reads no balance sheets", where="model", value=model, allowed=allowed)
    most = real(budget, "budget", low=0.0)
    word(use, "use", ("cash", "debts"))
    root = check_seed(seed)
    prepared = chosen.prepare(net)
    losses = _losses(loss, prepared)
    shocks, shares = _scenarios(shock, n, net, root)
    receivers = chosen_nodes(CapitalInjection({}), net, nodes)
    allowed_nodes = np.asarray(prepared.book.names.isin(receivers))
    case = _Case(net, prepared, losses, shocks, shares, allowed_nodes, most, use)
    return case.solved()


@dataclass(frozen=True)
class _Case:
    """Everything that is asked, checked."""

    net: Network
    prepared: PreparedSheets
    losses: tuple[str, ...]
    shocks: Sequence[Shock]
    shares: Floats
    allowed: npt.NDArray[np.bool_]
    budget: float
    use: Literal["cash", "debts"]

    def solved(self) -> OptimalInjection:
        """The best allocation, run as a policy."""
        payments = self._payments()
        method, bound, marginal = GREEDY, float("nan"), float("nan")
        amounts: Floats | None = None
        if payments is not None:
            best = solve(payments, self.shares, self.allowed, self.budget, self.losses)
            bound = best.loss
            if self._linear():
                method, amounts, marginal = EXACT, best.money, best.marginal
            else:
                method = BOUNDED
        elif (best_equity := self._by_leverage()) is not None:
            method, (amounts, bound, marginal) = CONVEX, best_equity
        if amounts is None:
            amounts = fill(self._attempt, self._rules(), self.allowed, self.budget)[0]
        return self._result(amounts, method, bound, marginal)

    def _by_leverage(self) -> tuple[Floats, float, float] | None:
        """Amounts, loss and marginal of the convex programme, None where the model is another."""
        if self.losses not in (("fire_sale_loss",), ("aggregate_vulnerability",)):
            return None
        found = leverages(self.prepared, self.shocks, self.shares, self.use)
        if found is None:
            return None
        amounts, marginal = found.sheets.shared(self.budget, self.allowed)
        lost = found.fixed + found.sheets.loss(amounts)
        if self.losses == ("fire_sale_loss",):
            return amounts, lost, marginal
        return vulnerability(found, amounts, lost, marginal, self.budget)

    def _linear(self) -> bool:
        """Whether the model is the one of the programme."""
        model = self.prepared.model
        return (
            isinstance(model, Clearing)
            and model.alpha == model.beta == 1.0
            and model.fixed_point == "greatest"
            and (model.external_priority == "pari_passu" or not self.prepared.book.debts.any())
        )

    def _payments(self) -> list[Payments] | None:
        """What limits payments in every scenario, None where that tells nothing about the model."""
        model, book = self.prepared.model, self.prepared.book
        if (
            not isinstance(model, Clearing)
            or self.use != "cash"
            or book.n_seniorities > 1
            or not set(self.losses) <= set(PROGRAMME_LOSSES)
        ):
            return None
        if model.external_priority == "senior" and "unpaid" not in self.losses and not self._linear():
            return None
        found = [payments_after(self.prepared, shock, self.allowed) for shock in self.shocks]
        return found if all(one.exact for one in found) else None

    def _at(self, amounts: Floats) -> PreparedSheets:
        """Sheets with the injection; by way of the policy where the model reads more than sheets."""
        if self.use != "cash" or "issuer" in self.prepared.model.reads.get("assets", ()):
            return self._under(self._policy(amounts))
        return self.prepared.with_cash(amounts)

    def _under(self, policy: CapitalInjection) -> PreparedSheets:
        return PreparedSheets(self.prepared.model, self.net, [policy])

    def _policy(self, amounts: Floats) -> CapitalInjection:
        names = self.prepared.book.names
        given = {str(names[k]): float(amounts[k]) for k in np.flatnonzero(amounts > 0.0).tolist()}
        return CapitalInjection(given, use=self.use)

    def _attempt(self, amounts: Floats) -> Trial:
        """What an allocation leads to in all scenarios."""
        ready = self._at(amounts)
        touched, lacking, total = np.zeros(len(amounts), dtype=np.bool_), [], 0.0
        for shock, share in zip(self.shocks, self.shares, strict=True):
            steps, outcome = ready.follow(shock)
            total += share * self._loss(ready.measured(steps, outcome))
            before, _ = worths(steps, outcome)
            left = closing(steps, outcome)[0]
            touched |= outcome.defaulted | (left < before)
            lacking.append(np.maximum(-outcome.equity, 0.0))
        return Trial(float(total), touched, lacking)

    def _loss(self, metrics: Floats) -> float:
        names = self.prepared.metric_names
        return float(sum(metrics[names.index(name)] for name in self.losses))

    def _rules(self) -> list[Floats]:
        """The proportional rules with the whole budget, those that have somebody to give to."""
        book, found = self.prepared.book, []
        weights = {
            "equal": np.ones(len(self.allowed)),
            "equity": np.maximum(book.opening.equity, 0.0),
            "debts": book.claims.owed,
        }
        for rule in RULES:
            weight = np.where(self.allowed, weights[rule], 0.0)
            if weight.sum() > 0.0:
                found.append(np.asarray(self.budget * weight / weight.sum()))
        return found

    def _result(self, amounts: Floats, method: str, bound: float, marginal: float) -> OptimalInjection:
        policy = self._policy(amounts)
        before, table = self._ran(self.prepared, "before")
        after, others = self._ran(self._under(policy), "after")
        scale = max(1.0, before)
        scale = before if method == CONVEX else scale
        if method in (EXACT, CONVEX) and after > bound + ACCURACY * scale:
            raise ConvergenceError(
                f"{method.split(',')[0]} promises a loss of {bound:.12g}, the model finds {after:.12g}",
                where="optimal_injection",
                value=after - bound,
            )
        index = pd.Index(self.prepared.book.names, name="node", dtype=object)
        amount = pd.DataFrame({"amount": amounts}, index=index)
        return OptimalInjection(
            policy=policy,
            loss_before=before,
            loss_after=after,
            bound=bound,
            marginal=marginal,
            method=method,
            loss=self.losses,
            budget=self.budget,
            spent=float(amounts.sum()),
            n=len(self.shocks),
            unit=self.net.unit,
            table=pd.concat([amount, table, others], axis=1),
        )

    def _ran(self, ready: PreparedSheets, when: str) -> tuple[float, pd.DataFrame]:
        """Mean loss, and per node what is unpaid inside, lost, and how often it fails."""
        total, sums = 0.0, np.zeros((3, len(self.allowed)))
        for shock, share in zip(self.shocks, self.shares, strict=True):
            steps, outcome = ready.follow(shock)
            total += share * self._loss(ready.measured(steps, outcome))
            lost = np.maximum(worths(steps, outcome)[1] - closing(steps, outcome)[0], 0.0)
            unpaid = steps.helped.claims.owed * (1.0 - outcome.recovery)
            sums += share * np.stack([unpaid, lost, outcome.defaulted])
        columns = (f"unpaid_{when}", f"loss_{when}", f"fails_{when}")
        index = pd.Index(self.prepared.book.names, name="node", dtype=object)
        return float(total), pd.DataFrame(dict(zip(columns, sums, strict=True)), index=index)


def _losses(loss: str | Sequence[str] | None, prepared: PreparedSheets) -> tuple[str, ...]:
    if loss is None:
        if isinstance(prepared.model, Clearing):
            return PROGRAMME_LOSSES
        return ("fire_sale_loss",) if targets_leverage(prepared) else ("system_loss",)
    names = (loss,) if isinstance(loss, str) else tuple(loss)
    known = [name for name in prepared.metric_names if name != "policy_cost"]
    for name in names:
        if name not in known:
            hint = nearest(str(name), known)
            raise ValueRangeError(
                f"is no metric of the model{hint}", where="loss", value=name, allowed=", ".join(known)
            )
    if not names or len(set(names)) < len(names):
        raise ValueRangeError(
            "names no metric, or one twice", where="loss", value=loss, allowed=", ".join(known)
        )
    return names


def _scenarios(shock: Any, n: int | None, net: Network, seed: int) -> tuple[list[Shock], Floats]:
    """Shocks and their weights, which sum to 1."""
    endless = hasattr(shock, "scenario") and getattr(shock, "size", None) is None
    family: Any
    family, count = arguments.scenarios(shock, DRAWN if endless and n is None else n, weights=True)
    assets = moved(family, net)
    drawn = list(map(partial(family.scenario, assets, seed=seed), range(count)))
    weights = family.weights(count, seed) if getattr(family, "weighted", False) else np.ones(count)
    return drawn, np.asarray(weights / weights.sum())
