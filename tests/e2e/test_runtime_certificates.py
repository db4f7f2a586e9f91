"""Certificates changed over the runtime socket: in all workers, without harm to what runs, and in those started later."""

from __future__ import annotations

import base64
import os
import signal
import ssl

import pytest

from support.certificates import Authority, self_signed
from support.origin import Origin, named
from support.poll import poll
from support.processes import control_of, workers
from support.secure import SecureClient, client_context, secured, server_context
from support.wire import Cut

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend fe
    bind port@fe ssl crt a.pem crt-list list
    default_backend be
frontend verifying
    bind port@verifying ssl crt a.pem verify required ca-file ca.crt
    default_backend be
backend be
    server s1 {origin}
"""
OLD, NEW, ADDED = self_signed("old.test"), self_signed("new.test"), self_signed("added.test")
AUTHORITY, SECOND = Authority("first"), Authority("second")
WORKERS = 3


@pytest.fixture
def proxy(start, origin):
    files = {"a.pem": OLD.pem.decode(), "list": "", "ca.crt": AUTHORITY.crt.decode()}
    return start(CONFIG.format(origin=origin(named("a"))), files=files, threads=WORKERS)


def load(proxy, kind, name, payload):
    assert "Transaction" in (told := proxy.command(f"set ssl {kind} {name} <<\n{payload.decode()}")).title(), told
    told = proxy.command(f"commit ssl {kind} {name}")
    assert told.endswith("Success!\n\n"), told


def shown(proxy, name=None, count=12):
    """What so many clients are shown: enough for the kernel to ask every worker."""
    found = set()
    for _ in range(count):
        client = SecureClient(proxy.addresses["fe"], name)
        found.add(client.common_name())
        client.close()
    return found


def answers(proxy, context, port="verifying"):
    """Whether a client is served; TLS 1.3 tells a client only then that its certificate was refused."""
    try:
        client = SecureClient(proxy.addresses[port], context=context)
        return client.request("/").status == 200
    except (ssl.SSLError, OSError, Cut):
        return False


def test_all_workers_show_the_new_certificate_and_open_connections_go_on(proxy):
    client = SecureClient(proxy.addresses["fe"])
    assert client.common_name() == "old.test"
    load(proxy, "cert", "a.pem", NEW.pem)
    assert shown(proxy) == {"new.test"}
    assert client.request("/").body == b"a"


def test_what_cannot_be_used_changes_nothing(proxy):
    proxy.command(f"set ssl cert a.pem <<\n{NEW.crt.decode()}")
    assert "must contain at least a certificate and a private key" in proxy.command("commit ssl cert a.pem")
    proxy.command(f"set ssl cert a.pem.key <<\n{ADDED.private.decode()}")
    assert "inconsistencies between private key and certificate" in proxy.command("commit ssl cert a.pem")
    assert shown(proxy) == {"old.test"}


def test_certificate_added_to_a_list_is_found_by_its_name_until_it_is_deleted(proxy):
    proxy.command("new ssl cert added.pem")
    load(proxy, "cert", "added.pem", ADDED.pem)
    assert shown(proxy, "added.test") == {"old.test"}
    assert "Success!" in proxy.command("add ssl crt-list list added.pem")
    assert shown(proxy, "added.test") == {"added.test"}
    assert shown(proxy, "other.test") == {"old.test"}
    assert "deleted" in proxy.command("del ssl crt-list list added.pem")
    assert shown(proxy, "added.test") == {"old.test"}


def test_authorities_are_replaced_and_sessions_of_before_are_not_resumed(proxy, tmp_path):
    first, second = (client_context(maximum_version=ssl.TLSVersion.TLSv1_2) for _ in range(2))
    first.load_cert_chain(AUTHORITY.issue("one", client=True).write(tmp_path / "first.pem"))
    second.load_cert_chain(SECOND.issue("two", client=True).write(tmp_path / "second.pem"))
    assert answers(proxy, first) and not answers(proxy, second)
    before = SecureClient(proxy.addresses["verifying"], context=first)
    session = before.tls.session
    load(proxy, "ca-file", "ca.crt", SECOND.crt)
    assert all(answers(proxy, second) for _ in range(6)) and not any(answers(proxy, first) for _ in range(6))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        SecureClient(proxy.addresses["verifying"], context=first, session=session)


def test_worker_that_is_started_again_has_the_new_certificate(proxy):
    load(proxy, "cert", "a.pem", NEW.pem)
    victim = min(workers(proxy))
    os.kill(victim, signal.SIGKILL)
    poll(lambda: victim not in workers(proxy) and len(workers(proxy)) == WORKERS, "another worker")
    poll(lambda: shown(proxy) == {"new.test"}, "the new certificate everywhere")


def test_control_that_is_started_again_knows_what_was_changed(proxy):
    proxy.command("new ssl cert added.pem")
    load(proxy, "cert", "added.pem", ADDED.pem)
    proxy.command("add ssl crt-list list added.pem")
    load(proxy, "cert", "a.pem", NEW.pem)
    listed = proxy.command("show ssl cert"), proxy.command("show ssl crt-list -n list"), proxy.command("show ssl cert a.pem")
    os.kill(poll(lambda: control_of(proxy), "the control process"), signal.SIGKILL)

    def is_back():
        try:
            now = proxy.command("show ssl cert"), proxy.command("show ssl crt-list -n list"), proxy.command("show ssl cert a.pem")
        except OSError:
            return False
        return now == listed

    poll(is_back, "control to know the certificates")
    assert shown(proxy, "added.test") == {"added.test"}
    load(proxy, "cert", "a.pem", OLD.pem)
    assert shown(proxy) == {"old.test"}


def test_servers_connections_use_the_new_authorities_and_certificate(start, tmp_path):
    names: list[str | None] = []
    pem = SECOND.issue("127.0.0.1").write(tmp_path / "server.pem")
    server = Origin(secured(named("a"), server_context(pem), names))
    try:
        line = f"server s1 {server} ssl verify required ca-file ca.crt"
        proxy = start(
            f"{CONFIG.split('frontend')[0]}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    {line}\n",
            files={"ca.crt": AUTHORITY.crt.decode()},
        )
        assert proxy.fetch().status == 503
        load(proxy, "ca-file", "ca.crt", SECOND.crt)
        assert proxy.fetch().body == b"a"
    finally:
        server.close()


def test_new_key_of_tickets_is_taken_after_one_more(start, origin):
    keys = [base64.b64encode(bytes([number]) * 80).decode() for number in range(5)]
    config = CONFIG.format(origin=origin(named("a"))).replace("crt-list list", "tls-ticket-keys keys")
    files = {"a.pem": OLD.pem.decode(), "keys": "\n".join(keys[:3]) + "\n", "ca.crt": AUTHORITY.crt.decode()}
    proxy = start(config, files=files, threads=WORKERS)
    context = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    session = SecureClient(proxy.addresses["fe"], context=context).tls.session
    resumed = []
    for key in keys[3:]:
        assert proxy.command(f"set ssl tls-key #0 {key}") == "TLS ticket key updated!\n\n"
        resumed.append(SecureClient(proxy.addresses["fe"], context=context, session=session).tls.session_reused)
    # The key that encrypted is the oldest after one more, and gone after two.
    assert resumed == [True, False]


def test_files_are_read_again_all_or_nothing(proxy):
    assert proxy.command("reload certs") == "0 changes.\nSuccess!\n\n"
    (proxy.directory / "a.pem").write_bytes(NEW.pem)
    (proxy.directory / "added.pem").write_bytes(ADDED.pem)
    (proxy.directory / "list").write_text("added.pem Listed.test\n")
    (proxy.directory / "ca.crt").write_text("nothing")
    assert proxy.command("reload certs").endswith("Nothing was changed.\n\n")
    assert shown(proxy) | shown(proxy, "listed.test") == {"old.test"}
    (proxy.directory / "ca.crt").write_bytes(SECOND.crt)
    assert proxy.command("reload certs") == "4 changes.\nSuccess!\n\n"
    assert (shown(proxy), shown(proxy, "listed.test")) == ({"new.test"}, {"added.test"})
    assert proxy.command("show ssl crt-list list") == "# list\nadded.pem Listed.test\n\n"
    (proxy.directory / "list").write_text("")
    (proxy.directory / "added.pem").unlink()
    assert proxy.command("reload certs") == "2 changes.\nSuccess!\n\n"
    assert shown(proxy, "listed.test") == {"new.test"}
    assert "added.pem" not in proxy.command("show ssl cert")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights up")
def test_files_that_only_root_may_read_are_read_again(start, origin):
    head = "global\n    user nobody\n    group nogroup\n"
    files = {"a.pem": OLD.pem.decode(), "list": "", "ca.crt": AUTHORITY.crt.decode()}
    proxy = start(head + CONFIG.format(origin=origin(named("a"))), files=files)
    proxy.directory.chmod(0o700)
    NEW.write(proxy.directory / "a.pem")
    assert proxy.command("reload certs") == "1 change.\nSuccess!\n\n"
    assert shown(proxy) == {"new.test"}


def test_keys_are_in_no_output(proxy):
    load(proxy, "cert", "a.pem", NEW.pem)
    body = NEW.private.decode().splitlines()[1]
    assert body not in proxy.stderr + proxy.stdout + proxy.command("show ssl cert a.pem") + proxy.command("show ssl cert")
