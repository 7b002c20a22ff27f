"""A book known by its depth: cumulative money resting within bands of the reference price.

`bands` are distances from the reference price as fractions, rising; `volumes` the cumulative money up to
each of them. Between the bands money lies evenly; one table serves both signs of the displacement. Scalar
kernels for `impact`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from contagion.compiled import kernel

FloatArray = NDArray[np.float64]


@kernel
def beyond(bands: FloatArray, volumes: FloatArray) -> float:
    """Money per unit of displacement past the last band: the density of the last segment that holds any."""
    n = len(bands)
    lower_band = bands[n - 2] if n > 1 else 0.0
    lower_volume = volumes[n - 2] if n > 1 else 0.0
    if volumes[n - 1] > lower_volume:
        return float((volumes[n - 1] - lower_volume) / (bands[n - 1] - lower_band))
    return float(volumes[n - 1] / bands[n - 1])


@kernel
def volume_at(x: float, bands: FloatArray, volumes: FloatArray) -> float:
    """Cumulative money of the depth curve between the reference and `x`, odd in `x`."""
    distance, n = abs(x), len(bands)
    band_below, volume_below = 0.0, 0.0
    for k in range(n):
        if distance <= bands[k]:
            share = (distance - band_below) / (bands[k] - band_below)
            return math.copysign(volume_below + share * (volumes[k] - volume_below), x)
        band_below, volume_below = bands[k], volumes[k]
    return math.copysign(volumes[n - 1] + (distance - bands[n - 1]) * beyond(bands, volumes), x)


@kernel
def at_volume(volume: float, bands: FloatArray, volumes: FloatArray) -> float:
    """Inverse of `volume_at`; the near end where a segment holds no money."""
    wanted, n = abs(volume), len(bands)
    band_below, volume_below = 0.0, 0.0
    for k in range(n):
        if wanted <= volumes[k]:
            if volumes[k] > volume_below:
                band_below += (wanted - volume_below) / (volumes[k] - volume_below) * (bands[k] - band_below)
            return math.copysign(band_below, volume)
        band_below, volume_below = bands[k], volumes[k]
    return math.copysign(bands[n - 1] + (wanted - volumes[n - 1]) / beyond(bands, volumes), volume)


@kernel
def average_displacement(low: float, high: float, bands: FloatArray, volumes: FloatArray) -> float:
    """Mean displacement over [low, high] with the volume measure of the depth curve."""
    n = len(bands)
    weight, total = 0.0, 0.0
    band_below, volume_below = 0.0, 0.0
    for k in range(n + 1):
        band_above = bands[k] if k < n else math.inf
        density = (volumes[k] - volume_below) / (band_above - band_below) if k < n else beyond(bands, volumes)
        for sign in (-1.0, 1.0):
            near, far = (low, high) if sign > 0.0 else (-high, -low)
            near, far = max(near, band_below), min(far, band_above)
            if far > near:
                weight += density * (far - near)
                total += density * (far - near) * sign * 0.5 * (near + far)
        if k < n:
            band_below, volume_below = band_above, volumes[k]
    return total / weight if weight > 0.0 else 0.5 * (low + high)
