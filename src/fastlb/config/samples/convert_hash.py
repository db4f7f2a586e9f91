"""Converters that hash, sign, encrypt or read structured data: hashes, HMAC, AES, JSON, protobuf, MQTT, FIX.

Knows their types and arguments (manual, section 7.3.1). Must not know how they are computed.
"""

from __future__ import annotations

import base64
import binascii
import re

from .check_words import padded, text_of, variable_of
from .row import Check, ConverterRow
from .types import ANY, BIN, BOOL, SINT, STR
from .values import ArgumentFault, Value

# The names of OpenSSL's message digests, lower case.
_DIGESTS_TEXT = """
    blake2b512 blake2s256 md4 md5 md5-sha1 mdc2 ripemd ripemd160 rmd160 sha1 sha224 sha256 sha3-224 sha3-256
    sha3-384 sha3-512 sha384 sha512 sha512-224 sha512-256 shake128 shake256 sm3 ssl3-md5 ssl3-sha1 whirlpool
"""
DIGESTS = frozenset(_DIGESTS_TEXT.split())
# The order is that of type_t in ext/fastlb_core/program/conv_protobuf.pyx.
_PROTOBUF_TYPES_TEXT = """
    int32 int64 uint32 uint64 bool enum sint32 sint64 fixed64 sfixed64 double fixed32 sfixed32 float
"""
PROTOBUF_TYPES = tuple(_PROTOBUF_TYPES_TEXT.split())
FIX_TAGS = {"beginstring": 8, "bodylength": 9, "checksum": 10, "msgtype": 35, "sendercompid": 49, "targetcompid": 56}
# From 256 on, in the order of field_t in ext/fastlb_core/program/conv_mqtt.pyx.
_MQTT_FIELDS_TEXT = """
    flags protocol_name protocol_version client_identifier will_topic will_payload username password keepalive
    reason_code
"""
MQTT_FIELDS = tuple(_MQTT_FIELDS_TEXT.split())
_MQTT_TYPES_TEXT = """
    invalid connect connack publish puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback pingreq
    pingresp disconnect auth
"""
MQTT_TYPES = tuple(_MQTT_TYPES_TEXT.split())
MQTT_ALLOWED = {  # of a DISCONNECT there is never a value
    1: {*MQTT_FIELDS[:9], *map(str, (1, 2, 3, 8, 9, 17, 21, 22, 23, 24, 25, 33, 34, 38, 39))},
    2: {
        *("flags", "protocol_version", "reason_code"),
        *map(str, (17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42)),
    },
}
MQTT_ALLOWED[14] = {"17", "28", "31", "38"}


def secret(value: Value, name: str) -> Value:
    """A variable, or a constant decoded from base64."""
    text = text_of(value)
    found = variable_of(text)
    if found is not None:
        return found
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ArgumentFault(
            f"failed to parse {name} : argument needs to be base64 encoded, and can either be a string or a variable"
        ) from None


def _algorithm(value: Value) -> str:
    name = text_of(value)
    if name.lower() not in DIGESTS:
        raise ArgumentFault("algorithm must be a valid OpenSSL message digest name.")
    return name


def check_bits(values: list[Value]) -> list[Value]:
    bits = values[0] if values and isinstance(values[0], int) else 256
    if bits not in (224, 256, 384, 512):
        raise ArgumentFault(f"Unsupported number of bits: '{bits}'")
    return [bits]


def check_digest(values: list[Value]) -> list[Value]:
    return [_algorithm(values[0] if values else "")]


def check_hmac(values: list[Value]) -> list[Value]:
    return [_algorithm(values[0]), secret(values[1], "key")]


def _aes(names: tuple[str, ...], writes_tag: bool = False) -> Check:
    def check(values: list[Value]) -> list[Value]:
        if values[0] not in (128, 192, 256):
            raise ArgumentFault("key size must be 128, 192 or 256 (bits).")
        found = [values[0], *(secret(value, name) for name, value in zip(names, values[1:], strict=False))]
        if writes_tag and variable_of(values[3]) is None:
            raise ArgumentFault("failed to register variable aead_tag")
        return found

    return check


def check_json(values: list[Value]) -> list[Value]:
    if not text_of(values[0]):
        raise ArgumentFault("json_path must not be empty")
    return check_output_type(values)


def check_output_type(values: list[Value]) -> list[Value]:
    path, kind = padded(values, 2)
    if text_of(kind) == "int":
        return [text_of(path), "int"]
    if text_of(kind):
        raise ArgumentFault('output_type only supports "int" as argument')
    return [text_of(path)]


def check_protobuf(values: list[Value]) -> list[Value]:
    path = text_of(values[0])
    if not re.fullmatch(r"\.?[0-9]+(\.[0-9]+)*", path):
        what = "Protocol buffers field number"
        raise ArgumentFault(f"failed to parse '{path}' as type '{what}' at position 1", 0)
    if len(values) == 1:
        return [path.lstrip(".")]
    if values[1] not in PROTOBUF_TYPES:
        raise ArgumentFault(f"Wrong protocol buffer type '{text_of(values[1])}'")
    return [path.lstrip("."), PROTOBUF_TYPES.index(text_of(values[1]))]


def check_fix_tag(values: list[Value]) -> list[Value]:
    name = text_of(values[0])
    tag = FIX_TAGS.get(name.lower()) or (int(name) if re.fullmatch(r"[0-9]{1,18}", name) else 0)
    if not tag:
        raise ArgumentFault(f"Unknown FIX tag name '{name}'")
    return [tag]


def check_mqtt(values: list[Value]) -> list[Value]:
    kind, field = text_of(values[0]), text_of(values[1])
    number = int(kind) if re.fullmatch(r"[0-9]{1,2}", kind) else -1
    if kind.lower() in MQTT_TYPES[1:]:
        number = MQTT_TYPES.index(kind.lower())
    if not 0 < number < len(MQTT_TYPES):
        raise ArgumentFault(f"Unknown MQTT type '{kind}'")
    if field.lower() not in MQTT_ALLOWED.get(number, ()):
        raise ArgumentFault(f"Unknown MQTT field name '{field}' for packet type '{kind}'")
    return [number, 256 + MQTT_FIELDS.index(field.lower()) if field.lower() in MQTT_FIELDS else int(field)]


_GCM = ("nonce", "key", "aead_tag", "aad")
_CBC = ("nonce", "key", "aad")

CONVERTERS: tuple[ConverterRow, ...] = (
    *(ConverterRow(name, BIN, SINT, "int?") for name in ("crc32", "crc32c", "djb2", "sdbm", "wt6", "xxh3", "xxh32", "xxh64")),
    ConverterRow("sha1", BIN, BIN),
    ConverterRow("sha2", BIN, BIN, "int?", check=check_bits),
    ConverterRow("digest", BIN, BIN, "any?", check=check_digest),
    ConverterRow("hmac", BIN, BIN, "any any", check=check_hmac),
    ConverterRow("aes_gcm_dec", BIN, BIN, "int any any any any?", check=_aes(_GCM)),
    ConverterRow("aes_gcm_enc", BIN, BIN, "int any any any any?", since="2.7 or later", check=_aes(_GCM, writes_tag=True)),
    ConverterRow("aes_cbc_dec", BIN, BIN, "int any any any?", since="2.7 or later", check=_aes(_CBC)),
    ConverterRow("aes_cbc_enc", BIN, BIN, "int any any any?", since="2.7 or later", check=_aes(_CBC)),
    ConverterRow("json_query", STR, ANY, "any any?", check=check_json),
    ConverterRow("protobuf", BIN, BIN, "any any?", check=check_protobuf),
    ConverterRow("ungrpc", BIN, BIN, "any any?", check=check_protobuf),
    ConverterRow("fix_is_valid", BIN, BOOL),
    ConverterRow("fix_tag_value", BIN, BIN, "any", check=check_fix_tag),
    ConverterRow("mqtt_is_valid", BIN, BOOL),
    ConverterRow("mqtt_field_value", BIN, STR, "any any", check=check_mqtt),
)
