"""What hit the crypto system in June 2022? The recorded fall, with and without the default of Three Arrows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from contagion import facts
from contagion.generate.crypto_creditors import ARROWS
from contagion.generate.crypto_markets import COINS, OPENING, STAKED
from contagion.shocks import Default, PriceShock, Shock

__all__ = ["SCENARIOS"]


def _ratio(asset: str) -> float:
    """Trough over peak."""
    trough, peak = (
        facts.number("episodes", name, episode=OPENING, asset=asset) for name in ("trough", "peak")
    )
    return trough / peak


def _prices() -> Shock:
    """Staked ETH follows ETH in the network, so that only its discount is a move of its own."""
    moves = {coin: _ratio(coin) - 1.0 for coin in COINS} | {STAKED: _ratio(STAKED) / _ratio("ETH") - 1.0}
    return PriceShock(moves, over=facts.number("episodes", "duration", episode=OPENING))


def _prices_and_default() -> Shock:
    return _prices() + Default([ARROWS])


SCENARIOS: Final[Mapping[str, Callable[[], Shock]]] = MappingProxyType(
    {"june-2022": _prices_and_default, "june-2022 prices": _prices}
)
"""Scenarios by name."""
