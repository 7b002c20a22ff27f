"""Everything on: three ways to run give the same bits, money and lots balance, and every mechanism takes its part."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import settings

from contagion.propagation.cascade import codes
from tests.propagation.cascade.test_drivers import assert_same
from tests.properties import contracts
from tests.properties import test_a_accounting as accounting
from tests.properties.replay import Played
from tests.whole_worlds import Listening, cut, played_whole
from tests.worlds import POOLS, known_policies

SEEDS = sorted({*range(settings().max_examples), 342})  # 342: a call lapses while its owner is about to trade
BALANCES = (
    accounting.a1_every_transaction_is_double_entry,
    accounting.a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round,
    accounting.a1_the_sum_of_events_is_final_minus_initial_state_of_every_account,
    accounting.a3_the_system_as_a_whole_holds_what_it_held,
    accounting.a3_the_net_identity_of_losses_gains_and_pressure_is_exact,
    accounting.a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe,
    accounting.a5_longs_are_shorts_after_every_transaction,
)
"""Invariants that follow the ledger alone."""
REPLAYED = tuple(check for check in contracts.INVARIANTS if check not in BALANCES)
"""Invariants that replay margins and decisions in fractions, which takes long: seen in fewer worlds."""


@pytest.mark.parametrize("seed", SEEDS)
def test_compiled_listening_and_numpy_give_the_same_bits_with_everything_on(seed: int) -> None:
    it = played_whole(seed)
    shock = it.world.shock
    assert_same(it.state, cut(it.prepared.simulate(shock, seed=seed, look="numpy")), seed)
    listening = it.prepared.under((*it.world.policies, Listening()))
    assert not listening.compiled
    assert_same(it.state, cut(listening.simulate(shock, seed=seed)), seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_and_lots_balance_with_everything_on(seed: int) -> None:
    it = played_whole(seed)
    ledger = it.state.ledger
    keys = ledger["round"].astype(np.int64) * 10_000 + ledger["instrument"]
    _, place = np.unique(keys, return_inverse=True)
    total = np.zeros(len(ledger), dtype=np.int64)
    np.add.at(total, place, ledger["amount"])
    assert not total.any()
    for invariant in BALANCES:
        invariant(it)


@pytest.mark.parametrize("seed", range(min(12, settings().max_examples)))
@pytest.mark.parametrize("invariant", REPLAYED, ids=lambda check: check.__name__)
def test_equity_and_what_was_decided_are_followed_exactly_with_everything_on(invariant, seed: int) -> None:
    invariant(played_whole(seed))


NEVER = {("reason", "issuer")}
"""What posts nothing: an issuer's recovery is a price of its token, told as an event."""


def words_of(it: Played, column: str, table: str, rows: np.ndarray) -> set[tuple[str, str]]:
    """Words that some rows of a table of the opened network have in a column."""
    found = it.prepared.opened.column(table, column)[rows[rows >= 0]]
    return {(column, str(word)) for word in found}


def happened(it: Played) -> set[tuple[str, str]]:
    """Which events, postings, counters and rules took part in a run."""
    events, ledger, state = it.state.events, it.state.ledger, it.state
    of = {word: events[events["kind"] == k] for k, word in enumerate(codes.EVENTS)}
    found = {("event", word) for word, rows in of.items() if len(rows)}
    found |= {("reason", codes.REASONS[k]) for k in set(ledger["kind"].tolist())}
    found |= {("entity", codes.ENTITIES[k]) for k in set(ledger["entity"].tolist())}
    found |= {("counter", name) for name, n in zip(codes.COUNTERS, state.counters, strict=True) if n != 0.0}
    acted = np.concatenate([of["liquidation"]["venue"], of["takeover"]["venue"], of["auction"]["venue"]])
    for column in ("procedure", "mark", "oracle", "margin"):
        found |= words_of(it, column, "venues", acted)
    for column in ("adl_trigger", "adl_rank", "adl_price"):
        found |= words_of(it, column, "venues", of["adl"]["venue"])
    found |= words_of(it, "auction_kind", "venues", of["auction"]["venue"])
    found |= words_of(it, "residual", "venues", of["residual"]["venue"])
    found |= words_of(it, "funding_rule", "venues", of["funding"]["venue"])
    called = np.concatenate([of[word]["account"] for word in ("call", "reaction", "hedge")])
    found |= words_of(it, "reaction", "accounts", called)
    found |= words_of(it, "top_up_from", "accounts", of["top_up"]["account"])
    traded = np.concatenate([of[word]["market"] for word in ("liquidation", "unwind", "arbitrage")])
    for column in ("kind", "contract", "impact", "option_side"):
        found |= words_of(it, column, "markets", traded)
    return found | {("policy", type(policy).__name__) for policy in it.world.policies}


def can_happen() -> set[tuple[str, str]]:
    """Every word of the cascade that a run can come to."""
    words: dict[str, Iterable[str]] = {
        "event": codes.EVENTS,
        "reason": codes.REASONS,
        "entity": codes.ENTITIES,
        "counter": codes.COUNTERS,
        "procedure": codes.PROCEDURES,
        "mark": codes.MARKS,
        "oracle": ("index", "local"),
        "margin": ("tiers", "scan"),
        "adl_trigger": [word for word in codes.ADL_TRIGGERS if word],
        "adl_rank": codes.RANKS,
        "adl_price": codes.ADL_PRICES,
        "auction_kind": ("dutch", "flip"),
        "residual": codes.RESIDUALS,
        "funding_rule": codes.FUNDING_RULES,
        "reaction": [word for word in codes.REACTIONS if word != "none"],
        "top_up_from": codes.SOURCES,
        "kind": codes.MARKET_KINDS,
        "contract": ("linear", "inverse"),
        "impact": ("exponential", "linear", "square_root", "depth_curve", *POOLS),
        "option_side": ("call", "put"),
        "policy": {type(policy).__name__ for policy in known_policies("mark")},
    }
    return {(name, word) for name, found in words.items() for word in found} - NEVER


def test_every_event_reason_counter_and_rule_takes_part_in_some_world() -> None:
    missing = can_happen()
    for seed in range(200):
        missing -= happened(played_whole(seed))
        if not missing:
            break
    assert not missing
