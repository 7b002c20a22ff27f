"""Made interbank networks: six kinds of links, sizes from a law, balance sheets that balance by construction.

Numbers are assumptions with a range (``contagion.facts.load("interbank")``); none is measured on a bank.

References
----------
Sources stand in each row of ``datasets/facts/interbank.csv``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from contagion.arrays import word
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate.assumptions import read_assumptions
from contagion.generate.interbank_balance import Interbank, check_shares, draw_sheets
from contagion.generate.interbank_links import KINDS, core_banks, draw_links
from contagion.network.network import Network
from contagion.streams import check_seed

__all__ = ["interbank", "interbank_sheets"]

MOST_BANKS: Final = 5_000_000
SIZES: Final = ("log_normal", "pareto")


def interbank(
    kind: str = "core_periphery",
    n: int = 100,
    seed: int = 0,
    *,
    sizes: str = "log_normal",
    core_size: int | None = None,
    out_degrees: Any = None,
    in_degrees: Any = None,
    unit: str = "USD",
    **assumptions: float,
) -> Network:
    """Make an interbank network.

    Parameters
    ----------
    kind : str, default "core_periphery"
        - ``core_periphery``: a core in which each pair is linked with probability `core_density`; every other bank
          borrows from and lends to at least one core bank, `periphery_degree` in the mean, and no other. The first
          banks are the core. Connected if `core_density` is 1.
        - ``erdos_renyi``: every pair in either direction with one probability, `mean_degree` creditors in the mean.
        - ``scale_free``: each newcomer links to `mean_degree` earlier banks, rather to those with many links; degrees
          have a tail with `degree_exponent`. Connected. The links of the first banks are those of any larger network.
        - ``small_world``: everybody owes its `mean_degree` next neighbours on a ring, each replaced by a bank anywhere
          with probability `rewiring`.
        - ``random_regular``: everybody has `mean_degree` creditors and `mean_degree` debtors.
        - ``given_degrees``: bank i has ``out_degrees[i]`` creditors and ``in_degrees[i]`` debtors.
    n : int, default 100
        Banks, up to five million; above 1e5 `interbank_sheets`, the same without tables of names, is much faster.
    seed : int, default 0
        Same seed, same bits.
    sizes : str, default "log_normal"
        Law of total assets, or ``pareto``; mean `mean_assets`, spread `size_sd` or `size_exponent`.
    core_size : int, optional
        Banks of the core; the root of n by default (about 45 of 1,800).
    out_degrees, in_degrees : array_like of int, shape (n,), optional
        Creditors and debtors of each bank, for ``given_degrees``.
    unit : str, default "USD"
        The unit of money.
    **assumptions : float
        Any row of ``contagion.facts.load("interbank")`` by its name (numbers of links that are not given are at most
        what n allows), such as ``interbank_share=0.25``: the largest
        share of total assets that a bank owes and is owed inside the network; `capital_ratio`, `cash_share`,
        `concentration` (how unevenly a bank's debts are spread), `size_follows_degree`.

    Returns
    -------
    Network
        Institutions with external assets, external liabilities and cash, and their obligations. Assets are debts plus
        equity for every bank, and equity is `capital_ratio` times total assets.

    Raises
    ------
    InputError
        If the kind, an assumption or a number is unknown or out of range, shares leave no room, or degrees are
        infeasible.
    TooLargeError
        If there are more than five million banks.

    Examples
    --------
    >>> net = interbank("core_periphery", n=50, seed=7)
    >>> len(net.nodes), bool((net.obligations["amount"] > 0).all())
    (50, True)
    """
    sheets = interbank_sheets(
        kind,
        n,
        seed,
        sizes=sizes,
        core_size=core_size,
        out_degrees=out_degrees,
        in_degrees=in_degrees,
        **assumptions,
    )
    return sheets.network(unit)


def interbank_sheets(
    kind: str = "core_periphery",
    n: int = 100,
    seed: int = 0,
    *,
    sizes: str = "log_normal",
    core_size: int | None = None,
    out_degrees: Any = None,
    in_degrees: Any = None,
    **assumptions: float,
) -> Interbank:
    """Make an interbank network as arrays, for n up to millions; parameters and errors as in `interbank`.

    Returns
    -------
    Interbank
        Sorted sparse debts and vectors; ``.network()`` makes the `Network`.

    Examples
    --------
    >>> sheets = interbank_sheets("random_regular", n=20, seed=1, mean_degree=3)
    >>> np.diff(sheets.claims.indptr).tolist() == [3] * 20
    True
    >>> found = sheets.external_assets + sheets.cash + sheets.claims.claimed
    >>> bool(np.allclose(found, sheets.claims.owed + sheets.external_liabilities + sheets.equity))
    True
    """
    where = "interbank"
    chosen = word(kind, f"{where}, kind", tuple(KINDS))
    law = word(sizes, f"{where}, sizes", SIZES)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise SchemaError("is no whole number", where=f"{where}, n", value=n)
    if n < 1:
        raise ValueRangeError(
            "is too few", where=f"{where}, n", value=n, allowed="at least 1 (empty network)"
        )
    if n > MOST_BANKS:
        raise TooLargeError("is too large", where=f"{where}, n", value=n, allowed=f"at most {MOST_BANKS:,}")
    check_seed(seed)
    _check_read(chosen, core_size, out_degrees, in_degrees)
    _check_used(chosen, law, assumptions)
    settings = read_assumptions(assumptions, "interbank", where)
    for name, most in (("mean_degree", n - 1), ("periphery_degree", core_banks(int(n), core_size))):
        if name not in assumptions:
            settings[name] = min(settings[name], float(most))
    check_shares(settings)
    debtor, creditor = draw_links(
        chosen, int(n), seed, settings, core_size=core_size, degrees=(out_degrees, in_degrees)
    )
    return draw_sheets(debtor, creditor, int(n), seed, settings, law, chosen)


def _check_read(kind: str, core_size: Any, out_degrees: Any, in_degrees: Any) -> None:
    """Refuse arguments that the kind does not read, and degrees that are missing."""
    given = {"core_size": core_size, "out_degrees": out_degrees, "in_degrees": in_degrees}
    for name, value in given.items():
        reader = "core_periphery" if name == "core_size" else "given_degrees"
        if value is not None and kind != reader:
            raise SchemaError(f"is read by {reader} only", where=f"interbank, {name}", value=value)
        if value is None and kind == reader and name != "core_size":
            raise SchemaError("is missing", where=f"interbank, {name}", allowed="one whole number a bank")


READ: Final = {
    "mean_degree": ("erdos_renyi", "scale_free", "small_world", "random_regular"),
    "core_density": ("core_periphery",),
    "periphery_degree": ("core_periphery",),
    "degree_exponent": ("scale_free",),
    "rewiring": ("small_world",),
    "size_sd": ("log_normal",),
    "size_exponent": ("pareto",),
}


def _check_used(kind: str, law: str, assumptions: dict[str, float]) -> None:
    """Refuse assumptions that this kind and law leave unread."""
    for name in assumptions:
        readers = READ.get(name)
        if readers is not None and kind not in readers and law not in readers:
            raise SchemaError(
                f"is not read by {kind} with {law} sizes",
                where="interbank",
                value=name,
                allowed=", ".join(readers),
            )
