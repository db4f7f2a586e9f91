"""`crt-store` sections: what `@store/name` stands for, and bad lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastlb.config import load_text
from support.certificates import self_signed

TAIL = "frontend f\n    mode tcp\n    timeout client 1s\n    default_backend b\n    bind :8443 {}\n" + (
    "backend b\n    mode tcp\n    timeout connect 1s\n    timeout server 1s\n    server s 127.0.0.1:1\n"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = self_signed("www.example.com")
    (tmp_path / "site.crt").write_bytes(made.crt)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "its.key").write_bytes(made.private)
    return tmp_path


@pytest.mark.parametrize("word", ["@web/site", "@web/site.crt"])
def test_names_of_a_store(directory: Path, word: str) -> None:
    bases = f"    crt-base {directory}\n    key-base {directory}/private\n"
    store = f"crt-store web\n{bases}    load crt site.crt key its.key alias site\n"
    model, diagnostics = load_text(store + TAIL.format(f"crt {word}"), environment={})
    assert model is not None, diagnostics.render()
    assert model.proxies[0].binds[0].tls.certificates[0].pair.names == ("www.example.com",)


def test_store_without_a_name(directory: Path) -> None:
    store = f"crt-store\n    load crt {directory}/site.crt key {directory}/private/its.key alias one\n"
    model, diagnostics = load_text(store + TAIL.format(f"crt @/one crt {directory}/site.crt"), environment={})
    assert model is not None, diagnostics.render()
    first, second = model.proxies[0].binds[0].tls.certificates
    assert first.pair is second.pair


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("load", "missing 'crt'", 5),
        ("load alias x", "missing 'crt'", 5),
        ("load crt", "'crt' expects an argument", 10),
        ("load crt D/site.crt", "No Private Key found in", 14),
        ("load crt D/nosuch", "unable to stat SSL certificate from file", 14),
        ("load crt D/site.crt nosuch x", "unknown option 'nosuch' for 'load'", 0),
        ("load crt D/site.crt ocsp-update on", "not supported by fastlb yet", 0),
        ("load crt D/site.crt key D/private/its.key ocsp D/nosuch", "unable to read", 14),
        ("load crt D/site.crt key D/private/its.key jwt maybe", "'jwt' expects 'on' or 'off'", 0),
        ("nosuch", "unknown keyword 'nosuch' in 'crt-store' section", 5),
        ("crt-base", "expects a directory path", 5),
    ],
)
def test_bad_lines(directory: Path, line: str, message: str, column: int) -> None:
    text = f"crt-store web\n    {line.replace('D/', f'{directory}/')}\n"
    model, diagnostics = load_text(text, environment={})
    assert model is None
    first = next(iter(diagnostics))
    assert message in first.message
    assert first.location is not None
    assert (first.location.line, first.location.column) == (2, column or first.location.column)


def test_name_that_no_store_has() -> None:
    model, diagnostics = load_text(TAIL.format("crt @web/x"), environment={})
    assert model is None
    assert "unable to find '@web/x' in a crt-store." in next(iter(diagnostics)).message
