"""Rows of the small tables of the cascade: what does each field of a market, venue, strategy or policy mean?

Money is in quanta unless a field says otherwise, positions in lots, times in seconds, rates and depth are fractions.
"""

from __future__ import annotations

import numpy as np

MARKET = np.dtype(
    [
        ("venue", "i8"),
        ("asset", "i8"),
        ("kind", "i8"),
        ("mark_rule", "i8"),
        ("mark_weight", "f8"),
        ("lot", "f8"),  # units of the asset in one lot
        ("lot_scale", "f8"),  # lot times quanta per unit of money: price * lot_scale = quanta a lot is worth
        ("impact", "i8"),
        ("coefficient", "f8"),  # displacement = coefficient * money / depth (root: Y * daily volatility)
        ("depth_bid", "f8"),  # money in the narrowest band (root: daily volume)
        ("depth_ask", "f8"),
        ("band_first", "i8"),  # bid bands are band_first:band_mid, ask bands band_mid:band_last
        ("band_mid", "i8"),
        ("band_last", "i8"),
        ("fee", "f8"),  # share of the money of every trade with the book, to the provider
        ("permanent_share", "f8"),
        ("half_life", "f8"),
        ("depth_floor", "f8"),
        ("capital_exponent", "f8"),
        ("volatility_exponent", "f8"),
        ("volatility", "f8"),
        ("capital", "f8"),  # of the liquidity provider at the opening, in quanta
        ("tier_first", "i8"),
        ("tier_last", "i8"),
        ("size_slope", "f8"),  # maintenance rate per lot held, on top of the tiers
        ("initial_slope", "f8"),  # initial rate per lot
        (
            "interest_lower",
            "f8",
        ),  # open interest (quanta) from which initial rates rise, to 1 at the upper bound
        ("interest_upper", "f8"),
        ("crowding", "f8"),  # how far they have risen, from 0 to 1
        ("opening", "f8"),  # price at the opening
        ("outside", "f8"),
        ("permanent", "f8"),  # displacement
        ("temporary", "f8"),
        ("last", "f8"),
        ("mark", "f8"),
        ("index", "f8"),
        ("depth", "f8"),  # share of the opening depth that rests now
        ("shock_depth", "f8"),
        ("multiplier", "f8"),  # of maintenance margin
        ("multiplier_opening", "f8"),  # that of round 0
        ("margin_seconds", "f8"),  # by how much the multiplier was above that of round 0, summed over time
        ("backed", "f8"),  # depth of the round over what it were without an outside payer
        ("backed_lots", "f8"),  # lots that outside payers bought from forced sellers, net
        ("backed_cost", "f8"),  # quanta that they paid for them
        ("shut", "?"),
        ("dead", "?"),
        ("provider_lots", "i8"),
        ("provider_cash", "i8"),
        ("asked_sell", "f8"),
        ("asked_buy", "f8"),
        ("cap_sell", "f8"),
        ("cap_buy", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("flow", "f8"),  # lots sold to the book, net, this round
        ("fill", "f8"),
        ("reached", "f8"),  # displacement after the fill
        ("wish", "f8"),  # arbitrage, lots
        ("liquidated", "f8"),  # money at the execution price
        ("deleveraged", "f8"),
        ("halted_seconds", "f8"),
        ("funding_interval", "f8"),  # inf: none
        ("funding_rate", "f8"),  # of the last payment
        (
            "premium_sum",
            "f8",
        ),  # of mark over index less one, over premium_rounds rounds since the last payment
        ("premium_rounds", "f8"),
        ("basis_sum", "f8"),  # fading averages of Hyperliquid's mark: sums over weights
        ("basis_weight", "f8"),
        ("local_sum", "f8"),
        ("local_weight", "f8"),
        ("lowest", "f8"),
        ("largest_fall", "f8"),
        ("basis_peak", "f8"),
        ("depth_lowest", "f8"),
        ("deferred", "f8"),  # money not filled, last round
        ("previous_mark", "f8"),  # of the last round
        (
            "inventory_cash",
            "i8",
        ),  # what the venue's inventory paid (negative) and received for its lots, in quanta
        ("lost", "f8"),  # deficits of accounts closed here, quanta
        ("taken_over", "f8"),  # money, at the price of the takeover
        ("volume", "f8"),  # quanta per day; nan: not stated
        ("auction", "?"),  # reopens in this round, at one price
        ("reference", "f8"),  # price at which the book stands without displacement
        ("expiry", "f8"),  # s, inf: none
        ("expired", "?"),
        ("carry", "f8"),  # per year
        ("strike", "f8"),
        ("call", "f8"),  # 1 call, -1 put, 0 no option
        ("implied", "f8"),  # volatility per square root of a year, at the opening
        ("volatility_beta", "f8"),
        ("implied_now", "f8"),
        ("delta", "f8"),  # of one unit of the option, at the mark; 1 for everything else
        ("hedge_market", "i8"),  # -1: none
        ("inverse", "?"),
        ("dry_sell", "f8"),  # lots of options that the end of the book cut off this round
        ("dry_buy", "f8"),
        ("coin_slot", "i8"),  # the coin it settles in, at its venue; -1: money
        ("coin", "f8"),  # what that is worth, by the oracle of the venue
        ("provider_coins", "i8"),  # lots of it
        ("shared", "?"),  # a pool whose shares are a token: its depth follows the root of the price
    ],
    align=True,
)

VENUE = np.dtype(
    [
        ("node", "i8"),
        ("fund", "i8"),
        ("fund_opening", "i8"),
        ("procedure", "i8"),
        ("target", "f8"),
        ("min_clip", "f8"),
        ("fee", "f8"),
        ("fee_to_fund", "f8"),
        ("fee_to_keeper", "f8"),
        ("fee_burned", "f8"),
        ("protocol", "?"),
        ("portfolio_offset", "f8"),  # share of the smaller side's margin, by asset, that is not asked
        ("unit_weight", "f8"),  # of money deposited at a protocol, as collateral
        ("adl", "?"),
        ("adl_rank", "i8"),
        ("residual", "i8"),
        ("throughput", "f8"),  # quanta per second
        ("customer_share", "f8"),
        ("call_ratio", "f8"),
        ("call_target", "f8"),
        ("call_delay", "f8"),
        ("latency", "f8"),  # s, from a trigger or a transfer to its execution
        ("block_time", "f8"),  # s, 0 where no chain confirms transfers
        ("block_capacity", "f8"),  # transfers that a block confirms
        ("mid_weight", "f8"),  # of the venue's prices in the marks of others
        ("index_deviation", "f8"),  # of the median, beyond which a market is an outlier, nan: no rule
        ("index_lag", "f8"),
        ("oracle", "i8"),
        ("oracle_lag", "f8"),
        ("oracle_threshold", "f8"),
        ("oracle_heartbeat", "f8"),  # inf: none
        ("funding_rule", "i8"),
        ("funding_interest", "f8"),
        ("funding_clamp", "f8"),
        ("funding_cap", "f8"),
        ("close_factor", "f8"),
        ("full_close", "f8"),  # health factor at or below which all of a debt may be repaid; -1: never
        ("small_position", "f8"),
        ("min_leftover", "f8"),
        ("protocol_fee", "f8"),  # share of the bonus
        ("write_off", "?"),
        ("unit_bonus", "f8"),
        ("min_profit", "f8"),  # of a keeper
        ("gas_used", "f8"),  # units per liquidation
        ("base_fee", "f8"),  # gwei
        ("base_fee_opening", "f8"),
        ("gas_asset", "i8"),  # -1: the unit
        ("room", "f8"),  # liquidations that blocks of this round still hold
        ("queue", "f8"),  # liquidations that stand before, this round
        ("served", "f8"),  # liquidations of this round
        ("flip", "?"),  # bids rise for `auction_tail` seconds, instead of a price that falls
        ("auction_keepers", "i8"),  # who bid
        ("auction_buffer", "f8"),
        ("auction_cut", "f8"),
        ("auction_step", "f8"),
        ("auction_tail", "f8"),
        ("auction_cusp", "f8"),
        ("auction_penalty", "f8"),
        ("fund_limit", "f8"),  # of this round's waterfall, in quanta
        ("residual_limit", "f8"),
        ("deficit", "i8"),  # of this round
        ("failed", "?"),
        ("failed_at", "f8"),
        ("out", "?"),  # orders and top-ups are refused
        ("asked_share", "f8"),  # of the balances that owners have asked for so far, and do not wait for
        ("reserve_ratio", "f8"),
        ("reserve", "i8"),  # liquid money behind balances not in custody, at the opening
        ("lent", "i8"),  # the other money behind them
        ("illiquid_discount", "f8"),
        ("paid_out", "i8"),  # of the balances not in custody
        ("withdrawn", "i8"),
        ("refused", "i8"),
        ("waiting", "i8"),  # of it: asked for again, as a protocol's borrowers repay
        ("illiquid", "?"),  # could not pay: fails
        ("own_capital", "i8"),  # pledged in front of the members, what is left of it
        ("own_capital_paid", "i8"),
        ("default_fund_paid", "i8"),
        ("own_contributions_paid", "i8"),  # of it, by members for their own accounts
        ("assessment", "f8"),  # times the contribution
        ("assessed", "i8"),
        ("replenish", "f8"),  # quanta per second
        ("keeper", "i8"),
        ("burned", "i8"),
        ("fee_to_venue", "i8"),
        ("fees", "i8"),
        ("bad_debt", "i8"),
        ("fund_used", "i8"),
        ("residual_paid", "i8"),
        ("own_paid", "i8"),
        ("uncovered", "i8"),
        ("replenished", "i8"),
        ("liquidated", "f8"),
        ("deleveraged", "f8"),
        ("first_clip", "f8"),
        ("large_position", "f8"),  # quanta
        ("clip_wait", "f8"),
        ("backstop_share", "f8"),
        ("step_size", "f8"),  # quanta, inf: everything
        ("bankruptcy_adjustment", "f8"),
        ("spread_to_maintenance", "f8"),
        ("adl_trigger", "i8"),
        ("adl_ratio", "f8"),
        ("adl_window", "f8"),
        ("adl_price", "i8"),
        ("rank_interval", "f8"),
        ("inventory", "i8"),  # its account, or -1
        ("inventory_seconds", "f8"),  # notional of the inventory at marks (quanta), summed over time
        ("taken_over", "f8"),
        ("scan", "?"),  # margin by scenario scan
        ("scan_first", "i8"),  # scenarios are scan_first:scan_last of the book's
        ("scan_last", "i8"),
        ("scan_initial", "f8"),  # initial margin over maintenance
        ("short_minimum", "f8"),
        ("model_penalty", "f8"),  # nan: nothing is closed at the model's value
        ("payout_delay", "f8"),
        ("payout_at", "f8"),  # s, nan: nothing is frozen
        ("chain", "i8"),  # the first venue on its chain, which stands for all of them
    ],
    align=True,
)

SLOT = np.dtype(  # a coin that accounts of a venue hold or owe
    [
        ("venue", "i8"),
        ("asset", "i8"),
        ("market", "i8"),  # spot market in which it is sold by force
        ("weight", "f8"),  # exchange: share of its value that counts; protocol: liquidation threshold
        ("loan_to_value", "f8"),
        ("bonus", "f8"),
        ("lot_scale", "f8"),  # quanta per unit of price that a lot is worth
        ("opening", "f8"),
        ("price", "f8"),  # by the venue's oracle
        ("local", "i8"),  # spot market or pool of the venue itself, or -1
        ("reported", "f8"),  # s, of the oracle's last report
        ("opening_weight", "f8"),
        ("haircut_seconds", "f8"),  # by how much the weight was below its own, summed over time
    ],
    align=True,
)

DEAL = np.dtype(  # the liquidation of an account's loan: a side is a row of the coins held, or -1, its money
    [
        ("collateral", "i8"),
        ("debt", "i8"),
        ("seize", "f8"),  # lots of one account, this round
        ("repay", "f8"),
        ("rate", "f8"),  # lots of debt per lot of collateral
        ("gross", "f8"),  # one plus the bonus
        ("active", "?"),  # an auction is open
        ("top", "f8"),  # its first price, quanta per lot
        ("started", "f8"),  # s
        ("tab", "f8"),  # quanta it still has to raise
        ("restarts", "i8"),
    ],
    align=True,
)

STRATEGY = np.dtype(
    [
        ("kind", "i8"),  # 0 basis, 1 arbitrage, 2 dip buyer (long leg only), 3 delta hedge
        ("discount", "f8"),  # below the outside price, from which a dip buyer buys
        ("long_leg", "i8"),  # a leg of an account, or -1
        ("long_holding", "i8"),  # a row of the holdings, or -1
        ("long_market", "i8"),
        ("short_leg", "i8"),
        ("short_market", "i8"),
        ("ratio", "f8"),  # units of the long leg per unit of the short leg
        ("capital", "f8"),  # quanta
        ("long_share", "f8"),  # of the account, or of the node, that several strategies use
        ("short_share", "f8"),
        ("rate", "f8"),
        ("unwind", "f8"),  # seconds
        ("pending_long", "f8"),  # lots still to be unwound
        ("pending_short", "f8"),
        ("part_long", "f8"),  # of a lot that waits for the rest to be unwound with it
        ("part_short", "f8"),
        ("slice_long", "f8"),
        ("slice_short", "f8"),
        ("ask_long", "f8"),  # this round
        ("ask_short", "f8"),
        ("exposure", "f8"),  # delta hedge: units of delta of the book when it was last hedged
        ("book", "i8"),  # delta hedge: the account whose options are hedged
        ("hedge_wanted", "f8"),  # lots this round, positive: sold; after the fill what is still pending
        ("hedge_taken", "f8"),
        ("hedge_last", "f8"),  # lots of the last trade
        ("turns", "f8"),  # orders that turned the last trade round without being smaller
    ],
    align=True,
)

POLICY = np.dtype(
    [
        ("kind", "i8"),
        ("place", "i8"),  # in the list of policies
        ("scope", "i8"),
        ("drop", "f8"),
        ("window", "f8"),
        ("length", "f8"),
        ("times", "f8"),
        ("reference", "i8"),
        ("reopening", "i8"),
        ("below", "f8"),
        ("above", "f8"),
        ("share", "f8"),
        ("rate", "f8"),  # quanta per second and market
        ("magnet", "f8"),  # share of the depth withdrawn at the trigger of a halt
        ("diversion", "f8"),  # share of the orders of a halted market that is hedged elsewhere
        ("auction", "f8"),  # 1: one clearing price in the round of reopening
        ("auction_depth", "f8"),  # share of the lost depth that is back in that round
        ("floor", "f8"),  # of a multiplier
        ("cap", "f8"),
        ("calm", "f8"),  # volatility per square root of a day; nan: the market's own
        ("money", "f8"),  # quanta
        ("speed", "f8"),  # share of the opening fund per second
        ("outsider", "f8"),  # 1: an outside payer pays
        ("eta", "f8"),
        ("beta", "f8"),
        ("risk", "f8"),
        ("turnover", "f8"),  # daily volume per money resting, where a market states no volume
    ],
    align=True,
)

BREAKER = np.dtype(  # state of one halt policy in one market
    [
        ("until", "f8"),
        ("count", "f8"),
        ("reference", "f8"),
        ("since", "i8"),
        ("active", "?"),
        ("diverted", "f8"),
    ],
    align=True,
)

CLOCK = np.dtype(
    [
        ("step", "f8"),
        ("time", "f8"),
        ("round", "i8"),
        ("last_round", "i8"),
        ("shock_end", "f8"),
        ("key", "u8"),
        ("sticky", "?"),
        ("struck", "?"),  # whether nodes that the shock forces into default have been hit
        ("calls", "?"),
        ("adl", "?"),
        ("unwinding", "?"),
        ("arbitrage", "?"),
        ("defaults", "?"),
        ("observed", "?"),
        ("settled", "?"),  # the temporary displacement has its settled value since the last action
        ("acted", "?"),  # something happened this round
        ("done", "?"),
        ("record", "?"),
        ("unsettled", "?"),  # a clearing vector did not settle
        ("quantum", "f8"),  # money of one quantum
        ("n_events", "i8"),
        ("n_ledger", "i8"),
        ("n_calls", "i8"),  # outstanding
        ("n_recalls", "i8"),  # claims whose notice runs
        ("n_reacting", "i8"),  # accounts whose owners trade before the trigger this round
        ("n_hedging", "i8"),  # legs in which they hedge
        ("n_on_sale", "i8"),  # holdings offered for sale this round
        ("n_called", "i8"),
        ("n_acting", "i8"),
        ("n_waiting", "i8"),  # of them: loans that no keeper will liquidate unless a price moves
        ("volatility_window", "f8"),
        ("outside_paid", "i8"),
        ("skip", "?"),  # use the clocks to skip accounts that cannot have been reached
    ],
    align=True,
)
