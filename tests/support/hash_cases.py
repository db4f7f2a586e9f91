"""Cases of the converters that hash, sign, encrypt or read structured data; the form is converter_cases'.

`keys(directory)` writes the public keys of this run and yields the cases that need them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from itertools import product
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fastlb.config.samples.convert_hash import PROTOBUF_TYPES

from .converter_cases import Case, Input, cases

PLAIN_INPUTS: tuple[Input, ...] = (
    *("", "a", "ab", "abc", "abcdefgh", "0123456789abcdef" * 3),
    *(b"\xff", b"\0", b"\xff\xff\x80", bytes(range(256))),
    *(5, -1),
)
LENGTHS = tuple(
    bytes(i * 7 & 255 for i in range(n)) for n in (1, 3, 4, 8, 9, 16, 17, 32, 33, 64, 96, 128, 129, 160, 240, 241, 500, 1500)
)
HASH_CASES = [
    *(case for name in ("crc32", "crc32c", "djb2", "sdbm", "wt6") for case in cases(name, PLAIN_INPUTS, "", "0", "1", "2")),
    *(case for name in ("xxh3", "xxh32", "xxh64") for case in cases(name, LENGTHS, "", "7", "-1", "5000000000")),
    *cases("xxh3", PLAIN_INPUTS, ""),
]
DIGEST_CASES = [
    *cases("sha1", PLAIN_INPUTS),
    *cases("sha2", ("", "abc", b"x" * 200), "", "224", "256", "384", "512"),
    *cases("digest", ("", "abc", b"y" * 300), "MD5", "sha1", "sha224", "Sha256", "sha384", "sha512"),
    *cases("digest", ("", "abc", b"y" * 300), "rmd160", "ripemd", "md5-sha1"),
    *cases("digest", ("", "abc"), "md5", "SHA256", "sha3-256", "blake2s256", "shake128", "md4", "ripemd160"),
    *cases("hmac", ("", "abc"), "sha256|Zm9v", "sha256|", "md5|" + "QUJD" * 60, "sha512|Zm9v", "sha1|txn.b64", "sha1|txn.five"),
]

# ---- AES

KEY, NONCE = b"0123456789abcdef0123456789abcdef", b"123456789012"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sealed(bits: int, key: bytes, nonce: bytes) -> tuple[bytes, str, str, str]:
    data = AESGCM(key[: bits // 8]).encrypt(nonce, b"hello world", None)
    return data[:-16], b64(nonce), b64(key), b64(data[-16:])


def _gcm() -> list[Case]:
    found = []
    for bits in (128, 192, 256):
        data, nonce, key, tag = sealed(bits, KEY[: bits // 8], NONCE)
        long_key, short_key = b64(KEY[: bits // 8] + b"xx"), b64(KEY[: bits // 8 - 1])
        short_tag, long_tag = b64(base64.b64decode(tag)[:12]), b64(base64.b64decode(tag) + b"z")
        words = [(nonce, key, tag), (nonce, long_key, tag), (nonce, short_key, tag), (nonce, key, short_tag)]
        words += [(nonce, key, long_tag), ("", key, tag), (nonce, key, ""), (nonce, "txn.b64", tag)]
        found += [Case("aes_gcm_dec", data, (str(bits), *word)) for word in words]
    data, nonce, key, tag = sealed(128, KEY[:16], b"12345678")
    return [*found, Case("aes_gcm_dec", data, ("128", nonce, key, tag))]


CIPHER_CASES = _gcm()

# ---- JSON

DOCUMENT = (
    '{"a":1,"b":"x\\n\\"y\\"\\u0041","c":true,"d":false,"e":null,"f":1.5,"g":-7,"h":[1,"two",{"z":3}],"i":{"j":"k"},'
    '"my.key":"v","l":"12","m":1e3,"n":"","o":12345678901234567890,"p":0.0}'
)
PATHS = "$.a $.b $.c $.d $.e $.f $.g $.h[0] $.h[1] $.h[2].z $.i $.i.j $.my.key $.l $.m $.n $.o $.p $.zz a $ $. $.h[9]"
VALUES = (
    "5 123456 1234567 1.0 1.23456789 -0 -12 0.1 1e-7 1e3 12e - -x 1.5.5 1_0 9007199254740991 9007199254740993 12345678901"
    " -9223372036854775808 00012 1E5 .5 NaN 1e+2 tru {} null"
)
BROKEN = (
    '{"a":1', '{"a":1} x', '{"a":01}', "{'a':1}", '{"a":1,"a":2}', '{"a":"\\x"}', '{"a":1,}', '{,"a":1}',
    '{"a":1 "b":2}', '{"a":"b\nc"}', '{"A":1}', '  {"a":1}', "", '{"b":"\\x","a":1}', '{"b":[1,],"a":1}', '{"b":[,1],"a":1}',
    '{"b":{"c":1,},"a":1}', '{"b":[1}],"a":1}', '{"b":nulx,"a":1}', '{"a":"\\u00e9"}', '{"a":"\\u0100"}', '{"a":"\\/"}',
    '{"x":[{"a":2}],"a":3}', '{"a":\v1}', '{"b":[[],{}],"a":1}',
)  # fmt: skip
JSON_CASES = [
    *(Case("json_query", DOCUMENT, (path, *kind)) for path in PATHS.split() for kind in ((), ("int",))),
    *(Case("json_query", f'{{"a":{value}}}', ("$.a", *kind)) for value in VALUES.split() for kind in ((), ("int",))),
    *cases("json_query", BROKEN, "$.a"),
    *(Case("json_query", "[" * n + "1" + "]" * n, ("$" + "[0]" * n,)) for n in (19, 20, 21)),
]

# ---- JSON Web Tokens


def token_part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


SIGNED = token_part(b'{"alg":"HS256","typ":"JWT"}') + "." + token_part(b'{"sub":"1234567890","admin":true,"iat":1516239022}')


def _hs(bits: str) -> str:
    return token_part(hmac.new(b"secret", SIGNED.encode(), f"sha{bits}").digest())


TOKENS = (
    f"{SIGNED}.{_hs('256')}", SIGNED, f"{SIGNED}.", f"{SIGNED}.x", f"{SIGNED}.{_hs('256')}.z", "..", "", "a!.b.c", "YR.Yg.c",
    f"{SIGNED}.{_hs('512')}", f"{SIGNED}.{_hs('256')}A", f"{SIGNED}.{_hs('256')}=", "aaaaa.bbbb.cccc",
)  # fmt: skip
JWT_CASES = [
    *cases("jwt_header_query", TOKENS, "$.alg"),
    *cases("jwt_payload_query", TOKENS, "$.iat|int", "$.admin"),
    *cases("jwt_verify", TOKENS, "HS256|secret", "HS512|secret", "HS256|", "none|secret", "RS256|/nonexistent"),
]


def keys(directory: Path) -> list[Case]:
    """Tokens signed with keys of this run; directory: where their public halves are put."""

    def public(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
        path = directory / name
        format_ = serialization.PublicFormat.SubjectPublicKeyInfo
        path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, format_))
        return str(path)

    found = []
    rsa_key = rsa.generate_private_key(65537, 2048)
    rsa_path = public("rsa.pem", rsa_key)
    for bits, curve, half in (("256", ec.SECP256R1(), 32), ("384", ec.SECP384R1(), 48), ("512", ec.SECP521R1(), 66)):
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
        ec_key = ec.generate_private_key(curve)
        ec_path = public(f"ec{bits}.pem", ec_key)
        r, s = decode_dss_signature(ec_key.sign(SIGNED.encode(), ec.ECDSA(digest)))
        pair = r.to_bytes(half, "big") + s.to_bytes(half, "big")
        rs = rsa_key.sign(SIGNED.encode(), padding.PKCS1v15(), digest)
        for sig in (pair, pair[:-1], pair + b"1", bytes(2 * half), pair[:-2] + b"xx", rs, rs[:-1], b"", b"AAA"):
            token = f"{SIGNED}.{token_part(sig)}"
            found += [Case("jwt_verify", token, (f"ES{bits}", ec_path)), Case("jwt_verify", token, (f"RS{bits}", rsa_path))]
            found += [Case("jwt_verify", token, (f"RS{bits}", ec_path)), Case("jwt_verify", token, (f"ES{bits}", rsa_path))]
    return found


# ---- Protocol Buffers


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def pb(number: int, wire: int, data: bytes) -> bytes:
    return varint(number << 3 | wire) + (varint(len(data)) + data if wire == 2 else data)


MESSAGE = (
    pb(1, 0, varint(150)) + pb(2, 2, b"hi") + pb(3, 1, struct.pack("<Q", 2**40)) + pb(4, 5, struct.pack("<I", 0x01020304))
    + pb(5, 2, pb(1, 0, varint(7)) + pb(2, 2, pb(3, 2, pb(1, 0, varint(99))))) + pb(6, 0, varint(-5))
    + pb(7, 0, varint(2**32 + 3)) + pb(9, 1, struct.pack("<d", 3.75)) + pb(10, 5, struct.pack("<f", -2.5))
    + pb(12, 5, struct.pack("<i", -7)) + pb(13, 1, struct.pack("<q", -9)) + pb(1, 0, varint(2)) + pb(536870911, 0, b"\6")
)  # fmt: skip
_FIELDS_TEXT = "1 2 3 4 5 5.1 5.2 5.2.3.1 6 7 9 10 12 13 536870911 77 5.9 1.1 2.1"
FIELDS = _FIELDS_TEXT.split()
WIRES = (
    "", "0880", "08ffffffffffffffffff01", "08ffffffffffffffffffff01", "08ffffffffffffffffff7f", "0a056162",
    "0affffffffffffffff7f", "0b08010c0805", "10010b", "090102", "0d0102", "12036162", "12036162630805", "0e01", "00010805",
    "880005", "080512", "0a0408010802", "0a0210010a020809", "088000",
)  # fmt: skip


def framed(*messages: bytes) -> bytes:
    return b"".join(b"\0" + struct.pack(">I", len(message)) + message for message in messages)


PROTOBUF_CASES = [
    *(Case("protobuf", MESSAGE, (field, *kind)) for field, kind in product(FIELDS, ((), *((t,) for t in PROTOBUF_TYPES)))),
    *cases("protobuf", map(bytes.fromhex, WIRES), "1", "1|int32", "1|sint64", "1.1", "1.1|int32"),
    *cases(
        "ungrpc",
        (
            framed(MESSAGE),
            framed(b"\x08\5", b"\x10\7"),
            framed(b"\x10\7", b"\x08\5"),
            framed(b""),
            b"\0\0\0\0",
            b"\0\0\0\0\x09\1",
        ),
        *("1|int32", "2", "5.2.3.1|int32"),
    ),
]

# ---- FIX


def fix(body: str, version: str = "FIX.4.4", length: object = None, total: str = "", tail: str = "") -> bytes:
    head = f"8={version}|9={len(body) if length is None else length}|{body}".replace("|", "\1").encode()
    return head + f"10={total or f'{sum(head) % 256:03d}'}\1{tail}".encode()


BODY = "35=A|49=SENDER|56=TARGET|34=1|"
FIX_MESSAGES = (
    *(fix(BODY, version) for version in ("FIX.4.0", "FIX.4.4", "FIX.5.0", "FIX.4.5", "FIXT.1.1", "FIXT.1.0", "fix.4.4", "")),
    *(fix(BODY, length=length) for length in (5, 500, "030", "x", "-5", " 5")),
    *(fix(BODY, total=total) for total in ("000", "1", "abc")),
    *(
        fix(body)
        for body in ("49=A|35=B|", "35=A|a=1|", "35=A|49=|", "35=A|=x|", "35=A|49x|", "35=A|49=a=b|", "35=|", "35=A|0=1|")
    ),
    *(fix(BODY, tail="8=FIX.4.4\1"), fix(BODY)[:-1], fix(BODY)[:30], b"8=FIX", b"x", b"", b"9=5\0018=FIX.4.4\1"),
)
FIX_CASES = [*cases("fix_is_valid", FIX_MESSAGES), *cases("fix_tag_value", FIX_MESSAGES, "49", "MsgType", "CheckSum", "8", "99")]

# ---- MQTT


def short(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind << 4]) + varint(len(body)) + body


def connect(version: int = 4, name: bytes = b"MQTT", flags: int = 2, rest: bytes = b"", properties: bytes = b"") -> bytes:
    listed = varint(len(properties)) + properties if version == 5 else b""
    return packet(1, short(name) + bytes([version, flags, 0, 60]) + listed + short(b"cid") + rest)


P1 = bytes.fromhex("110000000a2100142700000100") + b'"\0\x0a\x19\1\x17\0\x15' + short(b"auth") + b"\x16" + short(b"da")
WILL = b"\x18\0\0\0\5\1\1\2\0\0\0\7\3" + short(b"text") + b"\x08" + short(b"resp") + b"\x09" + short(b"corr")
TAIL = short(b"topic") + short(b"payload") + short(b"user") + short(b"pass")
CONNECTS = (
    connect(), connect(3, b"MQIsdp"), connect(3), connect(5), connect(6), connect(flags=0xC6, rest=TAIL), connect(flags=3),
    connect(5, flags=0xC6, properties=P1, rest=varint(len(WILL)) + WILL + TAIL), connect(rest=b"z"), connect()[:-1],
    connect()[:1], connect() + b"more", connect(5, properties=b"\x11\0\0\0\1\x11\0\0\0\1"), connect(5, properties=b"\x7f\0"),
    connect(5, properties=b"\x21\0\0"), connect(5, properties=b"\x19\2"), connect(5, properties=b"\x16\0\1x"), b"\x30\0",
    b"\x10\0", b"\x10\xff\xff\xff\xff\1", b"",
)  # fmt: skip
C1 = bytes.fromhex("110000000a210014240125012700000100") + b"\x12" + short(b"id") + b"\x1f" + short(b"why") + b"\x13\0\x20"
CONNACKS = (
    *(packet(2, bytes.fromhex(text)) for text in ("0000", "0100", "0200", "0005", "0006", "000000", "008000", "00", "00000224")),
    *(packet(2, b"\0\0" + varint(len(C1)) + C1), packet(2, b"\0\0\3\x21\0\0"), b"\x20\2\0"),
)
MQTT_CASES = [
    *cases("mqtt_is_valid", (*CONNECTS, *CONNACKS)),
    *cases(
        "mqtt_field_value",
        CONNECTS,
        *(f"connect|{f}" for f in ("flags", "protocol_name", "protocol_version", "client_identifier", "will_topic")),
        *(f"1|{f}" for f in ("will_payload", "username", "password", "keepalive", "17", "33", "21", "24", "1", "3", "38")),
    ),
    *cases(
        "mqtt_field_value",
        CONNACKS,
        *(f"connack|{f}" for f in ("flags", "protocol_version", "reason_code", "17", "18", "36", "31")),
    ),
]

# ---- what 2.6 does not have, or has differently

NEW_CASES = [
    Case("aes_gcm_enc", b"hello world", ("128", b64(NONCE), b64(KEY[:16]), "txn.tag"), sealed(128, KEY[:16], NONCE)[0]),
    # RFC 3602, section 4, case 1, with the padding's block behind it
    Case(
        "aes_cbc_enc",
        b"Single block msg",
        ("128", b64(bytes.fromhex("3dafba429d9eb430b422da802c9fac41")), b64(bytes.fromhex("06a9214036b8a15b512e03d534120006"))),
        bytes.fromhex("e353779c1079aeb82708942dbe77181ab97c825e1c785146542d396941bce55d"),
    ),
    Case(
        "aes_cbc_dec",
        bytes.fromhex("e353779c1079aeb82708942dbe77181ab97c825e1c785146542d396941bce55d"),
        ("128", b64(bytes.fromhex("3dafba429d9eb430b422da802c9fac41")), b64(bytes.fromhex("06a9214036b8a15b512e03d534120006"))),
        b"Single block msg",
    ),
    Case("aes_cbc_dec", b"x" * 15, ("128", b64(KEY[:16]), b64(KEY[:16])), None),
    Case("json_query", DOCUMENT, ("$.h",), '[1,"two",{"z":3}]'),
    Case("jwt_header_query", TOKENS[0], (), '{"alg":"HS256","typ":"JWT"}'),
    Case("jwt_verify_cert", TOKENS[0], ("HS256", "/nonexistent"), 0),
    Case("jwt_verify_cert", TOKENS[0], ("RS256", "/nonexistent"), -5),
    Case("protobuf", b"\x08", ("1", "int32"), None),
    Case("protobuf", b"\x0a\0\x0a\2\x08\1", ("1.1", "int32"), 1),
    Case("sha1", "abc", (), hashlib.sha1(b"abc").digest()),
]

_PATH = "failed to parse {} : argument needs to be base64 encoded, and can either be a string or a variable"
_DIGEST = "algorithm must be a valid OpenSSL message digest name."
_BITS = "key size must be 128, 192 or 256 (bits)."
HASH_REFUSED: tuple[tuple[str, str, str], ...] = (
    ("sha2", "1", "Unsupported number of bits: '1'"),
    ("digest", "foo", _DIGEST),
    ("digest", "", _DIGEST),
    ("hmac", "foo,Zm9v", _DIGEST),
    ("hmac", "sha256,!!", _PATH.format("key")),
    ("hmac", "sha256,foo.k", _PATH.format("key")),
    ("aes_gcm_dec", "100,Zm9v,Zm9v,Zm9v", _BITS),
    ("aes_gcm_dec", "128,!!!!,Zm9v,Zm9v", _PATH.format("nonce")),
    ("aes_gcm_dec", "128,Zm9v,!x,Zm9v", _PATH.format("key")),
    ("aes_gcm_dec", "128,Zm9v,Zm9v,!z", _PATH.format("aead_tag")),
    ("json_query", "", "json_path must not be empty"),
    ("json_query", ".a,str", 'output_type only supports "int" as argument'),
    ("jwt_header_query", ".a,foo", 'output_type only supports "int" as argument'),
    ("jwt_verify", "FOO,abc", "unknown JWT algorithm: FOO"),
    ("jwt_verify", "hs256,abc", "unknown JWT algorithm: hs256"),
    ("jwt_verify", "PS256,abc", "RSASSA-PSS JWS signing not managed yet"),
    ("protobuf", "1,foo", "Wrong protocol buffer type 'foo'"),
    ("ungrpc", "1,INT32", "Wrong protocol buffer type 'INT32'"),
    ("fix_tag_value", "foo", "Unknown FIX tag name 'foo'"),
    ("fix_tag_value", "0", "Unknown FIX tag name '0'"),
    ("mqtt_field_value", "foo,bar", "Unknown MQTT type 'foo'"),
    ("mqtt_field_value", "16,17", "Unknown MQTT type '16'"),
    ("mqtt_field_value", "connect,foo", "Unknown MQTT field name 'foo' for packet type 'connect'"),
    ("mqtt_field_value", "connack,1", "Unknown MQTT field name '1' for packet type 'connack'"),
)
