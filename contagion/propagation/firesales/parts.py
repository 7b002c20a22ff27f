"""Do the parts of a fire sale go together?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contagion.errors import ValueRangeError
from contagion.propagation.firesales.responses import (
    AllOnDefault,
    CapitalRatio,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
)

if TYPE_CHECKING:
    from contagion.propagation.firesales.model import FireSale

__all__ = ["check_parts"]

ONE_WAY = (LeverageThreshold, CapitalRatio, AllOnDefault)
"""Responses that never sell less at lower prices."""
STEADY = (*ONE_WAY, LeverageBands)
"""Responses to where a balance sheet stands, not to the last move of prices."""


def check_parts(model: FireSale) -> None:
    """Refuse parts of a fire sale that do not go together.

    Parameters
    ----------
    model : FireSale
        Its parts are sound one by one.

    Raises
    ------
    ValueRangeError
        The message names the part.
    """
    _check_response(model)
    fixed = model.at_fixed_point
    if model.clearing is not None and not fixed:
        raise ValueRangeError(
            "does not go with clearing, which settles together with prices",
            where="FireSale.rounds",
            value=model.rounds,
            allowed="least or most",
        )
    if fixed and model.settlement not in (None, 1, 1.0):
        raise ValueRangeError(
            "is not the new price, at which fixed points settle",
            where="FireSale.settlement",
            value=model.settlement,
            allowed="1, or rounds that are followed",
        )
    if fixed and isinstance(model.response, (LeverageTarget, LeverageBands)):
        raise ValueRangeError(
            "may sell less at lower prices, so that least and most sales have no meaning",
            where="FireSale.response",
            value=type(model.response).__name__,
            allowed=", ".join(kind.__name__ for kind in ONE_WAY),
        )
    if fixed and (model.order != "pro_rata" or model.weights != "current"):
        raise ValueRangeError(
            "is followed in rounds only",
            where="FireSale.order" if model.order != "pro_rata" else "FireSale.weights",
            value=model.order if model.order != "pro_rata" else model.weights,
            allowed="pro_rata and current at fixed points",
        )


def _check_response(model: FireSale) -> None:
    rule = model.response
    if isinstance(rule, LeverageThreshold) and rule.target > rule.limit:
        raise ValueRangeError(
            f"is above the limit {rule.limit:g}, from which nobody would come down",
            where="FireSale.response.target",
            value=rule.target,
            allowed="at most the limit",
        )
    if model.weights == "frozen" and not model.at_fixed_point and isinstance(rule, STEADY):
        raise ValueRangeError(
            f"does not go with {type(rule).__name__}, which would sell the same in every round",
            where="FireSale.weights",
            value=model.weights,
            allowed="current, or the response LeverageTarget",
        )
