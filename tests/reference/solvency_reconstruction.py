"""Which function of the package is which algorithm: matrices of debts from row and column sums."""

from contagion import generate
from contagion.errors import SchemaError


def _sums(interbank_liabilities, interbank_assets, n):
    """Both sums; the number of banks, where it is stated, is theirs."""
    if n is not None and n != len(interbank_liabilities):
        raise SchemaError(
            f"has length {len(interbank_liabilities)}", where="interbank_liabilities", allowed=f"length {n}"
        )
    return interbank_liabilities, interbank_assets


def max_entropy(interbank_liabilities, interbank_assets, n=None, known=None):
    """Maximum entropy."""
    return generate.max_entropy(*_sums(interbank_liabilities, interbank_assets, n), known=known)


def min_density(interbank_liabilities, interbank_assets, n=None):
    """Minimum density with the matrix, and its sums."""
    found = generate.min_density(*_sums(interbank_liabilities, interbank_assets, n))
    return {**vars(found), "liabilities": found.liabilities, "claims": None}


def gandy_veraart_posterior(
    interbank_liabilities, interbank_assets, link_probability, rate, n_samples=10_000, seed=0, n=None
):
    """Posterior mean and link probabilities."""
    return generate.gandy_veraart(
        *_sums(interbank_liabilities, interbank_assets, n),
        link_probability=link_probability,
        rate=rate,
        n_samples=n_samples,
        seed=seed,
        keep_draws=False,
    )


ALGORITHMS = {
    "gandy_veraart_posterior": (gandy_veraart_posterior, None),
    "max_entropy": (max_entropy, None),
    "min_density": (min_density, None),
}
