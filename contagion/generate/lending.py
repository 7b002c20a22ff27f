"""Lending markets: protocols on one chain, those who borrow and supply there, and where their coins are sold.

Numbers are facts where the tables of `contagion.facts` have one and assumptions with a reason and a range otherwise.
The opening is that of 4 August 2024, 13 h UTC, before the fall of the next day. Every reserve meets its total.

References
----------
Sources stand in each row of ``datasets/facts``.
"""

from __future__ import annotations

from contagion.errors import SchemaError, TooLargeError
from contagion.generate.assumptions import read_assumptions
from contagion.generate.borrowers import account_tables
from contagion.generate.pledges import UNIT, borrower_groups
from contagion.generate.protocols import protocol_tables
from contagion.generate.stacking import stacked
from contagion.network.network import Network
from contagion.streams import check_seed

__all__ = ["lending_market"]

MOST_ACCOUNTS = 5_000_000


def lending_market(n_accounts: int = 4_000, seed: int = 0, **assumptions: float) -> Network:
    """Make lending protocols with borrowers, looped positions in staked ETH, suppliers, books, pools and issuers.

    Three protocols lend what others supply and liquidate through keepers (`aave`, `spark`, `compound`), a fourth
    mints dollars and auctions collateral (`maker`). Coins are sold in the books of `exchange` and in `pools`.

    Parameters
    ----------
    n_accounts : int
        Rows of `accounts`. Small accounts stand together in one row (`count`), so that the market is the same with
        few rows and many.
    seed : int
        Same seed, same bits.
    **assumptions : float
        Any row of ``contagion.facts.load("lending")`` by its name, such as ``usage_scale=1.1``.

    Returns
    -------
    Network
        Nobody is called or liquidated while prices stand still.

    Raises
    ------
    SchemaError
        If an assumption is unknown or a value is of the wrong kind.
    ValueRangeError
        If a value has no meaning, or there are too few accounts.
    TooLargeError
        If there are more than five million accounts.

    Examples
    --------
    >>> net = lending_market(400, seed=7)
    >>> len(net.accounts), int((net.venues["procedure"] == "lending").sum())
    (400, 3)
    """
    settings = read_assumptions(assumptions, "lending", "lending_market")
    check_seed(seed)
    groups = borrower_groups(settings)
    tables = protocol_tables(groups, settings)
    people = account_tables(groups, _rows(n_accounts, len(tables["accounts"])), settings, seed)
    for table in ("nodes", "accounts"):
        tables[table] = stacked(table, [tables[table], people.pop(table)])
    return Network(unit=UNIT, **tables, **people)  # type: ignore[arg-type]


def _rows(n_accounts: int, others: int) -> int:
    """Rows left for those who borrow and supply."""
    where = "lending_market, n_accounts"
    if isinstance(n_accounts, bool) or not isinstance(n_accounts, int):
        raise SchemaError("is no whole number", where=where, value=n_accounts)
    if n_accounts > MOST_ACCOUNTS:
        raise TooLargeError(
            "is too large", where=where, value=n_accounts, allowed=f"at most {MOST_ACCOUNTS:,}"
        )
    return n_accounts - others
