"""Can the issuers of a network stand behind their tokens before anything has happened?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import Fault, NetworkError, shown
from contagion.network.equity import opening_account_equity, opening_equity
from contagion.network.references import POOL_SHARE

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["TOLERANCE", "issued_units", "issuers_are_backed"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
TOLERANCE: Final = 1e-9
"""Largest shortfall of an issuer at the opening that counts as rounding, as a share of its tokens."""
SHOWN: Final = 20
"""Names shown in one finding."""


def issued_units(net: Network) -> Floats:
    """Return units of every issued asset in holdings or balances, less what accounts owe of it; shape (n_assets,).

    Examples
    --------
    >>> from contagion import Network
    >>> token = {"name": "T", "kind": "token", "issuer": "A", "price": 1.0}
    >>> held = [{"node": "B", "asset": "T", "quantity": 5.0}]
    >>> issued_units(Network(nodes=[{"name": "A"}, {"name": "B"}], assets=[token], holdings=held)).tolist()
    [5.0]
    """
    n = len(net.index("assets"))
    count = net.column("accounts", "count")[net.codes("balances", "account")]
    held = np.bincount(net.codes("holdings", "asset"), net.column("holdings", "quantity"), n)
    held = held + np.bincount(net.codes("balances", "asset"), net.column("balances", "quantity") * count, n)
    return np.where(net.codes("assets", "issuer") >= 0, held, 0.0)


def issuers_are_backed(net: Network, *, pools: bool = False) -> list[Fault]:
    """Return an error for issuers that back only each other, else one for each issuer that is short at the opening.

    Parameters
    ----------
    net : Network
        Its tokens at opening prices.
    pools : bool, default False
        Whether issuers of shares of pools count; a cascade says first what is amiss with their pools.

    Examples
    --------
    >>> from contagion import Network
    >>> issuers_are_backed(Network(nodes=[{"name": "A"}]))
    []
    """
    issuer = net.codes("assets", "issuer")
    if (issuer < 0).all():
        return []
    owed = (issued_units(net) * net.column("assets", "price"))[issuer >= 0]
    debt = np.bincount(issuer[issuer >= 0], owed, len(net.index("nodes"))).astype(np.float64)
    if not pools:
        debt[issuer[(issuer >= 0) & (net.column("assets", "kind") == POOL_SHARE)]] = 0.0
    return _loops(net, debt > 0.0) or _short(net, debt)


def _short(net: Network, debt: Floats) -> list[Fault]:
    """Find issuers whose other equity does not cover their tokens."""
    missing = debt - opening_equity(net).to_numpy(np.float64)
    found = []
    for n in np.flatnonzero((debt > 0.0) & (missing > TOLERANCE * debt)).tolist():
        text = (
            f"{_name(net, n)} owes {debt[n]:,.2f} {net.unit} in tokens and is {missing[n]:,.2f} short of it before any "
            f"shock, a recovery rate of {max(0.0, 1.0 - missing[n] / debt[n]):.3f} (raise its cash, external_assets or "
            "holdings (what a pool has lent counts among them), lower the quantity or price of its tokens, or leave "
            "assets.issuer empty)"
        )
        found.append(_error("short-issuer", n, text))
    return found


def _loops(net: Network, owes: Flags) -> list[Fault]:
    """Find issuers whose only assets are each other's tokens: they have whatever worth one gives them."""
    backed = _backed_outside(net)
    holder, issuer = _token_edges(net)
    while True:
        reached = backed.copy()
        reached[holder[backed[issuer]]] = True
        if (reached == backed).all():
            break
        backed = reached
    loop = np.flatnonzero(owes & ~backed & np.isin(np.arange(len(owes)), holder)).tolist()
    if not loop:
        return []
    more = f" and {len(loop) - SHOWN:,} more" if len(loop) > SHOWN else ""
    names = ", ".join(_name(net, n) for n in loop[:SHOWN]) + more
    text = (
        f"{names} have only each other's tokens for assets: nothing outside backs them, they could be worth anything "
        "(give one of them cash, external_assets or holdings that none of them issues)"
    )
    return [_error("issuer-loop", loop[0], text)]


def _name(net: Network, n: int) -> str:
    """Name of a node as messages show it."""
    return shown(str(net.column("nodes", "name")[n]))


def _error(code: str, node: int, text: str) -> Fault:
    """A finding that keeps a cascade from running."""
    return Fault(NetworkError, code, "nodes", node + 1, text, "error")


def _token_edges(net: Network) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Who holds whose tokens, in holdings and in accounts."""
    issuer = net.codes("assets", "issuer")
    account = net.codes("balances", "account")
    held = net.column("balances", "quantity") > 0.0
    holder = np.concatenate([net.codes("holdings", "node"), net.codes("accounts", "owner")[account][held]])
    asset = np.concatenate([net.codes("holdings", "asset"), net.codes("balances", "asset")[held]])
    quantity = np.concatenate([net.column("holdings", "quantity"), net.column("balances", "quantity")[held]])
    real = (issuer[asset] >= 0) & (quantity > 0.0)
    return holder[real], issuer[asset[real]]


def _backed_outside(net: Network) -> Flags:
    """Nodes that own something beside tokens of issuers: cash, assets outside, holdings, claims, funds, margin."""
    n, issuer = len(net.index("nodes")), net.codes("assets", "issuer")
    own = net.column("nodes", "cash") + net.column("nodes", "external_assets")
    plain = np.where(issuer < 0, net.column("assets", "price"), 0.0)
    held = net.column("holdings", "quantity") * plain[net.codes("holdings", "asset")]
    own = own + np.bincount(net.codes("holdings", "node"), held, n)
    own = own + np.bincount(net.codes("obligations", "creditor"), net.column("obligations", "amount"), n)
    own = own + np.bincount(net.codes("venues", "name"), net.column("venues", "insurance_fund"), n)
    asset, account = net.codes("balances", "asset"), net.codes("balances", "account")
    worth = (
        net.column("balances", "quantity") * np.where(issuer >= 0, net.column("assets", "price"), 0.0)[asset]
    )
    tokens = np.bincount(account, worth, len(net.index("accounts")))
    margin = np.maximum(opening_account_equity(net).to_numpy() - tokens, 0.0)
    own = own + np.bincount(net.codes("accounts", "owner"), margin, n)
    return np.asarray(own > 0.0, dtype=np.bool_)
