"""Lines with TLS options: haproxy and fastlb accept and refuse the same ones, with the same words.

Files are made while the test runs. `{d}` in a line is their directory, which is crt-base and ca-base too.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fastlb.config import load
from fastlb.config.keywords import bind, server, tls_bind, tls_server
from fastlb.config.keywords.row import NOT_YET, SUPPORTED
from support.certificates import Authority, self_signed
from support.proxy import command_of

SITE = "ssl crt site.pem"
BIND = [
    *("ssl", "ssl crt", "ssl crt nofile.pem", "ssl crt /nodir/nofile.pem", SITE, "crt nofile.pem", "crt nokey.pem"),
    *("ssl crt nokey.pem", "ssl crt keyonly.pem", "ssl crt otherkey.pem", "ssl crt empty.pem", "ssl crt garbage.pem"),
    *("ssl crt cut.pem", "ssl crt issuerfirst.pem", "ssl crt {d}/none", "ssl crt {d}/dir", "ssl crt bundle.pem", "ssl crt ''"),
    *("ssl strict-sni", "crt site.pem", "alpn h2", "ssl crt split.pem", "crt @store/site"),
    *(
        f"{SITE} {more}"
        for more in (
            *("verify", "verify foo", "verify required", "verify optional", "verify none", "verify required ca-file nofile"),
            *("ca-file", "verify required ca-file ca.pem", "ca-file ca.pem crl-file", "ca-file ca.pem crl-file nofile"),
            *("ca-file ca.pem crl-file crl.pem", "ca-file garbage.pem", "ca-file empty.pem", "ca-file {d}/none"),
            *("verify required ca-verify-file ca.pem", "ca-verify-file", "ciphers", "ciphers NOPE", "ciphers HIGH:!aNULL"),
            *("ciphersuites NOPE", "ciphersuites TLS_AES_128_GCM_SHA256", "curves", "curves NOPE", "curves X25519:P-256"),
            *("ecdhe NOPE", "ecdhe prime256v1", "ecdhe", "alpn", "alpn h2,,x", "alpn h2,http/1.1", "npn", "npn h2"),
            *("ssl-min-ver", "ssl-min-ver TLSv1", "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", "no-tlsv12"),
            *("no-tlsv12 no-tlsv13", "no-tlsv10 no-tlsv12", "force-tlsv12", "force-tlsv12 force-tlsv13", "force-sslv3"),
            *("force-tlsv12 no-tlsv12", "ssl-max-ver SSLv3", "ssl-max-ver TLSv1.1", "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1"),
            *("strict-sni no-tls-tickets prefer-client-ciphers no-ca-names", "tls-ticket-keys", "tls-ticket-keys nofile"),
            *("tls-ticket-keys {d}/garbage.pem", "tls-ticket-keys {d}/tickets", "ca-ignore-err", "ca-ignore-err 10,20"),
            *("ca-ignore-err 99", "ca-ignore-err all", "crt-ignore-err x", "crt-ignore-err 10"),
        )
    ),
    *(f"ssl crt-list {{d}}/list{number}" for number in range(9)),
    *("ssl crt-list", "ssl crt-list nofile"),
]
LISTS = [
    "site.pem [alpn h2,http/1.1 verify none] a.example.com !b.example.com *.c.example.com\n# comment\n\nself.pem !*\n",
    "site.pem",
    "site.pem [foo x] a\n",
    "nofile.pem a\n",
    "site.pem [ca-file nofile verify required] a\n",
    "site.pem [verify foo] a\n",
    "site.pem [alpn] a\n",
    "[alpn h2] a\n",
    "site.pem [alpn h2] [npn h2] a\n",
]
SERVER = [
    *("ssl", "ssl verify", "ssl verify none", "ssl verify optional", "ssl verify required", "verify required"),
    *("ssl verify required ca-file ca.pem", "ssl ca-file", "ssl verify required ca-file nofile", "ca-file garbage.pem"),
    *("check check-ssl", "check check-ssl verify none", "verify none crt nofile.pem", "verify foo", "sni foo"),
    *(
        f"ssl verify none {more}"
        for more in (
            *("crt", "crt nofile.pem", "crt site.pem", "crt nokey.pem", "crt otherkey.pem", "crl-file", "crl-file nofile"),
            *("verifyhost", "verifyhost a.b", "sni", "sni str(a)", "sni foo(a)", "sni res.hdr(a)", "sni req.hdr(host),lower"),
            *("sni ssl_fc_sni", "alpn", "alpn h2", "npn h2", "ciphers", "ciphers NOPE", "ciphersuites NOPE", "ssl-min-ver X"),
            *("ssl-min-ver", "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", "no-tlsv12", "force-tlsv12 no-tlsv12"),
            *("no-tls-tickets tls-tickets no-ssl-reuse ssl-reuse no-ssl", "check check-sni", "check check-sni a.b"),
            *("check check-alpn", "check check-alpn h2", "sni str(a),table_conn_cur(nope)", "sni nbsrv(zz)", "sni var(txn.a)"),
        )
    ),
]
GLOBAL = [
    *("ssl-default-bind-ciphers", "ssl-default-bind-ciphers NOPE", "ssl-default-bind-ciphers A B", "ssl-default-bind-curves"),
    *("ssl-default-bind-ciphersuites", "ssl-default-bind-options", "ssl-default-bind-options foo", "ssl-default-server-ciphers"),
    *("ssl-default-bind-options no-sslv3 no-tlsv10", "ssl-default-bind-options ssl-min-ver", "ssl-default-server-options"),
    *("ssl-default-bind-options ssl-min-ver foo", "ssl-default-bind-options force-tlsv12 prefer-client-ciphers"),
    *("ssl-default-bind-options strict-sni", "ssl-default-server-options no-tls-tickets", "ssl-default-server-options foo"),
    *("ssl-default-server-options prefer-client-ciphers", "crt-base", "ca-base", "crt-base /a b", "ca-base /nonexistent"),
    *("ssl-dh-param-file", "ssl-dh-param-file nofile", "ssl-server-verify", "ssl-server-verify foo", "ssl-server-verify none"),
    *("ssl-load-extra-files", "ssl-load-extra-files foo", "ssl-load-extra-files none all", "ssl-load-extra-files bundle sctl"),
    *("ssl-load-extra-del-ext", "ssl-skip-self-issued-ca", "issuers-chain-path", "issuers-chain-path /nodir"),
    *("tune.ssl.default-dh-param 512", "tune.ssl.default-dh-param 2048", "tune.ssl.cachesize", "tune.ssl.cachesize -1"),
    *("tune.ssl.lifetime", "tune.ssl.lifetime x", "tune.ssl.lifetime 10s", "tune.ssl.maxrecord 100"),
    *("tune.ssl.keylog", "tune.ssl.keylog foo", "tune.ssl.keylog off"),
]
# Lines that fastlb takes though 2.6 does not, or the other way round, and why.
DIFFERENT = {"crt @store/site": "2.6 has no crt-store and looks for a file of that name"}
# haproxy says the reason in a line of its own, in front; here it is the hint.
_REASON = re.compile(r"Couldn't open the ca-file")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls")
    authority = Authority("lower", Authority("root"))
    site, other = authority.issue("www.example.com"), self_signed("self.example.com")
    rsa = authority.issue("www.example.com", key="rsa")
    texts = {
        "site.pem": site.pem,
        "self.pem": other.pem,
        "nokey.pem": site.crt,
        "split.pem": site.crt,
        "split.pem.key": site.private,
        "keyonly.pem": site.private,
        "otherkey.pem": site.crt + other.private,
        "issuerfirst.pem": site.chain + site.crt + site.private,
        "empty.pem": b"",
        "garbage.pem": b"hello\n",
        "cut.pem": site.crt[:200],
        "bundle.pem.rsa": rsa.pem,
        "bundle.pem.ecdsa": site.pem,
        "ca.pem": authority.crt,
        "crl.pem": authority.revoke(site),
        "tickets": b"".join(b"A" * 64 + b"\n" for _ in range(3)),
        **{f"list{number}": text.encode() for number, text in enumerate(LISTS)},
    }
    for name, text in texts.items():
        (place / name).write_bytes(text)
    (place / "none").mkdir()
    (place / "dir").mkdir()
    (place / "dir" / "a.pem").write_bytes(site.pem)
    return place


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ssl` as it will be: the lines are read completely before the engine does them."""
    for options, rows in ((bind.OPTIONS, tls_bind.OWN), (server.OPTIONS, tls_server.OWN)):
        for row in rows:
            if row.name in ("ssl", "check-ssl"):
                monkeypatch.setitem(options, row.name, replace(options[row.name], status=SUPPORTED, apply=row.apply))


def _messages(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(("[ALERT]", "[WARNING]"))]
    shown = [re.sub(r"^\[(\w+)\] *\(\d+\) : config : ", r"\1 ", line) for line in lines]
    return [line for line in shown if not re.search("Fatal errors|Error.s. found in|has no 'bind'|will not start", line)]


def _haproxy(path: Path) -> tuple[bool, list[str]]:
    done = subprocess.run(
        [*command_of("haproxy"), "-c", "-f", str(path)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return done.returncode != 1, [line for line in _messages(done.stderr) if not _REASON.search(line)]


def _fastlb(path: Path) -> tuple[bool, list[str]]:
    model, diagnostics = load([str(path)], environment={})
    assert not any(NOT_YET in one.message for one in diagnostics)
    return model is not None, _messages("\n".join(one.render(pid=1).splitlines()[0] for one in diagnostics))


def _same(directory: Path, tmp_path: Path, line: str, text: str) -> None:
    path = tmp_path / "t.cfg"
    path.write_text(text.replace("LINE", line).replace("{d}", str(directory)))
    theirs, ours = _haproxy(path), _fastlb(path)
    assert ours[0] is theirs[0], (ours, theirs)
    if theirs[1] and theirs[1][-1].startswith(("ALERT 'c", "WARNING ca-file")):
        # haproxy tells this without the line
        assert theirs[1][-1].partition(" ")[2] in ours[1][-1]
        return
    assert ours[1] == theirs[1]


_BASES = "global\n    crt-base {d}\n    ca-base {d}\n"
_TIMES = "    mode tcp\n    timeout connect 5s\n    timeout server 5s\n"


@pytest.mark.parametrize("line", [line for line in BIND if line not in DIFFERENT])
def test_bind(directory: Path, tmp_path: Path, line: str) -> None:
    text = "frontend f\n    mode tcp\n    timeout client 5s\n    bind 127.0.0.1:8443 LINE\n    default_backend b\n"
    _same(directory, tmp_path, line, f"{_BASES}{text}backend b\n{_TIMES}")


@pytest.mark.parametrize("line", SERVER)
def test_server(directory: Path, tmp_path: Path, line: str) -> None:
    _same(directory, tmp_path, line, f"{_BASES}backend b\n{_TIMES}    server s 127.0.0.1:1 LINE\n")


@pytest.mark.parametrize("line", GLOBAL)
def test_global(directory: Path, tmp_path: Path, line: str) -> None:
    _same(directory, tmp_path, line, f"global\n    LINE\nbackend b\n{_TIMES}")
