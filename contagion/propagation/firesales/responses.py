"""Who must sell how much? Back to a leverage, over a threshold, by bands of a capital ratio, all on default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.propagation.firesales.portfolios import Portfolio

__all__ = [
    "Action",
    "AllOnDefault",
    "LeverageBands",
    "LeverageTarget",
    "LeverageThreshold",
    "Response",
    "SetFractions",
    "State",
]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class State:
    """Where a fire sale stands; per bank (n_banks, n_scenarios), per security (n_securities, n_scenarios).

    Parameters
    ----------
    held : Portfolio
        What is held, in money at the start price.
    price : numpy.ndarray
        Price over start price.
    move : numpy.ndarray
        Return of the last round; of the shock before the first.
    equity, cash, loan, illiquid, other_debt : numpy.ndarray
        Money.
    in_default : numpy.ndarray of bool
        Who is in default.
    """

    held: Portfolio
    price: FloatArray
    move: FloatArray
    equity: FloatArray
    cash: FloatArray
    loan: FloatArray
    illiquid: FloatArray
    other_debt: FloatArray
    in_default: BoolArray


@dataclass(frozen=True)
class Action:
    """What banks decide in one round, per bank and scenario.

    Parameters
    ----------
    fraction : numpy.ndarray
        Share of the portfolio put up for sale; negative buys.
    demand : numpy.ndarray
        The same as money at current prices.
    ratio : numpy.ndarray
        What they looked at: return, leverage or capital ratio.
    paid : numpy.ndarray
        Loans repaid out of cash.
    failing : numpy.ndarray of bool
        Who defaults in this round.
    """

    fraction: FloatArray
    demand: FloatArray
    ratio: FloatArray
    paid: FloatArray
    failing: BoolArray


class Response(Protocol):
    """A rule from the state of the banks to what they do."""

    def act(self, state: State) -> Action:
        """What every bank does in this state."""
        ...


@dataclass(frozen=True)
class LeverageTarget:
    """Back to the first leverage after every return R: sell ``-a b R``, in parts of first assets a.

    Parameters
    ----------
    total_assets, equity : numpy.ndarray, shape (n_banks,)
        Money; equity > 0.
    capped : bool
        Whether nobody sells more than all assets.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
    """

    total_assets: FloatArray
    equity: FloatArray
    capped: bool = False

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is the return of all assets."""
        assets = self.total_assets[:, None]
        gain = state.held.against(state.move)
        move = np.divide(gain, assets, out=np.zeros_like(gain), where=assets > 0.0)
        leverage = (self.total_assets - self.equity) / self.equity
        fraction = 0.0 - leverage[:, None] * move
        if self.capped:
            fraction = np.minimum(fraction, 1.0)
        return _action(fraction, fraction * assets, move)


@dataclass(frozen=True)
class LeverageThreshold:
    """Above a leverage, sell until assets are `target` times equity; nobody without equity keeps anything.

    Parameters
    ----------
    limit, target : float
        Assets over equity: who must act, and where it wants to be.
    worthless_too : bool
        Whether holdings whose price is 0 are sold as well: they count as sales where all sales are made anew.

    References
    ----------
    Cont, Schaanning (2017); with target = limit, Breuer, Summer, Urosevic (2021), OeNB working paper 235.
    """

    limit: float
    target: float
    worthless_too: bool = False

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is leverage, infinite without equity."""
        value = state.held.against(state.price)
        assets = value + state.illiquid
        solvent = state.equity > 0.0
        leverage = np.divide(assets, state.equity, out=np.full_like(assets, np.inf), where=solvent)
        need = assets - self.target * state.equity
        share = np.divide(need, value, out=np.ones_like(need), where=value > 0.0)
        acting = leverage > self.limit
        if self.worthless_too:
            acting &= state.held.against(np.ones_like(state.price)) > 0.0
        else:
            acting &= value > 0.0
        fraction = np.where(acting, np.clip(share, 0.0, 1.0), 0.0)
        return _action(fraction, fraction * value, leverage)


@dataclass(frozen=True)
class LeverageBands:
    """Default below one ratio of equity to assets; below another pay back debt, out of cash first, up to a target.

    Parameters
    ----------
    min_ratio, trigger_ratio, target_ratio : float
        Ratios of equity to assets.

    References
    ----------
    Farmer, Kleinnijenhuis, Nahai-Williamson, Wetzer, Foundations of system-wide stress testing.
    """

    min_ratio: float
    trigger_ratio: float
    target_ratio: float

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is equity over assets. Who defaults sells all."""
        value = state.held.against(state.price)
        assets = state.cash + state.illiquid + value
        equity = assets - state.loan - state.other_debt
        empty = np.where(equity < 0.0, -np.inf, np.inf)
        ratio = np.divide(equity, assets, out=empty, where=assets > 0.0)
        failing = ~state.in_default & (ratio < self.min_ratio)
        acting = ~state.in_default & ~failing & (ratio < self.trigger_ratio)
        wanted = equity / self.target_ratio if self.target_ratio > 0.0 else np.full_like(assets, np.inf)
        need = np.where(acting, np.maximum(0.0, assets - wanted), 0.0)
        paid = np.maximum(0.0, np.minimum(np.minimum(need, state.cash), state.loan))
        rest, cash = need - paid, state.cash - paid
        demand = np.where(cash < rest, np.minimum(rest - cash, value), 0.0)
        part = np.divide(demand, value, out=np.zeros_like(demand), where=value > 0.0)
        fraction = np.where(failing, 1.0, part)
        return Action(fraction, np.where(failing, value, demand), ratio, paid, failing)


@dataclass(frozen=True)
class AllOnDefault:
    """Who has lost more than its equity sells everything.

    Parameters
    ----------
    slack : float
        Losses beyond equity by no more than this are none.
    """

    slack: float = 1e-12

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is equity."""
        failing = state.equity < -self.slack
        fraction = np.where(failing, 1.0, 0.0)
        value = state.held.against(state.price)
        return Action(fraction, fraction * value, state.equity, np.zeros_like(value), failing)


@dataclass(frozen=True)
class SetFractions:
    """Shares of portfolios that are given from outside.

    Parameters
    ----------
    fraction : numpy.ndarray, shape (n_banks,)
        In [0, 1].
    """

    fraction: FloatArray

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is the share."""
        value = state.held.against(state.price)
        fraction = np.repeat(self.fraction[:, None], value.shape[1], axis=1)
        return _action(fraction, fraction * value, fraction)


def _action(fraction: FloatArray, demand: FloatArray, ratio: FloatArray) -> Action:
    """An action of banks that neither pay out of cash nor default."""
    return Action(fraction, demand, ratio, np.zeros_like(fraction), np.zeros(fraction.shape, dtype=np.bool_))
