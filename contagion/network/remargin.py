"""How do traders adapt when margin rules change before the shock?

``utilisation``: every account shrinks by one fraction until requirement over equity is at most what it was.
``violators``: only accounts that break the new rule, which asks more of them than the old one did and more initial
margin than their equity, post cash, then shrink until they meet it. The other side of what is given up goes to the rest
of the market at the opening mark, without impact, and the other leg of a basis trade shrinks with its perp: the sum of
equity is unchanged.

References
----------
Cascade chapter, section 4, "Opening of a margin policy"; margin chapter, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network.contracts import opening_prices
from contagion.network.equity import opening_account_equity, size_slopes
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.network.scans import opening_scans, scanned_positions
from contagion.network.settlement import all_settle_in_money
from contagion.network.shrinking import post, shrink, together

Floats = npt.NDArray[np.float64]
Margin = Callable[[Floats, pd.DataFrame], Floats]
HALVINGS = 50


def remargin(
    net: Network, *, before: Network, response: Literal["utilisation", "violators"] = "utilisation"
) -> Network:
    """Let the accounts of `net` adapt to its margin rules, which were those of `before`.

    Parameters
    ----------
    net
        The network under the new rules, positions still the old ones.
    before
        The same network under the old rules.
    response
        ``utilisation`` or ``violators``.

    Returns
    -------
    Network
        With smaller positions, cash posted by violators, and the rest of the market on the other side. Coins that
        hedged what was closed are cash of the nodes that held them.

    Raises
    ------
    PolicyError
        An unknown response.
    """
    if response not in ("utilisation", "violators"):
        raise PolicyError(f"response {response!r:.80} is unknown; allowed are utilisation, violators")
    resting, posted = rest_of_market(net.accounts.index), np.zeros(len(net.accounts))
    if response == "utilisation":
        margin, allowed = maintenance, requirement(before, maintenance)(None)
    else:
        margin, equity = initial, opening_account_equity(net).to_numpy()
        asked = requirement(net, initial)(None)
        breaks = (asked > equity) & (asked > requirement(before, initial)(None)) & ~resting
        posted = affordable(net, np.where(breaks, asked - equity, 0.0))
        allowed = np.where(breaks, np.maximum(equity + posted, 0.0), np.inf)
    fraction = _largest_fraction(requirement(net, margin), np.where(resting, np.inf, allowed))
    return shrink(post(net, posted), together(net, fraction))


def maintenance(notional: Floats, tiers: pd.DataFrame) -> Floats:
    """Maintenance margin of positions: the largest of the lines of their tiers, lowest first."""
    floors, rates = tiers["floor"].to_numpy(float), tiers["maintenance_rate"].to_numpy(float)
    amounts = np.concatenate([[0.0], np.cumsum(floors[1:] * np.diff(rates))])
    most = np.zeros(len(notional))
    for rate, amount in zip(rates, amounts, strict=True):
        np.maximum(most, notional * rate - amount, out=most)
    return most


def initial(notional: Floats, tiers: pd.DataFrame) -> Floats:
    """Initial margin of positions: the rate of the tier that each lies in, a tier holding its cap, not its floor."""
    floors, rates = tiers["floor"].to_numpy(float), tiers["initial_rate"].to_numpy(float)
    place = np.maximum(np.searchsorted(floors, notional, side="left") - 1, 0)
    return np.asarray(notional * rates[place], dtype=np.float64)


def crowding(net: Network) -> Floats:
    """Share of the way to 1 that initial rates have risen with open interest, by market, at opening marks.

    References
    ----------
    dYdX v4 (`margin_open_interest_scaled`): ``r + (1 - r) clamp((interest - lower) / (upper - lower), 0, 1)``.
    """
    market, schedule = net.codes("positions", "market"), net.codes("markets", "schedule")
    mark = opening_prices(net)
    count = net.accounts["count"].to_numpy(float)[net.codes("positions", "account")]
    longs = np.maximum(net.positions["quantity"].to_numpy(float), 0.0) * count
    interest = np.bincount(market, longs, len(net.markets)) * mark
    lower, upper = (
        np.append(net.schedules[f"open_interest_{end}"].to_numpy(float), 0.0)[schedule]
        for end in ("lower", "upper")
    )
    wide = np.where(upper > lower, upper - lower, 1.0)
    return np.where(upper > lower, np.clip((interest - lower) / wide, 0.0, 1.0), 0.0)


def requirement(net: Network, margin: Margin) -> Callable[[Floats | None], Floats]:
    """Read the tables once; return what is required of every account as a function of the fraction it keeps.

    Parameters
    ----------
    margin
        `maintenance` or `initial`.

    Returns
    -------
    callable
        From the share of every position that is kept, ``(n_accounts,)`` or None for all, to the money required of one
        account behind each row at opening marks.
    """
    all_settle_in_money(net, "a response to margin rules before the shock")
    account, market = net.codes("positions", "account"), net.codes("positions", "market")
    mark = opening_prices(net)[market]
    full = np.abs(net.positions["quantity"].to_numpy(float)) * mark
    schedule = net.markets["schedule"].to_numpy()[market]
    schedule[scanned_positions(net)] = ""
    tables = [
        (np.flatnonzero(schedule == name), tiers.sort_values("floor", kind="stable"))
        for name, tiers in net.tiers.groupby("schedule", sort=True)
    ]
    n_accounts, units = len(net.accounts), np.abs(net.positions["quantity"].to_numpy(float))
    slope = size_slopes(net, "maintenance_slope" if margin is maintenance else "initial_slope")[market]
    crowded = crowding(net)[market] if margin is initial else np.zeros(len(market))
    crowded[scanned_positions(net)] = slope[scanned_positions(net)] = 0.0

    scanned = np.bincount(
        account, opening_scans(net), n_accounts
    )  # in proportion to the fraction that is kept
    if margin is initial:
        scanned *= net.column("venues", "scan_initial")[net.codes("accounts", "venue")]

    def of(fraction: Floats | None) -> Floats:
        notional = full if fraction is None else full * fraction[account]
        asked = np.zeros(len(notional))
        for rows, tiers in tables:
            asked[rows] = margin(notional[rows], tiers)
        asked += crowded * (notional - asked)
        asked += slope * (units if fraction is None else units * fraction[account]) * notional
        total = np.bincount(account, asked, n_accounts)
        return np.asarray(total + (scanned if fraction is None else scanned * fraction), dtype=float)

    return of


def _largest_fraction(required: Callable[[Floats | None], Floats], allowed: Floats) -> Floats:
    """Largest fraction of its positions with which what is required of an account is at most `allowed`."""
    low, high = np.zeros(len(allowed)), np.ones(len(allowed))
    fits = required(None) <= allowed
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = required(middle) <= allowed
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(fits, 1.0, low)


def affordable(net: Network, missing: Floats) -> Floats:
    """Cash that owners can post of what is `missing` per account behind a row, accounts of an owner in name order."""
    count = net.accounts["count"].to_numpy(float)
    frame = pd.DataFrame({"owner": net.accounts["owner"].to_numpy(), "need": missing * count})
    cash = net.nodes["cash"].reindex(frame["owner"]).to_numpy(float)
    earlier = frame.groupby("owner")["need"].cumsum().to_numpy() - frame["need"].to_numpy()
    posted = np.clip(np.minimum(frame["need"].to_numpy(), cash - earlier), 0.0, None)
    return np.asarray(posted / count, dtype=np.float64)
