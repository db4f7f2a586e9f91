"""Proxies of the model as proxies of the program: kinds, routes, limits, timeouts, options, texts, error pages."""

from __future__ import annotations

import ipaddress

import pytest
from fastlb_core.bridge import programkit
from fastlb_core.bridge.constants import ERROR_STATUSES, HTTP_MODES, OPTIONS, REUSE, SERVER_FLAGS

from fastlb.compile.program import CompileError
from fastlb.config.model import Address, Balance, ForwardFor, Global, Stats, StatsSocket, Timeouts
from fastlb.config.rule import Rule, RuleValue

from .conftest import HERE, SERVICE, program_of, px, server


def test_globals_reach_the_program() -> None:
    glob = Global(maxconn=500, bufsize=32768, maxrewrite=2048, maxaccept=10, http_maxhdr=50, log_tag="t", log_send_hostname="h")
    assert programkit.program(program_of(glob=glob)) == {
        "log_tag": b"t", "log_hostname": b"h", "log_pid": 4242, "n_workers": 2, "maxconn": 500, "bufsize": 32768,
        "maxrewrite": 2048, "maxaccept": 10, "maxhdr": 50, "generation": 3, "arena_maxconn": 500, "log_targets": [],
    }  # fmt: skip


def test_names_are_found_by_what_the_proxy_is() -> None:
    program = program_of(px("frontend", "x"), px("backend", "x"), px("listen", "y"))
    assert (program.frontend("x").index, program.backend("x").index) == (0, 1)
    assert program.frontend("y") is program.backend("y")
    assert program.frontend("z") is None
    assert program.server("z", "s") is None


# Seen on HAProxy 2.6.
@pytest.mark.parametrize(
    ("has_socket", "explicit", "ids"),
    [
        (False, (None, None, None), (1, 2, 3)),
        (True, (None, None, None), (2, 3, 4)),
        (False, (None, None, 2, None, None), (1, 3, 2, 5, 6)),
        (True, (3, None, 2, None, None), (3, 4, 2, 6, 7)),
        (True, (1, None, None), (1, 3, 4)),
    ],
)
def test_proxies_are_numbered_as_haproxy_does(
    has_socket: bool, explicit: tuple[int | None, ...], ids: tuple[int, ...]
) -> None:
    glob = Global(stats_sockets=[StatsSocket(HERE, Address("unix", "/run/x"))] if has_socket else [])
    program = program_of(*(px("backend", f"b{i}", id=number) for i, number in enumerate(explicit)), glob=glob)
    assert tuple(entry.id for entry in program.proxies) == ids


def test_bytes_that_are_no_text_reach_the_program_as_they_are() -> None:
    odd, raw = "/\udcff\u00e9", b"/\xff\xc3\xa9"
    page = px("listen", "l", mode="http", monitor_uri=odd, log_tag=odd, stats=Stats(uri=odd))
    program = program_of(page, glob=Global(log_tag=odd, log_send_hostname=odd))
    values = programkit.proxy(program, 0)
    assert [values[name] for name in ("monitor_uri", "log_tag", "internal_prefix")] == [raw] * 3
    assert [programkit.program(program)[name] for name in ("log_tag", "log_hostname")] == [raw] * 2


def test_servers_are_numbered_around_the_explicit_ids() -> None:
    program = program_of(px("backend", "b", servers=[server("x"), server("y", id=1), server("z")]))
    assert [entry.id for entry in program.servers] == [2, 1, 4]


def test_default_backend_is_followed_and_a_listen_is_its_own() -> None:
    program = program_of(
        px("frontend", "f", default_backend="b"), px("frontend", "alone"), px("backend", "b"), px("listen", "l"),
        px("listen", "m", default_backend="l"),
    )  # fmt: skip
    assert [programkit.proxy(program, i)["default_backend"] for i in range(5)] == [2, None, None, 3, 3]


def test_unknown_default_backend_names_the_line() -> None:
    with pytest.raises(CompileError, match=r"^config : \[haproxy.cfg:12\] : proxy 'f': unable to find .* 'nowhere'"):
        program_of(px("frontend", "f", default_backend="nowhere"))


def test_unknown_mode_and_algorithm_are_refused() -> None:
    with pytest.raises(CompileError, match="mode 'health'"):
        program_of(px("frontend", "f", mode="health"))
    with pytest.raises(CompileError, match="balance algorithm 'sticky'"):
        program_of(px("backend", "b", balance=Balance("sticky")))


@pytest.mark.parametrize(
    ("algorithm", "core_name"),
    [(name, name) for name in ("roundrobin", "static-rr", "leastconn", "first", "random")]
    + [("source", "map-based"), ("uri", "map-based")],
)
def test_each_algorithm_is_ready_when_the_program_is(algorithm: str, core_name: str) -> None:
    servers = [server("a", weight=10), server("b", weight=256), server("c", backup=True)]
    program = program_of(px("backend", "b", balance=Balance(algorithm), servers=servers))
    backend = programkit.proxy(program, 0)
    assert backend["algorithm"] == core_name
    assert backend["servers"] == [0, 1, 2]
    assert backend["usable"] == (2, 1)


def test_limits_come_from_the_manuals_defaults() -> None:
    program = program_of(
        px("frontend", "f", default_backend="b"), px("frontend", "g", maxconn=100, default_backend="b"), px("backend", "b"),
        px("backend", "c", fullconn=77), px("backend", "unused"), glob=Global(maxconn=2000),
    )  # fmt: skip
    assert [programkit.proxy(program, i)["fe_maxconn"] for i in range(3)] == [2000, 100, 0]
    assert [programkit.proxy(program, i)["fullconn"] for i in range(5)] == [0, 0, 210, 77, 1]


# Seen on HAProxy 2.6.
def test_fullconn_counts_a_frontend_once_for_every_backend_that_its_rules_name() -> None:
    def leads_to(*names: RuleValue) -> dict[str, list[Rule]]:
        return {"use_backend": [Rule(HERE, "use_backend", "use_backend", (name,)) for name in names]}

    program = program_of(
        px("frontend", "f", maxconn=1000, rules=leads_to("a", "a", "b"), default_backend="a"),
        px("frontend", "g", maxconn=5000, rules=leads_to("b", None)),
        px("listen", "l", maxconn=300, rules=leads_to("c")),
        px("frontend", "off", maxconn=7000, rules=leads_to("c"), disabled=True),
        px("backend", "a"), px("backend", "b"), px("backend", "c"),
    )  # fmt: skip
    assert [programkit.proxy(program, i)["fullconn"] for i in (2, 4, 5, 6)] == [30, 100, 600, 30]


@pytest.mark.parametrize(
    "given, expected",
    [
        (Timeouts(), {}),
        (
            Timeouts(connect=1, client=2, server=3),
            {"connect": 1, "client": 2, "server": 3, "queue": 1, "tarpit": 1, "http_keep_alive": 2},
        ),
        (
            Timeouts(connect=1, client=2, queue=4, tarpit=5, http_request=6, client_fin=7, server_fin=8, tunnel=9),
            {"connect": 1, "client": 2, "queue": 4, "tarpit": 5, "http_request": 6, "http_keep_alive": 6, "client_fin": 7,
             "server_fin": 8, "tunnel": 9},
        ),
        (Timeouts(http_request=6, http_keep_alive=1), {"http_request": 6, "http_keep_alive": 1}),
    ],
)  # fmt: skip
def test_unset_timeouts_fall_back_as_the_manual_says(given: Timeouts, expected: dict[str, int]) -> None:
    timeouts = programkit.proxy(program_of(px("listen", "l", timeouts=given)), 0)["timeouts"]
    assert {name: value for name, value in timeouts.items() if value} == expected


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"forwardfor", "forwardfor if-none", "forwardfor except", "disabled"}))
def test_each_option_is_its_bit(name: str) -> None:
    assert programkit.proxy(program_of(px("listen", "l", options={name})), 0)["options"] == OPTIONS[name]


def test_nolinger_belongs_to_the_proxys_sides() -> None:
    program = program_of(*(px(kind, kind, options={"nolinger"}) for kind in ("frontend", "backend", "listen")))
    front, back = OPTIONS["nolinger frontend"], OPTIONS["nolinger backend"]
    assert [programkit.proxy(program, i)["options"] for i in range(3)] == [front, back, front | back]


def test_options_for_control_only_have_no_bit() -> None:
    assert programkit.proxy(program_of(px("backend", "b", options={"log-health-checks"})), 0)["options"] == 0


def test_disabled_proxy_says_so() -> None:
    assert programkit.proxy(program_of(px("listen", "l", disabled=True)), 0)["options"] == OPTIONS["disabled"]


def test_disabled_proxy_is_not_looked_at_any_further() -> None:
    unfit = server("s", address=Address("ipv4"))
    program = program_of(px("listen", "l", disabled=True, default_backend="nowhere", stats=Stats(), servers=[unfit]))
    assert program.servers == ()


def test_forwardfor_with_all_its_arguments() -> None:
    forwardfor = ForwardFor(ipaddress.ip_network("10.1.0.0/16"), "X-Client", True)
    values = programkit.proxy(program_of(px("backend", "b", forwardfor=forwardfor)), 0)
    assert values["options"] == OPTIONS["forwardfor"] | OPTIONS["forwardfor if-none"] | OPTIONS["forwardfor except"]
    assert values["fwf_header"] == b"x-client"
    assert values["fwf_except"] == (bytes(10) + b"\xff\xff\x0a\1\0\0", b"\xff" * 14 + b"\0\0")


def test_forwardfor_except_of_an_ipv6_network() -> None:
    forwardfor = ForwardFor(ipaddress.ip_network("2001:db8::/32"))
    values = programkit.proxy(program_of(px("backend", "b", forwardfor=forwardfor)), 0)
    assert values["fwf_except"] == (b"\x20\x01\x0d\xb8" + bytes(12), b"\xff" * 4 + bytes(12))
    assert values["fwf_header"] == b"x-forwarded-for"


def test_modes_retries_and_texts() -> None:
    proxy = px(
        "listen", "l", mode="http", http_mode="server-close", http_reuse="always", retries=7, redispatch=-1, monitor_uri="/up",
        log_tag="tag", options={"allbackups"},
    )  # fmt: skip
    values = programkit.proxy(program_of(proxy), 0)
    assert (values["http_mode"], values["reuse"]) == (HTTP_MODES["server-close"], REUSE["always"])
    assert (values["retries"], values["redispatch"]) == (7, -1)
    assert (values["monitor_uri"], values["log_tag"], values["name"], values["name_secure"]) == (b"/up", b"tag", b"l", b"l~")
    assert values["all_backups"]


def test_error_pages_are_taken_as_they_are_and_locations_answered_as_haproxy_does() -> None:
    proxy = px("frontend", "f", errorfiles={503: b"HTTP/1.0 503 x\r\n\r\n\0\xff"}, errorlocs={404: (302, "/a"), 400: (303, "/b")})
    pages = programkit.proxy(program_of(proxy), 0)["error_pages"]
    rest = b"cache-control: no-cache\r\ncontent-length: 0\r\nlocation: "
    assert pages == {
        programkit.error_index(503): b"HTTP/1.0 503 x\r\n\r\n\0\xff",
        programkit.error_index(404): b"HTTP/1.1 302 Found\r\n" + rest + b"/a\r\n\r\n",
        programkit.error_index(400): b"HTTP/1.1 303 See Other\r\n" + rest + b"/b\r\n\r\n",
    }


def test_error_page_for_another_status_is_refused() -> None:
    with pytest.raises(CompileError, match="status 418"):
        program_of(px("frontend", "f", errorfiles={418: b""}))


def test_error_statuses_have_an_index_each() -> None:
    assert [programkit.error_index(status) for status in ERROR_STATUSES] == list(range(len(ERROR_STATUSES)))
    assert [programkit.error_index(status) for status in (0, 199, 302, 505)] == [-1] * 4


def test_statistics_get_an_internal_server_behind_all_others() -> None:
    program = program_of(px("frontend", "f", mode="http", stats=Stats(uri="/stats")), px("backend", "b", servers=[server("s")]))
    frontend = programkit.proxy(program, 0)
    assert frontend["internal_prefix"] == b"/stats"
    assert frontend["internal_server"] == 1
    assert frontend["servers"] == []
    internal = programkit.server(program, 1)
    assert internal["name"] == b"<STATS>"
    assert internal["flags"] == SERVER_FLAGS["internal"]
    assert internal["address"] == b"\1\0" + SERVICE
    assert [entry.is_internal for entry in program.servers] == [False, True]


def test_internal_server_takes_no_part_in_balancing() -> None:
    program = program_of(px("listen", "l", mode="http", stats=Stats(), servers=[server("s")]))
    assert programkit.proxy(program, 0)["servers"] == [0]
    assert programkit.proxy(program, 0)["usable"] == (1, 0)
    assert program.server("l", "<STATS>") is None
