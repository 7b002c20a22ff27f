"""From an attack on a price to lots in markets: where its coins are traded, what is held besides, what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, TooLargeError
from contagion.propagation.cascade import attacking
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import PERP, SPOT
from contagion.shocks import Attack, ShockArrays

Integers = npt.NDArray[np.int64]
MOST_LOTS = 2.0**50


def check_attacks(shock: ShockArrays, opening: Opening) -> None:
    """Refuse what no market trades, positions that no market prices, and more than can be counted."""
    for attack in shock.attacks:
        lots = _lots(attack, opening, *_traded(attack, opening))
        if lots.max() >= MOST_LOTS:
            raise TooLargeError(
                "is more than can be counted",
                where="shock Attack.budget",
                value=attack.budget,
                allowed=f"below {attack.budget * MOST_LOTS / lots.max():.3g}",
            )
        _held(attack, opening)


def attack_rows(opening: Opening, shock: ShockArrays, step: float) -> npt.NDArray[np.float64]:
    """Rows of all attacks, as `attacking` reads them: one per market that is traded in, one per position held."""
    rows = [row for attack in shock.attacks for row in _rows(attack, opening, step)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), attacking.WIDTH)


def _rows(attack: Attack, opening: Opening, step: float) -> list[npt.NDArray[np.float64]]:
    base = np.zeros(attacking.WIDTH)
    base[attacking.SIDE] = 1.0 if attack.side == "sell" else -1.0
    base[attacking.BEGINS], base[attacking.LASTS] = attack.start, attack.over
    base[attacking.RETURN_ROUND] = _return_round(attack, step)
    base[attacking.RETURNS] = math.inf if attack.buy_back is None else attack.buy_back
    base[attacking.RETURN_LASTS] = attack.return_over
    rows = []
    if attack.budget > 0.0:
        markets, weights = _traded(attack, opening)
        for m, lots in zip(markets, _lots(attack, opening, markets, weights), strict=True):
            row = base.copy()
            row[attacking.MARKET], row[attacking.LOTS] = m, lots
            rows.append(row)
    for m, money in _held(attack, opening).items():
        row = base.copy()
        row[attacking.MARKET] = m
        row[attacking.UNITS] = money / float(opening.markets["opening"][m])
        rows.append(row)
    return rows


def _return_round(attack: Attack, step: float) -> float:
    """First round in which coins are traded back: after the last slice, even where both fall into one round."""
    if attack.buy_back is None:
        return math.inf
    last = _round_at(attack.start + attack.over, step)
    return float(max(last + 1, _round_at(attack.buy_back, step)))


def _round_at(seconds: float, step: float) -> int:
    """First round from 1 on that is not before a time."""
    return max(1, math.ceil(seconds / (step * attacking.ON_TIME)))


def _traded(attack: Attack, opening: Opening) -> tuple[Integers, npt.NDArray[np.float64]]:
    """Markets in which an attack trades, and the weight of each."""
    book, markets, names = opening.book, opening.markets, opening.names
    asset = names.assets.index(attack.asset)
    spots = np.flatnonzero((markets["asset"] == asset) & (markets["kind"] == SPOT))
    known = ", ".join(names.markets[m] for m in spots)
    if attack.markets is None:
        first, last = book.index_indptr[asset], book.index_indptr[asset + 1]
        found, weights = book.index_market[first:last], book.index_weight[first:last]
        if not weights.sum() > 0.0:
            raise NetworkError(
                "has no spot market in its index",
                where="shock Attack.asset",
                value=attack.asset,
                allowed=f"markets=[...] names spot markets: {known}" if known else "assets with spot markets",
                remedy="" if known else f"add a spot market of {attack.asset} to markets, with depth",
            )
        return found, weights
    for name in attack.markets:
        if names.markets.index(name) not in spots:
            raise NetworkError(
                f"is no spot market of {attack.asset}",
                where="shock Attack.markets",
                value=name,
                allowed=known or f"nothing: the network has no spot market of {attack.asset}",
            )
    found = np.array([names.markets.index(name) for name in attack.markets], dtype=np.int64)
    return found, markets["capital"][found]


def _lots(
    attack: Attack, opening: Opening, markets: Integers, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Whole lots per market for what the budget buys at opening prices."""
    units = attack.budget / float(opening.prices[opening.names.assets.index(attack.asset)])
    lots: npt.NDArray[np.float64] = np.floor(
        units * (weights / weights.sum()) / opening.markets["lot"][markets]
    )
    return lots


def _held(attack: Attack, opening: Opening) -> dict[int, float]:
    """Signed money that the attacker holds outside, by market."""
    names, markets = opening.names, opening.markets
    if isinstance(attack.position, Mapping):
        held = {names.markets.index(name): money for name, money in attack.position.items() if money != 0.0}
        for m in held:
            if markets["coin_slot"][m] >= 0:
                raise NetworkError(
                    f"names {names.markets[m]!r}, which settles in a coin, while the gain is measured in money",
                    where="shock Attack.position",
                    allowed="markets that settle in the unit",
                )
        return held
    if attack.position == 0.0:
        return {}
    asset = names.assets.index(attack.asset)
    perps = np.flatnonzero(
        (markets["asset"] == asset) & (markets["kind"] == PERP) & (markets["coin_slot"] < 0)
    )
    if not len(perps):
        raise NetworkError(
            f"is a number, but {attack.asset} has no perpetual that settles in the unit",
            where="shock Attack.position",
            value=attack.position,
            allowed="a table of market -> signed money",
        )
    deepest = int(perps[np.argmax(markets["capital"][perps])])
    return {deepest: -attack.position if attack.side == "sell" else attack.position}
