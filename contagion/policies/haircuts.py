"""Collateral that counts less when it is volatile or hard to sell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number
from contagion.policies.costs import CostRates, Outlay


@dataclass(frozen=True)
class AdaptiveHaircuts(Policy):
    """Haircuts on coins follow their volatility and the depth of the spot market where they would be sold.

    In every round the weight of a coin (at protocols its liquidation threshold) is at most one minus ``quantile *
    volatility * sqrt(horizon)`` minus ``illiquidity`` times the share of the opening depth that is gone, and at least
    `floor` times its own weight.

    Parameters
    ----------
    quantile
        Standard deviations that the haircut covers, at least 0; 2.33 is 99 % of a normal move.
    horizon
        Seconds that selling the coins takes (assumption; range 600 to 86,400).
    window
        Seconds over which volatility is measured, as in `DynamicMargin`.
    illiquidity
        Added to the haircut when no depth is left, in [0, 1] (assumption; range 0 to 0.5).
    floor
        Least weight, as a share of the coin's own, in [0, 1]; 1: weights never change.

    References
    ----------
    Basel Committee, standard CRE22: haircuts grow with the square root of the holding period. Gorton, Metrick (2012),
    Securitized banking and the run on repo: haircuts that rise in a crisis.

    Examples
    --------
    >>> AdaptiveHaircuts(quantile=2.33, horizon=3600.0).describe()
    'Adaptive haircuts: coins count for one minus 2.33 standard deviations of 60 min, less where depth is gone.'
    """

    quantile: float = 2.33
    horizon: float = 3600.0
    window: float = 3600.0
    illiquidity: float = 0.1
    floor: float = 0.5

    def __post_init__(self) -> None:
        """Refuse haircuts that are none."""
        check_number(self, "quantile", 0.0, 100.0)
        check_number(self, "horizon", 0.0, 1e9)
        check_number(self, "window", 0.0, 1e9, open_low=True)
        check_number(self, "illiquidity", 0.0, 1.0)
        check_number(self, "floor", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Adaptive haircuts: coins count for one minus {self.quantile:g} standard deviations of "
            f"{self.horizon / 60:g} min, less where depth is gone."
        )

    def opening(self, net: Network) -> Network:
        """Nothing changes before the shock; refused where no account holds a coin whose weight could.

        Raises
        ------
        PolicyError
            If all balances are money, or owed.
        """
        coins = (net.balances["asset"] != net.unit) & (net.balances["quantity"] > 0.0)
        if self.floor < 1.0 and not coins.any():
            raise PolicyError(
                "AdaptiveHaircuts: no account holds coins; it acts on weights of the assets in balances "
                f"other than {net.unit}: add some, or leave the policy out"
            )
        return net

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``haircuts``."""
        if self.floor == 1.0:
            return ()
        return (
            {
                "kind": "haircuts",
                "covered": (True,) * len(markets),
                "times": self.quantile,
                "length": self.horizon,
                "window": self.window,
                "share": self.illiquidity,
                "floor": self.floor,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital for the margin that owners lack while their coins count for less, borne by them."""
        return rates.asking(outlay)
