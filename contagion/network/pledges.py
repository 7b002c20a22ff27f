"""Rules about collateral: what a venue accepts, at which weight, and which coins an account may hold or owe."""

from __future__ import annotations

import numpy as np

from contagion.errors import NetworkError, PolicyError, shown
from contagion.network.build import Draft

CATEGORIES = (
    ("loan_to_value", "liquidation_threshold", "bonus"),
    ("category_loan_to_value", "category_threshold", "category_bonus"),
)


def collateral_is_sound(draft: Draft) -> None:
    """Note thresholds below the loan-to-value, and bonuses that make every liquidation worse."""
    table = draft.tables["collateral"]
    for loan, threshold, bonus in CATEGORIES:
        limit = table[threshold]
        for row in np.flatnonzero(limit < table[loan]):
            draft.add(
                PolicyError,
                "threshold-below-loan",
                "collateral",
                f"is below {loan}",
                row=row,
                column=threshold,
                value=float(limit[row]),
                allowed=f"at least {table[loan][row]:g}: what may be borrowed is not liquidated at once",
            )
        for row in np.flatnonzero((1.0 + table[bonus]) * np.nan_to_num(limit) >= 1.0):
            draft.add(
                PolicyError,
                "bonus-too-large",
                "collateral",
                f"leaves nothing: (1 + {bonus}) x {threshold} is at least 1",
                row=row,
                column=bonus,
                value=float(table[bonus][row]),
                allowed=f"below {1.0 / limit[row] - 1.0:.4g} at this threshold",
            )


def balances_are_accepted(draft: Draft) -> None:
    """Note coins in an account that its venue does not accept, or accepts without a weight."""
    balances, table = draft.tables["balances"], draft.tables["collateral"]
    venue = draft.codes["accounts", "venue"][draft.codes["balances", "account"]]
    kinds = draft.tables["nodes"]["kind"][draft.codes["venues", "name"]]
    places = (draft.codes["collateral", "venue"].tolist(), table["asset"].tolist())
    rows = {pair: row for row, pair in enumerate(zip(*places, strict=True))}
    foreign = np.flatnonzero((balances["asset"] != draft.unit) & (balances["quantity"] != 0.0))
    for row in foreign:
        at, asset = int(venue[row]), balances["asset"][row]
        column = "liquidation_threshold" if kinds[at] == "protocol" else "weight"
        found = rows.get((at, asset))
        name = shown(draft.indices["venues"][at])
        if found is not None and (balances["quantity"][row] < 0.0 or not np.isnan(table[column][found])):
            continue
        draft.add(
            NetworkError,
            "not-collateral",
            "balances",
            f"is no collateral at {name}" if found is None else f"has no {column} at {name}",
            row=row,
            column="asset",
            value=asset,
            remedy=f"add a row to collateral for venue {name} and this asset, with {column} in [0, 1]",
        )
