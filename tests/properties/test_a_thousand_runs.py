"""A thousand random runs: the ledger sums to exactly 0 and the net identity holds with each of its terms by name.

Cascade chapter, section 5: the sum over the counted nodes R of (opening book at final outside prices, less closing
worth) is

    what liquidity providers, arbitrageurs and the rest of the market gained at outside prices,
    + fees that left to keepers + fees burned + bankruptcy cost (claims and money that went outside)
    + pressure (what R still holds, at outside less at closing prices).

Tokens are debts of their issuers: at outside prices, and in the closing worth at what issuers can pay of them. Gas is
not modelled. Everything is added up in exact fractions from opening balances, ledger and prices; `system_loss -
system_gain` of the metrics is the same up to the rounding of sums of floats.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from contagion.propagation.cascade import codes
from tests.properties.replay import Key, Played, asset_prices, perp_prices, played, worth_at
from tests.worlds import random_shock

WORLDS, SHOCKS = 250, 4
RUNS = WORLDS * SHOCKS
FLOATS = Fraction(1, 10**9)  # of gross opening money: two sums of floats
TERMS = ("providers", "arbitrage", "rest", "keepers", "burned", "bankruptcy", "pressure")
HAPPENED = ("liquidation", "adl", "call", "top_up", "unwind", "arbitrage", "fund", "residual", "halt")
HAPPENED += ("venue_default", "node_default")


@dataclass(frozen=True)
class Audit:
    """What one run's books say."""

    run: tuple[int, int]  # world and shock
    lost: Fraction  # what the counted nodes lost against the outside, in quanta
    terms: dict[str, Fraction]
    metrics_off: Fraction  # distance of the metrics from `lost`, as a share of gross opening money
    unbalanced: int  # rounds at whose end the postings of some instrument do not sum to 0
    unexplained: int  # balances that are not opening balance plus postings
    totals: dict[int, int]  # sum of all postings by instrument, where it is not 0
    events: frozenset[str]


def group_of(it: Played) -> dict[tuple[int, int], str]:
    """Whose worth counts where: `counted` for R, else the name of a term."""
    book, names = it.prepared.opening.book, it.prepared.opening.names
    nodes = []
    for node, counted in zip(names.nodes, book.counted.tolist(), strict=True):
        nodes.append("counted" if counted else "rest" if node.startswith("rest_of_market:") else "arbitrage")
    groups = {(codes.NODE, n): group for n, group in enumerate(nodes)}
    groups |= {(codes.ACCOUNT, i): nodes[n] for i, n in enumerate(book.owner.tolist())}
    groups |= {(codes.FUND, v): nodes[int(n)] for v, n in enumerate(it.state.venues["node"])}
    members = it.prepared.opening.book.member_node.tolist()
    groups |= {(codes.DEFAULT_FUND, j): nodes[n] for j, n in enumerate(members)}
    groups |= {(codes.PROVIDER, m): "providers" for m in range(len(it.state.markets))}
    groups |= {(codes.KEEPER, v): "keepers" for v in range(len(it.state.venues))}
    groups |= {(codes.BURN, v): "burned" for v in range(len(it.state.venues))}
    return groups | {(codes.OUTSIDE, 0): "bankruptcy"}


def totals_by_group(it: Played, balance: dict[Key, int], which: str) -> dict[str, Fraction]:
    """Worth of every group at outside or at closing prices."""
    if which == "outside":
        final = it.state.outside[min(it.n_rounds - 1, len(it.state.outside) - 1)]
        prices = perp_prices(it, "outside"), asset_prices(it, final)
    else:
        prices = perp_prices(it, "mark"), asset_prices(it, it.state.index)
    groups, found = group_of(it), defaultdict(Fraction)
    for holder, worth in worth_at(it, balance, *prices).items():
        found[groups[holder]] += worth
    return found


def owe_tokens(
    it: Played, before: dict[str, Fraction], after: dict[str, Fraction], at_close: dict[str, Fraction]
) -> None:
    """Take what issuers owe in tokens off the worth of their groups; who minted outside has what was minted."""
    state, issuer = it.state, it.prepared.opening.book.issuer
    final = state.outside[min(it.n_rounds - 1, len(state.outside) - 1)]
    outside, owed = asset_prices(it, final), asset_prices(it, final * state.recovery)
    groups = group_of(it)
    for a in np.flatnonzero(issuer >= 0).tolist():
        opened, left = int(it.prepared.opening.issued[a]), int(state.issued[a])
        group = groups[codes.NODE, int(issuer[a])]
        before[group] -= opened * outside[a]
        after[group] -= left * outside[a]
        at_close[group] -= left * owed[a]
        after["bankruptcy"] += (left - opened) * outside[a]


def replayed(it: Played) -> tuple[defaultdict[Key, int], dict[int, int], int]:
    """Opening balances plus every posting; sums by instrument; rounds that end with a sum that is not 0."""
    balance = it.opening_balances()
    totals: Counter[int] = Counter()
    unbalanced = 0
    for postings in it.by_round.values():
        for posting in postings:
            balance[posting.key] += posting.amount
            totals[posting.instrument] += posting.amount
        unbalanced += any(totals.values())
    return balance, {name: total for name, total in totals.items() if total}, unbalanced


def plays(seed: int) -> Iterator[Played]:
    """World `seed` under its own shock and under others."""
    world, prepared = played(seed).world, played(seed).prepared
    others = [random_shock(np.random.default_rng([17, seed, number])) for number in range(1, SHOCKS)]
    for number, shock in enumerate((world.shock, *others)):
        state = prepared.simulate(shock, seed=seed, scenario=number)
        n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
        state = state._replace(events=state.events[:n_events], ledger=state.ledger[:n_ledger])
        yield Played(seed, replace(world, shock=shock), prepared, state)


def audit(it: Played, number: int) -> Audit:
    """Go through the books of one run."""
    first, (last, totals, unbalanced) = it.opening_balances(), replayed(it)
    closing = it.closing_balances()
    keys = {*last, *closing} - {(codes.OUTSIDE, 0, codes.EXTERNAL)}  # the world outside has no balance sheet
    before, after = totals_by_group(it, first, "outside"), totals_by_group(it, last, "outside")
    at_close = totals_by_group(it, last, "closing")
    owe_tokens(it, before, after, at_close)
    terms = {name: after[name] - before[name] for name in TERMS if name != "pressure"}
    terms["pressure"] = after["counted"] - at_close["counted"]
    lost = before["counted"] - at_close["counted"]
    found = dict(zip(it.prepared.metric_names, it.prepared.measured(it.world.shock, it.state), strict=True))
    shown = Fraction(found["system_loss"] - found["system_gain"]) * Fraction(it.prepared.opening.units.scale)
    gross = sum(abs(amount) for key, amount in first.items() if key[2] < 0) or 1
    return Audit(
        (it.seed, number),
        lost,
        terms,
        abs(shown - lost) / gross,
        unbalanced,
        sum(last[key] != closing[key] for key in keys),
        totals,
        frozenset(codes.EVENTS[int(event["kind"])] for event in it.events),
    )


@cache
def audits() -> tuple[Audit, ...]:
    """All thousand."""
    return tuple(audit(it, number) for seed in range(WORLDS) for number, it in enumerate(plays(seed)))


def test_the_ledger_sums_to_exactly_0_in_every_instrument_and_every_round_of_a_thousand_runs() -> None:
    assert [it.run for it in audits() if it.totals or it.unbalanced] == []


def test_opening_balances_and_ledger_make_every_closing_balance_of_a_thousand_runs() -> None:
    assert [it.run for it in audits() if it.unexplained] == []


def test_the_net_identity_is_exact_in_a_thousand_runs() -> None:
    assert [it.run for it in audits() if it.lost != sum(it.terms.values())] == []


def test_system_loss_less_system_gain_is_that_sum_in_a_thousand_runs() -> None:
    assert [it.run for it in audits() if it.metrics_off > FLOATS] == []


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_the_identity_is_needed(term: str) -> None:
    """No term is 0 throughout: without it the identity would fail in some of these runs."""
    assert sum(it.terms[term] != 0 for it in audits()) >= RUNS // 100


@pytest.mark.parametrize("event", HAPPENED)
def test_every_kind_of_event_happens_in_these_runs(event: str) -> None:
    assert sum(event in it.events for it in audits()) >= RUNS // 100
