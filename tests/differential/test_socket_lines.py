"""Lines about sockets, sources, PROXY headers and persistence: both programs take and refuse the same ones, in the same words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fastlb.config import load
from support.proxy import command_of

SERVER = """
proxy-v2-options
proxy-v2-options ssl
proxy-v2-options ssl,foo
proxy-v2-options ssl,,crc32c
proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id
send-proxy-v2-ssl no-send-proxy-v2-ssl
send-proxy-v2-ssl-cn no-send-proxy-v2-ssl-cn
max-reuse
max-reuse x
max-reuse -1
max-reuse -2
max-reuse 0
tcp-ut
tcp-ut 0
tcp-ut x
tcp-ut 5s
tcp-ut 30d
redir
redir http://a.b
ws
ws auto
ws h1
ws foo
proto
proto h1
proto foo
log-proto
log-proto legacy
log-proto octet-count
log-proto foo
non-stick stick
usesrc client
source
source 127.0.0.1
source 127.0.0.1:100-200
source 127.0.0.1:200-100
source 127.0.0.1 usesrc
source 127.0.0.1 usesrc foo
source 127.0.0.1 usesrc 1.2.3.4:44
source 127.0.0.1 usesrc 1.2.3.4:44-55
source 127.0.0.1 usesrc client
source 127.0.0.1 usesrc clientip
source 127.0.0.1 usesrc hdr_ip
source 127.0.0.1 usesrc hdr_ip(
source 127.0.0.1 usesrc hdr_ip()
source 127.0.0.1 usesrc hdr_ip(x-f)
source 127.0.0.1 usesrc hdr_ip(x-f,1)
source 127.0.0.1 usesrc hdr_ip(x-f,0)
source 127.0.0.1 usesrc hdr_ip(x-f,-3)
source 127.0.0.1 interface
source 127.0.0.1 interface lo
source 127.0.0.1 interface lo usesrc client
source 127.0.0.1:5 usesrc client interface lo check
source 127.0.0.1 usesrc clientip foo
source [::1] check
""".strip().splitlines()
BIND = """
mss
mss 0
mss 1
mss x
mss 70000
mss -70000
mss -500
tcp-ut
tcp-ut 0
tcp-ut x
tcp-ut 5s
tcp-ut 30d
level
level foo
level admin
severity-output
severity-output foo
severity-output number
proto
proto h1
proto foo
""".strip().splitlines()
PROXY = """
persist
persist foo
persist rdp-cookie
persist rdp-cookie(
persist rdp-cookie()
persist rdp-cookie(foo
persist rdp-cookie(foo)
persist rdp-cookie(foo)x
persist rdp-cookie bar
persist rdp-cookiex
persist rdp-cookie(foo) bar
no persist rdp-cookie
max-keep-alive-queue
max-keep-alive-queue x
max-keep-alive-queue -5
max-keep-alive-queue 1 2
max-session-srv-conns
max-session-srv-conns -5
max-session-srv-conns 1 2
option prefer-last-server
option prefer-last-server x
no option prefer-last-server
dynamic-cookie-key
dynamic-cookie-key ""
dynamic-cookie-key a b
cookie SRV dynamic
clitcpka-cnt
clitcpka-cnt x
clitcpka-cnt -1
clitcpka-cnt 5
clitcpka-cnt 5 6
clitcpka-idle
clitcpka-idle x
clitcpka-idle 5
clitcpka-idle 5m
clitcpka-intvl 5x
clitcpka-intvl 5000000d
srvtcpka-cnt 5
srvtcpka-idle 10s
srvtcpka-intvl 500ms
source
source 127.0.0.1:5-6
source 127.0.0.1 usesrc client
source 127.0.0.1 usesrc
source 127.0.0.1 interface
source 127.0.0.1 interface lo
source 127.0.0.1 foo
source 127.0.0.1 usesrc hdr_ip(x,2)
source 127.0.0.1 usesrc clientip interface lo
""".strip().splitlines()
GLOBAL = """
default-path
default-path foo
default-path current
default-path current x
default-path config
default-path parent
default-path origin
default-path origin /nowhere
default-path origin /tmp
resetenv
resetenv A B
unsetenv
unsetenv A B
unsetenv A=
mworker-max-reloads 5
unix-bind
unix-bind foo
unix-bind prefix
unix-bind prefix /tmp
unix-bind mode 660 user nobody group nogroup uid 1 gid 2
unix-bind user foo
insecure-setuid-wanted
insecure-setuid-wanted x
no insecure-setuid-wanted
tune.idletimer
tune.idletimer x
tune.idletimer 65536
tune.idletimer 500ms
tune.idletimer 0
maxconnrate
maxconnrate 5
maxconnrate 0
maxconnrate 5 6
maxsessrate 5
maxsessrate -5
maxsslrate
maxsslrate 5
maxsslrate -5
maxsslrate 5 6
maxcomprate
maxcomprate 5
maxcomprate 5 6
pp2-never-send-local
pp2-never-send-local x
cluster-secret x
""".strip().splitlines()
# haproxy says more of these, or prints an empty message beside its own.
LOOSE = re.compile(r"usesrc|mworker-max-reloads|default-path origin /nowhere|interface$")


def _messages(text: str) -> list[str]:
    """Those of severity ALERT, without severity, pid and place."""
    lines = [line for line in text.splitlines() if line.startswith("[ALERT]")]
    lines = [line for line in lines if not re.search("Fatal errors|Error.s. found in", line)]
    return [re.sub(r"^\[ALERT\] *\(\d+\) : config : (parsin\w* )?\[[^]]*\] ?: ", "", line).rstrip(".") for line in lines]


def _same(tmp_path: Path, line: str, text: str) -> None:
    path = tmp_path / "t.cfg"
    path.write_text(text.replace("LINE", line))
    command = [*command_of("haproxy"), "-c", "-f", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    model, diagnostics = load([str(path)], environment={})
    ours = _messages("\n".join(one.render(pid=1).splitlines()[0] for one in diagnostics))
    assert (model is None) is (theirs.returncode == 1), (ours, theirs.stderr)
    if not LOOSE.search(line):
        assert ours == _messages(theirs.stderr)


BASE = "defaults\n    mode http\n    timeout client 2s\n    timeout server 2s\n    timeout connect 2s\n"


@pytest.mark.parametrize("line", SERVER)
def test_server(tmp_path, line):
    _same(tmp_path, line, f"{BASE}listen l\n    bind 127.0.0.1:1\n    server s 127.0.0.1:2 LINE\n")


@pytest.mark.parametrize("line", BIND)
def test_bind(tmp_path, line):
    _same(tmp_path, line, f"{BASE}listen l\n    bind 127.0.0.1:1 LINE\n    server s 127.0.0.1:2\n")


@pytest.mark.parametrize("line", PROXY)
def test_proxy(tmp_path, line):
    _same(tmp_path, line, f"{BASE}listen l\n    bind 127.0.0.1:1\n    LINE\n    server s 127.0.0.1:2\n")


@pytest.mark.parametrize("line", GLOBAL)
def test_global(tmp_path, line):
    _same(tmp_path, line, f"global\n    LINE\n{BASE}listen l\n    bind 127.0.0.1:1\n    server s 127.0.0.1:2\n")
