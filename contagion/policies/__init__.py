"""What can be done: breakers, margins, backstops, liquidity."""
