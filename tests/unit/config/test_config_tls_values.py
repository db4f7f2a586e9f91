"""What lines of TLS come to: versions, defaults of global, settings of a crt-list's line on top of a bind line's."""

from __future__ import annotations

import pytest

from fastlb.config.dump import to_json
from fastlb.config.model import Address as Place
from fastlb.config.model import Bind, Configuration, Location, Proxy
from fastlb.config.tls_model import Acceptance, BindTls, Certificate, KeyPair, Protocols, ServerTls
from fastlb.config.tls_values import completed, for_certificate, is_cipher_list, is_curve_list, is_suite_list, version_range


@pytest.mark.parametrize(
    ("settings", "lowest", "highest", "holes"),
    [
        (Protocols(), "TLSv1.2", "TLSv1.3", ()),
        (Protocols(min_version="TLSv1.0"), "TLSv1.0", "TLSv1.3", ()),
        (Protocols(min_version="SSLv3"), "TLSv1.0", "TLSv1.3", ()),
        (Protocols(max_version="TLSv1.1"), "TLSv1.1", "TLSv1.1", ()),
        (Protocols(min_version="TLSv1.3", max_version="TLSv1.2"), "", "", ()),
        (Protocols(min_version="SSLv3", max_version="SSLv3"), "", "", ()),
        (Protocols(off=frozenset({"TLSv1.2"})), "TLSv1.3", "TLSv1.3", ()),
        (Protocols(off=frozenset({"TLSv1.2", "TLSv1.3"})), "", "", ()),
        (Protocols(off=frozenset({"TLSv1.2"}), min_version="TLSv1.2"), "TLSv1.2", "TLSv1.3", ()),
    ],
)
def test_versions(settings: Protocols, lowest: str, highest: str, holes: tuple[str, ...]) -> None:
    found = version_range(settings)
    assert (found.lowest, found.highest, found.holes) == (lowest, highest, holes)


def test_hole_between_versions() -> None:
    assert version_range(Protocols(off=frozenset({"TLSv1.2"})), "TLSv1.0").holes == ("TLSv1.2",)


def test_global_defaults_count_where_a_line_says_nothing() -> None:
    defaults = BindTls(ciphers="A", curves="B", min_version="TLSv1.3", tickets=False, client_ciphers_first=True)
    line = completed(BindTls(enabled=True, ciphers="C", verify="optional"), defaults)
    assert line == BindTls(
        enabled=True,
        ciphers="C",
        curves="B",
        min_version="TLSv1.3",
        verify="optional",
        tickets=False,
        client_ciphers_first=True,
    )
    assert completed(ServerTls(tickets=False), ServerTls(ciphers="A")) == ServerTls(ciphers="A", tickets=False)


def test_crt_list_settings_come_before_those_of_the_line() -> None:
    line = BindTls(ciphers="A", alpn=("h2",), verify="required", crt_ignore=None)
    merged = for_certificate(Acceptance(alpn=("http/1.1",), ca_names=False), line)
    assert merged == Acceptance(ciphers="A", alpn=("http/1.1",), verify="required", crt_ignore=None, ca_names=False)


def test_lists() -> None:
    assert [is_cipher_list(text) for text in ("HIGH:!aNULL", "ECDHE-RSA-AES128-GCM-SHA256", "NOPE")] == [True, True, False]
    assert [is_suite_list(text) for text in ("TLS_AES_128_GCM_SHA256", "", "TLS_AES_128_GCM_SHA256:NOPE")] == [True, True, False]
    assert [is_curve_list(text) for text in ("X25519:P-256", "secp384r1", "NOPE", "")] == [True, True, False, False]


def test_keys_are_never_shown() -> None:
    bind = Bind(Location("x", 1), Place("ipv4"))
    pair = KeyPair("site.pem", b"leaf", b"the private key")
    bind.tls = BindTls(certificates=(Certificate(pair),), ticket_keys=(b"the ticket key",))
    shown = to_json(Configuration(proxies=[Proxy(Location("x", 1), "frontend", "f", binds=[bind])])) + repr(bind)
    assert "site.pem" in shown
    assert "the private key" not in shown
    assert "the ticket key" not in shown
