"""`option forwarded`: the Forwarded header of RFC 7239 that servers get (HAProxy 2.6 has none to compare with)."""

from __future__ import annotations

from support.origin import by_request, reply
from support.proxy import HTTP

# What stands behind `option forwarded`, and the header for it; {port} is the client's, {to} the listener's.
CASES = {
    "": "proto=http;for=127.0.0.1",
    "proto": "proto=http",
    "for": "for=127.0.0.1",
    "proto for": "proto=http;for=127.0.0.1",
    "for proto": "proto=http;for=127.0.0.1",
    "by": "by=127.0.0.1",
    "by by_port": 'by="127.0.0.1:{to}"',
    "for for_port": 'for="127.0.0.1:{port}"',
    "host": 'host="a.test"',
    "host by for": 'host="a.test";by=127.0.0.1;for=127.0.0.1',
    "host-expr str(host.com) by-expr str(_haproxy) for-expr ipv6(::1) for_port-expr int(10)": (
        'host="host.com";by=_haproxy;for="[::1]:10"'
    ),
    "for-expr str(192.0.2.1)": "for=192.0.2.1",
    "for-expr str(2001:db8::1)": 'for="[2001:db8::1]"',
    "for-expr str(2001:db8::1) for_port-expr str(_p)": 'for="[2001:db8::1]:_p"',
    "for-expr src,xxh32,hex for_port": 'for="_00000000{hash}:{port}"',
    "for-expr str(unknown)": "for=unknown",
    "for-expr hdr(x-none)": "for=unknown",
    "for-expr str(a%b)": "for=unknown",
    "for-expr hdr(x-long)": "for=unknown",
    "for for_port-expr int(70000)": "for=127.0.0.1",
    "for for_port-expr str(x)": 'for="127.0.0.1:_x"',
    "proto host-expr hdr(x-quoted)": "proto=http",
    "host-expr hdr(x-none)": "",
}


def test_forwarded_header_says_what_the_option_asks_for(start, origin):
    server = origin(by_request(lambda request: reply("|".join(request.all("forwarded")).encode())))
    sites = [
        f"listen p{number}\n    bind fd@p{number}\n    option forwarded {words}\n    server s1 {server}\n"
        for number, words in enumerate(CASES)
    ]
    proxy = start(HTTP + "".join(sites))
    for number, (words, expected) in enumerate(CASES.items()):
        client = proxy.client(f"p{number}")
        seen = client.request(headers=f"X-Quoted: a\"b\r\nX-Long: {'y' * 300}\r\n").body.decode()
        wanted = expected.format(port=client.port, to=proxy.addresses[f"p{number}"][1], hash=seen[14:22])
        assert (words, seen) == (words, wanted)
        client.close()


def test_own_line_follows_those_of_others_and_no_option_takes_it_away(start, origin):
    server = origin(by_request(lambda request: reply("|".join(request.all("forwarded")).encode())))
    proxy = start(
        f"{HTTP.replace('mode http', 'mode http' + chr(10) + '    option forwarded for')}"
        f"listen a\n    bind fd@a\n    server s1 {server}\n"
        f"listen b\n    bind fd@b\n    no option forwarded\n    server s1 {server}\n"
    )
    assert proxy.fetch(name="a", headers="Forwarded: for=_x\r\n").body == b"for=_x|for=127.0.0.1"
    assert proxy.fetch(name="b", headers="Forwarded: for=_x\r\n").body == b"for=_x"
