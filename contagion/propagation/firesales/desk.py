"""How do policies act in a fire sale? They cap what is sold in a round, and outsiders buy some of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import PolicyError
from contagion.policies.base import SALE_HOOKS, Policy
from contagion.policies.sale_world import SaleWorld
from contagion.propagation.firesales.market import Market
from contagion.propagation.firesales.responses import State

__all__ = ["PolicyDesk"]


class PolicyDesk:
    """The policies of one run between sellers and the market (`contagion.propagation.firesales.engine.Desk`).

    Parameters
    ----------
    policies : sequence of Policy
        The set; caps by minimum in list order, purchases one after another.
    market : Market
        What is sold.
    round_length : float
        Seconds that a round stands for.

    Attributes
    ----------
    deferred : float
        Money asked and not sold, at current prices, summed over rounds.
    paid, taken : numpy.ndarray, shape (n_assets,)
        Money that outsiders paid, and what they got for it in money at opening prices.
    """

    def __init__(self, policies: Sequence[Policy], market: Market, round_length: float) -> None:
        self.policies, self.market, self.round_length = tuple(policies), market, round_length
        self.memos: list[dict[str, Any]] = [{} for _ in policies]
        n = len(market.names)
        self.deferred, self.paid, self.taken, self.sold = 0.0, np.zeros(n), np.zeros(n), np.zeros(n)

    @staticmethod
    def needed(policies: Sequence[Policy]) -> bool:
        """Whether any policy of a set acts in rounds."""
        return any(policy.overrides(hook) for policy in policies for hook in SALE_HOOKS)

    @staticmethod
    def refuse(policies: Sequence[Policy], rounds: object) -> None:
        """Refuse policies that act in rounds where there are none.

        Raises
        ------
        PolicyError
            The message names them.
        """
        names = [policy.name for policy in policies if PolicyDesk.needed([policy])]
        if names:
            raise PolicyError(
                f"{', '.join(names)}: acts in rounds, and FireSale(rounds={rounds!r}) is a fixed point; "
                "give FireSale a number of rounds or 'until_no_sales'"
            )

    def let(self, number: int, state: State, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As in `Desk`, for one scenario."""
        asked = (units * state.price)[:, 0]
        cap = np.array([np.maximum(asked, 0.0), np.maximum(-asked, 0.0)])
        whole = cap.sum(axis=0)
        for place, policy in enumerate(self.policies):
            if policy.overrides("orders"):
                world: Any = self._world(number, state, place)
                answer = _checked(policy, "orders", policy.orders(world, cap.copy()), cap.shape)
                cap = np.minimum(answer, cap)
        selling = cap[0].copy()
        bought = np.zeros(len(selling))
        for place, policy in enumerate(self.policies):
            if policy.overrides("purchases"):
                left = selling - bought
                answer = policy.purchases(self._world(number, state, place), left.copy())
                bought = bought + np.minimum(_checked(policy, "purchases", answer, left.shape), left)
        allowed = cap.sum(axis=0)
        self.deferred += float((whole - allowed).sum())
        self.sold = self.sold + selling
        self.paid = self.paid + bought
        price = state.price[:, 0]
        self.taken = self.taken + np.divide(bought, price, out=np.zeros_like(bought), where=price > 0.0)
        share = np.divide(allowed, whole, out=np.ones_like(whole), where=whole > 0.0)
        part = np.divide(bought, allowed, out=np.zeros_like(whole), where=allowed > 0.0)
        return share[:, None], part[:, None]

    @property
    def idle(self) -> bool:
        """Whether no policy held back or bought anything."""
        return self.deferred == 0.0 and not self.paid.any()

    def loss(self, price: FloatArray) -> float:
        """What outsiders lose on what they bought at these prices over opening prices, money, at least 0."""
        return max(0.0, float((self.paid - self.taken * price).sum()))

    def _world(self, number: int, state: State, place: int) -> SaleWorld:
        price = state.price[:, 0]
        nodes = self.market.holdings.banks.names
        arrays = {
            "opening_price": self.market.price,
            "price": self.market.price * price,
            "volume": self.market.volume,
            "held": state.held.against(state.price)[:, 0],
            "equity": state.equity[:, 0],
            "sold": self.sold,
            "purchased": self.paid,
        }
        shown: dict[str, Any] = {}
        for name, values in arrays.items():
            shown[name] = values.copy()
            shown[name].flags.writeable = False
        return SaleWorld(
            nodes=tuple(map(str, nodes if nodes is not None else ())),
            assets=tuple(map(str, self.market.names)),
            round=number,
            round_length=self.round_length,
            memo=self.memos[place],
            **shown,
        )


def _checked(policy: Policy, hook: str, answer: object, shape: tuple[int, ...]) -> FloatArray:
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if values.shape != shape or np.isnan(values).any() or (values < 0.0).any():
        raise PolicyError(
            f"{type(policy).__name__}.{hook} returned {str(answer)[:80]!r}; expected numbers of at least 0 in the "
            f"shape {shape}, one an asset"
        )
    return values
