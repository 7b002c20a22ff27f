"""Which names are reserved? The one place that knows their prefixes, and the rules that guard them.

The rest of the market at a venue is a trader ``rest_of_market:<venue>`` with one account of the same name. It is never
called or liquidated, never shrinks under a margin policy, and its losses are nobody's: models leave it out of what they
count. The inventory of a venue is its own account ``inventory:<venue>``, which holds positions that the venue has taken
over; it is never called or liquidated, and what it gains or loses is the venue's. A name that starts so and is anything
else is therefore refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.network.build import Draft

PREFIX: Final = "rest_of_market:"
"""Names of the nodes and accounts that stand for the rest of the market start with this, a venue's name follows."""
_FORM: Final = (
    f"{PREFIX}<venue> is a trader with one cross account of that name at the venue, reaction none, count 1"
)
INVENTORY: Final = "inventory:"
"""The account in which a venue holds positions that it took over; the venue's name follows."""
_INVENTORY_FORM: Final = (
    f"{INVENTORY}<venue> is a cross account of the venue at itself, reaction none, count 1"
)
_REMEDY: Final = "the prefix is reserved: choose another name"


def rest_of_market(names: Iterable[object]) -> npt.NDArray[np.bool_]:
    """Return which names of nodes or accounts stand for the rest of the market.

    Examples
    --------
    >>> rest_of_market(["rest_of_market:binance", "alice"]).tolist()
    [True, False]
    """
    return np.asarray([str(name).startswith(PREFIX) for name in names], dtype=np.bool_)


def inventory(names: Iterable[object]) -> npt.NDArray[np.bool_]:
    """Return which names of accounts are inventories of venues.

    Examples
    --------
    >>> inventory(["inventory:binance", "alice"]).tolist()
    [True, False]
    """
    return np.asarray([str(name).startswith(INVENTORY) for name in names], dtype=np.bool_)


def inventories_are_whole(draft: Draft) -> None:
    """Note accounts that take the name of a venue's inventory without being it."""
    accounts = draft.tables["accounts"]
    venue = [str(name).removeprefix(INVENTORY) for name in accounts["name"]]
    like = (
        (accounts["owner"] == venue)
        & (accounts["venue"] == venue)
        & (accounts["mode"] == "cross")
        & (accounts["reaction"] == "none")
        & (accounts["count"] == 1)
    )
    for row in np.flatnonzero(inventory(accounts["name"]) & ~like):
        what = "is not the inventory of a venue"
        _refuse(draft, "accounts", int(row), accounts["name"][row], what, _INVENTORY_FORM)


def rest_is_whole(draft: Draft) -> None:
    """Note nodes and accounts that take the prefix, or the account, of the rest of the market without being it."""
    nodes, accounts = draft.tables["nodes"], draft.tables["accounts"]
    venues, named = set(draft.tables["venues"]["name"]), rest_of_market(nodes["name"])
    owned = set(accounts["name"][accounts["name"] == accounts["owner"]])
    for row in np.flatnonzero(named):
        name = nodes["name"][row]
        if nodes["kind"][row] != "trader" or name.removeprefix(PREFIX) not in venues or name not in owned:
            _refuse(draft, "nodes", int(row), name)
    like = (
        (accounts["owner"] == accounts["name"])
        & (accounts["venue"] == [name.removeprefix(PREFIX) for name in accounts["name"]])
        & (accounts["mode"] == "cross")
        & (accounts["reaction"] == "none")
        & (accounts["count"] == 1)
    )
    for row in np.flatnonzero((rest_of_market(accounts["name"]) | rest_of_market(accounts["owner"])) & ~like):
        _refuse(draft, "accounts", int(row), accounts["name"][row])


def _refuse(
    draft: Draft,
    table: str,
    row: int,
    name: str,
    what: str = "is not the rest of the market",
    form: str = _FORM,
) -> None:
    draft.add(
        NetworkError,
        "reserved-name",
        table,
        what,
        row=row,
        value=name,
        allowed=form,
        remedy=_REMEDY,
    )
