"""How much stressed loss does a unit of locked margin cover, for a hedged book and for its legs apart?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import SchemaError


@dataclass(frozen=True)
class MarginEfficiency:
    """Stressed loss covered per margin locked; NaN where none is locked and nothing lost.

    `hedged` is the book's, `isolated` that of its legs with margin of their own. `shortfall` and `isolated_shortfall`
    are the losses beyond the margins, money.
    """

    hedged: Any
    isolated: Any
    shortfall: Any
    isolated_shortfall: Any


def margin_efficiency(leg_profits: Any, book_margin: Any, leg_margins: Any) -> MarginEfficiency:
    """Loss of the losing legs that is made good, over the margin locked for it.

    Parameters
    ----------
    leg_profits
        Of each leg in a stress, money, shape ``(..., n_legs)``.
    book_margin
        Locked for the book as a whole, money, >= 0, shape ``(...)``.
    leg_margins
        Locked for each leg where legs stand alone, >= 0, shape ``(n_legs,)`` or that of the profits.

    Returns
    -------
    MarginEfficiency
        Of the losses of all losing legs, a book makes good what gains of other legs and its margin cover; legs apart
        only what each one's own margin covers, and gains elsewhere do not help.

    Raises
    ------
    InputError
        If a margin is negative or shapes do not fit together.

    Examples
    --------
    >>> found = margin_efficiency([-30.0, 28.0], book_margin=4.0, leg_margins=[20.0, 20.0])
    >>> float(found.hedged), float(found.isolated), float(found.isolated_shortfall)
    (7.5, 0.5, 10.0)
    """
    profits, margins = fitted(
        leg_profits=reals(leg_profits, "leg_profits"), leg_margins=reals(leg_margins, "leg_margins", low=0.0)
    )
    if not profits.ndim:
        raise SchemaError("is one number", where="leg_profits", allowed="one per leg")
    lost = np.maximum(-profits, 0.0)
    total, net = lost.sum(axis=-1), -profits.sum(axis=-1)
    total, net, locked = fitted(total=total, net=net, book_margin=reals(book_margin, "book_margin", low=0.0))
    beyond, apart = np.maximum(net - locked, 0.0), np.maximum(lost - margins, 0.0).sum(axis=-1)
    return MarginEfficiency(
        hedged=_ratio(total - beyond, locked),
        isolated=_ratio(lost.sum(axis=-1) - apart, margins.sum(axis=-1)),
        shortfall=beyond[()],
        isolated_shortfall=apart[()],
    )


def _ratio(covered: FloatArray, locked: FloatArray) -> Any:
    """Covered over locked: infinite where gains alone cover a loss, NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (covered / locked)[()]
