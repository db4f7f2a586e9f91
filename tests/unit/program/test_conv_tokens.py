"""Encrypted tokens: those of the RFCs and of every algorithm are opened, and whatever is wrong with one gives an empty text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fastlb_core.bridge import exprkit

from fastlb.config.samples import CONVERTERS
from fastlb.config.samples.convert_token import private_der
from fastlb.config.samples.values import ArgumentFault, PrivateKey, VariableRef
from support import token_cases as table
from support.converter_cases import Case, arguments_of
from support.converter_run import convert


def signed(key: rsa.RSAPrivateKey) -> str:
    text = f"{table.coded(b'{}')}.{table.coded(b'{}')}"
    return f"{text}.{table.coded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def wrong(cases: list[Case]) -> list[str]:
    return [f"{case.value} {case.written}: {made!r}" for case in cases if (made := convert(case, {})) != case.expected]


@pytest.mark.parametrize("name", ("jwt_decrypt_secret", "jwt_decrypt_jwk"))
def test_tokens_are_opened_or_nothing_comes_out(name: str):
    cases = [case for case in table.NEW_CASES if case.name == name]
    assert len(cases) > 50 and {case.expected for case in cases} >= {"", table.TEXT, table.FRODO}
    assert wrong(cases) == []


@pytest.mark.parametrize(("name", "words", "message"), table.TOKEN_REFUSED)
def test_bad_argument_is_refused_with_a_reason(name: str, words: str, message: str):
    with pytest.raises(ArgumentFault) as refused:
        arguments_of(CONVERTERS[name], (words,))
    assert refused.value.message == message


@pytest.mark.parametrize("kind", ("rsa", "ec"))
def test_certificates_key_opens_what_was_sent_to_it(kind: str, tmp_path: Path):
    key = table.rsa_key() if kind == "rsa" else table.ec_key("P-521")
    path = tmp_path / "site.pem"
    path.write_bytes(table.pem_of(key))
    sent = table.token("RSA-OAEP-256" if kind == "rsa" else "ECDH-ES+A256KW", "A256CBC-HS512", key)
    assert convert(Case("jwt_decrypt_cert", sent, (str(path),)), {}) == table.TEXT
    variables = {"txn.path": str(path)}
    assert convert(Case("jwt_decrypt_cert", sent, ("txn.path",)), variables) == table.TEXT
    assert convert(Case("jwt_decrypt_cert", sent, ("txn.path",)), {"txn.path": "/nobody.pem"}) == ""
    assert convert(Case("jwt_decrypt_cert", sent, ("txn.path",)), {}) is None


def test_keys_of_variables_are_read_when_they_are_used():
    sent = table.token("RSA-OAEP", "A128GCM", table.rsa_key())
    for jwk in (table.rsa_jwk(table.rsa_key(), with_primes=False), table.rsa_jwk(table.rsa_key())):
        assert exprkit.convert("jwt_decrypt_jwk", sent, VariableRef("txn", "k"), variables={"txn.k": jwk}) == table.TEXT
    sent, jwk = table.token("ECDH-ES", "A256GCM", table.ec_key("P-384")), table.ec_jwk("P-384", table.ec_key("P-384"))
    assert exprkit.convert("jwt_decrypt_jwk", sent, VariableRef("txn", "k"), variables={"txn.k": json.dumps(jwk)}) == table.TEXT
    secret = table.secret_for("A128KW", "A128GCM")
    sent, variable = table.token("A128KW", "A128GCM", secret), VariableRef("txn", "k")
    assert exprkit.convert("jwt_decrypt_secret", sent, variable, variables={"txn.k": table.in_base64(secret)}) == table.TEXT
    assert exprkit.convert("jwt_decrypt_secret", sent, variable, variables={"txn.k": "!"}) is None


def broken_keys() -> list[str]:
    """Keys in which one number is missing, cut, zero, even, or longer than any key's."""
    found = []
    for jwk in (json.loads(table.rsa_jwk(table.rsa_key())), table.ec_jwk("P-256", table.ec_key("P-256"))):
        for name in jwk.keys() - {"kty"}:
            for value in ("", "AA", "AQ", "Ag", jwk[name][:-4], jwk[name][4:], jwk[name] * 9, "*", 5, None):
                found.append(json.dumps(jwk | {name: value}))
        found.append(json.dumps(jwk | {"kty": "oct"}))
    return [*found, "", "{", "[]", '{"kty":"RSA"}', '{"kty":"EC"}', '{"kty":"oct","k":"*"}']


@pytest.mark.parametrize("alg", ("RSA-OAEP", "RSA1_5", "ECDH-ES"))
def test_broken_key_of_a_variable_opens_nothing(alg: str):
    sent = table.token(alg, "A128GCM", table.ec_key("P-256") if alg == "ECDH-ES" else table.rsa_key())
    for jwk in broken_keys():
        made = exprkit.convert("jwt_decrypt_jwk", sent, VariableRef("txn", "k"), variables={"txn.k": jwk})
        # OpenSSL mends a wrong prime or exponent from the others.
        assert made in ("", table.TEXT), jwk


@pytest.mark.parametrize("name", ("RSA-OAEP", "ECDH-ES", "A128KW", "dir"))
def test_token_without_room_gives_nothing_or_the_same(name: str):
    opened = [case for case in table.NEW_CASES if case.expected == table.TEXT]
    case = next(case for case in opened if f'"{name}"' in str(table.part_of(case.value, 0)))
    for room in (*range(0, 1500, 60), 65536):
        assert convert(case, {}, room) in ("", table.TEXT)
    assert convert(case, {}, 65536) == table.TEXT


def test_private_key_is_told_by_its_name_and_its_public_half_too():
    assert not exprkit.add_private_key("k", b"not a key")
    sent = table.token("RSA-OAEP", "A128GCM", table.rsa_key())
    assert exprkit.convert("jwt_decrypt_cert", sent, "k") == ""
    assert exprkit.convert("jwt_verify", signed(table.rsa_key()), "RS256", "k") == -5
    [key] = arguments_of(CONVERTERS["jwt_decrypt_jwk"], (table.rsa_jwk(table.rsa_key()),))
    assert isinstance(key, PrivateKey) and "der" not in repr(key)
    assert exprkit.add_private_key("k", key.der)
    assert exprkit.convert("jwt_decrypt_cert", sent, "k") == table.TEXT
    assert exprkit.convert("jwt_verify", signed(table.rsa_key()), "RS256", "k") == 1


def test_public_half_goes_with_its_key_and_gives_way_to_a_file():
    first, second = table.rsa_key(), rsa.generate_private_key(65537, 2048)
    assert exprkit.add_private_key("half", private_der(first))
    assert exprkit.add_private_key("half", private_der(second))
    assert [exprkit.convert("jwt_verify", signed(key), "RS256", "half") for key in (first, second)] == [0, 1]
    public = first.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert exprkit.add_key("half", public)
    assert exprkit.add_private_key("half", private_der(second))
    assert [exprkit.convert("jwt_verify", signed(key), "RS256", "half") for key in (first, second)] == [1, 0]
