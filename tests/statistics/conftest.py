"""What the coverage tests have in common: how often they repeat, and bootstrap weights that repetitions share."""

from collections.abc import Iterator

import pytest

from contagion.measures.market_based.blocks import Blocks
from contagion.measures.resampling import Resampling


@pytest.fixture(autouse=True)
def shared_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 199 draws do for 999, and draw the weights of a seed once.

    With 199 draws the 5th and the 195th are exact quantiles, as the 25th and the 975th of 999. Repetitions of one seed
    share their weights, as the sets of a study do; their samples are independent all the same.
    """
    drawn: dict[object, list[object]] = {}
    draw, draw_days = Resampling.blocks, Blocks.blocks

    def in_blocks(self: Blocks, kept) -> Iterator[object]:
        if self not in drawn:
            drawn[self] = list(draw_days(self, kept))
        return iter(drawn[self])

    def blocks(self: Resampling, kept) -> Iterator[object]:
        places = len(kept) if self.n_networks == 1 else (self.codes.tobytes(), kept.tobytes())
        name = (len(self.codes), places, self.seed, self.key)
        if name not in drawn:
            drawn[name] = list(draw(self, kept))
        return iter(drawn[name])

    for module in ("resampling", "paired", "weighted"):
        monkeypatch.setattr(f"contagion.measures.{module}.DRAWS", 199)
    monkeypatch.setattr(Resampling, "blocks", blocks)
    monkeypatch.setattr(Blocks, "blocks", in_blocks)
