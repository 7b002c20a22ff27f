"""D1 to D5 where they are theorems: cascades of triggers and price impact, apart from any engine."""

import math

from hypothesis import given
from hypothesis import strategies as st

from contagion.markets import impact
from contagion.propagation.firesales.closed_forms import discrete_cascade, linear_cascade

# eighths and powers of two: every price is exact in double precision
eighths = st.integers(1, 1600).map(lambda n: n / 8)
books = st.lists(st.tuples(eighths, st.integers(0, 40)), max_size=12)
powers = st.integers(-6, -1).map(lambda e: 2.0**e)
forms = st.sampled_from(["linear", "exponential"])


def run(book, start, strength, form="linear"):
    return discrete_cascade(
        [t for t, _ in book], [s for _, s in book], start, impact=strength, impact_form=form
    )


@given(books, eighths, forms)
def test_d1_zero_impact_closes_only_what_the_shock_itself_reaches(book, start, form):
    found = run(book, start, 0.0, form)
    assert found.final_price == start
    assert list(found.liquidated) == [k for k, (trigger, _) in enumerate(book) if start <= trigger]
    assert len(found.waves) <= 1


@given(books, eighths, powers, forms)
def test_d2_forced_selling_alone_never_raises_the_price(book, start, strength, form):
    found = run(book, start, strength, form)
    sold, price = 0.0, start
    for wave in found.waves:
        sold += sum(book[position][1] for position in wave)
        after = start - strength * sold if form == "linear" else start * math.exp(-strength * sold)
        assert after <= price
        price = after
    assert found.final_price == price


@given(books, eighths, eighths, powers, forms)
def test_d3_a_bigger_shock_closes_more(book, one, two, strength, form):
    near, far = run(book, max(one, two), strength, form), run(book, min(one, two), strength, form)
    assert set(near.liquidated) <= set(far.liquidated)
    assert near.total_sold <= far.total_sold
    assert near.final_price >= far.final_price


@given(books, eighths, powers, powers, forms)
def test_d3_more_depth_closes_less(book, start, one, two, form):
    deep, thin = run(book, start, min(one, two), form), run(book, start, max(one, two), form)
    assert set(deep.liquidated) <= set(thin.liquidated)
    assert deep.final_price >= thin.final_price


@given(books, eighths, powers, st.integers(0, 80), forms)
def test_d3_larger_buffers_close_less(book, start, strength, buffer, form):
    safer = [(trigger - buffer / 8, size) for trigger, size in book]
    assert set(run(safer, start, strength, form).liquidated) <= set(
        run(book, start, strength, form).liquidated
    )


@given(eighths, st.integers(0, 40), eighths, powers)
def test_d4_one_position_closes_at_its_trigger_and_moves_the_price_once(trigger, size, start, strength):
    found = run([(trigger, size)], start, strength)
    expected = start - strength * size if start <= trigger else start
    assert found.final_price == expected


@given(st.floats(-5, 5), st.integers(0, 31))
def test_d4_a_uniform_density_amplifies_by_the_geometric_series(move, thirtyseconds):
    found = linear_cascade(move, impact_per_unit=1 / 32, liquidation_density=thirtyseconds)
    assert math.isclose(found.amplification * (1 - thirtyseconds / 32), 1.0, rel_tol=1e-15)
    assert math.isclose(found.total_move, move / (1 - thirtyseconds / 32), rel_tol=1e-15, abs_tol=5e-324)


@given(
    st.sampled_from([impact.EXPONENTIAL, impact.LINEAR, impact.SQUARE_ROOT]),
    st.floats(0.0, 1e6),
    st.integers(2, 10),
)
def test_d5_slices_of_an_order_end_where_the_order_ends_and_cost_the_same(kind, flow, parts):
    scale = 1e-4 if kind == impact.SQUARE_ROOT else 1e-8
    x, money = 0.0, 0.0
    for _ in range(parts):
        after = impact.move(kind, x, flow / parts, scale, 1.0, impact.NO_BANDS, impact.NO_BANDS)
        money += flow / parts * impact.average(kind, 100.0, x, after, scale, impact.NO_BANDS, impact.NO_BANDS)
        x = after
    whole = impact.move(kind, 0.0, flow, scale, 1.0, impact.NO_BANDS, impact.NO_BANDS)
    assert math.isclose(x, whole, rel_tol=1e-12, abs_tol=1e-18)
    at_once = flow * impact.average(kind, 100.0, 0.0, whole, scale, impact.NO_BANDS, impact.NO_BANDS)
    assert math.isclose(money, at_once, rel_tol=1e-11, abs_tol=1e-12)
