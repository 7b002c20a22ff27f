"""How bad was it, and how sure is that? Losses, tails and paired effects; what a network's tables warn of.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from contagion.lazy import on_first_use

if TYPE_CHECKING:
    from contagion.measures.basis import basis_spillover as basis_spillover
    from contagion.measures.basis import basis_table as basis_table
    from contagion.measures.basis import systemic_basis as systemic_basis
    from contagion.measures.closing import liquidity_adjusted_requirement as liquidity_adjusted_requirement
    from contagion.measures.clusters import money_to_next_cluster as money_to_next_cluster
    from contagion.measures.concentration import carried as carried
    from contagion.measures.controls import controls_table as controls_table
    from contagion.measures.currency_basis import currency_basis as currency_basis
    from contagion.measures.early_warning import distance_to_divergence as distance_to_divergence
    from contagion.measures.early_warning import liquidation_probability as liquidation_probability
    from contagion.measures.early_warning import open_interest_above as open_interest_above
    from contagion.measures.exceedance import exceedance_table as exceedance_table
    from contagion.measures.executions import execution_table as execution_table
    from contagion.measures.executions import weighted_quantiles as weighted_quantiles
    from contagion.measures.feedback import cascade_slopes as cascade_slopes
    from contagion.measures.funds import fund_size as fund_size
    from contagion.measures.hedged_books import book_hedges as book_hedges
    from contagion.measures.hedged_books import book_margins as book_margins
    from contagion.measures.hedges import hedge_effectiveness as hedge_effectiveness
    from contagion.measures.hedges import hedge_table as hedge_table
    from contagion.measures.index_push import money_to_push_index as money_to_push_index
    from contagion.measures.intervals import es_difference as es_difference
    from contagion.measures.intervals import es_interval as es_interval
    from contagion.measures.intervals import expected_shortfall as expected_shortfall
    from contagion.measures.intervals import hill_estimate as hill_estimate
    from contagion.measures.intervals import value_at_risk as value_at_risk
    from contagion.measures.intervals import var_interval as var_interval
    from contagion.measures.liquidation import liquidation_map as liquidation_map
    from contagion.measures.liquidation import liquidation_moves as liquidation_moves
    from contagion.measures.liquidation import liquidation_prices as liquidation_prices
    from contagion.measures.losses import direct_loss as direct_loss
    from contagion.measures.losses import loss_amplification as loss_amplification
    from contagion.measures.losses import node_gain as node_gain
    from contagion.measures.losses import node_loss as node_loss
    from contagion.measures.losses import system_gain as system_gain
    from contagion.measures.losses import system_loss as system_loss
    from contagion.measures.market_based.capital import ses_table as ses_table
    from contagion.measures.market_based.capital import srisk as srisk
    from contagion.measures.market_based.capital import srisk_table as srisk_table
    from contagion.measures.market_based.regression import quantile_regression as quantile_regression
    from contagion.measures.market_based.returns import covar as covar
    from contagion.measures.market_based.returns import mes as mes
    from contagion.measures.market_based.tables import market_measures as market_measures
    from contagion.measures.moments import covariance_of as covariance_of
    from contagion.measures.monitoring import monitor as monitor
    from contagion.measures.node_importance import criticality as criticality
    from contagion.measures.node_importance import impact_susceptibility as impact_susceptibility
    from contagion.measures.option_gamma import network_gamma as network_gamma
    from contagion.measures.paired import holm as holm
    from contagion.measures.paired import paired_effect as paired_effect
    from contagion.measures.paired import paired_effects as paired_effects
    from contagion.measures.passage import exit_probability as exit_probability
    from contagion.measures.portfolio_tables import asset_depth as asset_depth
    from contagion.measures.portfolio_tables import portfolios as portfolios
    from contagion.measures.prior_risk import account_risk as account_risk
    from contagion.measures.prior_risk import fund_risk as fund_risk
    from contagion.measures.prior_risk import system_risk as system_risk
    from contagion.measures.probability import probability_of_liquidation as probability_of_liquidation
    from contagion.measures.proportions import clopper_pearson as clopper_pearson
    from contagion.measures.proportions import mean_share_interval as mean_share_interval
    from contagion.measures.proportions import share_interval as share_interval
    from contagion.measures.rankings import rank_correlation as rank_correlation
    from contagion.measures.resampling import between_networks as between_networks
    from contagion.measures.shapley import first_in as first_in
    from contagion.measures.shapley import leave_one_out as leave_one_out
    from contagion.measures.shapley import shapley_values as shapley_values
    from contagion.measures.stressed import cover as cover
    from contagion.measures.stressed import stressed_members as stressed_members
    from contagion.measures.swings import kupiec as kupiec
    from contagion.measures.swings import procyclicality as procyclicality
    from contagion.measures.tails import effects_table as effects_table
    from contagion.measures.tails import tail_table as tail_table
    from contagion.measures.vulnerability import aggregate_vulnerability as aggregate_vulnerability
    from contagion.measures.vulnerability import critical_impact_multiple as critical_impact_multiple
    from contagion.measures.vulnerability import illiquidity_concentration as illiquidity_concentration
    from contagion.measures.vulnerability import indirect_contagion_index as indirect_contagion_index
    from contagion.measures.vulnerability import indirect_vulnerability as indirect_vulnerability
    from contagion.measures.vulnerability import liquidity_weighted_overlap as liquidity_weighted_overlap
    from contagion.measures.vulnerability import systemicness as systemicness
    from contagion.measures.vulnerability import vulnerability_table as vulnerability_table
    from contagion.measures.weighted import effective_size as effective_size
    from contagion.measures.weighted import exceedance_interval as exceedance_interval
    from contagion.measures.weighted import weighted_effects as weighted_effects
    from contagion.measures.weighted_tails import weighted_es_difference as weighted_es_difference
    from contagion.measures.weighted_tails import weighted_es_interval as weighted_es_interval
    from contagion.measures.weighted_tails import weighted_var_interval as weighted_var_interval

_HOMES = {
    "basis_spillover": "basis",
    "basis_table": "basis",
    "systemic_basis": "basis",
    "currency_basis": "currency_basis",
    "asset_depth": "portfolio_tables",
    "portfolios": "portfolio_tables",
    "aggregate_vulnerability": "vulnerability",
    "critical_impact_multiple": "vulnerability",
    "illiquidity_concentration": "vulnerability",
    "indirect_contagion_index": "vulnerability",
    "indirect_vulnerability": "vulnerability",
    "liquidity_weighted_overlap": "vulnerability",
    "systemicness": "vulnerability",
    "vulnerability_table": "vulnerability",
    "account_risk": "prior_risk",
    "between_networks": "resampling",
    "carried": "concentration",
    "cascade_slopes": "feedback",
    "clopper_pearson": "proportions",
    "controls_table": "controls",
    "criticality": "node_importance",
    "covar": "market_based.returns",
    "market_measures": "market_based.tables",
    "mes": "market_based.returns",
    "quantile_regression": "market_based.regression",
    "ses_table": "market_based.capital",
    "shapley_values": "shapley",
    "srisk": "market_based.capital",
    "srisk_table": "market_based.capital",
    "covariance_of": "moments",
    "cover": "stressed",
    "direct_loss": "losses",
    "distance_to_divergence": "early_warning",
    "effects_table": "tails",
    "es_difference": "intervals",
    "es_interval": "intervals",
    "exceedance_table": "exceedance",
    "execution_table": "executions",
    "exit_probability": "passage",
    "expected_shortfall": "intervals",
    "first_in": "shapley",
    "fund_risk": "prior_risk",
    "fund_size": "funds",
    "book_hedges": "hedged_books",
    "book_margins": "hedged_books",
    "hedge_effectiveness": "hedges",
    "network_gamma": "option_gamma",
    "hedge_table": "hedges",
    "hill_estimate": "intervals",
    "holm": "paired",
    "impact_susceptibility": "node_importance",
    "kupiec": "swings",
    "leave_one_out": "shapley",
    "liquidation_map": "liquidation",
    "liquidation_moves": "liquidation",
    "liquidation_prices": "liquidation",
    "liquidation_probability": "early_warning",
    "liquidity_adjusted_requirement": "closing",
    "loss_amplification": "losses",
    "mean_share_interval": "proportions",
    "money_to_next_cluster": "clusters",
    "money_to_push_index": "index_push",
    "monitor": "monitoring",
    "node_gain": "losses",
    "node_loss": "losses",
    "open_interest_above": "early_warning",
    "paired_effect": "paired",
    "paired_effects": "paired",
    "probability_of_liquidation": "probability",
    "rank_correlation": "rankings",
    "share_interval": "proportions",
    "stressed_members": "stressed",
    "procyclicality": "swings",
    "system_gain": "losses",
    "system_loss": "losses",
    "system_risk": "prior_risk",
    "tail_table": "tails",
    "value_at_risk": "intervals",
    "var_interval": "intervals",
    "effective_size": "weighted",
    "exceedance_interval": "weighted",
    "weighted_effects": "weighted",
    "weighted_es_difference": "weighted_tails",
    "weighted_es_interval": "weighted_tails",
    "weighted_var_interval": "weighted_tails",
    "weighted_quantiles": "executions",
}

__all__ = sorted(_HOMES)

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error
    __getattr__ = on_first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)
