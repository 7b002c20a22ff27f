"""What are claims worth before anybody defaults? Network valuation with external assets that move at random.

`neva` takes any valuation function; here are the three of the literature that value claims before default.

References
----------
Barucca, Bardoscia, Caccioli, D'Errico, Visentin, Caldarelli, Battiston (2020), Mathematical Finance 30(4).
"""

from __future__ import annotations

from typing import Any

from contagion.propagation.network_valuation import neva
from contagion.propagation.neva_results import NetworkValuation
from contagion.propagation.valuations.diffusion import BlackCox, FurfineMerton, Merton

__all__ = ["NetworkValuation", "neva", "neva_black_cox", "neva_furfine_merton", "neva_merton"]


def neva_merton(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    sigma: Any = None,
    sigma_equity: Any = None,
    recovery: Any = 1.0,
    shock: Any = 0.0,
    equity: Any = None,
) -> NetworkValuation:
    """Claims on debtors that may default at maturity and then share what is left (endogenous recovery).

    Parameters
    ----------
    sigma, sigma_equity : float, array_like, Series or mapping
        One of them: volatility of external assets over the time to maturity, or of equity (then sigma_i =
        sigma_equity x face equity / external assets, both before the shock); > 0.
    recovery : float, array_like, Series or mapping
        Share in [0, 1] of what is left that creditors get.
    liabilities, external_assets, external_liabilities, shock, equity
        As in `neva`.

    Raises
    ------
    InputError
        As in `neva`; if sigma is not positive, both or neither volatility is given, recovery is outside [0, 1], or
        external assets are not positive before and after the shock.

    Examples
    --------
    >>> found = neva_merton([[0, 2], [1, 0]], [5, 4], [3, 4], sigma=0.1, shock=0.5)
    >>> found.signed_equity.round(4)
    array([0.4981, 0.4899])

    References
    ----------
    Barucca et al. (2020), Mathematical Finance 30(4), section 4.
    """
    return neva(
        liabilities,
        external_assets,
        external_liabilities,
        valuation=Merton(sigma, sigma_equity, recovery),
        equity=equity,
        shock=shock,
    )


def neva_black_cox(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    recovery: Any = None,
    sigma: Any = None,
    sigma_equity: Any = None,
    shock: Any = 0.0,
    equity: Any = None,
) -> NetworkValuation:
    """Claims on debtors that default as soon as equity is gone; then they are worth the share `recovery`.

    Parameters and errors are those of `neva_merton`; `recovery` has no default.

    Examples
    --------
    >>> found = neva_black_cox([[0, 2], [1, 0]], [8, 6], [6, 5], recovery=0.4, sigma_equity=0.3, shock=0.4)
    >>> found.sigma
    array([0.0375, 0.1   ])
    >>> found.signed_equity.round(4)
    array([0.5922, 1.1619])

    References
    ----------
    Bardoscia, Barucca, Brinley Codd, Hill (2019), Journal of Economic Dynamics and Control 103.
    """
    return neva(
        liabilities,
        external_assets,
        external_liabilities,
        valuation=BlackCox(sigma, sigma_equity, recovery),
        equity=equity,
        shock=shock,
    )


def neva_furfine_merton(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    recovery: Any = None,
    sigma: Any = None,
    sigma_equity: Any = None,
    shock: Any = 0.0,
    equity: Any = None,
) -> NetworkValuation:
    """Claims on debtors that may default at maturity; then they are worth the share `recovery` (exogenous).

    Parameters and errors are those of `neva_merton`; `recovery` has no default.

    Examples
    --------
    >>> found = neva_furfine_merton([[0, 2], [1, 0]], [5, 4], [3, 4], recovery=0.4, sigma=0.1, shock=0.5)
    >>> bool((found.signed_equity <= found.signed_equity_first_round).all())
    True

    References
    ----------
    Barucca et al. (2020), Mathematical Finance 30(4), section 4.
    """
    return neva(
        liabilities,
        external_assets,
        external_liabilities,
        valuation=FurfineMerton(sigma, sigma_equity, recovery),
        equity=equity,
        shock=shock,
    )
