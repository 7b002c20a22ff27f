"""How many scenarios are enough? Batches until intervals are as narrow as asked, with every look paid for.

An interval that is looked at again and again, and kept when it happens to be narrow, holds the truth less often than it
says. Here the looks are planned before the first scenario, and each has its share of the error: with K looks and
confidence c every interval has the confidence 1 - (1 - c) / K, so that all K hold the truth together with at least c
(Bonferroni), and so does the one at which the study stopped, whatever made it stop.

References
----------
Jennison, Turnbull (2000), "Group Sequential Methods with Applications to Clinical Trials", chapter 9, repeated
confidence intervals; Bonferroni's bound in place of their joint normal law, because effects here are not normal.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import arguments
from contagion.experiments.compare import compare
from contagion.measures.resampling import DRAWS
from contagion.measures.study import PRIMARY, check_word

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.experiments.arguments import PolicySets
    from contagion.families import Family
    from contagion.network.network import Network
    from contagion.propagation.run import Model
    from contagion.shocks import Shock

__all__ = ["compare_until", "planned"]

LOOKS: Final = 8


@dataclass(frozen=True)
class _Goal:
    """How narrow which intervals must be: full width at most `width`, or `relative` times the size of the effect."""

    metric: str
    against: str
    names: tuple[str, ...]
    width: float | None
    relative: float | None

    def missed(self, comparison: Comparison) -> list[str]:
        """Say which intervals are not narrow enough; an interval that there is none of is not."""
        table = comparison.effects(self.metric, self.against)
        rows = table.loc[list(self.names)] if self.names else table
        found = []
        for name, row in rows.iterrows():
            allowed = self._allowed(float(row["difference"]))
            wide = float(row["high"] - row["low"])
            if not wide <= allowed:
                what = (
                    "has no interval" if math.isnan(wide) else f"is {wide:.4g} wide, more than {allowed:.4g}"
                )
                found.append(f"{str(name)!r} {what}")
        return found

    def _allowed(self, difference: float) -> float:
        return self.width if self.width is not None else float(self.relative or 0.0) * abs(difference)


def compare_until(
    net: Network | None = None,
    shock: Family | Shock | Sequence[Shock] | None = None,
    model: Model | None = None,
    policies: PolicySets | None = None,
    *,
    metric: str = PRIMARY,
    against: str = "none",
    effects: str | Sequence[str] | None = None,
    width: float | None = None,
    relative: float | None = None,
    batch: int = 100,
    most: int = 5000,
    looks: int = LOOKS,
    level: float = 0.95,
    store: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Comparison:
    """Run scenarios until the intervals of the effects are as narrow as asked.

    Parameters
    ----------
    net, shock, model, policies
        As in `contagion.compare`.
    metric : str, default "system_loss"
        The metric that the study is about, and whose intervals are looked at.
    against : str, default "none"
        The set that the others are compared with.
    effects : str or sequence of str, optional
        Names of the sets whose intervals must be narrow; all if not given.
    width : float, optional
        Full width of the intervals (high - low), in the metric's unit. Either this or `relative`.
    relative : float, optional
        Full width as a share of the size of the effect; 0.2 is about ±10 %.
    batch : int, default 100
        Scenarios before the first look, and in every batch; no interval is given below 25.
    most : int, default 5000
        Scenarios at which the study stops in any case.
    looks : int, default 8
        Planned looks, from `batch` to `most` scenarios in about equal ratios.
    level : float, default 0.95
        Coverage that the intervals have all together over the looks, for each effect.
    store : str or path, optional
        A folder that keeps finished rows; a temporary one if not given. No scenario runs twice.
    **options
        seed, n_jobs, networks, progress, timeout and max_error_rate of `contagion.compare`.

    Returns
    -------
    Comparison
        That of ``contagion.compare(..., n=n, level=1 - (1 - level) / looks, metric=metric)`` for the n at which it
        stopped, bit for bit, with a note that says why it stopped, and the plan in ``provenance["stopping"]``.

    Raises
    ------
    SchemaError, ValueRangeError
        If not one of `width` and `relative` is given, a number is out of range, or a name does not exist; if there are
        so many looks that the bootstrap's draws cannot tell their level.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> cmp = ct.compare_until(
    ...     net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=600.0), width=1.0, batch=25, most=50, looks=2
    ... )
    >>> cmp.n, cmp.level
    (25, 0.975)
    """
    level = arguments.share("level", level)
    sizes = planned(batch, most, looks)
    stricter = _paid(level, len(sizes))
    names = _names(effects, policies, against)
    goal = _Goal(metric, against, names, *_narrow(width, relative))
    arguments.scenarios(shock, most, weights=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if store is None else store
        given = {**options, "level": stricter, "metric": metric, "store": folder}
        for n in sizes:
            comparison = compare(net, shock, model, policies, n=n, **given)
            if len(comparison.missing):
                return comparison
            missed = goal.missed(comparison)
            if not missed:
                break
    reason = (
        "the intervals are as narrow as asked" if not missed else f"no more are allowed, {'; '.join(missed)}"
    )
    note = (
        f"stopped at look {sizes.index(n) + 1} of {len(sizes)}, n = {n:,}: {reason}; intervals have the level "
        f"{stricter:.6g}, so that all looks together have {level:g}"
    )
    plan = {"looks": sizes, "level": level, "width": width, "relative": relative, "effects": list(names)}
    return replace(
        comparison,
        note="; ".join(filter(None, [comparison.note, note])),
        provenance={**comparison.provenance, "stopping": {**plan, "against": against, "note": note}},
    )


def planned(batch: int, most: int, looks: int) -> list[int]:
    """Return the numbers of scenarios at which a study is looked at: whole batches, in about equal ratios.

    Parameters
    ----------
    batch, most, looks : int
        As in `compare_until`.

    Raises
    ------
    SchemaError, ValueRangeError
        If one is no whole number or out of range.

    Examples
    --------
    >>> planned(100, 5000, 8)
    [100, 200, 400, 600, 1000, 1700, 2900, 5000]
    """
    for name, value, low in (("batch", batch, 1), ("most", most, batch), ("looks", looks, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise SchemaError("is no integer", where=name, value=value, allowed="a whole number")
        if value < low:
            raise ValueRangeError("is out of range", where=name, value=value, allowed=f"at least {low}")
    if looks == 1:
        return [int(most)]
    steps = batch * (most / batch) ** (np.arange(looks) / (looks - 1.0))
    whole = np.minimum(np.ceil(steps / batch - 1e-9).astype(np.int64) * batch, most)
    return sorted({*whole.tolist()[:-1], int(most)})


def _paid(level: float, looks: int) -> float:
    """Return the level of one interval of so many."""
    error = (1.0 - level) / looks
    if error * (DRAWS + 1) / 2.0 < 1.0 - 1e-9:
        least = int((1.0 - level) * (DRAWS + 1) / 2.0 + 1e-9)
        raise ValueRangeError(
            f"are more than {DRAWS} bootstrap draws can pay for at level {level:g}",
            where="looks",
            value=looks,
            allowed=f"at most {least}",
        )
    return 1.0 - error


def _narrow(width: float | None, relative: float | None) -> tuple[float | None, float | None]:
    if (width is None) == (relative is None):
        raise SchemaError(
            "either width or relative is needed", remedy="give one of them, such as relative=0.2"
        )
    name, value = ("width", width) if relative is None else ("relative", relative)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where=name, value=value, allowed="a number above 0")
    if not 0.0 < float(value) < math.inf:
        raise ValueRangeError("is out of range", where=name, value=value, allowed="a number above 0")
    return width, relative


def _names(effects: str | Sequence[str] | None, policies: PolicySets | None, against: str) -> tuple[str, ...]:
    sets = arguments.policy_sets(policies)
    check_word("against", against, sets)
    names = () if effects is None else (effects,) if isinstance(effects, str) else tuple(effects)
    for name in names:
        check_word("effects", name, [known for known in sets if known != against])
    return names
