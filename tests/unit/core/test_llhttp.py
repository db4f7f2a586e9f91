"""llhttp inside httptools is found, checked and, where it is not what fastlb knows, named in a clear refusal."""

from __future__ import annotations

import httptools.parser.parser
import pytest
from fastlb_core.base import buf
from fastlb_core.bridge import llhttp


def test_binding_again_changes_nothing() -> None:
    llhttp.resolve()


def test_module_without_llhttp_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httptools.parser.parser, "__file__", buf.__file__)
    with pytest.raises(ImportError, match="httptools does not export llhttp_init;"):
        llhttp.resolve()


def test_module_that_is_not_loaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httptools.parser.parser, "__file__", "/nonexistent.so")
    with pytest.raises(ImportError, match="cannot open httptools' parser"):
        llhttp.resolve()
