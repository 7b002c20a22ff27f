"""What may be pledged at which lending protocol, on which terms, and how much of it is pledged against what?

Reads the tables of facts: terms of reserves (`terms`), sizes of reserves and prices (`reserves`), and which rules the
protocols have (`protocols`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from contagion import facts

__all__ = ["COINS", "UNIT", "Group", "borrower_groups", "price_of", "terms_table"]

UNIT: Final = "USD"
COINS: Final = ("ETH", "WBTC", "wstETH")


@dataclass(frozen=True)
class Group:
    """Accounts of one kind at one protocol.

    Parameters
    ----------
    kind : str
        ``borrower`` (owes dollars), ``looper`` (owes ETH against staked ETH), ``short`` (owes ETH against dollars)
        or ``supplier`` (owes nothing).
    venue, held, owed : str
        Protocol, asset deposited, asset owed (empty for suppliers).
    total : float
        Units of `held` deposited by all of them.
    threshold, loan_to_value : float
        Of `held`, fractions; of its category where both sides belong to it. 0 for suppliers.
    usage : float
        Mean of what is owed over what the thresholds allow; 0 for suppliers, and for loops, which have their own law.
    """

    kind: str
    venue: str
    held: str
    owed: str
    total: float
    threshold: float = 0.0
    loan_to_value: float = 0.0
    usage: float = 0.0

    @property
    def value(self) -> float:
        """Money deposited by all of them."""
        return self.total * price_of(self.held)


def price_of(asset: str) -> float:
    """Return the opening price of an asset in money."""
    return 1.0 if asset == UNIT else facts.number("reserves", "price", asset=asset)


def terms_table() -> pd.DataFrame:
    """Return the rows of `collateral`: what every protocol accepts, on its terms."""
    rows = facts.load("terms")
    table = rows.pivot(index=["venue", "asset"], columns="name", values="value").reset_index()
    numbers = table.columns.difference(["venue", "asset", "category"])
    table[numbers] = table[numbers].apply(pd.to_numeric)
    return table.fillna({"category": ""}).rename_axis(columns=None)


def borrower_groups(settings: Mapping[str, float]) -> list[Group]:
    """Return the groups of accounts at all protocols, those who owe dollars first, suppliers of dollars last.

    Parameters
    ----------
    settings : mapping of str to float
        As of `read_assumptions`; uses the scale of the usage and the utilisation.
    """
    terms = terms_table().set_index(["venue", "asset"])
    dollars, loops, suppliers = [], [], []
    row: Any
    for row in facts.values("reserves", "supplied").itertuples():
        venue, asset, total = str(row.venue), str(row.asset), float(row.value)
        own: Any = terms.loc[(venue, asset)]
        looped = _share(venue, asset, "looped", 0.0) * total
        pledged = _share(venue, asset, "pledged", 1.0) * (total - looped)
        limits = float(own["liquidation_threshold"]), float(own["loan_to_value"])
        dollars.append(
            Group("borrower", venue, asset, UNIT, pledged, *limits, _usage(venue, asset, settings))
        )
        if looped > 0.0:
            shared = float(own["category_threshold"]), float(own["category_loan_to_value"])
            loops.append(Group("looper", venue, asset, "ETH", looped, *shared))
        if total - looped > pledged:
            suppliers.append(Group("supplier", venue, asset, "", total - looped - pledged))
    return [*dollars, *loops, *_shorts(terms, settings), *suppliers, *_lenders(dollars, settings)]


def _shorts(terms: pd.DataFrame, settings: Mapping[str, float]) -> list[Group]:
    """Those who owe ETH against dollars."""
    groups: list[Group] = []
    row: Any
    for row in facts.values("reserves", "pledged_against_coins").itertuples():
        venue = str(row.venue)
        own: Any = terms.loc[(venue, UNIT)]
        limits = float(own["liquidation_threshold"]), float(own["loan_to_value"])
        usage = _usage(venue, UNIT, settings)
        groups.append(Group("short", venue, UNIT, "ETH", float(row.value), *limits, usage))
    return groups


def _lenders(dollars: list[Group], settings: Mapping[str, float]) -> list[Group]:
    """Those who supply the dollars that the others owe, where a protocol lends what is supplied."""
    owed: dict[str, float] = {}
    for group in dollars:
        owed[group.venue] = owed.get(group.venue, 0.0) + group.usage * group.threshold * group.value
    mints = facts.values("protocols", "mints").set_index("venue")["value"]
    return [
        Group("supplier", venue, UNIT, "", debt / settings["utilisation"])
        for venue, debt in owed.items()
        if mints[venue] == "no"
    ]


def _share(venue: str, asset: str, name: str, default: float) -> float:
    """A share of a reserve, `default` where the table has no row."""
    rows: pd.DataFrame = facts.values("reserves", name)
    rows = rows[(rows["venue"] == venue) & (rows["asset"] == asset)]
    return default if rows.empty else float(rows["value"].iloc[0])


def _usage(venue: str, asset: str, settings: Mapping[str, float]) -> float:
    return settings["usage_scale"] * facts.number("reserves", "usage", venue=venue, asset=asset)
