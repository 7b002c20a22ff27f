"""Has a sampler run long enough? Effective sample size, autocorrelation and split R-hat of several chains.

References
----------
Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, sections 11.4 and 11.5, for both measures. Geyer (1992),
Statistical Science 7(4), for where the sum of autocorrelations ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray

__all__ = ["diagnose"]


def diagnose(traces: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return effective sample size, autocorrelation from draw to draw, and split R-hat.

    Parameters
    ----------
    traces : numpy.ndarray, shape (n_chains, n_draws, n_quantities)
        At least four draws a chain.

    Returns
    -------
    effective, autocorrelation, r_hat : numpy.ndarray, shape (n_quantities,)
        NaN below four draws. A quantity that never changes has as many effective draws as draws, no autocorrelation
        and R-hat 1; one that is constant within chains and differs between them has R-hat infinity.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(4, 1000, 1))
    >>> effective, _, r_hat = diagnose(draws)
    >>> bool(effective[0] > 3000), bool(r_hat[0] < 1.01)
    (True, True)
    """
    chains, length, quantities = traces.shape
    half = length // 2
    if half < 2:
        unknown = np.full(quantities, np.nan)
        return unknown, unknown.copy(), unknown.copy()
    split = np.concatenate([traces[:, :half], traces[:, length - half :]])
    covariance = _autocovariance(split)
    within = covariance[:, 0].mean(0) * half / (half - 1)
    between = split.mean(1).var(0, ddof=1)
    pooled = within * (half - 1) / half + between
    scale = np.abs(traces).max((0, 1)) + np.finfo(float).tiny
    still, same = within <= (1e-13 * scale) ** 2, between <= (1e-13 * scale) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = 1.0 - (within - covariance.mean(0) * half / (half - 1)) / pooled
        r_hat = np.sqrt(pooled / within)
        lag = covariance[:, 1].mean(0) / covariance[:, 0].mean(0)
    count = float(2 * chains * half)
    effective = np.minimum(count / _time(correlation), count * np.log10(count))
    stuck = still & ~same
    return (
        np.where(still & same, float(chains * length), np.where(stuck, 2.0 * chains, effective)),
        np.where(still, np.where(same, 0.0, 1.0), lag),
        np.where(still, np.where(same, 1.0, np.inf), r_hat),
    )


def _autocovariance(split: FloatArray) -> NDArray[np.float64]:
    """Autocovariances at lags 0, 1, ... by a fast Fourier transform, shape of `split`."""
    length = split.shape[1]
    spectrum = np.fft.rfft(split - split.mean(1, keepdims=True), 2 * length, axis=1)
    found = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length] / length
    return np.asarray(found)


def _time(correlation: FloatArray) -> FloatArray:
    """Autocorrelation time: sums of pairs of neighbours, while positive, made falling."""
    even = correlation.shape[0] // 2 * 2
    pairs = correlation[:even:2] + correlation[1:even:2]
    pairs = np.where(np.isfinite(pairs), pairs, 0.0)
    pairs = np.minimum.accumulate(np.where(np.cumprod(pairs > 0.0, axis=0), pairs, 0.0), axis=0)
    return np.asarray(np.maximum(2.0 * pairs.sum(0) - 1.0, 1e-300))
