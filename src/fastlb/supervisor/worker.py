"""A worker process from the fork to its end.

Knows what it must let go of and in which order it gives up its rights, and the few messages that control may send it. All
work is done by the engine, with the GIL released; Python runs again only for a message.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from fastlb.control.changes import of_variable, raw, text
from fastlb.control.roster import Roster
from fastlb.supervisor import kernel, limits
from fastlb.supervisor.generation import Generation
from fastlb.supervisor.privileges import PrivilegeError, drop
from fastlb.supervisor.renewed import Renewed
from fastlb.supervisor.replica import Replica


def run_worker(generation: Generation, index: int) -> int:
    """The life of worker `index`; returns its exit status: 0 once it was told to stop and did."""
    master_pid = os.getppid()
    # The engine's module was imported by the master: a fork shares it.
    from fastlb_core.bridge.contents import Contents
    from fastlb_core.bridge.engine import Engine
    from fastlb_core.bridge.renewal import Renewal

    # A SIGTERM to the whole group or control group, as systemd and timeout(1) send it, is the master's to act on: it lets the
    # workers write their last log lines, and kills them if they do not end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    close_foreign(generation, index)
    if not settle(generation, master_pid):
        return 1
    messages = Messages(index, lambda frontend: generation.listeners.shut(frontend, index))
    address = generation.message_address
    engine = Engine(generation.program, index, address, messages, messages.first, messages.changed, messages.asked)
    replica = Replica(index, Contents(generation.program), engine.set_variable, engine.variable)
    messages.serve(engine, replica, Renewed(Renewal(generation.program)), generation.roster)
    return int(engine.run())


def close_foreign(generation: Generation, index: int) -> None:
    """Closes what belongs to the other workers and to control, so that their death closes it for good."""
    for listener in generation.listeners.listeners:
        if not listener.is_shared:
            for i, sock in enumerate(listener.sockets):
                if i != index:
                    sock.close()
    for _, sock in generation.listeners.runtime:
        sock.close()
    generation.message_listener.close()
    generation.service_listener.close()
    generation.rings.close_control_ends()
    if generation.console_listener is not None:
        generation.console_listener.close()
    for i, fd in enumerate(generation.wake_fds):
        if i != index:
            os.close(fd)
    if generation.channel is not None:
        generation.channel.close()


def settle(generation: Generation, master_pid: int) -> bool:
    """Environment, limits, privileges, and the wish to die with the master. False, after an alert, where the system refuses."""
    # Not in the master: the next configuration begins with what it was started with.
    for name, value in generation.configuration.global_.environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    limits.keep_to(generation.n_fds)
    try:
        drop(generation.identity)
    except PrivilegeError as error:
        sys.stderr.write(f"[ALERT]    ({os.getpid()}) : [fastlb.main()] {error}\n")
        return False
    kernel.die_with_parent(signal.SIGKILL)
    # The master may have died before the line above: then nobody would tell us.
    return os.getppid() == master_pid


class Messages:
    """What this worker and control say to each other (control/messages.py has the form): a request {"id", "command",
    "arguments"} gets the same `id` with a `result`, or with an `error` text; one without an id gets no answer.

    The engine calls it between two turns of its loop, so every command must be short. shut_listeners: gives this worker's sockets
    of a frontend back.
    """

    def __init__(self, index: int, shut_listeners: Callable[[str], None]) -> None:
        self._index = index
        self._shut = shut_listeners
        self._engine: Any = None
        self._replica: Any = None
        self._renewed: Any = None
        self._roster: Any = None
        self._commands: dict[str, Callable[..., dict[str, Any]]] = {
            "answer": self._answer,
            "apply": self._apply,
            "bad-messages": self._bad_messages,
            "contents": self._contents,
            "ping": self._ping,
            "sessions": self._sessions,
            "shut-listeners": self._shut_listeners,
            "shut-server-sessions": self._shut_server_sessions,
            "shut-session": self._shut_session,
            "stats": self._stats,
            "variable": self._variable,
        }

    def serve(self, engine: Any, replica: Replica, renewed: Renewed, roster: Roster | None = None) -> None:
        """What to work on; before the engine runs."""
        self._engine, self._replica, self._renewed, self._roster = engine, replica, renewed, roster
        self._commands |= {
            "server-add": self._server_add,
            "server-leave": self._server_leave,
            "server-remove": self._server_remove,
            "servers": self._servers,
            "tls-forget": renewed.forget,
            "tls-journal": renewed.journal,
            "tls-make": renewed.make,
            "tls-switch": renewed.switch,
        }

    def first(self) -> list[bytes]:
        """The first frames of a connection to control."""
        touched = {"contents": self._replica.is_touched, "certificates": self._renewed.has_changed}
        hello = {"hello": self._index, "pid": os.getpid(), "touched": touched}
        return [_payload(hello), *(_payload({"changes": changes}) for changes in self._replica.unanswered())]

    def changed(self, log: bytes) -> bytes:
        """The frame that tells control what rules have changed."""
        return _payload({"changes": self._replica.log(log)})

    def asked(self, log: bytes) -> bytes:
        """The frame that asks control what rules have asked."""
        # Imported with the engine, before the fork.
        from fastlb_core.bridge.contents import read_questions

        questions = [[number, text(resolvers), family, text(name)] for number, resolvers, family, name in read_questions(log)]
        return _payload({"questions": questions})

    def __call__(self, frame: bytes) -> bytes:
        number: object = None
        try:
            request = json.loads(frame)
            number = request.get("id")
            answer = {"id": number, "result": self._commands[request["command"]](**request.get("arguments", {}))}
        except KeyError as error:
            answer = {"id": number, "error": f"unknown command {error}"}
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            # A worker must outlive whatever control sends.
            answer = {"id": number, "error": f"{type(error).__name__}: {error}"}
        return b"" if number is None else _payload(answer)

    def _ping(self) -> dict[str, Any]:
        return {"pid": os.getpid()}

    def _stats(self) -> dict[str, Any]:
        """What the engine holds now: connections, streams, buffers, pipes."""
        return dict(self._engine.stats())

    def _sessions(self, start: int, most: int) -> dict[str, Any]:
        return {"sessions": self._engine.sessions(start, most)}

    def _bad_messages(self, start: int, most: int) -> dict[str, Any]:
        messages, seen = self._engine.bad_messages(start, most)
        return {"messages": messages, "seen": seen}

    def _shut_listeners(self, frontend: str) -> dict[str, Any]:
        self._shut(frontend)
        return {}

    def _shut_session(self, id: int) -> dict[str, Any]:
        return {"ended": self._engine.shut_session(id)}

    def _shut_server_sessions(self, server: int) -> dict[str, Any]:
        return {"ended": self._engine.shut_server_sessions(server)}

    def _server_add(self, record: str) -> dict[str, Any]:
        """A server that a command has added; a second time it does nothing."""
        self._roster.add(record)
        self._engine.know_servers()
        return {}

    def _server_leave(self, server: int) -> dict[str, Any]:
        """Closes what is idle; how many streams use the server."""
        return {"busy": self._engine.leave_server(server)}

    def _server_remove(self, server: int) -> dict[str, Any]:
        """Forgets a server, unless streams use it: then they are ended, and it is asked again."""
        busy = self._engine.leave_server(server)
        if busy:
            self._engine.shut_server_sessions(server)
        else:
            self._roster.remove(server)
            self._renewed.forget_server(server)
        return {"busy": busy}

    def _servers(self, roster: str) -> dict[str, Any]:
        """All that control knows, after the connection to it was lost."""
        for server in self._roster.become(roster):
            self._renewed.forget_server(server)
        self._engine.know_servers()
        return {}

    def _answer(self, question: int, address: str) -> dict[str, Any]:
        self._engine.answer(question, raw(address))
        return {}

    def _apply(self, changes: list[Any], origin: int | None = None) -> dict[str, Any]:
        self._replica.apply(changes, origin)
        return {}

    def _contents(self) -> dict[str, Any]:
        return {"changes": self._replica.dump()}

    def _variable(self, slot: int) -> dict[str, Any]:
        return {"change": of_variable(slot, self._engine.variable(slot))}


def _payload(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
