"""The aliases of log formats: `%ci`, `%Tr`, `%hr` (manual, section 8.2.6).

Knows their names and which of them need `mode http`. Must not know what they show (ext/fastlb_core/proxy/log_alias*.pyx).
"""

from __future__ import annotations

from dataclasses import dataclass

from .values import names


@dataclass(frozen=True, slots=True)
class Alias:
    """One alias. needs_http: it may not stand in a format of a TCP proxy. since: "" for what 2.6 has."""

    needs_http: bool = False
    since: str = ""


_HTTP = names("CC CS HM HP HPO HQ HU HV Ta Ti Tq TR Tr r tr trg trl")
# haproxy: the manual marks %tsc as HTTP's as well, the program takes it anywhere.
_ANY = names("""
B H ID ST T Tc Td Th Tl Ts Tt Tu Tw U ac b bc bi bp bq ci cp f fc fi fp ft hr hrl hs hsl lc ms pid rc rt s sc si sp sq sslc
sslv t ts tsc
""")

ALIASES: dict[str, Alias] = {
    **{name: Alias() for name in _ANY},
    **{name: Alias(needs_http=True) for name in _HTTP},
    "OG": Alias(since="3.1"),
}
