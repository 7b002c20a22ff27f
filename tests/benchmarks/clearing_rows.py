"""What does clearing cost, in products of the same sparse matrix with a vector, and against plain Python?"""

import time
from collections.abc import Callable, Iterator
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


def plain(debts: list[dict[int, float]], assets: list[float], outside: list[float]) -> list[float]:
    """Payments by simultaneous rounds over lists, to the same bound on what is left of every node's debt."""
    due = [sum(row.values()) + b for row, b in zip(debts, outside, strict=True)]
    rates, ratios, before = [1.0] * len(due), [float("inf")] * 5, float("inf")
    while True:
        have = list(assets)
        for i, row in enumerate(debts):
            rate = rates[i]
            for j, amount in row.items():
                have[j] += amount * rate
        following = [min(1.0, h / owed) if owed > 0.0 else 1.0 for owed, h in zip(due, have, strict=True)]
        step = max(abs(a - b) for a, b in zip(rates, following, strict=True))
        ratios, rates = [*ratios[1:], step / before if before > 0.0 else 0.0], following
        before, q = step, max(ratios)
        if step == 0.0 or (q < 1.0 and step * q / (1.0 - q) <= 1e-12):
            return [rate * owed for rate, owed in zip(rates, due, strict=True)]


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
    table = [dict(zip(*pair, strict=True)) for pair in _rows(claims)]
    lists = assets.tolist(), debts.tolist()
    found = eisenberg_noe(matrix, assets, debts)
    np.testing.assert_allclose(plain(table, *lists), found.payments, rtol=1e-9)
    ratio, spread, seconds = alternate(
        lambda: plain(table, *lists), lambda: eisenberg_noe(matrix, assets, debts), time.process_time
    )
    name = f"clearing, {found.defaulted.mean():.0%} default, vs plain Python"
    yield row(name, claims.n, ratio, spread, must=100, moonshot=1000, seconds=seconds)


def _rows(claims: Claims) -> Iterator[tuple[list[int], list[float]]]:
    for i in range(claims.n):
        own = slice(claims.indptr[i], claims.indptr[i + 1])
        yield claims.creditor[own].tolist(), claims.amount[own].tolist()
