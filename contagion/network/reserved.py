"""Which names belong to the rest of the market? The one place that knows their prefix, and the rule that guards it.

The rest of the market at a venue is a trader ``rest_of_market:<venue>`` with one account of the same name. It is never
called or liquidated, never shrinks under a margin policy, and its losses are nobody's: models leave it out of what they
count. A name that starts so and is anything else is therefore refused.
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
_REMEDY: Final = "the prefix is reserved: choose another name"


def rest_of_market(names: Iterable[object]) -> npt.NDArray[np.bool_]:
    """Return which names of nodes or accounts stand for the rest of the market.

    Examples
    --------
    >>> rest_of_market(["rest_of_market:binance", "alice"]).tolist()
    [True, False]
    """
    return np.asarray([str(name).startswith(PREFIX) for name in names], dtype=np.bool_)


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


def _refuse(draft: Draft, table: str, row: int, name: str) -> None:
    draft.add(
        NetworkError,
        "reserved-name",
        table,
        "is not the rest of the market",
        row=row,
        value=name,
        allowed=_FORM,
        remedy=_REMEDY,
    )
