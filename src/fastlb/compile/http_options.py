"""HTTP's finer settings of a proxy as the builder takes them: what is added to requests, when they are sent again.

Knows names and bits; must not know what the engine does with them.
"""

from __future__ import annotations

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import HTTP_OPTIONS, RETRY_ON

from fastlb.config.model import Global, Proxy

from .addresses import network_bytes
from .text import file_bytes


def add_case_names(builder: ProgramBuilder, glob: Global) -> None:
    """The names of `h1-case-adjust`; one that is not in lower case can never be met."""
    pairs = {**glob.case_file_names, **glob.case_names}
    builder.set_case_names([file_bytes(name) for low, name in pairs.items() if low == low.lower()])


def add_http_options(builder: ProgramBuilder, index: int, px: Proxy) -> None:
    """What the keywords of config/keywords/http_options.py have set."""
    originalto = px.originalto
    network = originalto.except_network if originalto else None
    builder.set_http(
        index,
        options=_bits(px),
        # haproxy: only in `mode http`.
        retry_on=sum(RETRY_ON[word] for word in (px.retry_on if px.mode == "http" else ("conn-failure",))),
        session_rate=px.session_rate,
        originalto_header=file_bytes(originalto.header).lower() if originalto else b"",
        originalto_except=network_bytes(network) if network is not None else None,
        name_header=file_bytes(px.send_name_header).lower(),
        max_own_conns=px.max_session_srv_conns,
        max_keep_alive_queue=px.max_keep_alive_queue,
        rdp_name=file_bytes(px.rdp_cookie or ""),
    )


def _bits(px: Proxy) -> int:
    # haproxy: parameters' names are made of headers' names, so that only some characters tell them apart (manual, 4.2).
    names = set(px.options) | {f"names {px.header_names or ('delete' if px.fcgi_app else 'preserve')}"}
    if px.fcgi_app:
        # haproxy: an application is told the length of a body before it.
        names.add("http-buffer-request")
    if px.originalto is not None:
        names.add("originalto")
        names |= {"originalto if-none"} if px.originalto.if_none else set()
        names |= {"originalto except"} if px.originalto.except_network is not None else set()
    bits = 0
    for name in names & HTTP_OPTIONS.keys():
        bits |= HTTP_OPTIONS[name]
    return bits
