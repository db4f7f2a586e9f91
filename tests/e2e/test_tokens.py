"""Encrypted JSON Web Tokens in requests, of HAProxy 3.3 and later: keys of all kinds, and which algorithms are allowed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from support import token_cases as tokens
from support.certificates import self_signed
from support.proxy import HTTP, command_of

pytestmark = pytest.mark.fastlb_only  # of 3.3 and later

SECRET = tokens.secret_for("A256KW", "A128GCM")
FRONTEND = """frontend fe
    bind fd@fe
    http-request set-var(txn.token) http_auth_bearer
    http-request return status 200 content-type text/plain lf-string "[%[var(txn.token),{}]]"
"""


def word(text: str) -> str:
    """As one word of a line; what is in single quotes is one argument of the expression."""
    return '"' + text.replace('"', '\\"') + '"'


def opened(proxy, token: str) -> str:
    answer = proxy.fetch("/", headers=f"Authorization: Bearer {token}\r\n")
    assert answer.status == 200
    return answer.body.decode()


def checked(text: str, directory: Path) -> str:
    """What `fastlb -c` says to a configuration that it must refuse."""
    path = directory / "bad.cfg"
    path.write_text(text)
    done = subprocess.run([*command_of("fastlb"), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


def test_secret_opens_its_token_and_no_other(start):
    proxy = start(HTTP + FRONTEND.format(f"jwt_decrypt_secret({tokens.in_base64(SECRET)})"))
    assert opened(proxy, tokens.token("A256KW", "A128GCM", SECRET, '{"sub":"ann"}')) == '[{"sub":"ann"}]'
    assert opened(proxy, tokens.token("A256KW", "A128GCM", bytes(32))) == "[]"
    assert opened(proxy, tokens.token("A256KW", "A128GCM", SECRET)[:-4]) == "[]"
    assert opened(proxy, "x") == "[]"
    # Nothing is left of a token that was opened before.
    assert opened(proxy, tokens.token("A256KW", "A128GCM", SECRET, "")) == "[]"


def test_longest_token_that_a_request_carries_is_opened(start):
    proxy = start(HTTP + FRONTEND.format(f"jwt_decrypt_secret({tokens.in_base64(SECRET)}),length"))
    assert opened(proxy, tokens.token("A256KW", "A256CBC-HS512", SECRET, "x" * 10000)) == "[10000]"


def test_json_web_keys_written_out_and_in_variables(start):
    jwk = json.dumps(tokens.ec_jwk("P-256", tokens.ec_key("P-256")), separators=(",", ":"))
    rules = "\n".join(
        [
            HTTP,
            "frontend fe",
            "    bind fd@fe",
            "    http-request set-var(txn.token) http_auth_bearer",
            "    http-request set-var(txn.oct) " + word(f"str('{tokens.oct_jwk(SECRET)}')"),
            "    http-request set-var(txn.agreed) " + word(f"var(txn.token),jwt_decrypt_jwk('{jwk}')"),
            "    http-request set-var(txn.wrapped) var(txn.token),jwt_decrypt_jwk(txn.oct)",
            '    http-request return status 200 content-type text/plain lf-string "[%[var(txn.agreed)]%[var(txn.wrapped)]]"',
        ]
    )
    proxy = start(rules)
    assert opened(proxy, tokens.token("ECDH-ES+A192KW", "A192GCM", tokens.ec_key("P-256"), "one")) == "[one]"
    assert opened(proxy, tokens.token("A256KW", "A192CBC-HS384", SECRET, "two")) == "[two]"
    assert opened(proxy, tokens.token("RSA-OAEP", "A192GCM", tokens.rsa_key(), "three")) == "[]"


@pytest.mark.parametrize("name", ("file", "@web/site", "@web/site.pem", "variable"))
def test_certificate_by_its_file_or_as_a_store_names_it(start, tmp_path, name):
    made = self_signed("a.test", key="rsa")
    path = made.write(tmp_path / "site.pem")
    other = made.write(tmp_path / "other.pem")
    loads = "    load crt site.pem alias site jwt on\n    load crt other.pem alias other\n"
    store = f"crt-store web\n    crt-base {tmp_path}\n{loads}"
    argument = {"file": str(path), "variable": "txn.name"}.get(name, name)
    rule = "" if name != "variable" else "    http-request set-var(txn.name) req.hdr(x-name)\n"
    fixed = HTTP + FRONTEND.format(f'jwt_decrypt_cert("{argument}")')
    proxy = start(store + fixed.replace("    http-request return", rule + "    http-request return"))
    token = tokens.token("RSA-OAEP-256", "A256CBC-HS512", made.key, "for you")
    if name != "variable":
        assert opened(proxy, token) == "[for you]"
        return
    for said, expected in ((str(path), b"[for you]"), ("@web/site", b"[for you]"), (str(other), b"[]"), ("@web/other", b"[]")):
        answer = proxy.fetch("/", headers=f"Authorization: Bearer {token}\r\nX-Name: {said}\r\n")
        assert answer.body == expected


def test_rsa1_5_has_to_be_asked_for(start):
    key = word(f"str('{tokens.rsa_jwk(tokens.rsa_key())}')")
    rule = HTTP + FRONTEND.format("jwt_decrypt_jwk(txn.key)")
    rule = rule.replace("    http-request return", f"    http-request set-var(txn.key) {key}\n    http-request return")
    old, new = (tokens.token(alg, "A128GCM", tokens.rsa_key(), "x") for alg in ("RSA1_5", "RSA-OAEP"))
    proxy = start(rule)
    assert (opened(proxy, old), opened(proxy, new)) == ("[]", "[x]")
    proxy = start("global\n    jwt.decrypt_alg_list RSA1_5\n" + rule)
    assert (opened(proxy, old), opened(proxy, new)) == ("[x]", "[]")


def test_only_listed_encryptions_are_done(start):
    rule = HTTP + FRONTEND.format(f"jwt_decrypt_secret({tokens.in_base64(SECRET)})")
    proxy = start("global\n    jwt.decrypt_enc_list A256GCM:A128CBC-HS256\n" + rule)
    found = {enc: opened(proxy, tokens.token("A256KW", enc, SECRET, "x")) for enc in tokens.ENCRYPTIONS}
    assert {enc for enc, text in found.items() if text == "[x]"} == {"A256GCM", "A128CBC-HS256"}


def test_certificate_that_nobody_has_is_refused_at_its_line(tmp_path):
    self_signed("a.test").write(tmp_path / "site.pem")
    rule = FRONTEND.replace("fd@fe", "127.0.0.1:1")
    message = checked(HTTP + rule.format('jwt_decrypt_cert("/nowhere/site.pem")'), tmp_path)
    assert "[" + str(tmp_path / "bad.cfg") + ":10]" in message and "unable to find the certificate '/nowhere/site.pem'" in message
    store = f"crt-store web\n    load crt {tmp_path}/site.pem alias site\n"
    message = checked(store + HTTP + rule.format('jwt_decrypt_cert("@web/site")'), tmp_path)
    assert "unable to find the certificate '@web/site'" in message


def test_stores_certificate_verifies_what_was_signed_with_its_key(start, tmp_path):
    made = self_signed("a.test", key="rsa")
    made.write(tmp_path / "site.pem")
    store = f"crt-store web\n    load crt {tmp_path}/site.pem alias site jwt on\n"
    proxy = start(store + HTTP + FRONTEND.format('jwt_verify_cert("RS256","@web/site")'))
    text = f"{tokens.coded(b'{}')}.{tokens.coded(b'{}')}"
    signature = made.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert opened(proxy, f"{text}.{tokens.coded(signature)}") == "[1]"
    assert opened(proxy, f"{text}.{tokens.coded(bytes(256))}") == "[0]"
