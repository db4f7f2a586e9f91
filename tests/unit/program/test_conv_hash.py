"""The hash family without haproxy: what 2.6 does not have, refused arguments, random bytes, and short room."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import exprkit

from fastlb.config.samples import CONVERTERS
from fastlb.config.samples.values import ArgumentFault, VariableRef
from support import hash_cases as table
from support.converter_cases import arguments_of
from support.converter_run import convert


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


@pytest.mark.parametrize("text", ["[" * 16000, '{"a":' * 3000, '{"a":1,' * 2000, '"' + "\\" * 16000, "1" * 16000])
def test_json_of_any_depth_is_walked_in_bounded_time(text: str):
    assert exprkit.convert("json_query", text, "$.b") is None
