"""What a state file says of one server, checked: the fields of `show servers state` that a start takes over.

Knows types only. compile/state_files.py makes it, control/saved_states.py carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SavedState:
    """state, admin, status, check_flags: HAProxy's numbers (management guide, "show servers state").

    uweight: None where the configured weight has changed since. since_s: seconds since the last change of the state.
    """

    state: int
    admin: int
    uweight: int | None
    since_s: int
    status: int
    check_flags: int
