"""Who fails after one bank did? Compiled cascades on sparse graphs, run to their least fixed point."""

import math

import numpy as np
from numpy.typing import NDArray

from contagion.compiled import inner, kernel

SLACK = 1e-12  # a loss exceeds a buffer when it does so by more than this

IntArray = NDArray[np.int64]


@kernel
def overlap_failures(
    bank_start: IntArray,
    asset_of: IntArray,
    asset_start: IntArray,
    holder_of: IntArray,
    first: int,
    elasticity: float,
    equity: float,
) -> int:
    """How many banks fail when `first` does and failed banks sell all they hold.

    Parameters
    ----------
    bank_start, asset_of
        Bank b holds ``asset_of[bank_start[b]:bank_start[b + 1]]``, worth 1 in all, in equal shares.
    asset_start, holder_of
        The same links by asset.
    first
        The bank that fails at the start.
    elasticity
        Fall of the log price of an asset if all of it is sold.
    equity
        Loss above which a bank fails, as a share of its assets.
    """
    n_banks, n_assets = len(bank_start) - 1, len(asset_start) - 1
    held = np.zeros(n_assets)
    sold = np.zeros(n_assets)
    fall = np.zeros(n_assets)
    for b in range(n_banks):
        for k in range(bank_start[b], bank_start[b + 1]):
            held[asset_of[k]] += 1.0 / (bank_start[b + 1] - bank_start[b])
    queue = np.empty(n_banks, dtype=np.int64)
    queue[0] = first
    failed = np.zeros(n_banks, dtype=np.bool_)
    failed[first] = True
    moved = np.full(n_assets, -1, dtype=np.int64)
    touched = np.empty(n_assets, dtype=np.int64)
    seen = np.full(n_banks, -1, dtype=np.int64)
    done = 0
    total = 1
    while done < total:
        wave = total
        n_touched = 0
        for q in range(done, wave):
            b = queue[q]
            for k in range(bank_start[b], bank_start[b + 1]):
                a = asset_of[k]
                sold[a] += 1.0 / (bank_start[b + 1] - bank_start[b])
                if moved[a] != wave:
                    moved[a] = wave
                    touched[n_touched] = a
                    n_touched += 1
        for t in range(n_touched):
            a = touched[t]
            fall[a] = 1.0 - math.exp(-elasticity * min(sold[a] / held[a], 1.0))
        for t in range(n_touched):
            for k in range(asset_start[touched[t]], asset_start[touched[t] + 1]):
                b = holder_of[k]
                if failed[b] or seen[b] == wave:
                    continue
                seen[b] = wave
                loss = 0.0
                for m in range(bank_start[b], bank_start[b + 1]):
                    loss += fall[asset_of[m]]
                if loss / (bank_start[b + 1] - bank_start[b]) > equity + SLACK:
                    failed[b] = True
                    queue[total] = b
                    total += 1
        done = wave
    return total


@kernel
def claims_failures(
    start: IntArray, creditor: IntArray, in_degree: IntArray, first: int, claims: float, capital: float
) -> int:
    """How many banks fail when `first` does and claims on failed banks are lost.

    Parameters
    ----------
    start, creditor
        Bank i owes ``creditor[start[i]:start[i + 1]]``.
    in_degree
        Debtors of each bank; its claims on them are equal.
    first
        The bank that fails at the start.
    claims, capital
        Interbank assets of a bank that has any, and the loss above which it fails.
    """
    n = len(in_degree)
    queue = np.empty(n, dtype=np.int64)
    queue[0] = first
    lost = np.zeros(n, dtype=np.int64)
    failed = np.zeros(n, dtype=np.bool_)
    failed[first] = True
    done = 0
    total = 1
    while done < total:
        for k in range(start[queue[done]], start[queue[done] + 1]):
            j = creditor[k]
            lost[j] += 1
            if not failed[j] and lost[j] * (claims / in_degree[j]) > capital + SLACK:
                failed[j] = True
                queue[total] = j
                total += 1
        done += 1
    return total


@inner
def _holds_beside(bank_start: IntArray, asset_of: IntArray, bank: int, asset: int, beside: int) -> bool:
    """Whether a bank holds an asset through another link than `beside`."""
    hits = 0
    for k in range(bank_start[bank], bank_start[bank + 1]):
        if k != beside and asset_of[k] == asset:
            hits += 1
    return hits > 0


@kernel
def without_doubles(bank_start: IntArray, asset_of: IntArray, swaps: IntArray) -> int:
    """Swap assets between links until no bank holds one twice; how many of the random `swaps` that took.

    `asset_of` is changed in place; -1 if there were not enough of them.
    """
    n_banks = len(bank_start) - 1
    owner = np.empty(len(asset_of), dtype=np.int64)
    for b in range(n_banks):
        for k in range(bank_start[b], bank_start[b + 1]):
            owner[k] = b
    used = 0
    for k in range(len(asset_of)):
        while _holds_beside(bank_start, asset_of, owner[k], asset_of[k], k):
            if used == len(swaps):
                return -1
            other = swaps[used]
            used += 1
            mine, theirs = asset_of[k], asset_of[other]
            if _holds_beside(bank_start, asset_of, owner[k], theirs, -1):
                continue
            if _holds_beside(bank_start, asset_of, owner[other], mine, -1):
                continue
            asset_of[k] = theirs
            asset_of[other] = mine
    return used
