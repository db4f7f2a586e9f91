"""The same statement, once for fastlb and once for Debian's `haproxy -c`: both take it or both refuse it.

Only statements that are the same in 2.6 and 3.x stand here; what fastlb deliberately does otherwise is in cases/.
"""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastlb.config import load

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"

GLOBAL = """
maxconn 100
maxconn
maxconn 1 2
maxconn -5
maxconn 5x
ulimit-n 0
daemon
daemon x
nbthread 1
nbthread 65
nbthread
user root
user no-such-user
group no-such-group
uid 0
pidfile /tmp/p
pidfile
pidfile a b
chroot
log 127.0.0.1 local0
log 127.0.0.1:514 len 1024 format rfc5424 local0 info err
log 127.0.0.1
log 127.0.0.1 local8
log 127.0.0.1 local0 loud
log 127.0.0.1 local0 info err crit
log 127.0.0.1 len 79 local0
log 127.0.0.1 format nice local0
log 127.0.0.1 sample 1:10 local0
log 127.0.0.1 sample x local0
log /dev/log local0
log stdout format raw local0
log nosuch.invalid local0
log
log-tag x
log-tag
log-send-hostname
log-send-hostname x
stats socket /tmp/s.sock mode 600 level admin
stats socket /tmp/s.sock level boss
stats socket /tmp/s.sock mode 8
stats socket
stats socket 127.0.0.1
stats socket /tmp/s.sock nosuch
stats socket /tmp/s.sock user no-such-user
stats socket /tmp/s.sock expose-fd listeners
stats timeout 10s
stats timeout 10y
stats maxconn 5
stats maxconn 0
stats nosuch
stats
hard-stop-after 10s
hard-stop-after
hard-stop-after x
tune.bufsize 16384
tune.bufsize 0
tune.http.maxhdr 100
tune.http.maxhdr 0
tune.maxrewrite 1024
spread-checks 5
spread-checks 51
setenv A b
setenv A
presetenv A b
description a b
node x
node a b
nosuchkeyword
bind :80
no log
no maxconn 5
no strict-limits
"""

FRONTEND = """
bind :80
bind :80,:81
bind :8000-8010
bind :8010-8000
bind
bind 127.0.0.1
bind :0
bind :70000
bind 127.0.0.1:+80
bind [::1]:80
bind ::1:80
bind ipv4@:80
bind ipv6@:80
bind tcp@:80
bind stream+ipv4@:80
bind udp@:80
bind unix@/tmp/x
bind /tmp/x
bind abns@x
bind fd@x
bind fd@99
bind nosuch.invalid:80
bind :80 name x
bind :80 name
bind :80 nosuch
bind :80 id 5
bind :80 id 0
bind :80 id x
bind :80 mode 660
bind :80 mode 9
bind :80 maxconn 5
bind :80 maxconn -1
bind :80 backlog 5
bind :80 interface lo
bind :80 interface
bind :80 v4v6
bind :80 accept-proxy
bind :80 user no-such-user
default_backend be
default_backend nosuch
default_backend
default_backend be x
maxconn 5
maxconn
backlog 5
backlog
monitor-uri /x
monitor-uri
monitor-uri /x y
mode http
mode tcp x
mode nosuch
timeout client 5s
timeout client
timeout client 5s 6s
timeout client 5x
timeout client 25d
timeout nosuch 5s
timeout
option dontlognull
option dontlognull x
option httplog
option httplog x
option tcplog
option nosuch
option
no option dontlognull
no option httplog
no option nosuch
no bind :82
option forwardfor
option forwardfor except 10.0.0.0/8
option forwardfor except 10.0.0.0/99
option forwardfor except
option forwardfor header X
option forwardfor header
option forwardfor if-none
option forwardfor nosuch
server s 10.0.0.1:80
balance roundrobin
retries 5
timeout server 5s
errorfile 503 /nosuch/file
errorfile 503
errorfile 777 /dev/null
errorfile 503 /dev/null
errorloc 503 /x
errorloc 503
errorloc 777 /x
id 7
id 0
id
disabled
disabled x
description x y
description
log global
log global x
log nosuch
no log
no log x
log-tag
stats enable
stats nosuch
stats
stats uri
stats uri /x
stats realm
stats auth a:b
stats refresh 5s
stats refresh x
stats scope .
stats admin
stats admin if TRUE
stats hide-version
contimeout 5
reqadd x
nosuchkeyword
timeout client 5sec
"""

BACKEND = """
server s 10.0.0.1:80
server s 10.0.0.1
server s
server s/t 10.0.0.1:80
server s 10.0.0.1:80-81
server s 10.0.0.1:70000
server s 10.0.0.1:+5
server s 10.0.0.1:x
server s nosuch.invalid:80
server s nosuch.invalid:80 init-addr none
server s nosuch.invalid:80 init-addr last
server s 10.0.0.1:80 init-addr nosuch
server s fd@3
server s /tmp/x
server s [::1]:80
server s 10.0.0.1:80 check
server s 10.0.0.1 check
server s 10.0.0.1 check port 80
server s 10.0.0.1:80 chek
server s 10.0.0.1:80 weight 256
server s 10.0.0.1:80 weight 257
server s 10.0.0.1:80 weight -1
server s 10.0.0.1:80 inter 2s
server s 10.0.0.1:80 inter 0
server s 10.0.0.1:80 inter x
server s 10.0.0.1:80 inter
server s 10.0.0.1:80 rise 1
server s 10.0.0.1:80 rise 0
server s 10.0.0.1:80 fall
server s 10.0.0.1:80 maxconn 5
server s 10.0.0.1:80 backup
server s 10.0.0.1:80 disabled
server s 10.0.0.1:80 id 5
server s 10.0.0.1:80 id 0
server s 10.0.0.1:80 addr 10.0.0.2
server s 10.0.0.1:80 addr nosuch.invalid
server s 10.0.0.1:80 slowstart 5s
server s 10.0.0.1:80 check observe layer4 error-limit 3 on-error mark-down
server s 10.0.0.1:80 check observe layer7
server s 10.0.0.1:80 check observe none
server s 10.0.0.1:80 check observe layer5
server s 10.0.0.1:80 check observe
server s 10.0.0.1:80 error-limit 0
server s 10.0.0.1:80 error-limit 3x
server s 10.0.0.1:80 on-error boom
server s 10.0.0.1:80 track
server s 10.0.0.1:80 track s
server s 10.0.0.1:80 track x/y
server s 10.0.0.1:80 check track s
server s 10.0.0.1:80 slowstart x
server s 10.0.0.1:80 send-proxy
server s 10.0.0.1:80 agent-check
server s 10.0.0.1:80 agent-check agent-port 0
server s 10.0.0.1:80 agent-check agent-port 81
server s 10.0.0.1:80 agent-port
server s 10.0.0.1:80 agent-check agent-port 81 agent-inter 0
server s 10.0.0.1:80 agent-check agent-port 81 agent-inter 5s agent-send x agent-addr 10.0.0.2
server s 10.0.0.1:80 agent-check agent-port 81 agent-addr 10.0.0.2:80
server s 10.0.0.1:80 agent-check no-agent-check
server s 10.0.0.1:80 agent-send
server s 10.0.0.1:80 source 10.0.0.9
server s 10.0.0.1:80 source
server s 10.0.0.1:80 pool-max-conn -1
server s 10.0.0.1:80 pool-max-conn -2
server s "$NOSUCHVARIABLE"
default-server inter 5s
default-server
default-server nosuch
default-server 10.0.0.1:80
default-server id 5
balance roundrobin
balance static-rr
balance leastconn
balance first
balance source
balance
balance nosuch
retries 3
retries
retries 3 4
option redispatch
option redispatch 3
option httpchk
option httpchk /x
option httpchk GET /x
option httpchk GET /x HTTP/1.1
option httpchk GET /x HTTP/1.1 x
option tcp-check
option tcp-check x
option mysql-check
option mysql-check user
option mysql-check user joe
option mysql-check user joe post-41
option mysql-check user joe pre-41
option mysql-check user joe other
option mysql-check joe
option pgsql-check
option pgsql-check user
option pgsql-check user joe
option redis-check
option redis-check x
option smtpchk
option smtpchk HELO
option smtpchk EHLO a.test
option ldap-check
option ldap-check x
option ssl-hello-chk
option external-check x
external-check
external-check command
external-check command /bin/true
external-check command /bin/true x
external-check path /bin
external-check path
external-check foo
option external-check
tcp-check
tcp-check foo
tcp-check connect
tcp-check connect port 0
tcp-check connect port 80
tcp-check connect port 65536
tcp-check connect port foo
tcp-check connect port var(check.p)
tcp-check connect addr 127.0.0.1
tcp-check connect addr 127.0.0.1:80
tcp-check connect addr
tcp-check connect foo
tcp-check connect default linger send-proxy comment x
tcp-check send
tcp-check send x
tcp-check send x y
tcp-check send x comment
tcp-check send x comment y
tcp-check send-lf %[int(4)]
tcp-check send-lf %[nosuch]
tcp-check send-binary 0
tcp-check send-binary 00
tcp-check send-binary 0x
tcp-check send-binary-lf 00%[int(1)]
tcp-check expect
tcp-check expect string
tcp-check expect string x
tcp-check expect ! string x
tcp-check expect !string x
tcp-check expect rstring ^x
tcp-check expect binary 0
tcp-check expect binary 00
tcp-check expect rbinary ^00
tcp-check expect string-lf %[int(1)]
tcp-check expect binary-lf 0%[int(1)]
tcp-check expect status 200
tcp-check expect min-recv 3 string x
tcp-check expect min-recv -1 string x
tcp-check expect min-recv -2 string x
tcp-check expect ok-status L7OK string x
tcp-check expect ok-status L7RSP string x
tcp-check expect error-status L7STS string x
tcp-check expect error-status L7OK string x
tcp-check expect tout-status L6TOUT string x
tcp-check expect tout-status L7OK string x
tcp-check expect on-success foo on-error bar string x
tcp-check expect status-code int(1) string x
tcp-check expect status-code nosuch string x
tcp-check expect string x comment y
tcp-check comment
tcp-check comment x
tcp-check comment x y
tcp-check set-var(check.x) int(1)
tcp-check set-var(proc.x) int(1)
tcp-check set-var(sess.x) int(1)
tcp-check set-var(check.x)
tcp-check set-var-fmt(check.x) a%[int(1)]
tcp-check unset-var(check.x)
tcp-check set-var(check.x,ifnotexists) int(1)
http-check
http-check foo
http-check connect
http-check disable-on-404
http-check disable-on-404 x
http-check send-state
http-check send-state x
http-check send
http-check send meth
http-check send meth GET uri / ver HTTP/1.1 hdr Host x body y
http-check send uri-lf /%[int(1)] body-lf %[int(2)]
http-check send hdr Host
http-check send ver HTTP/3
http-check send ver foo
http-check send foo
http-check expect
http-check expect status
http-check expect status 200
http-check expect status 200,300-310
http-check expect status 2xx
http-check expect status 310-300
http-check expect rstatus ^2
http-check expect ! rstatus ^5
http-check expect string x
http-check expect binary 00
http-check expect hdr
http-check expect hdr name
http-check expect hdr name x
http-check expect hdr name x value
http-check expect hdr name x value y
http-check expect hdr name -m beg x value -m reg ^y
http-check expect hdr name -m foo x
http-check expect hdr name-lf -m reg x
http-check expect hdr value x
http-check expect fhdr name x value-lf %[int(1)]
http-check comment x
http-check set-var(check.x) int(1)
http-check expect string x string y
option log-health-checks
no option redispatch
http-reuse always
http-reuse nosuch
http-reuse
fullconn 5
source 10.0.0.1
source
timeout connect 5s
timeout queue 5s
timeout check x
stick-table type ip size 10k expire 30s store gpc0,conn_rate(10s)
stick-table type string len 5 size 10 nopurge store gpc(2),gpt(2),gpc_rate(2,1s),
stick-table type binary len 0 size 10
stick-table size 10
stick-table type ip
stick-table type ip size 10x
stick-table type ip size 5g
stick-table type ip size 10 expire 30d
stick-table type ip size 10 store conn_rate
stick-table type ip size 10 store gpc(0)
stick-table type ip size 10 store gpc0,gpc(2)
stick-table type ip size 10 store gpc0,gpc0
stick-table type ip size 10 srvkey x
bind :80
maxconn 5
option dontlognull
cookie
"""

SKELETON = """global
{0}defaults
 timeout connect 1s
 timeout server 1s
 timeout client 1s
frontend fe
 bind :65000
{1}backend be
{2}"""


def configurations(section: str) -> list[tuple[str, str]]:
    statements = {"global": GLOBAL, "frontend": FRONTEND, "backend": BACKEND}[section].strip().split("\n")
    place = ("global", "frontend", "backend").index(section)
    return [(line, SKELETON.format(*(f" {line}\n" if at == place else "" for at in range(3)))) for line in statements]


def verdict_of_haproxy(path: Path) -> bool:
    return subprocess.run([HAPROXY, "-c", "-f", path], capture_output=True, timeout=60, check=False).returncode in (0, 2)


@pytest.mark.parametrize("section", ["global", "frontend", "backend"])
def test_statements_are_taken_or_refused_as_haproxy_does(section: str, tmp_path: Path) -> None:
    cases = configurations(section)
    paths = [tmp_path / f"{number}.cfg" for number in range(len(cases))]
    for path, (_, text) in zip(paths, cases, strict=True):
        path.write_text(text)
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(verdict_of_haproxy, paths))
    ours = [load([str(path)])[0] is not None for path in paths]
    differing = [f"{line!r}: haproxy {h}, fastlb {f}" for (line, _), h, f in zip(cases, theirs, ours, strict=True) if h != f]
    assert differing == []
