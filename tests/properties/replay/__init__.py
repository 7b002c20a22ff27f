"""Balances rebuilt from opening and ledger alone, and health in exact fractions: oracles apart from the engine."""

from tests.properties.replay.ledger import Key, Posting
from tests.properties.replay.worlds import (
    Played,
    asset_prices,
    bare,
    perp_prices,
    play,
    played,
    played_with_options,
    played_with_portfolios,
    run_of,
    seeds,
    worth_at,
)

__all__ = [
    "Key",
    "Played",
    "Posting",
    "asset_prices",
    "bare",
    "perp_prices",
    "play",
    "played",
    "played_with_options",
    "played_with_portfolios",
    "run_of",
    "seeds",
    "worth_at",
]
