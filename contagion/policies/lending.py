"""Policies about how protocols liquidate loans: close factors, and auctions in place of a fixed bonus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.unread import LOANS
from contagion.policies.backstops import change_venues
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread, check_word
from contagion.policies.costs import CostRates, Outlay

DUTCH = ("buffer", "cut", "step", "cusp")
"""Parameters that only a falling price has."""


def lending_venues(
    policy: Policy, net: Network, names: Sequence[str] | None, procedures: tuple[str, ...] = LOANS
) -> list[str]:
    """The venues that a policy names, or all with one of the procedures; refused where one has another, or none has."""
    allowed = " or ".join(procedures)
    lend = [str(name) for name in net.venues.index[net.venues["procedure"].isin(procedures)]]
    for name in names or ():
        if name in net.venues.index and name not in lend:
            raise PolicyError(
                f"{type(policy).__name__}.venues names {name!r}, whose procedure is not {allowed}; "
                f"venues that lend so: {', '.join(lend) or 'none'}"
            )
    if names is None and not lend:
        raise PolicyError(
            f"{type(policy).__name__}: no venue of the network lends; it acts on venues with procedure {allowed}"
        )
    return lend if names is None else list(names)


@dataclass(frozen=True)
class CloseFactor(Policy):
    """Protocols let one liquidation repay at most a share of a debt.

    Parameters
    ----------
    close_factor
        Share of a debt, in (0, 1].
    full_close_health_factor
        Health factor at or below which all of a debt may be repaid; None: never.
    small_position
        Value (money) of debt or collateral below which all may be repaid.
    min_leftover
        Least value (money) that a partial liquidation leaves on both sides.
    venues
        Names of the protocols; None: all with the procedure ``lending``; auctions have no close factor.

    References
    ----------
    Margin chapter, section 9 (`aave_close_factor`, `aave_partial_limits`).
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    close_factor: float = 0.5
    full_close_health_factor: float | None = None
    small_position: float = 0.0
    min_leftover: float = 0.0
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse shares that close nothing, or more than all."""
        check_number(self, "close_factor", 0.0, 1.0, open_low=True)
        check_number(self, "small_position", 0.0, 1e18)
        check_number(self, "min_leftover", 0.0, 1e18)
        if self.full_close_health_factor is not None:
            check_number(self, "full_close_health_factor", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        full = (
            ""
            if self.full_close_health_factor is None
            else f", all of it at a health factor of {self.full_close_health_factor:g} or below"
        )
        return f"Close factor: a liquidation repays at most {100 * self.close_factor:g} % of a debt{full}."

    def opening(self, net: Network) -> Network:
        """Set the close factors of the protocols."""
        full = math.nan if self.full_close_health_factor is None else self.full_close_health_factor
        return change_venues(
            self,
            net,
            lending_venues(self, net, self.venues, ("lending",)),
            close_factor=self.close_factor,
            full_close_health_factor=full,
            small_position=self.small_position,
            min_leftover=self.min_leftover,
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What keepers kept and gas burned, of the bonuses that borrowers pay on what is repaid: borne by them."""
        return outlay.paid_away


@dataclass(frozen=True)
class Auction(Policy):
    """Protocols sell the collateral of unhealthy loans in auctions of falling price instead of at a fixed bonus.

    Parameters
    ----------
    buffer
        First price over the oracle's; this and the next two, and `cusp`, are of the kind ``dutch``.
    cut, step
        The price falls by this factor, in (0, 1), every `step` seconds.
    tail, cusp
        An auction starts anew after `tail` seconds, or below `cusp` times its first price.
    penalty
        Share of the debt that the owner pays on top of it.
    kind
        ``dutch``: the price falls. ``flip``: bids for all of it rise for `tail` seconds, if two keepers or more bid;
        one alone pays nothing.
    keepers
        How many bid in an auction of the kind ``flip``; without one nothing is sold. A falling price counts none.
    venues
        Names of the protocols; None: all that lend.

    References
    ----------
    Margin chapter, sections 9 and 10 (`maker_dutch_auction`; cut and buffer of ETH and WBTC). Tail, cusp and penalty
    are recalled.
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    buffer: float = 1.3
    cut: float = 0.99
    step: float = 90.0
    tail: float = 8_400.0
    cusp: float = 0.4
    penalty: float = 0.13
    kind: Literal["dutch", "flip"] = "dutch"
    keepers: int = 2
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse prices that do not fall."""
        check_number(self, "buffer", 0.0, 1e3, open_low=True)
        check_number(self, "cut", 0.0, 0.999999, open_low=True)
        check_number(self, "step", 0.0, 1e9, open_low=True)
        check_number(self, "tail", 0.0, 1e9, open_low=True)
        check_number(self, "cusp", 0.0, 1.0)
        check_number(self, "penalty", 0.0, 1.0)
        check_word(self, "kind", ("dutch", "flip"))
        check_number(self, "keepers", 0, 1e6)
        if self.keepers != int(self.keepers):
            raise PolicyError(f"Auction.keepers is {self.keepers!r}; allowed is a whole number")
        if self.kind == "flip":
            check_unread(self, DUTCH, "bids of an auction of kind 'flip' rise from nothing")
        else:
            check_unread(self, ("keepers",), "an auction of kind 'dutch' counts no keepers")

    def describe(self) -> str:
        """One plain sentence."""
        if self.kind == "flip":
            return (
                f"Auction: {self.keepers} keepers bid for collateral for {self.tail:g} s; "
                f"penalty {100 * self.penalty:g} %."
            )
        return (
            f"Auction: collateral is sold from {self.buffer:g} times the oracle price down, "
            f"{100 * (1 - self.cut):.3g} % every {self.step:g} s; penalty {100 * self.penalty:g} %."
        )

    def opening(self, net: Network) -> Network:
        """Set the procedure of the protocols."""
        return change_venues(
            self,
            net,
            lending_venues(self, net, self.venues),
            procedure="auction",
            auction_tail=self.tail,
            auction_penalty=self.penalty,
            auction_kind=self.kind,
            **self._of_kind(),
        )

    def _of_kind(self) -> dict[str, float]:
        """The columns that only this kind of auction reads."""
        if self.kind == "flip":
            return {"auction_keepers": int(self.keepers)}
        return {f"auction_{name}": getattr(self, name) for name in DUTCH}

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What keepers kept and gas burned: collateral that borrowers sold below its price, in place of the bonus.

        The penalty is a fee of the protocol's: it stays between borrowers and protocol, and shows in the losses.
        """
        return outlay.paid_away
