"""`option ldap-check`: an anonymous bind, and its result (RFC 4511, section 4.2).

Knows as much of BER as the answer has: tags, and lengths in their short and long forms.
"""

from __future__ import annotations

from fastlb.config.check_rules import Expect, Send, Step, Verdict

_SEQUENCE, _INTEGER, _ENUMERATED, _BIND_RESPONSE = 0x30, 0x02, 0x0A, 0x61
# Message 1: bind, version 3, no name, simple authentication without a password.
_BIND = bytes.fromhex("300c020101600702010304008000")
_LEAST = 14
_SEE = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"


def _header(data: bytes, at: int) -> tuple[int, int]:
    """The tag at `at`, and where its content begins. Raises IndexError."""
    length = data[at + 1]
    return data[at], at + 2 + (length & 0x7F if length & 0x80 else 0)


def _judge(data: bytes, is_final: bool) -> Verdict | None:
    wrong = Verdict("L7RSP", 0, "Not LDAPv3 protocol")
    if len(data) < _LEAST and not is_final:
        return None
    if data[:1] != bytes([_SEQUENCE]):
        return wrong
    if len(data) < _LEAST:
        return Verdict("L7RSP")
    try:
        _, at = _header(data, 0)
        if data[at : at + 3] != bytes([_INTEGER, 1, 1]):
            return wrong
        tag, at = _header(data, at + 3)
        if tag != _BIND_RESPONSE:
            return wrong
        if data[at : at + 2] != bytes([_ENUMERATED, 1]):
            return wrong
        code = data[at + 2]
    except IndexError:
        return wrong if is_final else None
    return Verdict("L7STS", code, _SEE) if code else Verdict("L7OK", 0, "Success")


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    return Send(_BIND), Expect("judge", _judge)
