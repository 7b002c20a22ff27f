"""What is a shock? The base of all shocks, and their sum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contagion.errors import Fault, raise_faults
from contagion.network.references import follow
from contagion.shocks.arrays import Array, Bools, ShockArrays
from contagion.shocks.checks import Names, number_faults

if TYPE_CHECKING:
    from contagion.shocks.attacks import Attack

__all__ = ["Array", "Bools", "Shock", "ShockArrays", "Shocks", "powered", "powers"]


class Shock(ABC):
    """Something that hits the network from outside.

    A shock of one's own says how it is described, scaled and put into one gap, and overrides what it acts on:
    `price_factors`, `depth_factors`, `failing`, `withdrawn`, `outages`, `gas_factors`, `oracle_factors`,
    `volatility_factors`, `minted`, `attacks`, `asset_factors` or `equity_losses`, and `end`. Those from `withdrawn` to
    `volatility_factors` may return a single row where nothing happens.
    """

    @abstractmethod
    def gap(self) -> Shock:
        """Return the same shock with everything in one gap, at the first round."""

    @abstractmethod
    def describe(self) -> str:
        """Return one plain sentence without a full stop, time profile included."""

    @abstractmethod
    def scaled(self, factor: float) -> Shock:
        """Return the shock with its log changes times `factor`."""

    def faults(self, names: Names) -> list[Fault]:
        """Return what does not fit a network of these names."""
        return []

    def price_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return outside price / opening price, shape (n_times, n_assets)."""
        return np.ones((len(times), len(assets)))

    def depth_factors(self, markets: Sequence[str], market_assets: Sequence[str], times: Array) -> Array:
        """Return the factor on depth, shape (n_times, n_markets)."""
        return np.ones((len(times), len(markets)))

    def failing(self) -> frozenset[str]:
        """Return the nodes that fail at the first round."""
        return frozenset()

    def withdrawn(self, venues: Sequence[str], times: Array) -> Array:
        """Return the share of balances that owners have asked for, shape (n_times or 1, n_venues)."""
        return np.zeros((1, len(venues)))

    def outages(self, venues: Sequence[str], times: Array) -> Bools:
        """Return whether a venue refuses orders and top-ups, shape (n_times or 1, n_venues)."""
        return np.zeros((1, len(venues)), dtype=np.bool_)

    def gas_factors(self, times: Array) -> Array:
        """Return the factor on the gas price, shape (n_times or 1,)."""
        return np.ones(1)

    def oracle_factors(self, venues: Sequence[str], assets: Sequence[str], times: Array) -> Array:
        """Return the factor on oracle prices, shape (n_times or 1, n_venues, n_assets)."""
        return np.ones((1, len(venues), len(assets)))

    def volatility_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return the factor on implied volatilities, shape (n_times or 1, n_assets)."""
        return np.ones((1, len(assets)))

    def minted(self) -> tuple[tuple[float, str, float], ...]:
        """Return the seconds, token and quantity of everything that is minted."""
        return ()

    def attacks(self) -> tuple[Attack, ...]:
        """Return everybody outside who trades to move a price."""
        return ()

    def asset_factors(self, nodes: Sequence[str]) -> Array:
        """Return the factor on the external assets of every node, shape (n_nodes,)."""
        return np.ones(len(nodes))

    def equity_losses(self, nodes: Sequence[str]) -> Array:
        """Return the share of its face equity that every node loses, shape (n_nodes,)."""
        return np.zeros(len(nodes))

    def is_observed(self) -> bool:
        """Return whether the prices already contain the forced sales."""
        return False

    def end(self, first: float) -> float:
        """Return the seconds after which nothing moves; gaps happen at `first`, the time of round 1."""
        return 0.0

    def __add__(self, other: object) -> Shocks:
        return Shocks((self, other)) if isinstance(other, Shock) else NotImplemented

    def __radd__(self, other: object) -> Shock:
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, factor: float) -> Shock:
        raise_faults(number_faults("factor", factor, "a shock is scaled by a finite number"))
        return self if factor == 1 else self.scaled(float(factor))

    __rmul__ = __mul__

    def log_returns(self, assets: Sequence[str]) -> Array:
        """Return the log return of every asset from the opening to the end, shape (n_assets,)."""
        returns: Array = np.log(self.price_factors(assets, np.array([0.0, np.inf]))[1])
        return returns

    def check(
        self,
        assets: Iterable[str],
        markets: Iterable[str],
        nodes: Iterable[str] | None,
        unit: str = "",
        venues: Iterable[str] | None = None,
    ) -> None:
        """Refuse the shock if it does not fit a network.

        Parameters
        ----------
        assets, markets, nodes : iterable of str
            Names that exist; `nodes` may be None where they are not known.
        unit : str, optional
            The asset in which money is counted; it does not move.
        venues : iterable of str, optional
            Names of the venues; None where they are not known.

        Raises
        ------
        NetworkError
            If an asset, a market, a node or a venue does not exist.
        UnitError
            If the unit itself is shocked.
        """
        known = None if nodes is None else frozenset(nodes)
        places = None if venues is None else frozenset(venues)
        raise_faults(self.faults(Names(tuple(assets), tuple(markets), known, unit, places)))

    def compile(
        self,
        assets: Sequence[str],
        prices: npt.ArrayLike,
        markets: Sequence[str],
        market_assets: Sequence[str],
        times: npt.ArrayLike,
        unit: str = "",
        venues: Sequence[str] = (),
        references: Sequence[int] = (),
        powers: Sequence[float] = (),
    ) -> ShockArrays:
        """Return the shock on the clock of a run.

        Parameters
        ----------
        assets : sequence of str
            Names of the assets.
        prices : array_like
            Their opening prices, shape (n_assets,).
        markets, market_assets : sequence of str
            Names of the markets, and of the asset that each one trades.
        times : array_like
            Seconds of the rounds, shape (n_rounds + 1,); the first is 0, the opening.
        unit : str, optional
            The asset in which money is counted.
        venues : sequence of str, optional
            Names of the venues.
        references : sequence of int, optional
            Position of the asset that each one follows (`assets.reference`), -1 for none: its price moves by what that
            one moves, on top of what happens to itself.
        powers : sequence of float, optional
            The power of that move that it takes over, 1 if not given.

        Returns
        -------
        ShockArrays
            Prices, depth factors, failing nodes, what happens at venues, on chain, and the end. A gap hits at round 1.

        Raises
        ------
        NetworkError, UnitError
            As in `check`, except that nodes are not known here.

        Examples
        --------
        >>> from contagion.shocks import PriceShock
        >>> shock = PriceShock({"BTC": -0.5}, over=20.0)
        >>> shock.compile(["BTC"], [100.0], [], [], [0.0, 10.0, 20.0]).outside[-1].tolist()
        [50.0]
        """
        self.check(assets, markets, None, unit, venues)
        clock = np.asarray(times, dtype=np.float64)
        factors = follow(self.price_factors(assets, clock), references, powers)
        return ShockArrays(
            outside=np.asarray(prices, dtype=np.float64) * factors,
            depth=self.depth_factors(markets, market_assets, clock),
            defaults=sorted(self.failing()),
            observed=self.is_observed(),
            end=self.end(float(clock[1]) if len(clock) > 1 else 0.0),
            withdrawals=self.withdrawn(venues, clock),
            outage=self.outages(venues, clock),
            gas=self.gas_factors(clock),
            oracle=self.oracle_factors(venues, assets, clock),
            volatility=self.volatility_factors(assets, clock),
            mint=[
                (max(1, int(np.searchsorted(clock, seconds))), token, quantity)
                for seconds, token, quantity in sorted(self.minted())
            ],
            attacks=list(self.attacks()),
        )


@dataclass(frozen=True)
class Shocks(Shock):
    """Several shocks that all happen: factors and shares left multiply, losses add, failing nodes and outages unite.

    Parameters
    ----------
    parts : tuple of Shock
        The shocks; sums inside are opened up.

    Examples
    --------
    >>> from contagion.shocks import Default, PriceShock
    >>> (PriceShock({"ETH": -0.2}, over=0) + Default(["Genesis"])).describe()
    'ETH -20.0 % in one gap; default of Genesis'
    """

    parts: tuple[Shock, ...]

    def __post_init__(self) -> None:
        flat: list[Shock] = []
        for part in self.parts:
            flat.extend(part.parts if isinstance(part, Shocks) else (part,))
        object.__setattr__(self, "parts", tuple(flat))

    def gap(self) -> Shocks:
        """Return the parts, each in one gap."""
        return Shocks(tuple(part.gap() for part in self.parts))

    def describe(self) -> str:
        """Return the sentences of the parts, joined by semicolons."""
        return "; ".join(part.describe() for part in self.parts)

    def scaled(self, factor: float) -> Shocks:
        """Return every part scaled."""
        return Shocks(tuple(part * factor for part in self.parts))

    def faults(self, names: Names) -> list[Fault]:
        """Return what does not fit, over all parts."""
        return [fault for part in self.parts for fault in part.faults(names)]

    def price_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return the product of the parts' price factors."""
        return _product([part.price_factors(assets, times) for part in self.parts])

    def depth_factors(self, markets: Sequence[str], market_assets: Sequence[str], times: Array) -> Array:
        """Return the product of the parts' depth factors."""
        return _product([part.depth_factors(markets, market_assets, times) for part in self.parts])

    def failing(self) -> frozenset[str]:
        """Return all nodes that fail."""
        return frozenset().union(*(part.failing() for part in self.parts))

    def withdrawn(self, venues: Sequence[str], times: Array) -> Array:
        """Return one minus the product of what the parts leave."""
        parts = [part.withdrawn(venues, times) for part in self.parts]
        return parts[0] if len(parts) == 1 else 1.0 - _product([1.0 - share for share in parts])

    def outages(self, venues: Sequence[str], times: Array) -> Bools:
        """Return whether any part is an outage."""
        parts = [part.outages(venues, times) for part in self.parts]
        found = parts[0]
        for other in parts[1:]:
            found = found | other
        return found

    def gas_factors(self, times: Array) -> Array:
        """Return the product of the parts' gas factors."""
        return _product([part.gas_factors(times) for part in self.parts])

    def oracle_factors(self, venues: Sequence[str], assets: Sequence[str], times: Array) -> Array:
        """Return the product of the parts' oracle factors."""
        return _product([part.oracle_factors(venues, assets, times) for part in self.parts])

    def volatility_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return the product of the parts' factors on implied volatilities."""
        return _product([part.volatility_factors(assets, times) for part in self.parts])

    def minted(self) -> tuple[tuple[float, str, float], ...]:
        """Return everything that the parts mint."""
        return tuple(one for part in self.parts for one in part.minted())

    def attacks(self) -> tuple[Attack, ...]:
        """Return the attacks of all parts, in their order."""
        return tuple(one for part in self.parts for one in part.attacks())

    def asset_factors(self, nodes: Sequence[str]) -> Array:
        """Return the product of the parts' factors on external assets."""
        return _product([part.asset_factors(nodes) for part in self.parts])

    def equity_losses(self, nodes: Sequence[str]) -> Array:
        """Return the sum of the parts' losses of equity."""
        losses: Array = np.sum([part.equity_losses(nodes) for part in self.parts], axis=0)
        return losses

    def is_observed(self) -> bool:
        """Return whether any part is an observed path."""
        return any(part.is_observed() for part in self.parts)

    def end(self, first: float) -> float:
        """Return the latest end."""
        return max(part.end(first) for part in self.parts)


def powers(growth: Array, times: Array, over: float) -> Array:
    """Return growth ** (share of `over` that has passed), shape (n_times, n); exact at both ends."""
    passed = np.minimum(times / over, 1.0) if over > 0.0 else np.where(times > 0.0, 1.0, 0.0)
    factors: Array = growth[np.newaxis, :] ** passed[:, np.newaxis]
    return factors


def powered(changes: Mapping[str, float], factor: float) -> dict[str, float]:
    """Return the changes with their logs times `factor`."""
    with np.errstate(over="ignore"):
        return {name: float(np.expm1(factor * np.log1p(change))) for name, change in changes.items()}


def _product(factors: Sequence[Array]) -> Array:
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product
