"""Values of arguments: what an expression's words mean once they are parsed.

Knows plain values and references by name; `resolve` and `compile` turn names into objects. Must not know any fetch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address


class ArgumentFault(ValueError):
    """A bad argument: the message is HAProxy's, without place. `index`: which argument, from 0, or -1."""

    def __init__(self, message: str, index: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


@dataclass(frozen=True, slots=True)
class Unset:
    """An optional argument that was left out in the middle: `word(1,,2)`."""


@dataclass(frozen=True, slots=True)
class ProxyRef:
    """A frontend or backend by name; "" is the proxy that the expression stands in. side: "frontend" or "backend"."""

    name: str
    side: str


@dataclass(frozen=True, slots=True)
class ServerRef:
    """A server by name; backend "" is the proxy that the expression stands in."""

    backend: str
    name: str


@dataclass(frozen=True, slots=True)
class TableRef:
    """A stick table by its proxy's or peers section's name; "" is that of the proxy that the expression stands in."""

    name: str


@dataclass(frozen=True, slots=True)
class UserListRef:
    name: str


@dataclass(frozen=True, slots=True)
class LogProfileRef:
    name: str


@dataclass(frozen=True, slots=True)
class VariableRef:
    """A variable; scope: proc, sess, txn, req, res or check. name: without its scope."""

    scope: str
    name: str


@dataclass(frozen=True, slots=True)
class AclRef:
    """An ACL by name (`acl()` fetch), negated or not."""

    name: str
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class PatternFileRef:
    """The patterns that some ACL or map reads from this file."""

    file: str


@dataclass(frozen=True, slots=True)
class RegexValue:
    """A regular expression to compile with PCRE2."""

    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class MapRef:
    """A map file: match method, what its values are read as (`str`, `int`, `ip`, `key`), and the default."""

    file: str
    method: str
    output: str

    @property
    def match(self) -> str:
        """The match method of its keys."""
        return "reg" if self.captures else self.method

    @property
    def captures(self) -> bool:
        """Whether `\\1` in a value is what the key's first group matched."""
        return self.method == "regm"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A public key or certificate by its file's path; pem: the file's bytes, empty where it holds none."""

    path: str
    pem: bytes


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key by its file's path, a crt-store's name for it, or its text as a JSON Web Key.

    der: PKCS#8, empty where `load ... jwt on` of a crt-store has to have that name.
    """

    name: str
    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListValue:
    """Several values in one argument."""

    items: tuple[Value, ...]


Value = (
    int
    | str
    | bytes
    | IPv4Address
    | IPv6Address
    | Unset
    | ProxyRef
    | ServerRef
    | TableRef
    | UserListRef
    | LogProfileRef
    | VariableRef
    | AclRef
    | RegexValue
    | PatternFileRef
    | MapRef
    | KeyFile
    | PrivateKey
    | ListValue
)
