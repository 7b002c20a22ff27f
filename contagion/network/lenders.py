"""Rules about venues that lend: who may, and what an auction can raise."""

from __future__ import annotations

import numpy as np

from contagion.errors import NetworkError, PolicyError, shown
from contagion.network.build import Draft

LOANS = ("lending", "auction")


def lenders_are_protocols(draft: Draft) -> None:
    """Note exchanges that are to liquidate loans."""
    venues = draft.tables["venues"]
    kinds = draft.tables["nodes"]["kind"][draft.codes["venues", "name"]]
    lends = np.isin(venues["procedure"], np.array(LOANS, dtype=object))
    for row in np.flatnonzero(lends & (kinds != "protocol")):
        draft.add(
            PolicyError,
            "no-protocol",
            "venues",
            f"is a procedure of protocols; this venue is a node of kind {kinds[row]!r}",
            row=row,
            column="procedure",
            value=venues["procedure"][row],
            remedy="give the node kind 'protocol', or the venue another procedure",
        )


def auctions_raise_the_unit(draft: Draft) -> None:
    """Note debts in coins at a venue that auctions collateral for the unit."""
    balances = draft.tables["balances"]
    venue = draft.codes["accounts", "venue"][draft.codes["balances", "account"]]
    auctions = draft.tables["venues"]["procedure"][venue] == "auction"
    owed = (balances["quantity"] < 0.0) & (balances["asset"] != draft.unit)
    for row in np.flatnonzero(auctions & owed):
        draft.add(
            NetworkError,
            "auction-debt",
            "balances",
            f"is owed at {shown(draft.indices['venues'][int(venue[row])])}, whose auctions raise the unit",
            row=row,
            column="asset",
            value=balances["asset"][row],
            allowed=f"debts in the unit {shown(draft.unit)}",
            remedy="give the venue procedure 'lending', or the account a debt in the unit",
        )
