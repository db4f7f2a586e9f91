"""Conditions of `.if` and `-cc`: the exit codes that `haproxy -cc` gives, and the predicates of 3.x."""

from __future__ import annotations

import pytest

from fastlb.config.conditions import HAPROXY_VERSION, ConditionError, evaluate, evaluate_argument, version_key

ENVIRONMENT = {"HOME": "/root", "EMPTY": ""}


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-1",
        "+1",
        "99999999999999999999",
        "1 || 0",
        "1||0&&0",
        "0&&0||1",
        "!0",
        "!!1",
        "(1)",
        "( 1 )",
        "((((1))))",
        "!" * 50 + "1",
        "defined(HOME)",
        "defined(EMPTY)",
        "streq(a,a)",
        "streq(,)",
        "streq(a b,a b)",
        "strneq(a,b)",
        "strstr(abc,b)",
        "strstr(abc,)",
        "feature(EPOLL)",
        "!feature(epoll)",
        "version_atleast(2.6)",
        "version_atleast(v2.6.12)",
        "version_atleast(abc)",
        "version_before(99)",
        f"version_atleast({HAPROXY_VERSION})",
        "enabled(SPLICE)",
        "!enabled(NOSUCH)",
        "!fips_mode()",
        "openssl_version_atleast(1.1.1)",
        "openssl_version_before(99.0.0)",
        "ssllib_name_startswith(OpenSSL)",
        'streq("a,b","a,b")',
    ],
)
def test_condition_holds(text: str) -> None:
    assert evaluate(text, ENVIRONMENT) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "00",
        "!1",
        "! 1",
        "1 && 0",
        "streq(a,b)",
        "streq(a ,a)",
        "streq( a,a)",
        "streq(a, a)",
        "defined()",
        "defined(NONE)",
        "feature(NOSUCH)",
        "feature(LUA)",
        "version_before(2.6)",
        "version_atleast(99.1)",
        "openssl_version_before(1.0.0)",
    ],
)
def test_condition_does_not_hold(text: str) -> None:
    assert evaluate(text, ENVIRONMENT) is False


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("1 1", 3),
        ("(1", 3),
        ("1)", 2),
        ("foo", 1),
        ("foo()", 1),
        ("defined(HOME", 13),
        ("defined(a,b)", 10),
        ("streq(a)", 9),
        ("streq(a,b,c)", 10),
        ("streq ( a,a)", 6),
        ("1 &&", 5),
        ("&& 1", 1),
        ("1 & 0", 3),
        ("1a", 2),
        ("!", 1),
        (" ", 2),
        ("$HOME", 1),
        ("1 || foo", 6),
        ("0 && foo", 6),
        ("1 # x", 3),
        ("openssl_version_atleast(abc)", 1),
        ("awslc_api_atleast(5)", 1),
        ("(" * 5000, 101),
        ("enabled", 8),
    ],
)
def test_condition_that_cannot_be_read_is_an_error_even_behind_a_decided_one(text: str, position: int) -> None:
    with pytest.raises(ConditionError) as caught:
        evaluate(text, ENVIRONMENT)
    assert caught.value.position == position


def test_argument_of_cc_is_unquoted_and_expanded_first() -> None:
    assert evaluate_argument('streq("$HOME",/root)', ENVIRONMENT)
    assert not evaluate_argument('streq(\\"$HOME\\",/root)', ENVIRONMENT)
    assert evaluate_argument('"1"', ENVIRONMENT)
    with pytest.raises(ConditionError, match="unmatched quote"):
        evaluate_argument('"1 ', ENVIRONMENT)


def test_command_line_can_switch_options_off() -> None:
    assert not evaluate("enabled(SPLICE)", ENVIRONMENT, {"SPLICE"})


def test_development_versions_sort_before_their_release() -> None:
    ordered = ["2.9", "3.5-dev3", "3.5-dev5", "3.5", "3.5.1", "4"]
    assert sorted(ordered, key=version_key) == ordered
    assert version_key("3.5") == version_key("v3.5.0")
