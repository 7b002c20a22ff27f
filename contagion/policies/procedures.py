"""Policies that give venues another liquidation procedure, or the whole rulebook of a named venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from contagion.errors import PolicyError
from contagion.margin.rulebooks import RULEBOOKS, rulebook
from contagion.network import Network
from contagion.network.settlement import settles_in_coins
from contagion.network.terms import SCANNING
from contagion.network.terms_of_payment import FOLLOWED
from contagion.policies.backstops import FREE_PROCEDURE, change_venues, without_loans
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_word
from contagion.policies.costs import CostRates, Outlay

Word = Literal[
    "close_out", "partial", "ladder", "bybit", "okx", "hyperliquid", "increments", "dydx", "takeover"
]
USED: dict[str, tuple[str, ...]] = {
    "close_out": (),
    "partial": ("target", "min_clip"),
    "ladder": (),
    "bybit": (),
    "okx": ("clip_wait",),
    "hyperliquid": ("first_clip", "large_position", "clip_wait", "backstop_share"),
    "increments": ("step_size",),
    "dydx": ("bankruptcy_adjustment", "spread_to_maintenance"),
    "takeover": (),
}
"""Parameters that a procedure reads."""
TAKES_OVER = ("bybit", "okx", "hyperliquid", "takeover")
"""Procedures by which a venue takes positions over."""
RANGES: dict[str, tuple[float, float, bool]] = {
    "target": (1.0, 1e3, False),
    "min_clip": (0.0, 1.0, False),
    "first_clip": (0.0, 1.0, True),
    "large_position": (0.0, 1e18, False),
    "clip_wait": (0.0, 1e9, False),
    "backstop_share": (0.0, 1.0, False),
    "step_size": (0.0, 1e18, True),
    "bankruptcy_adjustment": (0.0, 1e3, False),
    "spread_to_maintenance": (0.0, 1.0, False),
}


@dataclass(frozen=True)
class Procedure(Policy):
    """Venues close positions by another procedure than their own.

    Parameters
    ----------
    procedure
        ``close_out``, ``partial``, ``ladder`` (Binance), ``bybit``, ``okx``, ``hyperliquid``, ``increments``
        (Deribit), ``dydx`` or ``takeover`` (BitMEX).
    target, min_clip
        Of ``partial``: equity over requirement after the sale, smallest share sold at once.
    first_clip, large_position, backstop_share
        Of ``hyperliquid``: share of a position above `large_position` (money) that is sold first; share of the
        requirement below which the vault takes over.
    clip_wait
        Of ``hyperliquid`` and ``okx``: seconds between two steps.
    step_size
        Of ``increments``: money of one step.
    bankruptcy_adjustment, spread_to_maintenance
        Of ``dydx``: how fast, and how far, the price of an offer moves away from the mark.
    venues
        Names of the venues; None: all but those that lend, and those with margin by scan or contracts in coins that
        cannot follow the procedure. A parameter of None is the venue's own.

    References
    ----------
    Margin chapter, sections 4 and 5 (`liquidation_procedure`, `liquidation_incremental`, `dydx_fillable_price`).

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.Procedure("okx", clip_wait=60.0).describe()
    'Liquidation procedure okx of all venues, clip_wait 60.'
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    procedure: Word = "close_out"
    target: float | None = None
    min_clip: float | None = None
    first_clip: float | None = None
    large_position: float | None = None
    clip_wait: float | None = None
    backstop_share: float | None = None
    step_size: float | None = None
    bankruptcy_adjustment: float | None = None
    spread_to_maintenance: float | None = None
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse unknown words, and parameters that are out of range or that the procedure does not read."""
        check_word(self, "procedure", tuple(USED))
        for name in self.given:
            if name not in USED[self.procedure]:
                read = ", ".join(USED[self.procedure]) or "no parameter"
                raise PolicyError(
                    f"Procedure.{name} is no parameter of {self.procedure!r}, which reads {read}"
                )
            low, high, above = RANGES[name]
            check_number(self, name, low, high, open_low=above)

    @property
    def given(self) -> dict[str, float]:
        """The parameters that are set."""
        return {name: getattr(self, name) for name in RANGES if getattr(self, name) is not None}

    def describe(self) -> str:
        """One plain sentence."""
        numbers = "".join(f", {name} {value:g}" for name, value in self.given.items())
        said = f"Liquidation procedure {self.procedure} of {_whose(self.venues)}{numbers}."
        return said if self.procedure in TAKES_OVER else f"{said} {FREE_PROCEDURE}"

    def opening(self, net: Network) -> Network:
        """Set the procedure of the venues."""
        chosen = _exchanges(self, net, self.procedure)
        return change_venues(self, net, chosen, procedure=self.procedure, **self.given)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital behind positions that the venues took over, borne by them; a procedure without an inventory is free.

        Whoever closes positions at once or in parts puts up no money: what it costs shows in the losses.
        """
        return rates.holding(outlay)


@dataclass(frozen=True)
class Rulebook(Policy):
    """Venues close positions, charge and deleverage by the rulebook of a named venue.

    Parameters
    ----------
    rulebook
        One of close_out, binance, bybit, okx, hyperliquid, deribit, dydx, bitmex; see `contagion.rulebook`.
    venues
        Names of the venues; None: all but those that lend, and those with margin by scan or contracts in coins that
        cannot follow its procedure.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.Rulebook("deribit").describe()
    'Rulebook of deribit at all venues.'
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    rulebook: Literal["close_out", "binance", "bybit", "okx", "hyperliquid", "deribit", "dydx", "bitmex"] = (
        "close_out"
    )
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse unknown rulebooks."""
        check_word(self, "rulebook", tuple(RULEBOOKS))

    def describe(self) -> str:
        """One plain sentence."""
        return f"Rulebook of {self.rulebook} at {_whose(self.venues)}."

    def opening(self, net: Network) -> Network:
        """Set the columns of the rulebook."""
        rules = rulebook(self.rulebook)
        return change_venues(self, net, _exchanges(self, net, str(rules["procedure"])), **rules)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What the rules of the book take: from winners, customers, accounts (to keepers or burned), venues (capital).

        A rulebook says who is deleveraged and who bears the rest, so that losses move from one to the other: both are
        billed, what is spared as a saving.
        """
        winners = rates.deleveraging(outlay) + outlay.forgone + outlay.haircut
        return winners + rates.holding(outlay) + outlay.paid_away


def _exchanges(policy: Procedure | Rulebook, net: Network, procedure: str) -> Sequence[str]:
    """Names of the venues that the policy names; without any, all that lend no money and can follow the procedure."""
    if policy.venues is not None:
        return policy.venues
    closing = without_loans(net)
    scan = net.venues.index[net.venues["margin"] == "scan"]
    in_coins = net.markets["venue"][settles_in_coins(net)]
    unable = {*(() if procedure in SCANNING else scan), *(() if procedure in FOLLOWED else in_coins)}
    able = [name for name in closing if name not in unable]
    if closing and not able:
        raise PolicyError(
            f"{type(policy).__name__}: no venue can follow {procedure!r}: {closing[0]!r} asks margin by scan, or has "
            "contracts that settle in coins; take close_out or partial, or add a venue that it can be a rule of"
        )
    return able


def _whose(venues: tuple[str, ...] | None) -> str:
    return "all venues" if venues is None else ", ".join(venues)
