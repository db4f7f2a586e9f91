"""Which fastlb this is and which HAProxy's language it speaks.

The version that tools compare is HAProxy's (`HAProxy version X`, version_atleast()), with our own behind it. Must not be
imported by `-c`'s fast path before it is needed.
"""

from __future__ import annotations

from importlib import metadata

from fastlb.config.conditions import FEATURES, MISSING_FEATURES

RELEASE_DATE = "2026/11/23"


def fastlb_version() -> str:
    """The installed version; that of the source tree where fastlb is not installed."""
    try:
        return metadata.version("fastlb")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def features() -> list[str]:
    """The words of the feature list: "+NAME" for what conditions find, "-NAME" for what they do not."""
    return [("+" if name in FEATURES else "-") + name for name in sorted(FEATURES | MISSING_FEATURES)]
