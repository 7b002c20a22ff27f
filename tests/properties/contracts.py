"""Invariants A1 to A10 for worlds with options, scanned portfolios, contracts in coins, and everything at once.

The checks are those of the plain random worlds: their replay knows scans, expiries, closings at the model's value,
delta hedges and payments in coins, so that nothing is left out for them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tests.properties import test_a_accounting as accounting
from tests.properties import test_a_loans as loans
from tests.properties import test_a_rules as rules
from tests.properties import test_a_waterfall as waterfall
from tests.properties.replay import Played


def a9_filled_and_deferred_are_what_was_decided(it: Played) -> None:
    done: Fraction = rules.done_of_what_was_decided(it)
    rules.a9_filled_deleveraged_and_deferred_are_what_was_decided(it, done)


def a10_every_account_below_maintenance_is_seen_in_that_round(it: Played) -> None:
    rules.a10_every_account_below_maintenance_is_seen_in_that_round(it, {})


INVARIANTS: tuple[Callable[[Played], None], ...] = (
    accounting.a1_every_transaction_is_double_entry,
    accounting.a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round,
    accounting.a1_the_sum_of_events_is_final_minus_initial_state_of_every_account,
    accounting.a2_the_change_of_every_accounts_equity_is_explained_by_its_parts,
    accounting.a3_the_system_as_a_whole_holds_what_it_held,
    accounting.a3_the_net_identity_of_losses_gains_and_pressure_is_exact,
    accounting.a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe,
    accounting.a5_longs_are_shorts_after_every_transaction,
    loans.a6_without_interest_a_debt_only_falls_and_collateral_only_by_seizure,
    loans.a6_no_more_money_is_borrowed_than_supplied_in_any_round,
    loans.a7_seized_is_repaid_plus_bonus_at_the_oracle_to_the_lot_unless_all_is_seized,
    loans.a7_an_auction_pays_its_price_for_what_it_sells,
    waterfall.a8_deficits_of_flat_accounts_are_the_sum_of_the_layers,
    waterfall.a8_a_layer_is_used_only_when_the_one_before_is_exhausted,
    waterfall.a8_contributions_own_capital_and_assessments_pay_in_this_order_up_to_their_limits,
    waterfall.a8_haircuts_go_by_rank_or_exactly_pro_rata,
    waterfall.a8_the_counters_of_a_venue_are_its_layers_and_no_fund_is_ever_negative,
    rules.a9_every_fill_pays_units_times_price_once_rounded_and_sells_only_what_is_held,
    a9_filled_and_deferred_are_what_was_decided,
    rules.a10_a_healthy_account_is_never_liquidated,
    a10_every_account_below_maintenance_is_seen_in_that_round,
    rules.a10_an_account_acts_at_most_once_per_round,
    rules.a10_only_a_rule_moves_an_account_its_owner_did_not_move,
)
