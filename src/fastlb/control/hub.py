"""All parts of the control process in one place, for those that need several of them (commands, statistics).

Knows which parts there are. Must not know how any of them works, nor the event loop's life (app does).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastlb.compile.routes import Routes
from fastlb.config import model
from fastlb.control import ports
from fastlb.control.checks.agent import Agents
from fastlb.control.checks.scheduler import CheckScheduler
from fastlb.control.contents import SharedContents
from fastlb.control.directory import Directory
from fastlb.control.dynamic_servers import DynamicServers
from fastlb.control.logs.journal import Journal
from fastlb.control.master import MasterChannel
from fastlb.control.messages import MessageHub
from fastlb.control.resolvers.lookup import Lookups
from fastlb.control.resolvers.service import ResolverService
from fastlb.control.servers import Servers
from fastlb.control.tls.certificates import Certificates


def clock_ms() -> int:
    """CLOCK_MONOTONIC in milliseconds: the arena's clock."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Control:
    """hard_maxconn: the program's maxconn as it was started with, which `set maxconn global` cannot pass.

    startup_logs: what the program said on stderr until this process was born.
    """

    configuration: model.Configuration
    program: ports.Program
    snapshot: ports.Snapshot
    directory: Directory
    journal: Journal
    servers: Servers
    checks: CheckScheduler
    agents: Agents
    messages: MessageHub
    master: MasterChannel
    hard_maxconn: int
    routes: Routes
    resolvers: ResolverService
    lookups: Lookups
    certificates: Certificates
    tables: ports.StickTables | None = None
    contents: SharedContents | None = None
    dynamic_servers: DynamicServers | None = None
    startup_logs: str = ""
