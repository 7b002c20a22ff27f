"""How far does a sale move the price? Linear, square root, exponential with a floor, exponential in the share sold.

A rule gives the fall of the price as a share of the current one. Its numbers are in the money of the holdings;
functions that read both refuse arguments that state different money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import SchemaError, ValueRangeError

__all__ = [
    "ExponentialInShare",
    "FlooredExponential",
    "Impact",
    "LinearImpact",
    "SquareRootImpact",
    "bounded",
    "thinned",
]


class Impact(Protocol):
    """A rule from sales to falls of prices; arrays have the shape (n_securities, n_scenarios)."""

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """Fall as a share of the current price.

        Parameters
        ----------
        units : numpy.ndarray
            What is sold, in money at the start price.
        price : numpy.ndarray
            Price over start price before the sale.
        """
        ...


@dataclass(frozen=True)
class LinearImpact:
    """The return falls by `price_impact` per unit of money sold (at current prices): ``l q``.

    Parameters
    ----------
    price_impact : numpy.ndarray, shape (n_securities,)
        Return per money, >= 0; 1 / depth.
    most : float
        Largest fall of a round.
    """

    price_impact: FloatArray
    most: float = np.inf

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        return np.minimum(self.most, self.price_impact[:, None] * (units * price))


@dataclass(frozen=True)
class SquareRootImpact:
    """The fall from the start price is ``min(1, sigma kappa sqrt(q / V))``, q all that is sold at start prices.

    Parameters
    ----------
    volatility, volume : numpy.ndarray, shape (n_securities,)
        Per day, > 0; money per day, > 0.
    scale : float
        Kappa, >= 0.
    """

    volatility: FloatArray
    volume: FloatArray
    scale: float

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        steep = (self.volatility * self.scale)[:, None]
        return np.minimum(1.0, steep * np.sqrt(units / self.volume[:, None]))


@dataclass(frozen=True)
class FlooredExponential:
    """The fall is ``(1 - B / S) (1 - exp(-q / delta))``: however much is sold, the price stays at or above B.

    Parameters
    ----------
    floor : numpy.ndarray, shape (n_securities,)
        Lowest price over start price, in [0, 1).
    scale : numpy.ndarray, shape (n_securities,)
        Delta, money at current prices, > 0.
    """

    floor: FloatArray
    scale: FloatArray

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        room = np.maximum(
            1.0 - np.divide(self.floor[:, None], price, where=price > 0.0, out=np.ones_like(price)), 0.0
        )
        return np.asarray(room * -np.expm1(-(units * price) / self.scale[:, None]))


@dataclass(frozen=True)
class ExponentialInShare:
    """The price falls by the factor ``exp(-beta q / total)``, q over all that was held at the start.

    Parameters
    ----------
    rate : numpy.ndarray, shape (n_securities,)
        Beta, >= 0.
    total : numpy.ndarray, shape (n_securities,)
        All that was held at the start; 0 leaves the price where it is.
    """

    rate: FloatArray
    total: FloatArray

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        held = self.total[:, None] > 0.0
        share = np.divide(units, self.total[:, None], out=np.zeros_like(units), where=held)
        return np.asarray(-np.expm1(-self.rate[:, None] * share))


@dataclass(frozen=True)
class _Bounded:
    """Somebody's own rule of impact, its answers checked and cut at 1."""

    impact: Impact
    most: float

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        found = np.asarray(self.impact.fall(units, price))
        name = f"{type(self.impact).__name__}.fall"
        if found.dtype.kind not in "fiu" or found.shape != units.shape:
            raise SchemaError(
                "is no array of numbers in the shape of units",
                where=name,
                value=found.tolist() if found.ndim == 0 else found.shape,
                allowed=f"falls as shares of current prices, shape {units.shape}",
            )
        if not np.isfinite(found).all():
            raise ValueRangeError(
                "is not finite", where=name, value=found.tolist(), allowed="falls as shares of current prices"
            )
        return np.minimum(self.most, found.astype(np.float64))


BUILT_IN = (LinearImpact, SquareRootImpact, FlooredExponential, ExponentialInShare)


def bounded(impact: Impact, most: float = 1.0) -> Impact:
    """Return the rule with falls of at most `most`, so that no price goes below 0; what is not built in is checked.

    Parameters
    ----------
    impact : Impact
        A rule.
    most : float
        Largest fall of a round as a share of the current price; inf: none.
    """
    if type(impact) is LinearImpact:
        return LinearImpact(impact.price_impact, most)
    return impact if type(impact) in BUILT_IN else _Bounded(impact, most)


@dataclass(frozen=True)
class _Thinned:
    """Any rule of impact in markets whose depth has changed."""

    impact: Impact
    depth: FloatArray

    def fall(self, units: FloatArray, price: FloatArray) -> FloatArray:
        """As in `Impact`."""
        return self.impact.fall(units / self.depth[:, None], price)


def thinned(impact: Impact, depth: FloatArray) -> Impact:
    """Return the rule in markets whose depth has changed: a sale acts like one of ``sold / depth`` before.

    Parameters
    ----------
    impact : Impact
        Rule before.
    depth : numpy.ndarray, shape (n_securities,)
        Depth over depth before, > 0.
    """
    if type(impact) is LinearImpact:
        return LinearImpact(impact.price_impact / depth, impact.most)
    if type(impact) is SquareRootImpact:
        return SquareRootImpact(impact.volatility, impact.volume * depth, impact.scale)
    if type(impact) is FlooredExponential:
        return FlooredExponential(impact.floor, impact.scale * depth)
    if type(impact) is ExponentialInShare:
        return ExponentialInShare(impact.rate / depth, impact.total)
    return _Thinned(impact, depth)
