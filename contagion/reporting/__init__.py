"""The self-contained report: sections of one page."""
