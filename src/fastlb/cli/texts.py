"""The texts of -v, -vv and the usage.

Tools read the first line of -v ("HAProxy version X"), the TARGET, the feature list and the services of -vv; the words
after that say plainly that this is fastlb. Must not import compiled modules.
"""

from __future__ import annotations

import os
import platform
import ssl
import sys

from fastlb.config.conditions import FEATURES, MISSING_FEATURES
from fastlb.control.version import OWN_VERSION, RELEASE_DATE, VERSION

USAGE = """\
Usage : fastlb [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]
        [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]
        fastlb demo        three small servers, the proxy in front of them and its statistics page
        fastlb cert        makes, joins, shows and checks certificates
        fastlb deploy      the files around the proxy: service, account, logs, kernel, firewall, keepalived
        fastlb reload      loads the configuration of a running one anew, says what changes or why not
        fastlb ha          two proxies that share an address: init, check, status, drill
        -v shows the version ; -vv also what it was built with
        -d debug mode ; -db stays in the foreground
        -V verbose ; -q prints nothing
        -D goes to the background ; -C changes to <dir> before it reads files
        -W master-worker mode ; -Ws the same and tells systemd
        -c checks the configuration and exits ; --format json prints what it found as JSON
        -cc evaluates a condition and exits
        -n most connections in total ; -N default for each proxy ; -m most memory in MB, for each process
        -L name of the local peer (default: the host's name)
        -p file that gets the pid
        -de -dp -dS -dF -dG -dR switch off epoll, poll, splice, fast-forward, getaddrinfo, SO_REUSEPORT
        -dr starts although a server's address does not resolve ; -dV servers' certificates are not verified
        -dK{class[,...]} lists keywords ('help' for the classes) ; -dL lists loaded libraries
        -dW a warning is an error ; -dD also warns of what is only suspicious
        -dM -dI accepted, no effect
        -sf/-st [pid ]* tells old processes to finish, or to stop, once this one listens
        -x <unix_socket> gets listening sockets from a running process
        -S <bind>[,<bind options>...] the master's own runtime socket
"""


def version() -> str:
    """What -v prints."""
    system = os.uname()
    return (
        f"HAProxy version {VERSION} {RELEASE_DATE} - runs HAProxy configurations, is not HAProxy\n"
        f"This is fastlb {OWN_VERSION}, a load balancer of its own; the version above is the language it speaks.\n"
        f"Running on: {system.sysname} {system.release} {system.version} {system.machine}\n"
    )


def build() -> str:
    """What -vv prints below -v's text."""
    cpus = len(os.sched_getaffinity(0))
    return f"""\
Build options :
  TARGET  = linux-glibc
  CPU     = {platform.machine()}
  CC      = {platform.python_compiler()}
  PYTHON  = {sys.version.split()[0]}

Feature list : {" ".join(_features())}

Default settings :
  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200

One worker process per thread asked for (MAX_THREADS=64, default={cpus}).
Running on OpenSSL version : {ssl.OPENSSL_VERSION}

Available polling systems :
      epoll : pref=300,  test result OK
Total: 1 (1 usable), will use epoll.

Available multiplexer protocols :
  <default> : mode=HTTP  side=FE|BE  mux=H1
  <default> : mode=TCP   side=FE|BE  mux=PASS

Available services : none
Available filters : none
"""


def libraries() -> str:
    """What -dL prints: the files that this process has mapped, one a line."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if "/" in line}
    return "".join(f"{path}\n" for path in sorted(paths))


def _features() -> list[str]:
    """The words of the feature list: "+NAME" for what conditions find, "-NAME" for what they do not."""
    return [("+" if name in FEATURES else "-") + name for name in sorted(FEATURES | MISSING_FEATURES)]
