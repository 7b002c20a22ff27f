"""Pictures inside the page: drawn without a screen, the same bytes on every run, no file beside it."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

from contagion.reporting.blocks import Figure

DOTS_PER_INCH = 130


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw with default settings, whatever the user's own; names are never read as formulas."""
    from matplotlib import style

    own = {"text.parse_math": False, "text.usetex": False, "font.size": 9.0}
    with style.context(own, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def draw(
    plot: Callable[..., object],
    description: str,
    caption: str,
    *,
    width: float = 9.5,
    height: float = 4.2,
    panels: int = 1,
) -> Figure:
    """Return a picture as part of the page.

    Parameters
    ----------
    plot : callable
        Draws on the axes that it is given, one argument per panel.
    description : str
        For readers who cannot see the picture.
    caption : str
        One or two sentences under the picture.
    width, height : float
        Inches.
    panels : int
        Axes side by side.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with plain_style():
        canvas = Canvas(
            figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained" if panels > 1 else None
        )
        FigureCanvasAgg(canvas)
        plot(*(canvas.add_subplot(1, panels, place) for place in range(1, panels + 1)))
        buffer = BytesIO()
        canvas.savefig(
            buffer,
            format="png",
            metadata={"Software": None},
            bbox_inches="tight",
            pad_inches=0.08,
            facecolor="white",
        )
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Figure(f"data:image/png;base64,{encoded}", description, caption)
