"""The keyword tables agree with themselves, and no keyword of HAProxy's is unknown."""

from __future__ import annotations

import pytest

from fastlb.config import load_text, rows
from fastlb.config.keywords import GLOBAL_ROWS, PROXY_ROWS
from fastlb.config.keywords.bind import BIND
from fastlb.config.keywords.row import IGNORED, REMOVED, SUPPORTED, UNSUPPORTED
from fastlb.config.keywords.server import SERVER
from fastlb.config.sections import OTHER_SECTIONS


@pytest.mark.parametrize("table", [GLOBAL_ROWS, PROXY_ROWS, BIND, SERVER], ids=["global", "proxy", "bind", "server"])
def test_each_keyword_has_one_row(table: tuple[object, ...]) -> None:
    names = [row.name for row in table]  # type: ignore[attr-defined]
    assert sorted(names) == sorted(set(names))


def test_supported_rows_have_a_setter_and_the_others_a_reason() -> None:
    for row in (*GLOBAL_ROWS, *PROXY_ROWS, *BIND, *SERVER):
        if row.status == SUPPORTED:
            assert row.apply is not None, row.name
        elif row.status == UNSUPPORTED:
            assert row.apply is None, row.name
        else:
            assert row.note, row.name
        if row.status == REMOVED:
            assert row.hint, row.name


def test_rows_name_the_manuals_section_unless_removed() -> None:
    assert [row.name for row in rows() if row.status in (SUPPORTED, UNSUPPORTED) and not row.manual] == []


def test_supported_keyword_with_required_arguments_refuses_none() -> None:
    for row in GLOBAL_ROWS:
        if row.status == SUPPORTED and row.arguments[0]:
            configuration, diagnostics = load_text(f"global\n {row.name}\n", environment={})
            assert configuration is None, row.name
            assert diagnostics.items[0].code == "missing-argument", row.name


@pytest.mark.parametrize("row", [row for row in GLOBAL_ROWS if row.status == UNSUPPORTED], ids=lambda row: row.name)
def test_unsupported_global_keyword_is_told_apart_from_an_unknown_one(row: object) -> None:
    _, diagnostics = load_text(f"global\n {row.name} x\n", environment={})  # type: ignore[attr-defined]
    assert [item.code for item in diagnostics][:1] == ["unsupported-keyword"]


@pytest.mark.parametrize("row", [row for row in PROXY_ROWS if row.status == UNSUPPORTED], ids=lambda row: row.name)
def test_unsupported_proxy_keyword_is_told_apart_from_an_unknown_one(row: object) -> None:
    _, diagnostics = load_text(f"listen l\n bind :80\n {row.name} x\n", environment={})  # type: ignore[attr-defined]
    assert [item.code for item in diagnostics][:1] == ["unsupported-keyword"]


def test_draws_of_random_may_have_more_digits_than_python_reads() -> None:
    configuration, diagnostics = load_text(f"backend b\n balance random({'9' * 5000})\n", environment={})
    assert not diagnostics.has_errors
    assert configuration.proxies[0].balance.draws > 1


def test_ignored_keywords_do_not_refuse_a_file() -> None:
    for row in GLOBAL_ROWS:
        if row.status == IGNORED:
            configuration, diagnostics = load_text(f"global\n {row.name} 1\n", environment={})
            assert configuration is not None, diagnostics.render()
            assert all(item.code == "ignored-keyword" for item in diagnostics), row.name


@pytest.mark.parametrize("name", OTHER_SECTIONS)
def test_section_that_is_not_read_gives_one_error(name: str) -> None:
    _, diagnostics = load_text(f"{name} x\n anything goes\n here\nfrontend f\n bind :80\n timeout client 1s\n", environment={})
    assert [item.code for item in diagnostics] == ["unsupported-section", "file-has-errors", "fatal"]
