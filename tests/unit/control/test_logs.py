"""Log lines of control: headers as HAProxy writes them, targets, levels, and sinks that do not take a line."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

import pytest

from fastlb.config import model
from fastlb.config.log_model import LogTarget
from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import Journal, printable
from fastlb.control.logs.sender import Sender

from .conftest import HERE, Lines, backend

ORIGIN = fmt.Origin("tg", "", 21261)
NAMED = fmt.Origin("tg", "foo", 21270)
WHEN = 1795437536.862436


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


# Seen on HAProxy 2.6: facility local0, level alert.
@pytest.mark.parametrize(
    ("style", "header"),
    [
        ("rfc3164", "<129>Nov 23 12:38:56 localhost tg[21261]: "),
        ("local", "<129>Nov 23 12:38:56 tg[21261]: "),
        ("rfc5424", "<129>1 2026-11-23T12:38:56.862436+00:00 - tg 21261 - - "),
        ("raw", ""),
        ("short", "<1>"),
        ("timed", "<1>2026-11-23T12:38:56.862436+00:00 "),
        ("priority", "<129>"),
        ("iso", "2026-11-23T12:38:56.862436+00:00 "),
    ],
)
def test_header(style: str, header: str) -> None:
    assert fmt.header(style, "local0", fmt.ALERT, ORIGIN, WHEN) == header


def test_host_name_stands_where_log_send_hostname_asks_for_it() -> None:
    assert fmt.header("rfc3164", "local0", fmt.ALERT, NAMED, WHEN) == "<129>Nov 23 12:38:56 foo tg[21270]: "
    assert " foo tg 21270 " in fmt.header("rfc5424", "local0", fmt.ALERT, NAMED, WHEN)
    assert "foo" not in fmt.header("local", "local0", fmt.ALERT, NAMED, WHEN)


def journal(
    *targets: LogTarget, own: list[LogTarget] | None = None, tag: str | None = None, hostname: str | None = None
) -> tuple[Journal, model.Proxy, Lines]:
    configuration = model.Configuration(model.Global(logs=list(targets), log_tag=tag, log_send_hostname=hostname))
    proxy = backend("be", logs=own or [], log_global=True)
    lines = Lines()
    return Journal(configuration, 7, is_quiet=True, sender=lines, clock=lambda: WHEN), proxy, lines


@pytest.mark.parametrize(
    ("asked", "hostname", "shown"),
    [(False, None, "tg["), (True, None, "localhost tg["), (False, "h", "h tg["), (True, "h", "h tg[")],
)
def test_rfc3164_has_a_host_name_where_the_target_or_the_section_asks(asked: bool, hostname: str | None, shown: str) -> None:
    log, proxy, lines = journal(target(format="rfc3164", with_hostname=asked), tag="tg", hostname=hostname)
    log.proxy(proxy, fmt.ALERT, "x")
    assert lines.take() == [f"<129>Nov 23 12:38:56 {shown}7]: x"]


def target(**settings: object) -> LogTarget:
    return LogTarget(HERE, None, fd=1, **{"format": "short", **settings})  # type: ignore[arg-type]


def test_target_takes_its_levels_only_and_lifts_the_severe_ones() -> None:
    log, proxy, lines = journal(target(level="notice", min_level="err"))
    for level in (fmt.EMERG, fmt.ERR, fmt.NOTICE, fmt.INFO):
        log.proxy(proxy, level, "x")
    assert lines.take() == ["<3>x", "<3>x", "<5>x"]


def test_proxy_has_its_own_targets_besides_the_global_ones() -> None:
    log, proxy, lines = journal(target(), own=[target(format="priority", facility="local1")])
    log.proxy(proxy, fmt.ALERT, "x")
    assert lines.take() == ["<137>x", "<1>x"]
    proxy.log_global = False
    log.proxy(proxy, fmt.ALERT, "x")
    assert lines.take() == ["<137>x"]
    log.program(fmt.ALERT, "x")
    assert lines.take() == ["<1>x"]


def test_global_target_that_was_copied_to_the_proxy_gets_one_line() -> None:
    one = target()
    log, proxy, lines = journal(one, own=[one])
    log.proxy(proxy, fmt.ALERT, "x")
    assert lines.take() == ["<1>x"]


def test_terminal_line_is_haproxys(capfd: pytest.CaptureFixture[str]) -> None:
    log = Journal(model.Configuration(), 7)
    for label in ("alert", "warning", "notice"):
        log.terminal(label, "text")
    err = capfd.readouterr().err
    assert err == "[ALERT]    (7) : text\n[WARNING]  (7) : text\n[NOTICE]   (7) : text\n"


def test_udp_unix_and_descriptor_sinks(tmp_path: Path, socket_path: Path) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unix.bind(str(socket_path))
    reader, writer = os.pipe()
    sender = Sender()
    port = udp.getsockname()[1]
    sender.send(LogTarget(HERE, model.Address("ipv4", "127.0.0.1", port, port)), b"one\n")
    sender.send(LogTarget(HERE, model.Address("unix", str(socket_path))), b"two\n")
    sender.send(LogTarget(HERE, None, fd=writer), b"three\n")
    assert (udp.recv(99), unix.recv(99), os.read(reader, 99)) == (b"one\n", b"two\n", b"three\n")
    sender.send(LogTarget(HERE, None, fd=writer, max_length=80), b"x" * 100 + b"\n")
    assert os.read(reader, 999) == b"x" * 79 + b"\n"
    assert sender.dropped == 0
    sender.close()
    for sock in (udp, unix):
        sock.close()
    os.close(reader)
    os.close(writer)


def test_full_or_missing_sink_drops_the_line_and_does_not_block(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    sender = Sender()
    sender.send(LogTarget(HERE, None, fd=writer), b"lost\n")
    sender.send(LogTarget(HERE, model.Address("unix", str(tmp_path / "nobody"))), b"lost\n")
    assert sender.dropped == 2
    os.close(reader)
    os.close(writer)


def test_printable_leaves_no_byte_that_ends_a_line_or_a_quote() -> None:
    assert printable('a"b\x00\n\x7fé') == "a<22>b<00><0A><7F><C3><A9>"
    assert re.fullmatch(r"[ !#-~]*", printable("".join(map(chr, range(256)))))
