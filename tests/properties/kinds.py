"""The kinds of random worlds that invariants are checked on."""

from __future__ import annotations

from collections.abc import Callable

from tests.coin_worlds import played_in_coins
from tests.properties.replay import Played, played, played_with_options, played_with_portfolios
from tests.whole_worlds import played_whole

CONTRACTS: dict[str, Callable[[int], Played]] = {
    "options": played_with_options,
    "portfolios": played_with_portfolios,
    "coins": played_in_coins,
    "whole": played_whole,
}
ALL: dict[str, Callable[[int], Played]] = {"plain": played, **CONTRACTS}
