"""What is a claim worth before default, when external assets move at random until maturity?

External assets follow a geometric Brownian motion without drift until maturity at time 1; a node defaults if they end
(or ever come) below the level at which its equity is 0. Claims are worth what they pay on average.

References
----------
Merton (1974), Journal of Finance 29(2). Black, Cox (1976), Journal of Finance 31(2). Barucca, Bardoscia, Caccioli,
D'Errico, Visentin, Caldarelli, Battiston (2020), Mathematical Finance 30(4), section 4. Bardoscia, Barucca, Brinley
Codd, Hill (2019), Journal of Economic Dynamics and Control 103.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr

from contagion.arrays import FloatArray
from contagion.errors import SchemaError
from contagion.propagation.valuations.base import Books, Prepared, Valuation, refuse

__all__ = [
    "BlackCox",
    "FurfineMerton",
    "Merton",
    "black_cox_default_probability",
    "merton_default_probability",
    "merton_value",
]


def merton_default_probability(
    equity: FloatArray, external_assets: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Return the probability that external assets end below external_assets - equity.

    Parameters
    ----------
    equity, external_assets, sigma : numpy.ndarray, shape (n,)
        Money, money > 0, volatility > 0 over the time to maturity.

    Examples
    --------
    >>> merton_default_probability(np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.array([0.2, 0.2])).round(4)
    array([0.5398, 0.    ])
    """
    return np.asarray(ndtr((_level(equity, external_assets) + 0.5 * sigma**2) / sigma))


def merton_value(
    equity: FloatArray, external_assets: FloatArray, due: FloatArray, sigma: FloatArray, recovery: FloatArray
) -> FloatArray:
    """Return the worth of a claim that pays in full, or in default `recovery` x what is left / debts.

    Parameters
    ----------
    equity, external_assets, due, sigma, recovery : numpy.ndarray, shape (n,)
        Money; money > 0; all debts, money; volatility > 0; in [0, 1].

    Returns
    -------
    numpy.ndarray, shape (n,)
        In [0, 1]; 1 where nothing is owed.
    """
    level, drift = _level(equity, external_assets), 0.5 * sigma**2
    level_empty = _level(equity + due, external_assets)
    defaults = ndtr((level + drift) / sigma)
    part = defaults - ndtr((level_empty + drift) / sigma)  # something is left
    owed = np.where(due > 0.0, due, 1.0)
    low, high = ndtr((level - drift) / sigma), ndtr((level_empty - drift) / sigma)
    paid = (1.0 + (equity - external_assets) / owed) * part + external_assets / owed * (low - high)
    worth = 1.0 - defaults + recovery * np.clip(paid, 0.0, part)
    return np.where(due > 0.0, np.clip(worth, 0.0, 1.0), 1.0)


def black_cox_default_probability(
    equity: FloatArray, external_assets: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Return the probability that external assets ever come down to external_assets - equity before maturity.

    Parameters
    ----------
    equity, external_assets, sigma : numpy.ndarray, shape (n,)
        Money, money > 0, volatility > 0 over the time to maturity.

    Examples
    --------
    >>> black_cox_default_probability(np.array([-1.0, 0.0, 2.0]), np.ones(3), np.full(3, 0.2))
    array([1., 1., 0.])
    """
    level = _level(np.maximum(equity, 0.0), external_assets)
    ends = ndtr((level + 0.5 * sigma**2) / sigma)
    finite = np.isfinite(level)
    beyond = np.where(finite, level, 0.0)
    comes_back = np.exp(log_ndtr((beyond - 0.5 * sigma**2) / sigma) - beyond)
    probability = np.minimum(ends + comes_back, 1.0)
    return np.where(equity <= 0.0, 1.0, np.where(finite, probability, 0.0))


@dataclass(frozen=True)
class _Diffusion(Valuation):
    """Volatility and recovery, shared by the three valuations.

    Parameters
    ----------
    sigma : float or array_like, optional
        Volatility of external assets over the time to maturity, > 0.
    sigma_equity : float or array_like, optional
        Volatility of equity in its place: sigma = sigma_equity x equity / external assets, both before the shock.
    recovery : float or array_like
        In [0, 1].
    """

    sigma: Any = None
    sigma_equity: Any = None
    recovery: Any = 1.0

    def prepared(self, books: Books) -> Prepared:
        """Check volatility, recovery and external assets."""
        if (self.sigma is None) == (self.sigma_equity is None):
            both = "are both given" if self.sigma is not None else "are both missing"
            raise SchemaError(both, where="sigma, sigma_equity", allowed="one of them")
        recovery = books.vector(self.recovery, "recovery", low=0.0, high=1.0)
        given, where = (
            (self.sigma, "sigma") if self.sigma is not None else (self.sigma_equity, "sigma_equity")
        )
        sigma = books.vector(given, where, above=0.0)
        for assets, when in ((books.assets_before, "before"), (books.external_assets, "after")):
            refuse(~(assets > 0.0), "external_assets", assets, f"> 0 {when} the shock", books)
        if self.sigma is None:
            sigma = sigma * books.equity_before / books.assets_before
            allowed = "> 0: equity > 0 for every node, or sigma in place of sigma_equity"
            refuse(~(sigma > 0.0), "sigma", sigma, allowed, books)
        return Prepared(self._value(books, sigma, recovery), sigma)

    @abstractmethod
    def _value(
        self, books: Books, sigma: FloatArray, recovery: FloatArray
    ) -> Callable[[FloatArray], FloatArray]:
        """Worth of claims as a function of equity, parameters checked."""


@dataclass(frozen=True)
class Merton(_Diffusion):
    """Default at maturity; creditors share what is left, of which `recovery` survives (endogenous recovery)."""

    def _value(
        self, books: Books, sigma: FloatArray, recovery: FloatArray
    ) -> Callable[[FloatArray], FloatArray]:
        return partial(
            merton_value, external_assets=books.external_assets, due=books.due, sigma=sigma, recovery=recovery
        )


@dataclass(frozen=True)
class FurfineMerton(_Diffusion):
    """Default at maturity; a claim on a defaulter is worth the share `recovery` (exogenous recovery)."""

    def _value(
        self, books: Books, sigma: FloatArray, recovery: FloatArray
    ) -> Callable[[FloatArray], FloatArray]:
        def value(equity: FloatArray) -> FloatArray:
            return 1.0 - (1.0 - recovery) * merton_default_probability(equity, books.external_assets, sigma)

        return value


@dataclass(frozen=True)
class BlackCox(_Diffusion):
    """Default as soon as equity is gone; a claim on a defaulter is worth the share `recovery`."""

    def _value(
        self, books: Books, sigma: FloatArray, recovery: FloatArray
    ) -> Callable[[FloatArray], FloatArray]:
        def value(equity: FloatArray) -> FloatArray:
            return 1.0 - (1.0 - recovery) * black_cox_default_probability(
                equity, books.external_assets, sigma
            )

        return value


def _level(equity: FloatArray, external_assets: FloatArray) -> FloatArray:
    """Logarithm of the level of default as a share of external assets; -inf where equity can never be lost."""
    with np.errstate(divide="ignore"):
        return np.log1p(-np.minimum(equity / external_assets, 1.0))
