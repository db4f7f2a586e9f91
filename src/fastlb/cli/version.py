"""Which fastlb this is and which HAProxy's language it speaks.

The version that tools compare is HAProxy's (`HAProxy version X`, version_atleast()): behaviour follows 3.x.
"""

from __future__ import annotations

FASTLB_VERSION = "0.1.0"
HAPROXY_BRANCH = "3.5"
HAPROXY_VERSION = f"{HAPROXY_BRANCH}.0-fastlb-{FASTLB_VERSION}"
RELEASE_DATE = "2026/11/23"
