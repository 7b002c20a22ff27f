"""How far do sales move the prices of a network's assets? Rules of impact, numbers by name or from its markets.

A rule is bound to a network once; what it needs and is not given is read there. One's own: any object with
``on(market)`` that returns an object with ``fall(units, price)`` (`contagion.propagation.firesales.impacts.Impact`).

References
----------
Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing: market depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real
from contagion.errors import SchemaError
from contagion.holdings import same_money
from contagion.propagation.firesales.impacts import (
    ExponentialInShare,
    FlooredExponential,
    Impact,
    LinearImpact,
    SquareRootImpact,
)
from contagion.propagation.firesales.market import Market

__all__ = ["FloorRule", "ImpactRule", "LinearRule", "ShareRule", "SquareRootRule", "UnitRule"]

Numbers = float | Mapping[str, float] | None

DEPTH_COEFFICIENT = 0.4
HORIZON_DAYS = 20.0
REFERENCE_SHARE = 0.05


class ImpactRule(Protocol):
    """A rule of impact that can be bound to a network."""

    def on(self, market: Market) -> Impact:
        """The rule with the numbers of a network's assets, in the order of `market.names`."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """What rules share: numbers by name are kept as sorted mappings of floats, and money has a unit."""

    unit: str | None = None

    def __post_init__(self) -> None:
        """Check every number that is given."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "unit" or value is None:
                continue
            where, limits = f"{type(self).__name__}.{field.name}", self.limits(field.name)
            if isinstance(value, (Mapping, pd.Series)):
                kept = {
                    str(name): real(number, f"{where}[{name!r}]", **limits) for name, number in value.items()
                }
                object.__setattr__(self, field.name, dict(sorted(kept.items())))
            else:
                object.__setattr__(self, field.name, real(value, where, **limits))

        for field in fields(self):
            if field.name in self.unread and getattr(self, field.name) != field.default:
                raise SchemaError(
                    "is read only where depth is made of the network's volume and volatility",
                    where=f"{type(self).__name__}.{field.name}",
                    value=getattr(self, field.name),
                    allowed=f"either it or {self.instead}",
                )

    instead: ClassVar[str] = ""
    """Field that says what market depth is, if there is one."""

    @property
    def unread(self) -> tuple[str, ...]:
        """Fields that nothing reads, because depth is given."""
        given = self.instead and getattr(self, self.instead) is not None
        return ("depth_coefficient", "horizon_days") if given else ()

    def limits(self, name: str) -> dict[str, Any]:
        """Limits of a field."""
        return {"low": 0.0}

    def _same_money(self, market: Market) -> None:
        if self.unit is not None:
            name = type(self).__name__
            same_money({"network": market.unit, name: self.unit}, ("network", name))


def _depth(market: Market, given: Numbers, coefficient: float, days: float, where: str) -> FloatArray:
    """Market depth: given, or ``coefficient volume / volatility sqrt(days)``, money."""
    if given is not None:
        return market.numbers(given, where, None, where)
    volume = market.numbers(None, where, market.volume, "markets volume (kind spot)")
    volatility = market.numbers(None, where, market.volatility, "assets volatility")
    return np.asarray(coefficient * volume / volatility * np.sqrt(days))


@dataclass(frozen=True, kw_only=True)
class LinearRule(_Rule):
    """The return falls by ``sold / depth``.

    Parameters
    ----------
    per_money
        Fall per unit of money sold: one for all assets, or by name. Without it 1 / depth.
    depth_coefficient, horizon_days
        Market depth is ``depth_coefficient volume / volatility sqrt(horizon_days)``, money.
    unit
        The money `per_money` is per; refused if it is not the network's.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115; depth as in Cont, Schaanning (2017).
    """

    instead: ClassVar[str] = "per_money"

    per_money: Numbers = None
    depth_coefficient: float = DEPTH_COEFFICIENT
    horizon_days: float = HORIZON_DAYS

    def limits(self, name: str) -> dict[str, Any]:
        """Limits of a field."""
        return {"low": 0.0} if name == "per_money" else {"above": 0.0}

    def on(self, market: Market) -> Impact:
        """As in `ImpactRule`."""
        self._same_money(market)
        if self.per_money is not None:
            where = "LinearRule.per_money"
            return LinearImpact(market.numbers(self.per_money, where, None, where))
        depth = _depth(market, None, self.depth_coefficient, self.horizon_days, "LinearRule.per_money")
        return LinearImpact(1.0 / depth)


@dataclass(frozen=True, kw_only=True)
class SquareRootRule(_Rule):
    """The fall from the price after the shock is ``min(1, volatility scale sqrt(sold / volume))``, of all that is sold.

    Parameters
    ----------
    scale
        Kappa.
    volatility, volume
        Per square root of a day, money per day: one for all assets, by name, or read from the network.
    unit
        The money of `volume`.

    References
    ----------
    Breuer, Summer, Urosevic (2021), OeNB working paper 235.
    """

    scale: float = 1.0
    volatility: Numbers = None
    volume: Numbers = None

    def limits(self, name: str) -> dict[str, Any]:
        """Limits of a field."""
        return {"low": 0.0} if name == "scale" else {"above": 0.0}

    def on(self, market: Market) -> Impact:
        """As in `ImpactRule`."""
        self._same_money(market)
        return SquareRootImpact(
            market.numbers(
                self.volatility, "SquareRootRule.volatility", market.volatility, "assets volatility"
            ),
            market.numbers(self.volume, "SquareRootRule.volume", market.volume, "markets volume (kind spot)"),
            self.scale,
        )


@dataclass(frozen=True, kw_only=True)
class FloorRule(_Rule):
    """The fall is ``(1 - B / S) (1 - exp(-sold / ((1 - B) depth)))``: prices stay above the share B.

    Parameters
    ----------
    floor
        B, lowest price over opening price, in [0, 1): one for all assets, or by name.
    depth
        Money: one for all assets, by name, or made of the network's volume and volatility.
    depth_coefficient, horizon_days
        Market depth is ``depth_coefficient volume / volatility sqrt(horizon_days)`` where it is not given.
    unit
        The money of `depth`.

    References
    ----------
    Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing.
    """

    instead: ClassVar[str] = "depth"

    floor: Numbers = 0.0
    depth: Numbers = None
    depth_coefficient: float = DEPTH_COEFFICIENT
    horizon_days: float = HORIZON_DAYS

    def limits(self, name: str) -> dict[str, Any]:
        """Limits of a field."""
        return {"low": 0.0, "below": 1.0} if name == "floor" else {"above": 0.0}

    def on(self, market: Market) -> Impact:
        """As in `ImpactRule`."""
        self._same_money(market)
        given = 0.0 if self.floor is None else self.floor
        floor = market.numbers(given, "FloorRule.floor", None, "FloorRule.floor")
        depth = _depth(market, self.depth, self.depth_coefficient, self.horizon_days, "FloorRule.depth")
        return FlooredExponential(floor, (1.0 - floor) * depth)


@dataclass(frozen=True, kw_only=True)
class ShareRule(_Rule):
    """The price falls by the factor ``exp(-beta sold / held)``, held being what the whole network had at the opening.

    Parameters
    ----------
    price_impact
        Fall when `reference_share` of all is sold, in [0, 1): one for all assets, or by name.
    reference_share
        In (0, 1]; beta is ``-log(1 - price_impact) / reference_share``.

    References
    ----------
    Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46; Farmer, Kleinnijenhuis, Nahai-Williamson,
    Wetzer, Foundations of system-wide stress testing.
    """

    price_impact: Numbers = 0.05
    reference_share: float = REFERENCE_SHARE

    def limits(self, name: str) -> dict[str, Any]:
        """Limits of a field."""
        return {"low": 0.0, "below": 1.0} if name == "price_impact" else {"above": 0.0, "high": 1.0}

    def on(self, market: Market) -> Impact:
        """As in `ImpactRule`."""
        self._same_money(market)
        where = "ShareRule.price_impact"
        fall = market.numbers(self.price_impact, where, None, where)
        return ExponentialInShare(0.0 - np.log1p(-fall) / self.reference_share, market.total)


@dataclass(frozen=True, kw_only=True)
class UnitRule(_Rule):
    """The price falls by the factor ``exp(-elasticity units)``, units being what all sell of the asset.

    Parameters
    ----------
    elasticity
        Fall of the log price per unit: one for all assets, or by name.

    References
    ----------
    Cifuentes, Ferrucci, Shin (2005), Journal of the European Economic Association 3(2-3).
    """

    elasticity: Numbers = 0.0

    def on(self, market: Market) -> Impact:
        """As in `ImpactRule`."""
        self._same_money(market)
        where = "UnitRule.elasticity"
        rate = market.numbers(self.elasticity, where, None, where)
        return ExponentialInShare(rate * market.total / market.price, market.total)
