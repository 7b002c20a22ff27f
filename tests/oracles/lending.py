"""Liquidations of lending protocols in exact arithmetic, one position at a time, in plain Python."""

from fractions import Fraction


def aave(version, held, rule, others):
    """One call; `held`: collateral, its price, debt, its price, request (None: all); `rule`: T, b, fee, c, h, m, l.

    `others`: value of other collateral, its threshold, value of other debt. Health is rounded as doubles are,
    since it is compared with a double.
    """
    collateral, price, debt, unit, request = (None if v is None else Fraction(v) for v in held)
    threshold, bonus, fee, close, full, small, least = (Fraction(v) for v in rule)
    other, other_threshold, other_debt = (Fraction(v) for v in others)
    total = debt * unit + other_debt
    refused = {
        "debt_repaid": 0,
        "collateral_seized": 0,
        "collateral_left": collateral,
        "debt_left": debt,
        "fee": 0,
    }
    refused |= {"deficit": 0, "deficit_other_value": 0, "close_factor": 0, "reason": "healthy"}
    if total == 0:
        return refused
    health = Fraction(float((collateral * price * threshold + other * other_threshold) / total))
    if health >= 1:
        return refused
    factor = Fraction(1)
    if version == "v2" or (version == "v3" and health > full):
        factor = close
    if version == "v3.3" and health > full and collateral * price >= small and debt * unit >= small:
        factor = close
    limit = factor * debt
    if version == "v3.3":
        limit = debt if factor == 1 else min(debt, close * total / unit)
    repay = limit if request is None else min(request, limit)
    seize = repay * unit * (1 + bonus) / price
    everything = seize >= collateral
    if everything:
        seize, repay = collateral, collateral * price / ((1 + bonus) * unit)
    debt_left, left = debt - repay, collateral - seize
    if (
        version == "v3.3"
        and debt_left > 0
        and left > 0
        and (debt_left * unit < least or left * price < least)
    ):
        return {**refused, "close_factor": factor, "reason": "dust"}
    lost = version == "v3.3" and everything and other == 0
    return {
        "debt_repaid": repay,
        "collateral_seized": seize,
        "collateral_left": left,
        "debt_left": 0 if lost else debt_left,
        "fee": fee * (seize - seize / (1 + bonus)),
        "deficit": debt_left if lost else 0,
        "deficit_other_value": other_debt if lost else 0,
        "close_factor": factor,
        "reason": "",
    }


def compound(collateral, price, debt, unit, request, factor, close, incentive):
    """Liquidatable, shortfall, repaid, seized."""
    collateral, price, debt, unit, factor, close, incentive = map(
        Fraction, (collateral, price, debt, unit, factor, close, incentive)
    )
    gap = debt * unit - collateral * price * factor
    if gap <= 0:
        return False, 0, 0, 0
    repay = close * debt if request is None else min(Fraction(request), close * debt)
    seize = repay * incentive * unit / price
    if seize >= collateral:
        repay, seize = collateral * price / (incentive * unit), collateral
    return True, gap, repay, seize


def comet(debt, legs, front):
    """Liquidatable, credited, new balance, paid, loss of legs given as (value, liquidate, liquidation factor)."""
    debt, front = Fraction(debt), Fraction(front)
    legs = [tuple(map(Fraction, leg)) for leg in legs]
    if sum(value * test for value, test, _ in legs) >= debt:
        return False, 0, None, 0, 0
    credit = sum(value * kept for value, _, kept in legs)
    sold = sum(value * (1 - front * (1 - kept)) for value, _, kept in legs)
    paid = max(debt, credit)
    return True, credit, max(Fraction(0), credit - debt), paid, paid - sold


def stability_pool(deposits, liquidations):
    """Deposits and gains after liquidations (debt, collateral), each worked through in turn; debt left over."""
    deposits = [Fraction(value) for value in deposits]
    gains, left = [Fraction(0)] * len(deposits), Fraction(0)
    for debt, collateral in liquidations:
        debt, collateral, pool = Fraction(debt), Fraction(collateral), sum(deposits, Fraction(0))
        absorbed = min(pool, debt)
        left += debt - absorbed
        if absorbed == 0:
            continue
        got = collateral * absorbed / debt
        gains = [gain + got * stake / pool for gain, stake in zip(gains, deposits, strict=True)]
        deposits = [stake - absorbed * stake / pool for stake in deposits]
    return deposits, gains, left


def trove(pool, collateral, debt, price, others, mode, minimum, gas_fraction):
    """Action and what goes where when a trove meets the rules of Liquity; others are (collateral, debt)."""
    pool, collateral, debt, price = map(Fraction, (pool, collateral, debt, price))
    minimum, gas_fraction = Fraction(minimum), Fraction(gas_fraction)
    others = [(Fraction(units), Fraction(owed)) for units, owed in others]
    value, backing = collateral * price, sum(units for units, _ in others)
    system = (collateral + backing) * price
    system_debt = debt + sum(owed for _, owed in others)
    action = "none"
    if mode == "normal":
        action = "liquidate" if value < minimum * debt else "none"
    elif debt > 0 and value <= debt:
        action = "redistribute"
    elif value < minimum * debt:
        action = "liquidate"
    elif debt > 0 and value * system_debt < system * debt and pool >= debt:
        action = "capped"
    found = dict.fromkeys(
        ("gas", "pool_debt", "pool_collateral", "rest_debt", "rest", "surplus"), Fraction(0)
    )
    if action == "none":
        return action, found, others
    given = minimum * debt / price if action == "capped" else collateral
    found["gas"] = gas_fraction * given
    found["surplus"] = collateral - given
    found["pool_debt"] = Fraction(0) if action == "redistribute" else min(pool, debt)
    found["pool_collateral"] = (given - found["gas"]) * found["pool_debt"] / debt
    found["rest_debt"] = debt - found["pool_debt"]
    found["rest"] = given - found["gas"] - found["pool_collateral"]
    after = [
        (units + found["rest"] * units / backing, owed + found["rest_debt"] * units / backing)
        for units, owed in others
    ]
    return action, found, after if backing else others
