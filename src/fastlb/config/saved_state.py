"""What a state file says of one server, checked: the fields of `show servers state` that a start takes over.

Knows types only. compile/state_files.py makes it, control/saved_states.py carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass

_CONFIGURED = 2  # of check_flags and agent_flags
_ENABLED = 4


@dataclass(frozen=True, slots=True)
class SavedState:
    """state, admin, status, check_flags, agent_flags: HAProxy's numbers (management guide, "show servers state").

    check_host, check_port, agent_host, agent_port: where commands had sent its checks and questions; empty and 0 for nowhere.
    uweight: None where the configured weight has changed since. since_s: seconds since the last change of the state.
    """

    state: int
    admin: int
    uweight: int | None
    since_s: int
    status: int
    check_flags: int
    agent_flags: int
    check_host: str = ""
    check_port: int = 0
    agent_host: str = ""
    agent_port: int = 0

    @property
    def has_check_off(self) -> bool:
        """`disable health` was in force."""
        return self.check_flags & (_CONFIGURED | _ENABLED) == _CONFIGURED

    @property
    def has_agent_off(self) -> bool:
        return self.agent_flags & (_CONFIGURED | _ENABLED) == _CONFIGURED
