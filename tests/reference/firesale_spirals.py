"""Which function of the package is which algorithm of the reference cases: loops, spirals and thresholds."""

import functools

from contagion.propagation.firesales import closed_forms, spirals, stability, stability_simulation

SEED = 7


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


def _seeded(simulation):
    """A simulation with the seed of the tests."""
    return functools.partial(simulation, seed=SEED), None


ALGORITHMS = {
    "basis_unwind": (closed_forms.basis_unwind, None),
    "brunnermeier_pedersen": (spirals.brunnermeier_pedersen, None),
    "caccioli_poisson": _seeded(stability_simulation.caccioli_poisson),
    "caccioli_regular": (stability.caccioli_regular, None),
    "caccioli_regular_simulation": _seeded(stability_simulation.caccioli_regular_simulation),
    "gai_kapadia_simulation": _seeded(stability_simulation.gai_kapadia_simulation),
    "gai_kapadia_window": (stability.gai_kapadia_window, None),
    "gamma_feedback": (closed_forms.gamma_feedback, None),
    "thurner_farmer_geanakoplos": (thurner_farmer_geanakoplos, None),
}
