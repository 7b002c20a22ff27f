"""Who owes whom in a made interbank network, by its kind: pairs of debtor and creditor, each at most once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contagion.errors import SchemaError, ValueRangeError
from contagion.generate.interbank_degrees import check_degrees, with_degrees
from contagion.generate.interbank_kernels import attached, rewired_ring, subsets
from contagion.streams import stream

__all__ = ["KINDS", "core_banks", "draw_links"]

IntArray = NDArray[np.int64]
Links = tuple[IntArray, IntArray]
Settings = Mapping[str, float]


def draw_links(
    kind: str, n: int, seed: int, settings: Settings, *, core_size: Any = None, degrees: Any = None
) -> Links:
    """Return debtor and creditor of every link.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    n : int
        Banks.
    seed : int
        Root seed.
    settings : mapping
        Rows of ``contagion.facts.load("interbank")``.
    core_size : int, optional
        Banks of the core of ``core_periphery``; the root of n by default.
    degrees : pair of array_like, optional
        Creditors and debtors of each bank of ``given_degrees``.

    Raises
    ------
    InputError
        If a number does not fit the kind; the message names it.
    """
    if kind == "core_periphery":
        return _core_periphery(n, seed, settings, core_size)
    if kind == "given_degrees":
        creditors, debtors = degrees
        return with_degrees(*check_degrees(creditors, debtors, n), seed)
    return KINDS[kind](n, seed, settings)


def _erdos_renyi(n: int, seed: int, settings: Settings) -> Links:
    """Every pair in either direction with one probability: its mean degree over n - 1."""
    share = settings["mean_degree"] / max(1, n - 1)
    if n > 1 and share > 1.0:
        raise ValueRangeError(
            "is too large", where="mean_degree", value=settings["mean_degree"], allowed=f"at most {n - 1}"
        )
    return _each_pair(n, share, stream(seed, "interbank", "erdos_renyi"))


def _each_pair(n: int, share: float, random: np.random.Generator) -> Links:
    """Ordered pairs of different banks, each with one probability, by jumps from link to link."""
    pairs = n * (n - 1)
    places: list[IntArray] = []
    last = -1
    while pairs and share > 0.0 and last < pairs:
        expected = share * (pairs - 1 - last)
        jumps = random.geometric(share, int(expected + 4.0 * math.sqrt(expected)) + 8)
        found = last + np.cumsum(np.minimum(jumps, pairs + 1))
        places.append(found)
        last = int(found[-1])
    chosen = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
    chosen = chosen[chosen < pairs]
    debtor = chosen // max(1, n - 1)
    creditor = chosen % max(1, n - 1)
    return debtor, creditor + (creditor >= debtor)


def core_banks(n: int, core_size: Any = None) -> int:
    """Return the number of banks in the core: given, or the root of n."""
    core = max(1, round(math.sqrt(n))) if core_size is None else core_size
    if isinstance(core, bool) or not isinstance(core, (int, np.integer)):
        raise SchemaError("is no whole number", where="core_size", value=core)
    if not 1 <= core <= n:
        raise ValueRangeError("is out of range", where="core_size", value=core, allowed=f"1 to {n}")
    return int(core)


def _core_periphery(n: int, seed: int, settings: Settings, core_size: Any) -> Links:
    """A dense core; every other bank borrows from and lends to core banks only, at least one of each.

    Banks 0, ..., core_size - 1 are the core. A core with all its links makes the network connected.
    """
    core = core_banks(n, core_size)
    links = [_each_pair(core, settings["core_density"], stream(seed, "interbank", "core"))]
    others, mean = n - core, settings["periphery_degree"]
    if others and not 1.0 <= mean <= core:
        raise ValueRangeError(
            "is out of range", where="periphery_degree", value=mean, allowed=f"1 to the core size {core}"
        )
    for side in ("borrows", "lends"):
        random = stream(seed, "interbank", "periphery", side)
        more = random.binomial(core - 1, (mean - 1.0) / (core - 1), others) if core > 1 else 0
        counts = np.asarray(1 + more + np.zeros(others), dtype=np.int64)
        outer = np.repeat(np.arange(core, n), counts)
        inner = subsets(counts, core, random)
        links.append((outer, inner) if side == "borrows" else (inner, outer))
    return np.concatenate([one[0] for one in links]), np.concatenate([one[1] for one in links])


def _scale_free(n: int, seed: int, settings: Settings) -> Links:
    """Newcomers link to earlier banks, rather to those that attracted many: connected; degrees have a power tail."""
    if settings["degree_exponent"] <= 2.0:
        raise ValueRangeError(
            "is too small", where="degree_exponent", value=settings["degree_exponent"], allowed="above 2"
        )
    degree = _whole_degree(settings, n)
    return attached(n, degree, settings["degree_exponent"], stream(seed, "interbank", "scale_free"))


def _small_world(n: int, seed: int, settings: Settings) -> Links:
    """Everybody owes its next neighbours on a ring; some of these debts are owed to banks anywhere instead."""
    degree = _whole_degree(settings, n)
    random = stream(seed, "interbank", "small_world")
    return np.repeat(np.arange(n), degree), rewired_ring(n, degree, settings["rewiring"], random)


def _random_regular(n: int, seed: int, settings: Settings) -> Links:
    """Everybody has the same number of creditors and of debtors."""
    degree = np.full(n, _whole_degree(settings, n), dtype=np.int64)
    return with_degrees(degree, degree, seed)


def _whole_degree(settings: Settings, n: int) -> int:
    degree = settings["mean_degree"]
    if degree != int(degree) or not min(1, n - 1) <= degree <= n - 1:
        raise ValueRangeError(
            "is out of range", where="mean_degree", value=degree, allowed=f"a whole number from 1 to {n - 1}"
        )
    return int(degree)


KINDS: Final[Mapping[str, Callable[..., Links]]] = {
    "core_periphery": _core_periphery,
    "erdos_renyi": _erdos_renyi,
    "scale_free": _scale_free,
    "small_world": _small_world,
    "random_regular": _random_regular,
    "given_degrees": with_degrees,
}
