"""What must an account hold whose venue scans portfolios? The worst scenario, each contract valued by the formulas.

Values and deltas come from `contagion.markets.options`, moves from `contagion.markets.risk_arrays`: nothing here looks
at the engine's kernels. Sums over legs are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from contagion.markets.options import DAYS_PER_YEAR, LEAST_VALUE, black_scholes
from contagion.markets.risk_arrays import RiskScenarios
from contagion.network.scans import venue_scenarios
from contagion.propagation.cascade import codes
from tests.properties.replay.prices import Priced


@dataclass(frozen=True)
class Scanned(Priced):
    """Terms of options, and margin by scenario scan."""

    def years(self, r: int, m: int) -> float:
        """Years in round `r` until market `m` expires; 0 for contracts that never do."""
        expiry = float(self.prepared.opening.markets["expiry"][m])
        left = expiry - r * float(self.state.clock["step"][0])
        return max(0.0, left) / (86_400.0 * DAYS_PER_YEAR) if np.isfinite(expiry) else 0.0

    def implied(self, r: int, m: int) -> float:
        """Volatility that the option of market `m` is valued at in round `r`."""
        path, row = self.volatilities, self.prepared.opening.markets[m]
        factor = float(path[min(r, len(path) - 1), int(row["asset"])])
        return float(row["implied"]) * factor ** float(row["volatility_beta"])

    @cached_property
    def volatilities(self) -> np.ndarray:
        """Factor of the shock on implied volatilities, by round and asset."""
        found: np.ndarray = self.prepared.shock_arrays(self.world.shock).volatility
        return found

    def index(self, r: int, m: int) -> float:
        """Price of the asset by the index of the venue in round `r`."""
        return float(self.state.history["index"][r, m])

    def side(self, m: int) -> str:
        """Whether an option is a call or a put; empty for other contracts."""
        return {1: "call", -1: "put", 0: ""}[int(self.prepared.opening.markets["call"][m])]

    def option_value(self, r: int, m: int, move: float = 0.0, wider: float = 0.0) -> float:
        """Money per unit of an option in round `r`, its asset moved by a share, and its volatility by another."""
        spot, row = self.index(r, m) * (1.0 + move), self.prepared.opening.markets[m]
        sigma = self.implied(r, m) * max(0.0, 1.0 + wider)
        worth = black_scholes(
            self.side(m), spot, row["strike"], self.years(r, m), sigma, rate=float(row["carry"])
        )
        return max(LEAST_VALUE * spot, float(worth.price))

    def option_delta(self, r: int, m: int) -> float:
        """Units of the asset that one unit of an option is worth like in round `r`."""
        row = self.prepared.opening.markets[m]
        found = black_scholes(
            self.side(m),
            self.index(r, m),
            row["strike"],
            self.years(r, m),
            self.implied(r, m),
            rate=float(row["carry"]),
        )
        return float(found.delta)

    @cached_property
    def scenarios(self) -> dict[int, RiskScenarios]:
        """Moves of every venue that scans."""
        net = self.prepared.opened
        return {v: venue_scenarios(net, v) for v in np.flatnonzero(net.venues["margin"] == "scan").tolist()}

    @cached_property
    def known_risks(self) -> dict[tuple[int, int], list[Fraction]]:
        """What `risk` has found so far."""
        return {}

    def risk(self, r: int, m: int) -> list[Fraction]:
        """Gain in quanta of one lot long of market `m` in each scenario of its venue, at the marks of round `r`."""
        if (r, m) not in self.known_risks:
            moves, row = self.scenarios[int(self.state.markets["venue"][m])], self.prepared.opening.markets[m]
            price = np.array(moves.price)
            if int(row["kind"]) == codes.OPTION:
                spot, width = self.index(r, m) * (1.0 + price), 1.0 + np.array(moves.volatility)
                sigma = self.implied(r, m) * np.maximum(0.0, width)
                then = black_scholes(
                    self.side(m), spot, row["strike"], self.years(r, m), sigma, rate=float(row["carry"])
                )
                gain = np.maximum(LEAST_VALUE * spot, then.price) - self.option_value(r, m)
            else:
                gain = float(self.state.history["mark"][r, m]) * price
            shares = zip(gain.tolist(), moves.share, strict=True)
            self.known_risks[r, m] = [Fraction(g) * Fraction(s) * self.lot_scale(m) for g, s in shares]
        return self.known_risks[r, m]

    def scans(self, i: int) -> bool:
        """Whether the margin of account `i` is scanned."""
        return int(self.prepared.opening.book.venue[i]) in self.scenarios

    def scan(self, i: int, lots: dict[int, Fraction], r: int) -> Fraction:
        """Margin of one account behind row `i` with these lots, at the marks of round `r`, in quanta.

        Per asset the largest loss over the scenarios, at least the short minimum of what is sold, times the largest
        multiplier of the markets held.
        """
        asset, kind = self.state.markets["asset"], self.state.markets["kind"]
        least = Fraction(float(self.state.venues["short_minimum"][self.prepared.opening.book.venue[i]]))
        total = Fraction(0)
        for a in {int(asset[m]) for m in lots}:
            held = {m: lot for m, lot in lots.items() if int(asset[m]) == a}
            gains = zip(*([lot * g for g in self.risk(r, m)] for m, lot in held.items()), strict=True)
            worst = max(-sum(gain, Fraction(0)) for gain in gains)
            sold = {m: -lot for m, lot in held.items() if lot < 0 and int(kind[m]) == codes.OPTION}
            floor = sum(
                (least * lot * Fraction(self.index(r, m)) * self.lot_scale(m) for m, lot in sold.items()),
                Fraction(0),
            )
            times = max(Fraction(float(self.state.history["multiplier"][r, m])) for m in held)
            total += times * max(Fraction(0), worst, floor)
        return total
