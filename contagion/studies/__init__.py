"""A study in TOML is a call: what to run, written down without code."""

from contagion.studies.bundled import BUNDLED
from contagion.studies.reading import parse, read
from contagion.studies.study import Source, Study

__all__ = ["BUNDLED", "Source", "Study", "parse", "read"]
