"""Times, sizes, numbers and addresses."""

from __future__ import annotations

import socket

import pytest

from fastlb.config.model import Address
from fastlb.config.values import (
    MAX_TIME_MS,
    AddressRules,
    Resolver,
    TimeFault,
    ValueFault,
    excess_of_time,
    expand_address,
    parse_address,
    parse_integer,
    parse_leading_integer,
    parse_size,
    parse_time,
)

BIND = AddressRules(port="mandatory", ranges=True, fd=True)
SERVER = AddressRules(port="offset", late=True)
NOBODY = Resolver(lambda name, family: None)


@pytest.mark.parametrize(
    ("word", "milliseconds"),
    [
        ("0", 0),
        ("5", 5),
        ("5ms", 5),
        ("5s", 5000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1us", 1),
        ("1500us", 2),
        ("2147483647", MAX_TIME_MS),
        ("24d", 2_073_600_000),
        ("5sec", 5000),
        ("15min", 900_000),
        ("1hour", 3_600_000),
    ],
)
def test_time_is_milliseconds_rounded_up(word: str, milliseconds: int) -> None:
    assert parse_time(word) == milliseconds


def test_bare_time_has_the_unit_of_its_keyword() -> None:
    assert parse_time("10", "s") == 10_000


def test_tail_of_a_time_is_told() -> None:
    assert [excess_of_time(word) for word in ("5s", "5sec", "15min", "5ms", "5msx", "5")] == ["", "ec", "in", "", "x", ""]


@pytest.mark.parametrize(
    ("word", "character"),
    [
        ("x", "x"),
        ("5x", "x"),
        ("1.5s", "."),
        ("-5", "-"),
        ("5S", "S"),
        ("\u0663", "\u0663"),
        ("2147483648", ""),
        ("25d", ""),
        ("9" * 400 + "d", ""),
    ],
)
def test_bad_time_names_the_character_or_overflows(word: str, character: str) -> None:
    with pytest.raises(TimeFault) as caught:
        parse_time(word)
    assert caught.value.character == character


def test_sizes_are_powers_of_1024() -> None:
    assert [parse_size(word) for word in ("5", "16k", "1m", "2G")] == [5, 16384, 1 << 20, 2 << 30]
    for word in ("", "k", "5kb", "5 k", "-1", "9" * 30):
        with pytest.raises(ValueFault):
            parse_size(word)


def test_integers_are_checked_or_read_like_atol() -> None:
    assert [parse_integer(word) for word in ("5", "-5", "+5")] == [5, -5, 5]
    assert [parse_leading_integer(word) for word in ("12x", "x", "", " 7", "-3;")] == [12, 0, 0, 7, -3]
    for word in ("", "5x", "0x10", "1_000", "\u0665", "9" * 30):
        with pytest.raises(ValueFault):
            parse_integer(word)


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("*:80", Address("ipv4", "", 80, 80)),
        (":80", Address("ipv4", "", 80, 80)),
        ("0.0.0.0:80", Address("ipv4", "", 80, 80)),
        (":8000-8010", Address("ipv4", "", 8000, 8010)),
        ("127.0.0.1:1", Address("ipv4", "127.0.0.1", 1, 1)),
        ("[::1]:80", Address("ipv6", "::1", 80, 80)),
        ("::1:80", Address("ipv6", "::1", 80, 80)),
        (":::80", Address("ipv6", "", 80, 80)),
        ("[2001:db8::1]:80-81", Address("ipv6", "2001:db8::1", 80, 81)),
        ("ipv4@:80", Address("ipv4", "", 80, 80)),
        ("ipv6@:80", Address("ipv6", "", 80, 80)),
        ("tcp6@[::1]:80", Address("ipv6", "::1", 80, 80)),
        ("stream+ipv4@1.2.3.4:5", Address("ipv4", "1.2.3.4", 5, 5)),
        ("/run/x.sock", Address("unix", "/run/x.sock")),
        ("unix@run/x.sock", Address("unix", "run/x.sock")),
        ("uxst@/x", Address("unix", "/x")),
        ("abns@name", Address("abns", "name")),
    ],
)
def test_bind_address_is_read_as_haproxy_reads_it(word: str, address: Address) -> None:
    assert parse_address(word, BIND, NOBODY) == address


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (":99999", "invalid port '99999'"),
        (":0", "invalid port '0'"),
        ("1.2.3.4", "missing port specification in '1.2.3.4'"),
        ("*:", "missing port specification in '*:'"),
        ("nobody.test:80", "invalid address: 'nobody.test' in 'nobody.test:80'"),
        ("1.2.3.4:+80", "port offset not permitted here in '1.2.3.4:+80'"),
        (":90-80", "invalid port range '90-80'"),
        (":a", "invalid character 'a' in port number 'a' in ':a'"),
        ("fd@x", "file descriptor 'x' is not a valid integer in 'fd@x'"),
        ("fd@999999", "cannot use file descriptor '999999' : Bad file descriptor."),
        ("udp@:80", "dgram-type address not acceptable in 'udp@:80'"),
        ("unix@", "missing socket path in 'unix@'"),
        ("/" + "x" * 97, f"socket path '/{'x' * 97}' too long (max 97)"),
        ("", "missing address"),
    ],
)
def test_bad_bind_address_is_refused_with_haproxys_words(word: str, message: str) -> None:
    with pytest.raises(ValueFault) as caught:
        parse_address(word, BIND, NOBODY)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("1.2.3.4", Address("ipv4", "1.2.3.4")),
        ("1.2.3.4:", Address("ipv4", "1.2.3.4")),
        ("1.2.3.4:0", Address("ipv4", "1.2.3.4")),
        ("1.2.3.4:+10", Address("ipv4", "1.2.3.4", port_offset=10)),
        ("1.2.3.4:-5", Address("ipv4", "1.2.3.4", port_offset=-5)),
        ("[::1]", Address("ipv6", "::1")),
        ("*", Address("ipv4")),
        ("name.test:80", Address("ip", "", 80, 80, name="name.test")),
        ("ipv6@name.test:80", Address("ipv6", "", 80, 80, name="name.test")),
        ("::1", Address("ip", "", 1, 1, name=":")),
    ],
)
def test_server_address_may_lack_a_port_and_leave_names_for_later(word: str, address: Address) -> None:
    assert parse_address(word, SERVER, NOBODY) == address


def test_file_descriptor_must_be_a_socket() -> None:
    with socket.socket() as sock:
        assert parse_address(f"fd@{sock.fileno()}", BIND, NOBODY) == Address("fd", fd=sock.fileno())
    with open("/dev/null", "rb") as stream, pytest.raises(ValueFault, match="non-socket"):
        parse_address(f"fd@{stream.fileno()}", BIND, NOBODY)


def test_addresses_take_variables_outside_quotes() -> None:
    variables = {"HOST": "10.0.0.1", "PORT": "80"}.get
    assert expand_address("${HOST}:$PORT", variables) == "10.0.0.1:80"
    assert expand_address(":$NONE", variables) == ":"
    with pytest.raises(ValueFault, match="environment variable missing"):
        expand_address("$NONE", variables)


def test_each_name_is_asked_once() -> None:
    asked: list[str] = []

    def lookup(name: str, family: int) -> str | None:
        asked.append(name)
        return None

    resolver = Resolver(lookup)
    assert [resolver.resolve("x.test") for _ in range(3)] == [None, None, None]
    assert asked == ["x.test"]
