"""The work that is measured, one row per scenario. Nothing is run here."""

from __future__ import annotations

from bench.macro.model import BenchError, Load, Scenario, Setup

MIB = 1 << 20
# Our own generator is the default: wrk costs as much as a fast proxy, and on one CPU with the origin it would be the bottleneck.
_KEEPALIVE = Load(conns=48)

_TLS = Setup(tls=True, floor_mode="")

_BASE = [
    Scenario("keepalive", "HTTP keep-alive, 64-byte body, 48 connections", load=_KEEPALIVE),
    Scenario("keepalive-wrk", "the same with wrk, to check our own generator", load=Load(tool="wrk", conns=48)),
    Scenario("conns500", "HTTP keep-alive, 500 connections", load=Load(conns=500)),
    Scenario(
        "close",
        "a connection per request, both sides",
        setup=Setup(close=True, floor_mode="oneshot"),
        load=Load(conns=32, close=True),
    ),
    Scenario("tcp-small", "TCP mode, the same messages", unit="message", setup=Setup(mode="tcp"), load=Load(conns=48)),
    Scenario(
        "body1m",
        "HTTP bodies of 1 MiB",
        unit="MiB",
        setup=Setup(floor_mode="splice"),
        load=Load(conns=16, path=f"/{MIB}"),
    ),
    Scenario(
        "tcp16m",
        "16 MiB over TCP, per MiB",
        unit="MiB",
        units_per_request=16,
        setup=Setup(mode="tcp", floor_mode="splice"),
        load=Load(conns=4, path=f"/{16 * MIB}"),
    ),
    Scenario(
        "tcp16m-splice",
        "16 MiB over TCP, splice options on, per MiB",
        unit="MiB",
        units_per_request=16,
        setup=Setup(mode="tcp", splice=True, floor_mode="splice"),
        load=Load(conns=4, path=f"/{16 * MIB}"),
    ),
    Scenario(
        "post64k",
        "POST of 64 KiB",
        setup=Setup(floor_mode="splice"),
        load=Load(conns=32, post_bytes=64 * 1024),
    ),
    Scenario("logging", "keep-alive, an httplog line per request to UDP", setup=Setup(log=True, floor_mode=""), load=_KEEPALIVE),
    Scenario(
        "rules",
        "keep-alive, 20 ACLs and 10 header rules, 13 headers",
        setup=Setup(rules=True, floor_mode=""),
        load=Load(conns=48, browser=True),
    ),
    Scenario(
        "site",
        "keep-alive, a persistence cookie inserted, health checks, httplog",
        setup=Setup(site=True, log=True, servers=2, floor_mode=""),
        load=_KEEPALIVE,
    ),
    Scenario("tls", "keep-alive over TLS 1.3", setup=_TLS, load=Load(conns=48, tls=True)),
    Scenario(
        "tls-handshake",
        "a connection with a full handshake per request, RSA 2048",
        setup=Setup(tls=True, close=True, floor_mode=""),
        load=Load(conns=32, close=True, tls=True),
    ),
    Scenario(
        "tls-resume",
        "a connection with a resumed session per request",
        setup=Setup(tls=True, close=True, floor_mode=""),
        load=Load(conns=32, close=True, tls=True, resume=True),
    ),
    Scenario(
        "tls-body1m", "HTTP bodies of 1 MiB over TLS", unit="MiB", setup=_TLS, load=Load(conns=16, path=f"/{MIB}", tls=True)
    ),
    Scenario("tls-idle", "memory per idle TLS connection", unit="conn", setup=_TLS, load=Load(conns=2000, tls=True), kind="idle"),
    Scenario("idle", "memory per idle connection", unit="conn", setup=Setup(floor_mode=""), load=Load(conns=5000), kind="idle"),
    Scenario(
        "startup",
        "start with 100 backends of 10 servers, to the first answer",
        unit="start",
        setup=Setup(backends=100, servers=10, floor_mode=""),
        kind="startup",
    ),
]

_SCALING = [
    *(
        Scenario(
            f"conns-{n}",
            f"keep-alive, {n} connections, {min(n, 48)} requests at a time",
            load=Load(conns=n, active=min(n, 48)),
            group="scaling",
        )
        for n in (10, 500, 5000)
    ),
    *(
        Scenario(
            f"servers-{n}",
            f"keep-alive, {n} servers",
            setup=Setup(servers=n, floor_mode=""),
            load=Load(conns=48),
            group="scaling",
        )
        for n in (1, 100, 1000)
    ),
    *(
        Scenario(
            f"patterns-{n}",
            f"keep-alive, the path looked up among {n} strings",
            setup=Setup(patterns=n, floor_mode=""),
            load=Load(conns=48),
            group="scaling",
        )
        for n in (10, 10_000)
    ),
]

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in [*_BASE, *_SCALING]}


def select(names: list[str]) -> list[Scenario]:
    """The scenarios of these names, in the table's order; "all" and names of groups stand for several.

    Raises BenchError on a name that is not in the table.
    """
    groups = {scenario.group for scenario in SCENARIOS.values() if scenario.group}
    for name in names:
        if name != "all" and name not in groups and name not in SCENARIOS:
            known = ", ".join([*SCENARIOS, *sorted(groups), "all"])
            raise BenchError(f"unknown scenario '{name}' (known: {known})")
    return [s for s in SCENARIOS.values() if "all" in names or s.name in names or s.group in names]
