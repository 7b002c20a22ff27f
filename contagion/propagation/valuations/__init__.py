"""What is a claim on a debtor worth, given the debtor's equity? Valuation functions of the literature."""

from __future__ import annotations

from contagion.propagation.valuations.base import Books, Prepared, Valuation
from contagion.propagation.valuations.diffusion import BlackCox, FurfineMerton, Merton
from contagion.propagation.valuations.lines import EisenbergNoe, Furfine, LinearDebtRank, RogersVeraart

__all__ = [
    "BlackCox",
    "Books",
    "EisenbergNoe",
    "Furfine",
    "FurfineMerton",
    "LinearDebtRank",
    "Merton",
    "Prepared",
    "RogersVeraart",
    "Valuation",
]
