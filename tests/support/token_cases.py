"""Encrypted JSON Web Tokens for `jwt_decrypt_secret`, `jwt_decrypt_jwk` and `jwt_decrypt_cert`, which 2.6 does not have.

Tokens are made here with `cryptography`, as the sender would make them; four stand in RFC 7516 (appendix A.3) and RFC 7520
(sections 5.4, 5.5 and 5.7), with their keys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, keywrap, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fastlb.config.samples.convert_token import ALGORITHMS, ENCRYPTIONS

from .converter_cases import Case

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KEY_SIZES = {"A128CBC-HS256": 32, "A192CBC-HS384": 48, "A256CBC-HS512": 64, "A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
HMACS = {"A128CBC-HS256": hashlib.sha256, "A192CBC-HS384": hashlib.sha384, "A256CBC-HS512": hashlib.sha512}
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
TEXT = 'Live long and "prosper" \u2013 🖖'


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes_of(seed: str, n: int) -> bytes:
    """`n` bytes that are the same in every run."""
    return hashlib.shake_128(seed.encode()).digest(n)


def number(value: int, size: int = 0) -> str:
    return coded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


# ---- keys


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(curve: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[curve])


def rsa_jwk(key: rsa.RSAPrivateKey, with_primes: bool = True) -> str:
    private = key.private_numbers()
    public = private.public_numbers
    jwk = {"kty": "RSA", "n": number(public.n), "e": number(public.e), "d": number(private.d)}
    if with_primes:
        jwk |= {"p": number(private.p), "q": number(private.q), "dp": number(private.dmp1), "dq": number(private.dmq1)}
        jwk["qi"] = number(private.iqmp)
    return json.dumps(jwk)


def ec_jwk(curve: str, key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> dict[str, str]:
    size = (CURVES[curve].key_size + 7) // 8
    is_private = isinstance(key, ec.EllipticCurvePrivateKey)
    point = (key.public_key() if is_private else key).public_numbers()
    jwk = {"kty": "EC", "crv": curve, "x": number(point.x, size), "y": number(point.y, size)}
    return jwk | ({"d": number(key.private_numbers().private_value, size)} if is_private else {})


def oct_jwk(secret: bytes) -> str:
    return json.dumps({"kty": "oct", "k": coded(secret)})


def pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# ---- senders


def derived(shared: bytes, name: str, length: int, header: dict[str, Any]) -> bytes:
    """The Concat KDF (RFC 7518, section 4.6.2)."""

    def piece(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    parties = b"".join(piece(base64.urlsafe_b64decode(header.get(word, "") + "==")) for word in ("apu", "apv"))
    info = piece(name.encode()) + parties + struct.pack(">I", length * 8)
    rounds = range(1, -(-length // 32) + 1)
    return b"".join(hashlib.sha256(struct.pack(">I", i) + shared + info).digest() for i in rounds)[:length]


def wrapped(alg: str, enc: str, key: Any, content_key: bytes, header: dict[str, Any]) -> tuple[bytes, bytes]:
    """The content key and what stands of it in the token; the header gets what the receiver needs."""
    if alg == "dir":
        return key, b""
    if alg.endswith("GCMKW"):
        sealed = AESGCM(key).encrypt(bytes_of("iv", 12), content_key, None)
        header |= {"iv": coded(bytes_of("iv", 12)), "tag": coded(sealed[-16:])}
        return content_key, sealed[:-16]
    if alg.startswith("RSA"):
        return content_key, key.public_key().encrypt(content_key, _rsa_padding(alg))
    if not alg.startswith("ECDH"):
        return content_key, keywrap.aes_key_wrap(key, content_key)
    ephemeral = ec.generate_private_key(key.curve)
    curve = next(name for name, known in CURVES.items() if known.name == key.curve.name)
    header["epk"] = ec_jwk(curve, ephemeral.public_key())
    shared = ephemeral.exchange(ec.ECDH(), key.public_key())
    if alg == "ECDH-ES":
        return derived(shared, enc, len(content_key), header), b""
    return content_key, keywrap.aes_key_wrap(derived(shared, alg, int(alg[9:12]) // 8, header), content_key)


def _rsa_padding(alg: str) -> rsa_padding.AsymmetricPadding:
    if alg == "RSA1_5":
        return rsa_padding.PKCS1v15()
    digest = hashes.SHA256() if alg.endswith("256") else hashes.SHA1()
    return rsa_padding.OAEP(rsa_padding.MGF1(digest), digest, None)


def sealed_parts(enc: str, key: bytes, text: bytes, header: bytes) -> tuple[bytes, bytes, bytes]:
    """Nonce, encrypted text and tag (RFC 7518, section 5)."""
    if "GCM" in enc:
        nonce = bytes_of("nonce", 12)
        sealed = AESGCM(key).encrypt(nonce, text, header)
        return nonce, sealed[:-16], sealed[-16:]
    nonce, half = bytes_of("nonce", 16), len(key) // 2
    padder, cipher = padding.PKCS7(128).padder(), Cipher(algorithms.AES(key[half:]), modes.CBC(nonce)).encryptor()
    data = cipher.update(padder.update(text) + padder.finalize()) + cipher.finalize()
    signed = header + nonce + data + struct.pack(">Q", len(header) * 8)
    return nonce, data, hmac.new(key[:half], signed, HMACS[enc]).digest()[:half]


def token(alg: str, enc: str, key: Any, text: str | bytes = TEXT, **header: Any) -> str:
    """key: bytes of the secret, or the receiver's private key. header: more of it."""
    fields: dict[str, Any] = {"alg": alg, "enc": enc, **header}
    content_key, carried = wrapped(alg, enc, key, bytes_of("content", KEY_SIZES.get(enc, 16)), fields)
    head = coded(json.dumps(fields).encode())
    data = text.encode() if isinstance(text, str) else text
    parts = sealed_parts(enc, content_key, data, head.encode())
    return ".".join((head, coded(carried), *map(coded, parts)))


def secret_for(alg: str, enc: str) -> bytes:
    return bytes_of("secret", KEY_SIZES[enc] if alg == "dir" else int(alg[1:4]) // 8)


# ---- cases


def in_base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _round_trips() -> list[Case]:
    found = []
    for alg in ALGORITHMS:
        for enc in ENCRYPTIONS:
            if alg.startswith("RSA"):
                found.append(Case("jwt_decrypt_jwk", token(alg, enc, rsa_key()), (rsa_jwk(rsa_key()),), TEXT))
            elif alg.startswith("ECDH"):
                curve = ("P-256", "P-384", "P-521")[ENCRYPTIONS.index(enc) % 3]
                jwk = json.dumps(ec_jwk(curve, ec_key(curve)))
                sent = token(alg, enc, ec_key(curve), apu=coded(b"Alice"), apv=coded(b"Bob"))
                found.append(Case("jwt_decrypt_jwk", sent, (jwk,), TEXT))
            else:
                secret = secret_for(alg, enc)
                sent = token(alg, enc, secret)
                found.append(Case("jwt_decrypt_secret", sent, (in_base64(secret),), TEXT))
                found.append(Case("jwt_decrypt_jwk", sent, (oct_jwk(secret),), TEXT))
    return found


FRODO = (
    "You can trust us to stick with you through thick and thin\u2013to the bitter end. And you can trust us to keep any secret"
    " of yours\u2013closer than you keep it yourself. But you cannot trust us to let you face trouble alone, and go off without a"
    " word. We are your friends, Frodo."
)
_RFC = [
    Case(
        "jwt_decrypt_jwk",
        "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0."
        "6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ."
        "KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ",
        ('{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"}',),
        "Live long and prosper.",
    ),
    Case(
        "jwt_decrypt_jwk",
        "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsImVwayI6eyJrdHkiOiJFQyIsImNy"
        "diI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRkZrYllpV2d1dEVLNml1RURzUTZ3TmROZzMiLCJ5Ijoi"
        "c3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNFBnRXdaT3lRVEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0."
        "0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUtnW_."
        "tkZuOO9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMhSYMzsXaEwDdXta9Mn5B7"
        "cCBoJKB0IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1RmC3ORXaM0JaHPB93YcdSDGgpgBWMVrNU1Erk"
        "jcMqMoT_wtCex3w03XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZdj_iVyC6QWcqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OU"
        "qj4ioYezbS6vTPlQ.WuGzxmcreYjpHGJoa17EBg",
        (
            '{"kty":"EC","crv":"P-384","x":"YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2",'
            '"y":"A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP",'
            '"d":"iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j"}',
        ),
        FRODO,
    ),
    Case(
        "jwt_decrypt_jwk",
        "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2Ijoi"
        "UC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RU"
        "MElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg."
        "BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzN"
        "a-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhA"
        "rM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5Lmy"
        "X_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg",
        (
            '{"kty":"EC","crv":"P-256","x":"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0",'
            '"y":"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw","d":"r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8"}',
        ),
        FRODO,
    ),
    Case(
        "jwt_decrypt_secret",
        "eyJhbGciOiJBMjU2R0NNS1ciLCJraWQiOiIxOGVjMDhlMS1iZmE5LTRkOTUtYjIwNS0yYjRkZDFkNDMyMWQiLCJ0YWciOiJrZlBkdVZRM1QzSDZ2bmV3"
        "dC0ta3N3IiwiaXYiOiJLa1lUMEdYXzJqSGxmcU5fIiwiZW5jIjoiQTEyOENCQy1IUzI1NiJ9."
        "lJf3HbOApxMEBkCMOoTnnABxs_CvTWUmZQ2ElLvYNok.gz6NjyEFNm_vm8Gj6FwoFQ."
        "Jf5p9-ZhJlJy_IQ_byKFmI0Ro7w7G1QiaZpI8OaiVgD8EqoDZHyFKFBupS8iaEeVIgMqWmsuJKuoVgzR3YfzoMd3GxEm3VxNhzWyWtZKX0gxKdy6HgLv"
        "qoGNbZCzLjqcpDiF8q2_62EVAbr2uSc2oaxFmFuIQHLcqAHxy51449xkjZ7ewzZaGV3eFqhpco8o4DijXaG5_7kp3h2cajRfDgymuxUbWgLqaeNQaJtv"
        "JmSMFuEOSAzw9Hdeb6yhdTynCRmu-kqtO5Dec4lT2OMZKpnxc_F1_4yDJFcqb5CiDSmA-psB2k0JtjxAj4UPI61oONK7zzFIu4gBfjJCndsZfdvG7h8w"
        "GjV98QhrKEnR7xKZ3KCr0_qR1B-gxpNk3xWU.DKW7jrb4WaRSNfbXVPlT5g",
        ("qC57l/uxcm7Nm3K+ct4GFjx8tM1U8CZ0NLBvdQstiS8=",),
        FRODO,
    ),
]


def changed(text: str, part: int, data: bytes) -> str:
    """The token with another content of one of its five parts."""
    parts = text.split(".")
    parts[part] = coded(data)
    return ".".join(parts)


def part_of(text: str, part: int) -> bytes:
    return base64.urlsafe_b64decode(text.split(".")[part] + "==")


def _broken(whole: str) -> list[str]:
    """The token with each part changed, cut, empty or too long, and texts that are none."""
    found = [whole[:-1] + "*", whole + ".", whole.rpartition(".")[0], "." + whole, whole[: len(whole) // 2]]
    found += ["", ".", "....", "....."]
    for part in range(1, 5):
        data = part_of(whole, part)
        found += [changed(whole, part, data[:-1]), changed(whole, part, data + b"x"), changed(whole, part, b"")]
        found.append(changed(whole, part, data[:-1] + bytes([data[-1] ^ 1]) if data else b"x"))
    head = json.loads(part_of(whole, 0))
    for more in ({"x": 1}, {"alg": "none"}, {"alg": ["dir"]}, {"enc": "A512GCM"}, {"enc": None}, {"alg": "A128KW\0"}):
        found.append(changed(whole, 0, json.dumps(head | more).encode()))
    found += [changed(whole, 0, b"\xff{}"), changed(whole, 0, b"{"), changed(whole, 0, b"[" * 3000)]
    return [text for text in found if text != whole]  # a key that is agreed on leaves nothing to cut


def _refused() -> list[Case]:
    """What no key opens: the value is an empty text."""
    found = []
    for alg, enc in (("dir", "A128GCM"), ("dir", "A256CBC-HS512"), ("A192KW", "A192CBC-HS384"), ("A256GCMKW", "A256GCM")):
        secret = secret_for(alg, enc)
        whole = token(alg, enc, secret)
        found += [Case("jwt_decrypt_secret", text, (in_base64(secret),), "") for text in _broken(whole)]
        for other in (secret[:-1], secret + b"x", secret[:16], bytes(len(secret)), b""):
            found.append(Case("jwt_decrypt_secret", whole, (in_base64(other),), TEXT if other == secret else ""))
        found.append(Case("jwt_decrypt_jwk", whole, (rsa_jwk(rsa_key()),), ""))
        found.append(Case("jwt_decrypt_jwk", whole, (json.dumps(ec_jwk("P-256", ec_key("P-256"))),), ""))
        for more in ({"zip": "DEF"}, {"crit": ["exp"], "exp": 1}, {"crit": []}):
            found.append(Case("jwt_decrypt_secret", token(alg, enc, secret, **more), (in_base64(secret),), ""))
    whole = token("RSA-OAEP", "A128GCM", rsa_key())
    found += [Case("jwt_decrypt_jwk", text, (rsa_jwk(rsa_key()),), "") for text in _broken(whole)]
    found += [Case("jwt_decrypt_jwk", whole, (oct_jwk(b"x" * size),), "") for size in (16, 32)]
    found.append(Case("jwt_decrypt_cert", whole, ("@nobody/knows",), ""))
    whole = token("RSA1_5", "A128GCM", rsa_key())
    found += [Case("jwt_decrypt_jwk", text, (rsa_jwk(rsa_key()),), "") for text in _broken(whole)]
    whole, jwk = token("ECDH-ES", "A128CBC-HS256", ec_key("P-256")), json.dumps(ec_jwk("P-256", ec_key("P-256")))
    found += [Case("jwt_decrypt_jwk", text, (jwk,), "") for text in _broken(whole)]
    found.append(Case("jwt_decrypt_jwk", whole, (json.dumps(ec_jwk("P-384", ec_key("P-384"))),), ""))
    off_curve = json.loads(part_of(whole, 0))
    off_curve["epk"]["y"] = off_curve["epk"]["x"]
    for epk in (off_curve["epk"], {}, "epk", ec_jwk("P-521", ec_key("P-521").public_key()), {"kty": "oct", "k": "AAAA"}):
        found.append(Case("jwt_decrypt_jwk", changed(whole, 0, json.dumps(off_curve | {"epk": epk}).encode()), (jwk,), ""))
    return found


def _plain() -> list[Case]:
    """Any bytes are a content, none among them."""
    secret = secret_for("dir", "A128CBC-HS256")
    texts = ("", "x" * 15, "x" * 16, bytes(range(256)).decode("latin-1"))
    found = [
        Case("jwt_decrypt_secret", token("dir", enc, secret_for("dir", enc), text), (in_base64(secret_for("dir", enc)),), text)
        for text in texts
        for enc in ("A128CBC-HS256", "A256GCM")
    ]
    data = b"\xff\xfe\0\x80"
    not_utf8 = Case("jwt_decrypt_secret", token("dir", "A128CBC-HS256", secret, data), (in_base64(secret),))
    return [*found, Case(not_utf8.name, not_utf8.value, not_utf8.written, data.decode("utf-8", "surrogateescape"))]


# haproxy 2.6 has none of these converters: what is expected comes from the RFCs.
NEW_CASES = [*_RFC, *_round_trips(), *_plain(), *_refused()]

_KEY = "the argument must be a variable or a JSON Web Key of type 'oct', 'RSA' or 'EC', with its private part"
TOKEN_REFUSED: tuple[tuple[str, str, str], ...] = (
    *(
        ("jwt_decrypt_jwk", text, _KEY)
        for text in ("", "x", "{}", "[]", '{"kty":"oct"}', '{"kty":"oct","k":""}', '{"kty":"oct","k":5}', '{"kty":"OKP"}')
    ),
    ("jwt_decrypt_jwk", '{"kty":"oct","k":"A"}', _KEY),
    ("jwt_decrypt_jwk", '{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}', _KEY),
    ("jwt_decrypt_jwk", json.dumps(ec_jwk("P-256", ec_key("P-256").public_key())), _KEY),
    ("jwt_decrypt_jwk", json.dumps(ec_jwk("P-256", ec_key("P-256")) | {"x": "AAAA"}), _KEY),
    (
        "jwt_decrypt_secret",
        "!!",
        "failed to parse secret : argument needs to be base64 encoded, and can either be a string or a variable",
    ),
    ("jwt_decrypt_cert", "/dev/null", "unable to read '/dev/null' : not a regular file"),
)
