"""Is this a list of policies?"""

from __future__ import annotations

from collections.abc import Sequence

from contagion.errors import PolicyError
from contagion.policies.base import Policy

__all__ = ["check_policies"]


def check_policies(policies: Sequence[Policy]) -> None:
    """Refuse what is no policy: classes, other objects.

    Raises
    ------
    PolicyError
        The message names the place in the list.
    """
    for place, policy in enumerate(policies):
        if not isinstance(policy, Policy):
            hint = "; write ct.Halt() with brackets" if isinstance(policy, type) else ""
            raise PolicyError(
                f"policies[{place}] is {policy!r:.80}, of type {type(policy).__name__}; "
                f"expected an instance of ct.Policy{hint}"
            )
