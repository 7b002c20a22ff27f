"""How far does a trade move the price, and at which average price is it done?

The state of a market is its *displacement* ``x`` from the reference price (``x > 0``: the price is below
it), not the volume that was traded: a change of depth never moves a price without a trade. Every form of
impact is five scalar functions of that state: `price`, `move`, `average`, `capacity` and `slope`. They are
compiled, so that the cascade calls them inside its own compiled rounds; from Python they take plain
numbers. `book.Book` offers the same with words and arrays.

A flow is money at the reference price: positive is sold into the bids, negative is bought from the asks.
`scale` turns it into displacement and belongs to the side that is hit, at the depth in force when the trade
happens: ``coefficient * band / depth`` for the exponential and the linear form, ``Y * sigma_daily /
sqrt(volume)`` for the square root, one over the money side D of the reserves at the reference price for the
two forms of pools. The depth curve reads `bands` (fractions, rising) and `volumes` (cumulative money, rising)
instead.

A pool keeps the product of its reserves, so that ``exp(x / 2)`` is what it holds of the asset over what it holds
at the reference price, and a trade is done at the geometric mean of the prices before and after it. A
concentrated pool does so between two prices only, those of the widest bands: there its side ends.

References
----------
Alfonsi, Fruth, Schied (2010): recovery of volume-equivalents admits no profitable round trip.
Donier, Bonart (2015): the square root on Bitcoin. Cifuentes, Ferrucci, Shin (2005): the exponential form.
Uniswap: white papers of version 2 (constant product) and version 3 (concentrated liquidity).
"""

import math

import numpy as np

from contagion.compiled import kernel
from contagion.markets.depth import FloatArray, at_volume, average_displacement, beyond, volume_at

EXPONENTIAL = 0
LINEAR = 1
SQUARE_ROOT = 2
DEPTH_CURVE = 3
CONSTANT_PRODUCT = 4
CONCENTRATED = 5
KINDS = ("exponential", "linear", "square_root", "depth_curve", "constant_product", "concentrated")
LARGEST_LINEAR = 1.0 - 2.0**-20  # a linear book stops here: its price stays positive
EMPTIEST_POOL = -2.0 * math.log(2.0**10)  # a pool keeps a thousandth of its reserve: its price stays finite
NO_BANDS = np.zeros(0)


@kernel
def price(kind: int, reference: float, x: float) -> float:
    """Price at `x`: ``S (1 - x)`` (linear, depth curve) or ``S exp(-x)`` (all others)."""
    if kind in (LINEAR, DEPTH_CURVE):
        return reference * (1.0 - x)
    return reference * math.exp(-x)


@kernel
def _displacement(kind: int, reference: float, at_price: float) -> float:
    """Displacement at which the price is `at_price` (> 0)."""
    if kind in (LINEAR, DEPTH_CURVE):
        return 1.0 - at_price / reference
    return -math.log(at_price / reference)


@kernel
def _end(kind: int, side: int, bands: FloatArray) -> float:
    """Displacement at which a side of the book or pool ends."""
    if kind == DEPTH_CURVE:
        return float(bands[len(bands) - 1] if side == 0 else -bands[len(bands) - 1])
    if kind == CONCENTRATED:
        widest = bands[len(bands) - 1]
        return -math.log1p(-widest) if side == 0 else -math.log1p(widest)
    if side == 1:
        return EMPTIEST_POOL if kind == CONSTANT_PRODUCT else -math.inf
    return LARGEST_LINEAR if kind == LINEAR else math.inf


@kernel
def _traded(
    kind: int, x: float, scale: float, lot_money: float, bands: FloatArray, volumes: FloatArray
) -> float:
    """Flow that leads from the reference price to `x`: the volume equivalent of the state (`scale` > 0)."""
    if kind == DEPTH_CURVE:
        return volume_at(x, bands, volumes)
    if kind == SQUARE_ROOT:
        root = abs(x) / scale
        if root * root <= lot_money:
            return x / scale * math.sqrt(lot_money)
        return math.copysign(root * root, x)
    if kind in (CONSTANT_PRODUCT, CONCENTRATED):
        return math.expm1(0.5 * x) / scale
    return x / scale


@kernel
def _in_pool(x0: float, flow: float, scale: float) -> float:
    """Displacement after a trade with a pool, ``2 ln(exp(x0 / 2) + q / D)``, without cancellation."""
    share = scale * flow * math.exp(-0.5 * x0)
    return x0 + 2.0 * math.log1p(share) if share > -1.0 else -math.inf


@kernel
def move(
    kind: int, x0: float, flow: float, scale: float, lot_money: float, bands: FloatArray, volumes: FloatArray
) -> float:
    """Displacement after a trade of `flow` that starts at `x0`.

    Exponential and linear: ``x0 + scale * flow``. Square root: ``x = sign(v) scale sqrt(|v|)`` of the
    volume equivalent ``v``, linear where ``|v| <= lot_money``. Depth curve: linear between the bands, never
    past the last. Pools: ``2 ln(exp(x0 / 2) + scale * flow)``, never past their end.
    """
    if flow == 0.0:
        return x0
    if kind in (EXPONENTIAL, LINEAR):
        return x0 + scale * flow
    if kind == SQUARE_ROOT:
        if scale <= 0.0:
            return x0
        volume = _traded(kind, x0, scale, lot_money, bands, volumes) + flow
        if abs(volume) <= lot_money:
            x1 = scale * volume / math.sqrt(lot_money)
        else:
            x1 = math.copysign(scale * math.sqrt(abs(volume)), volume)
    else:
        if kind == DEPTH_CURVE:
            x1 = at_volume(volume_at(x0, bands, volumes) + flow, bands, volumes)
        else:
            x1 = _in_pool(x0, flow, scale)
        end = _end(kind, 0 if flow > 0.0 else 1, bands)
        x1 = min(x1, max(x0, end)) if flow > 0.0 else max(x1, min(x0, end))
    return max(x1, x0) if flow > 0.0 else min(x1, x0)


@kernel
def _rise(h: float) -> float:
    """Integral of ``u exp(-u)`` over [0, h], ``1 - (1 + h) exp(-h)``, without cancellation for small `h`."""
    if abs(h) > 0.5:
        return 1.0 - (1.0 + h) * math.exp(-h)
    total, term = 0.0, 0.5
    for j in range(18):
        total += (j + 1.0) * term
        term *= -h / (j + 3.0)
    return h * h * total


@kernel
def _root_piece(lower: float, upper: float, sign: float) -> tuple[float, float]:
    """Integral of ``2 u exp(-sign u)`` over ``lower <= u <= upper`` (0 <= lower), and of ``2 u``."""
    if upper <= lower:
        return 0.0, 0.0
    h = upper - lower
    linear_part = -2.0 * lower * sign * math.expm1(-sign * h)
    return math.exp(-sign * lower) * (linear_part + 2.0 * _rise(sign * h)), h * (2.0 * lower + h)


@kernel
def _average_root(low: float, high: float, zone: float) -> float:
    """Mean of ``exp(-x)`` over [low, high] with the volume measure of the square root."""
    positive, weight_positive = _root_piece(max(low, zone), max(high, zone), 1.0)
    negative, weight_negative = _root_piece(max(-high, zone), max(-low, zone), -1.0)
    start, end = min(max(low, -zone), zone), min(max(high, -zone), zone)
    inside = -zone * math.exp(-start) * math.expm1(start - end)
    weight = weight_positive + weight_negative + zone * (end - start)
    if weight <= 0.0:
        return math.exp(-0.5 * (low + high))
    return (positive + negative + inside) / weight


@kernel
def average(
    kind: int,
    reference: float,
    x0: float,
    x1: float,
    linear_zone: float,
    bands: FloatArray,
    volumes: FloatArray,
) -> float:
    """Volume-weighted average price of a trade that moves the displacement from `x0` to `x1`.

    Exact integrals, safe for the smallest moves; never outside the prices at `x0` and `x1`.
    `linear_zone` is ``scale * sqrt(lot_money)`` (square root only), the displacement of one lot.
    """
    if x0 == x1:
        return price(kind, reference, x0)
    low, high = min(x0, x1), max(x0, x1)
    if kind == EXPONENTIAL:
        mean = reference * (math.exp(-low) * (-math.expm1(low - high) / (high - low)))
    elif kind == LINEAR:
        mean = reference * (1.0 - 0.5 * (low + high))
    elif kind == SQUARE_ROOT:
        mean = reference * _average_root(low, high, linear_zone)
    elif kind in (CONSTANT_PRODUCT, CONCENTRATED):
        mean = reference * math.exp(-0.5 * (low + high))
    else:
        mean = reference * (1.0 - average_displacement(low, high, bands, volumes))
    return min(max(mean, price(kind, reference, high)), price(kind, reference, low))


@kernel
def _target(kind: int, reference: float, limit: float, side: int, bands: FloatArray) -> float:
    """Displacement up to which the book of `side` may be pushed."""
    target = math.inf if side == 0 else -math.inf
    if not math.isnan(limit) and (limit > 0.0 or side == 1):
        target = _displacement(kind, reference, limit) if limit > 0.0 else math.inf
    end = _end(kind, side, bands)
    return min(target, end) if side == 0 else max(target, end)


@kernel
def _within(kind: int, reference: float, x: float, limit: float, side: int) -> bool:
    """Whether displacement `x` respects the limit price of `side` and the end of the book."""
    at = price(kind, reference, x)
    if side == 0:
        return not at < limit and (kind != LINEAR or x <= LARGEST_LINEAR)
    return not at > limit


@kernel
def capacity(
    kind: int,
    reference: float,
    x0: float,
    limit: float,
    side: int,
    scale: float,
    lot_money: float,
    bands: FloatArray,
    volumes: FloatArray,
) -> float:
    """Largest flow (>= 0) the book takes: side 0 sells down to `limit`, side 1 buys up to `limit`.

    A `limit` of nan is none. Infinite where nothing stops the trade; 0 where the price already is past the
    limit. The price after a trade of exactly this size respects the limit in floating point.
    """
    target = _target(kind, reference, limit, side, bands)
    room = target - x0 if side == 0 else x0 - target
    if room <= 0.0:
        free = room == 0.0 and kind != DEPTH_CURVE and scale <= 0.0
        return math.inf if free else 0.0
    if math.isinf(room) or (kind != DEPTH_CURVE and scale <= 0.0):
        return math.inf
    reach = _traded(kind, target, scale, lot_money, bands, volumes)
    flow = abs(reach - _traded(kind, x0, scale, lot_money, bands, volumes))
    sign = 1.0 if side == 0 else -1.0
    shrink = 2.0**-53
    while flow > 0.0 and shrink < 1.0:
        x1 = move(kind, x0, sign * flow, scale, lot_money, bands, volumes)
        if _within(kind, reference, x1, limit, side):
            return flow
        flow -= flow * shrink
        shrink *= 2.0
    return 0.0


@kernel
def slope(
    kind: int, x: float, scale: float, lot_money: float, bands: FloatArray, volumes: FloatArray
) -> float:
    """Displacement per unit of flow at `x`; infinite where a depth curve holds nothing."""
    if kind in (EXPONENTIAL, LINEAR):
        return scale
    if kind in (CONSTANT_PRODUCT, CONCENTRATED):
        return 2.0 * scale * math.exp(-0.5 * x)
    if kind == SQUARE_ROOT:
        zone = scale * math.sqrt(lot_money)
        if abs(x) > zone:
            return 0.5 * scale * scale / abs(x)
        return scale / math.sqrt(lot_money) if scale > 0.0 else 0.0
    distance, n = abs(x), len(bands)
    band_below, volume_below = 0.0, 0.0
    for k in range(n):
        if distance <= bands[k]:
            return float((bands[k] - band_below) / (volumes[k] - volume_below))
        band_below, volume_below = bands[k], volumes[k]
    return 1.0 / beyond(bands, volumes)
