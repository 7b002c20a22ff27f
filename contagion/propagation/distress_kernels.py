"""How does distress travel before anyone defaults? Compiled fixed points and rounds over sorted exposures.

Rows are creditors; ``share[k]`` is the claim on ``debtor[k]`` as a share of the creditor's face equity, sorted by
debtor within a row, and every sum is taken in that order.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import inner, kernel

LARGEST_DENSE = 200  # nodes reached up to which the finite algorithm is used at once
LARGEST_REDUCTION = 4_000  # where sweeps do not settle: 128 MB
LARGEST_SWEEPS = 20_000
CREEPING = 2_000  # sweeps after which Newton's step is tried
MOST_STEPS = 500
SHORTEST = 32  # sweeps between two leaps
MOST_LEAPS = 60  # one after the other, each twice as far
CLEAR = 1e-9  # residual whose gain has digits enough to point the way
SLOW = 200  # sweeps after which leaps are tried in networks too large for the finite algorithm
LARGEST_WORK = 10_000_000_000  # sweeps times exposures
ENOUGH = 1e-12
ROUNDING = 3.6e-15  # of a sum of some terms: the residual of amounts that differ by as much

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@kernel
def weighted_sums(weights: FloatArray, rows: FloatArray) -> FloatArray:
    """``sum_i weights_i rows_ki`` for every row k, added in the order of i."""
    found = np.zeros(len(rows))
    for k in range(len(rows)):
        for i in range(len(weights)):
            found[k] += weights[i] * rows[k, i]
    return found


@kernel
def times(start: IntArray, debtor: IntArray, share: FloatArray, h: FloatArray) -> FloatArray:
    """``sum_j share_ij h_j`` for every i, added in the order of j."""
    found = np.zeros(len(h))
    for i in range(len(h)):
        for k in range(start[i], start[i + 1]):
            found[i] += share[k] * h[debtor[k]]
    return found


@inner
def passed_on(h: float, alpha: float) -> float:
    """Share of a debt that is lost at distress h."""
    return h if alpha == 0.0 else h * np.exp(alpha * (h - 1.0))


@kernel
def least(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    alpha: float,
    h: FloatArray,
) -> tuple[int, float, int]:
    """Least fixed point of ``h = min(1, shock + share f(h))``, written into `h`.

    Returns
    -------
    tuple of int, float, int
        Rounds, residual, worst node. Rounds are negative if it did not settle.
    """
    many = reach.sum()
    if alpha == 0.0 and many <= LARGEST_DENSE and _by_sets(start, debtor, share, shock, reach, h):
        return 1, 0.0, 0
    cap = max(1_000, min(1_000_000, LARGEST_WORK // (len(share) + len(h))))
    if alpha == 0.0 and many <= LARGEST_REDUCTION:
        cap = min(cap, LARGEST_SWEEPS)
    if alpha > 0.0 and many <= LARGEST_REDUCTION:
        return _bent(start, debtor, share, shock, reach, alpha, h)
    _begin(shock, reach, h)
    small = alpha == 0.0 and many <= LARGEST_REDUCTION
    if alpha == 0.0 and not small:
        return _leap(start, debtor, share, shock, reach, h, cap)
    rounds, residual, worst = _sweep(start, debtor, share, shock, reach, alpha, h, cap, ENOUGH)
    if rounds < 0 and small and _by_sets(start, debtor, share, shock, reach, h):
        return 1, 0.0, 0
    return rounds, residual, worst


@inner
def _sweep(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    alpha: float,
    h: FloatArray,
    cap: int,
    enough: float,
) -> tuple[int, float, int]:
    """On in place from below; residuals relative to each node's own distress, so that small distress counts in full."""
    n = len(h)
    lost = np.empty(n)
    for i in range(n):
        lost[i] = passed_on(h[i], alpha)
    ratios = np.full(5, np.inf)
    before = np.inf
    residual, worst = 0.0, 0
    for sweep in range(cap):
        residual = 0.0
        for i in range(n):
            if reach[i] and h[i] < 1.0:
                x = shock[i]
                for k in range(start[i], start[i + 1]):
                    x += share[k] * lost[debtor[k]]
                x = min(1.0, x)
                if x > h[i]:
                    if x - h[i] > residual * x:
                        residual = (x - h[i]) / x
                        worst = i
                    h[i] = x
                    lost[i] = passed_on(x, alpha)
        ratios[sweep % 5] = residual / before if before > 0.0 else 0.0
        before = residual
        q = ratios.max()
        if residual <= ROUNDING or (q < 1.0 and residual * q / (1.0 - q) <= enough):
            return sweep + 1, residual, worst
    return -cap, residual, worst


@inner
def _leap(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    h: FloatArray,
    cap: int,
) -> tuple[int, float, int]:
    """Sweeps of the linear map, and long steps along what they add where they creep.

    A step goes on along the gain of some sweeps, twice as far each time, as long as one more sweep lowers no node: from
    such a point the sweeps rise to a fixed point, and on the nodes reached there is only one. The bound
    on what is left knows only the last ratios, which a step hides; so after steps the sweeps go on until they are still
    up to rounding.
    """
    rounds, residual, worst = _sweep(start, debtor, share, shock, reach, 0.0, h, min(cap, SLOW), ENOUGH)
    if rounds > 0:
        return rounds, residual, worst
    done, length, step, leaps, far = -rounds, SHORTEST, 1.0, 0, False
    before, gain, there = np.empty_like(h), np.empty_like(h), np.empty_like(h)
    while done < cap:
        before[:] = h
        enough = 0.0 if far else ENOUGH
        rounds, residual, worst = _sweep(start, debtor, share, shock, reach, 0.0, h, length, enough)
        done += abs(rounds)
        if rounds > 0:
            return done, residual, worst
        if (
            residual > CLEAR or leaps == 0
        ):  # smaller gains are blurred by rounding; the last clear one points the way
            gain[:] = h - before
        before[:] = h
        leaps = 0
        while leaps < MOST_LEAPS:
            there[:] = np.minimum(1.0, before + step * gain)
            done += 1
            if not _rises(start, debtor, share, shock, reach, there):
                break
            h[:] = there
            leaps, far = leaps + 1, True
            step *= 2.0
        step /= 4.0
        length = max(SHORTEST, length // 2) if leaps else min(2 * length, len(h))
    return -done, residual, worst


@inner
def _rises(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    h: FloatArray,
) -> bool:
    """Whether a sweep in place from here lowers no node beyond rounding; if so it is made, else `h` is spoilt."""
    for i in range(len(h)):
        if reach[i]:
            x = shock[i]
            for k in range(start[i], start[i + 1]):
                x += share[k] * h[debtor[k]]
            x = min(1.0, x)
            if x < h[i] * (1.0 - ROUNDING / 4.0):
                return False
            h[i] = max(x, h[i])
    return True


@inner
def _begin(shock: FloatArray, reach: BoolArray, h: FloatArray) -> None:
    """Distress before anything is passed on."""
    for i in range(len(h)):
        h[i] = shock[i] if reach[i] else 0.0


@inner
def _bent(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    alpha: float,
    h: FloatArray,
) -> tuple[int, float, int]:
    """Sweeps, and Newton's step where they creep: the map is convex below 1, so steps from below stay below.

    Ortega, Rheinboldt (1970), Iterative solution of nonlinear equations in several variables, theorem 13.3.4.
    """
    _begin(shock, reach, h)
    done, residual, worst = 0, 0.0, 0
    for _ in range(MOST_STEPS):
        rounds, residual, worst = _sweep(start, debtor, share, shock, reach, alpha, h, CREEPING, ENOUGH)
        done += abs(rounds)
        if rounds > 0:
            return done, residual, worst
        _newton(start, debtor, share, shock, reach, alpha, h)
    return -done, residual, worst


@inner
def _newton(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    alpha: float,
    h: FloatArray,
) -> None:
    """One step for the nodes below 1, the others' given; none where the slope is too steep for a solution there."""
    below = reach & (h < 1.0)
    nodes = np.flatnonzero(below)
    size = len(nodes)
    place = np.full(len(h), -1, dtype=np.int64)
    for a in range(size):
        place[nodes[a]] = a
    flow, have = np.zeros((size, size)), np.zeros(size)
    for a in range(size):
        i = nodes[a]
        have[a] = shock[i] - h[i]
        for k in range(start[i], start[i + 1]):
            j = debtor[k]
            bend = np.exp(alpha * (h[j] - 1.0))
            have[a] += share[k] * h[j] * bend
            if place[j] >= 0:
                flow[a, place[j]] += share[k] * bend * (1.0 + alpha * h[j])
        have[a] = max(0.0, have[a])
    if _eliminate(flow, have):
        for a in range(size):
            h[nodes[a]] = min(1.0, h[nodes[a]] + have[a])


@inner
def _eliminate(flow: FloatArray, have: FloatArray) -> bool:
    """Solve ``x = have + flow x`` into `have`, subtracting in pivots alone; False if one is not positive."""
    size = len(have)
    pivot = np.ones(size)
    for a in range(size):
        pivot[a] = 1.0 - flow[a, a]
        if not pivot[a] > 0.0:
            return False
        for b in range(a + 1, size):
            if flow[b, a] > 0.0:
                factor = flow[b, a] / pivot[a]
                have[b] += factor * have[a]
                for c in range(a + 1, size):
                    flow[b, c] += factor * flow[a, c]
    for a in range(size - 1, -1, -1):
        x = have[a]
        for b in range(a + 1, size):
            x += flow[a, b] * have[b]
        have[a] = x / pivot[a]
    return True


@inner
def _by_sets(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    reach: BoolArray,
    h: FloatArray,
) -> bool:
    """The finite algorithm: everybody reached at 1, then solve for those who stay below; False if singular."""
    n = len(h)
    below = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        h[i] = 1.0 if reach[i] else 0.0
    while True:
        grown = False
        for i in range(n):
            if reach[i] and not below[i]:
                x = shock[i]
                for k in range(start[i], start[i + 1]):
                    x += share[k] * h[debtor[k]]
                if x < 1.0:
                    below[i] = True
                    grown = True
        if not grown:
            return True
        if not _solve(start, debtor, share, shock, below, h):
            return False


@inner
def _solve(
    start: IntArray,
    debtor: IntArray,
    share: FloatArray,
    shock: FloatArray,
    below: BoolArray,
    h: FloatArray,
) -> bool:
    """Distress of the nodes below 1, the others' given, by elimination in the order of nodes."""
    nodes = np.flatnonzero(below)
    size = len(nodes)
    place = np.full(len(h), -1, dtype=np.int64)
    for a in range(size):
        place[nodes[a]] = a
    flow, have = np.zeros((size, size)), np.zeros(size)
    for a in range(size):
        i = nodes[a]
        have[a] = shock[i]
        for k in range(start[i], start[i + 1]):
            b = place[debtor[k]]
            if b >= 0:
                flow[a, b] += share[k]
            else:
                have[a] += share[k] * h[debtor[k]]
    if not _eliminate(flow, have):
        return False
    for a in range(size):
        h[nodes[a]] = min(1.0, max(shock[nodes[a]], have[a]))
    return True


@kernel
def recursion(
    start: IntArray, debtor: IntArray, share: FloatArray, shock: FloatArray, alpha: float, trace: FloatArray
) -> int:
    """Simultaneous rounds of ``h = min(1, shock + share f(h))`` from the shock; how many rows of `trace` are filled."""
    n = len(shock)
    trace[0] = shock
    lost = np.empty(n)
    for row in range(1, len(trace)):
        for i in range(n):
            lost[i] = passed_on(trace[row - 1, i], alpha)
        moved = times(start, debtor, share, lost)
        changed = False
        for i in range(n):
            trace[row, i] = max(trace[row - 1, i], min(1.0, shock[i] + moved[i]))
            changed = changed or trace[row, i] > trace[row - 1, i]
        if not changed:
            return row
    return len(trace)


@kernel
def single_hit(
    start: IntArray, debtor: IntArray, share: FloatArray, shock: FloatArray, h: FloatArray, trace: FloatArray
) -> int:
    """Simultaneous rounds in which each node passes its distress on once, written into `h`; number of rounds.

    The first rows of `trace` are filled with the distress before and after each round.
    """
    n = len(shock)
    h[:] = shock
    passed = shock > 0.0
    active = shock.copy()
    rounds = 0
    while True:
        if rounds < len(trace):
            trace[rounds] = h
        if not (active > 0.0).any():
            return rounds
        moved = times(start, debtor, share, active)
        rounds += 1
        for i in range(n):
            active[i] = 0.0
            if moved[i] > 0.0:
                h[i] = min(1.0, h[i] + moved[i])
                if not passed[i]:
                    passed[i] = True
                    active[i] = h[i]
