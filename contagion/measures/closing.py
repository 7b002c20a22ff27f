"""What must an account hold so that closing it leaves nothing owed? The requirement plus the cost of the trade.

References
----------
Bangia, Diebold, Schuermann, Stroughair (1999), "Modeling liquidity risk", for adding the cost of closing to a
measure of risk; the cost itself is the market's own impact (`contagion.measures.market_books`), without half-spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.measures.books import Floats, Integers, book
from contagion.measures.market_books import cost_share, market_books, side_of
from contagion.measures.scanned import note_scanned, scanned_accounts
from contagion.network.reserved import rest_of_market
from contagion.network.weights import at_protocols, balance_weights

if TYPE_CHECKING:
    from contagion.network.network import Network


def liquidity_adjusted_requirement(net: Network) -> pd.DataFrame:
    """Return each account's requirement with the cost of closing its positions at the current depth.

    Twice: as if it closed alone, and as if every account closed at once (the rest of the market stays). Longs are
    sold into the bids and shorts bought back from the asks, each market at one average price, and pay the market's fee;
    no half-spread, and no sale reaches the margin of others. At a protocol the requirement is what its collateral does
    not count for, (1 - liquidation threshold) x value; no cost is added there: keepers who close a loan pay for the
    depth themselves, out of a bonus that does not depend on it.

    Parameters
    ----------
    net : Network
        A network with margin accounts and depth.

    Returns
    -------
    DataFrame
        Indexed by account, money of one account of the row: margin_balance (with collateral at its weight, at
        protocols in full), requirement, closing_cost (closing alone), closing_cost_together, adjusted (requirement +
        closing_cost), adjusted_together; and untaken_together, the share of its positions that the books do not take
        when all close at once (their cost counts at the last price of the book).

    Raises
    ------
    NetworkError
        A market in which somebody has a position has no depth on the side that closes it, or no rule of impact.

    Examples
    --------
    >>> import contagion as ct
    >>> table = liquidity_adjusted_requirement(ct.datasets.load("perp-venues"))
    >>> bool((table["adjusted_together"] >= table["adjusted"]).all())
    True
    """
    legs = book(net)
    size = len(legs.cash)
    required, _ = legs.requirement(legs.price)
    money = np.abs(legs.quantity) * legs.price
    rest = rest_of_market(net.accounts.index)[legs.account]
    alone, together, untaken = _costs(net, legs.market, np.sign(legs.quantity), money, legs.count, ~rest)
    frame = pd.DataFrame(index=net.accounts.index)
    frame["margin_balance"] = legs.cash + np.bincount(legs.account, legs.quantity * legs.price, size)
    for name, values in (
        ("requirement", required),
        ("closing_cost", alone),
        ("closing_cost_together", together),
    ):
        frame[name] = np.bincount(legs.account, values, size)
    haircuts = _haircuts_of_loans(net)
    frame["margin_balance"] += haircuts
    frame["requirement"] += haircuts
    frame["adjusted"] = frame["requirement"] + frame["closing_cost"]
    frame["adjusted_together"] = frame["requirement"] + frame["closing_cost_together"]
    total = np.bincount(legs.account, money, size)
    left = np.bincount(legs.account, untaken * money, size)
    frame["untaken_together"] = left / np.where(total > 0.0, total, 1.0)
    frame.loc[scanned_accounts(net)] = np.nan
    return note_scanned(net, frame)


def _haircuts_of_loans(net: Network) -> Floats:
    """Return what the collateral of each account at a protocol does not count for, ``(n_accounts,)``."""
    price = net.assets["price"].to_numpy(np.float64)[net.codes("balances", "asset")]
    value = np.maximum(net.balances["quantity"].to_numpy(np.float64) * price, 0.0)
    lost = np.where(at_protocols(net), (1.0 - balance_weights(net)) * value, 0.0)
    found = np.bincount(net.codes("balances", "account"), lost, len(net.accounts))
    return np.asarray(found, dtype=np.float64)


def _costs(
    net: Network, market: Integers, side: Floats, money: Floats, count: Floats, forced: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Return the cost of closing each leg alone and together, and the share not taken together, ``(n_legs,)``."""
    books, fees = market_books(net), net.markets["fee"].to_numpy(np.float64)
    alone, together, untaken = np.zeros_like(money), np.zeros_like(money), np.zeros_like(money)
    for m, name in enumerate(net.markets.index):
        for word, sign in (("bid", 1.0), ("ask", -1.0)):
            mine = np.flatnonzero((market == m) & (side == sign) & (money > 0.0))
            if not len(mine):
                continue
            own = side_of(books, str(name), word)
            alone[mine] = money[mine] * (cost_share(own, money[mine], word)[0] + fees[m])
            closing = mine[forced[mine]]
            share, left = cost_share(own, np.array([(money[closing] * count[closing]).sum()]), word)
            together[closing], untaken[closing] = money[closing] * (share + fees[m]), left
            stays = mine[~forced[mine]]
            together[stays] = alone[stays]
    return alone, together, untaken
