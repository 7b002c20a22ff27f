"""Who must sell how much? Back to a leverage, over a threshold, by bands of a capital ratio, all on default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real
from contagion.errors import SchemaError
from contagion.propagation.firesales.portfolios import Portfolio

__all__ = [
    "Action",
    "AllOnDefault",
    "CapitalRatio",
    "LeverageBands",
    "LeverageTarget",
    "LeverageThreshold",
    "Response",
    "SetFractions",
    "State",
]

BoolArray = NDArray[np.bool_]

SLACK = 1e-12  # relative: a ratio short by less holds


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
    gain : numpy.ndarray
        Money that other assets gained in the shock, before the first round; 0 after it.
    in_default : numpy.ndarray of bool
        Who is in default.
    forced : numpy.ndarray of bool
        Who sells everything, whatever the rule says.
    """

    held: Portfolio
    price: FloatArray
    move: FloatArray
    equity: FloatArray
    cash: FloatArray
    loan: FloatArray
    illiquid: FloatArray
    other_debt: FloatArray
    gain: FloatArray
    in_default: BoolArray
    forced: BoolArray


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
    total_assets, equity : numpy.ndarray, shape (n_banks,), optional
        Money; equity > 0. A model on a network fills them in.
    capped : bool
        Whether nobody sells more than all assets.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
    """

    total_assets: FloatArray | None = None
    equity: FloatArray | None = None
    capped: bool = False

    def __post_init__(self) -> None:
        """Refuse what is neither true nor false."""
        if not isinstance(self.capped, bool):
            raise SchemaError(
                "is neither true nor false",
                where="LeverageTarget.capped",
                value=self.capped,
                allowed="a bool",
            )

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is the return of all assets."""
        if self.total_assets is None or self.equity is None:
            raise SchemaError(
                "is missing", where="LeverageTarget.total_assets, equity", allowed="money a bank"
            )
        assets = self.total_assets[:, None]
        gain = state.held.against(state.move) + state.gain
        move = np.divide(gain, assets, out=np.zeros_like(gain), where=assets > 0.0)
        leverage = (self.total_assets - self.equity) / self.equity
        fraction = 0.0 - leverage[:, None] * move
        if self.capped:
            fraction = np.minimum(fraction, 1.0)
        return _action(fraction, fraction * assets, move)


@dataclass(frozen=True)
class LeverageThreshold:
    """Above a leverage, pay back debt until assets are `target` times equity: out of cash, then out of sales.

    Nobody without equity keeps anything. What sales bring pays back debt at once.

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

    def __post_init__(self) -> None:
        """Refuse what is no leverage."""
        real(self.limit, "LeverageThreshold.limit", above=0.0)
        real(self.target, "LeverageThreshold.target", low=0.0)

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is leverage, infinite without equity."""
        value = state.held.against(state.price)
        assets = value + state.illiquid + state.cash
        solvent = state.equity > 0.0
        leverage = np.divide(assets, state.equity, out=np.full_like(assets, np.inf), where=solvent)
        acting = leverage > self.limit
        need = assets - self.target * np.maximum(state.equity, 0.0)
        paid = np.where(acting, np.clip(need, 0.0, state.cash), 0.0)
        share = np.divide(need - paid, value, out=np.ones_like(need), where=value > 0.0)
        if self.worthless_too:
            selling = acting & (state.held.against(np.ones_like(state.price)) > 0.0)
        else:
            selling = acting & (value > 0.0)
        fraction = np.where(selling, np.clip(share, 0.0, 1.0), 0.0)
        return Action(fraction, fraction * value, leverage, paid, np.zeros(fraction.shape, dtype=np.bool_))


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

    def __post_init__(self) -> None:
        """Refuse ratios that are none or below the lowest."""
        lowest = real(self.min_ratio, "LeverageBands.min_ratio", low=0.0, high=1.0)
        for name in ("trigger_ratio", "target_ratio"):
            real(getattr(self, name), f"LeverageBands.{name}", low=lowest, high=1.0)

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
class CapitalRatio:
    """Sell until equity is `minimum` times risky assets: what is held and what cannot be sold; cash weighs nothing.

    Parameters
    ----------
    minimum : float
        Equity over risky assets, in [0, 1]; at 0 only those without equity sell, everything.

    References
    ----------
    Cifuentes, Ferrucci, Shin (2005), Journal of the European Economic Association 3(2-3).
    """

    minimum: float

    def __post_init__(self) -> None:
        """Refuse what is no ratio."""
        real(self.minimum, "CapitalRatio.minimum", low=0.0, high=1.0)

    def act(self, state: State) -> Action:
        """As in `Response`; `ratio` is equity over risky assets."""
        value = state.held.against(state.price)
        risky = value + state.illiquid
        ratio = np.divide(state.equity, risky, out=np.full_like(risky, np.inf), where=risky > 0.0)
        allowed = state.equity / self.minimum if self.minimum > 0.0 else np.full_like(risky, np.inf)
        excess = risky - allowed
        noise = SLACK * (risky + np.where(np.isfinite(allowed), np.abs(allowed), 0.0))
        share = np.divide(excess, value, out=np.ones_like(value), where=value > 0.0)
        fraction = np.where(excess > noise, np.clip(share, 0.0, 1.0), 0.0)
        fraction = np.where(state.equity <= 0.0, 1.0, fraction)
        return _action(fraction, fraction * value, ratio)


@dataclass(frozen=True)
class AllOnDefault:
    """Who has lost more than its equity sells everything.

    Parameters
    ----------
    slack : float
        Losses beyond equity by no more than this are none.
    """

    slack: float = 1e-12

    def __post_init__(self) -> None:
        """Refuse a slack that is none."""
        real(self.slack, "AllOnDefault.slack", low=0.0)

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
