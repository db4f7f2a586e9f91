"""`balance`, `hash-type` and `hash-balance-factor` (manual, section 4.2).

Knows the names of the algorithms and their arguments. Must not know how they choose (`fastlb_core.lb`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..expressions import ExpressionFault, parse_expression, unavailable
from ..model import Balance, HashType, Proxy
from ..samples.types import Point
from ..values import ValueFault, parse_integer, parse_leading_integer
from .row import NOT_YET, ProxyKeyword, Statement

# haproxy: words behind these are not looked at.
PLAIN = ("roundrobin", "static-rr", "leastconn", "first", "source")
HTTP_ALGORITHMS = ("uri", "url_param", "hdr")
KEYED = ("source", *HTTP_ALGORITHMS, "rdp-cookie", "hash")
NOT_SUPPORTED = ("log-hash", "sticky")
FUNCTIONS = ("sdbm", "djb2", "wt6", "crc32", "none")
MAX_DRAWS = 2**31 - 1
GRAMMAR = " | ".join((
    *PLAIN, "random[(<draws>)]", "uri [len <len>] [depth <depth>] [whole] [path-only]", "url_param <name> [check_post]",
    "hdr(<name>) [use_domain_only]", "rdp-cookie[(<name>)]", "hash <expr>",
))  # fmt: skip


def is_static(px: Proxy) -> bool:
    """Whether weights that are set at run time count only as zero or not."""
    algorithm = px.balance.algorithm
    if "transparent" in px.options:
        return True  # nothing is balanced at all
    return algorithm == "static-rr" or (algorithm in KEYED and px.hash_type.method == "map-based")


def _read_uri(st: Statement) -> Balance:
    balance = Balance("uri")
    words, at = st.arguments, 1
    while at < len(words):
        word = words[at]
        if word in ("len", "depth"):
            text = words[at + 1] if at + 1 < len(words) else ""
            number = parse_leading_integer(text)
            if not 0 < number < 2**31:
                raise st.fail(f"balance uri : '{word}' expects a positive integer (got '{text}').", at + 2)
            balance = replace(balance, length=number) if word == "len" else replace(balance, depth=number)
            at += 1
        elif word in ("whole", "path-only"):
            balance = replace(balance, flags=(*balance.flags, word))
        else:
            message = f"balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{word}')."
            raise st.fail(message, at + 1)
        at += 1
    return balance


def _read_url_param(st: Statement) -> Balance:
    name, modifier = st.argument(1), st.argument(2)
    if not name:
        raise st.fail("balance url_param requires an URL parameter name.", 2, "missing-argument")
    # haproxy: words behind check_post, once a number of bytes, are not looked at.
    if modifier not in ("", "check_post"):
        raise st.fail(f"balance url_param only accepts 'check_post' modifier (got '{modifier}').", 3)
    return Balance("url_param", name, flags=(modifier,) if modifier else ())


def _between(word: str) -> str:
    """What stands in the parentheses behind a name, "" where they are not closed."""
    return word.partition("(")[2].partition(")")[0] if ")" in word else ""


def _read_hdr(st: Statement) -> Balance:
    word, modifier = st.argument(0), st.argument(1)
    name = _between(word)
    if not name:
        raise st.fail("balance hdr requires an http header field name.", 1, "missing-argument")
    if modifier not in ("", "use_domain_only"):
        raise st.fail(f"balance {word} only accepts 'use_domain_only' modifier (got '{modifier}').", 2)
    return Balance("hdr", name.lower(), flags=(modifier,) if modifier else ())


def _read_random(st: Statement) -> Balance:
    word = st.argument(0)
    if "(" not in word:
        return Balance("random")
    text, closing, _ = word.partition("(")[2].partition(")")
    if not closing:
        raise st.fail("balance random : missing closing parenthesis.", 1)
    if rest := text.lstrip("0123456789"):
        raise st.fail(f"balance random : unexpected character '{rest[0]}' after argument.", 1)
    draws = MAX_DRAWS if len(text.lstrip("0")) > len(str(MAX_DRAWS)) else min(int(text.lstrip("0") or "0"), MAX_DRAWS)
    if draws < 1:
        raise st.fail("balance random : number of draws must be at least 1.", 1)
    return Balance("random", draws=draws)


def _read_rdp_cookie(st: Statement) -> Balance:
    word = st.argument(0)
    name = _between(word) if "(" in word else "mstshash"
    if not name:
        raise st.fail("balance rdp-cookie : missing cookie name.", 1, "missing-argument")
    return _of_expression(st, "rdp-cookie", f"req.rdp_cookie({name})", 1)


def _read_hash(st: Statement) -> Balance:
    if not st.argument(1):
        raise st.fail("balance hash requires a sample expression.", 2, "missing-argument")
    if extra := st.argument(2):
        raise st.fail(f"balance hash takes no other argument (got '{extra}').", 3, "unexpected-argument")
    return _of_expression(st, "hash", st.argument(1), 2)


def _of_expression(st: Statement, algorithm: str, text: str, index: int) -> Balance:
    try:
        expression = parse_expression(text).expression
    except ExpressionFault as fault:
        message = f"failed to parse 'balance {algorithm}' expression '{text}' in : {fault.message}."
        raise st.fail(message, index, fault.code, fault.hint) from None
    if missing := unavailable(expression, Point.SET_SERVER):
        message = f"error detected while parsing 'balance {algorithm}' expression '{text}' which requires information from "
        raise st.fail(f"{message}{missing}, which is not available here.", index, "wrong-place")
    return Balance(algorithm, expression=expression, location=st.line_location())


_READERS: dict[str, Callable[[Statement], Balance]] = {
    "uri": _read_uri,
    "url_param": _read_url_param,
    "hdr": _read_hdr,
    "random": _read_random,
    "rdp-cookie": _read_rdp_cookie,
    "hash": _read_hash,
}
ALGORITHMS = (*PLAIN, *_READERS)
_WITH_PARENTHESES = ("hdr", "random", "rdp-cookie")


def set_balance(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if st.draft is not None:
        st.draft.origins["balance"] = st.line_location()
    # haproxy: `balance` alone is roundrobin.
    name, parenthesis, _ = word.partition("(")
    reader = _READERS.get(name)
    takes_word = not parenthesis or name in _WITH_PARENTHESES
    if not word or word in PLAIN:
        px.balance = Balance(word or "roundrobin")
    elif reader is not None and takes_word and (parenthesis or name != "hdr"):
        px.balance = reader(st)
    elif name in NOT_SUPPORTED:
        raise st.fail(f"'balance {name}': {NOT_YET}", 1, "unsupported-keyword", f"one of {' '.join(ALGORITHMS)}")
    else:
        raise st.fail(
            "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and "
            "'rdp-cookie(name)' options.",
            1,
            hint=f"fastlb supports {' '.join(ALGORITHMS)}",
        )


def set_hash_type(st: Statement, px: Proxy) -> None:
    method, function, modifier = st.argument(0), st.argument(1), st.argument(2)
    if method not in ("map-based", "consistent"):
        raise st.fail("'hash-type' only supports 'consistent' and 'map-based'.", 1)
    if not function:
        # haproxy: consistent hashing without a function is sdbm with avalanche.
        px.hash_type = HashType(method, "sdbm", method == "consistent")
        return
    if function not in FUNCTIONS:
        raise st.fail("'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.", 2)
    if modifier not in ("", "avalanche"):
        raise st.fail("'hash-type' only supports 'avalanche' as a modifier for hash functions.", 3)
    px.hash_type = HashType(method, function, modifier == "avalanche")


def set_balance_factor(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if not word:
        raise st.fail("'hash-balance-factor' expects an integer argument.", 1, "missing-argument")
    try:
        factor = parse_integer(word)
    except ValueFault:
        factor = parse_leading_integer(word)
        st.warn(f"'hash-balance-factor' : '{word}' is not a number, it is read as {factor}.", 1, "bad-number")
    if factor != 0 and not 100 < factor < 2**31:
        raise st.fail("'hash-balance-factor' must be 0 or greater than 100.", 1)
    px.hash_balance_factor = factor


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("balance", "balance", "DLB", GRAMMAR, "roundrobin", "4.2", apply=set_balance),
    ProxyKeyword(
        "hash-type",
        "balance",
        "DLB",
        "{map-based | consistent} [sdbm | djb2 | wt6 | crc32 | none] [avalanche]",
        "map-based",
        "4.2",
        apply=set_hash_type,
    ),
    ProxyKeyword("hash-balance-factor", "balance", "DLB", "<factor>", "0 (disabled)", "4.2", apply=set_balance_factor),
)  # fmt: skip
