"""`use-fcgi-app` (manual, section 10.1.2), which `filter fcgi-app` says as well.

Knows who uses an application. Must not know applications (config/fcgi_section.py).
"""

from __future__ import annotations

from ..model import Proxy
from .row import ProxyKeyword, Statement


def set_use_app(st: Statement, px: Proxy) -> None:
    if not px.has_backend:
        raise st.fail("'use-fcgi-app' only available in backend or listen section", 0, "wrong-section")
    if not st.argument(0):
        raise st.fail("'use-fcgi-app' expects <name> as argument", 0, "missing-argument", "use-fcgi-app <name>")
    use_app(st, px, 1)


def use_app(st: Statement, px: Proxy, index: int) -> None:
    """The proxy's servers with `proto fcgi` run the application whose name is word `index`."""
    name = st.words[index]
    if px.fcgi_app not in ("", name):
        raise st.fail("'use-fcgi-app' : only one fcgi-app supported per backend", index, "conflict")
    px.fcgi_app, px.fcgi_app_at = name, st.location(index)


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("use-fcgi-app", "proxy", "DFLB", "<name>", manual="10.1.2", apply=set_use_app),
)
