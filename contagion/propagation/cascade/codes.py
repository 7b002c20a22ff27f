"""The words of the cascade as numbers: kinds, rules, ledger entities, reasons, events, counters."""

from __future__ import annotations

# kinds and rules, as codes --------------------------------------------------------------------------------------------
PERP, SPOT = 0, 1
MARKS = {"last": 0, "index": 1, "weighted": 2, "median_binance": 3, "median_hyperliquid": 4}
FUNDING_RULES = {"binance": 0, "hyperliquid": 1}
PROCEDURES = {
    "close_out": 0,
    "partial": 1,
    "ladder": 2,
    "bybit": 3,
    "okx": 4,
    "hyperliquid": 5,
    "increments": 6,
    "dydx": 7,
    "takeover": 8,
    "lending": 9,
    "auction": 10,
}
CLOSE_OUT, PARTIAL, LADDER, BYBIT, OKX, HYPERLIQUID, INCREMENTS, DYDX, TAKEOVER, LENDING, AUCTION = range(11)
TAKING_OVER = ("bybit", "okx", "hyperliquid", "takeover")  # procedures that need an inventory
ORDERED, CLIPPED, TAKEN, OFFERED = range(4)  # what becomes of an account that acts, this round
RANKS = {"bitmex": 0, "contract_pro_rata": 1, "binance": 2, "hyperliquid": 3, "hyperliquid_side_aware": 4}
RANK_BITMEX, RANK_PRO_RATA, RANK_BINANCE, RANK_HYPERLIQUID, RANK_SIDE_AWARE = range(5)
ADL_TRIGGERS = {"": 0, "fund": 0, "pool": 1, "fund_drawdown": 2}
BY_BALANCE, BY_POOL, BY_DRAWDOWN = range(3)
ADL_PRICES = {"bankruptcy": 0, "mark": 1, "previous_mark": 2}
AT_BANKRUPTCY, AT_MARK, AT_PREVIOUS_MARK = range(3)
RESIDUALS = {"profit_pro_rata": 0, "profit_queue": 1, "socialise": 2, "own_equity": 3}
HALT, BAND, THROTTLE, PYTHON = 0, 1, 2, 3
REACTIONS = {"none": 0, "top_up": 1, "deleverage": 2, "hedge": 3}
BY_TRADING, BY_HEDGING = 2, 3
SOURCES = {"cash": 0, "margin": 1, "holdings": 2, "loans": 3}
FROM_MARGIN, FROM_HOLDINGS, FROM_LOANS = 1, 2, 3
VOLATILITY_MARGIN, INTEREST_MARGIN, BACKSTOP, REPLENISHMENT, SLICES, HAIRCUTS = 4, 5, 6, 7, 8, 9
SCOPES = {"market": 0, "asset": 1, "all": 2}
HALT_REFERENCES = {"last": 0, "shock": 1, "basket": 2}
REOPENINGS = {"halt_price": 0, "window": 1}
BAND_REFERENCES = {"mark": 0, "index": 1, "last": 2}

# who holds money or lots in the ledger, why it moved, and what moved --------------------------------------------------
ENTITIES = ("account", "provider", "fund", "node", "keeper", "burn", "outside", "default_fund")
ACCOUNT, PROVIDER, FUND, NODE, KEEPER, BURN, OUTSIDE, DEFAULT_FUND = range(8)
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
    "takeover",
    "reaction",
    "hedge",
    "funding",
    "recall",
    "withdrawal",
    "seizure",
    "repayment",
    "gas",
    "mint",
    "margin_move",
    "own_capital",
    "default_fund",
    "assessment",
    "replenishment",
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
    BY_TAKEOVER,
    BY_REACTION,
    BY_HEDGE,
    BY_FUNDING,
    BY_RECALL,
    BY_WITHDRAWAL,
    BY_SEIZURE,
    BY_REPAYMENT,
    BY_GAS,
    BY_MINT,
    BY_MARGIN_MOVE,
    BY_OWN_CAPITAL,
    BY_DEFAULT_FUND,
    BY_ASSESSMENT,
    BY_REPLENISHMENT,
) = range(28)
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
    "takeover",
    "reaction",
    "hedge",
    "funding",
    "recall",
    "withdrawal",
    "auction",
    "mint",
    "outage",
    "assessment",
    "own_capital",
    "default_fund",
    "replenishment",
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
    EVENT_TAKEOVER,
    EVENT_REACTION,
    EVENT_HEDGE,
    EVENT_FUNDING,
    EVENT_RECALL,
    EVENT_WITHDRAWAL,
    EVENT_AUCTION,
    EVENT_MINT,
    EVENT_OUTAGE,
    EVENT_ASSESSMENT,
    EVENT_OWN_CAPITAL,
    EVENT_DEFAULT_FUND,
    EVENT_REPLENISHMENT,
) = range(26)

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
    "gas",
    "taken_over",
    "reacted",
    "hedged",
    "funding",
    "recalled",
    "withdrawn",
    "refused",
    "seized",
    "repaid",
    "keeper_gain",
    "keeper_waits",
    "moved_margin",
    "own_capital_paid",
    "default_fund_paid",
    "assessed",
    "forgone",
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
    GAS,
    TAKEN_OVER,
    REACTED,
    HEDGED,
    FUNDING,
    RECALLED,
    WITHDRAWN,
    REFUSED,
    SEIZED,
    REPAID,
    KEEPER_GAIN,
    KEEPER_WAITS,
    MOVED_MARGIN,
    OWN_CAPITAL_PAID,
    DEFAULT_FUND_PAID,
    ASSESSED,
    FORGONE,
) = range(38)
