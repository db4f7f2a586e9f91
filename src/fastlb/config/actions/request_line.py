"""Actions on the request line and the status: set-method, set-path, replace-uri, normalize-uri, set-status.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from .row import ActionRow

ACTIONS: tuple[ActionRow, ...] = ()
