"""Actions on variables, captures, maps and ACLs.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from .row import ActionRow

ACTIONS: tuple[ActionRow, ...] = ()
