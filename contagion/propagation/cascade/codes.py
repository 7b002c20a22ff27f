"""The words of the cascade as numbers: kinds, rules, ledger entities, reasons, events, counters."""

from __future__ import annotations

# kinds and rules, as codes --------------------------------------------------------------------------------------------
PERP, SPOT = 0, 1
MARKS = {"last": 0, "index": 1, "weighted": 2}
PROCEDURES = {"close_out": 0, "partial": 1, "ladder": 2}
RANKS = {"bitmex": 0, "contract_pro_rata": 1}
RESIDUALS = {"profit_pro_rata": 0, "profit_queue": 1, "socialise": 2, "own_equity": 3}
HALT, BAND, THROTTLE, PYTHON = 0, 1, 2, 3
SCOPES = {"market": 0, "asset": 1, "all": 2}
HALT_REFERENCES = {"last": 0, "shock": 1}
REOPENINGS = {"halt_price": 0, "window": 1}
BAND_REFERENCES = {"mark": 0, "index": 1, "last": 2}

# who holds money or lots in the ledger, why it moved, and what moved --------------------------------------------------
ENTITIES = ("account", "provider", "fund", "node", "keeper", "burn", "outside")
ACCOUNT, PROVIDER, FUND, NODE, KEEPER, BURN, OUTSIDE = range(7)
REASONS = (
    "liquidation",
    "adl",
    "unwind",
    "arbitrage",
    "fee",
    "top_up",
    "fund",
    "residual",
    "own_equity",
    "venue_default",
    "node_default",
    "injection",
    "shock",
)
(
    BY_LIQUIDATION,
    BY_ADL,
    BY_UNWIND,
    BY_ARBITRAGE,
    BY_FEE,
    BY_TOP_UP,
    BY_FUND,
    BY_RESIDUAL,
    BY_OWN_EQUITY,
    BY_VENUE_DEFAULT,
    BY_NODE_DEFAULT,
    BY_INJECTION,
    BY_SHOCK,
) = range(13)
MONEY, CLAIM, EXTERNAL = -1, -2, -3
EVENTS = (
    "shock",
    "call",
    "top_up",
    "liquidation",
    "adl",
    "unwind",
    "arbitrage",
    "fund",
    "residual",
    "halt",
    "reopen",
    "venue_default",
    "node_default",
)
(
    EVENT_SHOCK,
    EVENT_CALL,
    EVENT_TOP_UP,
    EVENT_LIQUIDATION,
    EVENT_ADL,
    EVENT_UNWIND,
    EVENT_ARBITRAGE,
    EVENT_FUND,
    EVENT_RESIDUAL,
    EVENT_HALT,
    EVENT_REOPEN,
    EVENT_VENUE_DEFAULT,
    EVENT_NODE_DEFAULT,
) = range(13)

COUNTERS = (
    "forced_cost",
    "liquidated_long",
    "liquidated_short",
    "liquidated_accounts",
    "deleveraged",
    "margin_called",
    "margin_posted",
    "asked",
    "filled",
    "basis_sum",
    "basis_weight",
    "basis_worst",
    "coverage_sum",
    "coverage_weight",
    "slippage",
    "fees",
    "healthy_outside",
    "liquidated_all",
    "node_defaults",
    "venue_defaults",
    "injected",
)
(
    FORCED_COST,
    LIQUIDATED_LONG,
    LIQUIDATED_SHORT,
    LIQUIDATED_ACCOUNTS,
    DELEVERAGED,
    MARGIN_CALLED,
    MARGIN_POSTED,
    ASKED,
    FILLED,
    BASIS_SUM,
    BASIS_WEIGHT,
    BASIS_WORST,
    COVERAGE_SUM,
    COVERAGE_WEIGHT,
    SLIPPAGE,
    FEES,
    HEALTHY_OUTSIDE,
    LIQUIDATED_ALL,
    NODE_DEFAULTS,
    VENUE_DEFAULTS,
    INJECTED,
) = range(21)
