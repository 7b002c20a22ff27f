"""Which function of the package is which algorithm: lending, auctions, pools and impact models."""

from contagion import lending, markets
from contagion.errors import SchemaError


def depth_profile_median(rows):
    """Rows of a case turned into the columns that the function takes."""
    names = {name for row in rows for name in row}
    missing = sorted(name for name in names if any(name not in row for row in rows))
    if missing:
        raise SchemaError(f"have no key {missing[0]!r}", where="rows")
    return markets.depth_profile_median({name: [row[name] for row in rows] for name in sorted(names)})


def liquity_stability_pool(deposits, liquidations, price):
    """Deposits by name, liquidations as rows."""
    found = lending.liquity_stability_pool(
        list(deposits.values()),
        [row["debt"] for row in liquidations],
        [row["collateral"] for row in liquidations],
        price,
    )
    return {
        "deposits": dict(zip(deposits, found.deposits, strict=True)),
        "collateral_gains": dict(zip(deposits, found.collateral_gains, strict=True)),
        "roi": found.roi,
        "unabsorbed_debt": found.unabsorbed_debt,
    }


def liquity_liquidation(pool, trove, price, others, mode, minimum_ratio, gas_fraction, total_ratio=None):
    """Troves as rows."""
    found = lending.liquity_liquidation(
        pool,
        trove["collateral"],
        trove["debt"],
        price,
        [row["collateral"] for row in others],
        [row["debt"] for row in others],
        mode=mode,
        minimum_ratio=minimum_ratio,
        gas_fraction=gas_fraction,
        total_ratio=total_ratio,
    )
    values = dict(vars(found))
    after = zip(values.pop("other_collaterals"), values.pop("other_debts"), strict=True)
    return {**values, "others": [{"collateral": units, "debt": debt} for units, debt in after]}


ALGORITHMS = {
    "aave_close_factor": (lending.aave_close_factor, "close_factor"),
    "aave_health_factor": (lending.aave_health_factor, None),
    "aave_liquidation": (lending.aave_liquidation, None),
    "aave_liquidation_price": (lending.aave_liquidation_price, "liquidation_price"),
    "aave_max_repay": (lending.aave_max_repay, None),
    "aave_partial_limits": (lending.aave_partial_limits, None),
    "almgren_cost": (markets.almgren_cost, None),
    "comet_absorb": (lending.comet_absorb, None),
    "comet_quote_collateral": (lending.comet_quote_collateral, None),
    "compound_v2_liquidation": (lending.compound_v2_liquidation, None),
    "concentrated_liquidity_amounts": (markets.concentrated_liquidity_amounts, None),
    "concentrated_liquidity_swap": (markets.concentrated_liquidity_swap, None),
    "constant_product_move": (markets.constant_product_move, "amount_in"),
    "constant_product_swap": (markets.constant_product_swap, None),
    "depth_profile_median": (depth_profile_median, "medians"),
    "impact_exponential": (markets.impact_exponential, "price_ratio"),
    "impact_exponential_alpha": (markets.impact_exponential_alpha, "alpha"),
    "impact_linear_depth": (markets.impact_linear_depth, None),
    "impact_linear_slice": (markets.impact_linear_slice, "execution_price"),
    "impact_square_root": (markets.impact_square_root, "impact"),
    "keeper_profit": (lending.keeper_profit, None),
    "leverage_loop": (lending.leverage_loop, None),
    "liquity_liquidation": (liquity_liquidation, None),
    "liquity_stability_pool": (liquity_stability_pool, None),
    "llamma_band_state": (lending.llamma_band_state, None),
    "llamma_bands": (lending.llamma_bands, None),
    "maker_dutch_auction": (lending.maker_dutch_auction, "price"),
    "maker_flip_auction": (lending.maker_flip_auction, None),
    "maker_time_to_par": (lending.maker_time_to_par, None),
}
