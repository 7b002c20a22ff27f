"""Invariants A1 to A10 where there are portfolios that are margined by scan."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from tests.properties.contracts import INVARIANTS
from tests.properties.kinds import CONTRACTS
from tests.properties.replay import Played, seeds


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
@given(seed=seeds)
def test_invariants_hold_exactly_with_portfolios(invariant: Callable[[Played], None], seed: int) -> None:
    invariant(CONTRACTS["portfolios"](seed))
