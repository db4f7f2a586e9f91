"""Names in rules and expressions that stand for nothing: HAProxy's words, at the right place."""

from __future__ import annotations

import pytest

from fastlb.config import Resolver, load_text

NOBODY = Resolver(lambda name, family: None)
FILE = """\
defaults
    mode http
    timeout client 1s
    timeout connect 1s
    timeout server 1s
frontend other
    bind 127.0.0.1:9
backend b2
    server s1 127.0.0.1:1
backend tb
    mode tcp
frontend fe
    bind 127.0.0.1:10
    {fe}
listen li
    bind 127.0.0.1:11
    {li}
    server s 127.0.0.1:1
"""
LINE_FE, LINE_LI = 14, 17


def alerts(fe: str = "", li: str = "") -> list[tuple[str, int, int]]:
    """Messages with HAProxy's lead, and their lines and columns."""
    _, diagnostics = load_text(FILE.format(fe=fe, li=li), file="f", environment={}, resolver=NOBODY)
    return [
        (item.lead + item.message, item.location.line, item.location.column)
        for item in diagnostics.items
        if item.severity == "alert" and item.location is not None
    ]


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("acl a nbsrv(zz) gt 1", "unable to find backend 'zz' referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'fe'.", 11),
        (
            "acl a be_conn(other) gt 1",
            "unable to find backend 'other' referenced in arg 1 of ACL keyword 'be_conn' in proxy 'fe'.",
            11,
        ),
        (
            "acl a fe_conn(b2) gt 1",
            "unable to find frontend 'b2' referenced in arg 1 of ACL keyword 'fe_conn' in proxy 'fe'.",
            11,
        ),
        ("acl a srv_is_up(zz/x)", "unable to find proxy 'zz' referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'fe'.", 11),
        (
            "acl a srv_is_up(b2/x)",
            "unable to find server 'x' in proxy 'b2', referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'fe'.",
            11,
        ),
        ("acl a srv_is_up", "missing server name in arg 1 of ACL keyword 'srv_is_up' in proxy 'fe'.", 11),
        (
            "http-request set-header x %[nbsrv]",
            "proxy 'fe', referenced in arg 1 of sample fetch keyword 'nbsrv' in http-request expression in proxy 'fe', "
            "has not backend capability.",
            33,
        ),
        (
            "http-response set-header x a%[nbsrv(zz)]",
            "unable to find backend 'zz' referenced in arg 1 of sample fetch keyword 'nbsrv' in http-response response in proxy "
            "'fe'.",
            35,
        ),
        (
            "http-request redirect location /%[nbsrv(zz)]",
            "unable to find backend 'zz' referenced in arg 1 of sample fetch keyword 'nbsrv' in redirect format string in proxy "
            "'fe'.",
            39,
        ),
        (
            "use_backend %[nbsrv(zz)]",
            "unable to find backend 'zz' referenced in arg 1 of sample fetch keyword 'nbsrv' in use_backend expression in proxy "
            "'fe'.",
            19,
        ),
        (
            "http-request deny if { nbsrv(zz) 1 }",
            "unable to find backend 'zz' referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'fe'.",
            28,
        ),
        ("acl a acl(zz)", "unable to find ACL 'zz' referenced in arg 1 of ACL keyword 'acl' in proxy 'fe'.", 11),
    ],
)
def test_argument_that_names_nothing(line: str, message: str, column: int) -> None:
    assert alerts(fe=line) == [(f"parsing [f:{LINE_FE}]: {message}", LINE_FE, column)]


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("use_backend zz if TRUE", "Proxy 'li': unable to find required use_backend: 'zz'.", 17),
        ("use_backend other", "Proxy 'li': unable to find required use_backend: 'other'.", 17),
        ("use_backend li if TRUE", "Proxy 'li': loop detected for use_backend: 'li'.", 17),
        ("default_backend li", "Proxy 'li': loop detected for default_backend: 'li'.", 5),
        (
            "use_backend tb if TRUE",
            "http listen 'li' (f:15) tries to use incompatible tcp backend 'tb' (f:10) in a 'use_backend' rule (see 'mode').",
            17,
        ),
        ("use-server zz if TRUE", "proxy 'li' : unable to find server 'zz' referenced in a 'use-server' rule.", 16),
    ],
)
def test_target_that_names_nothing(line: str, message: str, column: int) -> None:
    assert [found for found in alerts(li=line) if found[1] == LINE_LI] == [(message, LINE_LI, column)]


def test_names_that_exist_are_taken() -> None:
    fe = "http-request set-header x %[nbsrv(b2)]%[fe_conn]%[srv_conn(b2/s1)] if { fe_conn(other) gt 0 }\n    use_backend b2"
    li = "http-request set-header x %[nbsrv]%[srv_conn(s)]\n    use-server s if TRUE\n    use_backend %[str(zz)]"
    assert alerts(fe, li) == []


def test_acls_that_ask_each_other_are_refused() -> None:
    found = alerts(fe="acl a acl(b)\n    acl b acl(!a)")
    assert [message for message, _, _ in found] == [
        f"parsing [f:{LINE_FE}]: acl 'a' in proxy 'fe' refers to itself.",
        f"parsing [f:{LINE_FE + 1}]: acl 'b' in proxy 'fe' refers to itself.",
    ]
    assert alerts(fe="acl a acl(b,!c)\n    acl b src 1.2.3.4\n    acl c acl(b)") == []
