"""The old home of `contagion.labels`."""

from contagion.labels import Axis, axis_of, join, labels, once

__all__ = ["Axis", "axis_of", "join", "labels", "once"]
