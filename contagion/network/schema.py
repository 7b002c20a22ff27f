"""Which tables a network has, and what each column means: the schema, as data.

Columns of mechanics that are not built yet exist with their defaults; `Column.modelled` lists the values that
mechanics honour, and any other value is refused. Nothing here looks at rows: `cells` reads values, `links`
resolves names, `consistency` holds the rules that join several columns or tables.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from contagion.network.column import (
    NAN,
    REQUIRED,
    Column,
    Table,
    count,
    key_name,
    money,
    number,
    reference,
    seconds,
    share,
    text,
    word,
)

__all__ = ["NAME_LIMIT", "NAN", "REQUIRED", "ROW_LIMIT", "TABLES", "VERSION", "Column", "Table"]

VERSION: Final = 1
"""Version of the schema, written into files."""
NAME_LIMIT: Final = 1_000
"""Longest name, in characters."""
ROW_LIMIT: Final = 50_000_000
"""Most rows of a table."""

_RULE = {"rule": True}

_NODES = Table(
    "nodes",
    ("name",),
    (
        key_name(),
        word("kind", "institution", "trader exchange protocol institution"),
        money("cash"),
        money("external_assets"),
        money("external_liabilities"),
        text("owner"),
    ),
)

_OBLIGATIONS = Table(
    "obligations",
    ("debtor", "creditor", "seniority"),
    (
        reference("debtor", "nodes"),
        reference("creditor", "nodes"),
        count("seniority", 1),
        money("amount", REQUIRED),
        Column("callable", "bool", False),
        seconds("notice", 0.0),
    ),
)

_ASSETS = Table(
    "assets",
    ("name",),
    (
        key_name(),
        word("kind", "coin", "currency coin token claim pool_share"),
        number("price", low=0.0, open_low=True, unit="money per unit"),
        number("volatility", NAN, low=0.0, unit="per sqrt day"),
        reference("issuer", "nodes", empty=True),
        reference("reference", "assets", empty=True),  # whose outside moves its own price follows
    ),
)

_HOLDINGS = Table(
    "holdings",
    ("node", "asset"),
    (
        reference("node", "nodes"),
        reference("asset", "assets"),
        number("quantity", low=0.0, unit="units"),
    ),
)

_MARKETS = Table(
    "markets",
    ("name",),
    (
        key_name(),
        reference("venue", "venues"),
        reference("asset", "assets"),
        reference("quote", "assets", empty=True),
        reference("settle", "assets", empty=True),
        word("kind", "perp", "spot perp future option pool"),
        word("contract", "linear", "linear inverse"),
        seconds("expiry", NAN, open_low=True),
        number("strike", NAN, low=0.0, open_low=True, unit="money per unit"),
        word("option_side", "", "call put", empty=True),
        number("carry", 0.0, unit="rate per year, continuous, by which forward prices exceed spot"),
        number("implied_volatility", NAN, low=0.0, open_low=True, unit="per sqrt year"),
        number("volatility_beta", 1.0, low=0.0, unit="share of a shock to log volatility"),
        reference("schedule", "schedules", empty=True),
        number("lot", NAN, low=0.0, open_low=True, unit="units"),
        money("volume", NAN, open_low=True, unit="money per day"),
        number("volatility", NAN, low=0.0, unit="per sqrt day"),
        word(
            "impact",
            "exponential",
            "exponential linear square_root depth_curve constant_product concentrated",
        ),
        number("impact_coefficient", 1.0, low=0.0),
        share("permanent_share", 0.2),
        seconds("impact_half_life", 300.0, nullable=True, open_low=True),
        share("depth_floor", 0.05, open_low=True),
        number("capital_exponent", 1.0, low=0.0),
        number("volatility_exponent", 0.3, low=0.0),
        share("fee", 0.0, open_high=True, unit="share of the money traded, to the provider"),
        Column("in_index", "bool", True),
        seconds("funding_interval", NAN, open_low=True),
        reference("hedge_market", "markets", empty=True),
    ),
)

_DEPTH = Table(
    "depth",
    ("market", "side", "band"),
    (
        reference("market", "markets"),
        Column("side", "word", words=("bid", "ask")),
        number("band", low=0.0, open_low=True, high=1.0, unit="share of the price", **_RULE),
        money("amount", REQUIRED, open_low=True, **_RULE),
    ),
)

_ACCOUNTS = Table(
    "accounts",
    ("name",),
    (
        key_name(),
        reference("owner", "nodes"),
        reference("venue", "venues"),
        word("mode", "cross", "cross isolated"),
        count("count", 1),
        word("reaction", "top_up", "none top_up deleverage hedge"),
        share("response", 0.5),
        word("top_up_from", "cash", "cash margin holdings loans"),  # each includes those before it
    ),
)

_BALANCES = Table(
    "balances",
    ("account", "asset"),
    (
        reference("account", "accounts"),
        reference("asset", "assets"),
        number("quantity", unit="units"),
    ),
)

_POSITIONS = Table(
    "positions",
    ("account", "market"),
    (
        reference("account", "accounts"),
        reference("market", "markets"),
        number("quantity", unit="units, short negative"),
        number("entry_price", low=0.0, open_low=True, unit="money per unit"),
    ),
)

_STRATEGIES = Table(
    "strategies",
    ("name",),
    (
        key_name(),
        Column(
            "kind",
            "word",
            words=("basis", "arbitrage", "hedge", "provider", "dip_buyer"),
            modelled=("basis", "arbitrage", "hedge", "dip_buyer"),
        ),
        reference("long_account", "accounts", empty=True),
        reference("spot_node", "nodes", empty=True),
        reference("short_account", "accounts", empty=True),
        reference("long_market", "markets", empty=True),  # empty: the venue's perp, the holding's spot market
        reference("short_market", "markets", empty=True),  # empty: the perp of the account's venue
        reference("asset", "assets"),
        number("ratio", 1.0, low=0.0),
        money("capital", NAN),
        number("rate", 0.01, low=0.0, unit="share of the gap per s"),
        share("discount", NAN, open_high=True, unit="share of the outside price"),
        seconds("unwind", 300.0),
    ),
)

_VENUES = Table(
    "venues",
    ("name",),
    (
        reference("name", "nodes"),
        money("insurance_fund", **_RULE),
        word(
            "procedure",
            "close_out",
            "close_out partial ladder bybit okx hyperliquid increments dydx takeover lending auction",
            "close_out partial ladder bybit okx hyperliquid increments dydx takeover lending auction",
            rule=True,
        ),
        share("close_factor", 0.5, open_low=True, unit="share of a debt", **_RULE),
        number("full_close_health_factor", NAN, low=0.0, **_RULE),
        money("small_position", **_RULE),
        money("min_leftover", **_RULE),
        share("protocol_fee", 0.0, unit="share of the bonus", **_RULE),
        Column("write_off", "bool", True, rule=True),
        money("min_profit", **_RULE),
        number("gas_used", 0.0, low=0.0, unit="gas per liquidation", **_RULE),
        number("gas_price", 20.0, low=0.0, unit="gwei"),
        reference("gas_asset", "assets", empty=True),
        word("auction_kind", "dutch", "dutch flip", rule=True),
        count("auction_keepers", 2, low=0),
        number("auction_buffer", 1.3, low=0.0, open_low=True, unit="times the oracle price", **_RULE),
        share("auction_cut", 0.99, open_low=True, unit="factor per step", **_RULE),
        seconds("auction_step", 90.0, open_low=True, **_RULE),
        seconds("auction_tail", 8_400.0, open_low=True, **_RULE),
        share("auction_cusp", 0.4, unit="share of the first price", **_RULE),
        share("auction_penalty", 0.13, unit="share of the debt", **_RULE),
        number("target", 1.5, low=1.0, unit="times the requirement", **_RULE),
        share("min_clip", 0.2, **_RULE),
        share("first_clip", 0.2, open_low=True, unit="share of a large position", **_RULE),
        money("large_position", 100_000.0, **_RULE),
        seconds("clip_wait", 30.0, **_RULE),
        share("backstop_share", 2.0 / 3.0, unit="share of the requirement", **_RULE),
        money("step_size", NAN, open_low=True, unit="money of each position, at the mark", **_RULE),
        number("bankruptcy_adjustment", 1.0, low=0.0, **_RULE),
        share("spread_to_maintenance", 0.1, unit="share of the maintenance rate", **_RULE),
        share("fee", 0.0, open_high=True, **_RULE),
        share("fee_to_fund", 1.0, **_RULE),
        share("fee_to_keeper", 0.0, **_RULE),
        share("fee_burned", 0.0, **_RULE),
        word("adl_trigger", "", "fund pool fund_drawdown", empty=True, rule=True),
        share("adl_ratio", 0.3, open_low=True, unit="share of the fund's peak", **_RULE),
        seconds("adl_window", 28_800.0, **_RULE),
        word(
            "adl_rank",
            "bitmex",
            "bitmex binance hyperliquid hyperliquid_side_aware contract_pro_rata",
            rule=True,
        ),
        word("adl_price", "", "bankruptcy mark previous_mark", empty=True, rule=True),
        seconds("rank_interval", 0.0, **_RULE),
        word("residual", "profit_pro_rata", "profit_pro_rata profit_queue socialise own_equity", rule=True),
        word(
            "mark",
            "weighted",
            "last index weighted median_binance median_hyperliquid",
            rule=True,
        ),
        share("mark_weight", 0.5, unit="share of the last price", **_RULE),
        number("mid_weight", 1.0, low=0.0, unit="weight in the marks of other venues", **_RULE),
        share("index_deviation", NAN, unit="share of the median", **_RULE),
        seconds("index_lag", 0.0, **_RULE),
        word("funding_rule", "binance", "binance hyperliquid", rule=True),
        number("funding_interest", 0.0001, unit="rate per 8 h", **_RULE),
        number("funding_clamp", 0.0005, low=0.0, unit="rate per 8 h", **_RULE),
        number("funding_cap", 0.04, low=0.0, unit="rate per h, hyperliquid only", **_RULE),
        word("oracle", "index", "index local", rule=True),
        seconds("oracle_lag", 0.0, **_RULE),
        share("oracle_threshold", 0.0, unit="share of the last report", **_RULE),
        seconds("oracle_heartbeat", NAN, open_low=True, **_RULE),
        money("throughput", NAN, open_low=True, unit="money per s", **_RULE),
        seconds("latency", 0.0),
        seconds("block_time", 0.0),
        number("block_capacity", NAN, low=0.0, open_low=True, unit="transactions per block"),
        share("customer_share", 0.0),
        money("own_capital", **_RULE),
        money("default_fund", **_RULE),
        number("assessment", 0.0, low=0.0, unit="times what a member has prefunded", **_RULE),
        money("replenish", unit="money per s from the venue's cash to its fund", **_RULE),
        share("reserve_ratio", 1.0, unit="share of the balances not in custody held liquid", **_RULE),
        share("illiquid_discount", 0.0, unit="share of the rest lost when sold at once", **_RULE),
        number("call_ratio", NAN, low=1.0, unit="times the requirement; at protocols health factor", **_RULE),
        number(
            "call_target", NAN, low=1.0, unit="times the requirement; at protocols health factor", **_RULE
        ),
        seconds("call_delay", 300.0, **_RULE),
        share("portfolio_offset", 0.0, **_RULE),
        word("margin", "tiers", "tiers scan", rule=True),
        share("scan_range", 0.16, open_low=True, open_high=True, unit="largest move of the price", **_RULE),
        number("scan_volatility_up", 0.5, low=0.0, unit="share of each volatility", **_RULE),
        share("scan_volatility_down", 0.25, unit="share of each volatility", **_RULE),
        share(
            "scan_extreme", 0.33, open_high=True, unit="fall and rise of the price beyond the range", **_RULE
        ),
        share("scan_extreme_share", 0.35, unit="share of that loss which counts", **_RULE),
        number("scan_initial", 1.3, low=1.0, unit="initial margin over maintenance", **_RULE),
        share("short_minimum", 0.0, unit="share of the underlying's price per option sold", **_RULE),
        share("model_penalty", NAN, unit="share of the model value, of what no book takes", **_RULE),
        seconds("payout_delay", 0.0),
        text("chain"),
    ),
)

_SCHEDULES = Table(
    "schedules",
    ("name",),
    (
        key_name(),
        word("form", "tiers", "tiers linear_in_size open_interest", rule=True),
        number("initial_slope", 0.0, low=0.0, unit="rate per unit of the asset", **_RULE),
        number("maintenance_slope", 0.0, low=0.0, unit="rate per unit of the asset", **_RULE),
        money("open_interest_lower", **_RULE),
        money("open_interest_upper", **_RULE),
    ),
)

_TIERS = Table(
    "tiers",
    ("schedule", "floor"),
    (
        reference("schedule", "schedules"),
        money("floor", REQUIRED, **_RULE),
        share("initial_rate", REQUIRED, open_low=True, **_RULE),
        share("maintenance_rate", REQUIRED, open_high=True, **_RULE),
        money("cap", NAN, open_low=True, **_RULE),
    ),
)

_COLLATERAL = Table(
    "collateral",
    ("venue", "asset"),
    (
        reference("venue", "venues"),
        reference("asset", "assets"),
        share("weight", NAN, **_RULE),
        share("loan_to_value", NAN, **_RULE),
        share("liquidation_threshold", NAN, **_RULE),
        share("bonus", NAN, **_RULE),
        text("category"),
        share("category_loan_to_value", NAN, **_RULE),
        share("category_threshold", NAN, **_RULE),
        share("category_bonus", NAN, **_RULE),
    ),
)

TABLES: Final = MappingProxyType(
    {
        table.name: table
        for table in (
            _NODES,
            _OBLIGATIONS,
            _ASSETS,
            _HOLDINGS,
            _MARKETS,
            _DEPTH,
            _ACCOUNTS,
            _BALANCES,
            _POSITIONS,
            _STRATEGIES,
            _VENUES,
            _SCHEDULES,
            _TIERS,
            _COLLATERAL,
        )
    }
)
"""Every table of a network, by name."""
