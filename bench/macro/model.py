"""The words of the macro benchmark: what a proxy is set up to do, what load it gets, what came out.

Plain data. Knows no process, no file and no configuration syntax.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["load", "idle", "startup"]
Sample = dict[str, float]
"""One measurement of one proxy by the name of the quantity; the unit is part of the name (`cpu_us`, `p99_us`, `wall_ms`)."""

MAIN_QUANTITY: dict[Kind, str] = {"load": "cpu_us", "idle": "bytes_per_conn", "startup": "wall_ms"}
"""What the ratio between two proxies is taken of."""


class BenchError(Exception):
    """Something the benchmark needs did not work; the message says what."""


@dataclass(frozen=True)
class Setup:
    """What every proxy is configured to do, in no proxy's syntax."""

    mode: Literal["http", "tcp"] = "http"
    close: bool = False
    """One request per connection on both sides."""
    log: bool = False
    """A line per request to the UDP sink."""
    rules: bool = False
    """20 ACLs and 10 rules that set or delete headers."""
    patterns: int = 0
    """So many strings in a list that the path is looked up in."""
    tls: bool = False
    """TLS to the clients, with a certificate of RSA 2048."""
    site: bool = False
    """What stands before a web site: a persistence cookie, health checks and a line per request."""
    splice: bool = False
    """Ask for splice where it is an option."""
    servers: int = 1
    """Servers of each backend, all at the origin's address."""
    backends: int = 1
    """Backends in the configuration; traffic goes to the first."""
    floor_mode: Literal["relay", "oneshot", "splice", ""] = "relay"
    """How the floor relay does this work; empty: it cannot."""


@dataclass(frozen=True)
class Load:
    """What is sent through the proxy."""

    tool: Literal["wrk", "load"] = "load"
    conns: int = 32
    active: int = 0
    """Requests out at a time, all connections in rotation; 0: one on each connection."""
    path: str = "/64"
    post_bytes: int = 0
    close: bool = False
    browser: bool = False
    """Requests of 13 headers instead of one (our own generator only)."""
    tls: bool = False
    """Our own generator only."""
    resume: bool = False
    """Each connection continues an earlier one's TLS session."""


@dataclass(frozen=True)
class Scenario:
    """One row of the benchmark."""

    name: str
    title: str
    unit: str = "request"
    units_per_request: int = 1
    """Units of work in one request, for work that is counted in MiB."""
    setup: Setup = field(default_factory=Setup)
    load: Load = field(default_factory=Load)
    kind: Kind = "load"
    group: str = ""


@dataclass
class Outcome:
    """Everything measured in one scenario, by the proxy's name."""

    scenario: Scenario
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    syscalls: dict[str, dict[str, float]] = field(default_factory=dict)
    """System calls per unit of work, by call, of the traced run."""
    failures: dict[str, str] = field(default_factory=dict)

    def median(self, proxy: str, quantity: str) -> float:
        """The median of a quantity over all samples of a proxy."""
        return statistics.median(sample[quantity] for sample in self.samples[proxy])

    def ratios(self, proxy: str, reference: str) -> list[float]:
        """The main quantity of `proxy` over that of `reference`, pair by pair; empty when one of them is missing."""
        quantity = MAIN_QUANTITY[self.scenario.kind]
        pairs = zip(self.samples.get(proxy, []), self.samples.get(reference, []), strict=False)
        return [ours[quantity] / theirs[quantity] for ours, theirs in pairs if theirs[quantity]]
