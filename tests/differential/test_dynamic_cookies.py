"""Dynamic cookies: the same value as haproxy's for every kind of address, and after every command that changes one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.origin import Origin, named
from support.programs import PROGRAMS
from support.proxy import HTTP, Proxy

CONFIG = (
    HTTP
    + """
listen many
    bind fd@many
    cookie SRV insert dynamic
    dynamic-cookie-key secret
    server v4 127.0.0.1:8080
    server other 127.0.0.2:8080
    server port 127.0.0.1:80
    server v6 [2001:db8::1]:8080
    server v6-port [2001:db8::1]:65535
    server no-port 127.0.0.3
    server offset 127.0.0.3:+10
    server any 0.0.0.0:8080
    server own 127.0.0.4:8080 cookie own
    server off 127.0.0.5:8080 disabled
    server path unix@/nowhere/at/all
listen no-key
    bind fd@no_key
    cookie SRV insert dynamic
    server v4 127.0.0.1:8080
listen not-dynamic
    bind fd@not_dynamic
    cookie SRV insert
    dynamic-cookie-key secret
    server v4 127.0.0.1:8080
listen long-key
    bind fd@long_key
    cookie SRV rewrite dynamic
    dynamic-cookie-key 0123456789012345678901234567890123456789012345678901234567890123456789 more words
    server v4 127.0.0.1:8080
listen traffic
    bind fd@traffic
    cookie SRV insert indirect dynamic
    dynamic-cookie-key secret
    server one {}
    server two {}
listen prefixed
    bind fd@prefixed
    cookie SRV prefix dynamic
    dynamic-cookie-key secret
    server one {}
    server two {}
"""
)
COMMANDS = """
disable dynamic-cookie backend many
enable dynamic-cookie backend many
set dynamic-cookie-key backend many other
set dynamic-cookie-key backend many a b
set server many/v4 addr 127.0.0.9
set server many/v4 addr 127.0.0.9 port 81
set server many/v6 addr 2001:db8::2
set server many/own addr 127.0.0.9
enable dynamic-cookie backend no-key
set dynamic-cookie-key backend no-key k
enable dynamic-cookie backend not-dynamic
set dynamic-cookie-key backend not-dynamic k
disable dynamic-cookie backend not-dynamic
set server not-dynamic/v4 addr 127.0.0.9
set dynamic-cookie-key backend long-key k
enable dynamic-cookie backend
enable dynamic-cookie backend nope
disable dynamic-cookie backend
disable dynamic-cookie backend nope
set dynamic-cookie-key backend
set dynamic-cookie-key backend nope k
set dynamic-cookie-key backend many
""".strip().splitlines()


@pytest.fixture
def both() -> Iterator[list[Proxy]]:
    origins = [Origin(named(name)) for name in ("one", "two")]
    proxies = [Proxy(program, CONFIG.format(*origins, *origins)) for program in PROGRAMS]
    yield proxies
    for proxy in proxies:
        proxy.finish()
    for origin in origins:
        origin.close()


def cookies(proxy: Proxy) -> dict[tuple[str, str], str]:
    return {name: row["cookie"] for name, row in proxy.stat().items() if row["type"] == "2"}


def test_cookies_are_the_same_after_each_command(both):
    reference, tested = both
    assert cookies(tested) == cookies(reference)
    for command in COMMANDS:
        assert tested.command(command) == reference.command(command), command
        assert cookies(tested) == cookies(reference), command


def answers(proxy: Proxy, name: str, cookie: str) -> tuple[str, list[str]]:
    answer = proxy.fetch(name=name, headers=f"Cookie: SRV={cookie}\r\n" if cookie else "")
    return answer.body.decode(), [value for key, value in answer.headers if key.lower() == "set-cookie"]


@pytest.mark.parametrize("name", ["traffic", "prefixed"])
def test_a_dynamic_cookie_chooses_its_server_until_the_key_changes(both, name):
    reference, tested = both
    values = [cookies(reference)[name, server] for server in ("one", "two")]
    for cookie in (*values, values[1].upper(), values[1][:15], values[1] + "0", "0" * 16, "", f"{values[1]}~x", values[1]):
        assert answers(tested, name, cookie) == answers(reference, name, cookie), cookie
    for proxy in both:
        proxy.command(f"set server {name}/two state maint")
    assert answers(tested, name, values[1]) == answers(reference, name, values[1])
    for proxy in both:
        proxy.command(f"set server {name}/two state ready")
        proxy.command(f"set dynamic-cookie-key backend {name} new")
    for cookie in (values[1], cookies(reference)[name, "two"]):
        assert answers(tested, name, cookie) == answers(reference, name, cookie), cookie
    for proxy in both:
        proxy.command(f"disable dynamic-cookie backend {name}")
    assert answers(tested, name, "") == answers(reference, name, "")
