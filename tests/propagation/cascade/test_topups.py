"""Where the money of a top-up comes from, source by source, followed by hand."""

from __future__ import annotations

import pytest

from contagion.errors import InputError
from tests.propagation.cascade.owners import SHORT_OF, Account, Loan, Town, build_town, live, moves
from tests.propagation.cascade.small import play
from tests.propagation.cascade.test_boundaries import path, sold

RICH = Account("o", 0.0, 700.0, "W")  # without positions: all of it is free
CALLED = {source: Account("o", 16.0, 2500.0, top_up_from=source) for source in ("cash", "margin")}
SELLER = Account("o", 16.0, 2500.0, top_up_from="holdings")
LENDER = Account("o", 16.0, 2500.0, top_up_from="loans")


def test_by_default_only_the_cash_of_the_node_is_posted() -> None:
    """300 of cash; the 700 at W, the 5 X and the loan stay where they are, and the owner is called twice more."""
    loans = [Loan("b", "o", 900.0)]
    town = Town({"a": CALLED["cash"], "r": RICH}, {"o": 300.0, "b": 900.0}, {}, {"o": 5.0}, loans)
    run = live(town)
    assert moves(run, "top_up") == [(30.0, "a", 300.0)]
    assert [time for time, _, _ in moves(run, "call")] == [10.0, 30.0, 50.0]
    assert not {"unwind", "recall"} & set(run.events["kind"])


def test_free_margin_at_another_venue_follows_the_cash() -> None:
    """300 of cash, then all 700 at W; 404 stay missing, and 2476 is above 1920: no second call."""
    run = live(Town({"a": CALLED["margin"], "r": RICH}, {"o": 300.0}))
    assert moves(run, "top_up") == [(30.0, "a", 300.0), (30.0, "a", 700.0)]
    assert run.metrics["margin_posted"] == 1000.0
    assert run.accounts["closing_equity"][["a", "r"]].tolist() == [2476.0, 0.0]
    kinds = run.ledger[run.ledger["account"] == "r"]
    assert kinds["kind"].tolist() == ["margin_move"]


def test_no_more_is_moved_than_is_missing_nor_than_stands_above_the_target() -> None:
    """r needs 3 * 60 for its unit at 960: of 5000 - 64 = 4936, 4756 are free and 1404 are taken."""
    run = live(Town({"a": CALLED["margin"], "r": Account("o", 1.0, 5000.0, "W")}))
    assert moves(run, "top_up") == [(30.0, "a", SHORT_OF)]
    assert run.accounts["closing_equity"]["r"] == 4936.0 - SHORT_OF
    tight = live(Town({"a": CALLED["margin"], "r": Account("o", 1.0, 344.0, "W")}))
    assert moves(tight, "top_up") == [(30.0, "a", 344.0 - 64.0 - 180.0)]


def test_other_venues_come_before_the_same_venue_and_then_the_names_decide() -> None:
    accounts = {
        "a": CALLED["margin"],
        "b": Account("o", 0.0, 100.0, "V"),
        "y": Account("o", 0.0, 200.0, "W"),
        "z": Account("o", 0.0, 300.0, "W"),
    }
    assert [money for _, _, money in moves(live(Town(accounts)), "top_up")] == [200.0, 300.0, 100.0]


def test_an_account_that_is_called_itself_gives_nothing() -> None:
    """Both are called at 10; each would need the other's money."""
    accounts = {"a": CALLED["margin"], "b": Account("o", 16.0, 2500.0, "W", "margin")}
    run = live(Town(accounts))
    assert moves(run, "top_up") == []
    assert run.accounts["closing_equity"][["a", "b"]].tolist() == [1476.0, 1476.0]


def test_rows_of_several_accounts_share_what_is_moved_and_the_rest_goes_to_cash() -> None:
    """Two accounts of 2^-20 + 100 each: a third of it for each of three, and two quanta for the node."""
    quantum = 2.0**-20
    three = Account("o", 16.0, 2500.0, top_up_from="margin", count=3)
    two = Account("o", 0.0, 150.0 + quantum, "W", count=2)
    run = live(Town({"a": three, "r": two}))
    assert run.accounts["posted"]["a"] == 300.0
    assert run.accounts["closing_equity"]["r"] == 0.0
    assert run.nodes["closing_equity"]["o"] == 3 * 1476.0 + 300.0 + 2 * quantum


def test_holdings_are_sold_in_the_round_the_call_is_due_and_the_money_is_posted_in_the_next() -> None:
    """300 of cash at 30; the other 1104 are 1.15 X at 960, sold in that round; posted at 40."""
    run = live(Town({"a": SELLER}, {"o": 300.0}, holdings={"o": 5.0}))
    assert moves(run, "top_up") == [(30.0, "a", 300.0), (40.0, "a", pytest.approx(1104.0))]
    sale = run.events[run.events["kind"] == "unwind"]
    assert sale[["time", "node", "market", "price"]].to_numpy().tolist() == [[30.0, "o", "S", 960.0]]
    assert -sale["lots"].item() * 2.0**-20 == pytest.approx(1.15, abs=2.0**-20)
    assert run.metrics["margin_posted"] == pytest.approx(SHORT_OF)
    assert len(moves(run, "call")) == 1


def test_a_slow_spot_market_keeps_the_call_outstanding() -> None:
    """W executes 48 money a second, half a unit a round: 480 arrive at 40 and at 50, and the last 144 at 60."""
    run = live(Town({"a": SELLER}, {"o": 300.0}, holdings={"o": 5.0}, venue={"throughput": 48.0}))
    assert [time for time, _, _ in moves(run, "top_up")] == [30.0, 40.0, 50.0, 60.0]
    paid = [money for _, _, money in moves(run, "top_up")]
    assert paid == pytest.approx([300.0, 480.0, 480.0, 144.0], abs=2.0**-10)  # whole lots
    assert len(moves(run, "call")) == 1


def test_a_sale_moves_the_spot_price_and_what_it_lacks_is_sold_next() -> None:
    """1.4625 X move S from 960 by 960 * 1.4625 / 1024 = 1.37: about 1 is missing, and sold in the next round."""
    run = live(Town({"a": SELLER}, holdings={"o": 5.0}, spot={"impact_coefficient": 1.0}))
    first, second = moves(run, "top_up")[:2]
    assert first[2] == pytest.approx(SHORT_OF * (1.0 - 0.5 * 1.4625 / 1024.0))
    assert second[0] == 50.0
    # two units each of the opening book of the spot market and of what the provider took
    assert run.metrics["forced_cost"] == pytest.approx(SHORT_OF - first[2], rel=1e-2)


def test_when_holdings_are_gone_the_call_lapses() -> None:
    """Half a unit brings 480; nothing more can come, and the owner is called again."""
    run = live(Town({"a": SELLER}, holdings={"o": 0.5}))
    assert moves(run, "top_up") == [(40.0, "a", 480.0)]
    assert [time for time, _, _ in moves(run, "call")] == [10.0]  # 1956 is above 1920


def test_a_holding_that_is_the_leg_of_a_strategy_is_not_sold() -> None:
    accounts = {"a": SELLER, "s": Account("o", -5.0, 500.0)}  # 820 at 960: above 600, below 900
    net = build_town(Town(accounts, holdings={"o": 5.0}))
    carry = {"name": "carry", "kind": "basis", "spot_node": "o", "short_account": "s", "asset": "X"}
    assert "unwind" not in set(play(net.replace(strategies=[carry])).events["kind"])
    assert "unwind" in set(play(net).events["kind"])


def test_a_loan_is_recalled_and_posted_when_its_notice_has_run_out() -> None:
    """Recalled at 30 for 1404 - 300, paid at 30 + 25: in the round of 60, and posted in it."""
    loans = [Loan("b", "o", 5000.0, notice=25.0)]
    run = live(Town({"a": LENDER}, {"o": 300.0, "b": 2000.0}, {"b": 4000.0}, loans=loans))
    assert moves(run, "recall") == [(30.0, "b", 1104.0), (60.0, "b", 1104.0)]
    assert moves(run, "top_up") == [(30.0, "a", 300.0), (60.0, "a", 1104.0)]
    assert run.nodes["closing_equity"]["b"] == 6000.0 - 5000.0
    assert run.metrics["node_defaults"] == 0.0
    graph = run.contagion_graph()
    edge = graph.edges["o", "b", "recall"]
    assert (edge["weight"], edge["channel"]) == (1104.0, "recall")
    claims = run.ledger[run.ledger["instrument"] == "claim"]
    quanta = 2.0**20 * 1104.0
    assert dict(claims[["account", "amount"]].to_numpy()) == {"cash:o": -quanta, "cash:b": quanta}


def test_only_what_holdings_will_not_bring_is_recalled_debtors_in_their_order() -> None:
    """480 of half a unit, 200 from b; c gets notice of the 724 that are left of 1404."""
    loans = [Loan("b", "o", 200.0), Loan("c", "o", 3000.0), Loan("d", "o", 3000.0, callable=False)]
    town = Town({"a": LENDER}, {"b": 200.0, "c": 3000.0, "d": 3000.0}, holdings={"o": 0.5}, loans=loans)
    run = live(town)
    assert moves(run, "recall")[:2] == [(30.0, "b", 200.0), (30.0, "c", 724.0)]
    assert moves(run, "top_up") == [(40.0, "a", SHORT_OF)]  # the sale is posted with the loans


def test_accounts_called_at_once_share_cash_and_loans_in_the_order_of_their_names() -> None:
    """2000 of cash: 1404 for a, 596 for b, whose other 808 are recalled; one notice at a time runs for a loan.

    So nothing can come for c, whose call lapses; called again at 30, it gets the loan's other 192 after 50.
    """
    accounts = dict.fromkeys("abc", LENDER)
    run = live(Town(accounts, {"o": 2000.0, "b": 9000.0}, loans=[Loan("b", "o", 1000.0, notice=10.0)]))
    assert moves(run, "top_up") == [
        (30.0, "a", 1404.0),
        (30.0, "b", 596.0),
        (40.0, "b", 808.0),
        (60.0, "c", 192.0),
    ]
    assert moves(run, "recall") == [
        (30.0, "b", 808.0),
        (40.0, "b", 808.0),
        (50.0, "b", 192.0),
        (60.0, "b", 192.0),
    ]


def test_a_debtor_who_cannot_pay_fails_and_settles_with_all_it_has() -> None:
    """b has 100 in cash and 5000 outside: asked for 1404, it pays 100, then everything it owes at once."""
    loans = [Loan("b", "o", 2000.0), Loan("b", "c", 500.0, callable=False)]
    run = live(Town({"a": LENDER}, {"b": 100.0}, {"b": 5000.0}, loans=loans))
    assert moves(run, "recall") == [(30.0, "b", 1404.0), (40.0, "b", 100.0)]
    assert run.nodes["failed_at"]["b"] == 40.0
    failed = run.events[run.events["kind"] == "node_default"]
    assert failed["price"].tolist() == [1.0]  # solvent: everybody is paid in full
    assert run.nodes["closing_equity"][["b", "c"]].tolist() == [2600.0, 500.0]


def test_a_recall_travels_along_a_chain_of_debtors() -> None:
    """o asks b, who has 400 of 1404 and asks c for 1004 at once; c has 1000, and fails four short.

    c settles its 2000 left in that round, being solvent, so b can pay at 50.
    """
    loans = [Loan("b", "o", 2000.0, notice=20.0), Loan("c", "b", 3000.0, notice=10.0)]
    run = live(Town({"a": LENDER}, {"b": 400.0, "c": 1000.0}, {"c": 5000.0}, loans=loans))
    assert moves(run, "recall") == [
        (30.0, "b", 1404.0),
        (30.0, "c", 1004.0),
        (40.0, "c", 1000.0),
        (50.0, "b", 1404.0),
    ]
    assert run.nodes["failed_at"].dropna().to_dict() == {"c": 40.0}
    assert moves(run, "top_up") == [(50.0, "a", SHORT_OF)]


def test_a_debtor_whose_own_loans_come_in_too_late_fails_though_all_can_pay() -> None:
    """b must pay at 40 and gets c's money at 50: it pays its 400 and fails, owed 3000 and owing 2000."""
    loans = [Loan("b", "o", 2000.0, notice=10.0), Loan("c", "b", 3000.0, notice=20.0)]
    run = live(Town({"a": LENDER}, {"b": 400.0, "c": 5000.0}, loans=loans))
    assert moves(run, "recall") == [
        (30.0, "b", 1404.0),
        (30.0, "c", 1004.0),
        (40.0, "b", 400.0),
        (50.0, "c", 1004.0),
    ]
    assert run.nodes["failed_at"].dropna().to_dict() == {"b": 40.0}
    assert moves(run, "top_up")[0] == (40.0, "a", 400.0)


def test_debtors_who_are_due_at_once_pay_on_what_they_receive() -> None:
    """b, c and d owe one another in a chain, all due at 40; only d has money, and nobody fails."""
    loans = [Loan("b", "o", 2000.0), Loan("c", "b", 2000.0), Loan("d", "c", 2000.0)]
    run = live(Town({"a": LENDER}, {"d": 1404.0}, {"d": 1000.0}, loans=loans))
    assert moves(run, "top_up") == [(40.0, "a", SHORT_OF)]
    assert run.metrics["node_defaults"] == 0.0
    assert run.nodes["closing_equity"][["b", "c", "d"]].tolist() == [0.0, 0.0, 404.0]


@pytest.mark.parametrize(("cash", "is_sold"), [(84.0, False), (83.0, True)])
def test_margin_moved_in_the_round_of_liquidation_comes_first(cash: float, is_sold: bool) -> None:
    """At 920 it has 836 and needs 920: 84 at another venue are enough, 83 are not."""
    accounts = {"a": Account("o", 16.0, 2500.0, top_up_from="margin"), "r": Account("o", 0.0, cash, "W")}
    run = live(Town(accounts, venue={"call_delay": 10.0}), shock=path(1024.0, 960.0, 920.0))
    assert run.accounts["posted"]["a"] == cash
    assert bool(sold(run)) == is_sold


@pytest.mark.parametrize(
    ("town", "words"),
    [
        (Town({"a": Account("o", 16.0, 2500.0, top_up_from="friends")}), "top_up_from.*friends"),
        (Town({"a": LENDER}, loans=[Loan("b", "o", 1.0, notice=-1.0)]), "notice.*-1"),
        (Town({"a": Account("o", 16.0, 2500.0, reaction="pray")}), "reaction.*pray"),
    ],
)
def test_words_and_times_that_mean_nothing_are_refused(town: Town, words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_town(town)
