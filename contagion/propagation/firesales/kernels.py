"""One fire sale from its start to its end, compiled: the rounds of `engine` over sparse rows and columns.

Every sum is taken in the order of the sparse products there, entries of a bank by security and holders of a security by
bank, so that results agree to the bit wherever functions of the machine (``expm1``) do, otherwise to about 1e-15.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import inner, kernel
from contagion.propagation.firesales.kernel_records import (
    BANDS,
    DEFAULT,
    RATIO,
    SET,
    TARGET,
    THRESHOLD,
    Book,
    Found,
    Plan,
    Start,
)
from contagion.propagation.firesales.kernel_rules import by_bands, by_ratio, by_target, by_threshold
from contagion.propagation.firesales.kernel_sums import (
    against_entries,
    against_first,
    both_against_first,
    falls,
    held_by_all,
    most_sold,
    sell_in_order,
    sell_in_proportion,
    sell_shares,
    selling,
)

IntArray = NDArray[np.int64]


@kernel
def run_rounds(plan: Plan, start: Start, number: int, settled: float, longest: int, found: Found) -> None:
    """Follow so many rounds in every scenario, or until nobody sells if `number` is negative.

    Parameters
    ----------
    settled
        A sale is one of more than this share of all that was held of a security at first.
    longest
        Rounds after which `found.rounds` is negative.
    """
    whole = np.empty(len(plan.turned_start) - 1)
    last = longest if number < 0 else number
    for s in range(len(found.rounds)):
        book = _open(plan, start, s, found)
        held_by_all(plan.start, plan.security, *_first(plan, book), whole)
        _against(plan, book, book.price, book.value)
        if last > 0 and not plan.delayed:
            _act(plan, book)
        done, ended = 0, number >= 0
        while done < last:
            _offer(plan, book, book.price)
            some, nothing = selling(book.units, whole, settled)
            at_rest = number < 0 and not (plan.delayed and done == 0)
            done += 1
            found.rounds_with_sales[s] += some
            if not (at_rest and nothing):
                _clear(plan, book, found.loss[s], found.bank_sales[s], found.sold[s], found.sales[s])
                _act(plan, book)
            if at_rest and not some:
                ended = True
                break
        found.rounds[s] = done if ended else -done
        if not ended:
            found.gap[s], found.worst[s] = most_sold(book.units, whole)


@kernel
def run_fixed_points(
    plan: Plan, start: Start, most_sales: bool, settled: float, longest: int, found: Found
) -> None:
    """Prices that follow from the sales they cause, in every scenario, from no sales or from the sale of everything."""
    size = len(plan.turned_start) - 1
    whole, moved = np.empty(size), np.empty(size)
    for s in range(len(found.rounds)):
        book = _open(plan, start, s, found)
        price, equity = _row(start.price, s), _row(start.equity, s)
        held_by_all(plan.start, plan.security, *_first(plan, book), whole)
        if most_sales:
            falls(plan.impact, plan.first, plan.second, whole, price, book.fall)
        done, ended = 0, False
        while done < longest and not ended:
            done += 1
            _revalue(plan, book, price, equity)
            _offer(plan, book, price)
            falls(plan.impact, plan.first, plan.second, book.units, price, moved)
            found.gap[s] = 0.0
            for k in range(size):
                gap = abs(moved[k] - book.fall[k])
                book.fall[k] = moved[k]
                if gap > found.gap[s] or np.isnan(gap):
                    found.gap[s] = gap
                    found.worst[s] = k
            ended = found.gap[s] < settled
        found.rounds[s] = done if ended else -done
        _revalue(plan, book, price, equity)
        _offer(plan, book, price)
        found.rounds_with_sales[s] = selling(book.units, whole, settled)[0]
        for k in range(size):
            found.sold[s, k] = book.units[k]
            found.sales[s, k] = book.units[k] * price[k]
        for n in range(len(equity)):
            found.loss[s, n] = book.hit[n]
            found.bank_sales[s, n] = book.money[n]
            book.in_default[n] = book.in_default[n] or book.failing[n]


@inner
def _row(rows: FloatArray, s: int) -> FloatArray:
    """The row of a scenario."""
    found: FloatArray = rows[min(s, len(rows) - 1)]
    return found


@inner
def _open(plan: Plan, start: Start, s: int, found: Found) -> Book:
    """The state of a scenario before the sale; results begin with it."""
    banks, securities = len(plan.start) - 1, len(plan.turned_start) - 1
    given = _row(start.held, s)
    held = np.empty(len(plan.amount) if plan.listed else banks)
    for n in range(banks):
        if plan.listed:
            for e in range(plan.start[n], plan.start[n + 1]):
                held[e] = plan.amount[e] * given[n] if plan.shares else given[e]
        else:
            held[n] = given[n]
    found.price[s] = _row(start.price, s)
    found.equity[s] = _row(start.equity, s)
    found.in_default[s] = start.in_default[min(s, len(start.in_default) - 1)]
    entries = len(plan.amount) if plan.listed else 0
    return Book(
        held,
        found.price[s],
        _row(start.move, s).copy(),
        found.equity[s],
        _row(start.cash, s).copy(),
        _row(start.loan, s).copy(),
        _row(start.illiquid, s),
        _row(start.other_debt, s),
        _row(start.gain, s).copy(),
        found.in_default[s],
        start.forced[min(s, len(start.forced) - 1)],
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks, dtype=np.bool_),
        np.zeros(banks),
        np.zeros(entries),
        np.zeros(banks),
        np.zeros(securities),
        np.zeros(securities),
        np.zeros(securities),
    )


@inner
def _first(plan: Plan, book: Book) -> tuple[FloatArray, FloatArray]:
    """Amounts and each bank's share of them, none where entries are followed."""
    if plan.listed:
        return book.held, book.held[:0]
    return plan.amount, book.held


@inner
def _against(plan: Plan, book: Book, values: FloatArray, found: FloatArray) -> None:
    """``sum_k held_nk values_k`` for each bank, in the order of securities."""
    if plan.listed:
        against_entries(plan.start, plan.security, book.held, values, found)
        return
    against_first(plan.turned_start, plan.holder, plan.turned_amount, values, found)
    times(found, book.held)


@inner
def times(values: FloatArray, factors: FloatArray) -> None:
    """Multiply in place."""
    for i in range(len(values)):
        values[i] *= factors[i]


@inner
def _both(plan: Plan, book: Book) -> None:
    """`hit` of holdings by what is lost; the value at the price of what is held, or of whole first portfolios."""
    if plan.listed:
        _against(plan, book, book.lost, book.hit)
        _against(plan, book, book.price, book.value)
        return
    ends = plan.turned_start, plan.holder, plan.turned_amount
    both_against_first(*ends, book.lost, book.price, book.hit, book.value)
    times(book.hit, book.held)


@inner
def _offer(plan: Plan, book: Book, worth: FloatArray) -> None:
    """Sales by the last decision: `units` of securities, `sold` entries, and banks' `money` at the prices `worth`."""
    rows, part = (plan.start, plan.security), book.fraction
    if not plan.listed:
        sell_shares(*rows, plan.amount, book.held, part, worth, book.units, book.money)
        return
    if len(plan.order) > 0:
        sell_in_order(*rows, plan.order, book.held, part, book.demand, book.price, book.sold)
    else:
        sell_in_proportion(plan.start, book.held, part, book.sold)
    held_by_all(*rows, book.sold, book.sold[:0], book.units)
    against_entries(*rows, book.sold, worth, book.money)


@inner
def _clear(
    plan: Plan, book: Book, loss: FloatArray, bank_sales: FloatArray, sold: FloatArray, sales: FloatArray
) -> None:
    """Move prices, settle, write down; results are added to."""
    units, price, fall, lost = book.units, book.price, book.fall, book.lost
    falls(plan.impact, plan.first, plan.second, units, price, fall)
    for k in range(len(price)):
        sold[k] += units[k]
        sales[k] += units[k] * price[k]
        lost[k] = price[k] * fall[k]
        book.move[k] = 0.0 - fall[k]
        if not plan.frozen:
            price[k] = price[k] * (1.0 - fall[k])
    if plan.listed or plan.frozen:
        _against(plan, book, lost, book.hit)
    else:
        _both(plan, book)
    if len(plan.order) > 0:
        against_entries(plan.start, plan.security, book.sold, lost, book.on_sold)
    else:
        for n in range(len(loss)):
            book.on_sold[n] = book.fraction[n] * book.hit[n]
    _settle(plan, book, loss, bank_sales)
    book.gain[:] = 0.0
    if not plan.frozen:
        _keep(plan, book)


@inner
def _settle(plan: Plan, book: Book, loss: FloatArray, bank_sales: FloatArray) -> None:
    """Losses and what sales bring, bank by bank."""
    hit, on_sold, money, equity = book.hit, book.on_sold, book.money, book.equity
    brought = money if len(plan.order) > 0 else book.demand
    account, sign = (book.cash, 1.0) if plan.kept else (book.loan, -1.0)
    weight, frozen = plan.weight, plan.frozen
    for n in range(len(loss)):
        lost = hit[n] - (1.0 - weight) * on_sold[n]
        loss[n] += lost
        bank_sales[n] += money[n]
        if not frozen:
            equity[n] -= lost
            account[n] += sign * (brought[n] - weight * on_sold[n])


@inner
def _keep(plan: Plan, book: Book) -> None:
    """What banks have left, and its value."""
    held, fraction, value = book.held, book.fraction, book.value
    if not plan.listed:
        for n in range(len(fraction)):
            held[n] *= 1.0 - fraction[n]
            value[n] *= held[n]
        return
    for n in range(len(fraction)):
        for e in range(plan.start[n], plan.start[n + 1]):
            held[e] = held[e] - book.sold[e] if len(plan.order) > 0 else held[e] * (1.0 - fraction[n])
    _against(plan, book, book.price, value)


@inner
def _revalue(plan: Plan, book: Book, price: FloatArray, equity: FloatArray) -> None:
    """Balance sheets at prices that fell from the start, and what banks decide there."""
    fall, now = book.fall, book.equity
    for k in range(len(price)):
        book.price[k] = price[k] * (1.0 - fall[k])
        book.lost[k] = price[k] * fall[k]
        book.move[k] = 0.0 - fall[k]
    _both(plan, book)
    if not plan.listed:
        times(book.value, book.held)
    for n in range(len(equity)):
        now[n] = equity[n] - book.hit[n]
    _decide(plan, book)


@inner
def _act(plan: Plan, book: Book) -> None:
    """What banks decide; they pay out of cash, and some fail."""
    _decide(plan, book)
    cash, loan, paid, gone, failing = book.cash, book.loan, book.paid, book.in_default, book.failing
    for n in range(len(cash)):
        cash[n] -= paid[n]
        loan[n] -= paid[n]
        gone[n] = gone[n] or failing[n]


@inner
def _decide(plan: Plan, book: Book) -> None:
    """Decision of every bank: by the rule, or everything where it is forced to."""
    rule, of_bank, (a, b, c) = plan.rule, plan.of_bank, plan.numbers
    if rule == TARGET:
        _against(plan, book, book.move, book.money)
    values, equities, monies, others, gain = book.value, book.equity, book.cash, book.illiquid, book.gain
    loan, other_debt, gone, forced, moved = (
        book.loan,
        book.other_debt,
        book.in_default,
        book.forced,
        book.money,
    )
    fractions, demands, pays, fails = book.fraction, book.demand, book.paid, book.failing
    for n in range(len(values)):
        value, equity, cash, rest = values[n], equities[n], monies[n], others[n]
        fraction, demand, paid, failing = 0.0, 0.0, 0.0, False
        if forced[n]:
            fraction, demand, failing = 1.0, value, not gone[n]
        elif rule == TARGET:
            assets = of_bank[0, n]
            fraction = by_target(moved[n] + gain[n], assets, of_bank[1, n], a > 0.0)
            demand = fraction * assets
        elif rule == THRESHOLD:
            holds = value > 0.0 or (c > 0.0 and _holds(plan.start, *_first(plan, book), n))
            fraction, paid = by_threshold(a, b, value, rest, cash, equity, holds)
            demand = fraction * value
        elif rule == BANDS:
            fraction, demand, paid, failing = by_bands(
                a, b, c, value, rest, cash, loan[n], other_debt[n], gone[n]
            )
        elif rule == RATIO:
            fraction = by_ratio(a, value, rest, equity)
            demand = fraction * value
        else:
            failing = rule == DEFAULT and equity < -a
            fraction = of_bank[0, n] if rule == SET else 1.0 if failing else 0.0
            demand = fraction * value
        fractions[n], demands[n], pays[n], fails[n] = fraction, demand, paid, failing


@inner
def _holds(start: IntArray, amount: FloatArray, share: FloatArray, n: int) -> bool:
    """Whether a bank holds anything, worthless or not."""
    if len(share) > 0 and not share[n] > 0.0:
        return False
    return bool((amount[start[n] : start[n + 1]] > 0.0).any())
