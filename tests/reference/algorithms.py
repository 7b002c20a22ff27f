"""Which function of the package is which algorithm of the reference cases."""

import dataclasses
import inspect

from contagion import margin, markets, measures
from contagion.errors import SchemaError
from contagion.propagation.firesales import closed_forms
from tests.reference import (
    by_account,
    firesale_engine,
    firesale_joint,
    firesale_spirals,
    lending_and_markets,
    solvency_clearing,
    solvency_crossholdings,
    solvency_distress,
    solvency_reconstruction,
    solvency_valuation,
)


def toxic_liquidation(collateral, debt, liquidation_incentive, close_factor, max_steps):
    """Steps of the path as mappings."""
    found = closed_forms.toxic_liquidation(
        collateral,
        debt,
        liquidation_incentive=liquidation_incentive,
        close_factor=close_factor,
        max_steps=max_steps,
    )
    return {**vars(found), "path": [vars(step) for step in found.path]}


ALGORITHMS = {
    "account_equity": (margin.account_equity, None),
    "adl_contract_pro_rata": (by_account.adl_contract_pro_rata, None),
    "adl_pro_rata": (by_account.adl_pro_rata, None),
    "adl_pro_rata_capped": (by_account.adl_pro_rata_capped, None),
    "adl_queue": (by_account.adl_queue, None),
    "adl_rank_binance": (by_account.adl_rank_binance, None),
    "adl_rank_bitmex": (by_account.adl_rank_bitmex, None),
    "adl_rank_hyperliquid": (by_account.adl_rank_hyperliquid, None),
    "adl_trigger_fund_drawdown": (by_account.adl_trigger_fund_drawdown, None),
    "adl_trigger_pool": (margin.adl_trigger_pool, None),
    "bankruptcy_price_inverse": (margin.bankruptcy_price_inverse, "bankruptcy_price"),
    "bankruptcy_price_linear": (margin.bankruptcy_price_linear, "bankruptcy_price"),
    "borel_cascade": (closed_forms.borel_cascade, None),
    "circuit_breaker_cascade": (closed_forms.circuit_breaker_cascade, None),
    "circuit_breaker_dynamic": (markets.circuit_breaker_dynamic, None),
    "circuit_breaker_dynamic_path": (markets.circuit_breaker_dynamic_path, None),
    "circuit_breaker_market_wide": (markets.circuit_breaker_market_wide, None),
    "circuit_breaker_market_wide_halts": (by_account.circuit_breaker_market_wide_halts, None),
    "covar": (measures.covar, None),
    "cross_margin_status": (margin.cross_margin_status, None),
    "discrete_cascade": (closed_forms.discrete_cascade, None),
    "dydx_bankruptcy_quote": (margin.dydx_bankruptcy_quote, "bankruptcy_quote"),
    "dydx_fillable_price": (margin.dydx_fillable_price, "fillable_price"),
    "ema_time_weighted": (markets.ema_time_weighted, "ema"),
    "funding_payment": (markets.funding_payment, "payment"),
    "funding_rate_binance": (markets.funding_rate_binance, "funding_rate"),
    "funding_rate_hyperliquid": (markets.funding_rate_hyperliquid, "hourly_rate"),
    "funding_rate_open_interest": (by_account.funding_rate_open_interest, None),
    "index_price_weighted": (by_account.index_price_weighted, None),
    "initial_margin_tiers": (margin.initial_margin, None),
    "insurance_delta": (margin.insurance_delta, "insurance_delta"),
    "insurance_delta_linear": (margin.insurance_delta_linear, None),
    "insurance_fund_newsvendor": (margin.insurance_fund_newsvendor, None),
    "linear_cascade": (closed_forms.linear_cascade, None),
    "liquidation_fee": (margin.liquidation_fee, "fee"),
    "liquidation_incremental": (margin.liquidation_incremental, None),
    "liquidation_price_binance_isolated": (margin.liquidation_price_binance_isolated, None),
    "liquidation_price_buffer": (margin.liquidation_price_buffer, "buffered_price"),
    "liquidation_price_bybit_inverse_cross": (margin.liquidation_price_bybit_inverse_cross, None),
    "liquidation_price_bybit_inverse_isolated": (
        margin.liquidation_price_bybit_inverse_isolated,
        "liquidation_price",
    ),
    "liquidation_price_bybit_linear": (margin.liquidation_price_bybit_linear, "liquidation_price"),
    "liquidation_price_cross": (margin.liquidation_price_cross, None),
    "liquidation_price_hyperliquid": (margin.liquidation_price_hyperliquid, "liquidation_price"),
    "liquidation_price_okx": (margin.liquidation_price_okx, "liquidation_price"),
    "liquidation_procedure": (margin.liquidation_procedure, None),
    "liquidation_waterfall": (margin.liquidation_waterfall, None),
    "maintenance_amounts": (margin.maintenance_amounts, "maintenance_amounts"),
    "maintenance_margin_tiers": (margin.maintenance_margin, None),
    "margin_linear_in_size": (margin.margin_linear_in_size, None),
    "margin_open_interest_scaled": (margin.margin_open_interest_scaled, "initial_rate"),
    "mark_price_median_binance": (markets.mark_price_median_binance, None),
    "mark_price_median_hyperliquid": (markets.mark_price_median_hyperliquid, None),
    "mes": (measures.mes, None),
    "minimal_liquidation_slice": (margin.minimal_liquidation_slice, None),
    "price_band_luld": (markets.price_band_luld, None),
    "price_band_max_step": (markets.price_band_max_step, None),
    "price_band_order": (markets.price_band_order, None),
    "qin_two_step": (closed_forms.qin_two_step, None),
    "socialised_loss": (by_account.socialised_loss, None),
    "srisk": (measures.srisk, None),
    "toxic_liquidation": (toxic_liquidation, None),
    "toxic_liquidation_cpamm": (closed_forms.toxic_liquidation_cpamm, None),
    "weighted_median": (markets.weighted_median, "price"),
}
ALGORITHMS |= firesale_joint.ALGORITHMS
ALGORITHMS |= firesale_spirals.ALGORITHMS
ALGORITHMS |= firesale_engine.ALGORITHMS
ALGORITHMS |= lending_and_markets.ALGORITHMS
ALGORITHMS |= solvency_crossholdings.ALGORITHMS
ALGORITHMS |= solvency_distress.ALGORITHMS
ALGORITHMS |= solvency_reconstruction.ALGORITHMS
ALGORITHMS |= solvency_valuation.ALGORITHMS
ALGORITHMS |= solvency_clearing.ALGORITHMS


def compute(algorithm, keys):
    """Run one algorithm on the keys of a record; a dictionary of named values.

    Keys have the names of the function's arguments. Keys that the function does not take are labels or
    remarks; a key that is null has its default; a key that is missing is refused by name.
    """
    function, name = ALGORITHMS[algorithm]
    arguments = {}
    for parameter in inspect.signature(function).parameters.values():
        optional = parameter.default is not parameter.empty
        if optional and keys.get(parameter.name) is None:
            continue
        if parameter.name not in keys:
            raise SchemaError(f"has no key {parameter.name!r}", where=algorithm)
        arguments[parameter.name] = keys[parameter.name]
    found = function(**arguments)
    if name is not None:
        return {name: found}
    if isinstance(found, dict):
        return found
    return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
