"""What differs between two studies, and what difference does it make?

Where both drew the same scenarios (seed, shocks, number of networks), differences are paired, scenario by scenario, as
between two policy sets of one study, with the weights of the scenarios where these carry some. Where they did not,
means are compared without pairs, and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.comparison import Comparison, unweighted
from contagion.errors import SchemaError, UnitError, ValueRangeError, nearest
from contagion.experiments.load import Absent, load_results
from contagion.experiments.plain import digest, plain
from contagion.measures.paired import holm, paired_effect
from contagion.measures.panel import WEIGHT
from contagion.measures.shortfall import check_level
from contagion.measures.unpaired import unpaired_difference
from contagion.measures.weighted import weighted_effects, weighted_mean

__all__ = ["StudyComparison", "compare_studies"]

HEADLINES: Final = (
    "system_loss",
    "liquidated_notional",
    "adl_notional",
    "bad_debt",
    "deferred_notional",
    "node_defaults",
    "policy_cost",
)
NONE: Final = "none"
COLUMNS: Final = (
    "policy", "metric", "what", "first", "second", "difference", "low", "high", "p_value", "p_adjusted", "n", "note",
)  # fmt: skip

Study = Comparison | str | os.PathLike[str]


@dataclass(frozen=True, eq=False, repr=False)
class StudyComparison:
    """Two studies side by side, made by `compare_studies`.

    Parameters
    ----------
    names : (str, str)
        What the studies are called.
    differs : pandas.DataFrame
        Index field; first, second: what the studies say of it, where they say different things.
    table : pandas.DataFrame
        One row per policy set in common, metric and question: policy, metric, what (``level``: the metric itself;
        ``effect``: what the set changes against "none"), first, second (means), difference (second minus first) with
        low, high and p_value, p_adjusted (Holm, over the sets of one metric and question), n (pairs, or the smaller
        side), note.
    paired : bool
        Whether the scenarios are the same.
    pairing : str
        Why they are, or why not, in words.
    only_first, only_second : tuple of str
        Policy sets that the other study lacks.
    unit : str
        Unit of money.
    level : float
        Coverage of the intervals.
    """

    names: tuple[str, str]
    differs: pd.DataFrame
    table: pd.DataFrame
    paired: bool
    pairing: str
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    unit: str
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return every difference: policy, metric, what, first, second, difference, low, high, p_value, ..."""
        return self.table.copy()

    @property
    def sentence(self) -> str:
        """What differs, how sure that is, in words."""
        rows = self.table.to_dict("records")
        clear = [
            row for row in rows if row["metric"] == rows[0]["metric"] and row["p_adjusted"] < 1.0 - self.level
        ]
        fields = ", ".join(str(name) for name in self.differs.index[:5]) or "nothing that is recorded"
        more = f" and {len(self.differs) - 5} more" if len(self.differs) > 5 else ""
        said = f"Between {self.names[0]} and {self.names[1]} differ {fields}{more}; {self.pairing}"
        if not clear:
            return f"{said}; no difference of mean {rows[0]['metric']} is clear of zero."
        told = "; ".join(f"{_question(row)} differs by {row['difference']:+.4g}" for row in clear[:3])
        return f"{said}; in {self.names[1]}, {told}."

    def __repr__(self) -> str:
        return f"Two studies\n  {self.sentence}"


def _question(row: dict[Any, Any]) -> str:
    if row["what"] == "level":
        return f"mean {row['metric']} under {row['policy']}"
    return f"the effect of {row['policy']} on mean {row['metric']}"


def compare_studies(
    first: Study,
    second: Study,
    metrics: Sequence[str] | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    level: float | None = None,
) -> StudyComparison:
    """Compare two studies: what differs in what they assume, and in what they find.

    Parameters
    ----------
    first, second : Comparison or path
        Two studies, or the folders that ``contagion.compare(..., store=folder)`` wrote.
    metrics : sequence of str, optional
        What is compared, the first the one that the question is about; the usual ones if not given.
    names : (str, str), default ("first", "second")
        What the studies are called.
    level : float, optional
        Coverage of the intervals; that of the first study if not given.

    Returns
    -------
    StudyComparison
        What differs, and for every policy set in common the difference of every metric, and of its effect against
        "none": paired where seed, shocks and number of networks make the scenarios the same.

    Raises
    ------
    SchemaError, ValueRangeError
        If a study is none, a metric is in one of them only, or a level is out of range; or scenarios carry weights
        (importance sampling) and are not the same in both studies.
    UnitError
        If they count in different money.
    InputError, CorruptResultError
        If a folder holds no results, or damaged ones.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> family, halt = ct.PriceShocks.normal(0.1), {"halt": [ct.Halt(drop=0.1)]}
    >>> slow, fast = (ct.compare(net, family, ct.Cascade(step=s), halt, n=2) for s in (900.0, 600.0))
    >>> found = compare_studies(slow, fast)
    >>> found.paired, list(found.differs.index)
    (True, ['model'])
    """
    one, two = _study(first, "first"), _study(second, "second")
    if isinstance(names, str) or len(names) != 2 or not all(isinstance(name, str) and name for name in names):
        raise SchemaError(
            "are no two names", where="names", value=names, allowed='such as ("before", "after")'
        )
    confidence = check_level(one.level if level is None else level)
    units = (one.networks[0].unit, two.networks[0].unit)
    if units[0] != units[1]:
        raise UnitError(f"count in {units[0]} and in {units[1]}", where="studies", remedy="compare one unit")
    chosen = _metrics(one, two, metrics)
    common = [name for name in one.policies if name in two.policies]
    reason = _why_not_paired(one, two)
    if reason:
        unweighted(one, f"first, compared without pairs ({reason})")
        unweighted(two, f"second, compared without pairs ({reason})")
    rows = [
        _row(one, two, name, metric, what, confidence, not reason)
        for metric in chosen
        for what in ("level", "effect")
        for name in common
        if not (what == "effect" and name == NONE)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for _, part in table.groupby(["metric", "what"], sort=False):
        table.loc[part.index, "p_adjusted"] = holm(part["p_value"].to_numpy(np.float64))
    table.loc[table["metric"] != chosen[0], "note"] = [
        "; ".join(filter(None, ["exploratory", note]))
        for note in table.loc[table["metric"] != chosen[0], "note"]
    ]
    return StudyComparison(
        names=(names[0], names[1]),
        differs=_differing(one, two),
        table=table,
        paired=not reason,
        pairing=_pairing(one, two, reason),
        only_first=tuple(name for name in one.policies if name not in two.policies),
        only_second=tuple(name for name in two.policies if name not in one.policies),
        unit=units[0],
        level=confidence,
    )


def _study(thing: Study, where: str) -> Comparison:
    found = load_results(thing) if isinstance(thing, (str, os.PathLike)) else thing
    if isinstance(found, Comparison):
        return found
    raise SchemaError(
        "is no study", where=where, value=thing, allowed="a Comparison, or the folder of a store"
    )


def _metrics(one: Comparison, two: Comparison, asked: Sequence[str] | None) -> list[str]:
    common = [name for name in one.metric_names if name in two.metric_names]
    if asked is None:
        chosen: list[str] = [name for name in HEADLINES if name in common] or common
    elif isinstance(asked, str) or not isinstance(asked, Sequence):
        raise SchemaError("are no names", where="metrics", value=asked, allowed='such as ["system_loss"]')
    else:
        chosen = list(dict.fromkeys(asked))
    if not chosen:
        raise ValueRangeError("hold no metric in common", where="studies")
    for name in chosen:
        if name not in common:
            what = f"is not in both studies{nearest(name, common)}"
            raise ValueRangeError(what, where="metrics", value=name, allowed=", ".join(common))
    return chosen


def _why_not_paired(one: Comparison, two: Comparison) -> str:
    """Empty if scenario i is the same in both studies, as far as both reach."""
    if one.seed != two.seed:
        return f"their seeds are {one.seed} and {two.seed}"
    if len(one.networks) != len(two.networks):
        return f"they ran on {len(one.networks)} and on {len(two.networks)} networks"
    if isinstance(one.family, Absent) or isinstance(two.family, Absent):
        return "the code of the shocks is not in the folder of results"
    if digest(plain(one.family, "shock")) != digest(plain(two.family, "shock")):
        return "their shocks are drawn from different families"
    n = min(one.n, two.n)
    drawn = [study.scenarios.iloc[:n].reset_index(drop=True) for study in (one, two)]
    return "" if drawn[0].equals(drawn[1]) else "the same shock moves different assets"


def _pairing(one: Comparison, two: Comparison, reason: str) -> str:
    n = min(one.n, two.n)
    if reason:
        return f"their scenarios are not the same ({reason}), so means are compared without pairs"
    if one.n != two.n:
        return f"the first {n:,} scenarios of both are the same, so differences are paired over these"
    return f"their {n:,} scenarios are the same, so differences are paired"


def _row(
    one: Comparison, two: Comparison, name: str, metric: str, what: str, confidence: float, paired: bool
) -> tuple[object, ...]:
    """Difference of one metric under one set, or of its effect against "none"."""
    left, right = (_values(study, name, metric, what == "effect") for study in (one, two))
    key = ("studies", metric, what, name)
    if paired:
        shared = left.index.intersection(right.index)
        left, right = left.loc[shared], right.loc[shared]
        kept = ~(left["undefined"] | right["undefined"])
        left, right = left[kept], right[kept]
    else:
        left, right = left[~left["undefined"]], right[~right["undefined"]]
    a, b = left["value"].to_numpy(np.float64), right["value"].to_numpy(np.float64)
    if not len(a) or not len(b):
        return name, metric, what, *([np.nan] * 6), np.nan, 0, "no scenario has a value in both studies"
    if paired:
        how: dict[str, Any] = {
            "confidence": confidence,
            "networks": left["network"].to_numpy(),
            "seed": one.seed,
            "key": key,
        }
        both = np.isfinite(a) & np.isfinite(b)
        if one.weighted:
            load = left[WEIGHT].to_numpy(np.float64)
            effect = weighted_effects([b], a, load, **how)[0]
            means = weighted_mean(a[both], load[both]), weighted_mean(b[both], load[both])
        else:
            effect = paired_effect(b, a, **how)
            means = _mean(a[both]), _mean(b[both])
        numbers = (effect.difference, effect.low, effect.high, effect.p_value, np.nan, effect.n)
        return name, metric, what, *means, *numbers, effect.note
    labels = (left["network"].to_numpy(), right["network"].to_numpy())
    found = unpaired_difference(a, b, confidence=confidence, networks=labels, seed=one.seed, key=key)
    numbers = (
        found.difference,
        found.low,
        found.high,
        found.p_value,
        np.nan,
        min(found.n_first, found.n_second),
    )
    return name, metric, what, _mean(a), _mean(b), *numbers, found.note


def _mean(values: npt.NDArray[np.float64]) -> float:
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else float("nan")


def _values(study: Comparison, name: str, metric: str, effect: bool) -> pd.DataFrame:
    """Index scenario; value (NaN where the run failed), undefined (ran, but has no value), network."""
    frame = study.to_frame()
    own = _column(frame, name, metric)
    if not effect:
        return own
    base = _column(frame, NONE, metric)
    shared = own.index.intersection(base.index)
    own, base = own.loc[shared], base.loc[shared]
    return own.assign(value=own["value"] - base["value"], undefined=own["undefined"] | base["undefined"])


def _column(frame: pd.DataFrame, name: str, metric: str) -> pd.DataFrame:
    rows = frame[frame["policy"] == name].set_index("scenario")
    ok = rows["status"] == "ok"
    value = rows[metric].where(ok)
    found = pd.DataFrame({"value": value, "undefined": ok & ~np.isfinite(value), "network": rows["network"]})
    return found.assign(**{WEIGHT: rows[WEIGHT]}) if WEIGHT in rows else found


def _differing(one: Comparison, two: Comparison) -> pd.DataFrame:
    left, right = (dict(_leaves(_told(study), "")) for study in (one, two))
    fields = [field for field in dict.fromkeys([*left, *right]) if left.get(field) != right.get(field)]
    rows = [(_short(left.get(field)), _short(right.get(field))) for field in fields]
    index = pd.Index(fields, name="field", dtype=object)
    return pd.DataFrame(rows, columns=["first", "second"], index=index, dtype=object)


def _told(study: Comparison) -> dict[str, Any]:
    """What decides over the numbers of a study, as far as it is recorded."""
    told = {name: value for name, value in study.provenance.items() if name != "study"}
    return {**told, "n": study.n, "seed": study.seed, "level": study.level}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)):
        yield path, ", ".join(str(part) for part in value) or "nothing"
    else:
        yield path, str(value)


def _short(text: str | None) -> str:
    if text is None:
        return "not there"
    return text if len(text) <= 300 else f"{text[:299]}…"
