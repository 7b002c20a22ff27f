"""Which function of the package is which algorithm of the reference cases: loops, spirals and thresholds."""

from contagion.propagation.firesales import closed_forms

ALGORITHMS = {
    "basis_unwind": (closed_forms.basis_unwind, None),
    "gamma_feedback": (closed_forms.gamma_feedback, None),
}
