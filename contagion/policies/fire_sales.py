"""What can be done while a fire sale runs? Somebody outside buys, or sales are spread over more rounds.

Both act in the rounds of a `FireSale`; fixed points have none, and the cascade has its own: `BackstopLiquidity` and
`LiquidationThrottle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from contagion.errors import PolicyError, nearest
from contagion.network import Network
from contagion.policies.base import Floats, Policy
from contagion.policies.breakers import check_number, check_word
from contagion.policies.capital import need_names
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.sale_world import SaleWorld

__all__ = ["AssetPurchases", "SaleThrottle"]

DAY = 86_400.0


@dataclass(frozen=True)
class AssetPurchases(Policy):
    """An outside buyer takes part of every round's sales at the current price, until its money is spent.

    What it buys moves no price. If its money does not last for a round, it buys the same share of every asset's sales.

    Parameters
    ----------
    budget
        Money at the most; inf: no limit.
    share
        Largest share of each asset's sales of a round that it takes, 0 to 1.
    assets
        Names of the assets it buys; None: all.

    References
    ----------
    Bank of England (2022), Gilt market operations of 28 September to 14 October: purchases at a daily limit to stop a
    spiral of forced sales. Cost: the money is locked up, and what was bought is worth less at closing prices.

    Examples
    --------
    >>> AssetPurchases(budget=1e9, share=0.5).describe()
    'Asset purchases: an outside buyer takes up to 50 % of sales at current prices, 1e+09 in all.'
    """

    models: ClassVar[tuple[str, ...]] = ("FireSale",)

    budget: float = float("inf")
    share: float = 1.0
    assets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse negative money and shares outside 0 to 1."""
        check_number(self, "budget", 0.0, float("inf"))
        check_number(self, "share", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        limit = "without limit" if self.budget == float("inf") else f"{self.budget:,.6g} in all"
        return (
            f"Asset purchases: an outside buyer takes up to {100 * self.share:g} % of sales at current prices, "
            f"{limit}."
        )

    def opening(self, net: Network) -> Network:
        """Refuse assets that the network lacks; change nothing."""
        check_assets(self, self.assets, net)
        return net

    def purchases(self, world: SaleWorld, asked: Floats) -> Floats:
        """Share of what is on sale, as far as the budget goes."""
        wanted = np.where(_among(self.assets, world.assets), self.share * asked, 0.0)
        left = max(0.0, self.budget - world.memo.get("spent", 0.0))
        total = float(wanted.sum())
        bought = wanted if total <= left else wanted * (left / total)
        world.memo["spent"] = world.memo.get("spent", 0.0) + float(bought.sum())
        return np.asarray(bought)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up in what was bought, and what is lost on it at closing prices."""
        return rates.locked(outlay) + outlay.backstop_loss


@dataclass(frozen=True)
class SaleThrottle(Policy):
    """Of an asset at most so much is sold in a round; sellers cut alike, and decide anew in the next round.

    `LiquidationThrottle` slows forced orders of the cascade's markets instead.

    Parameters
    ----------
    share
        Most that is sold, as a share of `of`, 0 to 1.
    of
        ``asked``: what all want to sell in the round; ``volume``: what the asset's spot markets trade in the time that
        a round stands for.
    assets
        Names of the assets; None: all.

    Raises
    ------
    PolicyError
        If an asset that is sold has no volume and the share is of it; in a model without rounds of a fire sale.

    References
    ----------
    Securities and Exchange Commission, rule 10b-18, for a bound of this kind: 25 % of average daily volume, there of an
    issuer's purchases. The share is an assumption (5 to 25 % of volume).

    Examples
    --------
    >>> SaleThrottle(share=0.1, of="volume").describe()
    'Sale throttle: in each round at most 10 % of the volume of an asset is sold.'
    """

    models: ClassVar[tuple[str, ...]] = ("FireSale",)

    share: float = 0.25
    of: Literal["asked", "volume"] = "asked"
    assets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1."""
        check_number(self, "share", 0.0, 1.0)
        check_word(self, "of", ("asked", "volume"))

    def describe(self) -> str:
        """One plain sentence."""
        what = "what is on sale" if self.of == "asked" else "the volume"
        return f"Sale throttle: in each round at most {100 * self.share:g} % of {what} of an asset is sold."

    def opening(self, net: Network) -> Network:
        """Refuse assets that the network lacks; change nothing."""
        check_assets(self, self.assets, net)
        return net

    def orders(self, world: Any, cap: Floats) -> Floats:
        """Cap what is sold; what is bought stays."""
        chosen = _among(self.assets, world.assets)
        most = cap[0] * self.share if self.of == "asked" else self._of_volume(world, chosen & (cap[0] > 0.0))
        return np.array([np.where(chosen, np.minimum(cap[0], most), cap[0]), cap[1]])

    def _of_volume(self, world: SaleWorld, asked: np.ndarray) -> Floats:
        missing = np.flatnonzero(asked & ~(world.volume > 0.0))
        if len(missing):
            raise PolicyError(
                f"SaleThrottle.of 'volume': {world.assets[missing[0]]!r} is on sale and has no volume; fill the "
                "column volume of its spot market, name the assets that have one, or take of='asked'"
            )
        return np.asarray(self.share * np.nan_to_num(world.volume) * world.round_length / DAY)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Sales held back, while they waited."""
        return rates.deferring(outlay)


def check_assets(policy: Policy, names: tuple[str, ...] | None, net: Network) -> None:
    """Refuse names that are no assets of the network."""
    if names is None:
        return
    need_names(policy, names)
    known = [str(name) for name in net.assets.index]
    for name in names:
        if name not in known:
            raise PolicyError(
                f"{type(policy).__name__}.assets names {name!r:.80}, which is no asset of the network"
                f"{nearest(str(name), known)}"
            )


def _among(names: tuple[str, ...] | None, assets: tuple[str, ...]) -> np.ndarray:
    """Which assets a policy is about."""
    return np.array([names is None or name in names for name in assets], dtype=np.bool_)
