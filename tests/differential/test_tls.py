"""What both programs tell of the same TLS connections."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Authority, self_signed
from support.origin import Origin, named
from support.poll import poll
from support.proxy import HTTP, Proxy
from support.secure import SecureClient, client_context, secured, server_context
from support.sockets import connect
from support.syslog import Syslog

PROGRAMS = ("haproxy", "fastlb")
CERTIFICATE = ("key_alg", "sig_alg", "notafter", "notbefore", "version", "serial,hex", "sha1,hex", "s_dn", "i_dn", "der,sha1,hex")
NAMES = ("s_dn(CN)", "s_dn(cn)", "s_dn(O)", "s_dn(CN,2)", "s_dn(CN,-1)", "i_dn(CN)", "s_dn(,0,rfc2253)", "i_dn(,0,rfc2253)")
CLIENT = (
    *("ssl_fc", "ssl_fc_protocol", "ssl_fc_cipher", "ssl_fc_alg_keysize", "ssl_fc_use_keysize", "ssl_fc_sni", "ssl_fc_has_sni"),
    *("ssl_fc_alpn", "ssl_fc_is_resumed", "ssl_fc_has_crt", "ssl_fc_err", "ssl_fc_has_early", "ssl_c_used", "ssl_c_verify"),
    *("ssl_c_err", "ssl_c_ca_err", "ssl_c_ca_err_depth", "ssl_fc_session_id,hex,length", "ssl_fc_session_key,hex,length"),
    *("ssl_fc_client_random,hex,length", "ssl_fc_server_random,hex,length", "ssl_fc_npn", "ssl_fc_err_str"),
    *(f"ssl_{whose}_{name}" for whose in "cf" for name in (*CERTIFICATE, *NAMES)),
    "ssl_c_chain_der,sha1,hex",
)
SERVER = (
    *("ssl_bc", "ssl_bc_protocol", "ssl_bc_cipher", "ssl_bc_alg_keysize", "ssl_bc_use_keysize", "ssl_bc_is_resumed"),
    *("ssl_bc_alpn", "ssl_bc_client_random,hex,length", "ssl_bc_session_key,hex,length", "ssl_bc_err"),
    *(f"ssl_s_{name}" for name in (*CERTIFICATE, *NAMES)),
)


def shown(samples: tuple[str, ...], prefix: str) -> str:
    return "".join(f'    http-response set-header {prefix}{n} "%[{sample}]"\n' for n, sample in enumerate(samples))


@pytest.fixture
def both() -> Iterator[list[tuple[Proxy, Syslog]]]:
    started: list[tuple[Proxy, Syslog]] = []
    yield started
    for proxy, syslog in started:
        proxy.finish()
        syslog.close()


def run_both(both: list[tuple[Proxy, Syslog]], text: str) -> list[tuple[Proxy, Syslog]]:
    for program in PROGRAMS:
        syslog = Syslog()
        both.append((Proxy(program, text.format(syslog=syslog)), syslog))
    return both


def only(version: str) -> ssl.SSLContext:
    wanted = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    return client_context(minimum_version=wanted, maximum_version=wanted)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("who", ["nobody", "known", "stranger"])
def test_samples_of_both_sides(both, tmp_path: Path, version: str, who: str) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    pem = authority.issue("a.test", "*.w.test", key="rsa").write(tmp_path / "a.pem")
    origin = Origin(secured(named("a"), server_context(pem)))
    text = (
        f"global\n    ssl-default-bind-options ssl-min-ver TLSv1.2\n{HTTP}frontend fe\n"
        f"    bind fd@fe ssl crt {pem} verify optional ca-file {tmp_path}/ca.pem crt-ignore-err all ca-ignore-err all\n"
        f"{shown(CLIENT, 'c')}{shown(SERVER, 's')}    default_backend be\nbackend be\n    server s1 {origin} ssl verify none\n"
    )
    context = only(version)
    made = {"known": authority.issue("alice", client=True), "stranger": self_signed("mallory"), "nobody": None}[who]
    if made is not None:
        context.load_cert_chain(made.write(tmp_path / "client.pem"))
    answers = []
    for proxy, _ in run_both(both, text):
        answer = SecureClient(proxy.addresses["fe"], "a.test", context).request()
        answers.append({sample: answer.get(f"c{n}") for n, sample in enumerate(CLIENT)})
        answers[-1] |= {sample: answer.get(f"s{n}") for n, sample in enumerate(SERVER)}
    origin.close()
    assert answers[1] == answers[0]


def test_lines_of_failed_handshakes(both, tmp_path: Path) -> None:
    pem = self_signed("a.test").write(tmp_path / "a.pem")
    text = (
        f"global\n    log {{syslog}} local0\n{HTTP}    log global\n    option httplog\n    timeout client 1s\n"
        f"frontend fe\n    bind fd@fe name door ssl crt {pem} strict-sni\n    http-request return status 200\n"
    )
    told = []
    for proxy, syslog in run_both(both, text):
        for sent in (b"garbage over here\r\n", b"\x16\x03\x01", b""):
            sock = connect(proxy.addresses["fe"])
            sock.sendall(sent)
            if not sent.startswith(b"g"):
                sock.close()
        waiting = connect(proxy.addresses["fe"])
        with pytest.raises(ssl.SSLError):
            SecureClient(proxy.addresses["fe"], "b.test")
        poll(lambda log=syslog: len(log.lines) >= 5, "five lines")
        told.append(sorted(line.partition("] ")[2].partition("] ")[2] or line.rpartition("] ")[2] for line in syslog.lines))
        waiting.close()
    assert told[1] == told[0]
