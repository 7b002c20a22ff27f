"""Accounts of venues that take positions over: one inventory per venue, with a leg in each of its derivatives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from contagion.network import Network
from contagion.network.reserved import INVENTORY, inventory
from contagion.network.schema import TABLES
from contagion.propagation.cascade.codes import TAKING_OVER


def with_inventories(net: Network) -> Network:
    """The network with the account ``inventory:<venue>`` of every venue whose procedure takes positions over.

    Venues that close options at the model's value (`model_penalty`) have one too.
    It belongs to the venue, starts empty, and is never called or liquidated.
    """
    columns = (net.column("venues", name) for name in ("name", "procedure", "model_penalty"))
    rules = zip(*columns, strict=True)
    taking = [str(venue) for venue, procedure, share in rules if procedure in TAKING_OVER or share == share]
    names = set(net.column("accounts", "name")) if taking else set()
    missing = [venue for venue in taking if INVENTORY + venue not in names]
    if not missing:
        return net
    cells = TABLES["accounts"].columns
    rows = pd.DataFrame(
        {
            **{column.name: column.default for column in cells if not column.required},
            "owner": missing,
            "venue": missing,
            "reaction": "none",
            "response": 0.0,
        },
        index=pd.Index([INVENTORY + venue for venue in missing], name="name", dtype=object),
    )
    return net.replace(accounts=pd.concat([net.accounts, rows]))


def inventory_legs(net: Network) -> list[tuple[int, int]]:
    """Every inventory with every derivative of its venue, as places among the accounts and among the markets."""
    place = np.flatnonzero(inventory(net.column("accounts", "name")))
    kinds = np.array(["perp", "future", "option"], dtype=object)
    derivative = np.isin(net.column("markets", "kind"), kinds)
    venue = net.codes("markets", "venue")
    found = []
    for i in place:
        own = np.flatnonzero(derivative & (venue == net.codes("accounts", "venue")[i]))
        found += [(int(i), int(m)) for m in own]
    return found
