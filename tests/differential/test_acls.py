"""Conditions of every kind on messages of every kind: those that hold are those that hold in haproxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.acl_cases import ANSWERS, BYTES, LIST, MAP, PREDEFINED, REQUEST, REQUESTS, RESPONSE, SECURE
from support.certificates import self_signed
from support.fetch_cases import HELLO, SNI, hello, rdp_request
from support.origin import Origin, by_request, reply
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.secure import SecureClient
from support.syslog import Syslog
from support.wire import Wire

FIRST_BYTES = (
    b"abc\r\n", b"\3abc\r\n", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH\r\n", rdp_request("Cookie: mstshash=user\r\n"),
    rdp_request("Cookie: msts=1.2.3\r\n"),
    HELLO, hello(SNI, version=b"\x03\x03"), b"\0" * 20,
)  # fmt: skip


def noted(keyword: str, variable: str, conditions: list[str], files: Path) -> str:
    """Rules that note the number of each condition that holds."""
    text = ""
    for number, condition in enumerate(conditions):
        tested = condition if condition in PREDEFINED else f"{{ {condition} }}"
        text += f"    {keyword} set-var-fmt({variable}) '%[var({variable})].{number}' if {tested}\n"
    return text.replace("{list}", str(files / "list")).replace("{map}", str(files / "map"))


class Run:
    """One program with its origin and the lines that it logs."""

    def __init__(self, program: str, files: Path) -> None:
        self.answer: tuple[str, ...] = ()
        self.origin = Origin(by_request(lambda request: reply(b"ok", headers=self.answer)))
        self.log = Syslog()
        self.proxy = Proxy(program, self._config(files))

    def _config(self, files: Path) -> str:
        hits = "%[var(txn.hits)] %[var(txn.tls)] %[var(txn.res)]"
        return (
            "userlist ul\n    group admins users bob\n    user bob insecure-password secret\n"
            f"{HTTP}frontend fe\n    bind fd@fe\n    bind fd@tls ssl crt {files}/a.pem\n"
            f"{noted('http-request', 'txn.hits', REQUEST, files)}{noted('http-request', 'txn.tls', SECURE, files)}"
            f"{noted('http-response', 'txn.res', RESPONSE, files)}"
            f"    http-after-response set-header X-Hits '{hits}'\n    default_backend be\n"
            f"backend be\n    server s {self.origin}\n"
            f"frontend tcp\n    bind fd@tcp\n    mode tcp\n    log {self.log} len 20000 local0\n"
            "    tcp-request inspect-delay 200ms\n"
            f"{noted('tcp-request content', 'txn.hits', BYTES, files)}    tcp-request content reject\n"
            "    log-format 'hits %[var(txn.hits)]'\n"
        )

    def hits(self, client: Wire, request: str) -> list[str]:
        """The numbers of the conditions that hold: on the request, on the TLS connection, on the answer."""
        client.send(f"{request}\r\n".encode())
        return (client.read_response(request.split(" ")[0]).get("x-hits") or "").split(" ")

    def hits_of_bytes(self, data: bytes) -> str:
        before = len(self.log.lines)
        client = self.proxy.client("tcp")
        client.send(data)
        client.read_to_end()
        client.close()
        poll(lambda: len(self.log.lines) > before, "the log line")
        return self.log.lines[-1].rpartition("hits ")[2].strip().removeprefix("-")

    def close(self) -> None:
        self.proxy.finish()
        self.origin.close()
        self.log.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run]]:
    files = tmp_path_factory.mktemp("acls")
    (files / "list").write_text(LIST)
    (files / "map").write_text(MAP)
    self_signed("a.test").write(files / "a.pem")
    with both_programs(lambda program: Run(program, files)) as made:
        yield made


def told(numbers: str, conditions: list[str]) -> list[str]:
    return [conditions[int(number)] for number in numbers.split(".") if number]


@pytest.mark.parametrize("request_text", REQUESTS, ids=range(len(REQUESTS)))
def test_conditions_on_a_request_hold_as_in_haproxy(runs, request_text):
    theirs, ours = (told(run.hits(run.proxy.client(), request_text)[0], REQUEST) for run in runs)
    assert theirs
    assert ours == theirs


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_conditions_on_an_answer_hold_as_in_haproxy(runs, answer):
    found = []
    for run in runs:
        run.answer = answer
        found.append(told(run.hits(run.proxy.client(), REQUESTS[0])[2], RESPONSE))
    assert found[0]
    assert found[1] == found[0]


@pytest.mark.parametrize("name", ["a.test", "b.TEST", None])
def test_conditions_on_a_server_name_hold_as_in_haproxy(runs, name):
    theirs, ours = (
        told(run.hits(SecureClient(run.proxy.addresses["tls"], name), REQUESTS[0])[1], SECURE) for run in runs
    )
    assert bool(theirs) == bool(name)
    assert ours == theirs


@pytest.mark.parametrize("data", FIRST_BYTES, ids=range(len(FIRST_BYTES)))
def test_conditions_on_the_first_bytes_hold_as_in_haproxy(runs, data):
    # haproxy: rules in front of one that waits run again when it goes on.
    theirs, ours = (set(told(run.hits_of_bytes(data), BYTES)) for run in runs)
    assert ours == theirs


def test_some_bytes_meet_each_condition(runs):
    held = {condition for data in FIRST_BYTES for condition in told(runs[0].hits_of_bytes(data), BYTES)}
    assert set(BYTES) - held == {"req_ssl_ver lt 3.1", "req.ssl_ver 3.1"}
