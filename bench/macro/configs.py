"""One `Setup` written down in each proxy's language.

Pure functions from a description to text. fastlb and haproxy get literally the same file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.macro.model import Setup

MAX_CONNS = 6000
"""Clients a proxy must accept; two files each, and 20,000 files are what a container usually grants."""

PATTERNS = "patterns.lst"
CERTIFICATE = "site.pem"
"""Certificate and key."""

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


RULES = (
    *(f"acl path{i} path_beg /section{i}/ /part{i}/" for i in range(5)),
    *(f"acl host{i} hdr(host) -i www{i}.example.com" for i in range(4)),
    *(f"acl agent{i} hdr_sub(user-agent) -i robot{i} spider{i}" for i in range(4)),
    "acl local src 127.0.0.0/8",
    "acl private src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    "acl is_get method GET",
    "acl has_session cook(session) -m found",
    "acl english hdr_beg(accept-language) -i en",
    "acl static path_end .png .css .js",
    "acl dark cook(theme) dark",
    "http-request set-header x-section static if static",
    "http-request set-header x-part zero if path0 or path1 or path2 or path3 or path4",
    "http-request set-header x-host known if host0 or host1 or host2 or host3",
    "http-request set-header x-robot yes if agent0 or agent1 or agent2 or agent3",
    "http-request set-header x-client %[src] if local !private",
    "http-request set-header x-language en if english is_get",
    "http-request add-header x-theme dark if dark has_session",
    "http-request del-header x-requested-with",
    "http-request set-header x-path %[path,lower]",
    "http-response set-header x-served-by www",
)
"""20 ACLs and 10 header rules."""


@dataclass(frozen=True)
class Addresses:
    """Ports on 127.0.0.1."""

    listen: int
    origin: int
    log: int


def patterns_text(setup: Setup) -> str:
    """The list of patterns that the configuration reads."""
    return "".join(f"/listed/{i}\n" for i in range(setup.patterns))


def haproxy_cfg(setup: Setup, ports: Addresses, directory: Path) -> str:
    """The configuration of haproxy and of fastlb; `directory` has `PATTERNS` and `CERTIFICATE` where `setup` asks for them."""
    lines = ["global", f"    maxconn {MAX_CONNS}", "    nbthread 1"]
    if setup.log:
        lines.append(f"    log 127.0.0.1:{ports.log} local0")
    lines += [
        "",
        "defaults",
        f"    mode {setup.mode}",
        "    timeout connect 5s",
        "    timeout client 60s",
        "    timeout server 60s",
    ]
    if setup.log:
        lines += ["    log global", f"    option {'httplog' if setup.mode == 'http' else 'tcplog'}"]
    if setup.close:
        lines.append("    option httpclose")
    if setup.splice:
        lines += ["    option splice-request", "    option splice-response"]
    tls = f" ssl crt {directory / CERTIFICATE}" if setup.tls else ""
    lines += ["", "frontend www", f"    bind 127.0.0.1:{ports.listen}{tls}"]
    if setup.rules:
        lines += [f"    {line}" for line in RULES]
    if setup.patterns:
        lines.append(f"    acl listed path -f {directory / PATTERNS}")
        lines.append("    http-request set-header x-listed yes if listed")
    lines.append("    default_backend pool0")
    for b in range(setup.backends):
        lines += ["", f"backend pool{b}", "    balance roundrobin"]
        if setup.site:
            lines += ["    option httpchk GET /64", "    cookie SRVID insert indirect nocache maxlife 10m"]
        options = " cookie s{} check inter 2s fall 5 rise 3 maxconn 1000" if setup.site else ""
        lines += [f"    server s{s} 127.0.0.1:{ports.origin}{options.format(s)}" for s in range(setup.servers)]
    return "\n".join(lines) + "\n"


def nginx_conf(setup: Setup, ports: Addresses, directory: Path) -> str:
    """The configuration of nginx; `directory` takes its pid file and temporary files."""
    head = [
        "user root;",
        "worker_processes 1;",
        "daemon off;",
        f"pid {directory}/nginx.pid;",
        "error_log stderr warn;",
        "worker_rlimit_nofile 20000;",
    ]
    if setup.mode == "tcp":
        head.append(f"load_module {STREAM_MODULE};")
    head.append(f"events {{ worker_connections {2 * MAX_CONNS + 2000}; multi_accept on; }}")
    body = _nginx_stream(setup, ports) if setup.mode == "tcp" else _nginx_http(setup, ports, directory)
    return "\n".join(head + body) + "\n"


def _upstreams(setup: Setup, ports: Addresses) -> list[str]:
    lines = []
    for b in range(setup.backends):
        lines.append(f"    upstream pool{b} {{")
        lines += [f"        server 127.0.0.1:{ports.origin};" for _ in range(setup.servers)]
        if setup.mode == "http" and not setup.close:
            lines += [f"        keepalive {max(64, MAX_CONNS // setup.backends)};", "        keepalive_requests 1000000000;"]
        lines.append("    }")
    return lines


def _nginx_stream(setup: Setup, ports: Addresses) -> list[str]:
    server = f"    server {{ listen 127.0.0.1:{ports.listen} backlog=4096; proxy_pass pool0; tcp_nodelay on; }}"
    return ["stream {", *_upstreams(setup, ports), server, "}"]


def _nginx_tls(setup: Setup, directory: Path) -> list[str]:
    pem = directory / CERTIFICATE
    lines = [f"ssl_certificate {pem};", f"ssl_certificate_key {pem};", "ssl_session_cache shared:tls:20m;"]
    lines += ["ssl_protocols TLSv1.2 TLSv1.3;"]
    return [f"        {line}" for line in lines] if setup.tls else []


def _nginx_http(setup: Setup, ports: Addresses, directory: Path) -> list[str]:
    lines = ["http {"]
    temp = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    lines += [f"    {kind}_temp_path {directory}/{kind};" for kind in temp]
    if setup.log:
        lines += [
            "    log_format httplog '$remote_addr:$remote_port [$time_local] www pool0/$upstream_addr $request_time "
            '$upstream_connect_time $upstream_response_time $status $bytes_sent $connections_active "$request"\';',
            f"    access_log syslog:server=127.0.0.1:{ports.log},tag=nginx httplog;",
        ]
    else:
        lines.append("    access_log off;")
    lines += _upstreams(setup, ports)
    lines += [
        "    keepalive_requests 1000000000;",
        "    keepalive_timeout 60s;",
        "    server {",
        f"        listen 127.0.0.1:{ports.listen} backlog=4096{' ssl' if setup.tls else ''};",
        *_nginx_tls(setup, directory),
        "        client_max_body_size 0;",
        "        location / {",
        "            proxy_pass http://pool0;",
        "            proxy_http_version 1.1;",
        f'            proxy_set_header Connection "{"close" if setup.close else ""}";',
        "            proxy_request_buffering off;",  # the others stream bodies too
        "            proxy_max_temp_file_size 0;",
        "        }",
        "    }",
        "}",
    ]
    return lines
