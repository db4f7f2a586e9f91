"""Actions that answer: deny, return, tarpit, redirect, auth, early-hint, and their texts.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from .row import ActionRow

ACTIONS: tuple[ActionRow, ...] = ()
