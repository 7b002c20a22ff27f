"""Cross-holdings as algorithms of the reference cases."""

import dataclasses
import functools

from contagion.propagation import crossholdings


def _by_name(found):
    return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}


@functools.wraps(crossholdings.suzuki)
def suzuki(**keys):
    """Values and the number of defaults."""
    found = crossholdings.suzuki(**keys)
    return {**_by_name(found), "n_defaulted": found.n_defaulted}


@functools.wraps(crossholdings.elliott_golub_jackson)
def elliott_golub_jackson(**keys):
    """Values with the waves and the number of failures."""
    found = crossholdings.elliott_golub_jackson(**keys)
    return {**_by_name(found), "waves": found.waves, "n_failed": found.n_failed}


ALGORITHMS = {
    "elliott_golub_jackson": (elliott_golub_jackson, None),
    "suzuki": (suzuki, None),
}
