"""`fastlb reload`: asks a running master to load its configuration anew, and tells what came of it.

Knows how the master is found (-p, --pid, $MAINPID) and that the one that answers must be that process. Must not know what a
reload does.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys

from fastlb.control.peer import peer_of
from fastlb.supervisor.console import private_name

OK, REFUSED, UNREACHABLE = 0, 1, 2
_EXAMPLES = """
  fastlb reload -p /run/fastlb.pid
  fastlb reload                       in a systemd unit: ExecReload=fastlb reload

exit status: 0 the new configuration serves, 1 it was refused and the old one serves on, 2 there is nobody to ask
"""


def run(words: list[str]) -> int:
    """Does what `words` (behind `fastlb reload`) ask for; returns the exit status."""
    options = _parser().parse_args(words)
    try:
        pid = _pid(options)
        answer = _ask(pid, options.timeout)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"fastlb reload: {error}\n")
        return UNREACHABLE
    head, _, logs = answer.partition("\n--\n")
    if head == "Success=1":
        sys.stdout.write(logs.rstrip("\n") + "\n")
        return OK
    sys.stderr.write((logs.rstrip("\n") or "fastlb reload: the master ended without an answer") + "\n")
    return REFUSED


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "fastlb reload",
        description="Loads the configuration of a running fastlb -W (or -Ws) anew, and says what changes or why it is refused.",
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("-p", "--pidfile", default="", metavar="FILE", help="the file that has the master's pid")
    who.add_argument("--pid", type=int, default=0, help="the master's pid (default: $MAINPID)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="how long to wait (default: 60)")
    return parser


def _pid(options: argparse.Namespace) -> int:
    """The master's pid. Raises OSError or ValueError, in words for the user."""
    text = str(options.pid or os.environ.get("MAINPID", ""))
    if options.pidfile:
        with open(options.pidfile) as stream:
            text = stream.read(32).strip()
    if not text:
        raise ValueError("whom? -p FILE or --pid PID tells the master")
    if not text.isascii() or not text.isdecimal() or int(text) <= 0:
        raise ValueError(f"'{text}' is no pid")
    return int(text)


def _ask(pid: int, timeout_s: float) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(timeout_s)
        try:
            link.connect(private_name(pid))
        except ConnectionRefusedError:
            raise ValueError(f"process {pid} is no fastlb in the master-worker mode (-W), or still starts") from None
        # Anybody may listen under that name: only the process itself is believed.
        peer = peer_of(link).pid
        if peer != pid:
            raise ValueError(f"process {peer} answers in the place of {pid}")
        link.sendall(b"reload\n")
        answer = bytearray()
        while data := link.recv(65536):
            answer += data
    if not answer:
        raise ValueError(f"process {pid} gave no answer: it takes orders from root and its own user only, or it has ended")
    return answer.decode("utf-8", "replace")
