"""What each metric of a run means in plain words, and how its number is written."""

from __future__ import annotations

from dataclasses import dataclass

from contagion.reporting import formats


@dataclass(frozen=True)
class Metric:
    """A metric for a reader: a short label, how its number is written, what it measures.

    Parameters
    ----------
    label : str
        A few words.
    form : str
        ``money``, ``count``, ``share``, ``seconds`` or ``ratio``.
    meaning : str
        One sentence.
    """

    label: str
    form: str
    meaning: str

    def show(self, value: float, *, signed: bool = False) -> str:
        """Return the number as text."""
        if self.form == "money":
            return formats.amount(value, signed=signed)
        if self.form == "share":
            return formats.percent(value, signed=signed)
        if self.form == "seconds":
            return ("+" if signed and value > 0.0 else "") + formats.seconds(value)
        if self.form == "count":
            return formats.count(value, signed=signed)
        return ("+" if signed and value > 0.0 else "") + formats.three_figures(value)


METRICS: dict[str, Metric] = {
    "system_loss": Metric(
        "system loss",
        "money",
        "what the cascade costs beyond the outside shock, summed over all who lose",
    ),
    "system_gain": Metric(
        "system gain", "money", "the counterpart: what others gain from the cascade beyond the outside shock"
    ),
    "direct_loss": Metric(
        "direct loss",
        "money",
        "what the outside shock alone costs those who lose, had nobody been forced to trade or failed",
    ),
    "forced_cost": Metric(
        "forced cost", "money", "forced sellers' shortfall against the outside price at the fill, plus fees"
    ),
    "loss_amplification": Metric("loss amplification", "ratio", "(direct + system loss) / direct loss"),
    "price_amplification": Metric(
        "price amplification", "ratio", "largest fall of price / fall of outside price"
    ),
    "liquidated_notional": Metric(
        "liquidated",
        "money",
        "what forced orders filled in the market closed; of a loan the collateral given up",
    ),
    "liquidated_notional_long": Metric("liquidated, longs", "money", "the part that closed long positions"),
    "liquidated_notional_short": Metric(
        "liquidated, shorts", "money", "the part that closed short positions"
    ),
    "liquidated_accounts": Metric(
        "liquidated accounts", "count", "accounts that were force-closed at least in part"
    ),
    "bad_debt": Metric("bad debt", "money", "deficits of accounts that ended flat with less than nothing"),
    "uncovered": Metric("uncovered", "money", "bad debt that neither fund nor any later layer paid"),
    "fund_used": Metric("fund used", "money", "what insurance funds paid out"),
    "adl_notional": Metric(
        "deleveraged (ADL)", "money", "positions of winners closed against bankrupt accounts"
    ),
    "takeover_notional": Metric(
        "taken over",
        "money",
        "positions that venues took over at the bankruptcy price and work off themselves",
    ),
    "residual_loss": Metric(
        "residual loss", "money", "losses passed to winners, all users or the venue's own equity"
    ),
    "venue_defaults": Metric("venue defaults", "count", "venues that failed"),
    "node_defaults": Metric("node defaults", "count", "nodes that failed, venues included"),
    "price_drop_max": Metric(
        "largest fall", "share", "largest fall of any market's last price since the opening"
    ),
    "basis_peak": Metric(
        "peak basis", "share", "largest gap between price and fair value of a perpetual or future"
    ),
    "liquidation_basis_mean": Metric(
        "mean liquidation basis",
        "share",
        "how much worse than the mark at its trigger a forced fill was done, mean by money",
    ),
    "liquidation_basis_worst": Metric(
        "worst liquidation basis", "share", "the fill that was done furthest beyond the mark at its trigger"
    ),
    "coverage_mean": Metric(
        "mean coverage",
        "share",
        "value realised / amount owed at the trigger, mean over closed accounts; the rest is bad debt",
    ),
    "liquidation_cost": Metric("liquidation cost", "money", "slippage, fees, gas and burn of forced fills"),
    "liquidation_cost_slippage": Metric(
        "of it slippage", "money", "price impact of forced fills, and of working off what was taken over"
    ),
    "liquidation_cost_fee": Metric("of it fees", "money", "fees charged on forced fills"),
    "liquidation_cost_gas": Metric("of it gas", "money", "gas paid by keepers"),
    "liquidation_cost_burn": Metric("of it burnt", "money", "money destroyed by rule"),
    "margin_called": Metric("margin called", "money", "top-ups that venues asked for"),
    "margin_posted": Metric("margin posted", "money", "top-ups that arrived"),
    "deferred_notional": Metric(
        "deferred", "money", "forced orders still waiting when the run ended: loss put off"
    ),
    "halted_seconds": Metric("halted", "seconds", "time for which markets were shut, summed over markets"),
    "time_to_close_median": Metric(
        "time to close, median", "seconds", "from the last trigger to flat, over accounts"
    ),
    "time_to_close_95": Metric(
        "time to close, 95 %", "seconds", "from the last trigger to flat, over accounts"
    ),
    "fill_rate": Metric("fill rate", "share", "forced orders filled / asked"),
    "branching_ratio": Metric(
        "branching ratio",
        "share",
        "of what was liquidated or taken over, the share of accounts that were healthy at outside prices",
    ),
    "rounds": Metric("rounds", "count", "rounds until nothing was left to do"),
    "policy_cost": Metric(
        "policy cost",
        "money",
        "what the rules used beyond no policy, each part priced once: money locked up, markets shut, orders held "
        "back, volume turned away, winners cut or seized, margin asked, money paid away or lost by a backstop",
    ),
    "reacted_notional": Metric("cut by owners", "money", "positions that called owners closed themselves"),
    "hedged_notional": Metric("hedged by owners", "money", "hedges that called owners opened"),
    "delta_hedged_notional": Metric(
        "delta hedged", "money", "what hedgers of options traded because their delta changed"
    ),
    "model_closed_notional": Metric(
        "closed at the model's value",
        "money",
        "of what was liquidated, options that no book took and the venue did, at the model's value less a penalty",
    ),
    "funding_paid": Metric("funding", "money", "funding that changed hands between longs and shorts"),
    "recalled": Metric("loans recalled", "money", "loans between nodes that debtors paid back early"),
    "withdrawn": Metric("withdrawn", "money", "what customers took out of venues in a run"),
    "withdrawals_refused": Metric(
        "withdrawals refused", "money", "what customers asked for in a run and did not get"
    ),
    "collateral_seized": Metric(
        "collateral seized", "money", "collateral that keepers took from borrowers, at the oracle's price"
    ),
    "debt_repaid": Metric(
        "debt repaid", "money", "debt that keepers repaid for borrowers, at the oracle's price"
    ),
    "keeper_gain": Metric("keepers' gain", "money", "what liquidating loans left to keepers, gas paid"),
    "keeper_waits": Metric(
        "keepers' waits", "count", "accounts that keepers left waiting, once for every round they waited"
    ),
    "margin_moved": Metric("margin moved", "money", "free margin that owners moved between their accounts"),
    "own_capital_paid": Metric("own capital paid", "money", "bad debt that venues' own capital paid"),
    "default_fund_paid": Metric("default funds paid", "money", "bad debt that default funds of members paid"),
    "fundamental_defaults": Metric(
        "failures by the shock", "count", "nodes that fail with the shock alone, all others paying in full"
    ),
    "contagion_defaults": Metric(
        "failures by contagion",
        "count",
        "nodes that fail because others do not pay, or sell what they hold too",
    ),
    "converted": Metric("debts made equity", "money", "debts that were turned into shares of the debtor"),
    "lent": Metric("lent in the crisis", "money", "what a lender of last resort lent after the shock"),
    "support_lost": Metric("support lost", "money", "of what was lent in the crisis, the part not paid back"),
    "unpaid": Metric("unpaid inside", "money", "debts inside the network that clearing leaves unpaid"),
    "external_loss": Metric(
        "loss of external creditors", "money", "debts outside the network that clearing leaves unpaid"
    ),
    "default_costs": Metric(
        "default costs", "money", "what failing itself destroys, of assets and of payments received"
    ),
    "debtrank": Metric(
        "DebtRank",
        "share",
        "share of the network's value lost beyond the shock, each node weighed by its worth",
    ),
    "amplification": Metric("amplification", "ratio", "loss of equity with contagion / by the shock alone"),
    "spectral_radius": Metric(
        "spectral radius",
        "ratio",
        "factor by which distress grows from round to round at first; above 1 small shocks grow",
    ),
    "claims_lost": Metric(
        "lost on claims", "money", "what creditors inside the network lose on their claims"
    ),
    "failure_costs": Metric("failure costs", "money", "value that failing nodes lose by failing"),
    "fire_sale_loss": Metric(
        "lost through sales", "money", "what holders lose through prices that fall in sales, beyond the shock"
    ),
    "aggregate_vulnerability": Metric(
        "aggregate vulnerability", "share", "lost through sales / equity of all before the shock"
    ),
    "sales": Metric(
        "sold", "money", "what nodes sell to get back to their limits, at the price before each sale"
    ),
    "worst_fall": Metric("worst fall", "share", "largest fall of an asset's price beyond the shock"),
    "mean_fall": Metric(
        "mean fall", "share", "fall of prices beyond the shock, mean by the money held after the shock"
    ),
    "banks_selling": Metric("nodes that sell", "count", "nodes that sell something"),
    "rounds_with_sales": Metric("rounds with sales", "count", "rounds in which somebody sells"),
    "claims_loss": Metric(
        "lost on claims alone",
        "money",
        "loss of equity beyond the shock if only claims, not prices, pass it on, that of nodes let fail included",
    ),
    "interaction_loss": Metric(
        "lost by both together",
        "money",
        "loss of equity that is there only because prices and claims both pass it on; below 0 where they take the same "
        "equity",
    ),
    "other_end_loss": Metric(
        "system loss at the other fixed point",
        "money",
        "the same with the most sales that explain themselves in place of the least, or the other way round",
    ),
    "distance_to_divergence": Metric(
        "distance to divergence",
        "ratio",
        "factor on all price impacts at which rounds of sales stop dying out; below 1 they grow",
    ),
    "assessed": Metric("assessments", "money", "bad debt that members paid beyond their contributions"),
    "attack_spent": Metric(
        "attackers' purchases", "money", "what attackers on a price paid for coins, fees included"
    ),
    "attack_received": Metric(
        "attackers' sales", "money", "what attackers on a price got for coins, less fees"
    ),
    "attack_profit": Metric(
        "attackers' profit",
        "money",
        "what attackers got for coins less what they paid, coins they still owe at the outside price, and the gain of "
        "the positions they hold besides",
    ),
    "attack_traded": Metric(
        "attackers' trades",
        "money",
        "part of attackers' budgets that was traded, at opening prices; what they trade back is not counted",
    ),
    "frozen": Metric("frozen", "money", "most that customers had at failed venues and could not get yet"),
    "issuer_loss": Metric(
        "haircuts of tokens", "money", "value that tokens lost because their issuers cannot cover all of them"
    ),
}


def metric(name: str) -> Metric:
    """Return the entry of a metric; an unknown one (a user's own) is shown by its name.

    Parameters
    ----------
    name : str
        Name of the metric.
    """
    return METRICS.get(name, Metric(name.replace("_", " "), "ratio", ""))
