"""Many networks from sums alone: every matrix that fits is a possible world, and a comparison runs on all of them.

The sums say what each bank owes and is owed, not whom. Effects of policies that hold on all networks of an ensemble do
not rest on the guess of who owes whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, word
from contagion.balance_sheets import node_vector
from contagion.errors import NetworkError, SchemaError
from contagion.generate.reconstruct_density import min_density
from contagion.generate.reconstruct_entropy import max_entropy
from contagion.generate.reconstruct_posterior import gandy_veraart
from contagion.generate.reconstruct_sums import LEAST_LINK, Sums, read_sums
from contagion.network.network import Network

__all__ = ["reconstruct"]

METHODS: Final = ("gandy_veraart", "max_entropy", "min_density")
IDENTITY: Final = 1e-9


def reconstruct(
    interbank_liabilities: Any,
    interbank_assets: Any,
    *,
    n: int = 20,
    seed: int = 0,
    method: str = "gandy_veraart",
    external_assets: Any = None,
    external_liabilities: Any = None,
    cash: Any = None,
    equity: Any = None,
    names: Sequence[str] | None = None,
    unit: str = "USD",
    **options: Any,
) -> list[Network]:
    """Return networks with the given sums, for ``contagion.compare(networks=...)``.

    Parameters
    ----------
    interbank_liabilities, interbank_assets : array_like, Series or mapping, shape (n_banks,)
        What each bank owes and is owed inside the network, money >= 0. Both labelled, joined by name, or neither.
    n : int, default 20
        Networks to draw; the methods without chance give one.
    seed : int, default 0
        Same seed, same bits.
    method : str, default "gandy_veraart"
        Or ``max_entropy`` (everybody owes everybody: contagion is spread most thinly) or ``min_density`` (few large
        debts).
    external_assets, external_liabilities, cash : array_like, Series or mapping, shape (n_banks,), optional
        The rest of the balance sheets, money >= 0; labelled where the sums are.
    equity : array_like, Series or mapping, shape (n_banks,), optional
        Reported equity: every balance sheet must add up to it.
    names : sequence of str, optional
        Names of banks without labels; ``bank-0``, ``bank-1``, ... by default.
    unit : str, default "USD"
        The unit of money.
    **options
        Of the method: `link_probability` (needed), `rate`, `thin`, `burn_in`, `chains` of `gandy_veraart`, `known` of
        `max_entropy`, `exact` of `min_density`.

    Returns
    -------
    list of Network
        Institutions with one balance sheet each, the same in all networks, and obligations that differ.

    Raises
    ------
    InputError
        If the sums or options are refused by the method, or a balance sheet does not add up to the given equity.

    Examples
    --------
    >>> nets = reconstruct([3, 2, 2.5], [1.5, 2.75, 3.25], n=4, link_probability=0.6, external_assets=[9, 9, 9])
    >>> len(nets), nets[0].obligations["amount"].sum().round(9).item()
    (4, 7.5)
    """
    sums = read_sums(interbank_liabilities, interbank_assets)
    chosen = word(method, "method", METHODS)
    sheets = {
        name: node_vector(column, sums.n, sums.names, name, low=0.0)
        for name, column in (
            ("cash", cash),
            ("external_assets", external_assets),
            ("external_liabilities", external_liabilities),
        )
    }
    if equity is not None:
        _check_equity(sums, sheets, node_vector(equity, sums.n, sums.names, "equity"))
    labels = _labels(sums, names)
    matrices = _matrices(sums, chosen, n, seed, options)
    return [_network(matrix, labels, sheets, unit, LEAST_LINK * sums.total) for matrix in matrices]


def _matrices(
    sums: Sums, method: str, n: int, seed: int, options: Mapping[str, Any]
) -> Sequence[FloatArray] | FloatArray:
    """Shape (n_networks, n_banks, n_banks)."""
    takes = {
        "gandy_veraart": ("link_probability", "rate", "thin", "burn_in", "chains"),
        "max_entropy": ("known",),
        "min_density": ("exact",),
    }[method]
    for name in options:
        word(name, f"options of {method}", takes)
    if method == "gandy_veraart":
        if "link_probability" not in options:
            raise SchemaError(
                "is missing", where="link_probability", allowed="the prior probability of a debt, such as 0.3"
            )
        draws = gandy_veraart(sums.owed, sums.claimed, n_samples=n, seed=seed, **options).draws
        assert draws is not None
        return draws
    if method == "max_entropy":
        series = [pd.Series(side, index=sums.names) for side in (sums.owed, sums.claimed)]
        return [np.asarray(max_entropy(*series, **options).liabilities)]
    return [min_density(sums.owed, sums.claimed, **options).claims.dense()]


def _network(
    matrix: FloatArray, labels: np.ndarray, sheets: Mapping[str, FloatArray], unit: str, least: float
) -> Network:
    """One network; amounts too small to be links are left out."""
    debtor, creditor = np.nonzero(matrix > least)
    return Network(
        {"name": labels, "kind": "institution", **sheets},
        obligations={
            "debtor": labels[debtor],
            "creditor": labels[creditor],
            "amount": matrix[debtor, creditor],
        },
        unit=unit,
    )


def _labels(sums: Sums, names: Sequence[str] | None) -> np.ndarray:
    if sums.names is not None:
        if names is not None:
            raise SchemaError("are given twice", where="names", allowed="labels of the sums, or names")
        return np.array([str(name) for name in sums.names], dtype=object)
    given = [f"bank-{place}" for place in range(sums.n)] if names is None else list(names)
    if len(given) != sums.n:
        raise SchemaError(f"has length {len(given)}", where="names", allowed=f"length {sums.n}")
    return np.array(given, dtype=object)


def _check_equity(sums: Sums, sheets: Mapping[str, FloatArray], equity: FloatArray) -> None:
    """Refuse balance sheets that do not add up to reported equity."""
    assets = sheets["cash"] + sheets["external_assets"] + sums.claimed
    debts = sheets["external_liabilities"] + sums.owed
    gap = np.abs(assets - debts - equity) / np.maximum(assets + debts, np.finfo(float).tiny)
    worst = int(gap.argmax())
    if gap[worst] > IDENTITY:
        raise NetworkError(
            f"reports equity {equity[worst]:g}; assets {assets[worst]:g} - liabilities {debts[worst]:g} = "
            f"{assets[worst] - debts[worst]:g}",
            where="equity",
            value=sums.name(worst),
            allowed="assets = liabilities + equity",
        )
