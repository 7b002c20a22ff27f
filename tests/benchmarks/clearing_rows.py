"""What does clearing cost, in products of the same sparse matrix with a vector, and against plain Python?"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from contagion.claims import Claims
from contagion.propagation.clearing import eisenberg_noe

Network = tuple[Claims, np.ndarray, np.ndarray]
DEGREE = 10


def network(n: int, buffer: float, left: float) -> Network:
    """Claims of log-normal size on 10 random others, external debts of about the same sum.

    Assets match debts, with a buffer of this share of debts on average; then all but the share `left` is lost.
    """
    draw = np.random.default_rng(0)
    debtor, creditor = np.repeat(np.arange(n), DEGREE), draw.integers(0, n, n * DEGREE)
    apart = debtor != creditor
    claims = Claims.from_arrays(debtor[apart], creditor[apart], draw.lognormal(0, 1, n * DEGREE)[apart], n)
    debts = claims.owed * draw.uniform(0, 2, n)
    own = np.maximum(0.0, claims.owed + debts - claims.claimed)
    return claims, left * (own + draw.uniform(0, 2 * buffer, n) * (claims.owed + debts)), debts


def product_of(claims: Claims) -> Callable[[], object]:
    """The product of the transposed debts with a vector, on 32-bit indices."""
    seen = claims.exposures
    places = seen.creditor.astype(np.int32), seen.indptr.astype(np.int32)
    matrix = csr_array((seen.amount, *places), shape=(claims.n, claims.n))
    vector = np.random.default_rng(1).random(claims.n)
    return lambda: matrix @ vector


def plain(matrix: Any, assets: np.ndarray, outside: np.ndarray) -> list[float]:
    """Payments as the formula is written down: p_i = min(due_i, e_i + sum of share_ji p_j), node by node.

    Shares of debts as a dictionary of dictionaries, built here from the same sparse matrix; simultaneous rounds from
    full payment, until `closing` says that no payment is further than 1e-12 of its debt from the solution.
    """
    liabilities: dict[int, dict[int, float]] = {i: {} for i in range(len(assets))}
    for i, j, amount in _entries(matrix):
        liabilities[i][j] = amount
    own, debts = dict(enumerate(assets.tolist())), dict(enumerate(outside.tolist()))
    due = {i: sum(row.values()) + debts[i] for i, row in liabilities.items()}
    shares: dict[int, dict[int, float]] = {i: {} for i in liabilities}
    for i, row in liabilities.items():
        for j, amount in row.items():
            shares[j][i] = amount / due[i]
    paid, enough = dict(due), closing()
    while True:
        following = {
            i: min(due[i], own[i] + sum(share * paid[j] for j, share in row.items()))
            for i, row in shares.items()
        }
        step = max(abs(following[i] - paid[i]) / due[i] for i in due if due[i] > 0.0)
        paid = following
        if enough(step):
            return list(paid.values())


def plain_lists(matrix: Any, assets: np.ndarray, outside: np.ndarray) -> list[float]:
    """The same rounds by a loop tuned for the interpreter: lists, rates of payment, receipts added debtor by debtor."""
    debts: list[list[tuple[int, float]]] = [[] for _ in range(len(assets))]
    for i, j, amount in _entries(matrix):
        debts[i].append((j, amount))
    own = assets.tolist()
    due = [sum(amount for _, amount in row) + b for row, b in zip(debts, outside.tolist(), strict=True)]
    rates, enough = [1.0] * len(due), closing()
    while True:
        have = list(own)
        for rate, row in zip(rates, debts, strict=True):
            for j, amount in row:
                have[j] += amount * rate
        following = [min(1.0, h / owed) if owed > 0.0 else 1.0 for owed, h in zip(due, have, strict=True)]
        step = max(abs(a - b) for a, b in zip(rates, following, strict=True))
        rates = following
        if enough(step):
            return [rate * owed for rate, owed in zip(rates, due, strict=True)]


def closing() -> Callable[[float], bool]:
    """The library's rule of stopping: step q / (1 - q) <= 1e-12, q the largest of the last five ratios of steps."""
    ratios, before = [float("inf")] * 5, float("inf")

    def enough(step: float) -> bool:
        nonlocal ratios, before
        ratios, before = [*ratios[1:], step / before if before > 0.0 else 0.0], step
        q = max(ratios)
        return step == 0.0 or (q < 1.0 and step * q / (1.0 - q) <= 1e-12)

    return enough


def _entries(matrix: Any) -> Iterator[tuple[int, int, float]]:
    entries = matrix.tocoo()
    return zip(entries.row.tolist(), entries.col.tolist(), entries.data.tolist(), strict=True)


def clearing_rows(size: int, row: Any, alternate: Callable[..., Any]) -> Iterator[Any]:
    """Clearing at `size` under mild and severe stress, and at 1e4 against plain Python."""
    for buffer, left, must, moonshot in ((0.12, 0.98, 16, 4), (0.0, 0.6, 80, 20)):
        claims, assets, debts = network(size, buffer, left)
        product = product_of(claims)
        found = eisenberg_noe(claims, assets, debts)
        assert found.residual < 1e-11, "clearing does not settle"
        name = f"clearing, {found.defaulted.mean():.0%} default, vs product"

        def cleared(claims: Claims = claims, assets: Any = assets, debts: Any = debts) -> object:
            return eisenberg_noe(claims, assets, debts)

        def from_scratch(claims: Claims = claims, assets: Any = assets, debts: Any = debts) -> object:
            return eisenberg_noe(claims.matrix(), assets, debts)

        for label, work, bounds in (
            (name, cleared, {"must": must, "moonshot": moonshot}),
            (f"{name}, prepared anew", from_scratch, {}),
        ):
            ratio, spread, seconds = alternate(work, product, time.process_time)
            yield row(label, size, ratio, spread, better="lower", seconds=seconds, **bounds)
    claims, assets, debts = network(10_000, 0.02, 0.9)
    matrix = claims.matrix()
    found = eisenberg_noe(matrix, assets, debts)
    name = f"clearing, {found.defaulted.mean():.0%} default, vs plain Python"
    for label, loop, bounds in (
        (name, plain, {"must": 100, "moonshot": 1000}),
        (f"{name}, tuned", plain_lists, {}),
    ):
        np.testing.assert_allclose(loop(matrix, assets, debts), found.payments, rtol=1e-9)
        ratio, spread, seconds = alternate(
            partial(loop, matrix, assets, debts),
            partial(eisenberg_noe, matrix, assets, debts),
            time.process_time,
        )
        yield row(label, claims.n, ratio, spread, seconds=seconds, **bounds)
