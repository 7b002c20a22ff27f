"""Rules of lending venues that cannot hold are refused, with the row and a remedy."""

from typing import Any

import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, PolicyError
from tests.propagation.cascade.lending import Loan, Protocol, lending_net

LOAN = {"a": Loan({"ETH": 10.0, "USD": -5000.0})}


def test_an_exchange_liquidates_no_loans() -> None:
    net = lending_net(LOAN)
    venues = net.venues.assign(procedure="lending")
    with pytest.raises(PolicyError, match=r"venues row .* is a procedure of protocols") as caught:
        net.replace(venues=venues)
    assert caught.value.issues["code"].tolist() == ["no-protocol"]


def test_an_auction_raises_the_unit_only() -> None:
    with pytest.raises(NetworkError, match="whose auctions raise the unit"):
        lending_net({"a": Loan({"ETH": 10.0, "BTC": -1.0})}, Protocol({"procedure": "auction"}))


@pytest.mark.parametrize("reaction", ["deleverage", "hedge"])
@pytest.mark.parametrize("balances", [{"ETH": 10.0, "USD": -5000.0}, {"USD": 9000.0, "ETH": -1.0}])
def test_a_borrower_without_positions_cannot_trade_them(reaction: str, balances: dict[str, float]) -> None:
    net = lending_net({"a": Loan({"USD": 1.0}), "b": Loan(balances)})
    with pytest.raises(NetworkError, match=rf"accounts row 2, column reaction, 'b'.*{reaction}") as caught:
        net.replace(accounts=net.accounts.assign(reaction=reaction))
    assert caught.value.issues["code"].tolist() == ["no-position"]
    assert "top_up_from" in caught.value.issues["remedy"].item()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("close_factor", 0.0),
        ("close_factor", 1.5),
        ("full_close_health_factor", -0.1),
        ("small_position", -1.0),
        ("min_leftover", -1.0),
        ("protocol_fee", 1.1),
        ("min_profit", -1.0),
        ("gas_used", -1.0),
        ("gas_price", -20.0),
        ("gas_asset", "EHT"),
        ("auction_buffer", 0.0),
        ("auction_cut", 0.0),
        ("auction_step", 0.0),
        ("auction_tail", 0.0),
        ("auction_cusp", 2.0),
        ("auction_penalty", -0.1),
    ],
)
def test_numbers_outside_their_range_are_refused_by_name(column: str, value: Any) -> None:
    with pytest.raises(InputError, match=column):
        lending_net(LOAN, Protocol({column: value}))


def test_policies_of_lenders_need_one() -> None:
    net = lending_net(LOAN).replace(venues=[{"name": "P", "procedure": "close_out"}, {"name": "X"}])
    shock = ct.PriceShock({"ETH": -0.1})
    with pytest.raises(PolicyError, match="no venue of the network lends"):
        ct.run(net, shock, ct.Cascade(), [ct.CloseFactor()])
    with pytest.raises(PolicyError, match="names 'X', whose procedure is not lending or auction"):
        ct.run(lending_net(LOAN), shock, ct.Cascade(), [ct.Auction(venues=("X",))])
    with pytest.raises(PolicyError, match=r"CloseFactor\.close_factor is 0"):
        ct.CloseFactor(close_factor=0.0)
    with pytest.raises(PolicyError, match=r"Auction\.cut is 1"):
        ct.Auction(cut=1.0)
