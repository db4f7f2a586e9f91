"""HAProxy's keywords that fastlb does not do yet, and those that it can leave undone without harm.

Each name is a row, so that a file which uses it gets an answer at its line: an error for what would change behaviour, a
warning (or nothing, for lines that stand in every file) for what would not. A keyword that is implemented moves to its
family's table.
"""

from __future__ import annotations

from ..values import names
from .row import IGNORED, UNSUPPORTED, GlobalKeyword, ProxyKeyword
from .since import since

_INTERNAL = "it tunes an internal of HAProxy that fastlb does not have"

# --- global ---

_GLOBAL_NOT_YET = names("""
51degrees-allow-unmatched 51degrees-cache-size 51degrees-data-file 51degrees-difference 51degrees-drift
51degrees-property-name-list 51degrees-property-separator 51degrees-use-performance-graph 51degrees-use-predictive-graph
deviceatlas-json-file deviceatlas-log-level deviceatlas-properties-cookie deviceatlas-separator
lua-load lua-load-per-thread lua-prepend-path
dns-accept-family stats-file wurfl-cache-size wurfl-data-file wurfl-information-list wurfl-information-list-separator
""")
_TUNING_NOT_YET = names("""
tune.fail-alloc
""")
_DEBUGGING_NOT_YET = ["force-cfg-parser-pause"]

_INTERNALS = names("""
tune.applet.zero-copy-forwarding tune.buffers.limit tune.buffers.reserve tune.bufsize.large tune.bufsize.small tune.chksize
tune.cli.max-payload-size tune.defaults.purge tune.disable-fast-forward tune.disable-zero-copy-forwarding
tune.epoll.mask-events tune.events.max-events-at-once tune.fd.edge-triggered tune.fd.tables tune.glitches.kill.cpu-usage
tune.h1.be.glitches-threshold tune.h1.fe.glitches-threshold tune.h1.zero-copy-fwd-recv tune.h1.zero-copy-fwd-send
tune.h2.be.glitches-threshold tune.h2.be.initial-window-size tune.h2.be.max-concurrent-streams tune.h2.be.max-frames-at-once
tune.h2.be.rxbuf tune.h2.fe.glitches-threshold tune.h2.fe.initial-window-size tune.h2.fe.max-concurrent-streams
tune.h2.fe.max-frames-at-once tune.h2.fe.max-rst-at-once tune.h2.fe.max-total-streams tune.h2.fe.rxbuf
tune.h2.header-table-size tune.h2.initial-window-size tune.h2.log-errors tune.h2.max-concurrent-streams
tune.h2.max-frame-size tune.h2.zero-copy-fwd-send tune.idle-pool.shared tune.listener.default-shards
tune.listener.multi-queue tune.lua.bool-sample-conversion tune.lua.burst-timeout tune.lua.forced-yield tune.lua.log.loggers
tune.lua.log.stderr tune.lua.maxmem tune.lua.openlibs tune.lua.service-timeout tune.lua.session-timeout
tune.lua.task-timeout tune.max-checks-per-thread tune.max-rules-at-once tune.maxpollevents tune.memory.hot-size
tune.notsent-lowat.client tune.notsent-lowat.server tune.pattern.cache-size tune.peers.max-updates-at-once tune.pipesize
tune.pool-high-fd-ratio tune.pool-low-fd-ratio tune.pt.zero-copy-forwarding tune.quic.be.cc.cubic-min-losses
tune.quic.be.cc.hystart tune.quic.be.cc.max-frame-loss tune.quic.be.cc.max-win-size tune.quic.be.cc.reorder-ratio
tune.quic.be.max-idle-timeout tune.quic.be.sec.glitches-threshold tune.quic.be.stream.data-ratio
tune.quic.be.stream.max-concurrent tune.quic.be.stream.rxbuf tune.quic.be.tx.pacing tune.quic.be.tx.udp-gso
tune.quic.fe.cc.cubic-min-losses tune.quic.fe.cc.hystart tune.quic.fe.cc.max-frame-loss tune.quic.fe.cc.max-win-size
tune.quic.fe.cc.reorder-ratio tune.quic.fe.max-idle-timeout tune.quic.fe.sec.glitches-threshold
tune.quic.fe.sec.retry-threshold tune.quic.fe.sock-per-conn tune.quic.fe.stream.data-ratio
tune.quic.fe.stream.max-concurrent tune.quic.fe.stream.max-total tune.quic.fe.stream.rxbuf tune.quic.fe.tx.pacing
tune.quic.fe.tx.udp-gso tune.quic.listen tune.quic.mem.tx-max tune.quic.zero-copy-fwd-send tune.rcvbuf.backend
tune.rcvbuf.client tune.rcvbuf.frontend tune.rcvbuf.server tune.recv_enough tune.renice.runtime tune.renice.startup
tune.ring.queues tune.runqueue-depth tune.sched.low-latency tune.sndbuf.backend tune.sndbuf.client tune.sndbuf.frontend
tune.sndbuf.server tune.streams-elasticity tune.takeover-other-tg-connections tune.vars.check-max-size
tune.zlib.memlevel tune.zlib.windowsize busy-polling max-spread-checks maxpipes no-memory-trimming noepoll noevports
nogetaddrinfo nokqueue nopoll noreuseport nosplice
""")
_PROCESS_INTERNALS = names("""
cpu-affinity cpu-map cpu-policy cpu-set expose-deprecated-directives expose-experimental-directives
fd-hard-limit h2-workaround-bogus-websocket-clients harden.reject-privileged-ports.tcp harden.reject-privileged-ports.quic
limited-quic localpeer max-threads-per-group numa-cpu-mapping prealloc-fd set-dumpable shm-stats-file
shm-stats-file-max-objects strict-limits stress-level thread-group thread-groups thread-hard-limit profiling.memory
profiling.tasks debug.counters quiet warn-blocked-traffic-after httpclient.resolvers.disabled httpclient.resolvers.id
httpclient.resolvers.prefer httpclient.retries httpclient.ssl.ca-file httpclient.ssl.verify httpclient.timeout.connect
""")
# Lines that test suites and images put into every file, where a warning would only be noise (`-dW` makes it an error).
_QUIET = {
    "thread-groups",
    "expose-experimental-directives",
    "expose-deprecated-directives",
    "set-dumpable",
    "quiet",
}
_WITH_NO = {"busy-polling", "set-dumpable", "strict-limits", "numa-cpu-mapping"}


def _global(name: str, family: str) -> GlobalKeyword:
    return GlobalKeyword(name, family, "G", manual=_MANUAL[family], since=since(name), status=UNSUPPORTED)


def _ignored(name: str, family: str, note: str, quiet: bool = False) -> GlobalKeyword:
    return GlobalKeyword(
        name,
        family,
        "G",
        manual=_MANUAL[family],
        since=since(name),
        status=IGNORED,
        note=note,
        quiet=quiet or name in _QUIET,
        accepts_no=name in _WITH_NO,
    )


_MANUAL = {"process": "3.1", "tuning": "3.2", "debugging": "3.3"}

GLOBAL: tuple[GlobalKeyword, ...] = (
    *(_global(name, "process") for name in _GLOBAL_NOT_YET),
    *(_global(name, "tuning") for name in _TUNING_NOT_YET),
    *(_global(name, "debugging") for name in _DEBUGGING_NOT_YET),
    *(_ignored(name, "tuning", _INTERNAL) for name in _INTERNALS),
    *(_ignored(name, "process", _INTERNAL) for name in _PROCESS_INTERNALS),
    _ignored("close-spread-time", "process", "no idle connection is closed by a soft stop: each ends with its next request"),
)

# --- proxies: "name SECTIONS", one a line ---

_PROXY_NOT_YET = """
be-unpublished LB
crt FL
email-alert DFLB
filter-sequence FLB
force-be-switch FL
option spop-check DLB
quic-initial DFL
ssl-f-use FL
""".strip().splitlines()


def _proxy(line: str) -> ProxyKeyword:
    name, _, sections = line.rpartition(" ")
    family = name.split()[0] if " " in name else "proxy"
    return ProxyKeyword(
        name, family, sections, manual="4.2", since=since(name), status=UNSUPPORTED, accepts_no=family == "option"
    )


PROXY: tuple[ProxyKeyword, ...] = tuple(_proxy(line) for line in _PROXY_NOT_YET)
