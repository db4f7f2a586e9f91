"""Arguments of converters that a row's check refuses, with HAProxy's reason: name, arguments as written, message."""

from __future__ import annotations

_OPERAND = "expects an integer or a variable name"
_CODES = "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'"
_SCOPES = (
    "invalid variable name '{}'. A variable name must be start by its scope."
    " The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
)

REFUSED: tuple[tuple[str, str, str], ...] = (
    *((name, "abc", _OPERAND) for name in ("add", "and", "div", "mod", "mul", "or", "sub", "xor")),
    *(("add", word, _OPERAND) for word in ("1x", "foo.x", "txn.a-b", "0x10", "txn.", " 5", "%", "--1", ".a")),
    ("add_item", "x,", "one of the optional arguments has to be nonempty"),
    ("add_item", "x,,", "one of the optional arguments has to be nonempty"),
    ("add_item", "x,foo,y", "failed to register variable name 'foo'"),
    ("add_item", "x,foo.x,y", "failed to register variable name 'foo.x'"),
    ("concat", "x,y", "failed to register variable name 'y'"),
    ("concat", "x,foo.y", "failed to register variable name 'foo.y'"),
    ("concat", "x,proc.a/b", "failed to register variable name 'proc.a/b'"),
    ("be2dec", "", "chunk_size out of [1..8] range (0)"),
    ("be2dec", ":", "chunk_size out of [1..8] range (0)"),
    ("be2dec", ":,9", "chunk_size out of [1..8] range (9)"),
    ("be2dec", ":,-1", "chunk_size out of [1..8] range (-1)"),
    ("be2dec", ":,2,3", "Unsupported truncate value (3)"),
    ("be2hex", ":", "chunk_size needs to be positive (0)"),
    ("be2hex", ":,-1", "chunk_size needs to be positive (-1)"),
    ("be2hex", ",-1,1", "chunk_size needs to be positive (-1)"),
    ("be2hex", ",0,5", "chunk_size needs to be positive (0)"),
    ("be2hex", ":,2,2", "Unsupported truncate value (2)"),
    *((name, "0,x", "Unexpected value 0 for index") for name in ("field", "word")),
    *((name, "1,", "Empty separators list") for name in ("field", "word")),
    ("http_date", "1,x", "expects 's', 'ms' or 'us', got 'x'"),
    ("http_date", "1,", "expects 's', 'ms' or 'us', got ''"),
    ("json", "x", _CODES),
    ("json", "UTF8", _CODES),
    ("debug", "x,y", "No such sink 'y'"),
    ("url_enc", "path", "Unexpected encode type. Allowed value is 'query'"),
    ("url_enc", "QUERY", "Unexpected encode type. Allowed value is 'query'"),
    ("regsub", "a,b,x", "invalid regex flag 'x', only 'i' and 'g' are supported"),
    ("regsub", "a,b,gx", "invalid regex flag 'x', only 'i' and 'g' are supported"),
    *((name, "", "missing variable name") for name in ("strcmp", "secure_memcmp")),
    *((name, "abc", "failed to register variable name 'abc'") for name in ("strcmp", "secure_memcmp")),
    *((name, "foo.a", "failed to register variable name 'foo.a'") for name in ("strcmp", "secure_memcmp")),
    *((name, "", "Empty variable name cannot be accepted") for name in ("set-var", "unset-var")),
    *((name, "abc", _SCOPES.format("abc")) for name in ("set-var", "unset-var")),
    *((name, "txn.", _SCOPES.format("txn.")) for name in ("set-var", "unset-var")),
    *((name, "txn.a-b", "invalid syntax at char '-b'") for name in ("set-var", "unset-var")),
    ("set-var", "txn.a,foo", 'unknown condition "foo"'),
    ("set-var", "txn.a,", 'unknown condition ""'),
    ("set-var", "txn.a,ifset,x", 'unknown condition "x"'),
)
