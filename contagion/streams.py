"""Which random numbers belong to which part of a study?

Every draw of the toolkit comes from a stream that is found by its meaning: the root seed, a purpose in
words, and the identity of what is drawn for (a scenario number, the name of an account). No stream is split
off another one and none has a state that is shared, so adding a policy, a metric or an asset never shifts
somebody else's draws, and a scenario is the same on any worker, in any order, alone or in a sweep.

References
----------
Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", for the Philox generator.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeGuard

import numpy as np

from contagion.errors import SchemaError, TooLargeError, ValueRangeError

__all__ = ["check_seed", "key64", "stream"]

LARGEST_SEED: Final = 2**128
SEED_ALLOWED: Final = "a seed is a whole number from 0 to 2**128"
KEY_ALLOWED: Final = "a stream is keyed by integers and texts"


def check_seed(seed: object) -> int:
    """Return `seed` as a plain integer, or refuse it.

    Parameters
    ----------
    seed : int
        A whole number from 0 to 2**128; integers of NumPy are welcome.

    Returns
    -------
    int
        The seed as a Python integer.

    Raises
    ------
    SchemaError
        If the seed is no integer (a bool, a float, a text, None).
    ValueRangeError
        If the seed is negative.
    TooLargeError
        If the seed is above 2**128.

    Examples
    --------
    >>> check_seed(7)
    7
    """
    if not _is_integer(seed):
        raise SchemaError(
            "is no integer", where="seed", value=seed, allowed=SEED_ALLOWED, remedy="write seed=7"
        )
    number = int(seed)
    if number < 0:
        raise ValueRangeError(
            "is negative", where="seed", value=number, allowed=SEED_ALLOWED, remedy="drop the sign"
        )
    if number > LARGEST_SEED:
        raise TooLargeError(
            f"has {number.bit_length():,} bits",
            where="seed",
            allowed=SEED_ALLOWED,
            remedy="take a smaller one",
        )
    return number


def stream(seed: int, purpose: str, *key: int | str) -> np.random.Generator:
    """Return the random generator that belongs to a seed, a purpose and an identity.

    Parameters
    ----------
    seed : int
        Root seed of the study, 0 to 2**128.
    purpose : str
        What the numbers are for, in words, such as ``"shock"``.
    *key : int or str
        Whom they are for: scenario number, name of an account, of an asset. 1 and "1" are different keys.

    Returns
    -------
    numpy.random.Generator
        A fresh Philox generator; calling again gives the same numbers from the start.

    Raises
    ------
    SchemaError, ValueRangeError, TooLargeError
        If the seed, the purpose or a part of the key is of the wrong kind or size.

    Examples
    --------
    >>> first = stream(7, "shock", 3).normal(size=2)
    >>> bool((first == stream(7, "shock", 3).normal(size=2)).all())
    True
    """
    digest = _digest(seed, purpose, key, 16)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def key64(seed: int, purpose: str, *key: int | str) -> int:
    """Return a 64-bit number that belongs to a seed, a purpose and an identity.

    Decisions inside a round (does this owner answer the call?) compare such a number with a threshold, so
    that no order of drawing exists. Parameters and errors as in `stream`.

    Returns
    -------
    int
        A whole number from 0 to 2**64 - 1, evenly spread over all keys.

    Examples
    --------
    >>> key64(7, "call", "account-1") == key64(7, "call", "account-1")
    True
    """
    return int.from_bytes(_digest(seed, purpose, key, 8), "little")


def _digest(seed: int, purpose: str, key: tuple[int | str, ...], size: int) -> bytes:
    number = check_seed(seed)
    if not isinstance(purpose, str):
        raise SchemaError("is no text", where="purpose of a stream", value=purpose, allowed=KEY_ALLOWED)
    state = hashlib.blake2b(digest_size=size, person=b"contagion-stream")
    for part in (number, purpose, *key):
        state.update(_encoded(part))
    return state.digest()


def _encoded(part: int | str) -> bytes:
    """Bytes of one part, with its kind and length in front, so that no two keys run into each other."""
    if isinstance(part, str):
        kind, content = b"s", part.encode("utf-8", "surrogatepass")
    elif _is_integer(part):
        number = int(part)
        kind, content = b"i", number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    else:
        raise SchemaError(
            "is neither integer nor text",
            where="key of a stream",
            value=part,
            allowed=KEY_ALLOWED,
            remedy="use a name",
        )
    return kind + len(content).to_bytes(8, "little") + content


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
