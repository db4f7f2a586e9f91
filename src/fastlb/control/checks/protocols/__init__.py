"""The checks that speak a protocol of their own, by the name of their option: a file each, made of config/check_rules' steps.

Knows which there are. Must not know how steps run.
"""

from __future__ import annotations

from collections.abc import Callable

from fastlb.config.check_rules import Connect, Step

from . import ldap, mysql, pgsql, redis, smtp, tls_hello

# Each takes the option's arguments.
PROTOCOLS: dict[str, Callable[[tuple[str, ...]], tuple[Step, ...]]] = {
    "ldap-check": ldap.steps,
    "mysql-check": mysql.steps,
    "pgsql-check": pgsql.steps,
    "redis-check": redis.steps,
    "smtpchk": smtp.steps,
    "ssl-hello-chk": tls_hello.steps,
}
_COUNT_CONNECTION = ("mysql-check", "pgsql-check", "smtpchk")


def steps_of(kind: str, arguments: tuple[str, ...]) -> tuple[Step, ...]:
    """The whole sequence. haproxy: only some of them count their connection as a step, which their messages show."""
    connect = Connect(uses_defaults=True, linger=kind == "smtpchk", is_implicit=kind not in _COUNT_CONNECTION)
    return (connect, *PROTOCOLS[kind](arguments))
