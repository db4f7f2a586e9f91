"""The hash family without haproxy: what 2.6 does not have, refused arguments, random bytes, and short room."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import exprkit
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlb.config.samples import CONVERTERS
from fastlb.config.samples.convert_hash import CONVERTERS as ROWS
from fastlb.config.samples.row import ConverterRow
from fastlb.config.samples.values import ArgumentFault, VariableRef
from support import hash_cases as table
from support.converter_cases import arguments_of
from support.converter_run import convert

SEEDS = [
    *(table.DOCUMENT.encode(), table.TOKENS[0].encode(), table.MESSAGE, table.framed(table.MESSAGE), table.FIX_MESSAGES[1]),
    *(table.CONNECTS[7], table.CONNACKS[9]),
]
WRITTEN = {
    "digest": ("sha256",), "hmac": ("sha1", "Zm9v"), "json_query": ("$.h[2].z",), "jwt_header_query": ("$.alg",),
    "jwt_verify": ("HS256", "secret"), "jwt_verify_cert": ("RS256", "/nonexistent"), "protobuf": ("5.2.3.1", "int32"),
    "ungrpc": ("5.2", ), "fix_tag_value": ("49",), "mqtt_field_value": ("connect", "password"),
    "aes_gcm_dec": ("128", table.b64(table.NONCE), table.b64(table.KEY), table.b64(table.KEY[:16])),
    "aes_gcm_enc": ("128", table.b64(table.NONCE), table.b64(table.KEY), "txn.tag"),
    "aes_cbc_dec": ("256", table.b64(table.KEY), table.b64(table.KEY)),
    "aes_cbc_enc": ("256", table.b64(table.KEY), table.b64(table.KEY)),
}  # fmt: skip


@pytest.mark.parametrize("case", table.NEW_CASES, ids=str)
def test_converter_yields_what_its_manual_says(case: table.Case):
    assert convert(case, {}) == case.expected


@pytest.mark.parametrize(("name", "words", "message"), table.HASH_REFUSED)
def test_bad_argument_is_refused_with_haproxys_reason(name: str, words: str, message: str):
    with pytest.raises(ArgumentFault) as refused:
        arguments_of(CONVERTERS[name], words.split(",") if words or name == "json_query" else ())
    assert refused.value.message == message


def test_encryption_leaves_the_tag_that_decryption_needs():
    variables: dict[str, object] = {}
    key, nonce = table.KEY[:16], table.NONCE
    data = exprkit.convert("aes_gcm_enc", b"hello", 128, nonce, key, VariableRef("txn", "tag"), variables=variables)
    assert exprkit.convert("aes_gcm_dec", data, 128, nonce, key, VariableRef("txn", "tag"), variables=variables) == b"hello"
    assert exprkit.convert("aes_gcm_dec", data, 128, nonce, key, b"x" * 16) is None


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Random bytes, or a sound input with some bytes replaced, inserted or cut off."""
    data = bytearray(draw(st.one_of(st.binary(max_size=300), st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@settings(max_examples=150, deadline=None)
@given(data=damaged(), room=st.sampled_from([0, 1, 20, 65536]))
def test_random_bytes_never_harm(row: ConverterRow, data: bytes, room: int):
    arguments = arguments_of(row, WRITTEN.get(row.name, ()))
    found = exprkit.convert(row.name, data, *arguments, input_type=int(row.input), room=room)
    assert found is None or not isinstance(found, (str, bytes)) or len(found) <= len(data) + 80


@pytest.mark.parametrize("text", ["[" * 16000, '{"a":' * 3000, '{"a":1,' * 2000, '"' + "\\" * 16000, "1" * 16000])
def test_json_of_any_depth_is_walked_in_bounded_time(text: str):
    assert exprkit.convert("json_query", text, "$.b") is None
