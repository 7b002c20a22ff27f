"""Which function of the package is which algorithm: valuation before default and importance of banks."""

from contagion import measures
from contagion.claims import Claims
from contagion.errors import SchemaError
from contagion.propagation.neva import neva_black_cox, neva_furfine_merton, neva_merton


def debts(algorithm, n, liabilities, edges):
    """Claims from a matrix or from a list of edges."""
    if liabilities is not None:
        return Claims.from_matrix(liabilities)
    if edges is None:
        raise SchemaError("has no key 'liabilities' and no key 'edges'", where=algorithm)
    return Claims.from_edges(edges, n=n)


def valuation(function, algorithm):
    """A valuation before default as a function of the keys of a record."""

    def compute(
        n=None,
        liabilities=None,
        edges=None,
        external_assets=None,
        external_liabilities=None,
        equity=None,
        sigma=None,
        sigma_equity=None,
        recovery=None,
        shock=0.0,
    ):
        given = {"sigma": sigma, "sigma_equity": sigma_equity, "recovery": recovery}
        return function(
            debts(algorithm, n, liabilities, edges),
            external_assets,
            external_liabilities,
            equity=equity,
            shock=shock,
            **{name: value for name, value in given.items() if value is not None},
        )

    return compute


def criticality(
    n=None, liabilities=None, edges=None, external_assets=None, external_liabilities=None, equity=None
):
    """Vulnerabilities as a full matrix."""
    claims = debts("criticality", n, liabilities, edges)
    found = measures.criticality(claims, external_assets, external_liabilities, equity=equity)
    return {**vars(found), "vulnerability": found.vulnerability.toarray()}


def impact_susceptibility(
    n=None,
    liabilities=None,
    edges=None,
    external_assets=None,
    external_liabilities=None,
    equity=None,
    binary=False,
):
    """Debts as a matrix or as edges."""
    claims = debts("impact_susceptibility", n, liabilities, edges)
    return measures.impact_susceptibility(
        claims, external_assets, external_liabilities, equity=equity, binary=binary
    )


ALGORITHMS = {
    "criticality": (criticality, None),
    "impact_susceptibility": (impact_susceptibility, None),
    "neva_black_cox": (valuation(neva_black_cox, "neva_black_cox"), None),
    "neva_furfine_merton": (valuation(neva_furfine_merton, "neva_furfine_merton"), None),
    "neva_merton": (valuation(neva_merton, "neva_merton"), None),
}
