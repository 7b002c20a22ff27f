"""How fast forced orders are sold, and who buys when prices are far below outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, market_mask
from contagion.policies.costs import SECONDS_A_YEAR, CostRates, Outlay


@dataclass(frozen=True)
class SlicedLiquidation(Policy):
    """Forced orders are worked off in slices of least cost: passing impact against the risk of waiting.

    Each round a market's orders, as a share of its daily volume, are given the time of least cost of Almgren's impact
    (`contagion.markets.pace`); one round's part of it is traded. The lasting impact does not depend on the time.

    Parameters
    ----------
    risk
        Price of a standard deviation of the proceeds, in units of cost, above 0: 1 values a standard deviation like
        cost (assumption; range 0.3 to 3). Larger sells faster.
    eta, beta
        Coefficient and exponent of the passing impact.
    turnover
        Daily volume over the money in the book, where a market states no volume (assumption; range 10 to 100).
    markets
        Names of the markets; None: all.

    References
    ----------
    Almgren, Chriss (2001); Almgren, Thum, Hauptmann, Li (2005): eta 0.142, beta 0.6, estimated for US equities.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.SlicedLiquidation(risk=1.0).describe()
    'Sliced liquidation: forced orders are sold at the rate of least impact and risk, a standard deviation priced at 1.'
    """

    risk: float = 1.0
    eta: float = 0.142
    beta: float = 0.6
    turnover: float = 30.0
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse parameters that give no rate."""
        check_number(self, "risk", 0.0, 1e9, open_low=True)
        check_number(self, "eta", 0.0, 1e3)
        check_number(self, "beta", 0.0, 10.0, open_low=True)
        check_number(self, "turnover", 0.0, 1e9, open_low=True)

    def describe(self) -> str:
        """One plain sentence."""
        return (
            "Sliced liquidation: forced orders are sold at the rate of least impact and risk, a standard deviation "
            f"priced at {self.risk:g}."
        )

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``slices``."""
        if self.eta == 0.0:
            return ()
        return (
            {
                "kind": "slices",
                "covered": market_mask(self, self.markets, markets),
                "risk": self.risk,
                "eta": self.eta,
                "beta": self.beta,
                "turnover": self.turnover,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Orders that had to wait."""
        return rates.deferring(outlay)


@dataclass(frozen=True)
class BackstopLiquidity(Policy):
    """A payer outside the network adds depth where a price stands far below the outside price.

    The capital is shared by the markets in proportion to their books, and added to both sides of a book while its price
    is `discount` or more below outside. The payer bears its share of what a book has bought; that is used up.

    Parameters
    ----------
    capital
        Money of the payer, at least 0.
    discount
        Share of the outside price that the last price must be below it, in [0, 1].
    markets
        Names of the markets; None: all.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.BackstopLiquidity(capital=1e6, discount=0.02).describe()
    'Backstop liquidity: 1,000,000 from outside deepen books whose price is 2 % or more below outside.'
    """

    capital: float = 1e6
    discount: float = 0.02
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse capital that is none."""
        check_number(self, "capital", 0.0, 1e18)
        check_number(self, "discount", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Backstop liquidity: {self.capital:,.0f} from outside deepen books whose price is "
            f"{100 * self.discount:g} % or more below outside."
        )

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``backstop``."""
        if self.capital == 0.0:
            return ()
        covered = market_mask(self, self.markets, markets)
        return ({"kind": "backstop", "covered": covered, "money": self.capital, "drop": self.discount},)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up, whether it is used or not, and what the payer lost on what it bought."""
        if math.isnan(outlay.seconds):
            return math.nan
        return rates.capital * self.capital * outlay.seconds / SECONDS_A_YEAR + outlay.backstop_loss
