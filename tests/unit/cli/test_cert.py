"""`fastlb cert`: what is written, with which mode, what is never overwritten, and the exit statuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509

from fastlb.cli.cert import run
from fastlb.config.tls_files import TlsFiles
from fastlb.config.tls_model import GlobalTls, KeyPair
from support.certificates import Authority, self_signed


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(path: str) -> KeyPair:
    (pair,) = TlsFiles(GlobalTls()).load(path, lambda remark: None)
    return pair


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
def test_self_signed_is_what_crt_takes(key: str) -> None:
    assert run(["self-signed", "www.example.com", "*.example.com", "127.0.0.1", "bücher.example", "--key", key]) == 0
    pair = loaded("www.example.com.pem")
    assert [pair.names, pair.key_type] == [("www.example.com", "*.example.com", "xn--bcher-kva.example"), key]
    assert mode("www.example.com.pem") == 0o600


def test_nothing_is_overwritten_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("site.pem").write_text("mine")
    Path("site.key").symlink_to("nowhere")
    assert run(["self-signed", "a.test", "-o", "site.pem"]) == 1
    assert "'site.pem' exists; --force replaces it" in capsys.readouterr().err
    assert Path("site.pem").read_text() == "mine"
    assert run(["csr", "a.test", "-o", "site.csr"]) == 1  # the key's name is taken
    assert not Path("site.csr").exists()
    assert run(["self-signed", "a.test", "-o", "site.pem", "--force"]) == 0
    assert loaded("site.pem").names == ("a.test",)
    assert mode("site.pem") == 0o600
    assert sorted(os.listdir()) == ["site.key", "site.pem"]


def test_request_has_names_subject_and_a_new_key() -> None:
    assert run(["csr", "*.example.com", "example.com", "--subject", "O=Example Ltd, C=DE"]) == 0
    made = x509.load_pem_x509_csr(Path("wildcard.example.com.csr").read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert [names, made.subject.rfc4514_string(), made.is_signature_valid] == [
        ["*.example.com", "example.com"],
        "CN=*.example.com,O=Example Ltd,C=DE",
        True,
    ]
    assert [mode("wildcard.example.com.key"), mode("wildcard.example.com.csr")] == [0o600, 0o600]
    assert run(["csr", "b.test", "--key-file", "wildcard.example.com.key"]) == 0
    assert not Path("b.test.key").exists()


def test_bundle_puts_certificates_in_order() -> None:
    root = Authority("root")
    made = Authority("lower", Authority("upper", root)).issue("a.test")
    lower, upper = (one.public_bytes(_pem()) for one in made.issuers)
    Path("chain").write_bytes(upper + root.crt + lower + self_signed("other.test").crt)
    Path("own").write_bytes(made.crt)
    Path("key").write_bytes(made.private)
    assert run(["bundle", "chain", "key", "own"]) == 0
    assert Path("a.test.pem").read_bytes() == made.crt + lower + upper + made.private
    assert mode("a.test.pem") == 0o600


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["own"], "0 of the files hold a private key"),
        (["own", "key", "other"], "2 of the files hold a private key"),
        (["own", "other"], "none of the certificates belongs to the private key"),
        (["own", "nosuch"], "cannot read 'nosuch': No such file or directory"),
        (["own", "locked"], "is encrypted"),
        (["broken", "key"], "a certificate cannot be decoded"),
    ],
)
def test_bundles_that_cannot_be(files: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = self_signed("a.test")
    Path("own").write_bytes(made.crt)
    Path("key").write_bytes(made.private)
    Path("other").write_bytes(self_signed("b.test").private)
    Path("locked").write_bytes(made.encrypted())
    Path("broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert run(["bundle", *files]) == 1
    assert message in capsys.readouterr().err
    assert not list(Path().glob("*.pem"))


@pytest.mark.parametrize("name", ["a b", "-x.test", "a..test", "a/../b", "x" * 64 + ".test", "*.*.test", "", "a.test\n"])
def test_names_that_are_none(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["self-signed", "-o", "x.pem", "--", name]) == 1
    assert "no host name" in capsys.readouterr().err
    assert not Path("x.pem").exists()


def test_directory_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["self-signed", "a.test", "-o", "nosuch/a.pem"]) == 1
    assert "cannot write 'nosuch/a.pem': No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["nosuch"], ["self-signed"], ["self-signed", "a", "--days", "0"], ["show"]])
def test_bad_command_lines(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(words)
    assert caught.value.code == 2


def test_show_says_what_is_inside(capsys: pytest.CaptureFixture[str]) -> None:
    authority = Authority("lower", Authority("root"))
    authority.issue("www.example.com", "10.0.0.1", to_days=12.5).write(Path("site.pem"))
    Path("empty").write_bytes(b"")
    assert run(["show", "site.pem", "empty"]) == 1
    shown = capsys.readouterr()
    for text in ("site.pem (1 of 2)", "CN=www.example.com", "10.0.0.1", "CN=lower", "12 days left", "belongs to the first"):
        assert text in shown.out
    assert "PRIVATE KEY" not in shown.out
    assert shown.err == "empty: it holds no certificate\n"


def test_show_prints_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    Authority("root").issue(cn="evil\x1b[31m[bold]x").write(Path("site.pem"))
    assert run(["show", "site.pem"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]x" in shown


def test_check_has_a_status_for_each_case(capsys: pytest.CaptureFixture[str]) -> None:
    authority = Authority("root")
    for name, days in (("good", 100.0), ("soon", 20.0), ("old", -0.5)):
        authority.issue(f"{name}.test", from_days=-9, to_days=days).write(Path(f"{name}.pem"))
    Path("garbage.pem").write_text("hello")
    for files, status in (
        (["good.pem"], 0),
        (["soon.pem", "good.pem"], 3),
        (["good.pem", "old.pem", "soon.pem"], 1),
        (["garbage.pem"], 1),
        (["nosuch.pem"], 1),
    ):
        assert run(["check", *files]) == status, files
    assert run(["check", "--days", "10", "soon.pem"]) == 0
    assert "unable to stat SSL certificate from file 'nosuch.pem'" in capsys.readouterr().out


def _pem() -> object:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.PEM
