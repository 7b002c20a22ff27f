"""Networks in which every bank has a given number of creditors and of debtors, or the reason why there is none.

References
----------
Fulkerson (1960), Pacific Journal of Mathematics 10(3), Chen (1966), Journal of the London Mathematical Society 41,
and Anstee (1982), Canadian Journal of Mathematics 34(3), for which degrees a network without double links can have.
Kleitman, Wang (1973), Discrete Mathematics 6(1), for a network that has them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import reals
from contagion.errors import ConvergenceError, NetworkError, SchemaError, ValueRangeError
from contagion.generate.interbank_kernels import shuffled, untangled
from contagion.streams import stream

__all__ = ["check_degrees", "with_degrees"]

IntArray = NDArray[np.int64]

MOST_DIRECT: Final = 20_000
SWAPS: Final = 4
MOST_SWAPS: Final = 2_000_000
"""In large sparse networks repairs concern few links, and the others are matched at random already."""


def check_degrees(out_degrees: Any, in_degrees: Any, n: int) -> tuple[IntArray, IntArray]:
    """Return numbers of creditors and of debtors of n banks, if some network has them.

    Raises
    ------
    InputError
        If a number is negative, not whole or not finite, lengths or totals differ, or no network without self-debt and
        double links has these degrees: infeasible.

    Examples
    --------
    >>> check_degrees([1, 1, 0], [1, 0, 1], 3)[0].tolist()
    [1, 1, 0]
    """
    found = []
    for where, given in (("out_degrees", out_degrees), ("in_degrees", in_degrees)):
        degrees = reals(given, where, low=0.0, dimensions=1)
        if len(degrees) != n:
            raise SchemaError(f"has length {len(degrees)}", where=where, allowed=f"length n = {n}")
        odd = np.flatnonzero(degrees != np.rint(degrees))
        if len(odd):
            raise ValueRangeError(
                "is no whole number", where=f"{where}[{odd[0]}]", value=float(degrees[odd[0]])
            )
        found.append(degrees.astype(np.int64))
    creditors, debtors = found
    if creditors.sum() != debtors.sum():
        raise NetworkError(
            f"total {creditors.sum()} is not the total {debtors.sum()} of in_degrees",
            where="out_degrees",
            allowed="one debtor for each creditor",
        )
    _check_feasible(creditors, debtors)
    return creditors, debtors


def _check_feasible(creditors: IntArray, debtors: IntArray) -> None:
    """The condition of Fulkerson, Chen and Anstee, for all k at once."""
    n = len(creditors)
    order = np.lexsort((-debtors, -creditors))
    a, b = creditors[order], debtors[order]
    k = np.arange(1, n + 1)
    above = n - np.cumsum(np.bincount(np.minimum(b, n), minlength=n + 1))[:n]  # banks with b >= k
    room = np.cumsum(above)  # sum of min(b, k) over all
    # of the first k, those with b >= k lend to one fewer: not to themselves
    until = np.minimum(b, n)
    enter = np.bincount(np.arange(n)[until > np.arange(n)], minlength=n)[:n]
    leave = np.bincount(until[until > np.arange(n)], minlength=n + 1)[:n]
    inside = np.cumsum(enter - leave)
    short = np.cumsum(a) - (room - inside)
    worst = int(short.argmax())
    if short[worst] > 0:
        raise NetworkError(
            f"are infeasible: the {k[worst]} banks with most creditors owe {np.cumsum(a)[worst]} debts, the others "
            f"and they themselves can be owed {(room - inside)[worst]}",
            where="out_degrees, in_degrees",
            value=f"bank {order[worst]}",
            allowed="degrees that a network without self-debt and double links can have",
        )


def with_degrees(creditors: IntArray, debtors: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Return debtor and creditor of every link of a random network with feasible degrees.

    Links are matched at random and repaired by swaps (where that fails, a network is built directly), then shuffled by
    random swaps, after which all networks with these degrees are about equally likely.
    """
    random = stream(seed, "interbank", "degrees")
    starts = np.concatenate([[0], np.cumsum(creditors)]).astype(np.int64)
    debtor = np.repeat(np.arange(len(creditors)), creditors)
    creditor = random.permutation(np.repeat(np.arange(len(debtors)), debtors))
    if len(debtor) == 0:
        return debtor, creditor
    if not untangled(debtor, creditor, starts, random):
        if len(creditors) > MOST_DIRECT:
            raise ConvergenceError(
                "no network with these degrees was found",
                where="given_degrees",
                remedy=f"fewer banks than {MOST_DIRECT:,}, or less extreme degrees",
            )
        creditor = _direct(creditors, debtors)
    shuffled(debtor, creditor, starts, random, min(SWAPS * len(debtor) + 100, MOST_SWAPS))
    return debtor, creditor


def _direct(creditors: IntArray, debtors: IntArray) -> IntArray:
    """Creditors of every bank, by Kleitman and Wang: each owes those that lack most debtors."""
    left, to_place = debtors.copy(), creditors.copy()
    found = []
    for bank in range(len(creditors)):
        order = np.lexsort((-to_place, -left))
        chosen = order[order != bank][: creditors[bank]]
        left[chosen] -= 1
        to_place[bank] = 0
        found.append(chosen)
    return np.concatenate(found).astype(np.int64)
