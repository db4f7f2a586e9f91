"""`fastlb ha check`: is the proxy on this host well? For keepalived's vrrp_script, which asks every second.

Knows the runtime socket's prompt and the lines of `show health`. It must start in a few milliseconds, so it imports nothing but
what the interpreter holds already: no argparse, no socket module, no enum (tests/unit/cli/test_ha_check.py).
"""

from __future__ import annotations

import _socket
import sys
import time

_DEFAULT_SOCKET = "/run/fastlb/admin.sock"
_END = b"\n> "  # the prompt behind each answer
_TICK_S = 0.14  # between two questions while it holds on
_USAGE = """\
usage: fastlb ha check [--socket PATH] [--timeout S] [--hold S] [--frontend NAME]* [--backend NAME]* [--backends]

Asks fastlb's runtime socket: it answers, the workers live, the frontends listen.
  --socket PATH    the runtime socket (default: /run/fastlb/admin.sock)
  --timeout S      longest wait for an answer (default: 0.5)
  --hold S         go on asking for so long, and end with 1 the moment something is wrong
  --frontend NAME  only this frontend must listen; may be repeated
  --backend NAME   this backend must have a server that is up; may be repeated
  --backends       every backend that has servers must have one that is up

exit status: 0 well, 1 not well (one line says why), 2 the command line is wrong
"""


class NotWell(Exception):
    """The proxy does not serve; the message says why."""


class Wanted:
    """What has to be well. socket: path. timeout_s, hold_s: seconds. frontends: names, all where there is none.

    backends: names of those that must have a server. has_all_backends: all of them must.
    """

    def __init__(self) -> None:
        self.socket = _DEFAULT_SOCKET
        self.timeout_s = 0.5
        self.hold_s = 0.0
        self.frontends: list[str] = []
        self.backends: list[str] = []
        self.has_all_backends = False


def run(words: list[str]) -> int:
    """Does what `words` (behind `fastlb ha check`) ask for; returns the exit status. Blocks for --hold and a --timeout."""
    if "-h" in words or "--help" in words:
        sys.stdout.write(_USAGE)
        return 0
    try:
        wanted = _parse(words)
    except ValueError as error:
        sys.stderr.write(f"fastlb ha check: {error}\n{_USAGE}")
        return 2
    try:
        summary = check(wanted)
    except NotWell as reason:
        sys.stderr.write(f"fastlb ha check: {reason}\n")
        return 1
    sys.stdout.write(f"well: {summary}\n")
    return 0


def _parse(words: list[str]) -> Wanted:
    """Raises ValueError with a message."""
    wanted = Wanted()
    rest = list(words)
    while rest:
        flag, _, value = rest.pop(0).partition("=")
        if flag == "--backends":
            wanted.has_all_backends = True
            continue
        if flag not in ("--socket", "--timeout", "--hold", "--frontend", "--backend"):
            raise ValueError(f"'{flag}' is not known")
        if not value:
            if not rest:
                raise ValueError(f"{flag} needs a value")
            value = rest.pop(0)
        if flag == "--socket":
            wanted.socket = value
        elif flag == "--frontend":
            wanted.frontends.append(value)
        elif flag == "--backend":
            wanted.backends.append(value)
        else:
            setattr(wanted, f"{flag[2:]}_s", _seconds(flag, value))
    return wanted


def _seconds(flag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 60:
        raise ValueError(f"{flag} {text}: a number of seconds up to 60 is expected")
    return value


def check(wanted: Wanted) -> str:
    """A summary where all is well, for all of `hold_s`; raises NotWell."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.settimeout(wanted.timeout_s)
        sock.connect(wanted.socket)
        _ask(sock, b"prompt\n")
        return _watch(sock, wanted)
    except TimeoutError:
        raise NotWell(f"no answer from {wanted.socket} within {wanted.timeout_s:g} s") from None
    except OSError as error:
        raise NotWell(f"{wanted.socket}: {error.strerror or error}") from None
    finally:
        sock.close()


def _watch(sock: _socket.socket, wanted: Wanted) -> str:
    end = time.monotonic() + wanted.hold_s
    earlier = ""
    while True:
        answer = _ask(sock, b"show health\n")
        reason = fault(answer, wanted)
        # A worker that died is replaced at once: that is no reason for a move. Twice in a row is one.
        if reason and earlier:
            raise NotWell(reason)
        earlier = reason
        if not reason and time.monotonic() + _TICK_S > end:
            lines = [line.split(" ")[0] for line in answer.splitlines()]
            return f"{lines.count('worker')} workers live, {lines.count('frontend')} frontends listen"
        _rest(sock, wanted.timeout_s)


def _rest(sock: _socket.socket, timeout_s: float) -> None:
    """Waits for the next question, or for the end of the proxy: it closes the connection. Raises NotWell then."""
    sock.settimeout(_TICK_S)
    try:
        if not sock.recv(1):
            raise NotWell("the proxy closed the connection")
    except TimeoutError:
        pass
    finally:
        sock.settimeout(timeout_s)


def fault(answer: str, wanted: Wanted) -> str:
    """The first thing in an answer to `show health` that is not as wanted, "" where there is none."""
    states: dict[tuple[str, str], str] = {}
    for line in answer.splitlines():
        words = line.split(" ")
        if len(words) == 3:
            states[words[0], words[1]] = words[2]
    if not any(kind == "worker" for kind, _ in states):
        return f"the runtime socket does not know 'show health': {answer.strip().splitlines()[:1]}"
    for (kind, name), state in states.items():
        if kind == "worker" and state != "up":
            return f"worker {name} is {state}"
        if kind == "frontend" and state != "open" and (not wanted.frontends or name in wanted.frontends):
            return f"frontend {name} is {state}"
        if kind == "backend" and state == "0" and (wanted.has_all_backends or name in wanted.backends):
            return f"backend {name} has no server that is up"
    for kind, names in (("frontend", wanted.frontends), ("backend", wanted.backends)):
        for name in names:
            if (kind, name) not in states:
                return f"there is no {kind} {name}"
    return ""


def _ask(sock: _socket.socket, command: bytes) -> str:
    """The answer without the prompt behind it; raises OSError, TimeoutError among them, and NotWell at the stream's end."""
    sock.sendall(command)
    received = b""
    while not received.endswith(_END):
        data = sock.recv(65536)
        if not data:
            raise NotWell("the proxy closed the connection")
        received += data
    return received[: -len(_END)].decode("utf-8", "replace")
