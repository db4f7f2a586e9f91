"""The version that the runtime API and the statistics page tell: the language spoken, then our own.

Tools that compare versions read HAProxy's number in front, as `-v` shows it. Must not know what uses it.
"""

from __future__ import annotations

from importlib import metadata

from fastlb.config.conditions import HAPROXY_VERSION


def _own() -> str:
    try:
        return metadata.version("fastlb")
    except metadata.PackageNotFoundError:
        return "0.1.0"


OWN_VERSION = _own()
VERSION = f"{HAPROXY_VERSION}-fastlb{OWN_VERSION}"
RELEASE_DATE = "2026/11/23"
