"""Over which time is an order best sold? Impact falls with the time, the risk of waiting rises.

Per unit of the order, in shares of the price: the passing impact of selling X over T days is
``eta sigma_calm (X / (V T))^beta`` (Almgren et al. 2005), the standard deviation of the average price of an even sale
``sigma sqrt(T / 3)``. Their sum, the second times `risk`, is smallest at
``T^(beta + 1/2) = 2 sqrt(3) beta eta (sigma_calm / sigma) (X / V)^beta / risk``; the lasting impact does not depend on
T.

References
----------
Almgren, Chriss (2001), Optimal execution of portfolio transactions; Almgren, Thum, Hauptmann, Li (2005), Direct
estimation of equity market impact: eta 0.142, beta 0.6.
"""

from __future__ import annotations

import math

from contagion.compiled import kernel


@kernel
def selling_time(order: float, calm: float, volatility: float, eta: float, beta: float, risk: float) -> float:
    """Best time (days) for an order.

    Parameters
    ----------
    order
        Order over daily volume, at least 0.
    calm, volatility
        Volatility behind the impact, and the one that a seller who waits bears now, in the same unit; calm above 0.
    eta, beta
        Coefficient and exponent of the passing impact, eta at least 0, beta above 0.
    risk
        Price of a standard deviation, in units of cost; 0: never.

    Examples
    --------
    >>> round(float(selling_time(0.1, 0.02, 0.02, 0.142, 0.6, 1.0)), 6)
    0.093919
    """
    if order <= 0.0 or eta <= 0.0:
        return 0.0
    if risk <= 0.0 or volatility <= 0.0:
        return math.inf
    wanted = 2.0 * math.sqrt(3.0) * beta * eta * (calm / volatility) * order**beta / risk
    return float(wanted ** (1.0 / (beta + 0.5)))
