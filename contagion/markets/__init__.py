"""How prices move: impact, depth, marks, funding, bands, breakers and pools; what futures and options are worth.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from contagion.lazy import on_first_use

if TYPE_CHECKING:
    from contagion.markets.bands import price_band_luld as price_band_luld
    from contagion.markets.bands import price_band_max_step as price_band_max_step
    from contagion.markets.bands import price_band_order as price_band_order
    from contagion.markets.basis import annualised_basis as annualised_basis
    from contagion.markets.basis import carry_profit as carry_profit
    from contagion.markets.basis import cross_currency_basis as cross_currency_basis
    from contagion.markets.basis import fair_future as fair_future
    from contagion.markets.basis import funding_per_year as funding_per_year
    from contagion.markets.basis import inverse_profit as inverse_profit
    from contagion.markets.basis import quoted_price as quoted_price
    from contagion.markets.basis import relative_basis as relative_basis
    from contagion.markets.book import Book as Book
    from contagion.markets.breakers import circuit_breaker_dynamic as circuit_breaker_dynamic
    from contagion.markets.breakers import circuit_breaker_dynamic_path as circuit_breaker_dynamic_path
    from contagion.markets.breakers import circuit_breaker_market_wide as circuit_breaker_market_wide
    from contagion.markets.breakers import (
        circuit_breaker_market_wide_halts as circuit_breaker_market_wide_halts,
    )
    from contagion.markets.depth_profile import depth_profile_median as depth_profile_median
    from contagion.markets.depth_profile import impact_linear_depth as impact_linear_depth
    from contagion.markets.funding import funding_payment as funding_payment
    from contagion.markets.funding import funding_rate_binance as funding_rate_binance
    from contagion.markets.funding import funding_rate_hyperliquid as funding_rate_hyperliquid
    from contagion.markets.funding import funding_rate_open_interest as funding_rate_open_interest
    from contagion.markets.gamma import gamma_profile as gamma_profile
    from contagion.markets.impact_models import almgren_cost as almgren_cost
    from contagion.markets.impact_models import impact_exponential as impact_exponential
    from contagion.markets.impact_models import impact_exponential_alpha as impact_exponential_alpha
    from contagion.markets.impact_models import impact_linear_slice as impact_linear_slice
    from contagion.markets.impact_models import impact_square_root as impact_square_root
    from contagion.markets.implied import implied_volatility as implied_volatility
    from contagion.markets.index import ema_time_weighted as ema_time_weighted
    from contagion.markets.index import index_price_weighted as index_price_weighted
    from contagion.markets.index import weighted_median as weighted_median
    from contagion.markets.marks import mark_price_median_binance as mark_price_median_binance
    from contagion.markets.marks import mark_price_median_hyperliquid as mark_price_median_hyperliquid
    from contagion.markets.options import black_76 as black_76
    from contagion.markets.options import black_scholes as black_scholes
    from contagion.markets.options import volatility_per_root_year as volatility_per_root_year
    from contagion.markets.pools import concentrated_liquidity_amounts as concentrated_liquidity_amounts
    from contagion.markets.pools import concentrated_liquidity_swap as concentrated_liquidity_swap
    from contagion.markets.pools import constant_product_move as constant_product_move
    from contagion.markets.pools import constant_product_swap as constant_product_swap
    from contagion.markets.risk_arrays import RiskScenarios as RiskScenarios
    from contagion.markets.risk_arrays import grid_scenarios as grid_scenarios
    from contagion.markets.risk_arrays import risk_array as risk_array
    from contagion.markets.risk_arrays import span_scenarios as span_scenarios
    from contagion.markets.surfaces import VolatilitySurface as VolatilitySurface
    from contagion.markets.surfaces import surface_arbitrage as surface_arbitrage

_HOMES = {
    "almgren_cost": "impact_models",
    "annualised_basis": "basis",
    "black_76": "options",
    "black_scholes": "options",
    "Book": "book",
    "carry_profit": "basis",
    "circuit_breaker_dynamic": "breakers",
    "circuit_breaker_dynamic_path": "breakers",
    "circuit_breaker_market_wide": "breakers",
    "circuit_breaker_market_wide_halts": "breakers",
    "concentrated_liquidity_amounts": "pools",
    "concentrated_liquidity_swap": "pools",
    "constant_product_move": "pools",
    "constant_product_swap": "pools",
    "cross_currency_basis": "basis",
    "depth_profile_median": "depth_profile",
    "ema_time_weighted": "index",
    "fair_future": "basis",
    "funding_payment": "funding",
    "funding_per_year": "basis",
    "funding_rate_binance": "funding",
    "funding_rate_hyperliquid": "funding",
    "funding_rate_open_interest": "funding",
    "gamma_profile": "gamma",
    "grid_scenarios": "risk_arrays",
    "impact_exponential": "impact_models",
    "impact_exponential_alpha": "impact_models",
    "impact_linear_depth": "depth_profile",
    "impact_linear_slice": "impact_models",
    "impact_square_root": "impact_models",
    "implied_volatility": "implied",
    "index_price_weighted": "index",
    "inverse_profit": "basis",
    "mark_price_median_binance": "marks",
    "mark_price_median_hyperliquid": "marks",
    "price_band_luld": "bands",
    "price_band_max_step": "bands",
    "price_band_order": "bands",
    "quoted_price": "basis",
    "relative_basis": "basis",
    "risk_array": "risk_arrays",
    "RiskScenarios": "risk_arrays",
    "span_scenarios": "risk_arrays",
    "surface_arbitrage": "surfaces",
    "volatility_per_root_year": "options",
    "VolatilitySurface": "surfaces",
    "weighted_median": "index",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error
    __getattr__ = on_first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
