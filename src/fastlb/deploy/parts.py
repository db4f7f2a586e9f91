"""The parts of a host around the proxy: their files, what each is for, and what to run once they are there.

Knows names, places, modes and the reasons; the texts are in templates/. Must not touch a file system: write.py does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jinja2

from fastlb.deploy.settings import Pair, Settings

ERRORS = "/etc/fastlb/errors"
KEEPALIVED = "/etc/keepalived/keepalived.conf"
_NOTIFY = "/etc/keepalived/fastlb-notify.sh"
_PORTS = (80, 443, 9000)
_MARK = "Written by `fastlb deploy`, which leaves this file alone once you have changed it."

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("fastlb.deploy"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # none of these is HTML with foreign words in it
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

# status: its reason, and what the page tells the visitor
_PAGES = {
    400: ("Bad Request", "The browser sent a request that cannot be understood."),
    401: ("Unauthorized", "This page needs a user name and a password."),
    403: ("Forbidden", "This page is not open to you."),
    404: ("Not Found", "There is nothing under this address."),
    405: ("Method Not Allowed", "This address does not take requests of this kind."),
    407: ("Proxy Authentication Required", "The proxy needs a user name and a password."),
    408: ("Request Timeout", "The request did not arrive in time. Please try again."),
    410: ("Gone", "What was here is gone for good."),
    413: ("Content Too Large", "What was sent is larger than this site takes."),
    421: ("Misdirected Request", "This host does not answer for that name here. Please open the address again."),
    422: ("Unprocessable Content", "What was sent cannot be processed."),
    425: ("Too Early", "The request came before the connection was safe. Please try again."),
    429: ("Too Many Requests", "There were too many requests. Please wait a moment."),
    500: ("Internal Server Error", "Something went wrong here. Please try again later."),
    501: ("Not Implemented", "This kind of request is not known here."),
    502: ("Bad Gateway", "A server gave an answer that makes no sense. Please try again."),
    503: ("Service Unavailable", "No server can answer right now. Please try again in a few minutes."),
    504: ("Gateway Timeout", "A server did not answer in time. Please try again."),
}


@dataclass(frozen=True, slots=True)
class File:
    """A file on the host. is_first: written only where there is none, it is the operator's from then on."""

    path: str
    text: str
    mode: int = 0o644
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One concern. why: sentences for the operator. commands: shell lines that put it into force, safe to repeat.

    by_hand: lines that depend on what else the host has, and are never run by fastlb.
    """

    name: str
    why: str
    files: tuple[File, ...] = ()
    directories: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = field(default=())


def parts(settings: Settings) -> list[Part]:
    """All parts in the order in which they are put into force; keepalived's only for one of a pair."""
    return [make(settings) for make in _PARTS.values()] + ([keepalived(settings, settings.pair)] if settings.pair else [])


def names() -> list[str]:
    return [*_PARTS, "keepalived"]


def render(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(mark=_MARK, **values)


def _account(_settings: Settings) -> Part:
    path = "/etc/sysusers.d/fastlb.conf"
    return Part(
        "account",
        "The account `fastlb`: a system account without login. The processes that meet the network run as it.",
        (File(path, render("sysusers.conf.j2")),),
        commands=(
            f"getent passwd fastlb >/dev/null || systemd-sysusers {path}"
            " || useradd --system --user-group --home-dir /var/lib/fastlb --no-create-home --shell /usr/sbin/nologin fastlb",
        ),
    )


def _directories(settings: Settings) -> Part:
    path = "/etc/tmpfiles.d/fastlb.conf"
    return Part(
        "directories",
        "/etc/fastlb for the configuration, /var/lib/fastlb for state, /var/log/fastlb for what rsyslog writes.",
        (File(path, render("tmpfiles.conf.j2", log_owner=settings.log_owner)),),
        ("/etc/fastlb", ERRORS, "/var/lib/fastlb", "/var/log/fastlb"),
        (f"systemd-tmpfiles --create {path}",),
    )


def _errors(_settings: Settings) -> Part:
    pages = tuple(File(f"{ERRORS}/{status}.http", error_page(status)) for status in _PAGES)
    return Part("errors", "Answers in the site's name where the proxy itself has to answer; `errorfile` names them.", pages)


def error_page(status: int) -> str:
    """The whole answer for a status, as `errorfile` takes it: a head with CRLF, and HTML."""
    reason, advice = _PAGES[status]
    body = render("error.html.j2", status=status, reason=reason, advice=advice)
    head = (
        f"HTTP/1.1 {status} {reason}",
        "Content-Type: text/html; charset=utf-8",
        "Cache-Control: no-cache",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", body))


def _configuration(settings: Settings) -> Part:
    # haproxy: errorfile knows these statuses; a page of an unknown one would be a warning.
    values = {"config": settings.config, "socket": settings.socket, "errors": ERRORS, "servers": settings.servers}
    text = render("fastlb.cfg.j2", statuses=list(_PAGES), **values)
    return Part(
        "configuration",
        f"{settings.config}, to begin with: balancing, checks, logs, statistics on 127.0.0.1:9000. An existing one stays.",
        (File(settings.config, text, 0o640, is_first=True),),
    )


def _systemd(settings: Settings) -> Part:
    text = render("fastlb.service.j2", program=settings.program, config=settings.config)
    return Part(
        "systemd",
        "The service: told when the proxy is ready, the configuration is checked before each start and reload, and the"
        " processes may do nothing beyond a proxy's work.",
        (File("/etc/systemd/system/fastlb.service", text),),
        commands=("systemctl daemon-reload", "systemctl enable --now fastlb.service"),
    )


def _rsyslog(_settings: Settings) -> Part:
    return Part(
        "rsyslog",
        "rsyslog listens on UDP 514 of 127.0.0.1 and writes facility local0 to /var/log/fastlb/fastlb.log.",
        (File("/etc/rsyslog.d/49-fastlb.conf", render("rsyslog.conf.j2")),),
        commands=(
            "if command -v rsyslogd >/dev/null; then rsyslogd -N1 && systemctl restart rsyslog.service;"
            " else echo 'rsyslog is not installed: log lines go nowhere until it is' >&2; fi",
        ),
    )


def _logrotate(_settings: Settings) -> Part:
    return Part(
        "logrotate",
        "A log file a day, compressed, kept for two weeks. rsyslog is told; the proxy never notices.",
        (File("/etc/logrotate.d/fastlb", render("logrotate.j2")),),
    )


def _sysctl(_settings: Settings) -> Part:
    path = "/etc/sysctl.d/60-fastlb.conf"
    return Part(
        "sysctl",
        "Kernel settings: binding to a shared address that is on the other host, longer accept queues, more ports to servers.",
        (File(path, render("sysctl.conf.j2")),),
        commands=(f"sysctl -e -q -p {path}",),  # -e: without IPv6 its setting is not there
    )


def _firewalld(_settings: Settings) -> Part:
    return Part(
        "firewalld",
        f"Hosts with firewalld: a service that opens TCP {', '.join(map(str, _PORTS))} and VRRP (protocol 112).",
        (File("/etc/firewalld/services/fastlb.xml", render("firewalld.xml.j2", ports=_PORTS)),),
        commands=(
            "! firewall-cmd --state >/dev/null 2>&1 || { firewall-cmd -q --reload"
            " && firewall-cmd -q --permanent --add-service=fastlb && firewall-cmd -q --reload; }",
        ),
    )


def _nftables(settings: Settings) -> Part:
    pair = settings.pair
    text = render("nftables.nft.j2", ports=_PORTS, peer=pair.peer if pair else "", unicast=bool(pair and pair.unicast))
    return Part(
        "nftables",
        f"Hosts with nftables: a chain that opens the same TCP ports and VRRP{f' from {pair.peer}' if pair else ''}.",
        (File("/etc/nftables.d/fastlb.nft", text),),
        by_hand=(
            "echo 'include \"/etc/nftables.d/fastlb.nft\"' >> /etc/nftables.conf",
            "nft -f /etc/nftables.d/fastlb.nft && nft insert rule inet filter input jump fastlb",
        ),
    )


def keepalived(settings: Settings, pair: Pair) -> Part:
    """The part that `fastlb ha init` writes alone."""
    text = render(
        "keepalived.conf.j2",
        # keepalived starts what a script's path leads to in the end: a virtual environment's python would be the system's.
        check=f"{'/usr/bin/env ' if ' ' in settings.program else ''}{settings.program} ha check --socket {settings.socket}",
        notify=_NOTIFY,
        node=pair.node,
        vips=pair.vips,
        interface=pair.interface,
        peer=pair.peer,
        role=pair.role,
        router_id=pair.router_id,
        priority=pair.own_priority,
        unicast=pair.unicast,
        password=pair.password,
        process=pair.process,
        backends=pair.backends,
    )
    return Part(
        "keepalived",
        f"keepalived shares {', '.join(pair.vips)} with {pair.peer}: this host is the {pair.role}.",
        (File(KEEPALIVED, text, 0o600 if pair.password else 0o644), File(_NOTIFY, render("notify.sh.j2"), 0o755)),
        ("/etc/keepalived",),
        (
            f"keepalived -t -f {KEEPALIVED}",
            "systemctl enable keepalived.service",
            "systemctl reload-or-restart keepalived.service",
        ),
    )


_PARTS: dict[str, Callable[[Settings], Part]] = {
    "account": _account,
    "directories": _directories,
    "errors": _errors,
    "configuration": _configuration,
    "sysctl": _sysctl,
    "rsyslog": _rsyslog,
    "logrotate": _logrotate,
    "firewalld": _firewalld,
    "nftables": _nftables,
    "systemd": _systemd,
}
