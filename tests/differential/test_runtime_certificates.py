"""Commands on certificates, authorities, revocation lists, crt-lists and keys of tickets: the same ones in the same order are
answered as haproxy answers them, and clients are shown the same certificates after each.

The files are made once for both programs; each has a copy in its own directory.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator

import pytest

from support.certificates import Authority, self_signed
from support.proxy import Proxy
from support.secure import SecureClient

CONFIG = """
global
    ssl-load-extra-files all
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend fe
    bind fd@one ssl crt a.pem crt-list list tls-ticket-keys keys
    bind fd@two ssl crt b.pem verify optional ca-file ca.crt crl-file ca.crl
    http-request return status 200
backend be
    server s1 127.0.0.1:18302 ssl verify required ca-file ca.crt crt a.pem
"""
AUTHORITY, OTHER = Authority("ca", key="rsa"), Authority("other")
A, B, C, D = (self_signed(f"{name}.test", f"*.{name}.test", key="rsa") for name in "abcd")
E = AUTHORITY.issue("e.test", key="ecdsa")
CHAINED = Authority("below", AUTHORITY).issue("f.test")
KEYS = [base64.b64encode(bytes([number]) * 48).decode() for number in range(1, 6)]
FILES = {
    "a.pem": A.pem.decode(),
    "b.pem": B.pem.decode(),
    "c.pem": C.pem.decode(),
    "list": "c.pem [verify optional ca-file ca.crt] c.test !x.c.test\nb.pem\n# comment\n\nc.pem Other.TEST\n",
    "keys": "\n".join(KEYS[:3]) + "\n",
    "ca.crt": AUTHORITY.crt.decode(),
    "ca.crl": AUTHORITY.revoke(E).decode(),
}
PAYLOADS = {
    "A": A.pem, "B": B.pem, "C": C.pem, "D": D.pem, "E": E.pem, "F": CHAINED.pem,
    "DCRT": D.crt, "DKEY": D.private, "CA": AUTHORITY.crt,
    "BOTH": OTHER.crt + AUTHORITY.crt, "CRL": AUTHORITY.revoke(), "JUNK": b"ju-nk\n",
    "NEW": b"new.pem [ssl-min-ver TLSv1.2] New.TEST !not.new.test\n", "BAD": b"new.pem [alpn h2 foo] bla\n",
    "TWO": b"new.pem a\nnew.pem b\n", "NOCA": b"new.pem [ca-file nope.crt]\n", "OPEN": b"[ b.pem\n",
    "VERIFY": b"new.pem [verify foo]\n",
}  # fmt: skip
KEY = base64.b64encode(bytes(48)).decode()
LONG = base64.b64encode(bytes(80)).decode()

# haproxy: everybody may set keys of tickets and OCSP responses; fastlb wants an admin.
# `<NAME` is a payload of those above; `?PORT NAME` asks what certificate a client is shown.
COMMANDS = f"""
show ssl cert
show ssl cert a.pem
show ssl cert a.pem.ocsp
show ssl cert nope.ocsp
set ssl cert
set ssl cert nope.pem
set ssl cert nope.pem <A
set ssl cert a.pem <JUNK
set ssl cert a.pem <DCRT
commit ssl cert a.pem
abort ssl cert b.pem
abort ssl cert a.pem
abort ssl cert a.pem
abort ssl cert
commit ssl cert
commit ssl cert a.pem
set ssl cert a.pem <D
show ssl cert
show ssl cert *a.pem
commit ssl cert b.pem
?one a.test
commit ssl cert a.pem
?one a.test
?one x.d.test
?one
commit ssl cert a.pem
show ssl cert a.pem
show ssl cert *a.pem
set ssl cert b.pem.key <DKEY
commit ssl cert b.pem
show ssl cert *b.pem
set ssl cert b.pem <DCRT
set ssl cert b.pem.key <DKEY
commit ssl cert b.pem
?two
set ssl cert b.pem <B
commit ssl cert b.pem
?two
set ssl cert b.pem.key <JUNK
set ssl cert b.pem.issuer <JUNK
set ssl cert b.pem.sctl <JUNK
set ssl cert b.pem.ocsp <JUNK
set ssl cert b.pem.issuer <CA
abort ssl cert b.pem
set ssl cert b.pem <F
show ssl cert *b.pem
abort ssl cert b.pem
new ssl cert
new ssl cert a.pem
new ssl cert new.pem
new ssl cert new.pem
show ssl cert
show ssl cert new.pem
add ssl crt-list list new.pem
set ssl cert new.pem <E
show ssl cert new.pem
commit ssl cert new.pem
show ssl cert new.pem
add ssl crt-list
add ssl crt-list nope new.pem
add ssl crt-list list nope.pem
add ssl crt-list list <BAD
add ssl crt-list list <TWO
add ssl crt-list list <NOCA
add ssl crt-list list <OPEN
add ssl crt-list list <VERIFY
?one e.test
add ssl crt-list list new.pem
?one e.test
show ssl cert new.pem
add ssl crt-list list <NEW
?one new.test
show ssl crt-list
show ssl crt-list list
show ssl crt-list -n list
show ssl crt-list nope
del ssl cert
del ssl cert nope
del ssl cert new.pem
del ssl crt-list
del ssl crt-list list
del ssl crt-list nope new.pem
del ssl crt-list list nope.pem
del ssl crt-list list new.pem
del ssl crt-list list new.pem:99
del ssl crt-list list new.pem:6
del ssl crt-list list new.pem
?one e.test
?one new.test
del ssl cert new.pem
show ssl cert
show ssl crt-list list
show ssl ca-file
show ssl ca-file ca.crt
show ssl ca-file ca.crt:1
show ssl ca-file ca.crt:0
show ssl ca-file ca.crt:x
set ssl ca-file
set ssl ca-file x <CA
set ssl ca-file ca.crt <JUNK
set ssl ca-file ca.crt <BOTH
show ssl ca-file
show ssl ca-file *ca.crt
show ssl ca-file *ca.crt:2
abort ssl ca-file
abort ssl ca-file x
commit ssl ca-file
commit ssl ca-file x
commit ssl ca-file ca.crt
commit ssl ca-file ca.crt
show ssl ca-file ca.crt
new ssl ca-file
new ssl ca-file ca.crt
new ssl ca-file q
show ssl ca-file
set ssl ca-file q <CA
set ssl ca-file ca.crt <CA
commit ssl ca-file q
show ssl ca-file q
del ssl ca-file
del ssl ca-file x
del ssl ca-file ca.crt
del ssl ca-file q
show ssl crl-file
show ssl crl-file nope
show ssl crl-file ca.crl
set ssl crl-file
set ssl crl-file y <CRL
set ssl crl-file ca.crl <JUNK
set ssl crl-file ca.crl <CRL
show ssl crl-file
show ssl crl-file *ca.crl
commit ssl crl-file
commit ssl crl-file ca.crl
show ssl crl-file ca.crl
show ssl crl-file ca.crl:2
new ssl crl-file
new ssl crl-file ca.crl
new ssl crl-file z
show ssl crl-file z
abort ssl crl-file
abort ssl crl-file z
del ssl crl-file
del ssl crl-file nope
del ssl crl-file ca.crl
del ssl crl-file ca.crt
del ssl crl-file z
show tls-keys
show tls-keys *
show tls-keys #0
show tls-keys #9
show tls-keys keys
set ssl tls-key
set ssl tls-key #0
set ssl tls-key #7 xx
set ssl tls-key #0 xx
set ssl tls-key keys {LONG}
set ssl tls-key keys {KEY}
show tls-keys *
show ssl ocsp-response
show ssl ocsp-response 1234
set ssl ocsp-response
set ssl ocsp-response xx
set ssl ocsp-response xxxx
user; set ssl cert a.pem
user; show tls-keys
user; show ssl crt-list
user; show ssl ocsp-response
operator; commit ssl cert a.pem
operator; show ssl cert
operator; show ssl ca-file
operator; show ssl crl-file
operator; show ssl crt-list
operator; set ssl ca-file x
operator; del ssl crt-list x y
""".strip().splitlines()


def shown(proxy: Proxy, port: str, name: str) -> str:
    client = SecureClient(proxy.addresses[port], name or None)
    try:
        return client.common_name()
    finally:
        client.close()


def ask(proxy: Proxy, command: str) -> str:
    if command.startswith("?"):
        port, _, name = command[1:].partition(" ")
        return shown(proxy, port, name)
    text, _, payload = command.partition(" <")
    if payload:
        text += " <<\n" + PAYLOADS[payload].decode()
    # haproxy: some answers end in one empty line more, or in none.
    answer = proxy.command(text).rstrip("\n")
    # haproxy: `@system-ca` is loaded for its own client, on every start.
    return re.sub(r"@system-ca - \d+ certificate\(s\)\n?", "", answer).rstrip("\n")


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[list[str], list[str]]]:
    """Every command's answer by haproxy, and by the program under test."""
    yield run("haproxy"), run(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))


def run(program: str) -> list[str]:
    proxy = Proxy(program, CONFIG, files=FILES)
    try:
        return [ask(proxy, command) for command in COMMANDS]
    finally:
        proxy.finish()


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=[f"{i}-{text[:40]}" for i, text in enumerate(COMMANDS)])
def test_command_is_answered_as_by_haproxy(answers, place):
    reference, tested = answers
    assert tested[place] == reference[place], COMMANDS[place]
