"""A parameter that the rest of a policy leaves unread is refused where it is given."""

from collections.abc import Callable

import pytest

import contagion as ct
from contagion import policies
from contagion.errors import PolicyError
from contagion.policies.base import Policy

TIERS = ({"floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05},)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: policies.MarketWideHalt(auction=False, auction_depth=0.5), "MarketWideHalt.auction_depth"),
        (lambda: policies.MarketWideHalt(diversion=0.5), "MarketWideHalt.diversion"),
        (lambda: ct.Halt(scope="all", diversion=0.5), "Halt.diversion"),
        (lambda: ct.Halt(reference="basket", window=60.0), "Halt.window"),
        (lambda: ct.Halt(reference="shock", window=60.0), "Halt.window"),
        (lambda: ct.TieredMargin(factor=2.0, tiers=TIERS), "TieredMargin.factor"),
        (lambda: ct.TieredMargin(above=10.0, tiers=TIERS), "TieredMargin.above"),
        (lambda: ct.Auction(kind="flip", buffer=1.5), "Auction.buffer"),
        (lambda: ct.Auction(kind="flip", cut=0.9), "Auction.cut"),
        (lambda: ct.Auction(kind="flip", step=10.0), "Auction.step"),
        (lambda: ct.Auction(kind="flip", cusp=0.1), "Auction.cusp"),
        (lambda: ct.Auction(keepers=0), "Auction.keepers"),
        (lambda: ct.AutoDeleveraging(ratio=0.1), "AutoDeleveraging.ratio"),
        (lambda: ct.AutoDeleveraging(window=60.0), "AutoDeleveraging.window"),
        (lambda: ct.AutoDeleveraging(trigger="none", rank="binance"), "AutoDeleveraging.rank"),
        (lambda: ct.AutoDeleveraging(trigger="none", interval=60.0), "AutoDeleveraging.interval"),
        (lambda: policies.PositionLimit(notional=1e6, share=None, of="book"), "PositionLimit.of"),
        (lambda: ct.IndexDesign(venues=("V",)), "IndexDesign.venues"),
        (lambda: policies.FeeSplit(venues=("V",)), "FeeSplit.venues"),
        (lambda: ct.Merger(("A",), into="B"), "Merger.into"),
        (lambda: ct.Split(parts=3), "Split.parts"),
    ],
)
def test_a_parameter_that_nothing_reads_is_refused_by_name(make: Callable[[], Policy], named: str) -> None:
    with pytest.raises(PolicyError, match=named.replace(".", r"\.")):
        make()


def test_what_is_read_is_accepted() -> None:
    ct.Halt(reference="shock", reopening="window", window=60.0)
    ct.Halt(scope="all", diversion=0.5, markets=("M",))
    ct.TieredMargin(tiers=TIERS)
    ct.Auction(kind="flip", tail=60.0, keepers=3, penalty=0.1)
    ct.AutoDeleveraging(trigger="pool", ratio=0.1, window=60.0)
    policies.PositionLimit(notional=1e6, share=None)
