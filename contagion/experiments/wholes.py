"""Which fields of a policy or model hold whole numbers? They are searched as such."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any, Final

__all__ = ["WHOLE", "is_whole", "whole_at"]

WHOLE: Final = "whole"
"""Key in the metadata of a field that holds whole numbers though its type is another, such as one with infinity."""


def is_whole(owner: Any, name: str) -> bool:
    """Return whether a field of a dataclass, or of one's instance, holds whole numbers: by its type or its metadata.

    Examples
    --------
    >>> from contagion.policies import Auction, Halt
    >>> is_whole(Auction, "keepers"), is_whole(Halt, "times"), is_whole(Halt, "length")
    (True, True, False)
    """
    for field in fields(owner) if is_dataclass(owner) else ():
        if field.name == name:
            written = (
                field.type
                if isinstance(field.type, str)
                else getattr(field.type, "__name__", str(field.type))
            )
            parts = {part.strip() for part in str(written).split("|")}
            return bool(field.metadata.get(WHOLE)) or ("int" in parts and "float" not in parts)
    return False


def whole_at(low: float, high: float, share: float) -> int:
    """Return the whole number at a share of the way from low to high, each with an equal part of the way.

    Examples
    --------
    >>> [whole_at(1.0, 3.0, share) for share in (0.0, 0.3, 0.4, 0.7, 1.0)]
    [1, 1, 2, 3, 3]
    """
    return int(min(math.floor(low + (high - low + 1.0) * share), high))
