"""Which European country owes how much to the banks of which other, and what is each worth? The table of 2011.

Claims of six countries' banks on each other at the end of 2011 with the countries' gross domestic products, as Elliott,
Golub and Jackson used them to illustrate failure waves. Everything comes from the fact table ``european_debt``.

References
----------
Elliott, Golub, Jackson (2014), "Financial networks and contagion", American Economic Review 104(10).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from contagion import facts
from contagion.network.network import Network

__all__ = ["TABLE", "EuropeanDebt", "european_debt", "european_network"]

TABLE = "european_debt"
MILLION = 1e6


@dataclass(frozen=True, eq=False)
class EuropeanDebt:
    """The table as labelled frames, with how far each printed number may lie from the true one.

    Parameters
    ----------
    liabilities, liabilities_rounding : pandas.DataFrame, shape (6, 6)
        What the row country owes the banks of the column country, and half of its last printed place, million USD.
    gdp_2011, gdp_2011_rounding : pandas.Series, shape (6,)
        Gross domestic product of 2011 in units of Portugal's, and half its last printed place.
    gdp_2008, gdp_2008_rounding : pandas.Series, shape (6,)
        The same of 2008.
    cross_holding_share, failure_cost_fraction, theta : float
        The paper's illustration: assumptions.
    """

    liabilities: pd.DataFrame
    liabilities_rounding: pd.DataFrame
    gdp_2011: pd.Series
    gdp_2011_rounding: pd.Series
    gdp_2008: pd.Series
    gdp_2008_rounding: pd.Series
    cross_holding_share: float
    failure_cost_fraction: float
    theta: float


def european_debt() -> EuropeanDebt:
    """Return the table of debts and gross domestic products.

    Examples
    --------
    >>> table = european_debt()
    >>> float(table.liabilities.loc["Italy", "France"])
    329550.0
    >>> float(table.gdp_2011["Portugal"])
    1.0
    """
    owed = facts.values(TABLE, "owed")
    owed = owed.assign(half=(owed["high"] - owed["low"]) / 2.0)
    countries = sorted(set(owed["debtor"]))

    def matrix(column: str) -> pd.DataFrame:
        wide = owed.pivot(index="debtor", columns="creditor", values=column)
        return wide.reindex(index=countries, columns=countries).fillna(0.0)

    def products(name: str) -> tuple[pd.Series, pd.Series]:
        rows = facts.values(TABLE, name).set_index("debtor").reindex(countries)
        return rows["value"], ((rows["high"] - rows["low"]) / 2.0).fillna(0.0)

    return EuropeanDebt(
        matrix("value"),
        matrix("half"),
        *products("gdp_2011"),
        *products("gdp_2008"),
        cross_holding_share=facts.number(TABLE, "cross_holding_share"),
        failure_cost_fraction=facts.number(TABLE, "failure_cost_fraction"),
        theta=facts.number(TABLE, "theta"),
    )


def european_network() -> Network:
    """Return the countries as institutions that owe one another; gross domestic products are their external assets.

    Money is in USD; the level of the products rests on an assumption about Portugal's.

    Examples
    --------
    >>> net = european_network()
    >>> len(net.nodes), len(net.obligations)
    (6, 30)
    """
    table = european_debt()
    countries = list(table.liabilities.index)
    level = facts.number(TABLE, "gdp_usd") * MILLION
    owed = facts.values(TABLE, "owed")
    return Network(
        {
            "name": countries,
            "kind": "institution",
            "external_assets": (table.gdp_2011 * level).to_numpy(),
        },
        obligations={
            "debtor": owed["debtor"].to_numpy(),
            "creditor": owed["creditor"].to_numpy(),
            "amount": owed["value"].to_numpy() * MILLION,
        },
        unit="USD",
    )
