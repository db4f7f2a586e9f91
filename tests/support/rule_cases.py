"""Every action in every rule set that takes it in HAProxy 2.6, with what shows afterwards that it has acted.

Knows the lines. Must not know what comes out: haproxy says that. `{map}` and `{acl}` stand for empty files of the case's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastlb.config.actions.row import RULE_SETS

ARRAYS = "gpc(3),gpt(3)"
PLAIN = "gpc0,gpc1,gpt0"

@dataclass(frozen=True)
class RuleCase:
    """lines: without their keyword. seen: a format that is shown in the answer's X-Seen. store: of the proxy's table."""

    letter: str
    lines: tuple[str, ...]
    seen: str = ""
    store: str = PLAIN

    @property
    def keyword(self) -> str:
        return RULE_SETS[self.letter][0]

    @property
    def id(self) -> str:
        return f"{self.keyword} {self.lines[-1]}"

def _in(letters: str, *lines: str, seen: str = "", store: str = PLAIN) -> list[RuleCase]:
    return [RuleCase(letter, lines, seen, store) for letter in letters]

def _all(*groups: Iterable[RuleCase]) -> list[RuleCase]:
    return [case for group in groups for case in group]

VARIABLES = _all(
    _in("cstrHRA", "set-var(sess.v) int(5)", seen="%[var(sess.v)]"),
    _in("cstrHRA", "set-var(sess.v) int(5)", "set-var(sess.v,ifnotexists) int(6)", seen="%[var(sess.v)]"),
    _in("cstrHRA", "set-var-fmt(sess.v) <%[src]>", seen="%[var(sess.v)]"),
    _in("cstrHRA", "set-var(sess.v) int(5)", "unset-var(sess.v)", seen="(%[var(sess.v)])"),
)
COUNTERS = _all(
    _in("cstrHR", "sc-inc-gpc(1,0)", seen="%[sc_get_gpc(1,0)]", store=ARRAYS),
    _in("cstrHR", "sc-inc-gpc0(0)", seen="%[sc0_get_gpc0]"),
    _in("cstrHR", "sc-inc-gpc1(0)", "sc-inc-gpc1(0)", seen="%[sc0_get_gpc1]"),
    _in("cstrHR", "sc-set-gpt(2,0) 7", seen="%[sc_get_gpt(2,0)]", store=ARRAYS),
    _in("trHR", "sc-set-gpt(2,0) int(5),add(4)", seen="%[sc_get_gpt(2,0)]", store=ARRAYS),
    _in("cstrHR", "sc-set-gpt0(0) 7", seen="%[sc0_get_gpt0]"),
    *(_in("cstHR", f"track-sc{number} src", seen=f"%[sc_tracked({number})]%[sc_conn_cur({number})]") for number in range(3)),
    _in("cstHR", "track-sc src", seen="%[sc_tracked(0)]"),
)
CONNECTION = _all(
    _in("cstH", "set-src ipv4(1.2.3.4)", seen="%[src]"),
    _in("cstH", "set-src-port int(99)", seen="%[src_port]"),
    _in("cstH", "set-dst ipv4(1.2.3.5)", seen="%[dst]"),
    _in("cstH", "set-dst-port int(98)", seen="%[dst_port]"),
    _in("cstrHR", "set-tos 0x10"),
    _in("cstrHR", "set-mark 1"),
    _in("trHR", "set-nice 5"),
    _in("trHR", "set-log-level err"),
    _in("tH", "set-priority-class int(5)", seen="%[prio_class]"),
    _in("tH", "set-priority-offset int(-5)", seen="%[prio_offset]"),
    _in("H", "set-timeout server 3s", seen="%[cur_server_timeout]"),
    _in("H", "set-timeout tunnel int(4000)", seen="%[cur_tunnel_timeout]"),
)
VERDICTS = _all(
    _in("cstr", "accept", "reject"),
    _in("cstH", "reject"),
    # haproxy: without a condition they may act before the request has left.
    _in("r", "reject if { res.hdr(x-v) -m found }"),
    _in("HRA", "allow", "set-var(txn.v) int(1)", seen="(%[var(txn.v)])"),
    _in("HR", "allow", "deny"),
    _in("cstHR", "silent-drop"),
    _in("r", "silent-drop if { res.hdr(x-v) -m found }"),

    _in("r", "close if { res.hdr(x-none) -m found }"),
    _in("t", "switch-mode http", "set-var(sess.v) int(1)", seen="(%[var(sess.v)])"),
)
HEADERS = _all(
    _in("RA", "add-header X-V a", "add-header X-V b%[status]"),
    _in("RA", "set-header X-V a", "set-header X-V b"),
    _in("RA", "set-header X-V axb", "replace-header X-V (.)x(.) \\2-\\1"),
    _in("RA", "set-header X-V a,b", "replace-value X-V b c"),
    _in("RA", "add-header X-V a", "del-header X-V"),
    _in("RA", "set-status 202 reason x", "strict-mode off"),
)
CONTENTS = _all(
    _in("R", "add-acl({acl}) k", "del-acl({acl}) k", "set-var(txn.v) int(1) if { str(k) -f {acl} }", seen="(%[var(txn.v)])"),
    _in("R", "add-acl({acl}) k", "set-var(txn.v) int(1) if { str(k) -f {acl} }", seen="(%[var(txn.v)])"),
    _in("HR", "set-map({map}) k v%[src]", seen="%[str(k),map({map},none)]"),
    _in("HR", "set-map({map}) k v", "del-map({map}) k", seen="%[str(k),map({map},none)]"),
)
CASES = _all(VARIABLES, COUNTERS, CONNECTION, VERDICTS, HEADERS, CONTENTS)

def server_hello(*versions: int) -> bytes:
    """A record of TLS with the start of a ServerHello."""
    hello = bytes(versions) + bytes(32) + b"\0\x13\x01\0"
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message

# What a server says in TCP mode, and what rules find in it.
ANSWERS = (b"abcdef", b"\x03abcdef", b"\0", server_hello(3, 3), b"\x16\x03\x03\0\x04\x0e\0\0\0", b"\x15\x03\x03\0\x02\x02\x28")
LOOKS = (
    *("res.payload(0,3),hex", "res.payload(2,0),hex", "res.payload_lv(0,1),hex", "res.payload_lv(1,2),hex", "res.len"),
    *("res.ssl_hello_type", "rep_ssl_hello_type"),
)
