"""Certificates, keys, authorities and ticket keys as files: what is loaded, in which order, and what is said of bad ones."""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fastlb.config.crt_list import read_crt_list
from fastlb.config.tls_files import TlsFiles, load_issuers, load_ticket_keys
from fastlb.config.tls_model import GlobalTls
from fastlb.config.tls_pem import Remark, TlsFault
from fastlb.config.values import ValueFault
from support.certificates import Authority, Made, self_signed

Load = Callable[..., list[str]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("intermediate", Authority("root"))


@pytest.fixture(scope="module")
def made(authority: Authority) -> Made:
    return authority.issue("www.example.com", "*.Example.org", cn="cn.example.com")


@pytest.fixture
def remarks() -> list[Remark]:
    return []


@pytest.fixture
def files() -> TlsFiles:
    return TlsFiles(GlobalTls())


def put(path: Path, *parts: bytes) -> str:
    path.write_bytes(b"".join(parts))
    return str(path)


def test_pair_has_certificate_chain_key_and_names(tmp_path: Path, made: Made, files: TlsFiles, remarks: list[Remark]) -> None:
    (pair,) = files.load(put(tmp_path / "site.pem", made.pem), remarks.append)
    assert pair.leaf == made.certificate.public_bytes(_der())
    assert [len(pair.chain), pair.key_type, pair.names] == [1, "ecdsa", ("www.example.com", "*.example.org", "cn.example.com")]
    assert remarks == []
    assert "key=" not in repr(pair).replace("key_type=", "")


@pytest.mark.parametrize("order", ["key first", "key in the middle", "key last"])
def test_key_may_stand_anywhere(tmp_path: Path, made: Made, files: TlsFiles, order: str) -> None:
    parts = [made.crt, made.chain]
    parts.insert(["key first", "key in the middle", "key last"].index(order), made.private)
    assert files.load(put(tmp_path / "site.pem", *parts), _nobody)[0].key_type == "ecdsa"


@pytest.mark.parametrize("style", ["TraditionalOpenSSL", "PKCS8"])
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_forms_of_keys(tmp_path: Path, authority: Authority, files: TlsFiles, kind: str, style: str) -> None:
    from cryptography.hazmat.primitives import serialization as form

    made = authority.issue("a.test", key=kind)
    key = made.key.private_bytes(form.Encoding.PEM, getattr(form.PrivateFormat, style), form.NoEncryption())
    assert files.load(put(tmp_path / "site.pem", made.crt, key), _nobody)[0].key_type == kind


def test_key_in_a_file_beside(tmp_path: Path, made: Made, files: TlsFiles) -> None:
    path = put(tmp_path / "site.crt", made.crt)
    put(tmp_path / "site.crt.key", made.private)
    assert files.load(path, _nobody)[0].name == path
    (tmp_path / "site.crt.key").rename(tmp_path / "site.key")
    with pytest.raises(TlsFault, match=r"No Private Key found in '.*site\.crt\.key'"):
        TlsFiles(GlobalTls()).load(path, _nobody)
    assert TlsFiles(GlobalTls(extra_del_ext=True)).load(path, _nobody)
    with pytest.raises(TlsFault, match=r"No Private Key found in '.*site\.crt'"):
        TlsFiles(GlobalTls(extra_files=frozenset())).load(path, _nobody)


def test_directory_is_read_in_order_of_names(tmp_path: Path, authority: Authority, files: TlsFiles) -> None:
    for name in ("b.pem", "a.pem", "C.pem"):
        put(tmp_path / name, authority.issue(name).pem)
    put(tmp_path / ".hidden", b"no certificate")
    put(tmp_path / "a.pem.key", b"no certificate")
    put(tmp_path / "a.pem.ocsp", b"")
    (tmp_path / "below").mkdir()
    assert [os.path.basename(pair.name) for pair in files.load(str(tmp_path), _nobody)] == ["C.pem", "a.pem", "b.pem"]


def test_bundle_of_a_name_without_a_file(tmp_path: Path, authority: Authority, files: TlsFiles) -> None:
    put(tmp_path / "site.pem.ecdsa", authority.issue("a.test").pem)
    put(tmp_path / "site.pem.rsa", authority.issue("a.test", key="rsa").pem)
    assert [pair.key_type for pair in files.load(str(tmp_path / "site.pem"), _nobody)] == ["rsa", "ecdsa"]
    with pytest.raises(TlsFault, match="unable to stat SSL certificate"):
        files.load(str(tmp_path / "site.pem"), _nobody, bundles=False)


BAD = {
    "empty": (lambda m, o: b"", "unable to load certificate from file", "no certificate"),
    "garbage": (lambda m, o: b"\x00\xff hello", "unable to load certificate from file", "no certificate"),
    "cut": (lambda m, o: m.crt[:200], "unable to load certificate from file", "no certificate"),
    "bad base64": (lambda m, o: m.crt.replace(b"M", b"*", 3) + m.private, "unable to load certificate from file", ""),
    "no DER": (
        lambda m, o: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + m.private,
        "unable to load certificate from file",
        "",
    ),
    "key only": (lambda m, o: m.private, "unable to load certificate from file", ""),
    "certificate only": (lambda m, o: m.crt, "No Private Key found in '.*.key'", "put the key"),
    "another key": (lambda m, o: m.crt + o.private, "inconsistencies between private key and certificate loaded", "another"),
    "issuer first": (lambda m, o: m.chain + m.crt + m.private, "inconsistencies", "must begin with the server's own"),
    "encrypted": (lambda m, o: m.crt + m.encrypted(), "is encrypted", "openssl pkey"),
    "broken key": (lambda m, o: m.crt + m.private.replace(b"\nM", b"\nN", 1), "No Private Key found in", "the key is broken"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused(tmp_path: Path, made: Made, files: TlsFiles, case: str) -> None:
    make, message, hint = BAD[case]
    with pytest.raises(TlsFault, match=message) as caught:
        files.load(put(tmp_path / "site.pem", make(made, self_signed("other.test"))), _nobody)
    assert hint in caught.value.hint


def test_files_that_cannot_be_opened(tmp_path: Path, files: TlsFiles) -> None:
    with pytest.raises(TlsFault, match=r"unable to stat SSL certificate from file '.*' : No such file or directory\."):
        files.load(str(tmp_path / "nosuch.pem"), _nobody)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TlsFault, match="unable to load certificate"):
        files.load(str(tmp_path / "fifo"), _nobody)
    with pytest.raises(TlsFault, match="unable to stat"):
        files.load("nul\0byte", _nobody)


@pytest.mark.parametrize(
    ("dates", "text", "is_urgent"),
    [
        ({"from_days": -9, "to_days": -1}, "has expired on", True),
        ({"from_days": 1}, "is not valid before", True),
        ({"to_days": 29.5}, "expires in 29 days", False),
        ({"to_days": 31}, "", False),
    ],
)
def test_dates_are_remarked(
    tmp_path: Path, authority: Authority, files: TlsFiles, dates: dict, text: str, is_urgent: bool, remarks: list[Remark]
) -> None:
    path = put(tmp_path / "site.pem", authority.issue("a.test", **dates).pem)
    files.load(path, remarks.append)
    files.load(path, remarks.append)  # once for each file, not for each line that names it
    assert [(text in one.text, one.is_urgent) for one in remarks] == ([(True, is_urgent)] if text else [])


def test_chain_out_of_order_is_remarked(tmp_path: Path, files: TlsFiles, remarks: list[Remark]) -> None:
    root = Authority("root")
    made = Authority("lower", Authority("upper", root)).issue("a.test")
    lower, upper = (one.public_bytes(_pem()) for one in made.issuers)
    files.load(put(tmp_path / "right.pem", made.crt, lower, upper, made.private), remarks.append)
    assert remarks == []
    files.load(put(tmp_path / "wrong.pem", made.crt, upper, lower, made.private), remarks.append)
    assert "its chain is out of order" in remarks[0].text


def test_chain_is_completed_from_issuers(tmp_path: Path, authority: Authority, remarks: list[Remark]) -> None:
    put(tmp_path / "one.pem", authority.crt)
    put(tmp_path / "two.pem", b"nothing")
    issuers = load_issuers(str(tmp_path), remarks.append)
    assert [len(issuers), [one.text.rpartition(": ")[2] for one in remarks]] == [1, ["pem certificate not found."]]


def test_authorities_of_file_directory_and_system(tmp_path: Path, authority: Authority, files: TlsFiles) -> None:
    other = Authority("other")
    path = put(tmp_path / "ca.pem", authority.crt, other.crt, authority.revoke())
    found = files.authorities(path, "ca-file", _nobody)
    assert [len(found.certificates), len(found.crls)] == [2, 1]
    assert len(files.revocations(path).crls) == 1
    put(tmp_path / "ignored.txt", b"nothing")
    put(tmp_path / "broken.crt", b"nothing")
    assert len(files.authorities(str(tmp_path), "ca-file", _nobody).certificates) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert files.authorities("@system-ca", "ca-file", _nobody).certificates
    with pytest.raises(TlsFault) as caught:
        files.authorities(str(tmp_path / "broken.crt"), "ca-file", _nobody)
    assert caught.value.hint == "no certificate or crl found"


def test_ticket_keys(tmp_path: Path) -> None:
    keys = [bytes([number]) * 80 for number in range(3)]
    path = put(tmp_path / "keys", *(base64.b64encode(key) + b"\n" for key in keys))
    assert list(load_ticket_keys(path)) == keys
    for text, message in (
        (base64.b64encode(keys[0]) + b"\n", "please supply at least 3 keys"),
        (b"\n".join(base64.b64encode(key) for key in [*keys, bytes(48)]), "wrong sized key on line 4"),
        (b"\n".join(base64.b64encode(bytes(32)) for _ in range(3)), "wrong sized key on line 1"),
        (b"***", "unable to decode base64 key on line 1"),
    ):
        with pytest.raises(TlsFault, match=message):
            load_ticket_keys(put(tmp_path / "bad", text))


def test_crt_list_has_filters_and_options(tmp_path: Path, made: Made, files: TlsFiles) -> None:
    site = put(tmp_path / "site.pem", made.pem)
    text = f"{site} [alpn h2 verify none] A.Example.com !b.example.com *.c.example.com\n# comment\n\n{site} !*\n{site}\n"
    seen: list[list[str]] = []
    found = read_crt_list(put(tmp_path / "list", text.encode()), files, _nobody, lambda words, where: seen.append(words))
    assert [one.filters for one in found] == [("a.example.com", "!b.example.com", "*.c.example.com"), ("!*",), ()]
    assert seen == [["alpn", "h2", "verify", "none"], [], []]
    assert {one.source for one in found} == {str(tmp_path / "list")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SITE", ":1]: Missing LF on last line"),
        ("[alpn h2] a\n", ":1]: file must start with a cert"),
        ("SITE [a] [b] c\n", ":1]: too many '['"),
        ("SITE a] c\n", ":1]: too many ']'"),
        ("#\nSITE [a b\n", ":2]: missing ']'"),
        ("nosuch.pem a\n", "unable to stat SSL certificate from file 'nosuch.pem'"),
        ("SITE \0\n", "a NUL in it"),
    ],
)
def test_bad_crt_lists(tmp_path: Path, made: Made, files: TlsFiles, text: str, message: str) -> None:
    path = put(tmp_path / "list", text.replace("SITE", put(tmp_path / "site.pem", made.pem)).encode())
    with pytest.raises(ValueFault) as caught:
        read_crt_list(path, files, _nobody, lambda words, where: None)
    assert message in caught.value.message


def _nobody(remark: Remark) -> None:
    raise AssertionError(remark)


def _der() -> object:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def _pem() -> object:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM


