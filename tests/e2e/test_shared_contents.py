"""Maps, ACLs and process variables are the same in all workers, whoever changes them, and stay when a process dies."""

from __future__ import annotations

import os
import signal

import pytest

from support.poll import poll
from support.processes import control_of, workers
from support.proxy import HTTP

WORKERS = 3
CONFIG = (
    HTTP
    + """
frontend fe
    bind port@fe
    acl bad hdr(user) -f {acl}
    http-request set-map({map}) %[hdr(key)] %[hdr(value)] if {{ path /set }}
    http-request del-map({map}) %[hdr(key)] if {{ path /del }}
    http-request add-acl({acl}) %[hdr(key)] if {{ path /ban }}
    http-request del-acl({acl}) %[hdr(key)] if {{ path /free }}
    http-request set-var(proc.seen) hdr(value) if {{ path /seen }}
    http-request unset-var(proc.seen) if {{ path /forget }}
    http-request return status 403 content-type text/plain lf-string "%[thread] banned" if bad
    http-request set-var(txn.mapped) hdr(key),map({map},none)
    http-request return status 200 content-type text/plain lf-string "%[thread] %[var(txn.mapped)] %[var(proc.seen,unset)]"
"""
)


@pytest.fixture
def proxy(start, tmp_path):
    """Three workers, a map with one entry, an empty ACL."""
    (tmp_path / "a.map").write_text("k one\n")
    (tmp_path / "a.acl").write_text("nobody\n")
    proxy = start(CONFIG.format(map=tmp_path / "a.map", acl=tmp_path / "a.acl"), threads=WORKERS)
    proxy.map, proxy.acl = str(tmp_path / "a.map"), str(tmp_path / "a.acl")
    return proxy


def asked(proxy, target: str = "/", **headers: str) -> tuple[str, str]:
    """Which worker answered on a new connection, and what."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    worker, _, text = proxy.fetch(target, headers=lines).body.decode().partition(" ")
    return worker, text


def everywhere(proxy, wanted: str, **headers: str) -> None:
    """Until each worker gives that answer."""
    right: set[str] = set()

    def all_do() -> bool:
        worker, text = asked(proxy, **headers)
        (right.add if text == wanted else right.discard)(worker)
        return len(right) == WORKERS

    poll(all_do, f"{wanted!r} from every worker")


def test_change_of_a_rule_reaches_every_worker(proxy):
    assert asked(proxy, "/set", key="new", value="v1")[1] == "v1 unset"
    everywhere(proxy, "v1 unset", key="new")
    asked(proxy, "/set", key="new", value="v2")
    everywhere(proxy, "v2 unset", key="new")
    asked(proxy, "/del", key="new")
    everywhere(proxy, "none unset", key="new")
    asked(proxy, "/ban", key="eve")
    everywhere(proxy, "banned", user="eve")
    asked(proxy, "/free", key="eve")
    everywhere(proxy, "one unset", user="eve", key="k")
    asked(proxy, "/seen", value="x y")
    everywhere(proxy, "one x y", key="k")
    asked(proxy, "/forget")
    everywhere(proxy, "one unset", key="k")


def test_change_of_a_command_is_in_every_worker_when_it_is_answered(proxy):
    assert proxy.command(f"set map {proxy.map} k two") == "\n"
    assert {asked(proxy, key="k")[1] for _ in range(40)} == {"two unset"}
    assert proxy.command(f"add acl {proxy.acl} eve") == "\n"
    assert {asked(proxy, user="eve")[1] for _ in range(40)} == {"banned"}
    proxy.command("experimental-mode on; set var proc.seen str(here)")
    assert {asked(proxy, key="k")[1] for _ in range(40)} == {"two here"}
    assert proxy.command("get var proc.seen") == "proc.seen: type=str value=<here>\n"


def test_committed_version_replaces_all_entries_at_once(proxy):
    version = proxy.command(f"prepare map {proxy.map}").split()[-1]
    for start in range(0, 3000, 500):
        payload = "".join(f"key{i} value {i}\n" for i in range(start, start + 500))
        assert proxy.command(f"add map @{version} {proxy.map} <<\n{payload}") == "\n"
    assert asked(proxy, key="k")[1] == "one unset"
    assert proxy.command(f"commit map @{version} {proxy.map}") == "\n"
    assert {asked(proxy, key="k")[1] for _ in range(30)} == {"none unset"}
    assert {asked(proxy, key="key2999")[1] for _ in range(30)} == {"value 2999 unset"}


@pytest.mark.fastlb_only(reason="kills a worker")
def test_new_worker_has_what_was_changed(proxy):
    proxy.command(f"set map {proxy.map} k two; clear acl {proxy.acl}")
    asked(proxy, "/seen", value="x")
    everywhere(proxy, "two x", key="k")
    victim = min(workers(proxy))
    os.kill(victim, signal.SIGKILL)
    poll(lambda: victim not in workers(proxy) and len(workers(proxy)) == WORKERS, "a new worker")
    everywhere(proxy, "two x", key="k")
    everywhere(proxy, "two x", key="k", user="nobody")


@pytest.mark.fastlb_only(reason="kills control")
def test_new_control_takes_over_what_the_workers_hold(proxy):
    proxy.command(f"set map {proxy.map} k two")
    asked(proxy, "/seen", value="x")
    everywhere(proxy, "two x", key="k")
    control = poll(lambda: control_of(proxy), "the control process")
    os.kill(control, signal.SIGKILL)
    poll(lambda: control_of(proxy) not in (0, control), "a new control process")

    def is_known() -> bool:
        return proxy.command(f"show map {proxy.map}").split()[1:3] == ["k", "two"]

    poll(is_known, "the map in the new control")
    asked(proxy, "/set", key="k", value="three")
    everywhere(proxy, "three x", key="k")


@pytest.mark.fastlb_only(reason="kills control")
def test_changes_of_rules_while_control_is_away_are_not_lost(proxy):
    asked(proxy, "/set", key="first", value="1")
    everywhere(proxy, "1 unset", key="first")
    control = poll(lambda: control_of(proxy), "the control process")
    os.kill(control, signal.SIGKILL)
    for i in range(20):
        asked(proxy, "/set", key=f"k{i}", value=str(i))
    poll(lambda: control_of(proxy) not in (0, control), "a new control process")
    for i in range(20):
        everywhere(proxy, f"{i} unset", key=f"k{i}")
    everywhere(proxy, "1 unset", key="first")
