"""Pools through a life of trades both ways while liquidity is added and removed: tokens, invariants, prices.

The rules give one trade; here what a trader pays and gets, and what the pool holds, is kept in exact fractions.
"""

import math
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contagion.markets import (
    concentrated_liquidity_amounts,
    concentrated_liquidity_swap,
    constant_product_swap,
)

ROUNDING = Fraction(1, 2**46)  # of a few operations in floats
sizes, shares = st.floats(1e-3, 10.0), st.floats(0.01, 0.9)


class ConstantProduct(RuleBasedStateMachine):
    """Reserves of two tokens; fees stay in the pool."""

    @initialize(x=st.floats(1.0, 1e6), y=st.floats(1.0, 1e6), fee=st.sampled_from([0.0, 0.003, 0.05]))
    def open(self, x: float, y: float, fee: float) -> None:
        self.held, self.fee = [Fraction(x), Fraction(y)], fee
        self.outside, self.liquidity = [Fraction(0), Fraction(0)], Fraction(1)
        self.total, self.product = list(self.held), Fraction(x) * Fraction(y)

    def move(self, token: int, units: Fraction) -> None:
        """Units of a token from those outside to the pool."""
        self.held[token] += units
        self.outside[token] -= units

    @rule(token=st.integers(0, 1), size=sizes)
    def swap(self, token: int, size: float) -> None:
        base, quote = float(self.held[token]), float(self.held[1 - token])
        done = constant_product_swap(base, quote, size * base, fee=self.fee)
        before = Fraction(quote) / Fraction(base)
        self.move(token, Fraction(size * base))
        self.move(1 - token, -Fraction(float(done.amount_out)))
        after = self.held[1 - token] / self.held[token]
        assert abs(Fraction(float(done.spot_price_after)) - after) <= ROUNDING * before
        assert after * (1 - Fraction(self.fee)) <= Fraction(float(done.execution_price)) * (1 + ROUNDING)
        assert Fraction(float(done.execution_price)) <= before * (1 + ROUNDING)

    @rule(share=sizes)
    def add(self, share: float) -> None:
        self.scale(1 + Fraction(share))

    @rule(share=shares)
    def remove(self, share: float) -> None:
        self.scale(1 - Fraction(share))

    def scale(self, times: Fraction) -> None:
        """Liquidity comes or goes in the proportion of the reserves; the price stays."""
        before = self.held[1] / self.held[0]
        for token in (0, 1):
            self.move(token, self.held[token] * (times - 1))
        self.liquidity *= times
        assert self.held[1] / self.held[0] == before

    @invariant()
    def tokens_are_conserved_and_the_product_per_liquidity_never_falls(self) -> None:
        if not hasattr(self, "held"):
            return
        assert [a + b for a, b in zip(self.held, self.outside, strict=True)] == self.total
        assert min(self.held) > 0
        product = self.held[0] * self.held[1] / self.liquidity**2
        assert product >= self.product * (1 - ROUNDING)
        self.product = product


class Concentrated(RuleBasedStateMachine):
    """One range of constant liquidity, without fee; trades stop at its ends."""

    @initialize(
        lower=st.floats(0.1, 100.0), width=st.floats(1.01, 4.0), at=shares, liquidity=st.floats(1.0, 1e6)
    )
    def open(self, lower: float, width: float, at: float, liquidity: float) -> None:
        self.lower, self.upper, self.liquidity = lower, lower * width, liquidity
        self.price = lower * width**at
        self.held = self.content()

    def content(self) -> list[float]:
        """Units of both tokens in the range at the price of now."""
        first = concentrated_liquidity_amounts(self.price, self.upper, self.liquidity).amount0
        second = concentrated_liquidity_amounts(self.lower, self.price, self.liquidity).amount1
        return [float(first), float(second)]

    @rule(token=st.integers(0, 1), share=shares)
    def swap(self, token: int, share: float) -> None:
        end = self.lower if token == 0 else self.upper
        far = concentrated_liquidity_amounts(min(end, self.price), max(end, self.price), self.liquidity)
        paid = share * float(far.amount0 if token == 0 else far.amount1)
        done = concentrated_liquidity_swap(self.price, self.liquidity, **{f"amount{token}_in": paid})
        ends = sorted((self.price, end))
        assert ends[0] * (1 - 1e-12) <= done.price_after <= ends[1] * (1 + 1e-12)
        self.price = min(max(float(done.price_after), self.lower), self.upper)
        self.held[token] += paid
        self.held[1 - token] -= float(done.amount_out)

    @rule(times=st.floats(0.1, 10.0))
    def add_or_remove(self, times: float) -> None:
        self.liquidity *= times
        self.held = [units * times for units in self.held]

    @invariant()
    def the_pool_holds_the_content_of_its_range_and_its_price_is_within(self) -> None:
        if not hasattr(self, "held"):
            return
        assert self.lower <= self.price <= self.upper
        most = (self.liquidity / math.sqrt(self.lower), self.liquidity * math.sqrt(self.upper))
        for token, units in enumerate(self.content()):
            assert abs(units - self.held[token]) <= 1e-11 * most[token]
            assert self.held[token] >= -1e-11 * most[token]
        first = self.content()[0] + self.liquidity / math.sqrt(self.upper)
        second = self.content()[1] + self.liquidity * math.sqrt(self.lower)
        assert math.isclose(first * second, self.liquidity**2, rel_tol=1e-11)


TestConstantProduct, TestConcentrated = ConstantProduct.TestCase, Concentrated.TestCase
TestConstantProduct.settings = TestConcentrated.settings = settings(
    settings(), max_examples=max(8, settings().max_examples // 5), stateful_step_count=20
)
