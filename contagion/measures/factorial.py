"""Do two rules help each other, or do they do the same work twice? Effects and interactions in a full factorial design.

With rules A and B and the sets none, A, B and A + B on the same scenarios, the interaction is (A + B) - A - B + none:
0 if the effects add up, negative if together they save more than the sum, positive if they do the same work twice. The
main effect of A is the mean of its two differences, without and with B. Both are contrasts, scenario by scenario, so
the bootstrap of paired differences applies to them as it is.

References
----------
Box, Hunter, Hunter (2005), Statistics for Experimenters, chapter 5: contrasts of two-level factorial designs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.paired import PairedEffect, holm, paired_effect
from contagion.measures.panel import weights_of
from contagion.measures.weighted import weighted_effects

__all__ = ["JOIN", "contrasts", "factorial", "factors_of"]

JOIN: Final = " + "
MOST_FACTORS: Final = 6
Item = TypeVar("Item")


def factorial(parts: Mapping[str, Item | Sequence[Item]]) -> dict[str, list[Item]]:
    """Return every combination of some rules, as policy sets for `contagion.compare`.

    Parameters
    ----------
    parts : mapping of str to policy or list of policies
        Name of a factor -> what it adds to a set; 2 to 6 factors.

    Returns
    -------
    dict of str to list
        2^k - 1 sets, named ``"a"``, ``"b"``, ``"a + b"`` ...; "none" is the last of the 2^k, and added by `compare`.

    Raises
    ------
    SchemaError, ValueRangeError
        If there are fewer than 2 or more than 6 factors, or a name contains `` + ``.

    Examples
    --------
    >>> import contagion as ct
    >>> list(factorial({"halt": ct.Halt(drop=0.1), "fund": ct.InsuranceFund(factor=2.0)}))
    ['halt', 'fund', 'halt + fund']
    """
    if not isinstance(parts, Mapping):
        raise SchemaError(
            "is no mapping of names to policies",
            where="parts",
            value=parts,
            allowed="{'halt': ct.Halt(...), ...}",
        )
    if not 2 <= len(parts) <= MOST_FACTORS:
        allowed = f"2 to {MOST_FACTORS} factors"
        raise ValueRangeError(
            "has another number of factors", where="parts", value=len(parts), allowed=allowed
        )
    for name in parts:
        if JOIN in name or name in ("none", "placebo"):
            raise ValueRangeError("can't be the name of a factor", where="parts", value=name)
    lists = {name: list(one) if isinstance(one, Sequence) else [one] for name, one in parts.items()}
    sets: dict[str, list[Item]] = {}
    for size in range(1, len(lists) + 1):
        for chosen in combinations(lists, size):
            sets[JOIN.join(chosen)] = [item for name in chosen for item in lists[name]]
    return sets


def factors_of(names: Sequence[str]) -> list[str]:
    """Return the factors whose every combination is among the names of some sets.

    Raises
    ------
    ValueRangeError
        If no combination is there, or some are missing.
    """
    joint = [name.split(JOIN) for name in names if JOIN in name]
    factors = list(dict.fromkeys(part for parts in joint for part in parts))
    ordered = [name for name in names if name in factors]
    wanted = [JOIN.join(c) for size in range(1, len(factors) + 1) for c in combinations(ordered, size)]
    missing = [name for name in wanted if name not in names] + [f for f in factors if f not in names]
    if not factors or missing:
        what = (
            "lacks " + ", ".join(repr(name) for name in missing[:5]) if missing else "holds no combined set"
        )
        raise ValueRangeError(
            what, where="policy sets", remedy="compare ct.factorial({...}), which makes every combination"
        )
    return ordered


def contrasts(frame: pd.DataFrame, metric: str, *, confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Return main effects and interactions of a full factorial design.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns policy, scenario, network, status and the metric; sets named as `factorial` names them, and "none".
    metric : str
        The metric.
    confidence : float, default 0.95
        Coverage of the intervals.
    seed : int, default 0
        Root seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Index term (``"a"`` the main effect, ``"a × b"`` an interaction, ...); order, effect, low, high, p_value,
        p_adjusted (Holm over all terms), n, note. Scenarios that failed under a set of the design are left out, and
        counted in the note.

    Raises
    ------
    ValueRangeError
        If a combination is missing.
    """
    names = [str(name) for name in dict.fromkeys(frame["policy"])]
    factors = factors_of(names)
    ok = frame[frame["status"] == "ok"].pivot(index="scenario", columns="policy", values=metric)
    chosen = [JOIN.join(c) for size in range(1, len(factors) + 1) for c in combinations(factors, size)]
    table = ok[["none", *chosen]].dropna()
    left_out = frame["scenario"].nunique() - len(table)
    networks = frame.drop_duplicates("scenario").set_index("scenario")["network"].loc[table.index].to_numpy()
    weights = weights_of(frame, table.index)
    rows = []
    for size in range(1, len(factors) + 1):
        for term in combinations(factors, size):
            plus, minus = _sides(table, factors, term)
            effect = _effect(
                plus, minus, weights, confidence=confidence, networks=networks, seed=seed, metric=metric
            )
            note = effect.note
            if left_out:
                note = "; ".join(
                    filter(None, [note, f"{left_out:,} scenarios did not finish and are left out"])
                )
            numbers = (effect.difference, effect.low, effect.high, effect.p_value, np.nan, effect.n)
            rows.append((" × ".join(term), size, *numbers, note))
    columns = ["term", "order", "effect", "low", "high", "p_value", "p_adjusted", "n", "note"]
    found = pd.DataFrame(rows, columns=columns).set_index("term")
    found["p_adjusted"] = holm(found["p_value"].to_numpy())
    found.attrs = {"metric": metric, "confidence": confidence, "seed": int(seed)}
    return found


def _sides(
    table: pd.DataFrame, factors: Sequence[str], term: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the sets with a positive and a negative sign, times the scale of the contrast.

    The contrast of a term of size s over k factors is the sum over sets of signs, divided by 2^(k - s): the interaction
    of two factors is then (ab) - a - b + none, averaged over the other factors.
    """
    scale = 2.0 ** (len(factors) - len(term))
    plus, minus = np.zeros(len(table)), np.zeros(len(table))
    for size in range(len(factors) + 1):
        for chosen in combinations(factors, size):
            values = table[JOIN.join(chosen) if chosen else "none"].to_numpy(dtype=np.float64)
            absent = sum(name not in chosen for name in term)
            if absent % 2 == 0:
                plus += values / scale
            else:
                minus += values / scale
    return plus, minus


def _effect(
    plus: np.ndarray,
    minus: np.ndarray,
    weights: np.ndarray | None,
    *,
    confidence: float,
    networks: np.ndarray,
    seed: int,
    metric: str,
) -> PairedEffect:
    key = ("contrast", metric)
    if weights is None:
        return paired_effect(plus, minus, confidence=confidence, networks=networks, seed=seed, key=key)
    return weighted_effects(
        [plus], minus, weights, confidence=confidence, networks=networks, seed=seed, key=key
    )[0]
