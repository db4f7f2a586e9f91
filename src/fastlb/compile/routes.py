"""Which backend each frontend leads to, and what load that may bring: computed once for the whole configuration.

Knows `default_backend`, `use_backend` and `maxconn`. Must not know how the engine follows a route.
"""

from __future__ import annotations

from fastlb.config.model import Configuration, Proxy

from .failure import CompileError
from .options import waits_for_body


class Routes:
    """Answers for every proxy of `configuration`. Raises CompileError where a `default_backend` names no backend."""

    def __init__(self, configuration: Configuration) -> None:
        self._maxconn = configuration.global_.maxconn or 0
        self._backends: dict[str, Proxy] = {}
        for px in reversed(configuration.proxies):
            if px.has_backend:
                self._backends[px.name] = px
        # A backend's rule may hold back a request of any frontend that leads to it.
        self.wait_for_body = any(waits_for_body(px) for px in configuration.proxies)
        self._of = {id(px): self._find(px) for px in configuration.proxies}
        self._load: dict[int, int] = {}
        for fe in configuration.proxies:
            for backend in self._reached(fe):
                self._load[id(backend)] = self._load.get(id(backend), 0) + self.maxconn(fe)

    def default_backend(self, px: Proxy) -> Proxy | None:
        """Where the frontend's streams go; a listen section without `default_backend` is its own backend."""
        return self._of[id(px)]

    def maxconn(self, px: Proxy) -> int:
        """A frontend's connection limit; the process' own where it has none. 0: no limit."""
        if not px.has_frontend:
            return 0
        return px.maxconn or self._maxconn

    def fullconn(self, px: Proxy) -> int:
        """`fullconn`, or a tenth of the limits of all frontends that may lead to this backend (manual, "fullconn")."""
        if not px.has_backend:
            return 0
        return px.fullconn or max(self._load.get(id(px), 0) // 10, 1)

    def _reached(self, px: Proxy) -> list[Proxy]:
        """haproxy: every backend once; a name that is only known at run time leads nowhere."""
        if not px.has_frontend or px.disabled:
            return []
        names = [rule.arguments[0] for rule in px.rules.get("use_backend", ()) if rule.arguments]
        found = [self._of[id(px)], *(self._backends.get(name) for name in names if isinstance(name, str))]
        return list({id(backend): backend for backend in found if backend is not None}.values())

    def _find(self, px: Proxy) -> Proxy | None:
        # haproxy: a disabled proxy is not looked at any further
        if not px.has_frontend or px.disabled:
            return None
        if not px.default_backend:
            return px if px.has_backend else None
        backend = self._backends.get(px.default_backend)
        if backend is None:
            message = f"unable to find required default_backend: '{px.default_backend}'."
            raise CompileError(px.location, f"proxy '{px.name}': {message}")
        return backend
