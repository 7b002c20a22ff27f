"""Risk arrays and scans against a printed SPAN array, hand calculation and exact properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import margin, markets
from contagion.errors import InputError

# McMillan, "Options as a Strategic Investment", chapter 34: SPAN array of one S&P 500 future whose range is 10,000 and
# of one December 410 call, both long, in SPAN's order of scenarios
FUTURE = [0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10000, 10000, -10000, -10000, 7000, -7000]
CALL = [460, -610, 2640, 1730, -1270, -2340, 5210, 4540, -2540, -3430, 8060, 7640, -3380, -3990, 3130, -1500]

quantities = st.lists(st.integers(-20, 20), min_size=5, max_size=5)
NAMES = ["BTC", "BTC", "BTC", "ETH", "ETH"]
SCENARIOS = markets.grid_scenarios(extreme=(-0.66, -0.33, 0.5, 1.0, 5.0))
PROFITS = markets.risk_array(
    ["linear", "call", "put", "linear", "put"],
    [100.0, 100.0, 100.0, 10.0, 10.0],
    [1.0, 110.0, 90.0, 1.0, 10.0],
    [0.0, 0.1, 0.1, 0.0, 0.5],
    [0.0, 0.6, 0.7, 0.0, 0.8],
    scenarios=SCENARIOS,
)
MINIMUM = 0.03 * np.array([0.0, 100.0, 100.0, 0.0, 10.0])


def scan(held, **options):
    options = {"short_minimum": MINIMUM, "groups": {"BTC": "coins", "ETH": "coins"}, "offset": 0.5, **options}
    return margin.scan_margin(np.array(held, dtype=float), PROFITS, NAMES, **options)


def test_the_scan_of_a_printed_array_is_the_printed_requirement():
    found = margin.scan_margin([[1, 0], [0, 1], [1, -1]], [FUTURE, CALL], ["SPX", "SPX"])
    assert found.margin.tolist() == [10_000, 3_990, 6_620]
    assert found.worst[:, 0].tolist() == [12, 13, 12]
    # the covered write against both legs alone: a short call loses most when the future rises by its range
    assert found.isolated.tolist() == [10_000, 3_990, 10_000 + 8_060]


def test_the_sixteen_scenarios_are_those_of_span():
    found = markets.span_scenarios(0.09, 0.2)
    moves = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 6, -6])
    assert found.price == pytest.approx((moves * 0.03).tolist())
    assert found.volatility == (0.2, -0.2) * 7 + (0.0, 0.0)
    assert found.share == (1.0,) * 14 + (0.35,) * 2
    one = markets.risk_array("linear", 50_000.0, scenarios=found)
    assert one[0, 10:].tolist() == pytest.approx([4500, 4500, -4500, -4500, 3150, -3150])


def test_a_grid_has_every_price_with_every_volatility():
    found = markets.grid_scenarios(0.1, steps=2, volatility_up=0.4, volatility_down=0.2, extreme=(-0.5,))
    assert found.price == pytest.approx(
        [-0.1] * 3 + [-0.05] * 3 + [0.0] * 3 + [0.05] * 3 + [0.1] * 3 + [-0.5]
    )
    assert found.volatility == (0.4, 0.0, -0.2) * 5 + (0.4,)
    assert (found.unit, found.share) == ("share", (1.0,) * 15 + (0.35,))


def test_options_are_revalued_by_the_pure_formula_at_moved_price_and_volatility():
    sigma, days = np.array([0.5, 0.5, 0.5]), np.array([7.5, 30.0, 120.0])
    moves = markets.RiskScenarios([-0.2, 0.3], [0.5, -3.0], [1.0, 0.4], unit="share", powers=(0.5, 0.25))
    found = markets.risk_array("put", 100.0, 95.0, days / 365, sigma, scenarios=moves, rate=0.02)
    scale = np.array([2.0, 1.0, 0.25**0.25])
    now = markets.black_scholes("put", 100.0, 95.0, days / 365, sigma, rate=0.02).price
    up = markets.black_scholes("put", 80.0, 95.0, days / 365, sigma * (1 + 0.5 * scale), rate=0.02).price
    down = markets.black_scholes("put", 130.0, 95.0, days / 365, 0.0, rate=0.02).price
    np.testing.assert_allclose(found, np.stack([up - now, 0.4 * (down - now)], axis=1), rtol=1e-12)
    points = markets.risk_array("call", 100.0, 95.0, 0.1, 0.5, scenarios=markets.RiskScenarios([0.0], [0.1]))
    worth = markets.black_scholes("call", 100.0, 95.0, 0.1, [0.6, 0.5]).price
    assert points.item() == pytest.approx(worth[0] - worth[1], rel=1e-12)
    expiring = markets.risk_array("call", 100.0, 95.0, scenarios=moves)
    assert expiring[0].tolist() == pytest.approx([-5.0, 0.4 * 30.0])


def test_gains_offset_losses_of_the_group_in_the_same_scenario_by_their_share():
    profits, names = [[-10.0, 10.0], [-8.0, 4.0]], ["BTC", "ETH"]
    alone = margin.scan_margin([1.0, -1.0], profits, names)
    assert (alone.margin, alone.by_group.tolist(), alone.groups) == (14.0, [10.0, 4.0], ("BTC", "ETH"))
    groups = {"BTC": "coins", "ETH": "coins"}
    together = margin.scan_margin([1.0, -1.0], profits, names, groups=groups, offset=0.5)
    assert (together.margin, together.groups) == (10.0 - 0.5 * 8.0, ("coins",))
    same_way = margin.scan_margin([1.0, 1.0], profits, names, groups=groups, offset=0.5)
    assert same_way.margin == 18.0
    full = margin.scan_margin([1.0, -1.0], profits, names, groups=groups, offset=1.0)
    one = margin.scan_margin([1.0, -1.0], profits, ["BTC", "BTC"])
    assert full.margin == one.margin == 2.0


def test_the_short_minimum_is_a_floor_and_long_options_have_none():
    far = markets.risk_array("call", 100.0, 500.0, 0.02, 0.5, scenarios=markets.span_scenarios(0.1, 0.1))
    found = margin.scan_margin([[-10.0], [10.0]], far, ["BTC"], short_minimum=3.0)
    assert found.margin[0] == 30.0
    assert found.margin[1] < 1e-9


@given(quantities, st.integers(0, 100))
def test_margin_is_in_proportion_to_the_book(held, times):
    assert scan(np.array(held) * times).margin == pytest.approx(scan(held).margin * times, rel=1e-12)


@given(quantities, quantities, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_margin_is_convex_and_books_together_need_at_most_the_sum(one, two, share, offset):
    one, two = np.array(one, dtype=float), np.array(two, dtype=float)
    apart = scan([one, two], offset=offset).margin
    assert scan(one + two, offset=offset).margin <= apart.sum() * (1 + 1e-12) + 1e-9
    mixed = scan(share * one + (1 - share) * two, offset=offset).margin
    assert mixed <= share * apart[0] + (1 - share) * apart[1] + 1e-9
    found = scan(one, offset=offset)
    assert 0.0 <= found.margin <= found.isolated + 1e-9
    assert found.margin == pytest.approx(found.by_group.sum())


@given(quantities, st.integers(0, 4), st.floats(0.0, 1.0))
def test_what_offsets_a_book_or_a_share_of_it_never_raises_margin(held, leg, share):
    alone = np.zeros(5)
    alone[leg] = held[leg]
    assert scan(alone * (1 - share)).margin <= scan(alone).margin * (1 + 1e-12)
    assert scan(np.array(held) * (1 - share)).margin <= scan(held).margin * (1 + 1e-12)
    assert scan(np.array(held) - np.array(held)).margin == 0.0


@given(st.floats(-5, 5), st.floats(60.0, 140.0), st.floats(0.02, 1.0), st.floats(0.2, 1.5))
def test_an_option_against_its_parity_portfolio_needs_no_margin(size, strike, years, sigma):
    profits = markets.risk_array(
        ["call", "put", "linear"], 100.0, strike, [years, years, 0.0], sigma, scenarios=SCENARIOS
    )
    book = np.array([size, -size, -size])
    found = margin.scan_margin([book, book * [1, 0, 0]], profits, ["BTC"] * 3)
    assert found.margin[0] <= 1e-10
    assert found.margin[1] <= found.isolated[0]


@given(quantities, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_offset_and_a_wider_scan_never_go_the_wrong_way(held, one, two):
    low, high = sorted((one, two))
    assert scan(held, offset=high).margin <= scan(held, offset=low).margin + 1e-9
    fewer = margin.scan_margin(held, PROFITS[:, :9], NAMES).margin
    assert fewer <= margin.scan_margin(held, PROFITS, NAMES).margin + 1e-12


@given(quantities)
def test_the_margin_is_the_loss_in_its_worst_scenario_and_many_books_are_each_alone(held):
    found = scan([held, held[::-1]], groups={}, short_minimum=0.0)
    for account, book in enumerate((held, held[::-1])):
        one = scan(book, groups={}, short_minimum=0.0)
        assert found.margin[account] == pytest.approx(one.margin, rel=1e-14)
        for rows, group in (((0, 1, 2), 0), ((3, 4), 1)):
            losses = [-sum(book[row] * PROFITS[row, s] for row in rows) for s in range(len(SCENARIOS))]
            assert one.by_group[group] == pytest.approx(max(0.0, *losses), rel=1e-12, abs=1e-12)
            if max(losses) > 1e-9:
                assert losses[one.worst[group]] == pytest.approx(max(losses), rel=1e-12)


def test_a_hedged_book_covers_more_stressed_loss_per_margin_than_its_legs():
    scenarios = markets.span_scenarios(0.15, 0.1)
    profits = markets.risk_array(["linear", "put"], 100.0, 100.0, [0.0, 0.1], [0.0, 0.6], scenarios=scenarios)
    held = np.array([1.0, 1.0])
    book = margin.scan_margin([held, held * [1, 0], held * [0, 1]], profits, ["BTC", "BTC"])
    stress = held * profits[:, 12]
    found = margin.margin_efficiency(stress, book.margin[0], book.margin[1:])
    assert found.hedged == pytest.approx(15.0 / book.margin[0])
    assert found.isolated == pytest.approx(15.0 / book.margin[1:].sum())
    assert found.hedged > 2.0 * found.isolated
    assert found.shortfall == found.isolated_shortfall == 0.0


def test_what_is_beyond_the_margin_is_not_covered():
    found = margin.margin_efficiency(
        [[-30.0, 10.0], [5.0, 5.0], [-10.0, 10.0]], [15.0, 2.0, 0.0], [20.0, 5.0]
    )
    assert found.hedged.tolist() == [25.0 / 15.0, 0.0, np.inf]
    assert found.isolated.tolist() == [20.0 / 25.0, 0.0, 10.0 / 25.0]
    assert found.shortfall.tolist() == [5.0, 0.0, 0.0]
    assert found.isolated_shortfall.tolist() == [10.0, 0.0, 0.0]
    assert np.isnan(margin.margin_efficiency([0.0, 0.0], 0.0, 0.0).hedged)


MOVES = markets.RiskScenarios([0.1], [0.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: markets.risk_array(["call", "cal"], 1.0, scenarios=MOVES),
            r"kind\[1\]: 'cal' .*mean 'call'",
        ),
        (lambda: markets.risk_array("put", 1.0, 1.0, [-1.0], scenarios=MOVES), r"years\[0\]: .* past expiry"),
        (
            lambda: markets.risk_array("put", 1.0, 1.0, 1.0, [-1.0], scenarios=MOVES),
            r"volatility\[0\]: -1\.0 is negative",
        ),
        (lambda: markets.span_scenarios(0.6, 0.1), r"price\[15\]: -1\.2 is out of range"),
        (lambda: markets.RiskScenarios([0.1], [0.0], powers=(0.1,)), "powers: has 1 entries"),
        (lambda: markets.RiskScenarios([0.1, 0.2], [0.0] * 3), "do not fit together"),
        (lambda: margin.scan_margin([1.0], [[1.0]], ["a", "b"]), "do not fit together"),
        (lambda: margin.scan_margin([1.0], [[]], ["a"]), "has no scenario"),
        (lambda: margin.scan_margin([1.0], [[1.0]], ["a"], groups={"b": "c"}), "'b' is the underlying of no"),
        (
            lambda: margin.scan_margin([1.0, 1.0], [[1.0], [1.0]], ["a", "b"], groups={"b": "a"}),
            "'a' names a group and an underlying that is not in it",
        ),
        (lambda: margin.scan_margin([1.0], [[1.0]], ["a"], offset=1.1), "offset: 1.1 is out of range"),
        (lambda: margin.scan_margin([1.0], [[1.0]], ["a"], short_minimum=[1.0, 2.0]), "short_minimum: has"),
        (lambda: margin.margin_efficiency([1.0], 1.0, -1.0), "leg_margins: -1.0 is negative"),
        (lambda: margin.margin_efficiency(1.0, 1.0, 1.0), "leg_profits: is one number"),
    ],
)
def test_what_cannot_be_margined_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
