"""How large are the banks of a made network and their debts? Balance sheets that balance by construction.

Total assets are drawn first. Debts between banks are filled in so that no bank owes or is owed more than the given
share of its total assets; external assets and liabilities are what is missing to the total.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from contagion.arrays import FloatArray
from contagion.claims import Claims
from contagion.errors import ValueRangeError
from contagion.generate.interbank_kernels import filled
from contagion.network.network import Network
from contagion.streams import stream

__all__ = ["Interbank", "check_shares", "draw_sheets"]

IntArray = NDArray[np.int64]
Settings = Mapping[str, float]

FILLINGS: Final = 10


@dataclass(frozen=True)
class Interbank:
    """Balance sheets of n banks and the debts between them.

    Parameters
    ----------
    claims : Claims
        Debts between banks, sorted sparse rows.
    external_assets, external_liabilities, cash : numpy.ndarray, shape (n,)
        The rest of the balance sheets, money >= 0.
    equity : numpy.ndarray, shape (n,)
        external_assets + cash + claims - debts - external_liabilities, the given share of total assets.
    total_assets : numpy.ndarray, shape (n,)
        external_assets + cash + claims.
    kind : str
        The kind of network.
    """

    claims: Claims
    external_assets: FloatArray
    external_liabilities: FloatArray
    cash: FloatArray
    equity: FloatArray
    total_assets: FloatArray
    kind: str

    @property
    def n(self) -> int:
        """Number of banks."""
        return self.claims.n

    def network(self, unit: str = "USD") -> Network:
        """Return the network of institutions, named ``bank-0``, ``bank-1``, ... with leading zeros."""
        digits = len(str(max(0, self.n - 1)))
        names = np.array([f"bank-{place:0{digits}d}" for place in range(self.n)], dtype=object)
        return Network(
            {
                "name": names,
                "kind": "institution",
                "cash": self.cash,
                "external_assets": self.external_assets,
                "external_liabilities": self.external_liabilities,
            },
            obligations={
                "debtor": names[self.claims.debtor],
                "creditor": names[self.claims.creditor],
                "amount": self.claims.amount,
            },
            unit=unit,
        )


def check_shares(settings: Settings) -> None:
    """Refuse shares that leave no room for external assets or liabilities."""
    for other in ("capital_ratio", "cash_share"):
        if settings["interbank_share"] + settings[other] > 1.0:
            raise ValueRangeError(
                f"leaves no room for {other} {settings[other]:g}",
                where="interbank, interbank_share",
                value=settings["interbank_share"],
                allowed="at most 1 together",
            )
    if settings["size_exponent"] <= 1.0:
        raise ValueRangeError(
            "has no mean",
            where="interbank, size_exponent",
            value=settings["size_exponent"],
            allowed="above 1",
        )


def draw_sheets(
    debtor: IntArray, creditor: IntArray, n: int, seed: int, settings: Settings, sizes: str, kind: str
) -> Interbank:
    """Draw sizes and amounts on given links, each pair at most once.

    Parameters
    ----------
    debtor, creditor : numpy.ndarray of int64, shape (n_links,)
        Who owes whom.
    n, seed : int
        Banks; root seed.
    settings : mapping
        Rows of ``contagion.facts.load("interbank")``.
    sizes : str
        ``log_normal`` or ``pareto``.
    kind : str
        The kind of network, for the result.
    """
    places = np.sort(debtor * n + creditor)
    debtor, creditor = places // n, places % n
    degree = np.bincount(debtor, minlength=n) + np.bincount(creditor, minlength=n)
    assets = _sizes(degree, seed, settings, sizes)
    spread = settings["concentration"]
    weight = np.ones(len(debtor))
    if spread > 0.0:
        weight = stream(seed, "interbank", "amounts").gamma(spread**-2, size=len(debtor))
        weight = np.maximum(weight, 1e-12)
    amount = filled(debtor, creditor, weight, settings["interbank_share"] * assets, FILLINGS)
    starts = np.concatenate([[0], np.cumsum(np.bincount(debtor, minlength=n))]).astype(np.int64)
    claims = Claims(starts, creditor, amount)
    cash, equity = settings["cash_share"] * assets, settings["capital_ratio"] * assets
    outside = np.maximum(0.0, assets - cash - claims.claimed)
    debts = np.maximum(0.0, assets - equity - claims.owed)
    return Interbank(claims, outside, debts, cash, equity, assets, kind)


def _sizes(degree: IntArray, seed: int, settings: Settings, law: str) -> FloatArray:
    """Total assets: drawn from the law, and given to banks by a score that follows their number of links."""
    n = len(degree)
    random = stream(seed, "interbank", "sizes")
    share, noise, ties = random.random(n), random.normal(size=n), random.random(n)
    if law == "pareto":
        exponent = settings["size_exponent"]
        drawn = (exponent - 1.0) / exponent * (1.0 - share) ** (-1.0 / exponent)
    else:
        sd = settings["size_sd"]
        drawn = np.exp(sd * ndtri(np.clip(share, 1e-16, 1.0 - 1e-16)) - sd**2 / 2)
    follows = settings["size_follows_degree"]
    rank = np.empty(n)
    rank[np.lexsort((ties, degree))] = ndtri((np.arange(n) + 0.5) / n)
    found = np.empty(n)
    found[np.argsort(follows * rank + np.sqrt(1.0 - follows**2) * noise)] = np.sort(drawn)
    return np.asarray(settings["mean_assets"] * found)
