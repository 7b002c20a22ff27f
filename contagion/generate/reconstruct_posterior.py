"""Which networks are likely, given sums and a prior? Draws from the posterior of Gandy and Veraart.

Before the sums are known every debt is absent with probability 1 - link_probability, else exponential. Given the sums,
draws are made by moving money along cycles (`reconstruct_kernels`), in several chains from different feasible
matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate.reconstruct_diagnostics import diagnose
from contagion.generate.reconstruct_flow import plan
from contagion.generate.reconstruct_kernels import sample
from contagion.generate.reconstruct_sums import Sums, read_sums
from contagion.streams import check_seed, stream

__all__ = ["Posterior", "gandy_veraart"]

MOST_CELLS: Final = 200_000_000
BURN_IN: Final = 50


@dataclass(frozen=True)
class Posterior:
    """Draws of networks with given sums, and what they have in common.

    Parameters
    ----------
    posterior_mean : numpy.ndarray or pandas.DataFrame, shape (n, n)
        Mean debt of each bank (row) to each other one (column), money; a frame where banks have names.
    prob_positive : numpy.ndarray or pandas.DataFrame, shape (n, n)
        Share of draws with a link; 0 on the diagonal.
    draws : numpy.ndarray, shape (n_samples, n, n), or None
        The matrices, chain after chain; None if they were not kept.
    diagnostics : pandas.DataFrame
        Columns mean, effective_sample_size, autocorrelation (from draw to draw) and split_r_hat; rows links,
        concentration (sum of squares over the squared total) and, where draws were kept, worst_entry: the worst of
        all entries.
    moved : float
        Share of cycles that had room to move money.
    link_probability, rate : float
        The prior.
    chains, thin, burn_in : int
        Chains; cycles from a draw to the next; draws left out at the start of each chain.
    names : pandas.Index, optional
        Labels of the banks.
    """

    posterior_mean: Any
    prob_positive: Any
    draws: FloatArray | None
    diagnostics: pd.DataFrame
    moved: float
    link_probability: float
    rate: float
    chains: int
    thin: int
    burn_in: int
    names: pd.Index | None = None


def gandy_veraart(
    interbank_liabilities: Any,
    interbank_assets: Any,
    *,
    link_probability: float,
    rate: float | None = None,
    n_samples: int = 1000,
    seed: int = 0,
    chains: int = 4,
    thin: int | None = None,
    burn_in: int = BURN_IN,
    keep_draws: bool = True,
) -> Posterior:
    """Draw networks from their posterior given row and column sums.

    Parameters
    ----------
    interbank_liabilities, interbank_assets : array_like, Series or mapping, shape (n,)
        Row and column sums of the matrix of debts, money >= 0. Both labelled, joined by name, or neither.
    link_probability : float
        Prior probability of every debt, above 0 and at most 1.
    rate : float, optional
        Rate of the exponential prior of a debt that exists, one over money; by default that with which the expected
        total is the given one.
    n_samples : int, default 1000
        Draws kept, over all chains.
    seed : int, default 0
        Same seed, same bits. The first draws of a chain do not depend on how many are asked for.
    chains : int, default 4
        Chains, each from a feasible matrix of its own.
    thin : int, optional
        Cycles from a draw to the next; by default 8 times the entries, at least 40. Networks that are nearly as
        sparse as the sums allow need many more: see the diagnostics.
    burn_in : int, default 50
        Draws left out at the start of each chain.
    keep_draws : bool, default True
        Whether the matrices are kept.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        If a number is not finite or negative, lengths, labels or totals differ, the sums are infeasible, or a
        parameter is outside its range.
    TooLargeError
        If draws to be kept have more than 200 million entries.

    Examples
    --------
    >>> found = gandy_veraart([3, 2, 2.5], [1.5, 2.75, 3.25], link_probability=0.6, rate=0.5, n_samples=2000)
    >>> bool(abs(found.prob_positive[1, 0] - 0.68) < 0.05)
    True

    Notes
    -----
    Round sums are information: where some debtors owe exactly what some creditors are owed, networks in which they
    settle among themselves have all the mass, however large `link_probability` is. Add the digits that rounding took
    away if they are not meant.

    References
    ----------
    Gandy, Veraart (2017), Management Science 63(12).
    """
    sums = read_sums(interbank_liabilities, interbank_assets)
    share = real(link_probability, "link_probability", above=0.0, high=1.0)
    count, lines = _whole(n_samples, "n_samples", 1), _whole(chains, "chains", 1)
    steps = max(40, 8 * sums.n**2) if thin is None else _whole(thin, "thin", 1)
    skipped = _whole(burn_in, "burn_in", 0)
    check_seed(seed)
    per_money = share * max(1, sums.n * (sums.n - 1)) / (sums.total or 1.0)
    per_money = per_money if rate is None else real(rate, "rate", above=0.0)
    if keep_draws and count * sums.n**2 > MOST_CELLS:
        raise TooLargeError(
            "draws are too many to keep", where="n_samples", value=count, remedy="keep_draws=False, or fewer"
        )
    run = _Run(sums, (1.0 - share) / (share * per_money), steps, skipped, bool(keep_draws))
    lengths = [count // lines + (chain < count % lines) for chain in range(min(lines, count))]
    for chain, length in enumerate(lengths):
        run.chain(seed, chain, length)
    mean, positive = run.mean / count, run.positive / count
    return Posterior(
        sums.labelled(mean),
        sums.labelled(positive),
        np.concatenate(run.draws) if keep_draws else None,
        run.diagnostics(min(lengths)),
        run.moves / run.cycles,
        share,
        per_money,
        len(lengths),
        steps,
        skipped,
        sums.names,
    )


class _Run:
    """Chains of one posterior and what they add up to."""

    def __init__(self, sums: Sums, atom: float, thin: int, burn_in: int, keep: bool) -> None:
        self.sums, self.atom, self.thin, self.burn_in, self.keep = sums, atom, thin, burn_in, keep
        self.mean, self.positive = np.zeros((sums.n, sums.n)), np.zeros((sums.n, sums.n))
        self.draws: list[FloatArray] = []
        self.traces: list[FloatArray] = []
        self.cycles = self.moves = 0

    def chain(self, seed: int, chain: int, length: int) -> None:
        """Run one chain from a feasible matrix of its own: banks served in a random order."""
        n = self.sums.n
        random = stream(seed, "reconstruction", chain)
        matrix = np.zeros((n, n))
        debtor, creditor, amount = plan(
            self.sums.owed, self.sums.claimed, random.permutation(n), random.permutation(n)
        )
        np.add.at(matrix, (debtor, creditor), amount)
        draws = np.zeros((length if self.keep else 0, n, n))
        traces = np.zeros((length, 2))
        cycles, moves = sample(
            matrix,
            np.flatnonzero(self.sums.owed > 0.0),
            np.flatnonzero(self.sums.claimed > 0.0),
            random,
            self.atom,
            self.burn_in,
            self.thin,
            self.keep,
            draws,
            self.mean,
            self.positive,
            traces,
        )
        traces[:, 1] /= self.sums.total**2 or 1.0
        self.draws.append(draws)
        self.traces.append(traces)
        self.cycles += cycles
        self.moves += moves

    def diagnostics(self, length: int) -> pd.DataFrame:
        """How well the chains mix."""
        traces = np.stack([trace[:length] for trace in self.traces])
        effective, lag, r_hat = diagnose(traces)
        rows = {
            name: [traces[..., k].mean(), effective[k], lag[k], r_hat[k]]
            for k, name in enumerate(("links", "concentration"))
        }
        if self.keep:
            rows["worst_entry"] = self._worst(length)
        columns = ["mean", "effective_sample_size", "autocorrelation", "split_r_hat"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def _worst(self, length: int) -> list[float]:
        """The worst of each measure over all entries, row by row."""
        found = []
        for bank in range(self.sums.n):
            effective, lag, r_hat = diagnose(np.stack([draws[:length, bank] for draws in self.draws]))
            found.append([effective.min(), lag.max(), r_hat.max()])
        rows = np.array(found)
        return [np.nan, float(rows[:, 0].min()), float(rows[:, 1].max()), float(rows[:, 2].max())]


def _whole(value: object, where: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise SchemaError("is no whole number", where=where, value=value)
    if value < least:
        raise ValueRangeError("is too few", where=where, value=value, allowed=f"at least {least}")
    return int(value)
