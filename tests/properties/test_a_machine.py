"""Invariants A1 to A10 after every step of a life: prices move, owners pay in and out, funds are fed, markets halt."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import contagion as ct
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.books import note, post
from contagion.propagation.cascade.engine import one_round
from contagion.propagation.cascade.hooks import Hooks
from contagion.propagation.cascade.packing import pack_state
from tests.properties.replay import Played
from tests.worlds import random_world

ROUNDS = 64
STEPS = 24
LEDGER = 1 << 14


class Switch(ct.Policy):
    """Shuts the markets that the test holds shut."""

    def __init__(self) -> None:
        object.__setattr__(self, "markets", set())

    def status(self, world: Any) -> Any:
        shut = world.halted.copy()
        shut[sorted(self.markets)] = True
        return shut


class Venue(RuleBasedStateMachine):
    """A world whose rounds are driven one by one, with what its owners and its venues do in between."""

    @initialize(seed=st.integers(0, 400))
    def open(self, seed: int) -> None:
        self.world, self.switch = random_world(seed, n=12), Switch()
        model = ct.Cascade(step=60.0, horizon=60.0 * ROUNDS)
        self.prepared = model.prepare(self.world.net, (self.switch,))
        self.book, opening = self.prepared.opening.book, self.prepared.opening
        still = self.prepared.shock_arrays(ct.PriceShock({"AAA": -1e-9}, over=60.0 * ROUNDS))
        self.state = self.prepared.start(still, 0, True, (LEDGER, LEDGER))
        self.state.outside[:] = opening.prices
        self.hooks, self.played_to, self.balance = Hooks(opening, (self.switch,)), 0, None
        self.rounds_left = ROUNDS

    @rule(asset=st.sampled_from(["AAA", "BBB"]), move=st.floats(-0.3, 0.3))
    def price_moves(self, asset: str, move: float) -> None:
        a, now = self.prepared.opening.names.assets.index(asset), int(self.state.clock["round"][0])
        self.state.outside[now:, a] *= 1.0 + move

    @rule(share=st.floats(0.0, 1.0), pick=st.integers(0, 10_000))
    def deposit(self, share: float, pick: int) -> None:
        i = pick % len(self.book.count)
        node, number = int(self.book.owner[i]), int(self.book.count[i])
        money = int(share * max(0, int(self.state.node_cash[node]))) // number
        if money > 0 and not self.state.venues["failed"][self.book.venue[i]]:
            self.pay_in(i, node, money, number)

    @rule(share=st.floats(0.0, 0.5), pick=st.integers(0, 10_000))
    def withdraw(self, share: float, pick: int) -> None:
        i = pick % len(self.book.count)
        free = float(self.state.equity[i] - self.state.requirement[i])
        money = int(share * max(0.0, min(free, float(self.state.cash[i]))))
        if money > 0 and not self.book.exempt[i] and not self.state.venues["failed"][self.book.venue[i]]:
            self.pay_in(i, int(self.book.owner[i]), -money, int(self.book.count[i]))

    def pay_in(self, i: int, node: int, money: int, number: int) -> None:
        """Move money from a node to its account (back, if negative), as a top-up does."""
        packed = pack_state(self.state)
        kind = codes.EVENT_TOP_UP if money > 0 else codes.EVENT_WITHDRAWAL
        reason = codes.BY_TOP_UP if money > 0 else codes.BY_WITHDRAWAL
        note(
            packed, kind, i, node, int(self.book.venue[i]), -1, 0.0, float("nan"), float(abs(money) * number)
        )
        self.state.cash[i] += money
        post(packed, codes.ACCOUNT, i, reason, codes.MONEY, money * number)
        self.state.node_cash[node] -= money * number
        post(packed, codes.NODE, node, reason, codes.MONEY, -money * number)
        self.state.key[i] = -np.inf

    @rule(money=st.floats(0.0, 1e4), pick=st.integers(0, 10))
    def feed_a_fund(self, money: float, pick: int) -> None:
        v, quanta = pick % len(self.state.venues), int(money * self.prepared.opening.units.scale)
        if quanta == 0 or self.state.venues["failed"][v]:
            return
        packed = pack_state(self.state)
        note(
            packed,
            codes.EVENT_TOP_UP,
            -1,
            int(self.state.venues["node"][v]),
            v,
            -1,
            0.0,
            float("nan"),
            float(quanta),
        )
        self.state.venues["fund"][v] += quanta
        self.state.clock["outside_paid"] -= quanta
        post(packed, codes.FUND, v, codes.BY_INJECTION, codes.MONEY, quanta)
        post(packed, codes.OUTSIDE, 0, codes.BY_INJECTION, codes.MONEY, -quanta)

    @rule(pick=st.integers(0, 100))
    def halt_or_reopen(self, pick: int) -> None:
        self.switch.markets ^= {pick % len(self.state.markets)}

    @rule(times=st.integers(1, 4))
    def rounds_pass(self, times: int) -> None:
        for _ in range(min(times, self.rounds_left - 1)):
            shut = set(self.switch.markets)
            before = self.state.markets["provider_lots"].copy()
            one_round(self.prepared.opening, self.state, self.hooks, "compiled")
            self.rounds_left -= 1
            failed = self.state.markets["dead"]
            moved = self.state.markets["provider_lots"] != before
            assert not any(moved[m] and not failed[m] for m in shut), "a market that is shut has traded"

    @invariant()
    def every_balance_is_what_the_ledger_says(self) -> None:
        if not hasattr(self, "state"):
            return
        n_events, n_ledger = int(self.state.clock["n_events"][0]), int(self.state.clock["n_ledger"][0])
        assert max(n_events, n_ledger) <= LEDGER
        rows = self.state.ledger[self.played_to : n_ledger]
        it = Played(
            0,
            self.world,
            self.prepared,
            self.state._replace(ledger=rows, events=self.state.events[:n_events]),
        )
        balance = it.opening_balances() if self.balance is None else self.balance
        sums: dict[tuple[int, int], int] = defaultdict(int)
        for posting in it.postings:
            balance[posting.key] += posting.amount
            sums[posting.round, posting.instrument] += posting.amount
        assert not any(sums.values())
        final = it.closing_balances()
        for key in {*balance, *final}:
            if key[0] != codes.OUTSIDE or key[2] != codes.EXTERNAL:
                assert balance[key] == final[key], key
        self.balance, self.played_to = balance, n_ledger

    @invariant()
    def funds_are_not_negative_and_longs_are_shorts(self) -> None:
        if not hasattr(self, "state"):
            return
        assert (self.state.venues["fund"] >= 0).all()
        lots = self.state.quantity * self.book.count[self.book.leg_account]
        held = np.bincount(self.book.leg_market, lots, len(self.state.markets))
        perps = self.state.markets["kind"] == codes.PERP
        assert (held + self.state.markets["provider_lots"])[perps].any() == 0.0

    @invariant()
    def coins_and_positions_never_change_sign_by_force(self) -> None:
        if not hasattr(self, "state"):
            return
        held = self.prepared.opening.held
        assert (np.sign(self.state.held) * np.sign(held) >= 0.0).all()


TestVenue = Venue.TestCase
TestVenue.settings = settings(
    settings(), max_examples=max(4, settings().max_examples // 5), stateful_step_count=STEPS
)
