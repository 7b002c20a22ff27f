"""How much of the system's distress shows in returns? ΔCoVaR, MES, SRISK and systemic expected shortfall.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from contagion.lazy import on_first_use

if TYPE_CHECKING:
    from contagion.measures.market_based.capital import ses_table as ses_table
    from contagion.measures.market_based.capital import srisk as srisk
    from contagion.measures.market_based.capital import srisk_table as srisk_table
    from contagion.measures.market_based.regression import quantile_regression as quantile_regression
    from contagion.measures.market_based.returns import covar as covar
    from contagion.measures.market_based.returns import mes as mes
    from contagion.measures.market_based.tables import market_measures as market_measures

_HOMES = {
    "covar": "returns",
    "market_measures": "tables",
    "mes": "returns",
    "quantile_regression": "regression",
    "ses_table": "capital",
    "srisk": "capital",
    "srisk_table": "capital",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error
    __getattr__ = on_first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
