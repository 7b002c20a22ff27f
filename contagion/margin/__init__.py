"""When a position must be sold, and who pays: tiers, accounts, scans, procedures, waterfall.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from contagion.lazy import on_first_use

if TYPE_CHECKING:
    from contagion.margin.accounts import account_equity as account_equity
    from contagion.margin.accounts import cross_margin_status as cross_margin_status
    from contagion.margin.accounts import margin_linear_in_size as margin_linear_in_size
    from contagion.margin.accounts import margin_open_interest_scaled as margin_open_interest_scaled
    from contagion.margin.adl import adl_contract_pro_rata as adl_contract_pro_rata
    from contagion.margin.adl import adl_pro_rata as adl_pro_rata
    from contagion.margin.adl import adl_pro_rata_capped as adl_pro_rata_capped
    from contagion.margin.adl import adl_queue as adl_queue
    from contagion.margin.adl import socialised_loss as socialised_loss
    from contagion.margin.adl_rank import adl_rank_binance as adl_rank_binance
    from contagion.margin.adl_rank import adl_rank_bitmex as adl_rank_bitmex
    from contagion.margin.adl_rank import adl_rank_hyperliquid as adl_rank_hyperliquid
    from contagion.margin.adl_triggers import adl_trigger_fund_drawdown as adl_trigger_fund_drawdown
    from contagion.margin.adl_triggers import adl_trigger_pool as adl_trigger_pool
    from contagion.margin.bankruptcy import bankruptcy_price_linear as bankruptcy_price_linear
    from contagion.margin.bankruptcy import insurance_delta_linear as insurance_delta_linear
    from contagion.margin.brackets import (
        liquidation_price_binance_isolated as liquidation_price_binance_isolated,
    )
    from contagion.margin.dydx import dydx_bankruptcy_quote as dydx_bankruptcy_quote
    from contagion.margin.dydx import dydx_fillable_price as dydx_fillable_price
    from contagion.margin.dydx import insurance_delta as insurance_delta
    from contagion.margin.efficiency import margin_efficiency as margin_efficiency
    from contagion.margin.inverse import bankruptcy_price_inverse as bankruptcy_price_inverse
    from contagion.margin.inverse import (
        liquidation_price_bybit_inverse_cross as liquidation_price_bybit_inverse_cross,
    )
    from contagion.margin.inverse import (
        liquidation_price_bybit_inverse_isolated as liquidation_price_bybit_inverse_isolated,
    )
    from contagion.margin.liquidation_cross import liquidation_price_cross as liquidation_price_cross
    from contagion.margin.liquidation_price import liquidation_price_buffer as liquidation_price_buffer
    from contagion.margin.liquidation_price import (
        liquidation_price_bybit_linear as liquidation_price_bybit_linear,
    )
    from contagion.margin.liquidation_price import (
        liquidation_price_hyperliquid as liquidation_price_hyperliquid,
    )
    from contagion.margin.liquidation_price import liquidation_price_okx as liquidation_price_okx
    from contagion.margin.procedures import liquidation_procedure as liquidation_procedure
    from contagion.margin.rulebooks import rulebook as rulebook
    from contagion.margin.scenario_scan import scan_margin as scan_margin
    from contagion.margin.slices import liquidation_incremental as liquidation_incremental
    from contagion.margin.slices import minimal_liquidation_slice as minimal_liquidation_slice
    from contagion.margin.tiers import initial_margin as initial_margin
    from contagion.margin.tiers import maintenance_amounts as maintenance_amounts
    from contagion.margin.tiers import maintenance_margin as maintenance_margin
    from contagion.margin.tiers import tier_of as tier_of
    from contagion.margin.tiers import tier_table as tier_table
    from contagion.margin.waterfall import insurance_fund_newsvendor as insurance_fund_newsvendor
    from contagion.margin.waterfall import liquidation_fee as liquidation_fee
    from contagion.margin.waterfall import liquidation_waterfall as liquidation_waterfall

_HOMES = {
    "account_equity": "accounts",
    "adl_contract_pro_rata": "adl",
    "adl_pro_rata": "adl",
    "adl_pro_rata_capped": "adl",
    "adl_queue": "adl",
    "adl_rank_binance": "adl_rank",
    "adl_rank_bitmex": "adl_rank",
    "adl_rank_hyperliquid": "adl_rank",
    "adl_trigger_fund_drawdown": "adl_triggers",
    "adl_trigger_pool": "adl_triggers",
    "bankruptcy_price_inverse": "inverse",
    "bankruptcy_price_linear": "bankruptcy",
    "cross_margin_status": "accounts",
    "dydx_bankruptcy_quote": "dydx",
    "dydx_fillable_price": "dydx",
    "initial_margin": "tiers",
    "insurance_delta": "dydx",
    "insurance_delta_linear": "bankruptcy",
    "insurance_fund_newsvendor": "waterfall",
    "liquidation_fee": "waterfall",
    "liquidation_incremental": "slices",
    "liquidation_price_binance_isolated": "brackets",
    "liquidation_price_buffer": "liquidation_price",
    "liquidation_price_bybit_inverse_cross": "inverse",
    "liquidation_price_bybit_inverse_isolated": "inverse",
    "liquidation_price_bybit_linear": "liquidation_price",
    "liquidation_price_cross": "liquidation_cross",
    "liquidation_price_hyperliquid": "liquidation_price",
    "liquidation_price_okx": "liquidation_price",
    "liquidation_procedure": "procedures",
    "liquidation_waterfall": "waterfall",
    "maintenance_amounts": "tiers",
    "maintenance_margin": "tiers",
    "margin_efficiency": "efficiency",
    "margin_linear_in_size": "accounts",
    "margin_open_interest_scaled": "accounts",
    "minimal_liquidation_slice": "slices",
    "rulebook": "rulebooks",
    "scan_margin": "scenario_scan",
    "socialised_loss": "adl",
    "tier_of": "tiers",
    "tier_table": "tiers",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error
    __getattr__ = on_first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
