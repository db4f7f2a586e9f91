"""What one configuration changes of another, in words for the operator: told at each reload.

Knows the model as plain values (dump.py). Must not know what a change means: names of fields are enough to find the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .dump import plain
from .model import Address, Bind, Configuration, Proxy, Server

# Fields that have lines of their own, or say where something stands.
_APART = {"binds", "servers", "location", "kind", "name"}
MOST = 200  # lines; more are counted only


def differences(old: Configuration, new: Configuration) -> list[str]:
    """One line for each proxy, bind and server that came, went or changed; none where both say the same."""
    found = []
    fields = [field for field in _changed(_global(old), _global(new)) if field != "maxconn-is-computed"]
    if fields:
        found.append(f"global: changed: {', '.join(fields)}")
    before, after = _proxies(old), _proxies(new)
    found += [f"{title}: removed" for title in before if title not in after]
    for title, px in after.items():
        if title not in before:
            found.append(f"{title}: added, {_count(px)}")
        else:
            found += [f"{title}: {line}" for line in _of_proxy(before[title], px)]
    for name in ("userlists", "http_errors", "resolvers"):
        fields = _changed(plain(getattr(old, name)), plain(getattr(new, name)))
        found += [f"{_SECTIONS[name]} {field}: added, removed or changed" for field in fields]
    return [*found[:MOST], f"and {len(found) - MOST} more"] if len(found) > MOST else found


_SECTIONS = {"userlists": "userlist", "http_errors": "http-errors", "resolvers": "resolvers"}


def _global(configuration: Configuration) -> dict[str, Any]:
    fields: dict[str, Any] = plain(configuration.global_)
    if configuration.global_.maxconn_is_computed:
        del fields["maxconn"]
    return fields


def _proxies(configuration: Configuration) -> dict[str, Proxy]:
    return {f"{px.kind} {px.name}": px for px in configuration.proxies}


def _count(px: Proxy) -> str:
    numbers = [f"{len(px.binds)} bind" if px.has_frontend else "", f"{len(px.servers)} server" if px.has_backend else ""]
    return ", ".join(text if text.startswith("1 ") else f"{text}s" for text in numbers if text)


def _of_proxy(old: Proxy, new: Proxy) -> Iterable[str]:
    yield from _of_parts(old.binds, new.binds, _bind_title)
    yield from _of_parts(old.servers, new.servers, _server_title)
    before, after = plain(old), plain(new)
    rules = _changed(before.pop("rules", {}), after.pop("rules", {}))
    fields = [field for field in _changed(before, after) if field not in _APART]
    if rules or fields:
        yield f"changed: {', '.join([*fields, *(f'{name} rules' for name in rules)])}"


def _of_parts(old: Iterable[Any], new: Iterable[Any], title: Callable[[Any], str]) -> Iterable[str]:
    before, after = {title(one): one for one in old}, {title(one): one for one in new}
    for name in before:
        if name not in after:
            yield f"{name} removed"
    for name, one in after.items():
        if name not in before:
            yield f"{name} added"
        elif fields := _changed(plain(before[name]), plain(one)):
            yield f"{name} changed: {', '.join(fields)}"


def _changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Keys whose values differ, in the order of the alphabet; the words of the file have hyphens."""
    return [key.replace("_", "-") for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _bind_title(bind: Bind) -> str:
    return f"bind {_shown(bind.address)}"


def _server_title(server: Server) -> str:
    return f"server {server.name}"


def _shown(address: Address) -> str:
    if address.family not in ("ipv4", "ipv6"):
        return f"fd@{address.fd}" if address.family == "fd" else f"{address.family}@{address.host}"
    ports = f"{address.port_low}-{address.port_high}" if address.port_high > address.port_low else str(address.port_low)
    return f"{address.host or ('*' if address.family == 'ipv4' else '::')}:{ports}"
