"""Invariants A1 to A10 after every step of a life: prices move, owners pay in and out, funds are fed, markets halt.

The checks are those of whole runs. Equity and health (A2, A9, A10), which take exact fractions for every account and
round, are gone through in the rounds since the last step; the rest is looked at from the opening on.
"""

from __future__ import annotations

from fractions import Fraction
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
from tests.properties import test_a_accounting as accounting
from tests.properties import test_a_loans as loans
from tests.properties import test_a_rules as rules
from tests.properties import test_a_waterfall as waterfall
from tests.properties.replay import Key, Played
from tests.worlds import random_world

ROUNDS = 64
STEPS = 24
LEDGER = 1 << 14
FROM_THE_OPENING_ON = (
    accounting.a1_every_transaction_is_double_entry,
    accounting.a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round,
    accounting.a1_the_sum_of_events_is_final_minus_initial_state_of_every_account,
    accounting.a3_the_system_as_a_whole_holds_what_it_held,
    accounting.a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe,
    accounting.a5_longs_are_shorts_after_every_transaction,
    loans.a6_without_interest_a_debt_only_falls_and_collateral_only_by_seizure,
    loans.a7_seized_is_repaid_plus_bonus_at_the_oracle_to_the_lot_unless_all_is_seized,
    loans.a7_an_auction_pays_its_price_for_what_it_sells,
    waterfall.a8_deficits_of_flat_accounts_are_the_sum_of_the_layers,
    waterfall.a8_a_layer_is_used_only_when_the_one_before_is_exhausted,
    waterfall.a8_contributions_own_capital_and_assessments_pay_in_this_order_up_to_their_limits,
    waterfall.a8_haircuts_go_by_rank_or_exactly_pro_rata,
    waterfall.a8_the_counters_of_a_venue_are_its_layers_and_no_fund_is_ever_negative,
    rules.a9_every_fill_pays_units_times_price_once_rounded_and_sells_only_what_is_held,
    rules.a10_an_account_acts_at_most_once_per_round,
)
IN_THESE_ROUNDS = (
    accounting.a2_the_change_of_every_accounts_equity_is_explained_by_its_parts,
    accounting.a5_profits_of_all_holders_sum_to_zero_in_every_round_before_fees,
    rules.a10_a_healthy_account_is_never_liquidated,
    rules.a10_only_a_rule_moves_an_account_its_owner_did_not_move,
)


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
        self.hooks, self.rounds_left = Hooks(opening, (self.switch,)), ROUNDS
        self.done, self.seen = Fraction(0), dict[int, int]()

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
        before, posted = self.life(), int(self.state.clock["n_ledger"][0])
        first, start = before.n_rounds, before.closing_balances()
        for _ in range(min(times, self.rounds_left - 1)):
            self.one_round_passes()
        these = self.life(first, start, posted)
        for check in IN_THESE_ROUNDS:
            check(these)
        self.done += rules.done_of_what_was_decided(these)
        rules.a9_filled_deleveraged_and_deferred_are_what_was_decided(these, self.done)
        rules.a10_every_account_below_maintenance_is_seen_in_that_round(these, self.seen)
        if these.n_rounds:
            accounting.a3_the_net_identity_of_losses_gains_and_pressure_is_exact(self.life())

    def one_round_passes(self) -> None:
        before = self.state.markets["provider_lots"].copy()
        one_round(self.prepared.opening, self.state, self.hooks, "compiled")
        self.rounds_left -= 1
        moved = (self.state.markets["provider_lots"] != before) & ~self.state.markets["dead"]
        assert not moved[sorted(self.switch.markets)].any(), "a market that is shut has traded"

    def life(self, first: int = 0, start: dict[Key, int] | None = None, posted: int = 0) -> Played:
        """What has happened so far, or from a round, balances and a row of the ledger on."""
        n_events, n_ledger = int(self.state.clock["n_events"][0]), int(self.state.clock["n_ledger"][0])
        assert max(n_events, n_ledger) <= LEDGER
        cut = self.state._replace(
            events=self.state.events[:n_events], ledger=self.state.ledger[posted:n_ledger]
        )
        return Played(0, self.world, self.prepared, cut, first, start)

    @invariant()
    def what_holds_for_whole_runs_holds_by_now(self) -> None:
        if not hasattr(self, "state"):
            return
        it = self.life()
        for check in FROM_THE_OPENING_ON:
            check(it)

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
