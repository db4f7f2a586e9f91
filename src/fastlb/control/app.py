"""The control process: all parts on one uvloop loop, from the start to SIGTERM.

Knows which parts there are, in which order they start, and signals. Must not know what any of them does. A part that
fails to start is told and left out: the others serve on (DESIGN.md, section 2).
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import uvloop
from fastlb_core.bridge.contents import Contents

from fastlb.compile.routes import Routes
from fastlb.config import model
from fastlb.control import ports
from fastlb.control.audience import Audience
from fastlb.control.checks.agent import Agents
from fastlb.control.checks.observed import Observer
from fastlb.control.checks.scheduler import CheckScheduler
from fastlb.control.contents import SharedContents
from fastlb.control.directory import Directory, LiveServer
from fastlb.control.dynamic_servers import DynamicServers, join
from fastlb.control.hub import Control, clock_ms
from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import Journal
from fastlb.control.logs.rings import Rings
from fastlb.control.logs.sender import Sender
from fastlb.control.master import MasterChannel
from fastlb.control.messages import MessageHub
from fastlb.control.resolvers.lookup import Lookups
from fastlb.control.resolvers.service import ResolverService
from fastlb.control.roster import Roster
from fastlb.control.runtime.service import RuntimeService
from fastlb.control.servers import Servers
from fastlb.control.stats.service import StatsService
from fastlb.control.tls.certificates import Certificates


@dataclass(slots=True)
class ControlContext:
    """What the master hands over after the fork.

    message_listener, service_listener: listening unix sockets, for the workers' messages and for internal HTTP.
    runtime_listeners: one listening socket per `stats socket` line. master_channel: a connected socket; its end of file
    says that the master is gone. is_quiet: nothing on standard error. ring_sockets: where workers' lines for rings come
    from. observed_fd: the workers' eventfd for `observe`. exposed: what `_getsocks` hands out, with the sockets' interfaces.
    console_listener: for commands that come through the master. roster: the servers that commands have added and removed.
    """

    configuration: model.Configuration
    program: ports.Program
    snapshot: ports.Snapshot
    message_listener: socket.socket
    service_listener: socket.socket
    runtime_listeners: list[tuple[model.StatsSocket, socket.socket]]
    master_channel: socket.socket
    is_quiet: bool = False
    observed_fd: int = -1
    tables: ports.StickTables | None = None
    contents: Contents | None = None
    ring_sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    exposed: list[tuple[socket.socket, str]] = field(default_factory=list)
    console_listener: socket.socket | None = None
    roster: Roster | None = None
    startup_logs: str = ""


def run(context: ControlContext) -> int:
    """The life of the control process. Blocks until SIGTERM or the end of the master; returns its exit status."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(context))


def build(context: ControlContext, loop: asyncio.AbstractEventLoop) -> Control:
    """The parts, made but not started."""
    snapshot = context.snapshot
    state = snapshot.globals()
    directory = Directory(context.configuration, context.program)
    if context.roster is not None:
        join(context.configuration, directory, context.roster)
    rings = Rings(context.configuration.rings.values(), context.ring_sockets)
    journal = Journal(context.configuration, state.master_pid, is_quiet=context.is_quiet, sender=Sender(rings))
    servers = Servers(directory, snapshot, journal, clock_ms)
    messages = MessageHub(context.message_listener, lambda: [worker.pid for worker in snapshot.workers()])
    resolvers = ResolverService(context.configuration, directory, servers, journal, clock_ms)
    lookups = Lookups(resolvers.sections, clock_ms)
    messages.on_questions = lookups.ask
    shared = None
    if context.contents is not None:
        shared = SharedContents(context.contents, context.contents.program.variables, messages)
    certificates = Certificates(context.configuration, directory, messages)
    master = MasterChannel(context.master_channel, journal)
    checks = CheckScheduler(loop, servers, context.configuration.global_.spread_checks)
    agents = Agents(loop, servers, context.configuration.global_.spread_checks)
    dynamic_servers = None
    if context.roster is not None:
        dynamic_servers = DynamicServers(
            context.configuration, directory, servers, context.roster, messages, master, certificates
        )
        dynamic_servers.followers = [checks, agents, resolvers, certificates]
    messages.audience = Audience(shared, certificates, dynamic_servers)
    return Control(
        configuration=context.configuration,
        program=context.program,
        snapshot=snapshot,
        directory=directory,
        journal=journal,
        servers=servers,
        checks=checks,
        agents=agents,
        messages=messages,
        master=master,
        hard_maxconn=context.configuration.global_.maxconn or state.maxconn,
        routes=Routes(context.configuration),
        resolvers=resolvers,
        lookups=lookups,
        tables=context.tables,
        contents=shared,
        certificates=certificates,
        dynamic_servers=dynamic_servers,
        startup_logs=context.startup_logs,
    )


async def _serve(context: ControlContext) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    # SIGINT reaches the whole terminal's group and SIGUSR1 is the master's business: it ends this process when it is time.
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    control = build(context, loop)
    loop.set_exception_handler(lambda _loop, details: _report(control, str(details.get("message")), details.get("exception")))
    control.servers.on_killed = _ender_of_streams(control, loop)
    runtime = RuntimeService(control, context.runtime_listeners, context.exposed, context.console_listener)
    stats = StatsService(control, context.service_listener)
    rings = control.journal.sender.rings
    await _start(control, "rings", _called(rings.start))
    await _start(control, "messages", control.messages.start)
    if control.dynamic_servers is not None:
        await _start(control, "dynamic servers", control.dynamic_servers.settle)
    await _start(control, "runtime socket", _called(runtime.start))
    await _start(control, "statistics", stats.start)
    await _start(control, "checks", _called(control.checks.start))
    await _start(control, "resolvers", _called(control.resolvers.start))
    await _start(control, "agents", _called(control.agents.start))
    observer = Observer(loop, control.servers, control.checks, context.observed_fd)
    await _start(control, "observe", _called(observer.start))
    if control.dynamic_servers is not None:
        control.dynamic_servers.followers.append(observer)
    ticker = loop.create_task(_tick(control))
    control.master.start(loop, over.set, runtime.stop_exposing, lambda: _retire(control, runtime))
    # What was built until now lives as long as the process: keep the collector from walking through it.
    gc.collect()
    gc.freeze()
    await over.wait()
    ticker.cancel()
    control.checks.stop()
    observer.stop()
    await control.resolvers.stop()
    await control.lookups.stop()
    control.agents.stop()
    runtime.stop()
    await stats.stop()
    await control.messages.stop()
    await rings.stop()
    control.journal.sender.close()
    return 0


def _ender_of_streams(control: Control, loop: asyncio.AbstractEventLoop) -> Callable[[LiveServer], None]:
    """Asks all workers to end the streams of a server, without waiting for them."""
    asked: set[asyncio.Task[object]] = set()  # a task that nobody holds may be collected before it is done

    def end_streams(server: LiveServer) -> None:
        task: asyncio.Task[object] = loop.create_task(control.messages.broadcast("shut-server-sessions", server=server.index))
        asked.add(task)
        task.add_done_callback(asked.discard)

    return end_streams


def _retire(control: Control, runtime: RuntimeService) -> None:
    """The next generation serves: it has the runtime sockets and the word. This one's checks go on for its last requests."""
    runtime.stop_accepting()
    control.journal.silence()


def _called(function: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        function()

    return call


async def _start(control: Control, name: str, start: Callable[[], Awaitable[None]]) -> None:
    try:
        await start()
    except Exception as error:
        _report(control, f"{name} could not be started", error)


async def _tick(control: Control) -> None:
    """Once a second: slowstart ramps and the highest rates. A failure is told and does not end the ticking."""
    while True:
        await asyncio.sleep(1)
        try:
            control.servers.tick()
            control.snapshot.sample_rates()
        except Exception as error:
            _report(control, "tick", error)


def _report(control: Control, what: str, error: BaseException | None) -> None:
    """A part failed: an operator must know, whatever it was; the others go on."""
    detail = f": {type(error).__name__}: {error}" if error is not None else ""
    message = f"control: {what}{detail}".replace("\n", " ")
    control.journal.terminal("alert", message)
    control.journal.program(fmt.ALERT, message)
