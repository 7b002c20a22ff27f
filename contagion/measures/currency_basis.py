"""Does an asset cost the same in every currency it is quoted in, once the currency's own price is taken out?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.markets.basis import cross_currency_basis, relative_basis

if TYPE_CHECKING:
    from contagion.results import Run

__all__ = ["currency_basis"]

UNDATED = ("spot", "pool", "perp")


def currency_basis(run: Run) -> pd.DataFrame:
    """Return the cross-currency basis of every spot market, pool and perpetual, by round.

    Parameters
    ----------
    run : Run
        A run of `contagion.Cascade` with its records.

    Returns
    -------
    DataFrame
        Columns asset, quote, market, round, time (s), quoted (last price in units of the quote), quote_price (its
        index, money), unadjusted (quoted / index of the asset - 1: how a depeg of the quote looks) and basis (the same
        with `quoted` in money: what the depeg does not explain); one row per market and round.

    Examples
    --------
    >>> import contagion as ct
    >>> shock, model = ct.PriceShock({"BTC": -0.02}, over=0.0), ct.Cascade(horizon=20)
    >>> run = ct.run(ct.datasets.load("perp-venues"), shock, model)
    >>> bool((currency_basis(run)["basis"] == currency_basis(run)["unadjusted"]).all())
    True
    """
    markets = run.network.markets
    kept = markets.loc[markets["kind"].isin(UNDATED), ["asset", "quote"]]
    found = run.paths[["round", "time", "market", "last", "index"]].merge(
        kept, left_on="market", right_index=True
    )
    spots = markets.index[markets["kind"].isin(("spot", "pool"))]
    of_asset = run.paths[run.paths["market"].isin(spots)].assign(
        quote=lambda rows: rows["market"].map(markets["asset"])
    )
    prices = of_asset.groupby(["round", "quote"])["index"].first().rename("quote_price").reset_index()
    found = found.merge(prices, on=["round", "quote"], how="left").fillna({"quote_price": 1.0})
    quoted = found["last"] / found["quote_price"]
    found = found.assign(
        quoted=quoted,
        unadjusted=relative_basis(quoted.to_numpy(), found["index"].to_numpy()),
        basis=cross_currency_basis(
            quoted.to_numpy(), found["quote_price"].to_numpy(), found["index"].to_numpy()
        ),
    )
    columns = ["asset", "quote", "market", "round", "time", "quoted", "quote_price", "unadjusted", "basis"]
    return found[columns].sort_values(["asset", "quote", "market", "round"]).reset_index(drop=True)
