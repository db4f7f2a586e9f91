"""`fastlb ha drill`: a failover tried together with the operator, and what it cost a client.

Knows how to ask a site every few milliseconds and what to say at each step. It breaks nothing itself: the operator does, so it
may run on any host, best on one beside the clients.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import http.client
import math
import signal
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastlb.cli.ha_status import StatusError, read

_GRACE_S = 3.0
_LAST = 100  # requests to look back on
_STEPS = (
    (
        "The proxy dies.",
        "on the master: systemctl kill -s KILL fastlb",
        "systemd starts it again a second later; then it is master again.",
    ),
    ("keepalived is stopped.", "on the master: systemctl stop keepalived", "The backup holds the address until you start it."),
    ("The master comes back.", "on the master: systemctl start keepalived", "After a good second it takes the address back."),
    ("The proxy hangs.", "on the master: systemctl kill -s STOP fastlb", "`fastlb ha check` finds that out."),
    ("The proxy goes on.", "on the master: systemctl kill -s CONT fastlb", "The master takes the address back."),
    (
        "The cable is pulled.",
        "on the master: pull it, or ip link set eth0 down",
        "Not over an ssh connection through that cable.",
    ),
    ("The cable is back.", "on the master: plug it in, or ip link set eth0 up", "The master takes the address back."),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step cost. outage_ms: from the first failed request's start to that of the next good one; 0 where none failed."""

    n_requests: int
    n_failed: int
    outage_ms: float
    slowest_ms: float
    ends_well: bool

    def __str__(self) -> str:
        end = "" if self.ends_well else "; it does NOT answer at the end"
        return (
            f"{self.n_requests} requests, {self.n_failed} failed, longest outage {self.outage_ms:.0f} ms,"
            f" slowest answer {self.slowest_ms:.0f} ms{end}"
        )


class Probe:
    """Asks `url` on a connection of its own every `interval_s` seconds, in threads, until `stop`."""

    def __init__(self, url: str, interval_s: float, timeout_s: float) -> None:
        parts = urllib.parse.urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._target = parts.path or "/"
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._is_over = threading.Event()
        self._answers: list[tuple[float, float, bool]] = []  # start, end, whether it was answered
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Cost:
        """Ends it and sums up; goes on for a little where the last request had no answer, so that the outage has an end."""
        self._is_over.set()
        self._thread.join()
        return cost(self._answers)

    def _run(self) -> None:
        """Starts a request at every tick, whether those before were answered or not: a short outage is seen as short."""
        due, give_up_at = time.monotonic(), math.inf
        with concurrent.futures.ThreadPoolExecutor(math.ceil(self._timeout_s / self._interval_s) + 2) as pool:
            while time.monotonic() < give_up_at:
                if self._is_over.wait(max(0.0, due - time.monotonic())):
                    give_up_at = min(give_up_at, time.monotonic() + _GRACE_S)
                    over_at = give_up_at - _GRACE_S
                    if any(is_answered and start >= over_at for start, _, is_answered in self._answers[-_LAST:]):
                        break
                    time.sleep(max(0.0, due - time.monotonic()))
                pool.submit(self._note)
                due = max(due + self._interval_s, time.monotonic())

    def _note(self) -> None:
        start = time.monotonic()
        is_answered = self.ask()
        self._answers.append((start, time.monotonic(), is_answered))

    def ask(self) -> bool:
        """One request; an answer below 500 counts."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request("GET", self._target, headers={"Connection": "close"})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def cost(answers: list[tuple[float, float, bool]]) -> Cost:
    """Sums up (start, end, whether it was answered), in any order."""
    longest, failed_since = 0.0, None
    in_order = sorted(answers)
    for start, end, is_answered in in_order:
        if not is_answered:
            failed_since = start if failed_since is None else failed_since
            if start == in_order[-1][0]:
                longest = max(longest, end - failed_since)
        elif failed_since is not None:
            longest = max(longest, start - failed_since)
            failed_since = None
    slowest = max((end - start for start, end, is_answered in answers if is_answered), default=0.0)
    n_failed = sum(not is_answered for _, _, is_answered in answers)
    return Cost(len(answers), n_failed, longest * 1000, slowest * 1000, bool(in_order) and in_order[-1][2])


def run(words: list[str]) -> int:
    """Does what `words` ask for; 0, or 1 where the site did not answer at some step's end."""
    parser = argparse.ArgumentParser("fastlb ha drill", description="A failover, tried together with you, and what it cost.")
    parser.add_argument("url", nargs="?", default="", help="what to ask: http://192.168.1.200/ (default: the shared address)")
    parser.add_argument("--file", default="/etc/keepalived/keepalived.conf", help="where the shared address is found")
    parser.add_argument("--interval", type=float, default=20.0, metavar="MS", help="between two requests (default: 20)")
    parser.add_argument("--timeout", type=float, default=500.0, metavar="MS", help="for an answer (default: 500)")
    parser.add_argument(
        "--watch", type=float, default=0.0, metavar="S", help="no questions: watch for so many seconds, then tell"
    )
    options = parser.parse_args(words)
    try:
        url = options.url or f"http://{read(Path(options.file)).vips[0]}/"
    except StatusError as error:
        parser.error(f"{error}; or say what to ask: fastlb ha drill http://192.168.1.200/")
    if not url.startswith("http://") or not urllib.parse.urlsplit(url).hostname:
        parser.error(f"{url}: an address that begins with http:// is needed")
    if options.interval < 1 or options.timeout < 1:
        parser.error("--interval and --timeout are milliseconds, 1 at least")

    def probe() -> Probe:
        return Probe(url, options.interval / 1000, options.timeout / 1000)

    if options.watch > 0:
        return _watch(url, probe, options.watch)
    return _guide(url, probe)


def _watch(url: str, probe: Callable[[], Probe], duration_s: float) -> int:
    # Blocked before the probe's threads begin: a signal that one of them took would wake nobody.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    watching = probe()
    print(f"Asking {url} for {duration_s:g} s; Ctrl-C ends it sooner.", flush=True)
    signal.sigtimedwait((signal.SIGINT,), duration_s)
    total = watching.stop()
    print(total)
    return 0 if total.ends_well else 1


def _guide(url: str, probe: Callable[[], Probe]) -> int:
    print(f"This asks {url} all the time while you break things on the master, and tells what a client noticed.\n")
    costs: list[tuple[str, Cost]] = []
    for number, (what, command, remark) in enumerate(_STEPS, 1):
        print(f"{number}. {what} {remark}\n   {command}")
        answer = _question("   Enter: begin to watch, s: skip, q: end > ")
        if answer == "q":
            break
        if answer == "s":
            continue
        watching = probe()
        _question("   Watching. Do it now, wait a few seconds, then Enter > ")
        costs.append((what, watching.stop()))
        print(f"   {costs[-1][1]}\n", flush=True)
    print("\nWhat it cost:" if costs else "\nNothing was tried.")
    for what, one in costs:
        print(f"   {what:<26}{one}")
    return 0 if all(one.ends_well for _, one in costs) else 1


def _question(text: str) -> str:
    """What the operator types, lower case; "q" at the end of the input."""
    sys.stdout.write(text)
    sys.stdout.flush()
    line = sys.stdin.readline()
    return line.strip().lower() if line else "q"
