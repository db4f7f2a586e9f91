"""A proxy of the model as a proxy of the program: modes, options, limits, timeouts and texts.

Knows what HAProxy does where a value is not set. Must not know servers, listeners or log targets, which have their own files.
"""

from __future__ import annotations

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import CAPS, ERROR_STATUSES, HTTP_MODES, MODES, OPTIONS, REUSE

from fastlb.config.model import Global, Proxy, Timeouts

from .addresses import network_bytes
from .balancing import core_algorithm
from .errors import error_pages
from .failure import CompileError
from .logs import log_kind
from .options import option_bits
from .routes import Routes
from .text import file_bytes

_TIMEOUTS = ("client", "server", "connect", "client_fin", "server_fin", "tunnel", "http_request")


def add_proxy(builder: ProgramBuilder, px: Proxy, number: int, glob: Global, routes: Routes) -> int:
    """Adds `px` with the id `number` and returns its index. Raises CompileError."""
    if px.mode not in MODES:
        raise CompileError(px.location, f"{px.kind} '{px.name}' : mode '{px.mode}' is not supported by fastlb")
    forwardfor = px.forwardfor
    network = forwardfor.except_network if forwardfor else None
    try:
        index: int = builder.add_proxy(
            px.name,
            id=number,
            caps=CAPS[px.kind],
            mode=MODES[px.mode],
            http_mode=HTTP_MODES[px.http_mode],
            reuse=REUSE[px.http_reuse],
            log_kind=log_kind(px, glob),
            options=option_bits(px) | (OPTIONS["waits for body"] if routes.wait_for_body else 0),
            retries=px.retries,
            redispatch=px.redispatch,
            timeouts=timeouts_of(px.timeouts),
            maxconn=routes.maxconn(px),
            fullconn=routes.fullconn(px),
            balance=core_algorithm(px),
            all_backups="allbackups" in px.options,
            forwardfor_header=file_bytes(forwardfor.header) if forwardfor else b"",
            forwardfor_except=network_bytes(network) if network is not None else None,
            monitor_uri=file_bytes(px.monitor_uri),
            error_pages=error_pages(px, ERROR_STATUSES),
            log_tag=file_bytes(px.log_tag or glob.log_tag or "fastlb"),
            internal_prefix=file_bytes(px.stats.uri) if px.stats else b"",
        )
    except CompileError:
        raise
    except ValueError as error:
        raise CompileError(px.location, f"{px.kind} '{px.name}' : {error}") from None
    return index


def timeouts_of(timeouts: Timeouts) -> dict[str, int]:
    """Milliseconds by name, 0 for no limit, with the manual's fall-backs between them."""
    values = {name: getattr(timeouts, name) or 0 for name in _TIMEOUTS}
    values["queue"] = _first(timeouts.queue, timeouts.connect)
    values["tarpit"] = _first(timeouts.tarpit, timeouts.connect)
    values["http_keep_alive"] = _first(timeouts.http_keep_alive, timeouts.http_request, timeouts.client)
    return values


def _first(*candidates: int | None) -> int:
    return next((value for value in candidates if value is not None), 0)
