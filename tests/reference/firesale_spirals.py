"""Which function of the package is which algorithm of the reference cases: loops, spirals and thresholds."""

from contagion.propagation.firesales import closed_forms, spirals


def thurner_farmer_geanakoplos(
    fundamental_value, shares_outstanding, aggressiveness, initial_cash, noise_demand, max_leverage
):
    """Periods of the path as mappings."""
    found = spirals.thurner_farmer_geanakoplos(
        fundamental_value,
        shares_outstanding,
        aggressiveness,
        initial_cash,
        noise_demand,
        max_leverage=max_leverage,
    )
    return {"path": [vars(period) for period in found.path]}


ALGORITHMS = {
    "basis_unwind": (closed_forms.basis_unwind, None),
    "brunnermeier_pedersen": (spirals.brunnermeier_pedersen, None),
    "gamma_feedback": (closed_forms.gamma_feedback, None),
    "thurner_farmer_geanakoplos": (thurner_farmer_geanakoplos, None),
}
