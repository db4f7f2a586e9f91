"""What the whole program reports of itself: the lines of `show info`, and the summary on the statistics page.

Knows HAProxy's names, order, positions and tags of the lines that mean something here. Must not know how they are shown.
Positions are those of HAProxy's typed format, so that a reader by position is not misled by lines that are left out.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from fastlb.control import ports
from fastlb.control.hub import Control, clock_ms
from fastlb.control.version import RELEASE_DATE, VERSION


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a line may need, read once."""

    control: Control
    globals: ports.Globals
    workers: list[ports.WorkerState]
    frontends: list[ports.Counters]
    now_ms: int

    @property
    def uptime_s(self) -> int:
        return max(0, self.now_ms - self.globals.start_ms) // 1000

    @property
    def fd_limit(self) -> int:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    @property
    def idle_percent(self) -> int:
        window = sum(worker.window_ns for worker in self.workers)
        return min(100, sum(worker.idle_ns for worker in self.workers) * 100 // window) if window else 100

    @property
    def n_listeners(self) -> int:
        proxies = self.control.directory.proxies
        return sum(len(proxy.listeners) for proxy in proxies) + len(self.control.configuration.global_.stats_sockets)

    @property
    def is_stopping(self) -> bool:
        return any(worker.state == ports.WORKER_STOPPING for worker in self.workers)


class Line(NamedTuple):
    """One line: position in HAProxy's list, name, tags, kind, what it is, how its value is found."""

    position: int
    name: str
    tags: str
    kind: str
    help: str
    value: Callable[[Process], int | str]


def read(control: Control) -> Process:
    """The program as it is now."""
    snapshot = control.snapshot
    frontends = [snapshot.counters("frontend", proxy.index) for proxy in control.directory.proxies if proxy.is_frontend]
    return Process(control, snapshot.globals(), list(snapshot.workers()), frontends, clock_ms())


def uptime_text(seconds: int) -> str:
    """0d 0h00m36s, as HAProxy writes it."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h{minutes:02d}m{seconds:02d}s"


def node(process: Process) -> str:
    return process.control.configuration.global_.node or socket.gethostname()


def _sum(field: str) -> Callable[[Process], int]:
    """Adds a gauge or counter of the workers up."""
    return lambda process: sum(getattr(worker, field) for worker in process.workers)


def _over_frontends(field: str) -> Callable[[Process], int]:
    return lambda process: sum(getattr(counters, field) for counters in process.frontends)


LINES: tuple[Line, ...] = (
    Line(0, "Name", "POS", "str", "name of the program", lambda p: "fastlb"),
    Line(1, "Version", "POS", "str", "its version", lambda p: VERSION),
    Line(2, "Release_date", "POS", "str", "date of its code", lambda p: RELEASE_DATE),
    Line(3, "Nbthread", "CGS", "u32", "number of workers", lambda p: p.globals.n_workers),
    Line(4, "Nbproc", "CGS", "u32", "always 1", lambda p: 1),
    Line(5, "Process_num", "KGP", "u32", "always 1", lambda p: 1),
    Line(6, "Pid", "SGP", "u32", "process id of the master", lambda p: p.globals.master_pid),
    Line(7, "Uptime", "MDP", "str", "time since the start", lambda p: uptime_text(p.uptime_s)),
    Line(8, "Uptime_sec", "MDP", "u32", "seconds since the start", lambda p: p.uptime_s),
    Line(9, "Memmax_MB", "CLP", "u32", "limit of memory in MB, 0 for none", lambda p: 0),
    Line(10, "PoolAlloc_MB", "MGP", "u32", "memory held in buffers, MB", lambda p: _sum("pool_bytes")(p) >> 20),
    Line(11, "PoolUsed_MB", "MGP", "u32", "the same: buffers are given back at once", lambda p: _sum("pool_bytes")(p) >> 20),
    Line(13, "Ulimit-n", "CLP", "u32", "limit of file descriptors of a process", lambda p: p.fd_limit),
    Line(14, "Maxsock", "CLP", "u32", "limit of sockets of a process", lambda p: p.fd_limit),
    Line(15, "Maxconn", "CLP", "u32", "limit of connections now", lambda p: p.globals.maxconn),
    Line(16, "Hard_maxconn", "CLP", "u32", "limit of connections at the start", lambda p: p.control.hard_maxconn),
    Line(17, "CurrConns", "MGP", "u32", "connections of clients now", lambda p: p.globals.n_conns),
    Line(18, "CumConns", "MCP", "u32", "connections of clients since the start", lambda p: p.globals.cum_conns),
    Line(19, "CumReq", "MCP", "u32", "requests since the start", _over_frontends("cum_req")),
    Line(24, "PipesUsed", "MGP", "u32", "pipes in use for splicing", _sum("n_pipes")),
    Line(26, "ConnRate", "MRP", "u32", "connections over the last second", _over_frontends("conn_rate")),
    Line(27, "ConnRateLimit", "CLP", "u32", "limit of connections a second, 0 for none", lambda p: p.globals.limits.conn_rate),
    Line(28, "MaxConnRate", "MMP", "u32", "highest of the frontends' connection rates", lambda p: _highest(p, "conn_rate_max")),
    Line(29, "SessRate", "MRP", "u32", "sessions over the last second", _over_frontends("sess_rate")),
    Line(30, "SessRateLimit", "CLP", "u32", "limit of sessions a second, 0 for none", lambda p: p.globals.limits.sess_rate),
    Line(31, "MaxSessRate", "MRP", "u32", "highest of the frontends' session rates", lambda p: _highest(p, "sess_rate_max")),
    Line(32, "SslRate", "MRP", "u32", "TLS sessions of clients over the last second", lambda p: p.globals.tls_rate),
    Line(33, "SslRateLimit", "CLP", "u32", "limit of TLS sessions a second, 0 for none", lambda p: p.globals.limits.tls_rate),
    Line(34, "MaxSslRate", "MMP", "u32", "highest rate of TLS sessions", lambda p: p.globals.tls_rate_max),
    Line(42, "CompressBpsIn", "MRP", "u32", "bytes into compression over the last second", lambda p: p.globals.comp_in_rate),
    Line(43, "CompressBpsOut", "MRP", "u32", "bytes out of it", lambda p: p.globals.comp_out_rate),
    Line(44, "CompressBpsRateLim", "CLP", "u32", "limit of bytes into it, 0 for none", lambda p: p.globals.limits.comp_rate),
    Line(47, "Tasks", "MGP", "u32", "streams and checks alive", lambda p: _sum("n_streams")(p) + p.control.checks.n_running),
    Line(49, "Idle_pct", "MaP", "u32", "share of the last moment that workers slept", lambda p: p.idle_percent),
    Line(50, "node", "COS", "str", "name of this node", node),
    Line(52, "Stopping", "MGP", "u32", "1 during a soft stop", lambda p: int(p.is_stopping)),
    Line(53, "Jobs", "MGP", "u32", "connections and listeners", lambda p: p.globals.n_conns + p.n_listeners),
    Line(55, "Listeners", "MGP", "u32", "listening sockets by address", lambda p: p.n_listeners),
    Line(58, "DroppedLogs", "MGP", "u32", "log lines that nobody took", lambda p: _dropped(p)),
    Line(61, "TotalBytesOut", "MGP", "u64", "bytes sent to clients since the start", _over_frontends("bytes_out")),
    Line(66, "Build info", "POS", "str", "version of the build", lambda p: VERSION),
    Line(67, "Memmax_bytes", "CLP", "u32", "limit of memory in bytes, 0 for none", lambda p: 0),
    Line(68, "PoolAlloc_bytes", "MGP", "u64", "memory held in buffers", _sum("pool_bytes")),
    Line(69, "PoolUsed_bytes", "MGP", "u64", "the same: buffers are given back at once", _sum("pool_bytes")),
    Line(70, "Start_time_sec", "MDP", "u32", "when it started, seconds of the epoch", lambda p: p.globals.start_real_ms // 1000),
)


def _highest(process: Process, field: str) -> int:
    return max((int(getattr(counters, field)) for counters in process.frontends), default=0)


def _dropped(process: Process) -> int:
    return sum(worker.log_dropped for worker in process.workers) + process.control.journal.sender.dropped
