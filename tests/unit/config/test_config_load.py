"""`load`: files, directories, inheritance and what is completed after reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastlb.config import Configuration, Diagnostics, Resolver, has_listener, load, load_text
from fastlb.config.keywords.errors import BadAnswer, normalize

NOBODY = Resolver(lambda name, family: None)


def accepted(text: str, **environment: str) -> Configuration:
    configuration, diagnostics = load_text(text, environment=environment, resolver=NOBODY)
    assert configuration is not None, diagnostics.render()
    return configuration


def codes(result: tuple[Configuration | None, Diagnostics]) -> list[str]:
    return [item.code for item in result[1] if item.code not in ("fatal", "file-has-errors")]


def test_files_are_read_in_order_as_one_configuration(tmp_path: Path) -> None:
    one, two = tmp_path / "b.cfg", tmp_path / "a.cfg"
    one.write_text("defaults\n    timeout client 1s\n    mode http\n")
    two.write_text("frontend f\n    bind :80\n")
    configuration, _ = load([str(one), str(two)], environment={})
    assert configuration is not None
    assert (configuration.proxies[0].mode, configuration.files) == ("http", [str(one), str(two)])


def test_end_of_a_file_ends_its_section(tmp_path: Path) -> None:
    one, two = tmp_path / "1.cfg", tmp_path / "2.cfg"
    one.write_text("frontend f\n    bind :80\n")
    two.write_text("    timeout client 1s\n")
    assert codes(load([str(one), str(two)], environment={}))[0] == "unknown-keyword"


def test_directory_gives_its_cfg_files_sorted_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("20.cfg", "10.cfg", ".hidden.cfg", "x.txt", "B.cfg", "a.cfg"):
        (tmp_path / name).write_text(f"backend {name.removesuffix('.cfg') or 'x'}\n")
    (tmp_path / "dir.cfg").mkdir()
    configuration, _ = load([str(tmp_path)], environment={})
    assert configuration is not None
    assert [px.name for px in configuration.proxies] == ["10", "20", "B", "a"]


def test_missing_and_unreadable_paths_are_errors(tmp_path: Path) -> None:
    assert codes(load([str(tmp_path / "nosuch.cfg"), "nul\0byte"], environment={})) == ["unreadable-file", "unreadable-file"]


def test_no_listener_is_told_apart_from_errors() -> None:
    assert not has_listener(accepted("backend b\n"))
    assert not has_listener(accepted("frontend f\n    bind :80\n    disabled\n"))
    assert has_listener(accepted("frontend f\n    bind :80\n"))
    assert has_listener(accepted("global\n    stats socket /tmp/x\n"))


def test_missing_last_newline_is_a_warning() -> None:
    result = load_text("frontend f\n    bind :80\n    timeout client 1s", environment={})
    assert codes(result) == ["missing-newline"]
    assert result[0] is not None and result[0].proxies[0].timeouts.client == 1000


def test_defaults_are_copied_not_shared() -> None:
    first, second = accepted(
        "defaults\n log 127.0.0.1 local0\n stats auth a:b\n option httpchk\n option dontlognull\n errorloc 404 /x\n"
        " mode http\n option forwardfor\nlisten a\n bind :80\nlisten b\n bind :81\n"
    ).proxies
    for attribute in ("logs", "stats", "check", "options", "errorlocs", "timeouts", "forwardfor", "binds", "servers"):
        assert getattr(first, attribute) is not getattr(second, attribute), attribute
    assert first.logs[0] is not second.logs[0]
    assert first.stats is not None and second.stats is not None and first.stats.users is not second.stats.users
    assert first.check.http is not second.check.http and first.check.tcp is not second.check.tcp


def test_servers_do_not_share_lists_of_default_server() -> None:
    servers = (
        accepted("backend b\n default-server init-addr last,none\n server a 10.0.0.1:80\n server b 10.0.0.2:80\n")
        .proxies[0]
        .servers
    )
    assert servers[0].init_addr == servers[1].init_addr == ["last", "none"]
    assert servers[0].init_addr is not servers[1].init_addr


def test_later_defaults_start_from_nothing() -> None:
    proxies = accepted("defaults\n mode http\n retries 7\ndefaults\nbackend b\n").proxies
    assert (proxies[0].mode, proxies[0].retries) == ("tcp", 3)


def test_frontends_without_maxconn_have_the_process_s() -> None:
    front, back = accepted("global\n maxconn 77\nfrontend f\n bind :80\nbackend b\n").proxies
    assert (front.maxconn, back.maxconn) == (77, None)


def test_log_global_is_replaced_by_its_targets() -> None:
    text = "global\n log 127.0.0.1 local0\n log 127.0.0.2 local1\nfrontend f\n bind :80\n log global\n"
    configuration = accepted(text)
    px = configuration.proxies[0]
    assert ([target.facility for target in px.logs], px.log_global) == (["local0", "local1"], False)
    assert px.logs[0] is not configuration.global_.logs[0]


def test_identifiers_are_those_of_the_file_only() -> None:
    proxies = accepted("backend a\nbackend b\n id 1\nbackend c\n server x 1.1.1.1\n server y 1.1.1.2 id 1\n").proxies
    assert [px.id for px in proxies] == [None, 1, None]
    assert [srv.id for srv in proxies[2].servers] == [None, 1]


def test_setenv_reaches_later_lines_and_the_processes() -> None:
    configuration = accepted('global\n setenv PORT 8081\nfrontend f\n bind ":${PORT}"\n')
    assert configuration.proxies[0].binds[0].address.port == 8081
    assert configuration.global_.environment == {"PORT": "8081"}


def test_presetenv_leaves_what_is_set() -> None:
    assert accepted("global\n presetenv A new\n", A="old").global_.environment == {}


def test_http_modes_exclude_each_other() -> None:
    text = "defaults\n option httpclose\nbackend a\n option http-server-close\nbackend b\n no option httpclose\nbackend c\n"
    assert [px.http_mode for px in accepted(text).proxies] == ["server-close", "keep-alive", "close"]


def test_option_tcpka_sets_the_sides_that_the_section_has() -> None:
    text = "frontend f\n bind :80\n option tcpka\nbackend b\n option tcpka\nlisten l\n bind :81\n option tcpka\n"
    assert [sorted(px.options) for px in accepted(text).proxies] == [["clitcpka"], ["srvtcpka"], ["clitcpka", "srvtcpka"]]


def test_one_bad_line_does_not_hide_the_others() -> None:
    text = "global\n foo\nfrontend f\n bind :x\n default_backend nosuch\nbackend b\n server s 10.0.0.1:80 chek\n"
    assert codes(load_text(text, environment={})) == ["unknown-keyword", "bad-address", "unknown-keyword", "unknown-backend"]


def test_refused_mode_is_not_reported_twice_as_a_mismatch() -> None:
    text = "defaults\n mode http\nfrontend f\n bind :80\n default_backend b\nbackend b\n mode tcp x\n"
    assert codes(load_text(text, environment={})) == ["unexpected-argument"]


def test_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLB_TEST_PORT", "8082")
    configuration, _ = load_text('frontend f\n bind ":${FASTLB_TEST_PORT}"\n')
    assert configuration is not None and configuration.proxies[0].binds[0].address.port == 8082


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"HTTP/1.0 503 SU\nA: b\n\nbody", b"HTTP/1.0 503 SU\r\na: b\r\n\r\nbody"),
        (
            b"HTTP/1.1 404 Nope\r\nFoo: x\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 404 Nope\r\nfoo: x\r\ncontent-length: 3\r\n\r\nabc",
        ),
        (b"HTTP/1.1 503 x\r\nFoo: a\r\n b\r\n\r\n", b"HTTP/1.1 503 x\r\nfoo: a b\r\nconnection: close\r\n\r\n"),
        (b"\r\nHTTP/1.0 503 x\r\nConnection: close\r\n\r\n", b"HTTP/1.0 503 x\r\n\r\n"),
    ],
)
def test_error_file_is_sent_as_haproxy_sends_it(raw: bytes, sent: bytes) -> None:
    assert normalize(raw) == sent


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"HTTP/1.0 503 SU\nA: b\n", "unable to parse headers (error offset: -2)"),
        (
            b"HTTP/1.1 503\r\nContent-Length: 100\r\n\r\nabc",
            "payload size does not match the announced content-length (3 != 100)",
        ),
        (b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunk-encoded payload not supported"),
        (b"HTTP/2 503 x\r\n\r\n", "invalid http version (HTTP/2)"),
        (b"HTTP/1.1 503 x\r\nFoo : a\r\n\r\n", "unable to parse headers (error offset: 16)"),
        (b"root:x:0:0\n\n", "unable to parse headers (error offset: 0)"),
        (b"\n\n", "unable to parse headers (error offset: -2)"),
    ],
)
def test_error_file_that_is_no_answer_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        normalize(raw)
    assert caught.value.message == message


def test_error_file_that_is_empty_sends_nothing() -> None:
    assert accepted("frontend f\n mode http\n bind :80\n errorfile 400 /dev/null\n").proxies[0].errorfiles == {400: b""}
