"""How do named venues close positions, and who pays? Eight rulebooks as columns of a venue's row.

A rule is a fact of the venue or an assumption of the model; each says which, and where it comes from. Columns that a
rulebook does not name are not part of it: funds, throughput and margin calls are the venue's own.

References
----------
Documentation and help pages of the venues as collected in the margin chapter, sections 4 to 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from contagion.errors import ValueRangeError, nearest

Value = str | float


@dataclass(frozen=True)
class Rule:
    """One column of a rulebook: its value, whether it is a fact or an assumption, and the source or the reason."""

    value: Value
    status: Literal["fact", "assumption"]
    source: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Rulebook(Mapping[str, Value]):
    """Columns of the table `venues` by name, in a fixed order; `rules` says where each comes from.

    Examples
    --------
    >>> book = rulebook("okx")
    >>> book["adl_trigger"], book.rules["adl_ratio"].status
    ('fund_drawdown', 'fact')
    """

    name: str
    rules: Mapping[str, Rule]

    def __getitem__(self, column: str) -> Value:
        return self.rules[column].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)


def _fact(value: Value, source: str) -> Rule:
    return Rule(value, "fact", source)


def _assumed(value: Value, reason: str, low: float | None = None, high: float | None = None) -> Rule:
    return Rule(value, "assumption", reason, low, high)


_NO_WORD: Final = "not described; profits pro rata are the plainest rule that leaves principal alone"
_NO_FEE: Final = "no fee beyond what is left of the margin, which goes to the venue"
_RANK: Final = "ranking by profit and effective leverage"

_NOTHING_ELSE: Final = {
    "fee_to_keeper": _assumed(0.0, "the venue closes positions itself: no keeper is paid", 0.0, 1.0),
    "fee_burned": _assumed(0.0, "nothing is burned", 0.0, 1.0),
}

_BOOKS: Final[dict[str, dict[str, Rule]]] = {
    "close_out": {
        "procedure": _assumed("close_out", "the plainest procedure: everything is sold at once"),
        "fee": _assumed(0.0, "no fee, for comparison", 0.0, 0.015),
        "fee_to_fund": _assumed(1.0, "without a fee it does not matter", 0.0, 1.0),
        **_NOTHING_ELSE,
        "adl_trigger": _assumed("", "nobody is deleveraged: deficits go to the residual rule"),
        "adl_rank": _assumed("bitmex", "not used without a trigger"),
        "adl_price": _assumed("", "not used without a trigger"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
    },
    "binance": {
        "procedure": _assumed(
            "ladder", "help page in words only: one order down a bracket, small accounts whole"
        ),
        "fee": _assumed(0.0125, "recalled; 0.3 to 0.5 % in 2019", 0.003, 0.0125),
        "fee_to_fund": _fact(1.0, "help page: the clearance fee goes to the insurance fund"),
        **_NOTHING_ELSE,
        "adl_trigger": _fact("fund", "help page: when the fund cannot take the position over"),
        "adl_rank": _fact("binance", "help page: profit on collateral times margin ratio"),
        "adl_price": _fact("bankruptcy", "help page: closed at the bankruptcy price, no fee"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
        "mark": _fact(
            "median_binance", "help page: median of index with funding, index with basis, last price"
        ),
    },
    "bybit": {
        "procedure": _fact(
            "bybit", "help page: down to the tier below, small or ruined accounts are taken over"
        ),
        "fee": _assumed(0.0, _NO_FEE, 0.0, 0.005),
        "fee_to_fund": _fact(1.0, "help page: the surplus goes to the pool"),
        **_NOTHING_ELSE,
        "adl_trigger": _fact("pool", "help page on insurance pools, December 2025"),
        "adl_ratio": _fact(0.3, "help page: 30 % of the pool's maximum"),
        "adl_window": _fact(28_800.0, "help page: maxima over eight hours"),
        "adl_rank": _fact("bitmex", f"help page: {_RANK}"),
        "adl_price": _fact("bankruptcy", "help page: at the bankruptcy price"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
    },
    "okx": {
        "procedure": _fact("okx", "help page: two tiers down, from the second tier on taken over"),
        "clip_wait": _assumed(60.0, "about a minute between steps", 30.0, 120.0),
        "fee": _assumed(0.0, _NO_FEE, 0.0, 0.005),
        "fee_to_fund": _assumed(1.0, "what is left of the margin goes to the fund", 0.0, 1.0),
        **_NOTHING_ELSE,
        "adl_trigger": _fact("fund_drawdown", "help page: fall of the fund from its peak"),
        "adl_ratio": _fact(0.3, "help page: 30 %"),
        "adl_window": _fact(28_800.0, "help page: eight hours"),
        "adl_rank": _fact("bitmex", f"help page: {_RANK}"),
        "adl_price": _fact("mark", "help page: at the current mark"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
    },
    "hyperliquid": {
        "procedure": _fact("hyperliquid", "documentation on liquidations"),
        "first_clip": _fact(0.2, "documentation: 20 % of a large position first"),
        "large_position": _fact(100_000.0, "documentation: positions above 100,000"),
        "clip_wait": _fact(30.0, "documentation: 30 seconds"),
        "backstop_share": _fact(2.0 / 3.0, "documentation: the vault below two thirds of maintenance"),
        "fee": _fact(0.0, "documentation: no clearance fee"),
        "fee_to_fund": _assumed(1.0, "without a fee it does not matter", 0.0, 1.0),
        **_NOTHING_ELSE,
        "adl_trigger": _assumed("fund", "below zero, beyond the loss cap of the vault (March 2025)"),
        "adl_rank": _fact("hyperliquid", "documentation: index as printed, among accounts in profit"),
        "adl_price": _fact("previous_mark", "documentation: at the previous mark"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
        "mark": _fact(
            "median_hyperliquid", "documentation: median of oracle with basis, local prices, other venues"
        ),
    },
    "deribit": {
        "procedure": _fact("increments", "incremental auto-liquidation"),
        "step_size": _assumed(100_000.0, "size of a step is not stated", 10_000.0, 1_000_000.0),
        "fee": _fact(0.0075, "liquidation fee of BTC in 2022; 0.9 % of ETH"),
        "fee_to_fund": _fact(1.0, "fees go to the insurance fund"),
        **_NOTHING_ELSE,
        "adl_trigger": _fact("", "no deleveraging: losses beyond the fund are socialised"),
        "adl_rank": _assumed("bitmex", "not used without a trigger"),
        "adl_price": _assumed("", "not used without a trigger"),
        "residual": _fact("socialise", "losses beyond the fund are socialised"),
    },
    "dydx": {
        "procedure": _fact("dydx", "protocol: offered at the fillable price, the rest waits"),
        "bankruptcy_adjustment": _fact(1.0, "protocol default"),
        "spread_to_maintenance": _fact(0.1, "protocol default"),
        "fee": _assumed(0.005, "the protocol takes at most 0.5 % of a gain; here of every fill", 0.0, 0.005),
        "fee_to_fund": _fact(1.0, "protocol: to the insurance fund"),
        **_NOTHING_ELSE,
        "adl_trigger": _assumed("fund", "deleveraged below zero when the book does not take the offer"),
        "adl_rank": _assumed("contract_pro_rata", "offsetting accounts in no stated order"),
        "adl_price": _fact("bankruptcy", "protocol: at the bankruptcy price"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
    },
    "bitmex": {
        "procedure": _fact(
            "takeover", "taken over at the bankruptcy price, worked off with the fund as collateral"
        ),
        "fee": _assumed(0.0, _NO_FEE, 0.0, 0.005),
        "fee_to_fund": _assumed(1.0, "without a fee it does not matter", 0.0, 1.0),
        **_NOTHING_ELSE,
        "adl_trigger": _fact("fund", "when the fund cannot carry the position"),
        "adl_rank": _fact("bitmex", f"help page: {_RANK}"),
        "adl_price": _fact("bankruptcy", "help page: at the bankruptcy price"),
        "residual": _assumed("profit_pro_rata", _NO_WORD),
    },
}

RULEBOOKS: Final[Mapping[str, Rulebook]] = MappingProxyType(
    {name: Rulebook(name, MappingProxyType(rules)) for name, rules in _BOOKS.items()}
)
"""The rulebooks by name: seven venues, and a plain close-out."""


def rulebook(name: str) -> Rulebook:
    """Return how a venue closes positions and who pays, as columns of its row in the table `venues`.

    Parameters
    ----------
    name
        One of close_out, binance, bybit, okx, hyperliquid, deribit, dydx, bitmex.

    Returns
    -------
    Rulebook
        A frozen mapping from column to value.

    Raises
    ------
    ValueRangeError
        If there is no rulebook of that name.

    Examples
    --------
    >>> rulebook("bitmex")["procedure"]
    'takeover'
    """
    if not isinstance(name, str) or name not in RULEBOOKS:
        raise ValueRangeError(
            f"is no rulebook{nearest(str(name), RULEBOOKS)}",
            where="name",
            value=name,
            allowed=", ".join(RULEBOOKS),
        )
    return RULEBOOKS[name]
