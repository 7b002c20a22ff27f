"""How do the volatilities move at which options are valued?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contagion.shocks.base import Array
from contagion.shocks.moves import Moves
from contagion.shocks.words import listed, span

__all__ = ["VolatilityShock"]


@dataclass(frozen=True, eq=False)
class VolatilityShock(Moves):
    """Implied volatilities of the options on some assets move by given fractions, linear in their log.

    What an option makes of it is its market's `volatility_beta`: its volatility is multiplied by the factor to that
    power, so that betas by expiry bend the term structure and betas by strike the skew. Prices do not move.

    Parameters
    ----------
    moves : mapping or Series of str to float
        Asset -> signed fraction of its options' volatilities, above -1; 0.5 lifts 60 % to 90 %.
    over : float, default 0
        Seconds from the opening over which the move happens; 0 is one gap at the first round.

    Raises
    ------
    SchemaError
        If there is no move, or a name or number is of another kind.
    ValueRangeError
        If a move is not finite or at most -1, or `over` is negative.

    Examples
    --------
    >>> VolatilityShock({"BTC": 0.5}).describe()
    'implied volatility of BTC +50.0 % in one gap'
    >>> (2 * VolatilityShock({"BTC": 0.5}, over=600)).describe()
    'implied volatility of BTC +125.0 % over 10 min, linear in its log'
    """

    moves: Mapping[str, float]
    over: float = 0.0

    def describe(self) -> str:
        """Return the moves and their time profile."""
        profile = ", linear in its log" if self.over > 0.0 else ""
        return f"implied volatility of {listed(self.moves)} {span(self.over)}{profile}"

    def volatility_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return the factor on implied volatilities, shape (n_times, n_assets)."""
        return self.factors(assets, times)
