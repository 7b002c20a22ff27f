"""What is an account worth, and does it meet its margin? Equity, cross margin, margin that grows with size.

A position is a mapping with `symbol`, `side` (1 long, -1 short), `size` (>= 0), `entry_price` and
`mark_price`. Every number may be an array over accounts: one position is then one leg of all of them, and
results have the broadcast shape.

References
----------
Rulebooks of Binance and OKX (cross margin), Deribit (margin linear in size), dYdX v4 (open interest).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, reals, sides, word
from contagion.errors import InputError, SchemaError, ValueRangeError, nearest
from contagion.margin.tiers import Tiers, TierTable, tier_line, tier_table

Position = Mapping[str, Any]


@dataclass(frozen=True)
class AccountEquity:
    """Unrealised profit, equity and sum of absolute position values; money, or coin for inverse contracts."""

    unrealized_pnl: Any
    equity: Any
    notional: Any


@dataclass(frozen=True)
class CrossMarginStatus:
    """Health of cross-margined accounts.

    `margin_ratio` is maintenance / equity: 0 without requirement, nan where equity is not positive against
    one.
    """

    equity: Any
    maintenance_margin: Any
    margin_ratio: Any
    liquidatable: Any


@dataclass(frozen=True)
class MarginBySize:
    """Initial and maintenance margin, in coin."""

    initial_margin: Any
    maintenance_margin: Any


@dataclass(frozen=True)
class Leg:
    """One checked position, of one account or one leg of many."""

    symbol: Any
    side: FloatArray
    size: FloatArray
    entry: FloatArray
    mark: FloatArray


def account_equity(
    wallet_balance: Any, positions: Sequence[Position], *, contract: str, funding_received: Any = 0.0
) -> AccountEquity:
    """Equity of an account: wallet balance, unrealised profit and funding received.

    Parameters
    ----------
    wallet_balance
        Money given to the account (coin for inverse contracts), any sign.
    positions
        Its positions; see the module.
    contract
        ``linear``: profit ``side size (mark - entry)``, value ``size mark``. ``inverse``: sizes in quote
        units, profit ``side size (1/entry - 1/mark)`` and value ``size / mark`` in coin.
    funding_received
        Funding so far, negative if paid.

    Raises
    ------
    InputError
        If a key is missing, a side is not 1 or -1, a size negative, a price not positive, or `contract`
        unknown.

    Examples
    --------
    >>> held = [{"symbol": "BTC", "side": 1, "size": 2, "entry_price": 100, "mark_price": 90}]
    >>> account = account_equity(50, held, contract="linear")
    >>> print(account.unrealized_pnl, account.equity, account.notional)
    -20.0 30.0 180.0
    """
    inverse = word(contract, "contract", ("linear", "inverse")) == "inverse"
    balance, funding = reals(wallet_balance, "wallet_balance"), reals(funding_received, "funding_received")
    profit, notional = np.zeros(()), np.zeros(())
    for leg in checked_legs(positions):
        if inverse:
            profit = profit + leg.side * leg.size * (1.0 / leg.entry - 1.0 / leg.mark)
            notional = notional + leg.size / leg.mark
        else:
            profit = profit + leg.side * leg.size * (leg.mark - leg.entry)
            notional = notional + leg.size * leg.mark
    return AccountEquity(profit[()], (balance + profit + funding)[()], notional[()])


def cross_margin_status(
    wallet_balance: Any,
    positions: Sequence[Position],
    *,
    tiers: Mapping[str, Tiers],
    trigger: str,
    funding_received: Any = 0.0,
) -> CrossMarginStatus:
    """Whether a cross-margined account of linear contracts is liquidatable.

    Parameters
    ----------
    wallet_balance, positions, funding_received
        As in `account_equity`.
    tiers
        Tier table of every symbol. Each position is margined on its own table, without netting, not even in
        one symbol.
    trigger
        ``strict``: liquidatable below the maintenance margin; ``inclusive``: already at it.

    Raises
    ------
    InputError
        As in `account_equity`; if a symbol has no tiers or the tiers do not fit together; if `trigger` is
        unknown.
    """
    inclusive = word(trigger, "trigger", ("strict", "inclusive")) == "inclusive"
    legs = checked_legs(positions)
    tables = tier_tables({f"positions[{k}]": leg.symbol for k, leg in enumerate(legs)}, tiers)
    found = account_equity(wallet_balance, positions, contract="linear", funding_received=funding_received)
    required, held = np.zeros(np.shape(found.equity)), np.zeros(np.shape(found.equity), dtype=bool)
    for leg in legs:
        required = required + tier_line(leg.size * leg.mark, tables[leg.symbol])
        held = held | (leg.size > 0)
    equity = np.asarray(found.equity)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(required == 0, 0.0, np.where(equity > 0, required / equity, np.nan))
    hit = held & ((equity <= required) if inclusive else (equity < required))
    return CrossMarginStatus(equity[()], required[()], ratio[()], hit[()])


def margin_linear_in_size(
    size: Any, *, initial_base: Any, initial_slope: Any, maintenance_base: Any, maintenance_slope: Any
) -> MarginBySize:
    """Margin whose rate grows linearly with the size: ``size (base + slope size)``, in coin.

    Parameters
    ----------
    size
        In coin, >= 0, any shape.
    initial_base, initial_slope, maintenance_base, maintenance_slope
        Rates and their rise per coin, >= 0.

    Examples
    --------
    >>> margins = margin_linear_in_size(350, initial_base=0.02, initial_slope=5e-5,
    ...                                 maintenance_base=0.01, maintenance_slope=5e-5)
    >>> print(margins.initial_margin.round(6))
    13.125
    """
    coins = reals(size, "size", low=0.0)
    base, slope = reals(initial_base, "initial_base", low=0.0), reals(initial_slope, "initial_slope", low=0.0)
    floor = reals(maintenance_base, "maintenance_base", low=0.0)
    rise = reals(maintenance_slope, "maintenance_slope", low=0.0)
    return MarginBySize((coins * (base + slope * coins))[()], (coins * (floor + rise * coins))[()])


def margin_open_interest_scaled(
    open_interest: Any, *, initial_rate: Any, open_interest_lower: Any, open_interest_upper: Any
) -> Any:
    """Initial margin rate that rises to 1 as open interest goes from a lower to an upper bound.

    Parameters
    ----------
    open_interest, open_interest_lower, open_interest_upper
        Money, >= 0, any shape. Both bounds 0: no scaling.
    initial_rate
        Rate up to the lower bound, in [0, 1].

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``r + (1 - r) clamp((interest - lower) / (upper - lower), 0, 1)``.

    Examples
    --------
    >>> print(margin_open_interest_scaled(
    ...     35e6, initial_rate=0.1, open_interest_lower=20e6, open_interest_upper=50e6))
    0.55
    """
    interest = reals(open_interest, "open_interest", low=0.0)
    rate = reals(initial_rate, "initial_rate", low=0.0, high=1.0)
    lower = reals(open_interest_lower, "open_interest_lower", low=0.0)
    upper = reals(open_interest_upper, "open_interest_upper", low=0.0)
    if (upper < lower).any():
        raise ValueRangeError(
            "is below open_interest_lower", where="open_interest_upper", value=open_interest_upper
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.clip((interest - lower) / (upper - lower), 0.0, 1.0)
    share = np.where((interest <= lower) | (upper == 0), 0.0, np.where(interest >= upper, 1.0, inside))
    return (rate + (1.0 - rate) * share)[()]


def checked_legs(positions: Sequence[Position], where: str = "positions") -> list[Leg]:
    """Check positions and turn their numbers into arrays; `where` names the argument in messages."""
    if isinstance(positions, (str, bytes, Mapping)) or not isinstance(positions, Sequence):
        raise SchemaError("is not a list of positions", where=where, value=positions)
    return [_leg(position, f"{where}[{k}]") for k, position in enumerate(positions)]


def _leg(position: object, where: str) -> Leg:
    """One checked position."""
    if not isinstance(position, Mapping):
        raise SchemaError("is not a position", where=where, value=position, allowed="a mapping")
    for key in ("side", "size", "entry_price", "mark_price"):
        if key not in position:
            raise SchemaError(f"has no key {key!r}", where=where, value=dict(position))
    return Leg(
        position.get("symbol"),
        sides(position["side"], f"{where}.side"),
        reals(position["size"], f"{where}.size", low=0.0),
        reals(position["entry_price"], f"{where}.entry_price", above=0.0),
        reals(position["mark_price"], f"{where}.mark_price", above=0.0),
    )


def tier_tables(symbols: Mapping[str, Any], tiers: Mapping[str, Tiers]) -> dict[Any, TierTable]:
    """Checked tier tables; every symbol held, keyed by the place it is named at, must have one."""
    if not isinstance(tiers, Mapping):
        raise SchemaError("is not a mapping of symbols to tiers", where="tiers", value=tiers)
    for where, symbol in symbols.items():
        if not isinstance(symbol, str):
            raise SchemaError("has no text under 'symbol'", where=where, value=symbol)
        if symbol not in tiers:
            raise InputError(
                "has no tiers",
                where=f"{where}.symbol",
                value=symbol,
                allowed="a symbol of tiers" + nearest(symbol, list(tiers)),
            )
    return {symbol: tier_table(table, f"tiers[{symbol!r}]") for symbol, table in tiers.items()}
