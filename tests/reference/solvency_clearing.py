"""Which function of the package is which algorithm of the reference cases: clearing."""

import dataclasses

import pandas as pd

from contagion.claims import Claims
from contagion.propagation import clearing


def liabilities_of(liabilities, edges, n, names):
    """A matrix or a list of edges, with names where a record has as many as rows."""
    if edges is not None:
        return Claims.from_edges(edges, n, names)
    if names is None or any(len(row) != len(names) for row in [liabilities, *liabilities]):
        return liabilities
    return pd.DataFrame(liabilities, index=names, columns=names)


def vector_of(values, names):
    """One number per node, labelled where a record has as many names."""
    if names is None or values is None or len(values) != len(names):
        return values
    return dict(zip(names, values, strict=True))


def _result(found):
    values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name[0] != "_"}
    values["payments_by_seniority"] = list(found.payments_by_seniority)
    return {**values, "n_defaulted": found.n_defaulted, "waves": found.waves, "unique": found.unique}


def eisenberg_noe(
    external_assets,
    liabilities=None,
    external_liabilities=None,
    edges=None,
    n=None,
    names=None,
    external_priority="pari_passu",
    fixed_point="greatest",
    liabilities_by_seniority=None,
    external_liabilities_by_seniority=None,
):
    """Clearing without costs of default, with or without layers."""
    layers, outside = liabilities_by_seniority, external_liabilities_by_seniority
    if layers is not None:
        return _result(
            clearing.eisenberg_noe(
                external_assets=vector_of(external_assets, names),
                external_priority=external_priority,
                fixed_point=fixed_point,
                liabilities_by_seniority=[liabilities_of(matrix, None, n, names) for matrix in layers],
                external_liabilities_by_seniority=outside and [vector_of(own, names) for own in outside],
            )
        )
    return _result(
        clearing.eisenberg_noe(
            liabilities_of(liabilities, edges, n, names),
            vector_of(external_assets, names),
            vector_of(external_liabilities, names),
            external_priority=external_priority,
            fixed_point=fixed_point,
        )
    )


def rogers_veraart(
    external_assets,
    liabilities=None,
    external_liabilities=None,
    edges=None,
    n=None,
    names=None,
    alpha=1.0,
    beta=1.0,
    external_priority="pari_passu",
    fixed_point="greatest",
):
    """Clearing with costs of default."""
    return _result(
        clearing.rogers_veraart(
            liabilities_of(liabilities, edges, n, names),
            vector_of(external_assets, names),
            vector_of(external_liabilities, names),
            alpha=alpha,
            beta=beta,
            external_priority=external_priority,
            fixed_point=fixed_point,
        )
    )


ALGORITHMS = {
    "eisenberg_noe": (eisenberg_noe, None),
    "rogers_veraart": (rogers_veraart, None),
}
