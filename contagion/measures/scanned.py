"""Accounts whose margin is scanned: at which moves are they closed, and which measures leave them out?

Their positions need not be linear in prices, so that their health has no closed form along a direction: it is followed
in steps and the first crossing is found by halving. Measures that need linear positions leave these accounts out and
name them in ``frame.attrs["note"]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import shown
from contagion.network.contracts import met
from contagion.network.equity import AccountBook
from contagion.network.scans import ScanBook, scanned_positions
from contagion.network.weights import balance_weights

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["note_scanned", "scanned_accounts", "scanned_moves"]

Floats = npt.NDArray[np.float64]

STEPS: Final = 300
HALVINGS: Final = 50
LONGEST: Final = 4.0  # logarithm of the price ratio up to which moves are followed: 55-fold up or down


def scanned_accounts(net: Network) -> npt.NDArray[np.bool_]:
    """Return which accounts have positions whose margin is scanned, shape (n_accounts,)."""
    found = np.zeros(len(net.accounts), dtype=np.bool_)
    rows = scanned_positions(net)
    found[net.codes("positions", "account")[rows[net.column("positions", "quantity")[rows] != 0.0]]] = True
    return found


def note_scanned(net: Network, frame: pd.DataFrame) -> pd.DataFrame:
    """Name in ``frame.attrs["note"]`` the accounts that the measure left out; nothing if there are none."""
    names = [str(name) for name in net.accounts.index[scanned_accounts(net)]]
    if names:
        listed = ", ".join(shown(name) for name in names[:10]) + (", ..." if len(names) > 10 else "")
        frame.attrs["note"] = f"{len(names):,} accounts margined by scan are left out: {listed}"
    return frame


def scanned_moves(net: Network, direction: Floats, sign: float, scale: str) -> Floats:
    """Return the first move on one side at which each scanned account is closed, (n_accounts,).

    Parameters
    ----------
    net
        The network.
    direction
        Relative move of each asset when the common move is 1, (n_assets,).
    sign
        -1 for falls, 1 for rises.
    scale
        ``linear`` or ``log``, as in `liquidation_moves`.

    Returns
    -------
    numpy.ndarray
        NaN for other accounts, and for those that no move closes; 0 where equity is below the requirement already.
        Two crossings within a step, a 300th of the way, are not told apart from none.
    """
    chosen, prices = np.flatnonzero(scanned_accounts(net)), net.column("assets", "price")
    found = np.full(len(net.accounts), np.nan)
    if not len(chosen):
        return found
    health, ends = _health(net, chosen), np.abs(direction).max()
    far = LONGEST / ends if scale == "log" else (0.98 if sign < 0.0 else np.exp(LONGEST)) / ends

    def at(move: Floats) -> Floats:
        step = np.multiply.outer(move, direction)
        return health(prices * (np.exp(step) if scale == "log" else np.maximum(1.0 + step, 1e-3)))

    low, high = np.zeros(len(chosen)), np.where(at(np.zeros(())) < 0.0, 0.0, np.nan)
    before = 0.0
    for move in sign * far * (np.arange(1, STEPS + 1) / STEPS) ** 2:
        fresh = np.isnan(high) & (at(move) < 0.0)
        low[fresh], high[fresh] = before, move
        before = move
    if not np.isnan(high).all():
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = at(np.where(np.isnan(middle), 0.0, middle)) < 0.0
            low, high = np.where(below, low, middle), np.where(below, middle, high)
    found[chosen] = high
    return found


def _health(net: Network, chosen: npt.NDArray[np.intp]) -> Callable[[Floats], Floats]:
    """Equity less haircuts and requirement of some accounts, as a function of the prices of assets.

    Prices have shape (n_assets,), or (n_chosen, n_assets) where every account meets its own.
    """
    owned, scans = AccountBook.of(net), ScanBook.of(net).only(chosen)
    kept = np.isin(owned.balance_account, chosen)
    lost = ((1.0 - balance_weights(net)) * np.maximum(owned.balance, 0.0))[kept]
    own = owned.only(chosen)

    def of(prices: Floats) -> Floats:
        values = lost * met(prices, own.balance_account, own.balance_asset)
        haircut = np.bincount(own.balance_account, values, own.n_accounts)
        return np.asarray(own.equity(prices) - haircut - scans.requirement(prices), dtype=np.float64)

    return of
