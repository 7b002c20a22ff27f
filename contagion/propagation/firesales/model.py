"""Fire sales as a model: after the shock nodes sell what they hold, prices fall, and more have to sell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from contagion.arrays import real, whole, word
from contagion.errors import SchemaError
from contagion.policies.base import SALE_HOOKS, SHEET_HOOKS
from contagion.propagation.firesales.parts import check_parts
from contagion.propagation.firesales.responses import (
    AllOnDefault,
    CapitalRatio,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    Response,
)
from contagion.propagation.firesales.rules import (
    FloorRule,
    ImpactRule,
    LinearRule,
    ShareRule,
    SquareRootRule,
    UnitRule,
)
from contagion.propagation.solvency.base import OnSheets
from contagion.propagation.solvency.book import READS
from contagion.propagation.solvency.clearing import Clearing
from contagion.results import money, number

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.policies.base import Policy
    from contagion.propagation.firesales.prepared import PreparedFireSale
    from contagion.propagation.solvency.book import Book
    from contagion.propagation.solvency.outcome import Outcome, Steps
    from contagion.results import Run

__all__ = ["FireSale"]

MAX_LEVERAGE = 33.3
TARGET_LEVERAGE = 0.95 * MAX_LEVERAGE
THRESHOLD = LeverageThreshold(MAX_LEVERAGE, TARGET_LEVERAGE)
TO_THE_FLOOR = FloorRule()
DAY = 86_400.0
FIXED_POINTS = ("least", "most")
WORDS = ("until_no_sales", *FIXED_POINTS)


@dataclass(frozen=True)
class FireSale(OnSheets):
    """Who must sell, in which order, what that does to prices, at which price sales settle, and for how many rounds.

    Reads holdings times prices; everything else a node has counts at its worth after the shock, claims at face value
    unless `clearing` says what they are worth. Currencies count as cash. Margin accounts are not revalued at the prices
    of the sale.

    Parameters
    ----------
    response
        Who must sell how much: `LeverageThreshold`, `LeverageTarget`, `LeverageBands`, `CapitalRatio`, `AllOnDefault`
        of `contagion.propagation.firesales.responses`, or any object with ``act(state)``.
    order
        ``pro_rata`` over the portfolio, or ``liquid_first``: the asset with the smallest fall per money sold first.
    impact
        A rule of `contagion.propagation.firesales.rules`; by default prices fall exponentially in sales over depth.
    settlement
        Share of a round's fall borne by what is sold in it: 0 old price, 1 new price. Without a word of yours 0.5, and
        1 at fixed points.
    rounds
        A number, ``until_no_sales``, or the fixed point with the ``least`` or the ``most`` sales; with `clearing` a
        fixed point, ``least`` by default.
    clearing
        A `Clearing` model: defaults and prices then settle together.
    weights
        ``current``: portfolios, prices and equity move on, nobody sells more than it holds, no price falls below 0;
        ``frozen``: they stay what they were, so that rounds are a linear series without bounds.
    round_length
        Seconds that a round stands for; prices what policies hold back, and turns a volume per day into one per round.

    Raises
    ------
    InputError
        If a parameter is out of range or parts do not go together.

    References
    ----------
    The default is that of Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 10.0, "external_liabilities": 97.1},
    ...            {"name": "B", "kind": "institution", "external_assets": 20.0, "external_liabilities": 85.5}],
    ...     assets=[{"name": "S", "kind": "coin", "price": 1.0}],
    ...     holdings=[{"node": "A", "asset": "S", "quantity": 90.0}, {"node": "B", "asset": "S", "quantity": 70.0}])
    >>> run = ct.run(net, ct.PriceShock({"S": 0.0}, over=0), ct.FireSale(impact=FloorRule(depth=4472.13595, floor=0.5)))
    >>> run.metrics[["rounds_with_sales", "fire_sale_loss"]].round(4).tolist()
    [2.0, 0.4487]
    """

    response: Response = THRESHOLD
    order: str = "pro_rata"
    impact: ImpactRule = TO_THE_FLOOR
    settlement: float | None = None
    rounds: int | str | None = None
    clearing: Clearing | None = None
    weights: str = "current"
    round_length: float = DAY

    reads: ClassVar[dict[str, tuple[str, ...]]] = {
        **READS,
        "obligations": ("amount", "seniority"),
        "assets": ("price", "kind", "volatility"),
        "markets": ("asset", "kind", "volume"),
    }
    edges: ClassVar[tuple[str, ...]] = ("holdings",)
    hooks: ClassVar[tuple[str, ...]] = (*SHEET_HOOKS, *SALE_HOOKS)
    own_metrics: ClassVar[tuple[str, ...]] = (
        "fire_sale_loss",
        "aggregate_vulnerability",
        "sales",
        "worst_fall",
        "mean_fall",
        "banks_selling",
        "rounds_with_sales",
        "claims_loss",
        "interaction_loss",
        "other_end_loss",
        "distance_to_divergence",
    )

    def __post_init__(self) -> None:
        """Refuse parameters out of range, and parts that do not go together."""
        super().__post_init__()
        if not hasattr(self.response, "act") or isinstance(self.response, type):
            raise SchemaError(
                "is no response",
                where="FireSale.response",
                value=self.response,
                allowed="an object with act(state), such as LeverageThreshold(33.3, 31.6)",
            )
        if not hasattr(self.impact, "on") or isinstance(self.impact, type):
            raise SchemaError(
                "is no rule of impact",
                where="FireSale.impact",
                value=self.impact,
                allowed="an object with on(market), such as FloorRule(depth=1e9)",
            )
        word(self.order, "FireSale.order", ("pro_rata", "liquid_first"))
        word(self.weights, "FireSale.weights", ("current", "frozen"))
        real(self.round_length, "FireSale.round_length", above=0.0)
        if self.settlement is not None:
            real(self.settlement, "FireSale.settlement", low=0.0, high=1.0)
        if isinstance(self.rounds, str):
            word(self.rounds, "FireSale.rounds", WORDS)
        elif self.rounds is not None:
            object.__setattr__(self, "rounds", whole(self.rounds, "FireSale.rounds"))
        if self.clearing is not None and not isinstance(self.clearing, Clearing):
            raise SchemaError(
                "is no Clearing model",
                where="FireSale.clearing",
                value=self.clearing,
                allowed="ct.Clearing(...)",
            )
        check_parts(self)

    @property
    def at_fixed_point(self) -> bool:
        """Whether a fixed point is asked for, not rounds."""
        return self.rounds in FIXED_POINTS or (self.rounds is None and self.clearing is not None)

    @property
    def most_sales(self) -> bool:
        """Whether the fixed point asked for is that with the most sales."""
        return self.rounds == "most"

    @property
    def settled_at(self) -> float:
        """Share of a round's fall borne by what is sold in it."""
        if self.settlement is not None:
            return float(self.settlement)
        return 1.0 if self.at_fixed_point else 0.5

    @classmethod
    def greenwood_landier_thesmar(
        cls, *, order: str = "pro_rata", capped: bool = False, impact: ImpactRule | None = None
    ) -> FireSale:
        """One round back to the leverage before the shock, linear impact.

        References
        ----------
        Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
        """
        return cls(LeverageTarget(capped=capped), order, impact or LinearRule(), 1.0, 1, weights="frozen")

    @classmethod
    def greenwood_iterated(cls, rounds: int, *, impact: ImpactRule | None = None) -> FireSale:
        """Rounds back to the leverage before the shock with frozen weights: a linear series."""
        return cls(LeverageTarget(), "pro_rata", impact or LinearRule(), 1.0, rounds, weights="frozen")

    @classmethod
    def cont_schaanning(
        cls,
        *,
        max_leverage: float = MAX_LEVERAGE,
        target_leverage: float | None = None,
        impact: ImpactRule | None = None,
        settlement: float = 0.5,
        rounds: int | str = "until_no_sales",
    ) -> FireSale:
        """Nodes over a limit of leverage sell until they are at the target (0.95 of the limit); prices have a floor.

        References
        ----------
        Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing.
        """
        target = 0.95 * max_leverage if target_leverage is None else target_leverage
        return cls(
            LeverageThreshold(max_leverage, target), "pro_rata", impact or FloorRule(), settlement, rounds
        )

    @classmethod
    def breuer_summer_urosevic(
        cls, *, max_leverage: float, impact_scale: float = 1.0, end: str = "least"
    ) -> FireSale:
        """Prices that follow from the sales they cause, nobody above a leverage, square-root impact.

        References
        ----------
        Breuer, Summer, Urosevic (2021), OeNB working paper 235.
        """
        rule = LeverageThreshold(max_leverage, max_leverage, worthless_too=True)
        return cls(rule, "pro_rata", SquareRootRule(scale=impact_scale), 1.0, end)

    @classmethod
    def leverage_bands(
        cls,
        *,
        min_ratio: float,
        trigger_ratio: float,
        target_ratio: float,
        steps: int,
        impact: ImpactRule | None = None,
    ) -> FireSale:
        """Default below one ratio of equity to assets, debts paid back below another; orders clear a step later.

        References
        ----------
        Farmer, Kleinnijenhuis, Nahai-Williamson, Wetzer, Foundations of system-wide stress testing.
        """
        bands = LeverageBands(min_ratio, trigger_ratio, target_ratio)
        return cls(bands, "pro_rata", impact or ShareRule(), 0.5, steps)

    @classmethod
    def cifuentes_ferrucci_shin(
        cls,
        *,
        min_capital_ratio: float,
        elasticity: Any,
        end: str = "least",
        clearing: Clearing | None = None,
    ) -> FireSale:
        """A capital ratio, clearing of claims and the price of what is sold, all at once.

        References
        ----------
        Cifuentes, Ferrucci, Shin (2005), Journal of the European Economic Association 3(2-3).
        """
        ratio, rule = CapitalRatio(min_capital_ratio), UnitRule(elasticity=elasticity)
        return cls(ratio, "pro_rata", rule, 1.0, end, clearing or Clearing())

    @classmethod
    def caccioli(
        cls, *, price_impact: Any = 0.1, reference_share: float = 0.1, end: str = "least"
    ) -> FireSale:
        """Who has lost its equity sells everything; prices fall exponentially in the share of an asset that is sold.

        References
        ----------
        Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46.
        """
        rule = ShareRule(price_impact=price_impact, reference_share=reference_share)
        return cls(AllOnDefault(), "pro_rata", rule, 1.0, end)

    def describe(self) -> str:
        """One plain sentence."""
        rounds = self.rounds if self.rounds is not None else ("least" if self.at_fixed_point else WORDS[0])
        length = {
            "until_no_sales": "until nobody sells",
            "least": "at the fixed point with the least sales",
            "most": "at the fixed point with the most sales",
        }.get(str(rounds), f"for {rounds} round{'s' * (rounds != 1)}")
        joined = "" if self.clearing is None else f", together with {self.clearing.describe()[:-1]}"
        return (
            f"Fire sale {length}: {_told(self.response)}, {self.order.replace('_', ' ')}, {_told(self.impact)}, "
            f"settled at {self.settled_at:g} of the fall, {self.weights} portfolios{joined}."
        )

    def prepare(self, net: Network, policies: Sequence[Policy] = ()) -> PreparedFireSale:
        """Apply every policy's `opening`, read balance sheets and holdings once, for many shocks."""
        from contagion.propagation.firesales.prepared import PreparedFireSale

        return PreparedFireSale(self, net, policies)

    def check(self, net: Network) -> None:
        """Refuse what the part that clears claims would refuse."""
        if self.clearing is not None:
            self.clearing.check(net)

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """What happens on the sheets after shock and interventions, without policies that act in rounds."""
        from contagion.propagation.firesales.sales import Sales

        return Sales(self, book).solve(steps)

    def card(self, run: Run) -> list[tuple[str, str]]:
        """What happened in a run, as label and text."""
        m, unit = run.metrics, run.unit
        rows = dict(super().card(run))
        worst = run.markets["fall"].idxmax() if len(run.markets) else "none"
        rows.pop("claims")
        falls = f"{100 * m['worst_fall']:.2f} % ({worst}), on average {100 * m['mean_fall']:.2f} %"
        prices = f"prices fell by at most {falls}" if m["worst_fall"] >= 0.0 else "prices rose, nodes bought"
        rows["sales"] = f"{money(m['sales'], unit)} by {m['banks_selling']:.0f} nodes; {prices}"
        rows["by channel"] = (
            f"prices {money(m['system_loss'] - m['claims_loss'] - m['interaction_loss'], unit)}, "
            f"claims {money(m['claims_loss'], unit)}, both together {money(m['interaction_loss'], unit)}"
        )
        if self.at_fixed_point:
            other = "most" if not self.most_sales else "least"
            rows["other end"] = (
                f"{money(m['other_end_loss'], unit)} at the fixed point with the {other} sales"
            )
        if m["distance_to_divergence"] == m["distance_to_divergence"]:
            rows["divergence"] = f"at {number(m['distance_to_divergence'])} times this impact"
        return list(rows.items())


def _told(part: object) -> str:
    """A part with the parameters that are set, numbers short."""
    if not is_dataclass(part):
        return repr(part)
    given = {field.name: getattr(part, field.name) for field in fields(part)}
    shown = [
        f"{name.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{name.replace('_', ' ')} by name"
        for name, value in given.items()
        if isinstance(value, (float, dict)) and name not in getattr(part, "unread", ())
    ]
    return type(part).__name__ + (f" ({', '.join(shown)})" if shown else "")
