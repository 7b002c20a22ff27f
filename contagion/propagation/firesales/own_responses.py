"""Does somebody's own response answer what the engine can carry out? Answers are checked, built-in rules are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contagion.errors import SchemaError, ValueRangeError
from contagion.propagation.firesales.responses import (
    Action,
    AllOnDefault,
    CapitalRatio,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    Response,
    SetFractions,
    State,
)

__all__ = ["checked"]

BUILT_IN = (AllOnDefault, CapitalRatio, LeverageBands, LeverageTarget, LeverageThreshold, SetFractions)
FIELDS = ("fraction", "demand", "ratio", "paid", "failing")


@dataclass(frozen=True)
class _Checked:
    """Somebody's own response with its answers checked."""

    response: Response

    def act(self, state: State) -> Action:
        """As in `Response`."""
        found = self.response.act(state)
        where, shape = f"{type(self.response).__name__}.act", state.equity.shape
        wrong = [name for name in FIELDS if np.asarray(getattr(found, name, None)).shape != shape]
        if wrong:
            raise SchemaError(
                f"gives no {wrong[0]} per bank and scenario",
                where=where,
                value=found,
                allowed=f"an Action of arrays in the shape {shape}",
            )
        for name in ("fraction", "demand", "paid"):
            values = np.asarray(getattr(found, name))
            if not np.isfinite(values).all():
                raise ValueRangeError(
                    f"gives a {name} that is not finite",
                    where=where,
                    value=values.tolist(),
                    allowed="numbers",
                )
        if (np.asarray(found.fraction) > 1.0).any():
            raise ValueRangeError(
                "sells more than is held",
                where=where,
                value=float(found.fraction.max()),
                allowed="fraction <= 1",
            )
        return found


def checked(response: Response) -> Response:
    """Return the response; one that is not built in refuses answers that are none.

    Parameters
    ----------
    response : Response
        A rule from the state of the banks to what they do.
    """
    return response if type(response) in BUILT_IN else _Checked(response)
