"""Networks of banks for the tests of models of balance sheets."""

from functools import cache

import numpy as np

import contagion as ct


@cache
def banks(n: int = 12, seed: int = 1, density: float = 0.3, capital: float = 0.06) -> ct.Network:
    """Random banks whose balance sheets balance; equity is a share of assets."""
    rng = np.random.default_rng(seed)
    debts = (rng.random((n, n)) < density) * np.round(rng.exponential(10.0, (n, n)), 2)
    np.fill_diagonal(debts, 0.0)
    claimed, owed = debts.sum(axis=0), debts.sum(axis=1)
    assets = np.round(rng.uniform(50.0, 200.0, n), 2)
    equity = capital * (assets + claimed)
    outside = assets + claimed - owed - equity
    assets = assets + np.maximum(0.0, -outside)
    names = [f"bank-{i:02d}" for i in range(n)]
    return ct.Network(
        nodes={
            "name": names,
            "kind": ["institution"] * n,
            "external_assets": assets,
            "external_liabilities": np.maximum(outside, 0.0),
        },
        obligations=[
            {"debtor": names[i], "creditor": names[j], "amount": debts[i, j]}
            for i, j in np.argwhere(debts > 0.0).tolist()
        ],
    )


def pair(**more: float) -> ct.Network:
    """A owes B 4 and has 5; B has 1."""
    return ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_assets": 5.0, **more},
            {"name": "B", "kind": "institution", "external_assets": 1.0},
        ],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}],
    )


def banks_of(sheets: list[tuple[str, float, float]], debts: list[tuple[str, str, float]]) -> ct.Network:
    """Banks of (name, external assets, external liabilities) and debts of (debtor, creditor, amount)."""
    columns = ("name", "external_assets", "external_liabilities")
    return ct.Network(
        nodes=[{**dict(zip(columns, sheet, strict=True)), "kind": "institution"} for sheet in sheets],
        obligations=[dict(zip(("debtor", "creditor", "amount"), debt, strict=True)) for debt in debts],
    )


MODELS = {
    "clearing": ct.Clearing(),
    "clearing with costs": ct.Clearing(alpha=0.5, beta=0.5),
    "least clearing, senior": ct.Clearing(
        alpha=0.8, beta=0.9, external_priority="senior", fixed_point="least"
    ),
    "debtrank": ct.DebtRank(),
    "single hit": ct.DebtRank(kind="single_hit"),
    "nonlinear": ct.DebtRank(kind="nonlinear", alpha=2.0),
    "furfine": ct.Furfine(lgd=0.8),
    "threshold": ct.ThresholdCascade(threshold=0.9, lgd=0.9),
    "merton": ct.NEVA("merton", sigma=0.05, recovery=0.7),
    "neva": ct.NEVA("eisenberg_noe"),
    "linear neva": ct.NEVA("linear_debtrank"),
    "furfine neva": ct.NEVA("furfine", recovery=0.3),
    "cross-holdings": ct.CrossHoldings(),
    "suzuki": ct.CrossHoldings(kind="suzuki"),
}
