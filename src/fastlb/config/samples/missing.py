"""Sample fetches and converters of HAProxy that fastlb does not have yet: they are told apart from misspelled ones.

Knows their names. Must not know their arguments, which nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..keywords.row import UNSUPPORTED
from .row import ConverterRow, FetchRow
from .types import ANY

# What is newer than 2.6, and what is not.
_NEW_FETCHES = ("dump_all_vars", "spoe.engine-id")
_CONVERTERS = ("51d.single", "da-csv-conv")
_NEW_CONVERTERS = (
    *(f"eth.{name}" for name in ("data", "dst", "hdr", "proto", "src", "vlan")),
    *(f"ip.{name}" for name in ("data", "df", "dst", "fp", "hdr", "proto", "src", "tos", "ttl", "ver")),
    *(f"tcp.{name}" for name in ("dst", "flags", "options_list", "seq", "src", "win")),
    *(f"tcp.options.{name}" for name in ("mss", "sack", "tsopt", "tsval", "wscale", "wsopt")),
)
_NEWER = "2.7 or later"
_NO_LIBRARY = "needs a device detection library"
_PACKETS = "for `fc_saved_syn`: fastlb has no bind option tcp-ss yet"
_NOTES = {
    **dict.fromkeys(("51d.single", "da-csv-conv"), _NO_LIBRARY),
    **dict.fromkeys(_NEW_CONVERTERS, _PACKETS),
    "spoe.engine-id": "SPOE is not supported",
    "dump_all_vars": "for debugging",
}

def fetches(known: Mapping[str, object]) -> Iterable[FetchRow]:
    """A row for each fetch that is not in `known`."""
    for name in _NEW_FETCHES:
        if name not in known:
            yield FetchRow(name, ANY, manual="7.3", since=_NEWER, status=UNSUPPORTED, note=_NOTES[name])


def converters(known: Mapping[str, object]) -> Iterable[ConverterRow]:
    """A row for each converter that is not in `known`."""
    for name in (*_CONVERTERS, *_NEW_CONVERTERS):
        if name not in known:
            since = _NEWER if name in _NEW_CONVERTERS else ""
            yield ConverterRow(name, ANY, ANY, since=since, status=UNSUPPORTED, note=_NOTES.get(name, ""))
