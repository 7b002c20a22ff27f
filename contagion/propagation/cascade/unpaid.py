"""Who lost by whose failure? What failing nodes do not pay their creditors, and failing venues their customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

COLUMNS = ("debtor", "creditor", "kind", "money")


def unpaid_table(
    events: pd.DataFrame, ledger: pd.DataFrame, owners: pd.Series, quantum: float
) -> pd.DataFrame:
    """Return what nodes of the network lost by failures: debtor, creditor, kind (claims, customers), money.

    Parameters
    ----------
    events, ledger : pandas.DataFrame
        Of a run, with names.
    owners : pandas.Series
        Account -> the node that owns it.
    quantum : float
        Money of one unit of the ledger.
    """
    failed = events["node"][events["kind"] == "node_default"]
    legs = ledger[ledger["event"].isin(failed.index) & ledger["instrument"].isin(("money", "claim"))]
    owned, cash = legs["account"].isin(owners.index), legs["account"].str.startswith("cash:")
    creditor = np.where(owned, legs["account"].map(owners), legs["account"].str.removeprefix("cash:"))
    legs, held = legs.assign(creditor=creditor, debtor=legs["event"].map(failed)), owned | cash
    legs = legs[held & (legs["creditor"] != legs["debtor"])]
    reason = legs["kind"].eq("venue_default").map({True: "customers", False: "claims"})
    lost = -quantum * legs.assign(kind=reason).groupby(["debtor", "creditor", "kind"])["amount"].sum()
    return lost[lost > 0.0].rename("money").reset_index().reindex(columns=list(COLUMNS))


def default_losses(unpaid: pd.DataFrame) -> pd.Series:
    """Return what others lost by the failure of each debtor, money by name.

    Who failed because its own debtors had is charged with all that it does not pay, as in the models of balance sheets.
    """
    return unpaid.groupby("debtor")["money"].sum()
