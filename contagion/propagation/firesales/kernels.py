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
    HIGHEST,
    RATIO,
    TARGET,
    THRESHOLD,
    Book,
    Found,
    Plan,
    Start,
)
from contagion.propagation.firesales.kernel_rules import (
    back_to,
    by_bands,
    by_ratio,
    by_target,
    by_threshold,
    is_over,
    on_default,
)
from contagion.propagation.firesales.kernel_sums import (
    accrue,
    against_entries,
    against_first,
    both_against_first,
    falls,
    held_by_all,
    highest,
    keep,
    most_sold,
    product,
    row_of,
    sell_in_order,
    sell_in_proportion,
    sell_many_shares,
    sell_shares,
    selling,
)

LongArray = NDArray[np.uint64]
MANY = 4  # where more than a quarter of all banks sell, sales are summed by security


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
    whole, first = np.zeros(len(plan.turned_start) - 1), np.zeros(len(plan.start) - 1)
    last = longest if number < 0 else number
    for s in range(len(found.rounds)):
        book = _open(plan, start, s, found)
        if s < len(start.held):
            held_by_all(plan.start, plan.security, *_first(plan, book), whole)
        if plan.listed or s < len(start.price):
            _value(plan, book)
            first[:] = book.gross
        else:
            book.gross[:] = first
            product(first, book.held, book.value)
        if last > 0 and not plan.delayed:
            _decide(plan, book, carried_out=True)
        done, ended = 0, number >= 0
        while done < last:
            _offer(plan, book)
            some, nothing = selling(book.units, whole, settled)
            at_rest = number < 0 and not (plan.delayed and done == 0)
            done += 1
            found.rounds_with_sales[s] += some
            if not (at_rest and nothing):
                _clear(plan, book, found.loss[s], found.bank_sales[s], found.sold[s], found.sales[s])
                if not plan.frozen and highest(book.price) > HIGHEST:
                    ended = False
                    break
                _decide(plan, book, carried_out=True)
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
    whole, moved = np.zeros(size), np.zeros(size)
    for s in range(len(found.rounds)):
        book = _open(plan, start, s, found)
        price, equity = row_of(start.price, s), row_of(start.equity, s)
        if s < len(start.held):
            held_by_all(plan.start, plan.security, *_first(plan, book), whole)
        if most_sales:
            falls(plan.impact, plan.first, plan.second, whole, price, book.fall)
        done, ended = 0, False
        while done < longest and not ended:
            done += 1
            _revalue(plan, book, price, equity)
            _decide(plan, book, carried_out=False)
            _offer(plan, book)
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
        _decide(plan, book, carried_out=True)
        _offer(plan, book)
        _bring(plan, book, price)
        found.rounds_with_sales[s] = selling(book.units, whole, settled)[0]
        for k in range(size):
            found.sold[s, k] = book.units[k]
            found.sales[s, k] = book.units[k] * price[k]
        for n in range(len(equity)):
            found.loss[s, n] = book.hit[n]
            found.bank_sales[s, n] = book.money[n]


@inner
def _open(plan: Plan, start: Start, s: int, found: Found) -> Book:
    """The state of a scenario before the sale; results begin with it."""
    banks, securities = len(plan.start) - 1, len(plan.turned_start) - 1
    given = row_of(start.held, s)
    held = np.empty(len(plan.amount) if plan.listed else banks)
    for n in range(banks):
        if plan.listed:
            for e in range(plan.start[n], plan.start[n + 1]):
                held[e] = plan.amount[e] * given[n] if plan.shares else given[e]
        else:
            held[n] = given[n]
    forced = start.forced[min(s, len(start.forced) - 1)]
    found.price[s] = row_of(start.price, s)
    found.equity[s] = row_of(start.equity, s)
    found.in_default[s] = start.in_default[min(s, len(start.in_default) - 1)]
    return Book(
        held,
        found.price[s],
        row_of(start.move, s).copy(),
        found.equity[s],
        row_of(start.cash, s).copy(),
        row_of(start.loan, s).copy(),
        row_of(start.illiquid, s),
        row_of(start.other_debt, s),
        row_of(start.gain, s).copy(),
        found.in_default[s],
        forced if forced.any() else forced[:0],
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks),
        np.zeros(banks, dtype=np.bool_),
        np.zeros(banks),
        np.zeros(len(held)),
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
    product(found, book.held, found)


@inner
def _value(plan: Plan, book: Book) -> None:
    """Value of holdings at the price."""
    if plan.listed:
        against_entries(plan.start, plan.security, book.held, book.price, book.value)
        return
    against_first(plan.turned_start, plan.holder, plan.turned_amount, book.price, book.gross)
    product(book.gross, book.held, book.value)


@inner
def _offer(plan: Plan, book: Book) -> None:
    """Sales by the last decision: `units` of securities, what banks give of their portfolios, and for what `money`."""
    held, fraction, sold, sellers = book.held, book.fraction, book.sold, 0
    if not plan.listed:
        product(held, fraction, sold)
        product(book.gross, sold, book.money)
        for n in range(len(fraction)):
            sellers += fraction[n] != 0.0
        if sellers * MANY > len(fraction):
            sell_many_shares(plan.turned_start, plan.holder, plan.turned_amount, sold, book.units)
        else:
            sell_shares(plan.start, plan.security, plan.amount, sold, book.units)
        return
    if len(plan.order) > 0:
        ends = plan.start, plan.security, plan.order
        sell_in_order(*ends, held, fraction, book.demand, book.price, sold)
    else:
        sell_in_proportion(plan.start, held, fraction, sold)
    held_by_all(plan.start, plan.security, sold, sold[:0], book.units)
    against_entries(plan.start, plan.security, sold, book.price, book.money)


@inner
def _bring(plan: Plan, book: Book, worth: FloatArray) -> None:
    """Money each bank sells for at given prices."""
    if plan.listed:
        against_entries(plan.start, plan.security, book.sold, worth, book.money)
        return
    against_first(plan.turned_start, plan.holder, plan.turned_amount, worth, book.gross)
    product(book.gross, book.sold, book.money)


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
    if plan.listed:
        against_entries(plan.start, plan.security, book.held, lost, book.hit)
    else:
        ends = plan.turned_start, plan.holder, plan.turned_amount
        both_against_first(*ends, lost, price, book.hit, book.gross)
    if len(plan.order) > 0:
        against_entries(plan.start, plan.security, book.sold, lost, book.on_sold)
    _settle(plan, book, loss, bank_sales)
    book.gain[:] = 0.0
    if plan.listed and not plan.frozen:
        _keep_entries(plan, book)
        _value(plan, book)


@inner
def _settle(plan: Plan, book: Book, loss: FloatArray, bank_sales: FloatArray) -> None:
    """Losses, what sales bring, and what is left of first portfolios."""
    hit, on_sold, weight, ranked = book.hit, book.on_sold, plan.weight, len(plan.order) > 0
    if not plan.listed:
        product(hit, book.held, hit)
    if not ranked:
        product(book.fraction, hit, on_sold)
    accrue(1.0, hit, 1.0 - weight, on_sold, loss)
    accrue(1.0, book.money, 0.0, book.money, bank_sales)
    if plan.frozen:
        return
    accrue(-1.0, hit, 1.0 - weight, on_sold, book.equity)
    brought = book.money if ranked else book.demand
    if plan.kept:
        accrue(1.0, brought, weight, on_sold, book.cash)
    elif plan.rule == BANDS:  # nobody else looks at loans
        accrue(-1.0, brought, weight, on_sold, book.loan)
    if not plan.listed:
        keep(book.fraction, book.held)
        product(book.gross, book.held, book.value)


@inner
def _keep_entries(plan: Plan, book: Book) -> None:
    """What banks have left, entry by entry."""
    held, sold, fraction, ranked = book.held, book.sold, book.fraction, len(plan.order) > 0
    for n in range(len(fraction)):
        for e in range(plan.start[n], plan.start[n + 1]):
            held[e] = held[e] - sold[e] if ranked else held[e] * (1.0 - fraction[n])


@inner
def _revalue(plan: Plan, book: Book, price: FloatArray, equity: FloatArray) -> None:
    """Balance sheets at prices that fell from the start."""
    fall, now, hit = book.fall, book.equity, book.hit
    for k in range(len(price)):
        book.price[k] = price[k] * (1.0 - fall[k])
        book.lost[k] = price[k] * fall[k]
        book.move[k] = 0.0 - fall[k]
    if plan.listed:
        _against(plan, book, book.lost, hit)
        _value(plan, book)
    else:
        ends = plan.turned_start, plan.holder, plan.turned_amount
        both_against_first(*ends, book.lost, book.price, hit, book.gross)
        product(hit, book.held, hit)
        product(book.gross, book.held, book.value)
    for n in range(len(equity)):
        now[n] = equity[n] - hit[n]


@inner
def _decide(plan: Plan, book: Book, carried_out: bool) -> None:
    """Decision of every bank: by the rule, or all where forced to; carried out, cash is paid and some default."""
    rule, (a, b, c), value, equity = plan.rule, plan.numbers, book.value, book.equity
    fraction, demand, others, cash = book.fraction, book.demand, book.illiquid, book.cash
    changed = rule in (BANDS, DEFAULT)
    if rule == TARGET:
        _against(plan, book, book.move, book.on_sold)
        by_target(a > 0.0, plan.of_bank, book.on_sold, book.gain, fraction, demand)
    elif rule == THRESHOLD:
        changed = by_threshold(a, b, value, others, cash, equity, fraction, demand, book.paid)
        if c > 0.0:
            _worthless_too(plan, book)
    elif rule == BANDS:
        debts, decided = (book.loan, book.other_debt, book.in_default), (fraction, demand, book.paid)
        by_bands(plan.numbers, value, others, cash, *debts, *decided, book.failing)
    elif rule == RATIO:
        by_ratio(a, value, others, equity, fraction, demand)
    elif rule == DEFAULT:
        on_default(a, value, equity, fraction, demand, book.failing)
    else:
        fraction[:] = plan.of_bank[0]
        product(fraction, value, demand)
    if len(book.forced) > 0:
        _force(book)
        changed = True
    if carried_out and changed:
        _carry_out(book)


@inner
def _worthless_too(plan: Plan, book: Book) -> None:
    """By a threshold, who holds nothing of worth sells it all the same."""
    amount, share = _first(plan, book)
    limit, target, _ = plan.numbers
    for n in range(len(book.value)):
        if not book.value[n] > 0.0 and _holds(plan.start, amount, share, n):
            worth, others, cash, equity = book.value[n], book.illiquid[n], book.cash[n], book.equity[n]
            assets = worth + others + cash
            if is_over(limit, assets, equity):
                book.fraction[n] = back_to(target, assets, worth, cash, equity, True)[0]


@inner
def _force(book: Book) -> None:
    """Who is forced to sells everything and is in default."""
    for n in range(len(book.value)):
        if book.forced[n]:
            book.fraction[n], book.demand[n] = 1.0, book.value[n]
            book.paid[n], book.failing[n] = 0.0, True


@inner
def _carry_out(book: Book) -> None:
    """Cash pays back loans, and some are in default."""
    cash, loan, paid, gone, failing = book.cash, book.loan, book.paid, book.in_default, book.failing
    for n in range(len(cash)):
        cash[n] -= paid[n]
        loan[n] -= paid[n]
        gone[n] = gone[n] or failing[n]


@inner
def _holds(start: LongArray, amount: FloatArray, share: FloatArray, n: int) -> bool:
    """Whether a bank holds anything, worthless or not."""
    total = 0.0
    for e in range(start[n], start[n + 1]):
        total += amount[e]
    return total * (share[n] if len(share) > 0 else 1.0) > 0.0
