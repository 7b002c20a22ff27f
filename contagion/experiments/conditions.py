"""When has a system broken? A metric, a comparison and a limit, asked of many runs at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import ScenarioError, SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.experiments.runner import OK, Group, Outcome, run_groups

if TYPE_CHECKING:
    from contagion.propagation.run import Prepared

__all__ = ["Condition", "evaluate"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SIGNS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Condition:
    """A metric compared with a limit.

    Parameters
    ----------
    metric : str
        A metric of the model.
    sign : {">=", ">", "<=", "<"}
        How it is compared.
    limit : float
        With what, in the metric's unit.
    """

    metric: str
    sign: str
    limit: float

    @classmethod
    def make(cls, until: object, metrics: Sequence[str]) -> Condition:
        """Check what was asked for and return the condition.

        Raises
        ------
        SchemaError, ValueRangeError
            If it is no triple, or its metric, sign or limit is none.

        Examples
        --------
        >>> Condition.make(("rounds", ">=", 3), ["rounds"]).describe()
        'rounds >= 3'
        """
        if isinstance(until, str) or not isinstance(until, Sequence) or len(until) != 3:
            allowed = 'metric, sign and limit, such as ("venue_defaults", ">=", 1)'
            raise SchemaError("is no condition", where="until", value=until, allowed=allowed)
        metric, sign, limit = until
        for where, word, known in (("until[0]", metric, list(metrics)), ("until[1]", sign, list(SIGNS))):
            if word not in known:
                guess = nearest(str(word), known) if where == "until[0]" else ""
                raise ValueRangeError(
                    f"is unknown{guess}", where=where, value=word, allowed=f"one of {', '.join(known)}"
                )
        return cls(metric, sign, checked.number("until[2]", limit))

    def holds(self, values: Floats) -> Bools:
        """Whether it holds, value by value; never for a value that is missing."""
        found: Bools = np.asarray(SIGNS[self.sign](values, self.limit), dtype=np.bool_)
        return found

    def describe(self) -> str:
        """Return the condition in words."""
        return f"{self.metric} {self.sign} {self.limit:g}"


def evaluate(
    prepared: Prepared, shocks: Sequence[Sequence[Any]], metric: str, *, seed: int, n_jobs: int = 1
) -> Floats:
    """Return one metric of many runs.

    Parameters
    ----------
    prepared : Prepared
        The network under one policy set.
    shocks : sequence of sequences of Shock
        Shock of every point and draw; all points have the same number of draws, and draw j of every point uses the same
        draws of the model (common random numbers).
    metric : str
        Whose value.
    seed : int
        Root seed.
    n_jobs : int, default 1
        Workers, as in `contagion.compare`.

    Returns
    -------
    numpy.ndarray, shape (n_points, n_draws)
        NaN where a run failed.

    Raises
    ------
    ScenarioError
        If every draw of a point failed.
    """
    names = prepared.metric_names
    draws = len(shocks[0])
    outcome = Outcome.empty(len(shocks), draws, len(names))
    groups = [Group(point, prepared, tuple(range(draws)), tuple(row)) for point, row in enumerate(shocks)]
    run_groups(groups, outcome, seed=seed, n_jobs=n_jobs)
    if outcome.interrupted:
        raise KeyboardInterrupt
    values = np.where(outcome.status == OK, outcome.metrics[:, :, names.index(metric)], np.nan)
    failed = (outcome.status != OK).all(axis=1)
    if failed.any():
        point = int(np.argmax(failed))
        what = f"every run failed under {shocks[point][0].describe()}: {outcome.messages[point, 0]}"
        raise ScenarioError(what)
    return np.asarray(values, dtype=np.float64)
