"""Values as HAProxy writes them: times, sizes, numbers, socket addresses, users and groups.

Each function takes one word and returns a value or raises a `ValueFault` whose text is HAProxy's; nothing here knows which
keyword asked, or prints. Host names are left to a `Resolver`, so that tests and tools can do without a network.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace

from .model import Address

MAX_TIME_MS = 2147483647
MAX_UNIX_PATH = 97  # haproxy: sun_path of 108 less what its temporary names add
MAX_PORT = 65535

# us are counted in thousandths of a millisecond so that everything stays integer.
_TIME_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_SIZE_UNITS = {"": 0, "k": 10, "K": 10, "m": 20, "M": 20, "g": 30, "G": 30}
_NUMBER = re.compile(r"[0-9]+")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_LEADING_INTEGER = re.compile(r"[ \t]*([+-]?[0-9]+)")


class ValueFault(Exception):
    """A word that is not such a value; the text says why, `code` and `hint` are the diagnostic's."""

    def __init__(self, message: str, code: str = "bad-value", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


class TimeFault(ValueFault):
    """A bad time: `character` is the first one that fits nowhere, "" where the value is too large."""

    def __init__(self, character: str) -> None:
        super().__init__(f"unexpected character '{character}'" if character else "timer overflow")
        self.character = character

    @property
    def is_overflow(self) -> bool:
        return not self.character


def parse_time(word: str, unit: str = "ms", most: int = MAX_TIME_MS) -> int:
    """Milliseconds of a time such as `10s` (manual, section 2.5); rounded up. `unit` is that of a bare number.

    Raises TimeFault for another character or for more than `most`.
    """
    digits = _NUMBER.match(word)
    if digits is None:
        raise TimeFault(word[:1] or " ")
    suffix = word[digits.end() :]
    factor = _TIME_UNITS.get(_time_unit(suffix) if suffix else unit)
    if factor is None:
        raise TimeFault(suffix[:1])
    if digits.end() > 20:
        raise TimeFault("")
    value = -(-int(digits.group()) * factor // 1000)
    if value > most:
        raise TimeFault("")
    return value


def _time_unit(suffix: str) -> str:
    return suffix[:2] if suffix[:2] in ("us", "ms") else suffix[:1]


def excess_of_time(word: str) -> str:
    """What stands behind the unit: "ec" of `5sec`. HAProxy 2.6 takes such a time with a warning; see `Statement.milliseconds`."""
    digits = _NUMBER.match(word)
    suffix = word[digits.end() :] if digits is not None else ""
    return suffix[len(_time_unit(suffix)) :]


def parse_size(word: str) -> int:
    """Bytes of a size such as `16k` (k, m and g are powers of 1024). Raises ValueFault."""
    digits = _NUMBER.match(word)
    shift = _SIZE_UNITS.get(word[digits.end() :]) if digits is not None else None
    if digits is None or shift is None or digits.end() > 18:
        raise ValueFault(f"'{word}' is not a size")
    return int(digits.group()) << shift


def parse_integer(word: str) -> int:
    """A whole decimal number, a sign allowed. Raises ValueFault for anything else, an empty word too.

    # haproxy: 2.6 reads many numbers with atol() and takes `12x` as 12 and `x` as 0; 3.x checks. fastlb always checks.
    """
    match = _LEADING_INTEGER.fullmatch(word)
    if match is None or len(word) > 19:
        raise ValueFault(f"'{word}' is not a number")
    return int(match.group(1))


def parse_leading_integer(word: str) -> int:
    """What C's atol() reads: the number at the beginning of the word, 0 without one."""
    match = _LEADING_INTEGER.match(word[:19])
    return int(match.group(1)) if match else 0


def names(text: str) -> list[str]:
    """The words of a text: tables of plain names stay readable this way."""
    return text.split()


def user_id(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError, UnicodeError):
        return None


def group_id(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError, UnicodeError):
        return None


# --- addresses (manual, section 11 in 3.x, "bind" and "server" in 2.6) ---

Lookup = Callable[[str, int], str | None]


class Resolver:
    """Host names to numeric addresses, each asked once. `lookup(name, family)` answers None for an unknown name; it may block."""

    def __init__(self, lookup: Lookup | None = None) -> None:
        self._lookup = lookup or system_lookup
        self._answers: dict[tuple[str, int], str | None] = {}

    def resolve(self, name: str, family: int = socket.AF_UNSPEC) -> str | None:
        key = (name, family)
        if key not in self._answers:
            self._answers[key] = self._lookup(name, family)
        return self._answers[key]


def system_lookup(name: str, family: int) -> str | None:
    """The first address that getaddrinfo() gives, or None; blocks for as long as the system's resolver does."""
    try:
        answers = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return None
    return next((str(sockaddr[0]) for af, _, _, _, sockaddr in answers if af in (socket.AF_INET, socket.AF_INET6)), None)


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What a place in the configuration lets an address be.

    port: "no" (refused), "optional", "mandatory" or "offset" (optional, `+n` and `-n` too). ranges: `80-90`.
    fd: `fd@N`. any_host: `*` and an empty host. stream, dgram: the kinds of socket. late: an unknown host name gives an
    address with `host` "" and `name` set, instead of a fault.
    """

    port: str = "optional"
    ranges: bool = False
    fd: bool = False
    stream: bool = True
    dgram: bool = False
    unix: bool = True
    late: bool = False


_FAMILIES: dict[str, tuple[str, str]] = {  # prefix -> family ("ip": either), kind ("": as the place has it)
    "ipv4": ("ipv4", ""),
    "ipv6": ("ipv6", ""),
    "unix": ("unix", ""),
    "abns": ("abns", ""),
    "fd": ("fd", ""),
    "tcp": ("ip", "stream"),
    "tcp4": ("ipv4", "stream"),
    "tcp6": ("ipv6", "stream"),
    "udp": ("ip", "dgram"),
    "udp4": ("ipv4", "dgram"),
    "udp6": ("ipv6", "dgram"),
    "uxst": ("unix", "stream"),
    "uxdg": ("unix", "dgram"),
}
_UNSUPPORTED_FAMILIES = ("abnsz", "sockpair", "ring", "rhttp", "quic4", "quic6", "mptcp", "mptcp4", "mptcp6")


def expand_address(word: str, lookup: Callable[[str], str | None]) -> str:
    """The word with `$NAME` and `${NAME}` replaced. Raises ValueFault where nothing is left.

    # haproxy: addresses, and they alone, take variables outside double quotes too.
    """
    if "$" not in word:
        return word
    expanded = _VARIABLE.sub(lambda match: lookup(match.group(1) or match.group(2)) or "", word)
    if not expanded:
        raise ValueFault(f"'{word}' resolves to an empty address (environment variable missing?)", "bad-address")
    return expanded


def parse_address(word: str, rules: AddressRules, resolver: Resolver) -> Address:
    """One address. Raises ValueFault with HAProxy's words; may block in the resolver."""
    if not word:
        raise ValueFault("missing address", "bad-address")
    family, text = _split_family(word, rules)
    if family == "fd":
        return _parse_fd(text, word, rules)
    if family in ("unix", "abns") or (family == "" and text.startswith("/")):
        return _parse_path(family or "unix", text, word, rules)
    return _parse_ip(family or "ip", text, word, rules, resolver)


def _split_family(word: str, rules: AddressRules) -> tuple[str, str]:
    """The family ("" where none is written) and the rest; refuses kinds of sockets that `rules` exclude."""
    text, kind = word, ""
    for prefix in ("stream+", "dgram+"):
        if text.startswith(prefix):
            kind, text = prefix[:-1], text[len(prefix) :]
    name, at, rest = text.partition("@")
    family = ""
    if at and (name in _UNSUPPORTED_FAMILIES or text.startswith("quic+")):
        raise ValueFault(f"address family '{name}@' is not supported by fastlb yet in '{word}'", "unsupported-address")
    if at and name in _FAMILIES:
        family, own_kind = _FAMILIES[name]
        kind, text = own_kind or kind, rest
    if kind == "dgram" and not rules.dgram:
        raise ValueFault(f"dgram-type address not acceptable in '{word}'", "bad-address")
    if kind == "stream" and not rules.stream:
        raise ValueFault(f"stream-type address not acceptable in '{word}'", "bad-address")
    return family, text


def _parse_fd(text: str, word: str, rules: AddressRules) -> Address:
    if not rules.fd:
        raise ValueFault(f"a file descriptor is not acceptable here in '{word}'", "bad-address")
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise ValueFault(f"file descriptor '{text}' is not a valid integer in '{word}'", "bad-address")
    descriptor = int(text)
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError as error:
        raise ValueFault(f"cannot use file descriptor '{descriptor}' : {error.strerror}.", "bad-address") from None
    if rules.stream and not stat.S_ISSOCK(mode):
        raise ValueFault(f"cannot use file descriptor '{descriptor}' : Socket operation on non-socket.", "bad-address")
    return Address("fd", fd=descriptor)


def _parse_path(family: str, text: str, word: str, rules: AddressRules) -> Address:
    if not rules.unix:
        raise ValueFault(f"a UNIX socket is not acceptable here in '{word}'", "bad-address")
    if not text:
        raise ValueFault(f"missing socket path in '{word}'", "bad-address")
    if len(text.encode("utf-8", "surrogateescape")) > MAX_UNIX_PATH:
        raise ValueFault(f"socket path '{text}' too long (max {MAX_UNIX_PATH})", "bad-address")
    return Address(family, text)


def _parse_ip(family: str, text: str, word: str, rules: AddressRules, resolver: Resolver) -> Address:
    host, port = _split_port(text, rules)
    low, high, offset = _port_range(port, word, rules)
    if host in ("", "*"):
        if family == "ip" and host == "" and port is None:
            raise ValueFault(f"invalid address: '{host}' in '{word}'", "bad-address")
        return Address("ipv4" if family == "ip" else family, "", low, high, offset)
    for name, number in (("ipv4", socket.AF_INET), ("ipv6", socket.AF_INET6)):
        if family in (name, "ip") and (packed := _packed(number, host)) is not None:
            return Address(name, socket.inet_ntop(number, packed) if any(packed) else "", low, high, offset)
    address = Address(family, "", low, high, offset, name=host)
    if rules.late:
        return address
    found = resolved(address, resolver)
    if found is None:
        raise ValueFault(f"invalid address: '{host}' in '{word}'", "bad-address")
    return found


def _packed(number: int, host: str) -> bytes | None:
    try:
        return socket.inet_pton(number, host)
    except (OSError, UnicodeError, ValueError):
        return None


def _split_port(text: str, rules: AddressRules) -> tuple[str, str | None]:
    """Host and port; the port is None where there is none. The last colon outside brackets begins the port."""
    if text.startswith("["):
        closing = text.find("]")
        if closing > 0:
            rest = text[closing + 1 :]
            return text[1:closing], rest[1:] if rest.startswith(":") else None
    if rules.port == "no" and _packed(socket.AF_INET6, text) is not None:
        return text, None
    host, colon, port = text.rpartition(":")
    return (host, port) if colon else (text, None)


def _port_range(port: str | None, word: str, rules: AddressRules) -> tuple[int, int, int | None]:
    """Lowest port, highest port and offset of what stands behind the host's colon."""
    if not port:
        if rules.port == "mandatory":
            raise ValueFault(f"missing port specification in '{word}'", "bad-address")
        return 0, 0, None
    if rules.port == "no":
        raise ValueFault(f"port specification not permitted here in '{word}'", "bad-address")
    if port[0] in "+-":
        if rules.port != "offset":
            raise ValueFault(f"port offset not permitted here in '{word}'", "bad-address")
        return 0, 0, _port_number(port[1:], 0) * (-1 if port[0] == "-" else 1)
    if not port[0].isdecimal():
        raise ValueFault(f"invalid character '{port[0]}' in port number '{port}' in '{word}'", "bad-address")
    low, dash, high = port.partition("-")
    if not dash:
        number = _port_number(port, 0 if rules.port == "offset" else 1)
        return number, number, None
    if not rules.ranges:
        raise ValueFault(f"port range not permitted here in '{word}'", "bad-address")
    first, last = _port_number(low, 1), _port_number(high, 1)
    if first > last:
        raise ValueFault(f"invalid port range '{port}'", "bad-address")
    return first, last, None


def _port_number(text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and least <= int(text) <= MAX_PORT):
        raise ValueFault(f"invalid port '{text}'", "bad-address")
    return int(text)


def resolved(address: Address, resolver: Resolver) -> Address | None:
    """The address with `host` looked up from `name`; None if nobody knows it. Family "ip" becomes the one found."""
    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(address.family, socket.AF_UNSPEC)
    found = resolver.resolve(address.name, wanted)
    if found is None:
        return None
    return replace(address, family="ipv6" if ":" in found else "ipv4", host=found)
