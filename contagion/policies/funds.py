"""What refills an insurance fund, and where fees go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.policies.backstops import change_venues, without_loans
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread, check_word
from contagion.policies.costs import CostRates, Outlay

SHARES = {"to_fund": "fee_to_fund", "to_keeper": "fee_to_keeper", "burned": "fee_burned"}


@dataclass(frozen=True)
class FundReplenishment(Policy):
    """Insurance funds below a level are refilled while prices move, round by round.

    Parameters
    ----------
    level
        Share of its opening size to which a fund is refilled, at least 0.
    rate
        Largest share of the opening size paid in per hour, at least 0.
    payer
        ``venue``: its own cash, while it has any; ``outside``: somebody outside the network.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.FundReplenishment(level=1.0, rate=0.5).describe()
    'Fund replenishment: every fund is refilled to 100 % of its opening size, at most 50 % an hour, by its venue.'
    """

    level: float = 1.0
    rate: float = 1.0
    payer: Literal["venue", "outside"] = "venue"

    def __post_init__(self) -> None:
        """Refuse levels that are none."""
        check_number(self, "level", 0.0, 1e6)
        check_number(self, "rate", 0.0, 1e9)
        check_word(self, "payer", ("venue", "outside"))

    def describe(self) -> str:
        """One plain sentence."""
        who = "its venue" if self.payer == "venue" else "a payer from outside"
        return (
            f"Fund replenishment: every fund is refilled to {100 * self.level:g} % of its opening size, "
            f"at most {100 * self.rate:g} % an hour, by {who}."
        )

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``replenishment``."""
        if self.level == 0.0 or self.rate == 0.0:
            return ()
        return (
            {
                "kind": "replenishment",
                "covered": (True,) * len(markets),
                "share": self.level,
                "speed": self.rate / 3600.0,
                "outsider": float(self.payer == "outside"),
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


@dataclass(frozen=True)
class FeeSplit(Policy):
    """The liquidation fee, and who receives it; what is left of it is the venue's.

    Parameters
    ----------
    fee
        Share of the liquidated money, in [0, 1); None: as the venue has it. Venues that lend have none: what is split
        there is the protocol's part of the bonus, or the penalty of an auction.
    to_fund, to_keeper, burned
        Shares of the fee for the insurance fund, the keeper, and nobody (burned: it leaves the system), in [0, 1];
        None: as the venue has it. Their sum is at most 1.
    venues
        Names of the venues; None: all.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.FeeSplit(burned=1.0, to_fund=0.0, to_keeper=0.0).describe()
    'Fee split: of liquidation fees 0 % to the fund, 0 % to the keeper, 100 % burned.'
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    fee: float | None = None
    to_fund: float | None = None
    to_keeper: float | None = None
    burned: float | None = None
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse shares that add up to more than the fee."""
        for name in ("fee", *SHARES):
            if getattr(self, name) is not None:
                check_number(self, name, 0.0, 1.0)
        if all(getattr(self, name) is None for name in ("fee", *SHARES)):
            check_unread(self, ("venues",), "neither a fee nor a share is given")
        if self.fee == 1.0:
            raise PolicyError("FeeSplit.fee is 1.0; allowed is a share below 1")
        given = [getattr(self, name) or 0.0 for name in SHARES]
        if sum(given) > 1.0 + 1e-12:
            raise PolicyError(
                f"FeeSplit gives away {sum(given):g} times the fee; shares must add up to at most 1"
            )

    def describe(self) -> str:
        """One plain sentence."""
        words = {"to_fund": "to the fund", "to_keeper": "to the keeper", "burned": "burned"}
        parts = [
            f"{100 * getattr(self, name):g} % {word}"
            for name, word in words.items()
            if getattr(self, name) is not None
        ]
        what = "of liquidation fees" if self.fee is None else f"of liquidation fees of {100 * self.fee:g} %"
        return f"Fee split: {what} {', '.join(parts) or 'as before'}."

    def opening(self, net: Network) -> Network:
        """Set the fee columns of the venues."""
        columns = {"fee": self.fee, **{column: getattr(self, name) for name, column in SHARES.items()}}
        given = {column: value for column, value in columns.items() if value is not None}
        if not given:
            return net
        if self.fee is not None and self.venues is None:
            net = change_venues(self, net, without_loans(net), fee=given.pop("fee"))
        return change_venues(self, net, self.venues, **given)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What venue and fund give up: fees that go to keepers or are burned.

        A higher or lower fee, and a share that goes from the venue to its fund, stay between accounts and their venue:
        nobody else pays for them, and they show in the losses.
        """
        return outlay.paid_away
