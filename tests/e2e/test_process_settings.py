"""Settings of `global` that show from outside: rates, statuses that count, rights, names of files, the end of old workers."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from support.certificates import self_signed
from support.origin import OriginConnection, named, reply
from support.poll import poll
from support.proxy import HTTP
from support.secure import SecureClient


def site(server: object, glob: str = "", more: str = "", bind: str = "") -> str:
    return f"global\n    {glob}\n{HTTP}listen fe\n    bind fd@fe{bind}\n{more}    server s {server}\n"


@pytest.mark.parametrize(
    ("line", "limit", "shown"),
    [
        ("maxconnrate 10", "", "ConnRateLimit"),
        ("maxsessrate 10", "", "SessRateLimit"),
        ("maxsslrate 10", "", "SslRateLimit"),
        ("maxconn 100", "connections", "ConnRateLimit"),
        ("maxsessrate 500", "sessions", "SessRateLimit"),
        ("maxconn 100", "ssl-sessions", "SslRateLimit"),
    ],
)
def test_a_rate_of_the_process_holds_back_what_is_too_much(start, origin, tmp_path, line, limit, shown):
    """Two frontends together: of 30 connections at once no more than the rate are served within the first second.

    One of TLS sessions leaves other frontends alone, like a limit that is told at run time and taken away again.
    """
    pem = self_signed("a.test").write(tmp_path / "a.pem") if shown.startswith("Ssl") else ""
    tls = f" ssl crt {pem}" if pem else ""
    frontends = "".join(
        f"listen {name}\n    bind fd@{name}{options}\n    http-request return status 200\n"
        for name, options in (("other", tls), ("clear", ""))
    )
    proxy = start(site(origin(named("a")), line, bind=tls) + frontends, threads=2)
    if limit:
        assert proxy.command(f"set rate-limit {limit} global 10").strip() == ""
    assert proxy.info()[shown] == "10"
    moments: list[float] = []

    def ask(name: str) -> None:
        if pem:
            client = SecureClient(proxy.addresses[name])
            assert client.request().status == 200
            client.close()
        else:
            assert proxy.fetch(name=name).status == 200
        moments.append(time.monotonic())

    began = time.monotonic()
    threads = [threading.Thread(target=ask, args=(("fe", "other")[number % 2],)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moments) == 30
    # The first look at the runtime socket may have been in another second.
    assert sum(moment - began < 0.9 for moment in moments) <= 20
    if pem:
        assert proxy.fetch(name="clear").status == 200
        assert int(proxy.info()["MaxSslRate"]) > 0
    if limit:
        proxy.command(f"set rate-limit {limit} global 0")
        assert proxy.info()[shown] == "0"
        ask("fe")


@pytest.mark.fastlb_only(reason="newer than 2.6")
@pytest.mark.parametrize(
    ("lines", "errors", "failures"),
    [
        ("", 2, 1),
        ("http-err-codes 404", 1, 1),
        ("http-err-codes +200 -404", 2, 1),
        ("http-fail-codes 400-404,501", 2, 3),
        ("http-err-codes 200,404 -404", 1, 1),
    ],
)
def test_statuses_that_count_in_tables(start, origin, lines, errors, failures):
    statuses = iter((200, 400, 404, 500, 501))

    def script(conn: OriginConnection) -> None:
        while conn.read_request() is not None:
            conn.send(reply(b"x", f"{next(statuses)} S"))

    table = "    stick-table type ip size 10 store http_err_cnt,http_fail_cnt\n    http-request track-sc0 src\n"
    proxy = start(site(origin(script), lines, table))
    for _ in range(5):
        proxy.fetch()
    shown = proxy.command("show table fe")
    assert f"http_err_cnt={errors} http_fail_cnt={failures}" in shown, shown


def status_of(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status") as lines:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.fastlb_only(reason="setcap is newer than 2.6, which is one process")
def test_capabilities_that_workers_keep(start, origin):
    proxy = start(site(origin(named("a")), "user nobody\n    group nogroup\n    setcap cap_net_raw,cap_net_bind_service"))
    assert proxy.fetch().status == 200
    found = [status_of(pid) for pid in proxy.children()]
    assert found
    for status in found:
        assert status["Uid"].split()[1] != "0"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 13 | 1 << 10
        assert status["NoNewPrivs"] == "1"


@pytest.mark.fastlb_only(reason="2.6 is one process")
def test_programs_of_workers_may_gain_rights_where_that_is_wanted(start, origin):
    proxy = start(site(origin(named("a")), "insecure-setuid-wanted"))
    assert {status_of(pid)["NoNewPrivs"] for pid in proxy.children()} == {"0"}


def test_maps_and_pages_begin_in_the_default_path(start, origin):
    proxy = start(
        site(origin(named("a")), "default-path config", "    http-request return status 200 hdr x %[str(a),map(names)]\n"),
        files={"names": "a found\n"},
    )
    assert proxy.fetch().get("x") == "found"


def test_variables_of_the_file_are_those_of_the_processes(start, origin):
    """`setenv` and its kin were forgotten once the files were read: `env()` and `show env` had what the start was given."""
    lines = "setenv SET new\n    setenv OVER second\n    presetenv OVER third\n    unsetenv HOME"
    answer = '    http-request return status 200 hdr x "%[env(SET)] %[env(OVER)] %[env(HOME)]."\n'
    proxy = start(site(origin(named("a")), lines, answer))
    assert proxy.fetch().get("x") == "new second ."
    shown = proxy.command("show env")
    assert "SET=new\n" in shown
    assert "\nHOME=" not in shown


@pytest.mark.parametrize(("line", "command"), [("", 0x20), ("pp2-never-send-local", 0x21)])
def test_what_checks_say_in_the_proxy_protocol(start, origin, line, command):
    heads: list[bytes] = []

    def script(conn: OriginConnection) -> None:
        heads.append(conn.read_exact(16))

    start(site(f"{origin(script)} send-proxy-v2 check inter 100ms", line))
    poll(lambda: bool(heads), "a check")
    assert heads[0][12] == command


@pytest.mark.fastlb_only(reason="there is nothing to wait for before a signal is safe to send to 2.6's master")
def test_workers_that_survive_too_many_reloads_are_ended(start, origin):
    proxy = start(site(origin(named("a")), "mworker-max-reloads 1"), mode=("-W",))
    held = proxy.client()
    assert held.request().status == 200
    held.send(b"GET /cut")
    for number in (1, 2):
        proxy.process.send_signal(signal.SIGUSR2)
        poll(lambda count=number: proxy.output.count("serves, the old workers") == count, f"reload {number}")
    assert "it outlived 1 reloads" in proxy.output
    assert held.is_closed()
