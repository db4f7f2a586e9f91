"""Names of servers, asked for while the program runs: after each change of the zone haproxy's lines and states are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.dns_server import NameServer
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

APP, SERVICE, H1, H2 = ("app.test", "A"), ("_http._tcp.test", "SRV"), ("h1.test", "A"), ("h2.test", "A")
CONFIG = (
    """
    log {log} local0
resolvers r
    nameserver ns1 {ns}
    hold nx 50ms
    hold refused 50ms
    hold other 50ms
    hold timeout 30s
    timeout resolve 100ms
    timeout retry 1s
    resolve_retries 1
"""
    + HTTP
    + """
    log global
    default-server resolvers r init-addr none
listen fe
    bind fd@fe
    server s1 app.test:8001
    server s2 app.test:8001
    server s3 app.test:8001 resolve-opts allow-dup-ip
    server n1 app.test:8002 resolve-net 127.0.0.9/32 resolve-opts allow-dup-ip
backend services
    server-template t 3 _http._tcp.test
"""
)
Change = Callable[[NameServer], None]
STEPS: list[tuple[str, Change]] = [
    ("start", lambda ns: None),
    ("another address", lambda ns: ns.zone.update({APP: ["127.0.0.3", "127.0.0.9"]})),
    ("one left", lambda ns: ns.zone.update({APP: ["127.0.0.3"]})),
    ("a record less", lambda ns: ns.zone.update({SERVICE: ["10 65535 8005 h1.test."]})),
    ("refused", lambda ns: setattr(ns, "fails", "REFUSED")),
    ("back from refusal", lambda ns: setattr(ns, "fails", "")),
    ("an error", lambda ns: setattr(ns, "fails", "SERVFAIL")),
    ("back from the error", lambda ns: setattr(ns, "fails", "")),
    ("gone", lambda ns: ns.zone.clear()),
]
# Enough for each name to be asked several times over, and what hangs on their answers.
ENOUGH = 30


class Run:
    """One program with a name server of its own."""

    def __init__(self, program: str) -> None:
        self.ns = NameServer(
            {APP: ["127.0.0.2", "127.0.0.3"], SERVICE: ["10 512 8005 h1.test.", "10 0 8006 h2.test."], H1: ["127.0.0.4"]}
            | {H2: ["127.0.0.5"]}
        )
        self.log = Syslog()
        self.proxy = Proxy(program, CONFIG.replace("{log}", str(self.log)).replace("{ns}", str(self.ns)))

    def after(self, change: Change) -> tuple[list[str], list[tuple[str, ...]]]:
        """What the program logs and what its servers are, once it has asked often enough since the change."""
        change(self.ns)
        asked = len(self.ns.asked)
        poll(lambda: len(self.ns.asked) >= asked + ENOUGH, "questions")
        lines = [line.decode().strip().split(": ", 1)[1] for line in self.log.datagrams]
        self.log.datagrams.clear()
        return sorted(lines), [
            self.state(line.split()) for line in self.proxy.command("show servers state").splitlines()[2:] if line
        ]

    @staticmethod
    def state(words: list[str]) -> tuple[str, ...]:
        """Name, address, operational state, maintenance for want of an address, weights; the port of those with an address."""
        has_address = words[4] != "-"
        return (
            *words[3:6],
            str(int(words[6]) & 32),
            *words[7:9],
            words[17] if has_address else "",
            words[18] if has_address else "",
        )

    def close(self) -> None:
        self.proxy.finish()
        self.ns.close()
        self.log.close()


@pytest.fixture
def runs() -> Iterator[tuple[Run, Run]]:
    with both_programs(Run) as made:
        yield made


def test_servers_follow_their_names_as_in_haproxy(runs: tuple[Run, Run]) -> None:
    fails = False
    for what, change in STEPS:
        with ThreadPoolExecutor(2) as threads:
            theirs, ours = threads.map(lambda run, change=change: run.after(change), runs)  # type: ignore[misc]
        # The order of the names is the order of their questions.
        fails = fails or what == "refused"
        assert tally(ours[0], fails) == tally(theirs[0], fails), what
        assert [state for state in ours[1] if not (fails and state[0][0] == "t")] == [
            state for state in theirs[1] if not (fails and state[0][0] == "t")
        ], what


def tally(lines: list[str], fails: bool) -> list[str]:
    """The lines without the counts of servers that are left, which hang on the order.

    haproxy: after a failure it gives records to the last servers first; fastlb's keep theirs, so that those lines are left out.
    """
    return sorted(line.split(". ")[0] for line in lines if not (fails and "services" in line))
