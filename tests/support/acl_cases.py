"""Conditions: every word that an ACL may begin with, every match method, every flag; haproxy says which of them hold.

Knows conditions and the messages they are tried on. Must not know which program evaluates them. Each condition is tried on every
message of its kind; `{list}` and `{map}` stand for files with LIST and MAP in them.
"""

from __future__ import annotations

# One pattern for each method, and one that only the other case of its letters meets.
_TEXTS = {
    "": ("a.test/a/b.c", "A.TEST/A/B.C"),
    "beg": ("a.te", "A.te"),
    "dir": ("a", "B.C"),
    "dom": ("test", "TEST"),
    "end": ("b.c", "B.C"),
    "len": ("3", "8:20"),
    "reg": ("^a.*[bc]$", "^A"),
    "sub": ("st/a", "/A/"),
}


def _family(name: str, argument: str = "", own: str = "") -> list[str]:
    """The derivatives of one fetch. own: a value that it has, in the place of the words above."""
    found = []
    for method, words in _TEXTS.items():
        word = f"{name}_{method}" if method else name
        call = f"{word}({argument})" if argument else word
        found += [f"{call} {text}" for text in (*words, own) if text and (method not in ("len", "reg") or text != own)]
        found += [f"{call} -i {text}" for text in words if method != "len"]
    return found


REQUEST = [
    *_family("base"),
    *_family("path", own="/a/b.c"),
    *_family("url", own="/a/b.c?x=1&u=a.test/a/b.c"),
    *_family("hdr", "x-v", own="abc"),
    *_family("cook", "c", own="abc"),
    *_family("urlp", "u", own="a.test/a/b.c"),
    "method GET", "method POST GET", "method get", "method -i get", "method FOO", "method -m reg ^G", "method -m len 3",
    "req_ver 1.1", "req_ver 1.0 1.1", "req.ver 1.1", "http_auth_group(ul) admins", "http_auth(ul)",
]  # fmt: skip
METHODS = [
    "path -m found", "req.hdr(x-none) -m found", "req.hdr(x-v) -m found",
    "int(1) -m bool", "int(0) -m bool", "bool(true)", "always_true", "always_false",
    "path,length -m int 6", "path,length 6", "path,length ge 6", "path,length gt 6", "path,length lt 7", "path,length le 5",
    "path,length eq 6", "path,length 1:5 8 6", "path,length :6", "path,length 7:", "req.hdr(x-n) -m int 7",
    "req.hdr(x-n) -m int lt 8",
    "hdr_val(x-n) 7", "src 127.0.0.1", "src 127.0.0.0/8", "src ::1", "src -m ip 10.0.0.0/8 127.0.0.1/32",
    "req.hdr(x-ip) -m ip 10.1.0.0/16", "hdr_ip(x-ip) 10.1.0.0/16", "hdr_ip(x-ip) 2001:db8::/32",
    "bin(616263) -m bin 616263", "bin(616263) -m bin 6162", "path -m bin 2f612f622e63", "path -m str /a/b.c", "path -m beg /a",
    "path -m end c", "path -m sub b", "path -m reg b.c$", "path -m dir a", "path -m dir a/b.c", "path -m dom b",
    "path -m dom a/b",
    "path -m len 6", "path -m len 1:3", "req.hdr(host) -m dom test", "req.hdr(host) -m dom a.test", "req.hdr(host) -m dom tes",
    "req.hdr(x-v) abc", "req.hdr(x-v) -m beg a b", "req.hdr(x-v) -m str ABC", "src,ipmask(8) 127.0.0.0",
    "path,lower -m str /a/b.c",
]  # fmt: skip
FLAGS = [
    "path -i /A/B.C", "path -i -m beg /A", "path -m reg -i ^/A", "path -f {list}", "path -i -f {list}", "path -m beg -f {list}",
    "path -f {list} /other", "path -M -f {map}", "path -M -m beg -f {map}", "src -n 127.0.0.1",
    "path -u 4711 /a/b.c", "path -- /a/b.c", "path -i -- -x /A/B.C", "path -- -i", "req.hdr(x-v) -i -m sub -- B",
    "path -m str -i -n /A/b.C",
]  # fmt: skip
PREDEFINED = [
    "FALSE", "TRUE", "HTTP", "HTTP_1.0", "HTTP_1.1", "HTTP_CONTENT", "HTTP_URL_ABS", "HTTP_URL_SLASH", "HTTP_URL_STAR",
    "LOCALHOST",
    "METH_CONNECT", "METH_DELETE", "METH_GET", "METH_HEAD", "METH_OPTIONS", "METH_POST", "METH_PUT", "METH_TRACE", "RDP_COOKIE",
    "REQ_CONTENT", "WAIT_END",
]  # fmt: skip
REQUEST += [*METHODS, *FLAGS, *(name for name in PREDEFINED if name not in ("RDP_COOKIE", "REQ_CONTENT"))]
RESPONSE = [*_family("shdr", "x-v", own="abc"), *_family("scook", "c", own="abc")]
RESPONSE += ["resp_ver 1.1", "resp_ver 1.0", "res.ver 1.1", "status 200:299"]
# In TCP mode.
BYTES = [
    "payload(0,3) 616263", "payload(0,3) 474554", "payload_lv(0,1) 616263", "req.payload(0,2) -m bin 0300", "REQ_CONTENT",
    "RDP_COOKIE",
    "req_rdp_cookie(mstshash) user", "req_rdp_cookie(mstshash) -i USER", "req_rdp_cookie_cnt(mstshash) 1",
    "req_rdp_cookie_cnt gt 0",
    "req_ssl_sni www.example.com", "req_ssl_sni -m end example.com", "req.ssl_ver 3.1", "req.ssl_ver 3.1:3.3",
    "req_ssl_ver gt 3.0",
    "req_ssl_ver lt 3.1", "req_ssl_hello_type 1", "HTTP", "method GET", "path_beg /a",
]  # fmt: skip
SECURE = ["ssl_fc_sni_end .test", "ssl_fc_sni_end -i .TEST", "ssl_fc_sni_end x", "ssl_fc_sni_reg ^a", "ssl_fc_sni_reg ^b"]

LIST = "# a list\n/a/b.c\n\n/other\n"
MAP = "/a/b.c value\n/a other\n"
_HEAD = "Host: a.test\r\n"
REQUESTS = (
    f"GET /a/b.c?x=1&u=a.test/a/b.c HTTP/1.1\r\n{_HEAD}X-V: abc\r\nX-N: 7\r\nX-Ip: 10.1.2.3\r\nCookie: c=abc\r\n",
    f"GET /A/B.C HTTP/1.1\r\n{_HEAD}X-V: a.test/a/b.c\r\nX-V: xABC\r\nCookie: c=a.test/a/b.c; d=1\r\nX-Ip: 2001:db8::1\r\n",
    f"POST / HTTP/1.0\r\n{_HEAD}Content-Length: 0\r\nAuthorization: Basic Ym9iOnNlY3JldA==\r\nX-V: A.TEST/A/B.C, abc\r\n",
    f"OPTIONS * HTTP/1.1\r\n{_HEAD}X-V:\r\nX-N: -5\r\nCookie: c=\r\n",
    "GET http://b.test/other HTTP/1.1\r\nHost: b.test\r\nX-V: st/a\r\nX-Ip: x\r\n",
)
ANSWERS = (
    ("X-V: abc", "Set-Cookie: c=abc; path=/"),
    ("X-V: a.test/a/b.c", "X-V: xABC", "Set-Cookie: d=1", "Set-Cookie: c=a.test/a/b.c"),
    ("X-V: A.TEST/A/B.C, abc", "Set-Cookie: c="),
    (),
)
