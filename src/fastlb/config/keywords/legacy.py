"""Keywords that HAProxy had and has no more: refused with HAProxy's message and the line to write today.

Knows the messages and replacements. A removed keyword that can be taken without harm is in the table of its family.
"""

from __future__ import annotations

from .row import IGNORED, REMOVED, GlobalKeyword, ProxyKeyword

_OLD_TIMEOUT = "the '{0}' directive is not supported anymore since HAProxy 2.1. Use '{1}'."
_OLD_RULE = "The '{0}' directive is not supported anymore since HAProxy 2.1. Use {1} instead."


def removed(name: str, message: str, hint: str = "") -> ProxyKeyword:
    family = name.split()[0] if " " in name else "legacy"
    return ProxyKeyword(name, family, "DFLB", status=REMOVED, note=message, hint=hint)


def old_timeout(name: str, modern: str) -> ProxyKeyword:
    return removed(name, _OLD_TIMEOUT.format(name.split()[-1], modern), f"{modern} <time>")


def old_rule(name: str, *modern: str) -> ProxyKeyword:
    quoted = [f"'{rule}'" for rule in modern]
    listed = quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
    return removed(name, _OLD_RULE.format(name, listed), modern[0])


def old_option(name: str, since: str, advice: str, hint: str = "remove the line") -> ProxyKeyword:
    return removed(f"option {name}", f"option '{name}' is not supported any more since HAProxy {since}, {advice}", hint)


_PATH_RULES = ("http-request replace-path", "http-request replace-uri", "http-request replace-header")

PROXY: tuple[ProxyKeyword, ...] = (
    old_timeout("contimeout", "timeout connect"),
    old_timeout("clitimeout", "timeout client"),
    old_timeout("srvtimeout", "timeout server"),
    old_timeout("timeout contimeout", "timeout connect"),
    old_timeout("timeout clitimeout", "timeout client"),
    old_timeout("timeout srvtimeout", "timeout server"),
    old_rule("reqadd", "http-request add-header"),
    old_rule("rspadd", "http-response add-header"),
    old_rule("reqrep", *_PATH_RULES),
    old_rule("reqirep", "http-request replace-header"),
    old_rule("rsprep", "http-response replace-header"),
    old_rule("rspirep", "http-response replace-header"),
    old_rule("reqdel", "http-request del-header"),
    old_rule("reqidel", "http-request del-header"),
    old_rule("rspdel", "http-response del-header"),
    old_rule("rspidel", "http-response del-header"),
    old_rule("reqdeny", "http-request deny"),
    old_rule("reqideny", "http-request deny"),
    old_rule("rspdeny", "http-response deny"),
    old_rule("rspideny", "http-response deny"),
    old_rule("reqallow", "http-request allow"),
    old_rule("reqiallow", "http-request allow"),
    old_rule("reqpass", "http-request allow"),
    old_rule("reqipass", "http-request allow"),
    old_rule("reqtarpit", "http-request tarpit"),
    old_rule("reqitarpit", "http-request tarpit"),
    old_rule("reqset", "http-request set-header"),
    old_rule("reqiset", "http-request set-header"),
    removed(
        "block",
        "The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the exact same "
        "syntax.",
        "http-request deny",
    ),
    removed(
        "redispatch",
        "keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'.",
        "option redispatch",
    ),
    removed("appsession", "'appsession' is not supported anymore since HAProxy 1.6.", "cookie <name> insert indirect nocache"),
    removed(
        "monitor-net",
        "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if {{ src {0} }}' instead.",
        "monitor-uri <uri>",
    ),
    removed(
        "grace", "the 'grace' keyword is not supported any more since HAProxy version 2.5.", "hard-stop-after <time> in global"
    ),
    removed(
        "dispatch", "'dispatch' is not supported any more since HAProxy 3.3. Use a 'server' line instead.", "server <name> {0}"
    ),
    removed("logformat", "unknown keyword 'logformat'; did you mean 'log-format' maybe ?", "option httplog"),
    ProxyKeyword("bind-process", "legacy", "DFLB", status=IGNORED, note="it has no effect since HAProxy 2.5"),
    old_option("forceclose", "2.0", "please just remove it, or use 'option httpclose' if absolutely needed.", "option httpclose"),
    old_option("http-tunnel", "2.1", "please just remove it, it shouldn't be needed."),
    old_option("http_proxy", "2.5", "it stopped working in HAProxy 1.9.", "http-request set-dst and http-request set-uri"),
    old_option("http-use-htx", "2.1", "please just remove it, there is no other way any more."),
    old_option("tcpsplice", "1.4", "use 'option splice-auto'.", "option splice-auto"),
)

GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "stats bind-process",
        "stats",
        "G",
        status=REMOVED,
        note="'stats bind-process' is not supported any more since HAProxy 2.7.",
        hint="remove the line",
    ),
    GlobalKeyword(
        "debug",
        "debugging",
        "G",
        status=REMOVED,
        note="the 'debug' keyword is not supported any more since HAProxy 2.6.",
        hint="start with -d instead",
    ),
    GlobalKeyword(
        "grace",
        "process",
        "G",
        manual="3.1",
        status=REMOVED,
        note="the 'grace' keyword is not supported any more since HAProxy version 2.5.",
        hint="hard-stop-after <time>",
    ),
)
