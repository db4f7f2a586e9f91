"""Converters of JSON Web Tokens, signed (RFC 7515) and encrypted ones (RFC 7516), and the keys that they are given.

Knows their arguments, the names of algorithms, and keys in files and as JSON (RFC 7517). Must not know tokens.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import tls_pem
from .check_words import text_of, variable_of
from .convert_hash import check_output_type, secret
from .row import ConverterRow
from .types import ANY, BIN, SINT, STR
from .values import ArgumentFault, KeyFile, PrivateKey, Value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

SIGNATURES = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "none")
UNMANAGED_SIGNATURES = ("PS256", "PS384", "PS512")
# Of encrypted tokens, in the order of the tables in ext/fastlb_core/program/jwe.pyx.
_ALGORITHMS_TEXT = """
    dir A128KW A192KW A256KW A128GCMKW A192GCMKW A256GCMKW RSA1_5 RSA-OAEP RSA-OAEP-256
    ECDH-ES ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW
"""
ALGORITHMS = tuple(_ALGORITHMS_TEXT.split())
ENCRYPTIONS = ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM")
# RFC 8725, section 3.2: RSA1_5 is to be avoided, so it has to be asked for.
DEFAULT_ALGORITHMS = tuple(name for name in ALGORITHMS if name != "RSA1_5")
_CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}
_CRT_NUMBERS = ("p", "q", "dp", "dq", "qi")
_KEY_TYPES = "a JSON Web Key of type 'oct', 'RSA' or 'EC'"


def token_bits(algorithms: tuple[str, ...] | None, encryptions: tuple[str, ...] | None) -> tuple[int, int]:
    """What the core shall decrypt: a bit for each name, by its index in ALGORITHMS and in ENCRYPTIONS; None: the defaults."""
    return (
        sum(1 << ALGORITHMS.index(name) for name in set(DEFAULT_ALGORITHMS if algorithms is None else algorithms)),
        sum(1 << ENCRYPTIONS.index(name) for name in set(ENCRYPTIONS if encryptions is None else encryptions)),
    )


# ---- signed tokens


def _key_file(path: str) -> KeyFile:
    """The key in a file; without one the converter's value is -5. haproxy: a missing file is accepted."""
    # Only here: `fastlb -c` must not pay for it where no token is verified.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        pem = Path(path).read_bytes()
        try:
            load_pem_public_key(pem)
        except ValueError:
            x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError):
        pem = b""
    return KeyFile(path, pem)


def check_jwt(values: list[Value]) -> list[Value]:
    name, key = text_of(values[0]), text_of(values[1])
    algorithm, variable = variable_of(name), variable_of(key)
    if algorithm is None and name in UNMANAGED_SIGNATURES:
        raise ArgumentFault("RSASSA-PSS JWS signing not managed yet")
    if algorithm is None and name not in SIGNATURES:
        raise ArgumentFault(f"unknown JWT algorithm: {name}")
    if variable is not None:
        return [algorithm or name, variable]
    is_secret = algorithm is None and (name.startswith("HS") or name == "none")
    return [algorithm or name, key if is_secret else _key_file(key)]


# ---- encrypted tokens


def private_der(key: PrivateKeyTypes) -> bytes:
    """The key as PKCS#8."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _key_in(path: str) -> bytes:
    """The private key in a certificate's file, b"" where there is no such file: a crt-store may know the name."""
    try:
        key = tls_pem.private_key(tls_pem.read(path), path)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ArgumentFault(f"unable to read '{path}' : {tls_pem.reason(error)}") from None
    except tls_pem.TlsFault as fault:
        raise ArgumentFault(fault.message) from None
    if key is None:
        raise ArgumentFault(f"No Private Key found in '{path}'")
    return private_der(key)


def check_decrypt_cert(values: list[Value]) -> list[Value]:
    name = text_of(values[0])
    variable = variable_of(name)
    if variable is not None:
        return [variable]
    return [PrivateKey(name, b"" if name.startswith("@") else _key_in(name))]


def check_decrypt_jwk(values: list[Value]) -> list[Value]:
    text = text_of(values[0])
    variable = variable_of(text)
    if variable is not None:
        return [variable]
    try:
        jwk = json.loads(text)
        return [text if jwk["kty"] == "oct" and _bytes(jwk, "k") else PrivateKey(text, private_der(_key_of(jwk)))]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArgumentFault(f"the argument must be a variable or {_KEY_TYPES}, with its private part") from None


def _bytes(jwk: dict[str, Any], name: str) -> bytes:
    """Raises ValueError, KeyError or TypeError for what is not there or is no base64url."""
    text = jwk[name]
    if not isinstance(text, str) or "=" in text:
        raise TypeError(name)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(name) from error


def _key_of(jwk: dict[str, Any]) -> PrivateKeyTypes:
    """Raises as _bytes, and ValueError for numbers that are no key."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    def number(name: str) -> int:
        return int.from_bytes(_bytes(jwk, name), "big")

    if jwk["kty"] == "EC":
        curve = getattr(ec, _CURVES[jwk["crv"]])()
        return ec.EllipticCurvePrivateNumbers(
            number("d"), ec.EllipticCurvePublicNumbers(number("x"), number("y"), curve)
        ).private_key()
    if jwk["kty"] != "RSA":
        raise ValueError(jwk["kty"])
    n, e, d = number("n"), number("e"), number("d")
    if all(name in jwk for name in _CRT_NUMBERS):
        p, q, dp, dq, qi = map(number, _CRT_NUMBERS)
    else:
        p, q = rsa.rsa_recover_prime_factors(n, e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


def check_decrypt_secret(values: list[Value]) -> list[Value]:
    return [secret(values[0], "secret")]


_SINCE = "3.3"
_WHICH_KEY = "a file with a private key, or what a crt-store loads with `jwt on`"
_WHICH_CERTIFICATE = "a file, or what a crt-store loads with `jwt on`"

CONVERTERS: tuple[ConverterRow, ...] = (
    ConverterRow("jwt_header_query", BIN, ANY, "any? any?", check=check_output_type),
    ConverterRow("jwt_payload_query", BIN, ANY, "any? any?", check=check_output_type),
    ConverterRow("jwt_verify", BIN, SINT, "any any", check=check_jwt),
    ConverterRow("jwt_verify_cert", BIN, SINT, "any any", since="2.7 or later", check=check_jwt, note=_WHICH_CERTIFICATE),
    ConverterRow("jwt_decrypt_cert", BIN, STR, "any", since=_SINCE, check=check_decrypt_cert, note=_WHICH_KEY),
    ConverterRow("jwt_decrypt_jwk", BIN, STR, "any", since=_SINCE, check=check_decrypt_jwk),
    ConverterRow("jwt_decrypt_secret", BIN, STR, "any", since=_SINCE, check=check_decrypt_secret),
)
